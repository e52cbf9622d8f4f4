/** Deadlines: when a key is dead, who notices, and when the sweep comes (synap-core.md 2.4-2 to 2.4-9, 9-8). */
import { describe, expect, it } from 'vitest';
import { deadlineAt, deadlineIn } from '../../src/kv/deadline.ts';
import { Bench } from './support.ts';

describe('a deadline', () => {
  it('kills at its millisecond, for every kind of call', () => {
    const { engine, now } = new Bench();
    const at = now + 1_500;
    const born = (): void => void engine.set('k', '5', { deadline: at }, now);
    born();
    expect([engine.get('k', at - 1), engine.ttl('k', at - 1)]).toEqual(['5', 0]);
    for (const call of [
      () => engine.get('k', at),
      () => engine.ttl('k', at),
      () => engine.getrange('k', 0, -1, at),
      () => engine.mget(['k'], at)[0],
      () => engine.getset('k', 'x', at),
      () => engine.set('k', 'x', { get: true }, at).old,
    ]) {
      born();
      expect(call()).toBe(undefined);
    }
    for (const call of [
      () => engine.exists('k', at),
      () => engine.del('k', at),
      () => engine.expire('k', 60, at),
      () => engine.persist('k', at),
      () => engine.set('k', 'x', { xx: true }, at).written,
    ]) {
      born();
      expect(call()).toBe(false);
    }
    born();
    expect([engine.type('k', at), engine.strlen('k', at), engine.dbsize(at), engine.stats(at).keys]).toEqual([
      'none',
      0,
      0,
      0,
    ]);
  });

  it('is hidden from counts and listings before any sweep', () => {
    const bench = new Bench();
    const { engine, now } = bench;
    for (let i = 0; i < 3_000; i++) engine.set(`k${i}`, 'v', { deadline: now + i }, now);
    engine.set('stays', 'v', undefined, now);
    bench.clock.advance(1_000);
    expect(bench.keys()).toHaveLength(2_000);
    expect(engine.dbsize(bench.now)).toBe(2_000);
    expect(engine.stats(bench.now)).toMatchObject({ keys: 2_000, volatile: 1_999, expired: 0 });
    expect(engine.flush(bench.now)).toBe(2_000);
  });

  it('is dropped by set, kept by keepTtl, and not revived from the dead', () => {
    const { engine, now } = new Bench();
    engine.set('k', 'a', { deadline: now + 60_000 }, now);
    engine.set('k', 'b', { keepTtl: true, deadline: now + 5_000 }, now);
    expect(engine.ttl('k', now)).toBe(60);
    engine.set('k', 'c', undefined, now);
    expect(engine.ttl('k', now)).toBe(null);
    engine.set('k', 'd', { deadline: now }, now);
    engine.set('k', 'e', { keepTtl: true }, now);
    expect([engine.get('k', now), engine.ttl('k', now)]).toEqual(['e', null]);
  });

  it('is replaced by expire, taken by persist once, and floored by ttl', () => {
    const { engine, now } = new Bench();
    expect([engine.expire('k', 1, now), engine.persist('k', now), engine.ttl('k', now)]).toEqual([
      false,
      false,
      undefined,
    ]);
    engine.set('k', 'a', { deadline: now + 10_000 }, now);
    expect(engine.expire('k', 1_000, now)).toBe(true);
    expect([engine.ttl('k', now), engine.ttl('k', now + 1)]).toEqual([1_000, 999]);
    expect([engine.persist('k', now), engine.persist('k', now)]).toEqual([true, false]);
    expect(engine.expire('k', 0, now)).toBe(true);
    expect(engine.exists('k', now)).toBe(false);
  });

  it('saturates at 2^64 - 1 milliseconds and is told exactly', () => {
    const { engine, now } = new Bench();
    const rest = (0xffff_ffff_ffff_ffffn - BigInt(now)) / 1_000n;
    for (const seconds of [0xffff_ffff_ffff_ffffn, 2n ** 63n, 18446744073709552n]) {
      engine.set('k', 'v', { deadline: deadlineIn(seconds, 1_000, now) }, now);
      expect(engine.ttl('k', now)).toBe(rest);
    }
    expect(engine.expire('k', 1e300, now)).toBe(true);
    expect(engine.ttl('k', now)).toBe(rest);
    expect(deadlineAt(0xffff_ffff_ffff_ffffn, 1)).toBe(2 ** 64);
  });

  it('is exact to the millisecond up to 2^53 and never late beyond', () => {
    expect(deadlineIn(5, 1_000, 1_790_000_000_123)).toBe(1_790_000_005_123);
    expect(deadlineIn(Number.MAX_SAFE_INTEGER, 1, 0)).toBe(Number.MAX_SAFE_INTEGER);
    for (const seconds of [10n ** 13n, 10n ** 15n, 10n ** 16n + 7n]) {
      const exact = 1_790_000_000_123n + seconds * 1_000n;
      const late = exact - BigInt(deadlineIn(seconds, 1_000, 1_790_000_000_123));
      expect(late >= 0n && late < 2_048n).toBe(true);
    }
    expect(deadlineAt(0, 1)).toBe(1); // long past, but a deadline
    expect(deadlineAt(4_102_444_800, 1_000)).toBe(4_102_444_800_000);
  });
});

