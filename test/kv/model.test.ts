/** The engine against a naive model: random calls, the same answers, no broken invariant, and restarts that lose nothing. */
import { isUtf8 } from 'node:buffer';
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { CommandError } from '../../src/core/errors.ts';
import type { SetOptions, SetResult } from '../../src/kv/types.ts';
import type { Value } from '../../src/kv/value.ts';
import { runs, seed } from '../support/seed.ts';
import { Bench } from './support.ts';

const bytesOf = (value: Value): Buffer => Buffer.from(value as string);
const stored = (bytes: Buffer): Value => (isUtf8(bytes) ? bytes.toString() : new Uint8Array(bytes));
type Pair = readonly [string, Value];

/** What the sheet says, without a thought for speed. */
class Model {
  readonly map = new Map<string, { bytes: Buffer; deadline: number }>();
  gets = 0;
  sets = 0;
  dels = 0;
  hits = 0;

  live(key: string, now: number): { bytes: Buffer; deadline: number } | undefined {
    const entry = this.map.get(key);
    return entry !== undefined && now < entry.deadline ? entry : undefined;
  }
  names(now: number): string[] {
    return [...this.map.keys()].filter((key) => this.live(key, now)).sort();
  }
  put(key: string, bytes: Buffer, deadline = Number.POSITIVE_INFINITY): void {
    this.map.set(key, { bytes, deadline });
    this.sets++;
  }

