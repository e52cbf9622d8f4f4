/**
 * The built server as a child process on a free port, for tests that use it as a user would.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The top folder of the project. */
export const root = fileURLToPath(new URL('../..', import.meta.url));

/** The file that starts the built server. */
export const main = join(root, 'dist', 'main.js');

/** A port on loopback that nobody uses at this moment. */
export async function freePort(): Promise<number> {
  const probe = createServer();
  probe.listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** A folder that is gone after the test run. */
export function scratchFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'synapd-'));
  folders.push(folder);
  return folder;
}

const folders: string[] = [];
const children = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** A running server. `output` gathers what it printed. */
export interface Running {
  readonly base: string;
  readonly port: number;
  readonly child: ChildProcess;
  readonly output: { text: string };
  /** Ends it with a signal and gives its exit code, or the signal that ended it. */
  stop(signal?: NodeJS.Signals): Promise<number | NodeJS.Signals>;
}

/** Starts the built server in memory on a free port, and waits until it is ready. */
export async function startServer(
  args: readonly string[] = ['--memory'],
  env: NodeJS.ProcessEnv = {},
): Promise<Running> {
  const child = spawn(process.execPath, [main, '--port', '0', ...args], {
    cwd: scratchFolder(),
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.add(child);
  const output = { text: '' };
  const exited = new Promise<number | NodeJS.Signals>((resolve) => {
    child.once('exit', (code, signal) => {
      children.delete(child);
      resolve(code ?? signal ?? -1);
    });
  });
  const port = await new Promise<number>((resolve, reject) => {
    const read = (chunk: Buffer): void => {
      output.text += chunk.toString();
      const found = /listening.*?"port":(\d+)|"port":(\d+).*?listening/.exec(output.text);
      if (found !== null) resolve(Number(found[1] ?? found[2]));
    };
    child.stdout?.on('data', read);
    child.stderr?.on('data', read);
    exited.then((code) => reject(new Error(`the server ended with ${code}: ${output.text}`)));
  });
  return {
    base: `http://127.0.0.1:${port}`,
    port,
    child,
    output,
    stop(signal = 'SIGTERM') {
      child.kill(signal);
      return exited;
    },
  };
}

/** Runs the built program to its end. */
export async function runMain(
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<{ code: number; output: string }> {
  const child = spawn(process.execPath, [main, ...args], {
    cwd: scratchFolder(),
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.add(child);
  let output = '';
  child.stdout.on('data', (chunk) => (output += chunk));
  child.stderr.on('data', (chunk) => (output += chunk));
  const [code] = (await once(child, 'close')) as [number];
  children.delete(child);
  return { code, output };
}