describe('the sweep', () => {
  it('sleeps while no key has a TTL', () => {
    const { engine, alarm, now } = new Bench();
    engine.set('k', 'v', undefined, now);
    expect([alarm.at, engine.nextDeadline()]).toEqual([Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]);
  });

  it('removes dead keys within its period, without anybody reading them', () => {
    const bench = new Bench();
    const { engine, store } = bench;
    bench.advance(1_000);
    for (let i = 0; i < 50; i++) engine.set(`k${i}`, 'v', { deadline: bench.now + 10 * i }, bench.now);
    for (let ms = 0; ms < 700; ms += 10) {
      bench.advance(10);
      const left = Object.keys(store.snapshot()['kv'] ?? {}).length;
      expect(left).toBeGreaterThanOrEqual(50 - (ms + 10) / 10 - 1);
      expect(left).toBeLessThanOrEqual(Math.max(0, 50 - (ms - 90) / 10));
    }
    expect(engine.stats(bench.now)).toMatchObject({ keys: 0, bytes: 0, expired: 50 });
    expect(bench.alarm.at).toBe(Number.POSITIVE_INFINITY);
  });

  it('rings for the earliest deadline, not before and at most once a period', () => {
    const bench = new Bench();
    const { engine, alarm, now } = bench;
    engine.set('late', 'v', { deadline: now + 60_000 }, now);
    expect(alarm.at).toBe(now + 60_000);
    engine.set('soon', 'v', { deadline: now + 5_000 }, now);
    expect(alarm.at).toBe(now + 5_000);
    bench.advance(5_000);
    engine.set('next', 'v', { deadline: bench.now + 1 }, bench.now);
    expect(alarm.at).toBe(bench.now + 100);
  });

  it('works off a flood in bounded ticks that follow at once', () => {
    const bench = new Bench();
    const { engine } = bench;
    for (let i = 0; i < 10_000; i++) engine.set(`k${i}`, 'v', { deadline: bench.now + 1 }, bench.now);
    bench.clock.advance(200);
    engine.tick(bench.now);
    const { expired } = engine.stats(bench.now);
    expect(expired).toBeGreaterThan(500);
    expect(expired).toBeLessThan(5_000);
    expect(engine.nextDeadline()).toBe(bench.now + 1);
    expect(engine.dbsize(bench.now)).toBe(0);
    bench.advance(10);
    expect(engine.stats(bench.now).expired).toBe(10_000);
    expect(engine.check()).toEqual([]);
  });

  it('is not put off by a clock that was set back', () => {
    const bench = new Bench();
    const { engine, alarm } = bench;
    engine.set('a', 'v', { deadline: bench.now + 1 }, bench.now);
    bench.advance(1_000);
    bench.clock.advance(-3_600_000);
    engine.set('b', 'v', { deadline: bench.now + 1 }, bench.now);
    expect(alarm.at).toBeLessThanOrEqual(bench.now + 100);
  });

  it('goes on after a restart, with keys that died meanwhile', () => {
    const bench = new Bench();
    bench.engine.set('dead', 'v', { deadline: bench.now + 10 }, bench.now);
    bench.engine.set('alive', 'v', { deadline: bench.now + 60_000 }, bench.now);
    bench.clock.advance(1_000);
    bench.restart();
    expect(bench.keys()).toEqual(['alive']);
    bench.advance(200);
    expect(Object.keys(bench.store.snapshot()['kv'] ?? {})).toEqual(['alive']);
    expect(bench.engine.ttl('alive', bench.now)).toBe(58);
    bench.advance(60_000);
    expect(bench.store.snapshot()).toEqual({});
  });
});
