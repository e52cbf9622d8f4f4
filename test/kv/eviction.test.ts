/** The memory budget and its eight policies (synap-operations.md 3.6). */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { EvictionPolicy } from '../../src/kv/policy.ts';
import type { Value } from '../../src/kv/value.ts';
import { runs, seed } from '../support/seed.ts';
import { Bench, refusal } from './support.ts';

const POLICIES: readonly EvictionPolicy[] = [
  'noeviction',
  'allkeys-lru',
  'volatile-lru',
  'allkeys-lfu',
  'volatile-lfu',
  'allkeys-random',
  'volatile-random',
  'volatile-ttl',
];
const FULL = 'Memory limit exceeded';
/** Accounted bytes of `count` keys of four characters with one-byte values. */
const room = (count: number): number => count * 45;
const name = (i: number): string => `k${String(i).padStart(3, '0')}`;

/** A bench that is exactly full of `count` keys; deadlines by index where wanted. */
function full(
  policy: EvictionPolicy,
  count: number,
  deadline: (i: number) => number | undefined = () => undefined,
): Bench {
  const bench = new Bench({ policy, maxBytes: room(count) });
  for (let i = 0; i < count; i++) bench.engine.set(name(i), 'v', { deadline: deadline(i) }, bench.now);
  return bench;
}

describe('a budget', () => {
  it('lets writes through up to its last byte and refuses the next', () => {
    const { engine, now } = full('noeviction', 3);
    expect(engine.stats(now).bytes).toBe(room(3));
    expect(refusal(() => engine.set('x', '', undefined, now))).toBe(FULL);
    expect(refusal(() => engine.append('k000', 'v', now))).toBe(FULL);
    expect(refusal(() => engine.setrange('k000', 1, 'v', now))).toBe(FULL);
    expect(refusal(() => engine.incr('n', 1, now))).toBe(FULL);
    expect(refusal(() => engine.getset('k000', 'vv', now))).toBe(FULL);
    expect(refusal(() => engine.copy('k000', 'k', false, now))).toBe(FULL);
    expect(refusal(() => engine.rename('k000', 'longer', now))).toBe(FULL);
    engine.set('k000', 'w', undefined, now);
    engine.rename('k000', 'k', now);
    expect(engine.append('k', 'xyz', now)).toBe(4);
    engine.del('k001', now);
    engine.set('new', 'v', undefined, now);
    expect(engine.check()).toEqual([]);
  });

  it('of zero is no budget', () => {
    const { engine, now } = new Bench({ policy: 'noeviction', maxBytes: 0 });
    for (let i = 0; i < 1_000; i++) engine.set(name(i), 'v', undefined, now);
    expect(engine.dbsize(now)).toBe(1_000);
  });

  it('counts only the last value of a repeated key, and what a batch overwrites', () => {
    const { engine, now } = full('noeviction', 3);
    engine.mset(
      [
        ['k000', 'v'.repeat(90)],
        ['k000', 'w'],
        ['k001', 'w'],
      ],
      now,
    );
    expect(engine.get('k000', now)).toBe('w');
    engine.mset(
      [
        ['k000', 'ww'],
        ['k001', ''],
      ],
      now,
    );
    expect(
      refusal(() =>
        engine.mset(
          [
            ['k000', ''],
            ['k002', 'wwww'],
          ],
          now,
        ),
      ),
    ).toBe(FULL);
    expect(engine.mget(['k000', 'k001', 'k002'], now)).toEqual(['ww', '', 'v']);
  });

  it('gives dead keys up before it refuses or evicts', () => {
    for (const policy of ['noeviction', 'allkeys-lru'] as const) {
      const { engine, now } = full(policy, 3, (i) => (i === 1 ? Date.UTC(2020, 0) : undefined));
      engine.set('new1', 'v', undefined, now);
      expect(engine.mget(['k000', 'k001', 'k002', 'new1'], now)).toEqual(['v', undefined, 'v', 'v']);
      expect(engine.stats(now)).toMatchObject({ expired: 1, evicted: 0 });
    }
  });

  it('refuses what could not fit if everything else went, and evicts nothing for it', () => {
    for (const policy of POLICIES) {
      const { engine, now, audience } = full(policy, 3, (i) => (i > 0 ? 2e12 : undefined));
      audience.watch(() => true);
      expect(refusal(() => engine.set('big', 'v'.repeat(room(3)), undefined, now))).toBe(FULL);
      expect(
        refusal(() =>
          engine.mset(
            [
              ['k001', 'v'],
              ['big', 'v'.repeat(room(2))],
            ],
            now,
          ),
        ),
      ).toBe(FULL);
      expect([engine.dbsize(now), audience.take()]).toEqual([3, []]);
    }
  });

  it('evicts until a large value fits, and tells store and watchers', () => {
    const { engine, now, audience, store } = full('allkeys-lru', 10);
    audience.watch(() => true);
    engine.set('big1', 'v'.repeat(room(4) - 44), undefined, now);
    expect(engine.stats(now)).toMatchObject({ keys: 7, evicted: 4 });
    const events = audience.take() as { event: string }[];
    expect(events.map(({ event }) => event)).toEqual(['evicted', 'evicted', 'evicted', 'evicted', 'set']);
    expect(Object.keys(store.snapshot()['kv'] ?? {})).toHaveLength(7);
  });

  it('is kept when the key being written is itself the victim', () => {
    const bench = full('allkeys-random', 3);
    for (let i = 0; i < 200; i++) {
      const { engine, now } = bench;
      engine.set('k000', 'v'.repeat(31), undefined, now);
      expect(engine.stats(now).bytes).toBeLessThanOrEqual(room(3));
      engine.set('k000', 'v', undefined, now);
      for (let n = 1; n < 3; n++) engine.set(name(n), 'v', undefined, now);
    }
    expect(bench.engine.check()).toEqual([]);
  });

  it('lets a key without TTL grow at the cost of one with', () => {
    const { engine, now } = full('volatile-lru', 3, (i) => (i === 2 ? 2e12 : undefined));
    expect(engine.append('k000', 'v'.repeat(45), now)).toBe(46);
    expect(engine.mget(['k001', 'k002'], now)).toEqual(['v', undefined]);
    expect(refusal(() => engine.append('k000', 'v', now))).toBe(FULL);
  });

  it('is kept after a restart with a smaller one: reads go on, writes make room', () => {
    const bench = full('allkeys-lru', 10);
    Object.assign(bench.options, { maxBytes: room(5) });
    bench.restart();
    expect(bench.engine.dbsize(bench.now)).toBe(10);
    bench.engine.set('k999', 'v', undefined, bench.now);
    expect(bench.engine.stats(bench.now)).toMatchObject({ keys: 5, bytes: room(5) });
  });
});

