/**
 * `npm run bench`: GET, SET and the command endpoint of the built server against the floor, in one run.
 *
 * What counts is server CPU per request, the minimum over interleaved rounds, as a ratio to the floor's: requests per
 * second of a shared machine say more about the machine (measured.md, "Rules for any figure").
 */
import { best, CONNECTIONS, pad, type Request, type Round, round } from './support/load.ts';
import { Subject } from './support/subject.ts';

const ROUNDS = Number(process.env['ROUNDS'] ?? 5);
const SECONDS = Number(process.env['SECONDS'] ?? 2);
const VALUE = 'v'.repeat(100);
const keyOf = (n: number): string => `key:${String(n).padStart(12, '0')}`;
const MILLION = 1_000_000;

interface Load {
  readonly name: string;
  readonly keys: number;
  /** The ratio to the floor that has to be kept. */
  readonly bar: number;
  request(n: number): Request;
}

const LOADS: Load[] = [
  { name: 'GET, 1,000 keys', keys: 1000, bar: 1.35, request: (n) => ({ method: 'GET', path: `/kv/get/${keyOf(n)}` }) },
  {
    name: 'SET, 1,000 keys',
    keys: 1000,
    bar: 1.5,
    request: (n) => ({ method: 'POST', path: '/kv/set', body: JSON.stringify({ key: keyOf(n), value: VALUE }) }),
  },
  {
    name: 'command kv.get, 1,000 keys',
    keys: 1000,
    bar: 1.8,
    request: (n) => ({
      method: 'POST',
      path: '/api/v1/command',
      body: JSON.stringify({ command: 'kv.get', request_id: `r-${n}`, payload: { key: keyOf(n) } }),
    }),
  },
  {
    name: 'GET, 1,000,000 random keys',
    keys: MILLION,
    bar: 2.3,
    request: (n) => ({ method: 'GET', path: `/kv/get/${keyOf(n)}` }),
  },
];

async function fill(subject: Subject, keys: number): Promise<void> {
  const batch = 10_000;
  for (let at = 0; at < keys; at += batch) {
    const pairs = Array.from({ length: Math.min(batch, keys - at) }, (_, i) => ({ key: keyOf(at + i), value: VALUE }));
    const answer = await fetch(`${subject.base}/api/v1/command`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ command: 'kv.mset', request_id: 'fill', payload: { pairs } }),
    });
    if (!((await answer.json()) as { success: boolean }).success) throw new Error('filling failed');
  }
}

const server = await Subject.start('synapd', ['dist/main.js', '--memory', '--port', '0']);
const floor = await Subject.start('floor', ['--import', 'tsx', 'bench/support/floor.ts']);
let missed = 0;
try {
  const before = server.residentBytes();
  await fill(server, 1000);
  console.log(
    `${ROUNDS} rounds of ${SECONDS} s, ${CONNECTIONS} connections, one request in flight each, Node ${process.version}`,
  );
  console.log(
    `${pad('', 30)}${pad('req/s', 9)}${pad('p50 ms', 8)}${pad('p99 ms', 8)}${pad('CPU us', 8)}${pad('floor us', 10)}${pad('ratio', 7)}${pad('bar', 6)}`,
  );
  for (const load of LOADS) {
    if (load.keys === MILLION) await fill(server, MILLION);
    const ours: Round[] = [];
    const floors: Round[] = [];
    const steps = [{ request: () => load.request(Math.floor(Math.random() * load.keys)) }];
    await round(server, load.name, SECONDS, steps);
    for (let i = 0; i < ROUNDS; i++) {
      ours.push(await round(server, load.name, SECONDS, steps));
      floors.push(await round(floor, load.name, SECONDS, steps));
    }
    const us = best(ours);
    const ratio = us.cpuMicros / best(floors).cpuMicros;
    if (ratio > load.bar) missed++;
    console.log(
      `${load.name.padEnd(30)}${pad(Math.round(us.perSecond), 9)}${pad(us.p50, 8)}${pad(us.p99, 8)}${pad(us.cpuMicros.toFixed(2), 8)}` +
        `${pad(best(floors).cpuMicros.toFixed(2), 10)}${pad(ratio.toFixed(2), 7)}${pad(load.bar, 6)}`,
    );
  }
  console.log(
    `resident memory of the server for a million keys, whole process: ${Math.round((server.residentBytes() - before) / MILLION)} bytes a key`,
  );
} finally {
  await server.stop();
  await floor.stop();
}
console.log(missed === 0 ? 'every bar is kept' : `${missed} bars are missed`);
