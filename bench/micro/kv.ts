/**
 * What the key-value engine costs, alone in its process: memory per key, time per operation, and the longest stalls.
 *
 *     node --expose-gc --import tsx bench/micro/kv.ts [million keys of the stall run, default 5]
 *
 * Memory is the growth of the resident set between two forced collections, not our own accounting. A stall is the
 * longest time between two looks at the clock while the loop is in the engine, collector included; the pauses of the
 * collector are printed beside it, since they are part of it.
 */
import { openSync, readSync } from 'node:fs';
import { PerformanceObserver } from 'node:perf_hooks';
import { seededIds } from '../../src/core/ids.ts';
import { noAlarm, nowhere } from '../../src/core/ports.ts';
import { KvEngine } from '../../src/kv/engine.ts';
import type { KvOptions } from '../../src/kv/types.ts';

const collect = (globalThis as { gc?: () => void }).gc;
if (collect === undefined) throw new Error('run with --expose-gc');

const MILLION = 1_000_000;
const NOW = 1_790_000_000_000;
const line = (text: string): boolean => process.stdout.write(`${text}\n`);
const engineOf = (options: KvOptions = {}): KvEngine =>
  new KvEngine({ store: nowhere, alarm: noAlarm, ids: seededIds(1) }, options);

/** Fresh strings, as a parser makes them: 16 bytes a key, 100 bytes a value. */
const keyBytes = Buffer.alloc(16, 'key:000000000000');
const valueBytes = Buffer.alloc(100, 'v');
function digits(target: Buffer, n: number): void {
  for (let at = 15, left = n; at >= 4; at--) {
    target[at] = 48 + (left % 10);
    left = Math.floor(left / 10);
  }
}
function keyOf(n: number): string {
  digits(keyBytes, n);
  return keyBytes.toString('latin1');
}
function textOf(n: number): string {
  digits(valueBytes, n);
  return valueBytes.toString('latin1');
}

/** Nanoseconds a call, the best of seven rounds; on the core where the system tells, so that neighbours do not count. */
function nanoseconds(calls: number, work: (calls: number) => unknown): string {
  const clock = Number.isNaN(onCpu()) ? () => performance.now() : onCpu;
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 7; round++) {
    const start = clock();
    work(calls);
    best = Math.min(best, ((clock() - start) * 1e6) / calls);
  }
  return `${best.toFixed(0)} ns`;
}

function resident(): number {
  for (let i = 0; i < 4; i++) collect?.();
  return process.memoryUsage().rss;
}

/** Milliseconds the main thread was on a core so far; NaN where the system does not say. */
const onCpu = ((): (() => number) => {
  try {
    const file = openSync(`/proc/self/task/${process.pid}/schedstat`, 'r');
    const text = Buffer.alloc(64);
    return () => Number.parseInt(text.toString('latin1', 0, readSync(file, text, 0, 64, 0)), 10) / 1e6;
  } catch {
    return () => Number.NaN;
  }
})();

/** The longest stretch between two looks, by the wall and on the core: on a shared machine the two differ. */
class Stalls {
  #wall = 0;
  #cpu = 0;
  #worstWall = 0;
  #worstCpu = 0;
  start(): void {
    this.#wall = performance.now();
    this.#cpu = onCpu();
  }
  look(): void {
    const wall = performance.now();
    const cpu = onCpu();
    this.#worstWall = Math.max(this.#worstWall, wall - this.#wall);
    this.#worstCpu = Math.max(this.#worstCpu, cpu - this.#cpu);
    this.#wall = wall;
    this.#cpu = cpu;
  }
  get text(): string {
    return `${this.#worstWall.toFixed(1)} ms (${this.#worstCpu.toFixed(1)} ms on the core)`;
  }
}

