/**
 * Keys and values, where ours answers better than the recordings: deadlines, counters, watches (synap-core.md 9-7 to -9).
 */
import { describe, expect, it } from 'vitest';
import { hosted, ID, SECONDS } from './support.ts';

const user = hosted();

const missing = { error: 'Key not found' };

/** A key with the value `v` that dies at a millisecond, given in Unix time. */
const dying = (key: string, at: number): Promise<unknown> =>
  user.put('/kv/set', { key, value: 'v', expiry: { type: 'unix_milliseconds', value: at } });

/** Watches keys, and gives the frames of their events as `[key, event, when it came]`. */
async function watching(...keys: string[]): Promise<() => Promise<readonly [string, string, number]>> {
  const client = await user.open(`/kv/ws?keys=${keys.join(',')}`);
  await client.text();
  return async () => {
    const { payload } = JSON.parse(await client.text()) as { payload: { key: string; event: string } };
    return [payload.key, payload.event, Date.now()];
  };
}

/** Reads two keys at once until they are gone; while they live their values have to be the same. */
async function dieTogether(keys: readonly string[], deadline: number): Promise<void> {
  for (;;) {
    const before = Date.now();
    const { values } = await user.run<{ values: (string | null)[] }>('kv.mget', { keys });
    const after = Date.now();
    expect(new Set(values).size, 'one of them is gone and the other is not').toBe(1);
    if (after < deadline) expect(values[0]).toBe('v');
    if (before >= deadline) expect(values[0]).toBeNull();
    if (values[0] === null) return;
  }
}

describe('a key with less than a second left', () => {
  it('lives on under another name, and dies at the millisecond at which it would have died', async () => {
    const deadline = Date.now() + 900;
    await dying('r1', deadline);
    await dying('twin', deadline);
    await user.put('/key/r1/rename', { destination: 'r2' });
    expect(await user.get('/kv/get/r2')).toBe('v');
    expect(await user.get('/kv/get/r1')).toEqual(missing);
    await dieTogether(['r2', 'twin'], deadline);
    expect(await user.get('/kv/get/r2')).toEqual(missing);
  });

  it('is copied alive, and both die at the same millisecond', async () => {
    const deadline = Date.now() + 900;
    await dying('c1', deadline);
    await user.put('/key/c1/copy', { destination: 'c2' });
    expect([await user.get('/kv/get/c1'), await user.get('/kv/get/c2')]).toEqual(['v', 'v']);
    await dieTogether(['c1', 'c2'], deadline);
  });
});

describe('kv.persist', () => {
  it('is false for a key without a TTL', async () => {
    await user.run('kv.set', { key: 'stays', value: 1 });
    expect(await user.run('kv.persist', { key: 'stays' })).toEqual({ result: false });
    expect(await user.run('kv.ttl', { key: 'stays' })).toEqual({ ttl: null });
  });

  it('is true once for a key with a TTL, and false for a missing and a dead key', async () => {
    await user.run('kv.set', { key: 'goes', value: 1, ttl: 60 });
    expect(await user.run('kv.persist', { key: 'goes' })).toEqual({ result: true });
    expect(await user.run('kv.ttl', { key: 'goes' })).toEqual({ ttl: null });
    expect(await user.run('kv.persist', { key: 'goes' })).toEqual({ result: false });
    await user.run('kv.set', { key: 'dead', value: 1, ttl: 0 });
    expect(await user.run('kv.persist', { key: 'dead' })).toEqual({ result: false });
    expect(await user.run('kv.persist', { key: 'nobody' })).toEqual({ result: false });
  });
});

