/**
 * `npm run bench:fanout`: one message to 1, 100, 1,000 and 10,000 sockets, against redis-server's PUBLISH in the same run,
 * with and without readers that never read.
 *
 * What counts is the ratio of interleaved rounds (measured.md, "Rules for any figure"); the server runs on the first
 * core, publisher and subscribers together on the second. ROUNDS, SECONDS and SUBSCRIBERS choose less or more.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { freePort } from '../test/support/process.ts';
import { hasTaskset, Subject, top } from './support/subject.ts';

const ROUNDS = Number(process.env['ROUNDS'] ?? 5);
const SECONDS = Number(process.env['SECONDS'] ?? 2);
const SIZES = (process.env['SUBSCRIBERS'] ?? '1,100,1000,10000').split(',').map(Number);
/** The least ratio of delivered frames to Redis (issue 4), where there is one. */
const BARS: Record<number, number> = { 100: 0.8, 1000: 1.2 };
/** The least part of its own speed that a server keeps with readers that never read. */
const STUCK_BAR = 0.95;

interface Round {
  readonly perSecond: number;
  readonly cpuNanos: number;
  /** How busy the server's core was: below 0.9 the client was the limit. */
  readonly busy: number;
}

class Receivers {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  private constructor(child: ChildProcess, lines: AsyncIterator<string>) {
    this.#child = child;
    this.#lines = lines;
  }

  static async start(protocol: string, subject: Subject, subscribers: number, stuck: boolean): Promise<Receivers> {
    const args = [
      '--import',
      'tsx',
      'bench/support/receivers.ts',
      protocol,
      new URL(subject.base).port,
      String(subscribers),
      stuck ? 'stuck' : 'no',
    ];
    const command = hasTaskset ? ['taskset', '-c', '1', process.execPath, ...args] : [process.execPath, ...args];
    const child = spawn(command[0] as string, command.slice(1), { cwd: top, stdio: ['pipe', 'pipe', 'inherit'] });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    if ((await lines.next()).value !== 'ready') throw new Error('the receivers did not get ready');
    return new Receivers(child, lines);
  }

  async run(seconds: number): Promise<{ frames: number; seconds: number }> {
    this.#child.stdin?.write(`${seconds}\n`);
    return JSON.parse((await this.#lines.next()).value as string) as { frames: number; seconds: number };
  }

  stop(): Promise<void> {
    return new Promise((resolve) => {
      this.#child.once('exit', () => resolve());
      this.#child.stdin?.end();
    });
  }
}

async function round(protocol: string, subject: Subject, subscribers: number, stuck: boolean): Promise<Round> {
  const receivers = await Receivers.start(protocol, subject, subscribers, stuck);
  try {
    await receivers.run(0.5);
    const cpu = subject.cpuSeconds();
    const { frames, seconds } = await receivers.run(SECONDS);
    const used = subject.cpuSeconds() - cpu;
    return { perSecond: frames / seconds, cpuNanos: (used * 1e9) / frames, busy: used / seconds };
  } finally {
    await receivers.stop();
  }
}

const median = (numbers: number[]): number => numbers.sort((a, b) => a - b)[numbers.length >> 1] as number;
const pad = (value: string | number, width: number): string => String(value).padStart(width);
const millions = (n: number): string => `${(n / 1e6).toFixed(2)}M`;

async function redis(): Promise<Subject | undefined> {
  try {
    execFileSync('redis-server', ['--version']);
  } catch {
    console.log('redis-server is not installed: there is nothing to compare with');
    return undefined;
  }
  const port = await freePort();
  const args = ['--port', String(port), '--save', '', '--appendonly', 'no', '--maxclients', '15000'];
  return Subject.program('redis', 'redis-server', args, port, /Ready to accept connections/);
}

const server = await Subject.start('synapd', [process.env['MAIN'] ?? 'dist/main.js', '--memory', '--port', '0']);
const other = await redis();
let missed = 0;
try {
  const resident = server.residentBytes();
  console.log(`${ROUNDS} rounds of ${SECONDS} s, 100 bytes a message, one publisher, Node ${process.version}`);
  console.log(
    `${pad('subscribers', 12)}${pad('stuck', 7)}${pad('frames/s', 10)}${pad('CPU ns', 8)}${pad('busy', 6)}` +
      `${pad('redis/s', 10)}${pad('CPU ns', 8)}${pad('busy', 6)}${pad('ratio', 7)}${pad('bar', 6)}`,
  );
  for (const subscribers of SIZES) {
    let free = 0;
    for (const stuck of [false, true]) {
      const ours: Round[] = [];
      const theirs: Round[] = [];
      for (let i = 0; i < ROUNDS; i++) {
        ours.push(await round('ws', server, subscribers, stuck));
        if (other !== undefined) theirs.push(await round('redis', other, subscribers, stuck));
      }
      const show = (rounds: Round[]): string =>
        rounds.length === 0
          ? pad('', 24)
          : `${pad(millions(median(rounds.map((r) => r.perSecond))), 10)}${pad(Math.round(Math.min(...rounds.map((r) => r.cpuNanos))), 8)}` +
            `${pad(median(rounds.map((r) => r.busy)).toFixed(2), 6)}`;
      const ratio = median(ours.map((r, i) => r.perSecond / (theirs[i]?.perSecond ?? Number.NaN)));
      const bar = stuck ? undefined : BARS[subscribers];
      if (bar !== undefined && ratio < bar) missed++;
      const speed = median(ours.map((r) => r.perSecond));
      if (stuck && speed < STUCK_BAR * free) missed++;
      console.log(
        `${pad(subscribers, 12)}${pad(stuck ? 'some' : 'none', 7)}${show(ours)}${show(theirs)}` +
          `${pad(other === undefined ? '' : ratio.toFixed(2), 7)}${pad(bar ?? '', 6)}` +
          (stuck ? `   ${((100 * speed) / free).toFixed(0)} % of without (bar ${100 * STUCK_BAR} %)` : ''),
      );
      free = speed;
    }
  }
  console.log(`resident memory grew by ${Math.round((server.residentBytes() - resident) / 1024 / 1024)} MiB`);
} finally {
  await server.stop();
  await other?.stop();
}
console.log(missed === 0 ? 'every bar is kept' : `${missed} bars are missed`);
