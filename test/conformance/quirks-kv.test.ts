/**
 * Keys and values, where ours answers better than the recordings: values and listings (synap-core.md 8.1-1 to -5, -15).
 */
import { describe, expect, it } from 'vitest';
import { hosted } from './support.ts';

const user = hosted();

describe('kv.msetnx', () => {
  it('takes a bare key and value as its only pair, once', async () => {
    expect(await user.run('kv.msetnx', { key: 'bare', value: 1 })).toEqual({ success: true });
    expect(await user.get('/kv/get/bare')).toBe('1');
    expect(await user.run('kv.msetnx', { key: 'bare', value: 1 })).toEqual({ success: false });
    expect(await user.get('/kv/get/bare')).toBe('1');
  });

  it('still wants pairs when there is no key, or when pairs is there and no array', async () => {
    const missing = "Invalid request: Missing 'pairs' array";
    expect(await user.refused('kv.msetnx', { value: 1 })).toBe(missing);
    for (const pairs of [null, {}, 'k', 5])
      expect(await user.refused('kv.msetnx', { pairs, key: 'unborn', value: 1 })).toBe(missing);
    expect(await user.get('/kv/get/unborn')).toEqual({ error: 'Key not found' });
  });
});

describe('listings', () => {
  const own = hosted();
  const sorted = async (payload: unknown): Promise<string[]> => {
    const { count, keys } = await own.run<{ count: number; keys: string[] }>('kv.keys', payload);
    expect(count).toBe(keys.length);
    return keys.sort();
  };

  it('by kv.keys filter by glob pattern and by literal prefix, and by both', async () => {
    await own.run('kv.set', { key: 'a-1', value: 1 });
    await own.run('kv.set', { key: 'b-1', value: 1 });
    expect(await own.run('kv.keys', { pattern: 'a*' })).toEqual({ count: 1, keys: ['a-1'] });
    expect(await own.run('kv.keys', { prefix: 'a' })).toEqual({ count: 1, keys: ['a-1'] });
    expect(await sorted({ pattern: '*1', prefix: 'b' })).toEqual(['b-1']);
    expect(await sorted({ pattern: 'a*', prefix: 'b' })).toEqual([]);
  });

  it('by kv.keys filter nothing for {}, *, null and members of a wrong type', async () => {
    const all = ['a-1', 'b-1'];
    for (const payload of [{}, { pattern: '*' }, null, { pattern: null, prefix: null }, { pattern: 5, prefix: ['a'] }])
      expect([payload, await sorted(payload)]).toEqual([payload, all]);
  });

  it('by kv.scan take key for the prefix, unless prefix is text', async () => {
    expect(await own.run('kv.scan', { key: 'a' })).toEqual({ count: 1, keys: ['a-1'] });
    expect(await own.run('kv.scan', { key: 'a', prefix: 5 })).toEqual({ count: 1, keys: ['a-1'] });
    expect(await own.run('kv.scan', { key: 'a', prefix: 'b' })).toEqual({ count: 1, keys: ['b-1'] });
    expect(await own.run('kv.scan', { key: 'a', prefix: '' })).toMatchObject({ count: 2 });
  });

  it('by kv.keys match a pattern against the whole key, with ?, [..] and an escape; a prefix is literal', async () => {
    for (const key of ['c1', 'c2', 'cc1', 'c*', 'c[1]']) await own.run('kv.set', { key, value: 1 });
    expect(await sorted({ pattern: 'c' })).toEqual([]);
    expect(await sorted({ pattern: 'c?' })).toEqual(['c*', 'c1', 'c2']);
    expect(await sorted({ pattern: 'c[2-9]' })).toEqual(['c2']);
    expect(await sorted({ pattern: 'c\\*' })).toEqual(['c*']);
    expect(await sorted({ prefix: 'c*' })).toEqual(['c*']);
    expect(await sorted({ prefix: 'c[1' })).toEqual(['c[1]']);
  });
});

