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
/** What a message carries. */
const PAYLOAD_BYTES = 100;
/**
 * A payload with which a message of Redis has as many bytes on the wire as a frame of ours, which also carries an id, the
 * time and the metadata: most of the cost of a delivery is moving its bytes.
 */
const SAME_WIRE_BYTES = PAYLOAD_BYTES + 106;
/** What a frame of ours has besides its head, for a payload of that length and a topic of four letters. */
const FRAME_BYTES = PAYLOAD_BYTES + 137;
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

  static async start(
    protocol: string,
    subject: Subject,
    subscribers: number,
    stuck: boolean,
    bytes: number,
  ): Promise<Receivers> {
    const args = [
      '--import',
      'tsx',
      'bench/support/receivers.ts',
      protocol,
      new URL(subject.base).port,
      String(subscribers),
      stuck ? 'stuck' : 'no',
      String(bytes),
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

async function round(
  protocol: string,
  subject: Subject,
  subscribers: number,
  stuck: boolean,
  bytes = PAYLOAD_BYTES,
): Promise<Round> {
  const receivers = await Receivers.start(protocol, subject, subscribers, stuck, bytes);
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
const millions = (n: number): string => `${(n / 1e6).toFixed(2)}M`;
const pad = (value: string | number, width: number): string => String(value).padStart(width);
/** The median of the ratios of rounds that ran next to each other. */
const ratioOf = (these: Round[], those: Round[]): number =>
  median(these.map((round, i) => round.perSecond / (those[i]?.perSecond ?? Number.NaN)));
const shown = (ratio: number): string => (Number.isNaN(ratio) ? '' : ratio.toFixed(2));
const show = (rounds: Round[]): string =>
  rounds.length === 0
    ? pad('', 24)
    : `${pad(millions(median(rounds.map((round) => round.perSecond))), 10)}` +
      `${pad(Math.round(Math.min(...rounds.map((round) => round.cpuNanos))), 8)}` +
      `${pad(median(rounds.map((round) => round.busy)).toFixed(2), 6)}`;

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
/** The library alone; its frames are as long as ours, whose payload is in quotes. */
const floor = await Subject.start('floor', ['--import', 'tsx', 'bench/support/fanout-floor.ts', String(FRAME_BYTES)]);
let missed = 0;
try {
  const resident = server.residentBytes();
  console.log(`${ROUNDS} rounds of ${SECONDS} s, 100 bytes a message, one publisher, Node ${process.version}`);
  console.log(
    `${pad('subscribers', 12)}${pad('stuck', 7)}${pad('frames/s', 10)}${pad('CPU ns', 8)}${pad('busy', 6)}` +
      `${pad('redis/s', 10)}${pad('CPU ns', 8)}${pad('busy', 6)}${pad('ratio', 7)}${pad('bar', 6)}`,
  );
  for (const subscribers of SIZES) {
    const ours: Record<'free' | 'stuck', Round[]> = { free: [], stuck: [] };
    const theirs: Record<'free' | 'stuck' | 'sameBytes', Round[]> = { free: [], stuck: [], sameBytes: [] };
    const bare: Round[] = [];
    for (let i = 0; i < ROUNDS; i++) {
      for (const kind of ['free', 'stuck'] as const) {
        ours[kind].push(await round('ws', server, subscribers, kind === 'stuck'));
        if (other !== undefined) theirs[kind].push(await round('redis', other, subscribers, kind === 'stuck'));
      }
      if (other !== undefined) theirs.sameBytes.push(await round('redis', other, subscribers, false, SAME_WIRE_BYTES));
      bare.push(await round('ws', floor, subscribers, false));
    }
    const kept = ratioOf(ours.stuck, ours.free);
    if (kept < STUCK_BAR) missed++;
    const bar = other === undefined ? undefined : BARS[subscribers];
    const ratio = ratioOf(ours.free, theirs.free);
    if (bar !== undefined && ratio < bar) missed++;
    console.log(
      `${pad(subscribers, 12)}${pad('none', 7)}${show(ours.free)}${show(theirs.free)}${pad(shown(ratio), 7)}${pad(bar ?? '', 6)}`,
    );
    console.log(
      `${pad(subscribers, 12)}${pad('some', 7)}${show(ours.stuck)}${show(theirs.stuck)}${pad(shown(ratioOf(ours.stuck, theirs.stuck)), 7)}` +
        `${pad('', 6)}   ${Math.round(100 * kept)} % of without, bar ${100 * STUCK_BAR} %`,
    );
    if (other !== undefined)
      console.log(
        `${pad(subscribers, 12)}${pad('*', 7)}${show(ours.free)}${show(theirs.sameBytes)}${pad(shown(ratioOf(ours.free, theirs.sameBytes)), 7)}`,
      );
    const [most, floorNanos] = [ratioOf(bare, theirs.free), Math.min(...bare.map((round) => round.cpuNanos))];
    console.log(
      `${pad(subscribers, 12)}${pad('**', 7)}${show(bare)}${pad('', 24)}${pad(shown(most), 7)}` +
        `         ours takes ${(Math.min(...ours.free.map((round) => round.cpuNanos)) / floorNanos).toFixed(2)} times its CPU`,
    );
  }
  console.log('* Redis with a payload that makes its messages as long on the wire as our frames');
  console.log(
    '** the transport library alone, sending frames as long as ours: the most that a server on it could reach',
  );
  console.log(`resident memory grew by ${Math.round((server.residentBytes() - resident) / 1024 / 1024)} MiB`);
} finally {
  await server.stop();
  await other?.stop();
  await floor.stop();
}
console.log(missed === 0 ? 'every bar is kept' : `${missed} bars are missed`);
