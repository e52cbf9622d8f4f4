/**
 * Keys and values: what the reference does badly and ours does well (synap-core.md 9, items 2, 4, 8, 10, 24, 25, 30).
 */
import { describe, expect, it } from 'vitest';
import { hosted, refusal } from './support.ts';

const user = hosted();

const missing = { error: 'Key not found' };

describe('a giant offset (9-2)', () => {
  it('is refused by setrange on both faces, and the key stays as it was', async () => {
    await user.run('kv.set', { key: 'word', value: 'v' });
    for (const offset of ['536870912', '4294967296', '9007199254740993', '18446744073709551615']) {
      for (const key of ['word', 'unborn']) {
        const rest = await user.post(`/kv/${key}/setrange`, `{"offset":${offset},"value":"x"}`);
        expect([offset, rest]).toEqual([offset, refusal(400, /^Invalid value: /)]);
        const raw = `{"command":"kv.setrange","request_id":"q","payload":{"key":"${key}","offset":${offset},"value":"x"}}`;
        expect(await user.put('/api/v1/command', raw)).toMatchObject({
          success: false,
          error: expect.stringMatching(/^Invalid value: /),
        });
      }
    }
    expect([await user.get('/kv/get/word'), await user.get('/kv/get/unborn')]).toEqual(['v', missing]);
  });
});

describe('a listing (9-4)', () => {
  const own = hosted();

  it('has 100,000 keys at most, whatever the limit says', async () => {
    const many = 100_001;
    const pairs = Array.from({ length: many }, (_, i) => ({ key: `k${i}`, value: 0 }));
    for (let from = 0; from < many; from += 50_000)
      await own.run('kv.mset', { pairs: pairs.slice(from, from + 50_000) });
    expect(await own.run('kv.dbsize')).toEqual({ size: many });
    for (const [command, payload] of [
      ['kv.scan', { limit: many }],
      ['kv.scan', { limit: Number.MAX_SAFE_INTEGER }],
      ['kv.keys', {}],
      ['kv.keys', { pattern: 'k*' }],
    ] as const) {
      const { count, keys } = await own.run<{ count: number; keys: string[] }>(command, payload);
      expect([command, count, new Set(keys).size]).toEqual([command, 100_000, 100_000]);
    }
    expect(await own.run('kv.scan', { prefix: 'k10000', limit: 5 })).toMatchObject({ count: 2 });
  });
});

describe('a dead key (9-8)', () => {
  const own = hosted('--kv-store-ttl-cleanup-interval-ms', '60000');
  const die = (key: string, value: unknown = 'v'): Promise<unknown> => own.run('kv.set', { key, value, ttl: 0 });

  it('is missing everywhere, swept or not', async () => {
    await die('d');
    expect(await own.get('/kv/get/d')).toEqual(missing);
    expect(await own.run('kv.exists', { key: 'd' })).toEqual({ exists: false });
    expect(await own.run('key.type', { key: 'd' })).toEqual({ key: 'd', type: 'none' });
    expect(await own.run('kv.strlen', { key: 'd' })).toEqual({ length: 0 });
    expect(await own.refused('kv.ttl', { key: 'd' })).toBe('Key not found: d');
    expect(await own.run('kv.mget', { keys: ['d'] })).toEqual({ values: [null] });
    await die('d');
    expect(await own.run('kv.keys')).toEqual({ count: 0, keys: [] });
    expect(await own.run('kv.scan')).toEqual({ count: 0, keys: [] });
    expect(await own.run('key.randomkey')).toEqual({ key: null });
    expect(await own.run('kv.dbsize')).toEqual({ size: 0 });
    expect(await own.run('kv.mdel', { keys: ['d'] })).toEqual({ deleted: 0 });
    await die('d');
    expect(await own.request('DELETE', '/kv/del/d')).toMatchObject({ body: { deleted: false } });
  });

  it('is not revived by expire, persist, rename or copy', async () => {
    await die('e');
    expect(await own.run('kv.expire', { key: 'e', ttl: 60 })).toEqual({ result: false });
    expect(await own.run('kv.persist', { key: 'e' })).toEqual({ result: false });
    expect(await own.refused('key.rename', { source: 'e', destination: 'f' })).toBe('Key not found: e');
    expect(await own.post('/key/e/copy', { destination: 'f' })).toEqual(refusal(404, 'Key not found: e'));
    expect([await own.get('/kv/get/e'), await own.get('/kv/get/f')]).toEqual([missing, missing]);
  });

  it('is nothing to getset, and a start afresh without TTL to incr, append and setrange', async () => {
    for (const key of ['g', 'i', 'a', 's']) await die(key, 7);
    expect(await own.run('kv.getset', { key: 'g', value: 'new' })).toBeNull();
    expect(await own.run('kv.incr', { key: 'i' })).toEqual({ value: 1 });
    expect(await own.run('kv.append', { key: 'a', value: 'x' })).toEqual({ length: 1 });
    expect(await own.run('kv.setrange', { key: 's', offset: 1, value: 'x' })).toEqual({ length: 2 });
    for (const key of ['g', 'i', 'a', 's']) expect(await own.run('kv.ttl', { key })).toEqual({ ttl: null });
  });

  it('is free to msetnx, nx and renamenx, and not there to xx', async () => {
    for (const key of ['m', 'n', 'r', 'x']) await die(key);
    expect(await own.run('kv.msetnx', { pairs: [{ key: 'm', value: 1 }] })).toEqual({ success: true });
    expect(await own.put('/kv/set', { key: 'n', value: 1, nx: true })).toMatchObject({ written: true });
    expect(await own.run('key.renamenx', { source: 'n', destination: 'r' })).toMatchObject({ success: true });
    expect(await own.put('/kv/set', { key: 'x', value: 1, xx: true, get: true })).toEqual({
      success: true,
      key: 'x',
      written: false,
    });
  });
});

