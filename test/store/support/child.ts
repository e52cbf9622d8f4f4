/** Programs of the tests as child processes, and the tools of the machine that may be missing. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { root } from '../../support/process.ts';

export interface Child {
  readonly process: ChildProcess;
  /** What it printed so far. */
  readonly output: { text: string };
  /** Waits until its output holds this. */
  says(text: string): Promise<void>;
  /** Kills it and waits until it is gone; answers all that it printed. */
  kill(): Promise<string>;
}

const children = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of children) end(child);
});

function end(child: ChildProcess): void {
  if (child.pid === undefined || !children.has(child)) return;
  process.kill(-child.pid, 'SIGKILL');
}

/** Starts a program beside this file, perhaps under another program (`strace ...`). */
export function startChild(name: string, args: readonly string[], under: readonly string[] = [], env = {}): Child {
  const file = fileURLToPath(new URL(name, import.meta.url));
  const [command, ...rest] = [...under, process.execPath, '--import', 'tsx', file, ...args];
  const child = spawn(command as string, rest, {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true, // a group of its own, since killing strace alone would leave its child
  });
  const output = { text: '' };
  const listeners = new Set<() => void>();
  const take = (chunk: Buffer): void => {
    output.text += chunk.toString();
    for (const listener of listeners) listener();
  };
  child.stdout?.on('data', take);
  child.stderr?.on('data', take);
  children.add(child);
  child.once('exit', () => children.delete(child));
  const gone = once(child, 'close');
  return {
    process: child,
    output,
    says: (text) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (!output.text.includes(text)) return;
          listeners.delete(look);
          resolve();
        };
        listeners.add(look);
        gone.then(() => reject(new Error(`it ended: ${output.text}`)));
        look();
      }),
    async kill() {
      end(child);
      await gone;
      return output.text;
    },
  };
}

/** Why a test cannot run here, printed once; undefined when the command works. */
export function missing(what: string, command: string, ...args: string[]): boolean {
  const { status } = spawnSync(command, args, { stdio: 'ignore' });
  if (status === 0) return false;
  process.stderr.write(`skipped: ${what} (${command} does not work here)\n`);
  return true;
}