const pauses: number[] = [];
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) pauses.push(entry.duration);
}).observe({ entryTypes: ['gc'] });
const breathe = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function speed(keys: number, engine: KvEngine): void {
  const label = keys >= MILLION ? `${keys / MILLION}M keys` : `${keys} keys`;
  const calls = 400_000;
  const order = Array.from(
    { length: 100_000 },
    (_, i) => (keys <= 1_000 ? i % keys : Math.imul(i, 0x9e3779b1) >>> 0) % keys,
  );
  const held = order.map((n) => keyOf(n));
  const values = held.map((_, i) => textOf(i));
  const spread = order.length;
  line(`${label}: get ${nanoseconds(calls, (n) => loop(n, (i) => engine.get(held[i % spread] as string, NOW)))}`);
  line(
    `${label}: set ${nanoseconds(calls, (n) => loop(n, (i) => engine.set(held[i % spread] as string, values[i % spread] as string, undefined, NOW)))}`,
  );
  line(`${label}: making a fresh key ${nanoseconds(calls, (n) => loop(n, (i) => keyOf(order[i % spread] as number)))}`);
  line(
    `${label}: making a fresh key and get ${nanoseconds(calls, (n) => loop(n, (i) => engine.get(keyOf(order[i % spread] as number), NOW)))}`,
  );
}

function loop(calls: number, call: (i: number) => unknown): unknown {
  let last: unknown;
  for (let i = 0; i < calls; i++) last = call(i);
  return last;
}

async function memory(): Promise<void> {
  const warm = engineOf();
  for (let n = 0; n < 20_000; n++) warm.set(keyOf(n), textOf(n), undefined, NOW);
  speed(1_000, warm);
  warm.flush(NOW);
  for (const [name, deadline] of [
    ['without TTL', undefined],
    ['with TTL', NOW + 3_600_000],
  ] as const) {
    const before = resident();
    const engine = engineOf();
    for (let n = 0; n < MILLION; n++) engine.set(keyOf(n), textOf(n), { deadline }, NOW);
    const after = resident();
    line(
      `memory, 1M keys of 16 bytes with 100-byte values ${name}: ${((after - before) / MILLION).toFixed(0)} bytes a key`,
    );
    if (deadline === undefined) speed(MILLION, engine);
    engine.flush(NOW);
    await breathe();
  }
}

async function stalls(millions: number): Promise<void> {
  const engine = engineOf();
  const total = millions * MILLION;
  const fill = new Stalls();
  await breathe();
  pauses.length = 0;
  const started = performance.now();
  fill.start();
  for (let n = 0; n < total; n++) {
    engine.set(keyOf(n), textOf(n), n % 2 === 0 ? undefined : { deadline: NOW + 1_000 }, NOW);
    if (n % 32 === 0) fill.look();
    if (n % 10_000 === 0) {
      await breathe();
      fill.start();
    }
  }
  const seconds = (performance.now() - started) / 1_000;
  await breathe();
  line(`fill to ${millions}M keys, half of them with TTL: ${((seconds * 1e9) / total).toFixed(0)} ns each`);
  line(`  worst 32 inserts: ${fill.text}`);
  line(`  pauses of the collector meanwhile: ${pauses.length}, worst ${Math.max(0, ...pauses).toFixed(1)} ms`);

  const listing = engine.list({ pattern: 'key:*7', limit: 100_000 });
  const steps = new Stalls();
  steps.start();
  while (listing.step(NOW)) steps.look();
  line(`listing ${listing.keys.length} keys by pattern: worst step ${steps.text}`);

  const counting = new Stalls();
  counting.start();
  const live = engine.dbsize(NOW + 2_000);
  counting.look();
  line(`dbsize while ${total - live} dead keys wait for the sweep: ${counting.text}`);

  const sweep = new Stalls();
  let ticks = 0;
  for (let now = NOW + 2_000; engine.stats(NOW).expired < total / 2; now++) {
    sweep.start();
    engine.tick(now);
    sweep.look();
    if (++ticks % 64 === 0) await breathe();
  }
  line(`sweeping ${total / 2} dead keys: ${ticks} ticks, worst ${sweep.text}`);

  const flush = new Stalls();
  flush.start();
  engine.flush(NOW);
  flush.look();
  line(`flush of ${live} keys: ${flush.text}`);
}

// first, since collections that were forced make the collector stop the world for the next ones too (100 ms and more)
await stalls(Number(process.argv[2] ?? 5));
await memory();
