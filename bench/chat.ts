/**
 * `npx tsx bench/chat.ts`: the chat face of the built server behind API keys, against the floor, in one run.
 *
 * Two kinds of figures, both of the server's CPU per request, in rounds that take turns: what a call costs over the floor
 * (the least round of each), and whether a page of the last messages costs the same however long its thread is (the
 * median of the ratios of neighbours). ROUNDS, SECONDS and MESSAGES (of the long thread) choose less or more.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ask, best, CONNECTIONS, medianRatio, pad, pour, type Request, type Round, round } from './support/load.ts';
import { Subject } from './support/subject.ts';

const ROUNDS = Number(process.env['ROUNDS'] ?? 5);
const SECONDS = Number(process.env['SECONDS'] ?? 2);
const LONG = Number(process.env['MESSAGES'] ?? 1_000_000);
const SHORT = 10_000;
/** Threads that messages are created in: none is special. */
const THREADS = 100;
/** Part of the mixed load that reads. */
const READS = 0.8;
const PAGE = 50;
/** The most that a page of the long thread may cost, as a part of that of the short one. */
const FLAT = 1.2;

const KEY = 'sk_backend_bench';
const headers = { 'x-api-key': KEY, 'x-user-id': 'ann' };
const MESSAGE = JSON.stringify({ body: { text: 'm'.repeat(80) } });
const scratch = mkdtempSync(join(tmpdir(), 'synapd-bench-'));
// the rate limit counts requests by key, and here one key sends all of them
const settings = join(scratch, 'settings.yaml');
writeFileSync(
  settings,
  `security: { api_keys: { backend: [${KEY}] }, rate_limit: { rps: 1000000, burst: 1000000 } }\nserver: { port: 0 }\n`,
);

const any = <T>(list: readonly T[]): T => list[Math.floor(Math.random() * list.length)] as T;
const create = (thread: string): Request => ({
  method: 'POST',
  path: `/v1/threads/${thread}/messages`,
  body: MESSAGE,
  headers,
});
const read = (path: string): Request => ({ method: 'GET', path, headers });

async function newThread(subject: Subject): Promise<string> {
  const body = JSON.stringify({ title: 'bench' });
  return ((await ask(subject, { method: 'POST', path: '/v1/threads', body, headers })) as { id: string }).id;
}

async function idsIn(subject: Subject, thread: string): Promise<string[]> {
  const page = (await ask(subject, read(`/v1/threads/${thread}/messages`))) as { messages: { id: string }[] };
  return page.messages.map(({ id }) => id);
}

let missed = 0;
const verdict = (value: number, bar: number): string => {
  if (value > bar) missed++;
  return `${pad(value.toFixed(2), 7)}${pad(bar.toFixed(1), 6)}  ${value > bar ? 'missed' : 'kept'}`;
};
const figures = ({ perSecond, p50, p99, cpuMicros }: Round): string =>
  `${pad(Math.round(perSecond), 9)}${pad(p50, 8)}${pad(p99, 8)}${pad(cpuMicros.toFixed(2), 8)}`;

const args = ['dist/main.js', '--config', settings];
const memory = await Subject.start('memory', [...args, '--memory']);
const batch = await Subject.start('batch', [...args, '--durability', 'batch', '--data-dir', join(scratch, 'data')]);
const floor = await Subject.start('floor', ['--import', 'tsx', 'bench/support/floor.ts']);
try {
  console.log(
    `${ROUNDS} rounds of ${SECONDS} s, ${CONNECTIONS} connections, one request in flight each, Node ${process.version}`,
  );
  console.log(
    `${pad('', 40)}${pad('req/s', 9)}${pad('p50 ms', 8)}${pad('p99 ms', 8)}${pad('CPU us', 8)}${pad('floor us', 10)}${pad('ratio', 7)}${pad('bar', 6)}`,
  );
  for (const [subject, where] of [
    [memory, '--memory'],
    [batch, 'batch'],
  ] as const) {
    const threads: string[] = [];
    for (let i = 0; i < THREADS; i++) threads.push(await newThread(subject));
    const short = await newThread(subject);
    await pour(subject, create(short), SHORT);
    const ids = await idsIn(subject, short);
    const one = (): Request => read(`/v1/threads/${short}/messages/${any(ids)}`);
    const loads: { name: string; bar?: number; request(): Request }[] = [
      { name: 'create message', bar: 2, request: () => create(any(threads)) },
      { name: `read one message of ${SHORT}`, bar: 1.6, request: one },
      { name: 'mixed, 80 % reads', request: () => (Math.random() < READS ? one() : create(any(threads))) },
    ];
    for (const { name, bar, request } of loads) {
      const steps = [{ request }];
      const ours: Round[] = [];
      const floors: Round[] = [];
      await round(subject, name, SECONDS, steps);
      for (let i = 0; i < ROUNDS; i++) {
        ours.push(await round(subject, name, SECONDS, steps));
        floors.push(await round(floor, name, SECONDS, steps));
      }
      const ratio = best(ours).cpuMicros / best(floors).cpuMicros;
      console.log(
        `${`${name}, ${where}`.padEnd(40)}${figures(best(ours))}${pad(best(floors).cpuMicros.toFixed(2), 10)}` +
          (bar === undefined ? pad(ratio.toFixed(2), 7) : verdict(ratio, bar)),
      );
    }
  }

  const resident = memory.residentBytes();
  const sizes = [1, SHORT, LONG];
  const pages: { size: number; rounds: Round[]; request(): Request }[] = [];
  for (const size of sizes) {
    const thread = await newThread(memory);
    await pour(memory, create(thread), size);
    pages.push({ size, rounds: [], request: () => read(`/v1/threads/${thread}/messages?limit=${PAGE}`) });
  }
  const bytes = Math.round((memory.residentBytes() - resident) / (LONG + SHORT));
  for (const { request } of pages) await round(memory, 'list', SECONDS, [{ request }]);
  for (let i = 0; i < ROUNDS; i++)
    for (const { rounds, request } of pages) rounds.push(await round(memory, 'list', SECONDS, [{ request }]));
  for (const { size, rounds } of pages) {
    const name = size === 1 ? 'the last of a thread of 1' : `the last ${PAGE} of a thread of ${size}`;
    console.log(`${name.padEnd(40)}${figures(best(rounds))}`);
  }
  const [, ofShort, ofLong] = pages.map(({ rounds }) => rounds) as [Round[], Round[], Round[]];
  console.log(
    `${`a page of ${LONG} over a page of ${SHORT}`.padEnd(83)}${verdict(medianRatio(ofLong, ofShort), FLAT)}`,
  );
  console.log(`resident memory of the server for a message: ${bytes} bytes`);
} finally {
  await Promise.all([memory, batch, floor].map((subject) => subject.stop()));
  rmSync(scratch, { recursive: true, force: true });
}
console.log(missed === 0 ? 'every bar is kept' : `${missed} bars are missed`);