describe('a policy', () => {
  it('named volatile takes only keys with a TTL, and refuses when there is none', () => {
    for (const policy of POLICIES.filter((candidate) => candidate.startsWith('volatile-'))) {
      const bench = full(policy, 40, (i) => (i % 2 === 0 ? 2e12 + i : undefined));
      for (let i = 0; i < 20; i++) bench.engine.set(`n${String(i).padStart(3, '0')}`, 'v', undefined, bench.now);
      expect(bench.keys('k*')).toEqual(Array.from({ length: 20 }, (_, i) => name(2 * i + 1)));
      expect(refusal(() => bench.engine.set('more', 'v', undefined, bench.now))).toBe(FULL);
      expect(bench.engine.check()).toEqual([]);
    }
  });

  it('named allkeys-random or volatile-random takes any of its keys', () => {
    for (const policy of ['allkeys-random', 'volatile-random'] as const) {
      const gone = new Set<string>();
      for (let round = 0; round < 60; round++) {
        const bench = full(policy, 8, () => 2e12);
        bench.clock.time += round; // another hash seed would do as well; the dice go on
        for (let skip = 0; skip < round; skip++) bench.ids.random();
        bench.engine.set('new1', 'v', undefined, bench.now);
        for (let i = 0; i < 8; i++) if (!bench.engine.exists(name(i), bench.now)) gone.add(name(i));
      }
      expect(gone.size).toBe(8);
    }
  });

  it('named volatile-ttl takes the key that would die first', () => {
    const bench = full('volatile-ttl', 100, (i) => 2e12 + ((i * 37) % 100));
    for (let i = 0; i < 30; i++) bench.engine.set(`n${String(i).padStart(3, '0')}`, 'v', undefined, bench.now);
    const left = Array.from({ length: 100 }, (_, i) => i).filter((i) => (i * 37) % 100 >= 30);
    expect(bench.keys('k*')).toEqual(left.map(name));
  });

  it('named lru takes keys that were not read for long', () => {
    const bench = full('allkeys-lru', 1_000);
    bench.advance(60_000);
    for (let i = 0; i < 1_000; i += 2) bench.engine.get(name(i), bench.now);
    bench.advance(60_000);
    for (let i = 1_000; i < 1_400; i++) bench.engine.set(name(i).slice(0, 5), '', undefined, bench.now);
    const used = Array.from({ length: 500 }, (_, i) => bench.engine.exists(name(2 * i), bench.now)).filter(Boolean);
    expect(used.length).toBeGreaterThan(485); // by chance alone 300
    expect(bench.engine.stats(bench.now).evicted).toBeGreaterThan(390);
  });

  it('named lru does not hold against a key what was true of it before it was read', () => {
    let wrong = 0;
    for (let round = 0; round < 20; round++) {
      const bench = new Bench({ policy: 'allkeys-lru', maxBytes: room(20) });
      for (let skip = 0; skip < round; skip++) bench.ids.random();
      const write = (from: number, to: number): void => {
        for (let i = from; i < to; i++) bench.engine.set(name(i), 'v', undefined, bench.now);
      };
      write(0, 10);
      bench.advance(60_000);
      write(10, 20);
      write(20, 21); // takes one of the first ten, and remembers others of them
      for (let i = 0; i < 10; i++) bench.engine.get(name(i), bench.now + 1_000);
      const before = bench.keys().filter((key) => key < name(10)).length;
      bench.advance(1_000);
      write(21, 23);
      wrong += before - bench.keys().filter((key) => key < name(10)).length;
    }
    expect(wrong).toBeLessThan(8); // of 40; nearly all when old ranks count
  });

  it('named lfu takes keys that are read seldom, though they were read last', () => {
    const bench = full('allkeys-lfu', 1_000);
    for (let round = 0; round < 60; round++) for (let i = 0; i < 1_000; i += 2) bench.engine.get(name(i), bench.now);
    bench.advance(1_000);
    for (let i = 1; i < 1_000; i += 2) bench.engine.get(name(i), bench.now);
    for (let i = 1_000; i < 1_400; i++) bench.engine.set(name(i).slice(0, 5), '', undefined, bench.now);
    const often = Array.from({ length: 500 }, (_, i) => bench.engine.exists(name(2 * i), bench.now)).filter(Boolean);
    expect(often.length).toBeGreaterThan(485);
  });

  it('named lfu forgets old fame', () => {
    const bench = full('allkeys-lfu', 200);
    for (let round = 0; round < 200; round++) for (let i = 0; i < 100; i++) bench.engine.get(name(i), bench.now);
    bench.advance(60 * 60_000);
    for (let round = 0; round < 20; round++) for (let i = 100; i < 200; i++) bench.engine.get(name(i), bench.now);
    for (let i = 0; i < 80; i++) bench.engine.set(`n${i}`, 'v', undefined, bench.now);
    const recent = Array.from({ length: 100 }, (_, i) => bench.engine.exists(name(100 + i), bench.now)).filter(Boolean);
    expect(recent.length).toBeGreaterThan(90);
  });
});

