/**
 * From the command line to a running daemon and back.
 *
 * Invariant: whatever keeps the server from starting is one line for each problem on standard error and exit code 1;
 * SIGTERM and SIGINT drain and exit with 0; a second signal ends the process at once with 1.
 */
import { readFileSync } from 'node:fs';
import { hashPassword, printHash } from '../auth/password.ts';
import type { Log } from '../core/ports.ts';
import { createLog, fileOutput, type LogOptions } from '../ops/log.ts';
import { Server, StartError } from './server.ts';
import { type Loaded, loadSettings, SettingsError } from './settings.ts';
import { isTool, runTool, type Terminal } from './tools.ts';
import { VERSION } from './version.ts';

const terminal: Terminal = {
  out: (text) => void process.stdout.write(text),
  error: (text) => void process.stderr.write(text),
  progress: process.stderr.isTTY ? (text) => void process.stderr.write(`\r\x1b[K${text}`) : undefined,
};

type Environment = Readonly<Record<string, string | undefined>>;

/** Runs the program with these arguments until it is told to stop. */
export async function runDaemon(argv: readonly string[], env: Environment): Promise<void> {
  if (isTool(argv)) {
    process.exitCode = await runTool(argv, terminal);
    return;
  }
  const loaded = load(argv, env);
  if (loaded === undefined) return;
  if (loaded.action === 'print') {
    process.stdout.write(loaded.text);
    return;
  }
  if (loaded.action === 'hash-password') return printPasswordHash();
  const { settings, accounts, warnings } = loaded;
  const sink = settings['logging.sink'];
  let write: LogOptions['write'];
  try {
    if (sink !== 'stdout') write = fileOutput(sink.slice('file:'.length));
  } catch (error) {
    return refuse([`logging.sink ${sink} cannot be opened: ${(error as Error).message}`]);
  }
  const log = createLog({ level: settings['logging.level'], format: settings['logging.format'], write });
  for (const warning of warnings) log.warn({}, warning);
  let server: Server;
  try {
    server = await Server.start(settings, accounts, log);
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    return refuse([error.message]);
  }
  if (settings.memory) log.warn({}, 'everything is kept in memory only: a stop loses it');
  obey(server, log); // before anybody can know that the server is there, and stop it
  announce(server, log);
}

function load(argv: readonly string[], env: Environment): Loaded | undefined {
  try {
    return loadSettings(argv, env, (path) => readFileSync(path, 'utf8'));
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    refuse(error.lines);
    return undefined;
  }
}

/** Reads a password from standard input and prints the hash to put into the settings. */
async function printPasswordHash(): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  const password = Buffer.concat(chunks)
    .toString('utf8')
    .replace(/\r?\n$/, '');
  if (password === '') return refuse(['no password on standard input']);
  process.stdout.write(`${printHash(await hashPassword(password))}\n`);
}

function refuse(lines: readonly string[]): void {
  process.stderr.write(lines.map((line) => `synapd: ${line}\n`).join(''));
  process.exitCode = 1;
}

/** Always printed, whatever the log level: whoever started the daemon with port 0 learns the port from this line. */
function announce(server: Server, log: Log): void {
  log.info({ version: VERSION, node: process.version }, 'synapd started');
  process.stdout.write(`${JSON.stringify({ event: 'listening', host: server.host, port: server.port })}\n`);
}

function obey(server: Server, log: Log): void {
  let told = false;
  const stop = (signal: NodeJS.Signals): void => {
    if (told) process.exit(1);
    told = true;
    log.info({ signal }, 'stopping');
    server.stop().then(
      () => {
        log.info({}, 'stopped');
        process.exit(0);
      },
      (error: unknown) => {
        log.error({ err: error }, 'the stop failed');
        process.exit(2);
      },
    );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}
