/** What the sheet says about single values, byte ranges, counters, names and statistics (synap-core.md 2.3, 2.4, 9). */
import { describe, expect, it } from 'vitest';
import { LIMITS } from '../../src/core/limits.ts';
import { Bench, refusal } from './support.ts';

const bench = (): Bench => new Bench();
const bytes = (...items: number[]): Uint8Array => new Uint8Array(items);

describe('set', () => {
  it('writes, overwrites and answers that it wrote', () => {
    const { engine, now } = bench();
    expect(engine.set('k', 'a', undefined, now)).toEqual({ written: true });
    expect(engine.set('k', 'b', undefined, now)).toEqual({ written: true });
    expect(engine.get('k', now)).toBe('b');
  });

  it('decides nx and xx on live keys, and never writes with both', () => {
    const { engine, now } = bench();
    expect(engine.set('k', 'a', { xx: true }, now).written).toBe(false);
    expect(engine.set('k', 'a', { nx: true, xx: true }, now).written).toBe(false);
    expect(engine.set('k', 'a', { nx: true }, now).written).toBe(true);
    expect(engine.set('k', 'b', { nx: true }, now).written).toBe(false);
    expect(engine.set('k', 'b', { nx: true, xx: true }, now).written).toBe(false);
    expect(engine.set('k', 'c', { xx: true }, now).written).toBe(true);
    expect(engine.get('k', now)).toBe('c');
  });

  it('shows the old value with get, on an nx refusal too, on a missing key never', () => {
    const { engine, now } = bench();
    expect(engine.set('k', 'a', { get: true }, now)).toEqual({ written: true });
    expect(engine.set('k', 'b', { get: true }, now)).toEqual({ written: true, old: 'a' });
    expect(engine.set('k', 'c', { get: true, nx: true }, now)).toEqual({ written: false, old: 'b' });
    expect(engine.set('none', 'c', { get: true, xx: true }, now)).toEqual({ written: false });
  });

  it('refuses a value over the cap and leaves the old one', () => {
    const { engine, now } = bench();
    engine.set('k', 'a', undefined, now);
    const huge = 'é'.repeat(LIMITS.valueBytes / 2 + 1);
    expect(refusal(() => engine.set('k', huge, undefined, now))).toMatch(/^Invalid value: /);
    expect(engine.get('k', now)).toBe('a');
  });

  it('keeps bytes that are not UTF-8 as bytes, and others as text', () => {
    const { engine, now } = bench();
    engine.set('bytes', bytes(0xff, 1), undefined, now);
    engine.set('text', bytes(0xc3, 0xa9), undefined, now);
    engine.set('bom', bytes(0xef, 0xbb, 0xbf, 0x61), undefined, now);
    expect(engine.get('bytes', now)).toEqual(bytes(0xff, 1));
    expect(engine.get('text', now)).toBe('é');
    expect(engine.get('bom', now)).toBe('\ufeffa');
  });

  it('copies bytes, so that their owner may go on using them', () => {
    const { engine, now } = bench();
    const whole = bytes(1, 2, 0xff, 4);
    engine.set('k', whole.subarray(2, 3), undefined, now);
    whole.fill(0);
    const stored = engine.get('k', now) as Uint8Array;
    expect(stored).toEqual(bytes(0xff));
    expect(stored.buffer.byteLength).toBe(1);
  });

  it('tells very long keys apart that differ in their middle only', () => {
    const { engine, now } = bench();
    const long = (middle: string): string => `${'a'.repeat(50_000)}${middle}${'z'.repeat(50_000)}`;
    for (const middle of ['1', '2', '3']) engine.set(long(middle), middle, undefined, now);
    expect(['1', '2', '3', '4'].map((middle) => engine.get(long(middle), now))).toEqual(['1', '2', '3', undefined]);
    expect(engine.del(long('2'), now)).toBe(true);
    expect(engine.check()).toEqual([]);
  });
});