describe('the counters', () => {
  const own = hosted();

  it('never go below zero, and are the same on both faces', async () => {
    await own.run('kv.incr', { key: 'a' });
    await own.run('kv.del', { key: 'a' });
    const stats = {
      total_keys: 0,
      total_memory_bytes: 0,
      operations: { gets: 0, sets: 1, dels: 1, hits: 0, misses: 0 },
      hit_rate: 0,
    };
    expect(await own.run('kv.stats')).toEqual(stats);
    expect(await own.get('/kv/stats')).toEqual(stats);
    expect(await own.run('kv.dbsize')).toEqual({ size: 0 });
  });

  it('count keys that were born by incr, append, setrange and msetnx like any other', async () => {
    const before = await own.run<{ operations: { sets: number } }>('kv.stats');
    await own.run('kv.set', { key: 'k1', value: 1 });
    await own.run('kv.incr', { key: 'k2' });
    await own.run('kv.append', { key: 'k3', value: 'x' });
    await own.run('kv.setrange', { key: 'k4', offset: 0, value: 'x' });
    await own.run('kv.msetnx', { pairs: [{ key: 'k5', value: 1 }] });
    const agree = async (keys: number): Promise<void> => {
      expect(await own.run('kv.dbsize')).toEqual({ size: keys });
      expect(await own.run('kv.stats')).toMatchObject({ total_keys: keys });
      expect(await own.get('/kv/stats')).toMatchObject({ total_keys: keys });
      expect(await own.run('kv.keys')).toMatchObject({ count: keys });
      expect(await own.run('kv.scan')).toMatchObject({ count: keys });
    };
    await agree(5);
    expect(await own.run('kv.stats')).toMatchObject({ operations: { sets: before.operations.sets + 5 } });
    await own.run('kv.del', { key: 'k2' });
    await agree(4);
  });

  it('agree with the listings about keys that are dead', async () => {
    await own.run('kv.set', { key: 'k1', value: 1, ttl: 0 });
    expect(await own.run('kv.dbsize')).toEqual({ size: 3 });
    expect(await own.run('kv.stats')).toMatchObject({ total_keys: 3 });
    const { keys } = await own.run<{ keys: string[] }>('kv.keys');
    expect(keys.sort()).toEqual(['k3', 'k4', 'k5']);
    expect(await own.run('kv.scan', { prefix: 'k1' })).toEqual({ count: 0, keys: [] });
  });
});

describe('a watcher', () => {
  it('is told within half a second that a key expired, though nobody reads it, and the next set has version 1', async () => {
    const client = await user.open('/kv/ws?keys=k');
    expect(await client.take(1)).toEqual([
      { type: 'connected', subscriber_id: ID, topics: ['__watch@0__:k'], subscription_count: 1 },
    ]);
    const frame = (payload: unknown): unknown => ({
      type: 'message',
      message_id: ID,
      topic: '__watch@0__:k',
      payload,
      metadata: null,
      timestamp: SECONDS,
    });
    await user.put('/kv/set', { key: 'k', value: 'v', ttl: 0 });
    expect(await client.take(1)).toEqual([frame({ key: 'k', event: 'set', version: 1, value: 'v' })]);
    const since = Date.now();
    expect(await client.take(1)).toEqual([frame({ key: 'k', event: 'expired', version: 2 })]);
    expect(Date.now() - since).toBeLessThan(500);
    await user.put('/kv/set', { key: 'k', value: 'w' });
    expect(await client.take(1)).toEqual([frame({ key: 'k', event: 'set', version: 1, value: 'w' })]);
    await client.close();
  });

  it('is told of the end of a renamed key at its own deadline', async () => {
    const next = await watching('w1', 'w2');
    const deadline = Date.now() + 300;
    await dying('w1', deadline);
    await user.put('/key/w1/rename', { destination: 'w2' });
    const seen = [await next(), await next(), await next(), await next()];
    expect(seen.map(([key, event]) => [key, event])).toEqual([
      ['w1', 'set'],
      ['w2', 'set'],
      ['w1', 'del'],
      ['w2', 'expired'],
    ]);
    expect(seen[3]?.[2]).toBeGreaterThanOrEqual(deadline);
  });
});