describe('several keys at once (9-10)', () => {
  it('are claimed by exactly one of many kv.msetnx that overlap', async () => {
    const claims = Array.from({ length: 40 }, (_, i) => ({
      pairs: [
        { key: 'lock', value: i },
        { key: `own-${i}`, value: i },
      ],
    }));
    const answers = await Promise.all(
      claims.map((claim, i) => (i % 2 === 0 ? user.run('kv.msetnx', claim) : user.put('/kv/msetnx', claim))),
    );
    const won = answers.flatMap((answer, i) => ((answer as { success: boolean }).success ? [i] : []));
    expect(won).toHaveLength(1);
    expect(await user.get('/kv/get/lock')).toBe(String(won[0]));
    expect(await user.run('kv.keys', { prefix: 'own-' })).toEqual({ count: 1, keys: [`own-${won[0]}`] });
  });

  it('are seen all new or all old while kv.mset overwrites them', async () => {
    const keys = Array.from({ length: 50 }, (_, i) => `all-${i}`);
    const write = (value: number): Promise<unknown> =>
      user.run('kv.mset', { pairs: keys.map((key) => ({ key, value })) });
    await write(0);
    const writes = Array.from({ length: 20 }, (_, i) => write(i + 1));
    const reads = Array.from({ length: 20 }, () => user.run<{ values: number[] }>('kv.mget', { keys }));
    for (const { values } of await Promise.all(reads)) expect(new Set(values).size).toBe(1);
    await Promise.all(writes);
  });

  describe('in a small memory', () => {
    const own = hosted('--max-memory-mb', '1');

    it('are written all or none', async () => {
      const value = 'x'.repeat(300_000);
      const pairs = ['a', 'b', 'c', 'd'].map((key) => ({ key, value }));
      await own.run('kv.set', { key: 'a', value: 'old' });
      expect(await own.refused('kv.mset', { pairs })).toBe('Memory limit exceeded');
      expect(await own.refused('kv.msetnx', { pairs: pairs.slice(1).concat({ key: 'e', value }) })).toBe(
        'Memory limit exceeded',
      );
      expect(await own.run('kv.keys')).toEqual({ count: 1, keys: ['a'] });
      expect(await own.get('/kv/get/a')).toBe('old');
      expect(await own.post('/kv/set', { key: 'f', value: 'x'.repeat(1_100_000) })).toEqual(
        refusal(507, 'Memory limit exceeded'),
      );
      expect(await own.run('kv.mset', { pairs: pairs.slice(1) })).toEqual({ success: true });
    });
  });
});

describe('the two faces (9-24, 9-25)', () => {
  it('keep their own answers to one call', async () => {
    for (const key of ['s', 'd']) await user.run('kv.set', { key, value: key });
    expect(await user.put('/key/s/copy', { destination: 'd' })).toEqual({
      success: false,
      source: 's',
      destination: 'd',
    });
    expect(await user.refused('key.copy', { source: 's', destination: 'd' })).toBe(
      'Invalid request: Destination key already exists and replace=false',
    );
    expect(await user.run('kv.set', { key: 's', value: 'w', nx: true, get: true })).toEqual({ success: true });
    expect(await user.get('/kv/get/s')).toBe('w');
  });

  it('go on taking a command field of a wrong type for absent: a fractional ttl is none', async () => {
    for (const ttl of [1.5, '60', -1, null]) {
      await user.run('kv.set', { key: 'lenient', value: 1, ttl });
      expect(await user.run('kv.ttl', { key: 'lenient' })).toEqual({ ttl: null });
      const rest = await user.post('/kv/set', { key: 'strict', value: 1, ttl });
      expect([ttl, rest.status]).toEqual([ttl, ttl === null ? 200 : 422]);
    }
  });
});

describe('kv.decr by the lowest integer (9-30)', () => {
  it('overflows like any other, and the value stays', async () => {
    const lowest = (command: string, key: string): Promise<unknown> =>
      user.put(
        '/api/v1/command',
        `{"command":"${command}","request_id":"q","payload":{"key":"${key}","amount":-9223372036854775808}}`,
      );
    const overflow = { success: false, error: 'Invalid value: Integer overflow on INCR/DECR' };
    for (const value of [1, 0, -1]) {
      await user.run('kv.set', { key: 'n', value });
      expect([value, await lowest('kv.decr', 'n')]).toMatchObject([value, overflow]);
      expect(await user.get('/kv/get/n')).toBe(String(value));
    }
    expect(await lowest('kv.decrby', 'n0')).toMatchObject(overflow);
    expect(await user.get('/kv/get/n0')).toEqual(missing);
    expect(await lowest('kv.incr', 'zero')).toMatchObject({ success: true });
    expect(await user.get('/kv/get/zero')).toBe('-9223372036854775808');
  });
});