const key = fc.constantFrom(...Array.from({ length: 12 }, (_, i) => `k${i}`));
const value: fc.Arbitrary<Value> = fc.oneof(
  fc.string({ maxLength: 60 }),
  fc.uint8Array({ maxLength: 20 }),
  fc.constant('7'),
);
const pairs = fc.array(fc.tuple(key, value), { maxLength: 4 });
const call = fc.oneof(
  fc.tuple(
    fc.constant('set'),
    key,
    value,
    fc.record({ deadline: fc.constantFrom(undefined, 50, 5_000), keepTtl: fc.boolean() }),
  ),
  fc.tuple(fc.constant('append'), key, value),
  fc.tuple(fc.constant('setrange'), key, fc.nat(40), value),
  fc.tuple(fc.constant('getset'), key, value),
  fc.tuple(fc.constant('incr'), key, fc.nat(1_000)),
  fc.tuple(fc.constant('mset'), pairs),
  fc.tuple(fc.constant('msetnx'), pairs),
  fc.tuple(fc.constant('rename'), key, fc.oneof(key, fc.constant('a longer name for a key'))),
  fc.tuple(fc.constant('copy'), key, key, fc.boolean()),
  fc.tuple(fc.constant('get'), key),
  fc.tuple(fc.constant('del'), key),
  fc.tuple(fc.constant('expire'), key, fc.nat(3)),
  fc.tuple(fc.constant('advance'), fc.constantFrom(10, 200, 3_000)),
  fc.tuple(fc.constant('restart')),
);

it('holds after any call, and a refused call changes nothing, under every policy', () => {
  fc.assert(
    fc.property(fc.constantFrom(...POLICIES), fc.array(call, { maxLength: 40, size: 'max' }), (policy, calls) => {
      const maxBytes = 400;
      const bench = new Bench({ policy, maxBytes });
      bench.audience.watch(() => true);
      for (const [op, ...args] of calls as [string, ...unknown[]][]) {
        if (op === 'advance') bench.advance(args[0] as number);
        else if (op === 'restart') bench.restart();
        else {
          const { engine, now } = bench;
          const options = args[2] as { deadline?: number } | undefined;
          if (op === 'set' && options?.deadline !== undefined)
            args[2] = { ...options, deadline: now + options.deadline };
          const before = {
            keys: bench.keys(),
            stats: engine.stats(now),
            values: JSON.stringify(bench.keys().map((k) => engine.ttl(k, now))),
          };
          bench.audience.take();
          const refused = refusal(() =>
            (engine as unknown as Record<string, (...all: unknown[]) => unknown>)[op]?.(...args, now),
          );
          if (refused === FULL) {
            const { keys, bytes, sets, dels, evicted } = before.stats;
            expect(bench.keys()).toEqual(before.keys);
            expect(engine.stats(now)).toMatchObject({ keys, bytes, sets, dels, evicted });
            expect(JSON.stringify(bench.keys().map((k) => engine.ttl(k, now)))).toBe(before.values);
            expect(bench.audience.take().filter((told) => (told as { event: string }).event !== 'expired')).toEqual([]);
          }
        }
        const { bytes, keys } = bench.engine.stats(bench.now);
        expect(bytes).toBeLessThanOrEqual(maxBytes);
        expect(keys).toBe(bench.keys().length);
        expect(bench.engine.check()).toEqual([]);
        const again = new Bench();
        bench.store.restoreInto(again.engine, bench.now);
        expect(again.engine.stats(bench.now)).toMatchObject({ bytes, keys });
      }
    }),
    { seed, numRuns: runs(150) },
  );
});
