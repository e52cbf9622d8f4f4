/**
 * The subcommands of the program that work on data: `backup`, `restore`, `check`.
 *
 * Exit codes: 0 when it is done (and, for `check`, everything is sound), 1 when not.
 */
import { Command, CommanderError } from 'commander';
import { restoreBackup } from '../store/backup.ts';
import { checkFolder } from '../store/check.ts';
import type { Progress } from '../store/durable.ts';
import { StoreError } from '../store/errors.ts';

/** Where a tool prints: results, progress (a terminal only), and refusals. */
export interface Terminal {
  out(text: string): void;
  error(text: string): void;
  /** Rewrites one line; absent when nobody watches. */
  readonly progress?: ((text: string) => void) | undefined;
}

/** Whether these arguments name a tool. */
export function isTool(argv: readonly string[]): boolean {
  return argv[0] === 'backup' || argv[0] === 'restore' || argv[0] === 'check';
}

/** Runs a tool and gives the exit code. */
export async function runTool(argv: readonly string[], terminal: Terminal): Promise<number> {
  let code = 0;
  const program = new Command('synapd').exitOverride().configureOutput({
    writeOut: (text) => terminal.out(text),
    writeErr: (text) => terminal.error(text),
  });
  program
    .command('backup [name]')
    .description('Back a running server up, into a new folder below its backup folder.')
    .option('--url <url>', 'where the server is', 'http://127.0.0.1:15500')
    .option('--api-key <key>', 'an API key that may do it')
    .action(async (name: string | undefined, options: { url: string; apiKey?: string }) => {
      code = await backup(options.url, options.apiKey, name, terminal);
    });
  program
    .command('restore <backup> <folder>')
    .description('Make a data folder of a backup, once all of it was verified.')
    .action(async (from: string, to: string) => {
      const check = shown('verifying', terminal);
      const copy = (done: number, total: number): void => terminal.progress?.(`copying ${percent(done, total)}`);
      const report = await restoreBackup(from, to, { check, copy });
      terminal.out(`${to} holds ${report.records} records of ${from}\n`);
    });
  program
    .command('check <folder>')
    .description('Verify every record of a backup, or of a data folder that no server uses.')
    .action(async (folder: string) => {
      const report = await checkFolder(folder, shown('checking', terminal));
      for (const { table, key, reason } of report.damages)
        terminal.error(`${table} ${JSON.stringify(key)}: ${reason}\n`);
      if (report.sound) terminal.out(`${folder} is sound: ${report.records} records\n`);
      else terminal.error(`${folder} is damaged in ${report.damaged} places\n`);
      code = report.sound ? 0 : 1;
    });
  try {
    await program.parseAsync(argv as string[], { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode;
    if (!(error instanceof StoreError)) throw error;
    terminal.error(`synapd: ${error.message}\n`);
    return 1;
  }
  return code;
}

const percent = (done: number, total: number): string => `${total === 0 ? 100 : Math.floor((100 * done) / total)} %`;

const shown =
  (word: string, terminal: Terminal) =>
  ({ table, records, total }: Progress): void =>
    terminal.progress?.(`${word} ${table}: ${percent(records, total)}`);

interface Answer {
  readonly success: boolean;
  readonly payload: Readonly<Record<string, unknown>> | null;
  readonly error: string | null;
}

/** Asks the server for a backup, and while it runs how far it is. */
async function backup(
  url: string,
  key: string | undefined,
  name: string | undefined,
  terminal: Terminal,
): Promise<number> {
  const call = async (command: string, payload: object): Promise<Answer> => {
    const answer = await fetch(new URL('/api/v1/command', url), {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(key === undefined ? {} : { authorization: `Bearer ${key}` }) },
      body: JSON.stringify({ command, request_id: 'backup', payload }),
    });
    if (answer.ok) return (await answer.json()) as Answer;
    return { success: false, payload: null, error: `the server answered ${answer.status}: ${await answer.text()}` };
  };
  let ended = false;
  const watch = async (): Promise<void> => {
    while (!ended && terminal.progress !== undefined) {
      const { payload } = await call('server.backup_status', {});
      if (typeof payload?.['running'] === 'string')
        terminal.progress(`writing ${percent(Number(payload['done_bytes']), Number(payload['total_bytes']))}`);
    }
  };
  try {
    const writing = call('server.backup', name === undefined ? {} : { name }).finally(() => {
      ended = true;
    });
    const [answer] = await Promise.all([writing, watch()]);
    if (!answer.success) {
      terminal.error(`synapd: ${answer.error}\n`);
      return 1;
    }
    terminal.out(`wrote the backup ${answer.payload?.['name']}: ${answer.payload?.['bytes']} bytes\n`);
    return 0;
  } catch (error) {
    terminal.error(`synapd: no answer from ${url}: ${(error as Error).message}\n`);
    return 1;
  }
}