  get(key: string, now: number): Value | undefined {
    const entry = this.live(key, now);
    this.gets++;
    if (entry !== undefined) this.hits++;
    return entry && stored(entry.bytes);
  }
  mget(keys: string[], now: number): (Value | undefined)[] {
    return keys.map((key) => this.get(key, now));
  }
  exists(key: string, now: number): boolean {
    return this.live(key, now) !== undefined;
  }
  strlen(key: string, now: number): number {
    this.get(key, now);
    return this.live(key, now)?.bytes.length ?? 0;
  }
  getrange(key: string, start: number, end: number, now: number): Value | undefined {
    const entry = this.live(key, now);
    if (entry === undefined) return this.get(key, now);
    const n = entry.bytes.length;
    const part = entry.bytes.subarray(
      Math.max(0, start < 0 ? n + start : start),
      Math.max(0, (end < 0 ? n + end : Math.min(end, n - 1)) + 1),
    );
    if (part.length === 0) return undefined;
    this.get(key, now);
    return stored(part);
  }
  set(key: string, value: Value, options: SetOptions, now: number): SetResult {
    const before = this.live(key, now);
    const written = !(options.nx && (options.xx || before)) && !(options.xx && !before);
    const until = options.keepTtl ? before?.deadline : options.deadline;
    if (written) this.put(key, bytesOf(value), until);
    return options.get && before ? { written, old: stored(before.bytes) } : { written };
  }
  getset(key: string, value: Value, now: number): Value | undefined {
    const old = this.get(key, now);
    this.put(key, bytesOf(value));
    return old;
  }
  mset(pairs: Pair[]): void {
    for (const [key, value] of pairs) this.put(key, bytesOf(value));
  }
  msetnx(pairs: Pair[], now: number): boolean {
    if (pairs.some(([key]) => this.live(key, now))) return false;
    this.mset(pairs);
    return true;
  }
  incr(key: string, amount: number | bigint, now: number): number | bigint {
    const before = this.live(key, now);
    const text = before?.bytes.toString().trim() ?? '0';
    const fits = (n: bigint): boolean => BigInt.asIntN(64, n) === n;
    const bad = (detail: string): never => {
      throw new CommandError('INVALID_VALUE', { detail });
    };
    if (!/^[+-]?\d+$/.test(text) || !fits(BigInt(text.replace(/^\+/, '')))) bad('Value is not a valid integer');
    const sum = BigInt(text.replace(/^\+/, '')) + BigInt(amount);
    if (!fits(sum) || !fits(BigInt(amount))) bad('Integer overflow on INCR/DECR');
    this.put(key, Buffer.from(String(sum)), before?.deadline);
    return Number.isSafeInteger(Number(sum)) ? Number(sum) : sum;
  }
  append(key: string, value: Value, now: number): number {
    const before = this.live(key, now);
    const bytes = Buffer.concat([before?.bytes ?? Buffer.alloc(0), bytesOf(value)]);
    this.put(key, bytes, before?.deadline);
    return bytes.length;
  }
  setrange(key: string, offset: number, value: Value, now: number): number {
    const before = this.live(key, now);
    const patch = bytesOf(value);
    const bytes = Buffer.alloc(Math.max(before?.bytes.length ?? 0, offset + patch.length));
    before?.bytes.copy(bytes);
    patch.copy(bytes, offset);
    this.put(key, bytes, before?.deadline);
    return bytes.length;
  }
  del(key: string, now: number): boolean {
    const lived = this.exists(key, now);
    this.map.delete(key);
    if (lived) this.dels++;
    return lived;
  }
  mdel(keys: string[], now: number): number {
    return keys.filter((key) => this.del(key, now)).length;
  }
  flush(now: number): number {
    const lived = this.names(now).length;
    this.map.clear();
    return lived;
  }
  expireAt(key: string, deadline: number, now: number): boolean {
    const entry = this.live(key, now);
    if (entry !== undefined) entry.deadline = deadline;
    return entry !== undefined;
  }
  expire(key: string, seconds: number, now: number): boolean {
    return this.expireAt(key, now + 1_000 * seconds, now);
  }
  persist(key: string, now: number): boolean {
    const entry = this.live(key, now);
    if (entry === undefined || entry.deadline === Number.POSITIVE_INFINITY) return false;
    entry.deadline = Number.POSITIVE_INFINITY;
    return true;
  }
  ttl(key: string, now: number): number | null | undefined {
    const entry = this.live(key, now);
    if (entry === undefined) return undefined;
    return entry.deadline === Number.POSITIVE_INFINITY ? null : Math.floor((entry.deadline - now) / 1_000);
  }
  rename(source: string, destination: string, now: number): void {
    if (source === destination) return;
    const value = this.get(source, now);
    if (value === undefined) throw new CommandError('KEY_NOT_FOUND', { key: source });
    const { deadline } = this.live(source, now) as { deadline: number };
    this.del(destination, now);
    this.put(destination, bytesOf(value), deadline);
    this.del(source, now);
  }
  renamenx(source: string, destination: string, now: number): boolean {
    if (source !== destination && this.exists(destination, now)) return false;
    this.rename(source, destination, now);
    return true;
  }
  copy(source: string, destination: string, replace: boolean, now: number): boolean {
    if (source === destination) return true;
    const value = this.get(source, now);
    if (value === undefined) throw new CommandError('KEY_NOT_FOUND', { key: source });
    if (!replace && this.exists(destination, now)) return false;
    this.put(destination, bytesOf(value), this.live(source, now)?.deadline);
    return true;
  }
}

const key = fc.constantFrom('a', 'b', 'c', 'ключ', 'a:1', 'k'.repeat(30));
const text = fc.oneof(
  fc.string({ unit: fc.constantFrom('x', 'y', 'é', '漢', '😀', '\0', '5'), maxLength: 12 }),
  fc.constantFrom(
    '0',
    ' 7 ',
    '-05',
    '+5',
    '',
    '5.0',
    '9223372036854775807',
    '-9223372036854775808',
    '9007199254740992',
  ),
);
const value: fc.Arbitrary<Value> = fc.oneof(
  { weight: 4, arbitrary: text },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 5 }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(new Uint8Array([0xc3]), new Uint8Array([0xa9]), new Uint8Array([0xf0, 0x9f])),
  },
);
const pairs = fc.array(fc.tuple(key, value), { maxLength: 4 });
const amount = fc.oneof(
  fc.integer({ min: -9, max: 9 }),
  fc.constantFrom(9007199254740991, 9223372036854775807n, -9223372036854775808n, 9223372036854775808n),
);
const position = fc.integer({ min: -8, max: 8 });
const flag = fc.boolean();
/** Deadlines are relative in the plan and made absolute when it runs. */
const delay = fc.constantFrom(-1, 0, 1, 40, 900, 5_000);

