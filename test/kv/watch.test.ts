/** What watchers of keys and readers of keyspace notifications are told (synap-core.md 2.5, 9-7). */
import { describe, expect, it } from 'vitest';
import type { KvOptions } from '../../src/kv/types.ts';
import { Bench, refusal } from './support.ts';

/** A bench whose watchers see every key. */
function watched(options: KvOptions = {}): Bench {
  const bench = new Bench(options);
  bench.audience.watch((topic) => topic.startsWith('__watch@0__:'));
  return bench;
}

describe('a watcher', () => {
  it('is told of each change of a value with the whole text and a version', () => {
    const { engine, now, audience } = watched();
    engine.set('k', 'ab', undefined, now);
    engine.append('k', 'c', now);
    engine.setrange('k', 1, 'X', now);
    engine.getset('k', '5', now);
    engine.incr('k', 2, now);
    engine.incr('k', -3n, now);
    engine.incr('k', 0, now);
    expect(audience.heard[0]?.topic).toBe('__watch@0__:k');
    expect(audience.take()).toEqual([
      { key: 'k', event: 'set', version: 1, value: 'ab' },
      { key: 'k', event: 'append', version: 2, value: 'abc' },
      { key: 'k', event: 'setrange', version: 3, value: 'aXc' },
      { key: 'k', event: 'set', version: 4, value: '5' },
      { key: 'k', event: 'incrby', version: 5, value: '7' },
      { key: 'k', event: 'decrby', version: 6, value: '4' },
      { key: 'k', event: 'incrby', version: 7, value: '4' },
    ]);
  });

  it('is told of deadlines and removals without a value, and versions begin anew after a removal', () => {
    const { engine, now, audience } = watched();
    engine.set('k', 'a', undefined, now);
    engine.expire('k', 60, now);
    engine.persist('k', now);
    engine.persist('k', now);
    engine.del('k', now);
    engine.del('k', now);
    engine.set('k', 'b', undefined, now);
    engine.mdel(['k', 'k'], now);
    expect(audience.take()).toEqual([
      { key: 'k', event: 'set', version: 1, value: 'a' },
      { key: 'k', event: 'expire', version: 2 },
      { key: 'k', event: 'persist', version: 3 },
      { key: 'k', event: 'del', version: 4 },
      { key: 'k', event: 'set', version: 1, value: 'b' },
      { key: 'k', event: 'del', version: 2 },
    ]);
  });

  it('of a rename hears del and set of the destination, then del of the source', () => {
    const { engine, now, audience } = watched();
    engine.mset(
      [
        ['a', '1'],
        ['b', '2'],
      ],
      now,
    );
    audience.take();
    engine.rename('a', 'b', now);
    engine.copy('b', 'c', false, now);
    expect(audience.take()).toEqual([
      { key: 'b', event: 'del', version: 2 },
      { key: 'b', event: 'set', version: 1, value: '1' },
      { key: 'a', event: 'del', version: 2 },
      { key: 'c', event: 'set', version: 1, value: '1' },
    ]);
  });

  it('hears of mset and msetnx key by key', () => {
    const { engine, now, audience } = watched();
    engine.mset(
      [
        ['a', '1'],
        ['b', '2'],
        ['a', '3'],
      ],
      now,
    );
    engine.msetnx([['c', '4']], now);
    engine.msetnx(
      [
        ['c', '5'],
        ['d', '6'],
      ],
      now,
    );
    expect(audience.take()).toEqual([
      { key: 'a', event: 'set', version: 1, value: '3' },
      { key: 'b', event: 'set', version: 1, value: '2' },
      { key: 'c', event: 'set', version: 1, value: '4' },
    ]);
  });

  it('hears of an expiry whoever finds it: a get, an mget, or the sweep', () => {
    const bench = watched();
    const { engine, audience } = bench;
    const { now } = bench;
    const expired = { key: 'k', event: 'expired', version: 2 };
    for (const find of [() => engine.get('k', now), () => engine.mget(['k'], now), () => bench.advance(100)]) {
      engine.set('k', 'v', { deadline: now }, now);
      find();
      expect(audience.take()).toEqual([{ key: 'k', event: 'set', version: 1, value: 'v' }, expired]);
    }
  });

  it('hears nothing of refused and empty calls', () => {
    const { engine, now, audience } = watched();
    engine.set('k', 'x', undefined, now);
    audience.take();
    engine.set('k', 'y', { nx: true }, now);
    engine.expire('none', 1, now);
    engine.rename('k', 'k', now);
    refusal(() => engine.incr('k', 1, now));
    refusal(() => engine.rename('none', 'k', now));
    expect(audience.take()).toEqual([]);
  });

  it('gets long values and bytes as truncated, by the length in bytes', () => {
    const { engine, now, audience } = watched({ inlineBytes: 4 });
    engine.set('a', 'éé', undefined, now);
    engine.set('b', 'ééx', undefined, now);
    engine.set('c', new Uint8Array([0xff]), undefined, now);
    expect(audience.take()).toEqual([
      { key: 'a', event: 'set', version: 1, value: 'éé' },
      { key: 'b', event: 'set', version: 1, truncated: true },
      { key: 'c', event: 'set', version: 1, truncated: true },
    ]);
  });

  it('counts only changes that reached somebody', () => {
    const { engine, now, audience } = watched();
    engine.set('k', '1', undefined, now);
    audience.leave();
    engine.set('k', '2', undefined, now);
    audience.watch((topic) => topic.endsWith(':other'));
    engine.set('k', '3', undefined, now);
    audience.watch(() => true);
    engine.set('k', '4', undefined, now);
    audience.leave();
    engine.del('k', now);
    engine.set('k', '5', undefined, now);
    audience.watch(() => true);
    engine.set('k', '6', undefined, now);
    expect(audience.take()).toMatchObject([
      { version: 1, value: '1' },
      { version: 2, value: '4' },
      { version: 1, value: '6' },
    ]);
    expect(engine.check()).toEqual([]);
  });

  it('costs nothing while there is none', () => {
    const { engine, now, audience } = new Bench();
    engine.set('k', '1', { deadline: now }, now);
    engine.get('k', now);
    engine.flush(now);
    expect([audience.asked, audience.heard]).toEqual([0, []]);
  });
});