describe('kv.mget', () => {
  it('answers plain text as text, JSON parsed, a missing key as null, other bytes by their number', async () => {
    await user.run('kv.set', { key: 'name', value: 'alice' });
    expect(await user.run('kv.mget', { keys: ['name'] })).toEqual({ values: ['alice'] });
    await user.run('kv.set', { key: 'object', value: { a: [1, true] } });
    await user.run('kv.set', { key: 'blank', value: ' 7 ' });
    await user.run('kv.set', { key: 'zero', value: '01' });
    // setrange in the middle of a character leaves bytes that are no UTF-8
    await user.run('kv.set', { key: 'bytes', value: 'ö' });
    await user.run('kv.setrange', { key: 'bytes', offset: 1, value: 'x' });
    expect(await user.run('kv.mget', { keys: ['object', 'nobody', 'blank', 'zero', 'bytes'] })).toEqual({
      values: [{ a: [1, true] }, null, 7, '01', '<binary data: 2 bytes>'],
    });
  });
});

describe('counting', () => {
  it('answers to kv.incrby and kv.decrby as to kv.incr and kv.decr', async () => {
    expect(await user.run('kv.incrby', { key: 'n', amount: 5 })).toEqual({ value: 5 });
    expect(await user.run('kv.decrby', { key: 'n', amount: 5 })).toEqual({ value: 0 });
    expect(await user.run('kv.incrby', { key: 'n' })).toEqual({ value: 1 });
    expect(await user.run('kv.incrby', { key: 'n', delta: 2 })).toEqual({ value: 3 });
  });

  it('reads delta where amount is no integer', async () => {
    expect(await user.run('kv.incr', { key: 'd', delta: 5 })).toEqual({ value: 5 });
    expect(await user.run('kv.decr', { key: 'd', delta: 5 })).toEqual({ value: 0 });
    expect(await user.run('kv.incr', { key: 'd', amount: 2, delta: 50 })).toEqual({ value: 2 });
    expect(await user.run('kv.incr', { key: 'd', amount: '2', delta: 50 })).toEqual({ value: 52 });
    for (const delta of ['5', 5.5, null, {}])
      expect(await user.run('kv.incr', { key: `d-${String(delta)}`, delta })).toEqual({ value: 1 });
  });
});

describe('text in commands', () => {
  it('is appended without quotes, and appending nothing makes an empty value', async () => {
    await user.run('kv.set', { key: 'log', value: 'ab' });
    expect(await user.run('kv.append', { key: 'log', value: 'cd' })).toEqual({ length: 4 });
    expect(await user.get('/kv/get/log')).toBe('abcd');
    expect(await user.run('kv.append', { key: 'empty', value: '' })).toEqual({ length: 0 });
    expect(await user.get('/kv/get/empty')).toBe('');
    expect(await user.run('kv.exists', { key: 'empty' })).toEqual({ exists: true });
  });

  it('is appended as JSON text when it is any other JSON', async () => {
    await user.run('kv.set', { key: 'json', value: 'x' });
    expect(await user.run('kv.append', { key: 'json', value: { b: [1], a: null } })).toEqual({ length: 19 });
    expect(await user.get('/kv/get/json')).toBe('x{"a":null,"b":[1]}');
  });

  it('is swapped by kv.getset without quotes', async () => {
    expect(await user.run('kv.getset', { key: 'turn', value: 'first' })).toBeNull();
    expect(await user.run('kv.getset', { key: 'turn', value: 'second' })).toBe('first');
    expect(await user.get('/kv/get/turn')).toBe('second');
  });

  it('is written into a range without quotes', async () => {
    await user.run('kv.set', { key: 'word', value: 'abcdefgh' });
    expect(await user.run('kv.setrange', { key: 'word', offset: 2, value: 'X' })).toEqual({ length: 8 });
    expect(await user.get('/kv/get/word')).toBe('abXdefgh');
  });
});