const step = fc.oneof(
  fc.record({
    op: fc.constant('set'),
    args: fc.tuple(key, value),
    delay: fc.option(delay),
    nx: flag,
    xx: flag,
    get: flag,
    keepTtl: flag,
  }),
  ...(
    [
      ['get', fc.tuple(key)],
      ['exists', fc.tuple(key)],
      ['strlen', fc.tuple(key)],
      ['persist', fc.tuple(key)],
      ['ttl', fc.tuple(key)],
      ['del', fc.tuple(key)],
      ['mget', fc.tuple(fc.array(key, { maxLength: 4 }))],
      ['mdel', fc.tuple(fc.array(key, { maxLength: 3 }))],
      ['getrange', fc.tuple(key, position, position)],
      ['getset', fc.tuple(key, value)],
      ['append', fc.tuple(key, value)],
      ['setrange', fc.tuple(key, fc.nat(9), value)],
      ['mset', fc.tuple(pairs)],
      ['msetnx', fc.tuple(pairs)],
      ['incr', fc.tuple(key, amount)],
      ['expire', fc.tuple(key, fc.nat(3))],
      ['rename', fc.tuple(key, key)],
      ['renamenx', fc.tuple(key, key)],
      ['copy', fc.tuple(key, key, flag)],
    ] as const
  ).map(([op, args]) => fc.record({ op: fc.constant(op), args: args as fc.Arbitrary<unknown[]> })),
  fc.record({ op: fc.constant('expireAt'), args: fc.tuple(key), delay }),
  fc.record({ op: fc.constantFrom('flush', 'restart'), args: fc.constant([]) }),
  fc.record({ op: fc.constant('advance'), args: fc.tuple(fc.constantFrom(0, 1, 50, 950, 3_000)) }),
  fc.record({ op: fc.constant('sleep'), args: fc.tuple(fc.constantFrom(1, 60, 900)) }),
);
type Step = { op: string; args: readonly unknown[]; delay?: number | null } & SetOptions;

/** Values compare by their bytes and kind, refusals by their text. */
const outcome = (call: () => unknown): unknown => {
  try {
    return call();
  } catch (error) {
    if (error instanceof CommandError) return error.message;
    throw error;
  }
};

function play(steps: readonly Step[]): void {
  const bench = new Bench();
  const model = new Model();
  for (const { op, args, delay, ...flags } of steps) {
    const { now } = bench;
    if (op === 'advance') bench.advance(args[0] as number);
    else if (op === 'sleep')
      bench.clock.advance(args[0] as number); // the timer is late
    else if (op === 'restart') {
      bench.restart();
      model.gets = model.sets = model.dels = model.hits = 0;
    } else {
      const deadline = typeof delay === 'number' ? now + delay : undefined;
      const all = [
        ...args,
        ...(op === 'set'
          ? [{ ...flags, ...(deadline === undefined ? {} : { deadline }) }]
          : op === 'expireAt'
            ? [deadline]
            : []),
        now,
      ];
      const ask = (it: object): unknown => (it as Record<string, (...args: unknown[]) => unknown>)[op]?.(...all);
      expect(outcome(() => ask(bench.engine))).toEqual(outcome(() => ask(model)));
    }
    const { engine } = bench;
    const names = model.names(bench.now);
    expect(engine.check()).toEqual([]);
    expect(bench.keys()).toEqual(names);
    expect(engine.dbsize(bench.now)).toBe(names.length);
    const { gets, sets, dels, hits } = model;
    const bytes = names.reduce(
      (sum, name) => sum + 40 + Buffer.byteLength(name) + (model.map.get(name)?.bytes.length ?? 0),
      0,
    );
    expect(engine.stats(bench.now)).toMatchObject({
      keys: names.length,
      bytes,
      gets,
      sets,
      dels,
      hits,
      misses: gets - hits,
    });
    const random = engine.randomKey(bench.now);
    if (names.length === 0) expect(random).toBe(undefined);
    else expect(names).toContain(random);
  }
}

it('answers every call as a naive model does, also after restarts at any moment', () => {
  fc.assert(
    fc.property(fc.array(step as fc.Arbitrary<Step>, { maxLength: 60, size: 'max' }), (steps) => play(steps)),
    { seed, numRuns: runs(400) },
  );
});