describe('a flush', () => {
  it('sends del per watched key that lived, in bounded slices', () => {
    const bench = watched();
    const { engine, audience } = bench;
    for (let i = 0; i < 5_000; i++) engine.set(`k${i}`, 'v', undefined, bench.now);
    engine.set('dead', 'v', { deadline: bench.now }, bench.now);
    audience.take();
    engine.flush(bench.now);
    expect(audience.take()).toEqual([]);
    engine.tick(bench.now);
    const first = audience.take();
    expect(first.length).toBeGreaterThan(500);
    expect(first.length).toBeLessThan(4_000);
    bench.advance(20);
    const all = [...first, ...audience.take()] as { key: string; event: string; version: number }[];
    expect(all).toHaveLength(5_001);
    expect(new Set(all.map(({ key }) => key)).size).toBe(5_001);
    expect(all.filter(({ event }) => event === 'expired').map(({ key }) => key)).toEqual(['dead']);
    expect(all.every(({ version }) => version === 2)).toBe(true);
    expect(engine.check()).toEqual([]);
    bench.advance(1_000);
    expect(audience.take()).toEqual([]);
  });

  it('is told before anything that happens to a key later', () => {
    const bench = watched();
    const { engine, audience, now } = bench;
    engine.mset(
      [
        ['a', '1'],
        ['b', '2'],
      ],
      now,
    );
    engine.flush(now);
    engine.set('a', '3', undefined, now);
    engine.flush(now);
    audience.take();
    engine.set('a', '4', undefined, now);
    bench.advance(10);
    expect(audience.take()).toEqual([
      { key: 'a', event: 'del', version: 2 },
      { key: 'a', event: 'set', version: 1, value: '4' },
      { key: 'b', event: 'del', version: 2 },
    ]);
  });

  it('forgets versions when nobody watches any more', () => {
    const bench = watched();
    const { engine, audience, now } = bench;
    engine.set('k', '1', undefined, now);
    audience.leave();
    engine.flush(now);
    engine.set('k', '2', undefined, now);
    audience.watch(() => true);
    engine.set('k', '3', undefined, now);
    expect(audience.take()).toMatchObject([{ version: 1 }, { version: 1, value: '3' }]);
    expect(engine.check()).toEqual([]);
  });
});

describe('keyspace notifications', () => {
  const heard = (notify: string, act: (bench: Bench) => void, options: KvOptions = {}): string[] => {
    const bench = new Bench({ ...options, notify });
    act(bench);
    return bench.audience.heard.map(({ topic, payload }) => `${topic} ${payload}`);
  };
  const all = ({ engine, now }: Bench): void => {
    engine.set('k', '1', undefined, now);
    engine.incr('k', -1, now);
    engine.append('k', 'x', now);
    engine.setrange('k', 0, 'x', now);
    engine.expire('k', 5, now);
    engine.persist('k', now);
    engine.mset([['m', '1']], now);
    engine.del('k', now);
    engine.set('k', '1', { deadline: now }, now);
    engine.get('k', now);
    engine.flush(now);
  };

  it('are off by default, without a class, and without K or E', () => {
    expect([heard('', all), heard('KE', all), heard('$g', all), heard('Klz', all)]).toEqual([[], [], [], []]);
  });

  it('name the event by key, and the key by event, keyspace first', () => {
    expect(heard('KE$', ({ engine, now }) => engine.set('k', '1', undefined, now))).toEqual([
      '__keyspace@0__:k set',
      '__keyevent@0__:set k',
    ]);
  });

  it('come for every class that is asked for, mset and flush left out', () => {
    const events = ['set', 'decrby', 'append', 'setrange', 'expire', 'persist', 'del', 'set', 'expired'];
    expect(heard('KA', all)).toEqual(events.map((event) => `__keyspace@0__:k ${event}`));
    expect(heard('Kg', all)).toEqual(['expire', 'persist', 'del'].map((event) => `__keyspace@0__:k ${event}`));
    expect(heard('Ex', all)).toEqual(['__keyevent@0__:expired k']);
  });

  it('tell of evictions', () => {
    const act = ({ engine, now }: Bench): void => {
      engine.set('a', '', undefined, now);
      engine.set('b', '', undefined, now);
    };
    expect(heard('Ee', act, { policy: 'allkeys-random', maxBytes: 41 })).toEqual(['__keyevent@0__:evicted a']);
  });
});
