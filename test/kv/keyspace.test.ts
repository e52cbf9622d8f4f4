/** Where keys lie: the hash, the shards, and what keeps them from piling up. */
import { describe, expect, it } from 'vitest';
import { hashKey } from '../../src/kv/hash.ts';
import { Keyspace } from '../../src/kv/keyspace.ts';

const COUNT = 100_000;
const shapes: Record<string, (i: number) => string> = {
  'counted up': (i) => `${i}`,
  'counted up with zeros': (i) => `key:${String(i).padStart(12, '0')}`,
  'with a common end': (i) => `${i}:${'x'.repeat(60)}`,
  'of one repeated character': (i) => 'a'.repeat(i % 1_000) + String.fromCharCode(0x100 + Math.floor(i / 1_000)),
  'of other scripts': (i) => `ключ:${String.fromCodePoint(0x4e00 + (i % 20_000))}${Math.floor(i / 20_000)}`,
};

describe('keys', () => {
  it.each(Object.entries(shapes))('%s are spread evenly', (_, shape) => {
    const space = new Keyspace(12_345, false);
    for (let i = 0; i < COUNT; i++) {
      const key = shape(i);
      space.insert(key, space.hash(key), '', 0);
    }
    const counts = space.shards.map((shard) => shard.count);
    expect(Math.max(...counts)).toBeLessThan((1.6 * COUNT) / counts.length);
    expect(Math.min(...counts)).toBeGreaterThan((0.5 * COUNT) / counts.length);
  });

  it('have other hashes under another seed', () => {
    const same = Array.from({ length: 1_000 }, (_, i) => hashKey(`k${i}`, 1) === hashKey(`k${i}`, 2)).filter(Boolean);
    expect(same.length).toBeLessThan(3);
    const pairs = Array.from({ length: 200 }, (_, i) => `k${i}`);
    const collide = (seed: number): Set<string> => {
      const seen = new Map<number, string>();
      const together = new Set<string>();
      for (const key of pairs) {
        const shard = hashKey(key, seed) & 1_023;
        const other = seen.get(shard);
        if (other === undefined) seen.set(shard, key);
        else together.add(`${other} ${key}`);
      }
      return together;
    };
    const once = collide(1);
    const again = collide(2);
    expect([...once].filter((pair) => again.has(pair)).length).toBeLessThan(once.size / 2);
  });

  it('of any length take bounded time', () => {
    const key = 'x'.repeat(50_000_000);
    const started = process.cpuUsage();
    for (let i = 0; i < 1_000; i++) hashKey(key, i);
    expect(process.cpuUsage(started).user).toBeLessThan(2_000_000); // all characters would be 80 seconds
  });

  it('are picked by chance from all shards, also when there are many', () => {
    const space = new Keyspace(1, false);
    for (let i = 0; i < 40_000; i++) {
      const slot = space.insert(`${i}`, space.hash(`${i}`), '', 0);
      if (i % 2 === 0) space.setDeadline(space.shard, slot, 5);
    }
    let dice = 0;
    const random = (): number => (dice = (dice * 69_069 + 12_345) % 2 ** 31) / 2 ** 31;
    const picked = new Set<string>();
    for (let i = 0; i < 20_000; i++) {
      const slot = i % 2 === 0 ? space.pick(random) : space.pickVolatile(random);
      const key = space.shard.key(slot);
      if (i % 2 === 1) expect(Number(key) % 2).toBe(0);
      picked.add(key);
    }
    expect(picked.size).toBeGreaterThan(12_000);
  });
});