describe('append, setrange, getrange, strlen', () => {
  it('count in bytes of UTF-8', () => {
    const { engine, now } = bench();
    expect(engine.append('k', 'ab', now)).toBe(2);
    expect(engine.append('k', 'é', now)).toBe(4);
    expect(engine.strlen('k', now)).toBe(4);
    expect(engine.getrange('k', 2, 3, now)).toBe('é');
    expect(engine.setrange('k', 1, '漢', now)).toBe(4);
    expect(engine.get('k', now)).toBe('a漢');
  });

  it('turn a cut character into bytes, and whole characters back into text', () => {
    const { engine, now } = bench();
    engine.set('k', 'aé', undefined, now);
    expect(engine.getrange('k', 0, 1, now)).toEqual(bytes(0x61, 0xc3));
    expect(engine.setrange('k', 2, 'x', now)).toBe(3);
    expect(engine.get('k', now)).toEqual(bytes(0x61, 0xc3, 0x78));
    engine.setrange('k', 2, bytes(0xa9), now);
    expect(engine.get('k', now)).toBe('aé');
    engine.set('half', bytes(0xc3), undefined, now);
    expect(engine.append('half', bytes(0xa9), now)).toBe(2);
    expect(engine.get('half', now)).toBe('é');
  });

  it('clamp a range at both ends and count negative positions from the end', () => {
    const { engine, now } = bench();
    engine.set('k', 'foobar', undefined, now);
    const range = (start: number, end: number): unknown => engine.getrange('k', start, end, now);
    expect([range(3, 5), range(-3, -1), range(1, -2), range(-100, 2), range(4, 2 ** 63)]).toEqual([
      'bar',
      'bar',
      'ooba',
      'foo',
      'ar',
    ]);
    expect([range(4, 3), range(6, 10), range(0, -100), engine.getrange('none', 0, -1, now)]).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('pad with NUL bytes, also by an empty text, and create an empty key', () => {
    const { engine, now } = bench();
    expect(engine.setrange('k', 3, 'x', now)).toBe(4);
    expect(engine.get('k', now)).toBe('\0\0\0x');
    expect(engine.setrange('k', 6, '', now)).toBe(6);
    expect(engine.setrange('empty', 0, '', now)).toBe(0);
    expect(engine.append('also', '', now)).toBe(0);
    expect([engine.get('empty', now), engine.get('also', now)]).toEqual(['', '']);
  });

  it('keep the TTL of a live key and start afresh without one on a dead key', () => {
    const { engine, now } = bench();
    engine.set('k', 'ab', { deadline: now + 60_000 }, now);
    engine.append('k', 'c', now);
    engine.setrange('k', 0, 'x', now);
    expect(engine.ttl('k', now + 1)).toBe(59);
    engine.set('k', 'ab', { deadline: now }, now);
    expect(engine.append('k', 'c', now)).toBe(1);
    expect(engine.ttl('k', now)).toBe(null);
    engine.set('k', 'abcdef', { deadline: now }, now);
    expect(engine.setrange('k', 2, 'c', now)).toBe(3);
    expect(engine.ttl('k', now)).toBe(null);
  });

  it('refuse an offset beyond the cap before anything is allocated', () => {
    const { engine, now } = bench();
    engine.set('k', 'abc', undefined, now);
    for (const offset of [LIMITS.valueBytes, 1e12, 2 ** 64])
      expect(refusal(() => engine.setrange('k', offset, 'x', now))).toMatch(/^Invalid value: /);
    expect(engine.get('k', now)).toBe('abc');
  });

  it('hold a text of many small appends in one piece of memory', () => {
    const { engine, now } = bench();
    for (let i = 0; i < 20_000; i++) engine.append('k', i % 100 === 0 ? '漢' : 'x', now);
    expect(engine.strlen('k', now)).toBe(20_000 + 400);
    expect(engine.get('k', now)).toBe(`漢${'x'.repeat(99)}`.repeat(200));
  });
});

describe('incr', () => {
  it('counts from zero, keeps the TTL and stores decimal text', () => {
    const { engine, now } = bench();
    expect(engine.incr('k', 7, now)).toBe(7);
    engine.expire('k', 60, now);
    expect(engine.incr('k', -9n, now)).toBe(-2);
    expect(engine.get('k', now)).toBe('-2');
    expect(engine.ttl('k', now)).toBe(60);
    expect(engine.incr('zero', -0, now)).toBe(0);
    engine.set('zero', '-0', undefined, now);
    expect(engine.incr('zero', -0, now)).toBe(0);
    expect(engine.get('zero', now)).toBe('0');
  });

  it('is exact over the whole of 64 bits', () => {
    const { engine, now } = bench();
    engine.set('k', '9007199254740993', undefined, now);
    expect(engine.incr('k', 1, now)).toBe(9007199254740994n);
    expect(engine.incr('k', -9007199254740990n, now)).toBe(4);
    engine.set('k', '-9223372036854775807', undefined, now);
    expect(engine.incr('k', -1, now)).toBe(-9223372036854775808n);
    expect(engine.get('k', now)).toBe('-9223372036854775808');
  });

  it('refuses an overflow in either direction and an amount outside of 64 bits', () => {
    const { engine, now } = bench();
    const overflow = 'Invalid value: Integer overflow on INCR/DECR';
    engine.set('k', '9223372036854775807', undefined, now);
    expect(refusal(() => engine.incr('k', 1, now))).toBe(overflow);
    engine.set('k', '1', undefined, now);
    expect(refusal(() => engine.incr('k', 2n ** 63n, now))).toBe(overflow);
    engine.set('k', '-1', undefined, now);
    expect(refusal(() => engine.incr('k', 2n ** 63n, now))).toBe(overflow);
    expect(engine.get('k', now)).toBe('-1');
  });

  it('reads signs, blanks and leading zeros', () => {
    const { engine, now } = bench();
    for (const [text, sum] of [
      ['+5', 6],
      [' 7 ', 8],
      ['05', 6],
      ['-05\n', -4],
      ['\u00a0\u20289\u3000', 10],
      [`${'0'.repeat(40)}8`, 9],
    ] as const) {
      engine.set('k', text, undefined, now);
      expect(engine.incr('k', 1, now)).toBe(sum);
    }
  });

  it('refuses what is no 64-bit integer', () => {
    const { engine, now } = bench();
    for (const text of [
      'abc',
      '5.0',
      '',
      '"5"',
      '5 6',
      '9223372036854775808',
      '0x10',
      '1e3',
      '-',
      '+',
      '--5',
      '٣',
      bytes(0xff),
    ]) {
      engine.set('k', text, undefined, now);
      expect(refusal(() => engine.incr('k', 1, now))).toBe('Invalid value: Value is not a valid integer');
      expect(engine.get('k', now)).toEqual(text);
    }
  });
});

describe('several keys at once', () => {
  it('mset drops TTLs and lets the last of a repeated key win', () => {
    const { engine, now } = bench();
    engine.set('a', 'x', { deadline: now + 5_000 }, now);
    engine.mset(
      [
        ['a', '1'],
        ['b', '2'],
        ['a', '3'],
      ],
      now,
    );
    expect(engine.mget(['b', 'none', 'a', 'b'], now)).toEqual(['2', undefined, '3', '2']);
    expect(engine.ttl('a', now)).toBe(null);
  });

  it('msetnx writes all or nothing, and an empty list succeeds', () => {
    const { engine, now } = bench();
    engine.set('b', 'x', undefined, now);
    engine.set('dead', 'x', { deadline: now }, now);
    expect(
      engine.msetnx(
        [
          ['a', '1'],
          ['b', '2'],
        ],
        now,
      ),
    ).toBe(false);
    expect(engine.exists('a', now)).toBe(false);
    expect(
      engine.msetnx(
        [
          ['a', '1'],
          ['dead', '2'],
        ],
        now,
      ),
    ).toBe(true);
    expect(engine.msetnx([], now)).toBe(true);
    expect(engine.mget(['a', 'b', 'dead'], now)).toEqual(['1', 'x', '2']);
  });

  it('mdel counts a repeated key once', () => {
    const { engine, now } = bench();
    engine.mset(
      [
        ['a', '1'],
        ['b', '2'],
      ],
      now,
    );
    expect(engine.mdel(['a', 'none', 'b', 'a'], now)).toBe(2);
    expect(engine.mdel([], now)).toBe(0);
  });
});

describe('rename and copy', () => {
  it('carry the deadline to the millisecond', () => {
    const { engine, now } = bench();
    engine.set('a', 'v', { deadline: now + 900 }, now);
    engine.copy('a', 'b', false, now);
    engine.rename('a', 'c', now);
    expect([engine.exists('a', now), engine.get('b', now + 899), engine.get('c', now + 899)]).toEqual([
      false,
      'v',
      'v',
    ]);
    expect([engine.get('b', now + 900), engine.get('c', now + 900)]).toEqual([undefined, undefined]);
  });

  it('overwrite the destination with its TTL', () => {
    const { engine, now } = bench();
    engine.set('a', 'v', undefined, now);
    engine.set('b', 'w', { deadline: now + 60_000 }, now);
    expect(engine.copy('a', 'b', false, now)).toBe(false);
    expect(engine.copy('a', 'b', true, now)).toBe(true);
    expect([engine.get('b', now), engine.ttl('b', now)]).toEqual(['v', null]);
    engine.expire('b', 5, now);
    engine.rename('b', 'a', now);
    expect([engine.get('a', now), engine.ttl('a', now), engine.exists('b', now)]).toEqual(['v', 5, false]);
  });

  it('succeed onto the same name even when it is missing', () => {
    const { engine, now } = bench();
    engine.rename('a', 'a', now);
    expect([engine.renamenx('a', 'a', now), engine.copy('a', 'a', false, now), engine.exists('a', now)]).toEqual([
      true,
      true,
      false,
    ]);
  });

  it('name a missing source, which renamenx tests last and copy first', () => {
    const { engine, now } = bench();
    engine.set('b', 'w', undefined, now);
    expect(refusal(() => engine.rename('a', 'b', now))).toBe('Key not found: a');
    expect(engine.renamenx('a', 'b', now)).toBe(false);
    expect(refusal(() => engine.renamenx('a', 'c', now))).toBe('Key not found: a');
    expect(refusal(() => engine.copy('a', 'b', false, now))).toBe('Key not found: a');
    expect(engine.get('b', now)).toBe('w');
  });

  it('take a dead destination for a free one', () => {
    const { engine, now } = bench();
    engine.set('a', 'v', undefined, now);
    engine.set('b', 'w', { deadline: now }, now);
    expect(engine.renamenx('a', 'b', now)).toBe(true);
    expect([engine.get('b', now), engine.ttl('b', now)]).toEqual(['v', null]);
  });
});

describe('statistics', () => {
  it('count gets, sets, dels, hits and misses as the sheet says', () => {
    const { engine, now } = bench();
    engine.set('k', 'abc', undefined, now);
    engine.append('k', 'd', now);
    engine.setrange('k', 0, 'X', now);
    engine.getset('k', 'q', now);
    engine.strlen('k', now);
    engine.getrange('k', 0, 0, now);
    engine.getrange('k', 5, 9, now); // an empty range counts nothing
    engine.getrange('none', 0, 0, now);
    engine.strlen('none', now);
    engine.exists('k', now);
    engine.expire('k', 60, now);
    engine.ttl('k', now);
    engine.persist('k', now);
    expect(engine.stats(now)).toMatchObject({ keys: 1, bytes: 42, gets: 5, sets: 4, dels: 0, hits: 3, misses: 2 });
  });

  it('count a rename as a get, a set and its deletes, and refused writes not at all', () => {
    const { engine, now } = bench();
    engine.mset(
      [
        ['a', '1'],
        ['b', '2'],
      ],
      now,
    );
    engine.rename('a', 'b', now);
    engine.set('b', 'x', { nx: true }, now);
    engine.msetnx([['b', '1']], now);
    engine.del('none', now);
    expect(engine.stats(now)).toMatchObject({ keys: 1, gets: 1, hits: 1, misses: 0, sets: 3, dels: 2 });
  });

  it('count keys however they were born, and fall back to zero', () => {
    const { engine, now } = bench();
    engine.set('a', '1', undefined, now);
    engine.incr('b', 1, now);
    engine.append('c', 'x', now);
    engine.setrange('d', 1, 'x', now);
    engine.msetnx([['e', '1']], now);
    expect(engine.dbsize(now)).toBe(5);
    expect(engine.stats(now)).toMatchObject({ keys: 5, bytes: 5 * 42 + 1, sets: 5 });
    expect(engine.mdel(['a', 'b', 'c', 'd', 'e'], now)).toBe(5);
    expect(engine.stats(now)).toMatchObject({ keys: 0, bytes: 0, volatile: 0, sets: 5, dels: 5 });
  });

  it('survive a flush, which answers how many keys lived', () => {
    const { engine, now } = bench();
    engine.mset(
      [
        ['a', '1'],
        ['b', '2'],
      ],
      now,
    );
    engine.set('dead', 'x', { deadline: now }, now);
    engine.get('a', now);
    expect(engine.flush(now)).toBe(2);
    expect(engine.stats(now)).toMatchObject({ keys: 0, bytes: 0, volatile: 0, sets: 3, gets: 1, hits: 1, dels: 0 });
    expect(engine.flush(now)).toBe(0);
  });
});

describe('listing', () => {
  it('filters by pattern and prefix together and stops at the limit', () => {
    const it = bench();
    it.engine.mset(
      [
        ['a-1', ''],
        ['a-2', ''],
        ['b-1', ''],
        ['s*', ''],
      ],
      it.now,
    );
    expect(it.keys()).toEqual(['a-1', 'a-2', 'b-1', 's*']);
    expect(it.keys('a*')).toEqual(['a-1', 'a-2']);
    expect(it.keys(undefined, 'a')).toEqual(['a-1', 'a-2']);
    expect(it.keys('*1', 'a')).toEqual(['a-1']);
    expect(it.keys(undefined, 's*')).toEqual(['s*']);
    expect(it.keys(undefined, undefined, 3)).toHaveLength(3);
    expect(it.keys(undefined, undefined, 0)).toEqual([]);
  });

  it('never returns more than the cap', () => {
    const { engine, now } = bench();
    for (let i = 0; i < LIMITS.listedKeys + 5; i++) engine.set(`${i}`, '', undefined, now);
    const listing = engine.list({ limit: 2 ** 64 });
    let steps = 1;
    while (listing.step(now)) steps++;
    expect(listing.keys).toHaveLength(LIMITS.listedKeys);
    expect(steps).toBeGreaterThan(10);
    expect(listing.step(now)).toBe(false);
  });

  it('stops at the cap of bytes', () => {
    const { engine, now } = bench();
    for (let i = 0; i < 20; i++) engine.set(`${i}${'é'.repeat(500_000)}`, '', undefined, now);
    const listing = engine.list({});
    while (listing.step(now)) {}
    expect(listing.keys).toHaveLength(16);
  });

  it('lists what stays exactly once while other keys come and go', () => {
    const { engine, now } = bench();
    for (let i = 0; i < 20_000; i++) engine.set(`k${i}`, 'v', undefined, now);
    const listing = engine.list({});
    let moved = 0;
    while (listing.step(now)) {
      for (let i = 0; i < 500; i++, moved++) {
        engine.del(`k${2 * moved}`, now);
        engine.set(`new${moved}`, 'v', undefined, now);
      }
    }
    expect(moved).toBeGreaterThan(1_000);
    const stayed = Array.from({ length: 10_000 }, (_, i) => `k${2 * i + 1}`);
    expect(listing.keys.filter((key) => /^k\d*[13579]$/.test(key)).sort()).toEqual(stayed.sort());
    expect(new Set(listing.keys).size).toBe(listing.keys.length);
  });
});

describe('a random key', () => {
  it('is any key with about the same chance, and nothing when there is none', () => {
    const { engine, now } = bench();
    expect(engine.randomKey(now)).toBe(undefined);
    engine.set('dead', 'x', { deadline: now }, now);
    expect(engine.randomKey(now)).toBe(undefined);
    const drawn = new Map<string, number>();
    for (let i = 0; i < 10; i++) engine.set(`k${i}`, 'v', undefined, now);
    for (let i = 0; i < 5_000; i++) {
      const key = engine.randomKey(now) as string;
      drawn.set(key, (drawn.get(key) ?? 0) + 1);
    }
    expect([...drawn.keys()].sort()).toEqual(Array.from({ length: 10 }, (_, i) => `k${i}`));
    expect(Math.min(...drawn.values())).toBeGreaterThan(400);
  });

  it('is found among many dead ones', () => {
    const { engine, now } = bench();
    for (let i = 0; i < 5_000; i++) engine.set(`dead${i}`, 'x', { deadline: now }, now);
    engine.set('alive', 'x', undefined, now);
    expect(engine.randomKey(now)).toBe('alive');
  });
});

describe('many keys', () => {
  it('are found, removed and counted while tables grow and shrink', () => {
    const { engine, now } = bench();
    for (let i = 0; i < 60_000; i++)
      engine.set(`key:${i}`, `${i}`, i % 3 === 0 ? { deadline: now + 1_000 + i } : undefined, now);
    expect(engine.check()).toEqual([]);
    for (let i = 0; i < 60_000; i += 7) expect(engine.get(`key:${i}`, now)).toBe(`${i}`);
    for (let i = 0; i < 60_000; i++) if (i % 50 !== 0) engine.del(`key:${i}`, now);
    expect(engine.check()).toEqual([]);
    expect(engine.stats(now)).toMatchObject({ keys: 1_200, volatile: 400 });
    for (let i = 0; i < 60_000; i += 50) expect(engine.get(`key:${i}`, now)).toBe(`${i}`);
  });
});

describe('the store', () => {
  it('is told of every change, with absolute deadlines', () => {
    const { engine, store, now } = bench();
    engine.set('a', '1', undefined, now);
    engine.set('b', bytes(0xff), { deadline: now + 5 }, now);
    engine.incr('a', 1, now);
    engine.expire('a', 60, now);
    engine.copy('a', 'c', false, now);
    engine.persist('c', now);
    engine.rename('c', 'd', now);
    expect(store.snapshot()).toEqual({
      kv: { a: ['2', now + 60_000], b: [bytes(0xff), now + 5], d: '2' },
    });
    engine.del('a', now);
    engine.get('b', now + 5);
    expect(store.snapshot()).toEqual({ kv: { d: '2' } });
    engine.flush(now);
    expect(store.snapshot()).toEqual({});
  });

  it('is told nothing by refused and empty calls', () => {
    const { engine, store, now } = bench();
    engine.set('a', 'x', undefined, now);
    const { changes } = store;
    engine.set('a', 'y', { nx: true }, now);
    engine.persist('a', now);
    engine.del('none', now);
    engine.msetnx([['a', 'y']], now);
    engine.rename('a', 'a', now);
    refusal(() => engine.incr('a', 1, now));
    engine.expire('none', 5, now);
    expect(store.changes).toBe(changes);
  });

  it('is never given back a record that makes no sense', () => {
    expect(() => bench().engine.restore('kv', 'k', { value: 1 })).toThrow(/record of key 'k'/);
  });
});
