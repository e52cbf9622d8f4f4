/**
 * A server process under measurement: started on a free port, pinned to the first core where the system can, its CPU
 * read from the kernel's own account.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const TICKS_PER_SECOND = Number(execFileSync('getconf', ['CLK_TCK']).toString());
export const hasTaskset = ((): boolean => {
  try {
    execFileSync('taskset', ['-c', '0', 'true']);
    return true;
  } catch {
    return false;
  }
})();

export const top = fileURLToPath(new URL('../..', import.meta.url));

export class Subject {
  readonly name: string;
  readonly base: string;
  readonly #child: ChildProcess;

  private constructor(name: string, base: string, child: ChildProcess) {
    this.name = name;
    this.base = base;
    this.#child = child;
  }

  /** Starts `node ARGS` and waits for the line that tells its port. */
  static start(name: string, args: readonly string[]): Promise<Subject> {
    return Subject.#spawn(name, process.execPath, args, (text) => /"port":(\d+)/.exec(text)?.[1]);
  }

  /** Starts another server on a port of our choice, and waits until it says that it is ready. */
  static program(
    name: string,
    command: string,
    args: readonly string[],
    port: number,
    ready: RegExp,
  ): Promise<Subject> {
    return Subject.#spawn(name, command, args, (text) => (ready.test(text) ? String(port) : undefined));
  }

  static async #spawn(
    name: string,
    program: string,
    args: readonly string[],
    portIn: (output: string) => string | undefined,
  ): Promise<Subject> {
    const command = hasTaskset ? ['taskset', '-c', '0', program, ...args] : [program, ...args];
    const child = spawn(command[0] as string, command.slice(1), { cwd: top, stdio: ['ignore', 'pipe', 'inherit'] });
    const port = await new Promise<string>((resolve, reject) => {
      let text = '';
      child.stdout?.on('data', (chunk: Buffer) => {
        text += chunk.toString();
        const found = portIn(text);
        if (found !== undefined) resolve(found);
      });
      child.once('exit', (code) => reject(new Error(`${name} ended with ${code}: ${text}`)));
    });
    return new Subject(name, `http://127.0.0.1:${port}`, child);
  }

  /** CPU seconds used so far, user and system together. */
  cpuSeconds(): number {
    const fields = readFileSync(`/proc/${this.#child.pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ');
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
  }

  /** Resident memory in bytes. */
  residentBytes(): number {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${this.#child.pid}/status`, 'utf8'))?.[1] ?? 0) * 1024;
  }

  stop(): Promise<void> {
    return new Promise((resolve) => {
      this.#child.removeAllListeners('exit');
      this.#child.once('exit', () => resolve());
      this.#child.kill('SIGKILL');
    });
  }
}
