/**
 * Key-value commands that read or write one value or several (synap-core.md 2.1, 2.2). Deadlines, counters and
 * listings stand in kv-keys.ts.
 */
import * as z from 'zod';
import { invalidRequest } from '../core/errors.ts';
import { deadlineAt, deadlineIn, NEVER } from '../kv/deadline.ts';
import type { Value } from '../kv/value.ts';
import { command } from './define.ts';
import { checkKeys, fallback, isInteger } from './payload.ts';
import { requiredI64, text } from './readers.ts';
import { ByteArray, Done, Flag, I64, Json, Key, U64 } from './schemas.ts';
import { toBytes, toJson, toStored, toText, toTypedStored } from './stored.ts';

const kv = (p: { key: string }): string => `kv:${p.key}`;

const Expiry = z
  .object({
    type: z.enum(['seconds', 'milliseconds', 'unix_seconds', 'unix_milliseconds']),
    value: U64,
  })
  .meta({ description: 'When the key dies, relative or absolute; beats `ttl`.' });

const Pair = z.union([z.object({ key: z.string(), value: Json }), z.tuple([z.string(), Json])]);
type Pair = z.output<typeof Pair>;
const keyOf = (pair: Pair): string => (Array.isArray(pair) ? pair[0] : pair.key);
const jsonOf = (pair: Pair): unknown => (Array.isArray(pair) ? pair[1] : pair.value);

function deadline(
  ttl: number | bigint | null | undefined,
  expiry: z.output<typeof Expiry> | null | undefined,
  now: number,
): number {
  if (expiry == null) return ttl == null ? NEVER : deadlineIn(ttl, 1000, now);
  switch (expiry.type) {
    case 'seconds':
      return deadlineIn(expiry.value, 1000, now);
    case 'milliseconds':
      return deadlineIn(expiry.value, 1, now);
    case 'unix_seconds':
      return deadlineAt(expiry.value, 1000);
    case 'unix_milliseconds':
      return deadlineAt(expiry.value, 1);
  }
}

function pairsOf(payload: Readonly<Record<string, unknown>>): unknown[] | undefined {
  const { pairs } = payload;
  if (pairs === undefined) return undefined;
  return Array.isArray(pairs) ? pairs : invalidRequest("'pairs' must be an array");
}

export const kvSet = command({
  name: 'kv.set',
  id: 1,
  since: '0.1.0',
  summary: 'Set a key to a value, dropping a TTL unless one is given.',
  notes:
    'A string is stored raw, any other JSON as its compact text. `ttl` 0 kills the key at once. `nx` and `xx` are decided on live keys; a refused write answers `written: false`. The command endpoint reads only `key`, `value` and `ttl`.',
  access: 'write',
  resource: kv,
  effect: 'write',
  input: z.object({
    key: Key,
    value: Json,
    ttl: U64.nullish().meta({ description: 'Seconds to live.' }),
    expiry: Expiry.nullish(),
    nx: Flag.meta({ description: 'Write only a missing key.' }),
    xx: Flag.meta({ description: 'Write only an existing key.' }),
    keepttl: Flag.meta({ description: 'Keep a live TTL; beats `expiry` and `ttl`.' }),
    get: Flag.meta({ description: 'Answer the previous value.' }),
  }),
  output: z.object({ success: Done, key: z.string(), written: z.boolean(), old_value: z.unknown().optional() }),
  errors: ['MEMORY_LIMIT', 'INVALID_REQUEST'],
  rest: { route: 'POST /kv/set', body: '*' },
  envelope: { pick: ['key', 'value', 'ttl'], reply: () => ({ success: true }) },
  example: {
    input: { key: 'user:7', value: 'alice', ttl: 60 },
    output: { success: true, key: 'user:7', written: true },
  },
  run(context, { key, value, ttl, expiry, nx, xx, keepttl, get }) {
    const { kv: engine, now } = context;
    const stored = toStored(context, value);
    if (ttl == null && expiry == null && !nx && !xx && !keepttl && !get) {
      engine.set(key, stored, undefined, now);
      return { success: true as const, key, written: true };
    }
    const { written, old } = engine.set(
      key,
      stored,
      { deadline: deadline(ttl, expiry, now), nx, xx, keepTtl: keepttl, get },
      now,
    );
    const done = { success: true as const, key, written };
    return typeof old === 'string' ? { ...done, old_value: toJson(context, old) } : done;
  },
});

export const kvGet = command({
  name: 'kv.get',
  id: 2,
  since: '0.1.0',
  summary: 'Read the value of a key as text, or as bytes.',
  notes:
    'Bytes that are not UTF-8 are answered as `<binary data: N bytes>` unless `type` is `bytes`. A missing key answers null; REST answers `{"error":"Key not found"}` with status 200.',
  access: 'read',
  resource: kv,
  effect: 'read',
  input: z.object({ key: Key, type: z.string().nullish().meta({ description: '`bytes` for an array of integers.' }) }),
  output: z.union([z.string(), ByteArray, z.null()]),
  errors: [],
  rest: {
    route: 'GET /kv/get/:key',
    query: { type: text },
    reply: (value) => value ?? { error: 'Key not found' },
  },
  example: {
    before: [{ command: 'kv.set', input: { key: 'user:7', value: 'alice' } }],
    input: { key: 'user:7' },
    output: 'alice',
  },
  run({ kv: engine, now }, { key, type }) {
    const value = engine.get(key, now);
    if (value === undefined) return null;
    return type === 'bytes' ? toBytes(value) : toText(value);
  },
});

export const kvDel = command({
  name: 'kv.del',
  id: 3,
  since: '0.1.0',
  summary: 'Delete a key.',
  access: 'delete',
  resource: kv,
  effect: 'write',
  input: z.object({ key: Key }),
  output: z.object({ deleted: z.boolean(), key: z.string() }),
  errors: [],
  rest: { route: 'DELETE /kv/del/:key' },
  envelope: { reply: ({ deleted }) => ({ deleted }) },
  example: {
    before: [{ command: 'kv.set', input: { key: 'user:7', value: 'alice' } }],
    input: { key: 'user:7' },
    output: { deleted: true, key: 'user:7' },
  },
  run: ({ kv: engine, now }, { key }) => ({ deleted: engine.del(key, now), key }),
});

export const kvExists = command({
  name: 'kv.exists',
  id: 4,
  since: '0.1.0',
  summary: 'Whether a key lives.',
  access: 'read',
  resource: kv,
  effect: 'read',
  input: z.object({ key: Key }),
  output: z.object({ exists: z.boolean() }),
  errors: [],
  example: { input: { key: 'nobody' }, output: { exists: false } },
  run: ({ kv: engine, now }, { key }) => ({ exists: engine.exists(key, now) }),
});

const Amount = I64.default(1).meta({ description: 'How much; negative amounts are allowed.' });
const amountOrDelta = (payload: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  fallback(payload, 'amount', 'delta', isInteger);

export const kvIncr = command({
  name: 'kv.incr',
  id: 5,
  since: '0.1.0',
  summary: 'Add to a signed 64-bit integer kept as decimal text, from 0 when the key is missing.',
  notes: '`delta` is read where `amount` is absent. The TTL is kept.',
  access: 'write',
  resource: kv,
  effect: 'write',
  input: z.object({ key: Key, amount: Amount }),
  output: z.object({ value: I64 }),
  errors: ['INVALID_VALUE', 'MEMORY_LIMIT'],
  aliases: ['kv.incrby'],
  envelope: { prepare: amountOrDelta },
  example: { input: { key: 'visits', amount: 5 }, output: { value: 5 } },
  run: ({ kv: engine, now }, { key, amount }) => ({ value: engine.incr(key, amount, now) }),
});

export const kvDecr = command({
  name: 'kv.decr',
  id: 6,
  since: '0.1.0',
  summary: 'Subtract from a signed 64-bit integer kept as decimal text, from 0 when the key is missing.',
  notes: '`delta` is read where `amount` is absent. The TTL is kept.',
  access: 'write',
  resource: kv,
  effect: 'write',
  input: z.object({ key: Key, amount: Amount }),
  output: z.object({ value: I64 }),
  errors: ['INVALID_VALUE', 'MEMORY_LIMIT'],
  aliases: ['kv.decrby'],
  envelope: { prepare: amountOrDelta },
  example: { input: { key: 'stock', amount: 2 }, output: { value: -2 } },
  run: ({ kv: engine, now }, { key, amount }) => ({
    value: engine.incr(key, typeof amount === 'bigint' ? -amount : 0 - amount, now),
  }),
});

export const kvMset = command({
  name: 'kv.mset',
  id: 7,
  since: '0.1.0',
  summary: 'Set several keys at once, all or none, dropping their TTLs.',
  notes:
    'Values are stored as JSON text, strings with their quotes, so that `kv.mget` gives them back typed. Of a repeated key the last wins.',
  access: 'write',
  resource: (p) => p.pairs.map((pair) => `kv:${pair.key}`),
  effect: 'write',
  input: z.object({ pairs: z.array(z.object({ key: z.string(), value: Json })) }),
  output: z.object({ success: Done }),
  errors: ['MEMORY_LIMIT', 'INVALID_REQUEST'],
  envelope: {
    prepare(payload) {
      for (const pair of pairsOf(payload) ?? []) {
        const members = Object(pair) as Record<string, unknown>;
        if (typeof members['key'] !== 'string') invalidRequest("Each pair must have 'key'");
        if (members['value'] === undefined || !Object.hasOwn(members, 'value'))
          invalidRequest("Each pair must have 'value'");
      }
      return payload;
    },
  },
  example: {
    input: {
      pairs: [
        { key: 'a', value: 1 },
        { key: 'b', value: 'x' },
      ],
    },
    output: { success: true },
  },
  run(context, { pairs }) {
    context.kv.mset(
      pairs.map(({ key, value }) => [key, toTypedStored(context, value)] as const),
      context.now,
    );
    return { success: true as const };
  },
});

const Stored = z
  .unknown()
  .meta({ description: 'The stored text as JSON where it is JSON, else as a string; null when missing.' });

export const kvMget = command({
  name: 'kv.mget',
  id: 8,
  since: '0.1.0',
  summary: 'Read several keys; values come parsed where their text is JSON, missing keys as null.',
  access: 'read',
  resource: (p) => p.keys.map((key) => `kv:${key}`),
  effect: 'read',
  input: z.object({ keys: z.array(z.string()) }),
  output: z.object({ values: z.array(Stored) }),
  errors: ['INVALID_REQUEST'],
  envelope: { prepare: checkKeys },
  example: {
    before: [
      {
        command: 'kv.mset',
        input: {
          pairs: [
            { key: 'a', value: 1 },
            { key: 'b', value: 'x' },
          ],
        },
      },
    ],
    input: { keys: ['a', 'b', 'missing'] },
    output: { values: [1, 'x', null] },
  },
  run(context, { keys }) {
    const show = (value: Value | undefined): unknown =>
      value === undefined ? null : typeof value === 'string' ? toJson(context, value) : toText(value);
    return { values: context.kv.mget(keys, context.now).map(show) };
  },
});

export const kvMdel = command({
  name: 'kv.mdel',
  id: 9,
  since: '0.1.0',
  summary: 'Delete several keys; answers how many lived.',
  access: 'delete',
  resource: (p) => p.keys.map((key) => `kv:${key}`),
  effect: 'write',
  input: z.object({ keys: z.array(z.string()) }),
  output: z.object({ deleted: z.int() }),
  errors: ['INVALID_REQUEST'],
  envelope: { prepare: checkKeys },
  example: {
    before: [{ command: 'kv.set', input: { key: 'a', value: 1 } }],
    input: { keys: ['a', 'missing'] },
    output: { deleted: 1 },
  },
  run: ({ kv: engine, now }, { keys }) => ({ deleted: engine.mdel(keys, now) }),
});

export const kvAppend = command({
  name: 'kv.append',
  id: 10,
  since: '0.1.0',
  summary: 'Add text at the end of a value, creating a missing key; answers the bytes after.',
  access: 'write',
  resource: kv,
  effect: 'write',
  input: z.object({ key: Key, value: Json }),
  output: z.object({ length: z.int() }),
  errors: ['MEMORY_LIMIT', 'INVALID_VALUE'],
  rest: { route: 'POST /kv/:key/append', body: ['value'] },
  example: {
    before: [{ command: 'kv.set', input: { key: 'log', value: 'ab' } }],
    input: { key: 'log', value: 'cd' },
    output: { length: 4 },
  },
  run: (context, { key, value }) => ({ length: context.kv.append(key, toStored(context, value), context.now) }),
});

export const kvGetrange = command({
  name: 'kv.getrange',
  id: 11,
  since: '0.1.0',
  summary: 'Read the bytes from `start` to `end`, both inclusive; negative positions count from the end.',
  access: 'read',
  resource: kv,
  effect: 'read',
  input: z.object({ key: Key, start: I64, end: I64 }),
  output: z.union([z.string(), z.null()]),
  errors: ['INVALID_REQUEST'],
  rest: {
    route: 'GET /kv/:key/getrange',
    query: { start: requiredI64('start'), end: requiredI64('end') },
    reply: (part) => part ?? { error: 'Key not found or range empty' },
  },
  example: {
    before: [{ command: 'kv.set', input: { key: 'word', value: 'foobar' } }],
    input: { key: 'word', start: -3, end: -1 },
    output: 'bar',
  },
  run({ kv: engine, now }, { key, start, end }) {
    const part = engine.getrange(key, Number(start), Number(end), now);
    return part === undefined ? null : toText(part);
  },
});

export const kvSetrange = command({
  name: 'kv.setrange',
  id: 12,
  since: '0.1.0',
  summary: 'Overwrite bytes from an offset on, padding with NUL; answers the bytes after.',
  access: 'write',
  resource: kv,
  effect: 'write',
  input: z.object({ key: Key, offset: U64, value: Json }),
  output: z.object({ length: z.int() }),
  errors: ['MEMORY_LIMIT', 'INVALID_VALUE'],
  rest: { route: 'POST /kv/:key/setrange', body: ['offset', 'value'] },
  example: {
    before: [{ command: 'kv.set', input: { key: 'word', value: 'abcdefgh' } }],
    input: { key: 'word', offset: 2, value: 'X' },
    output: { length: 8 },
  },
  run: (context, { key, offset, value }) => ({
    length: context.kv.setrange(key, Number(offset), toStored(context, value), context.now),
  }),
});

export const kvStrlen = command({
  name: 'kv.strlen',
  id: 13,
  since: '0.1.0',
  summary: 'Bytes of a value, 0 when the key is missing.',
  access: 'read',
  resource: kv,
  effect: 'read',
  input: z.object({ key: Key }),
  output: z.object({ length: z.int() }),
  errors: [],
  rest: { route: 'GET /kv/:key/strlen' },
  example: {
    before: [{ command: 'kv.set', input: { key: 'word', value: 'größe' } }],
    input: { key: 'word' },
    output: { length: 7 },
  },
  run: ({ kv: engine, now }, { key }) => ({ length: engine.strlen(key, now) }),
});

export const kvGetset = command({
  name: 'kv.getset',
  id: 14,
  since: '0.1.0',
  summary: 'Set a key, dropping its TTL, and answer the previous text, or null.',
  access: 'write',
  resource: kv,
  effect: 'write',
  input: z.object({ key: Key, value: Json }),
  output: z.union([z.string(), z.null()]),
  errors: ['MEMORY_LIMIT'],
  rest: { route: 'POST /kv/:key/getset', body: ['value'] },
  example: {
    before: [{ command: 'kv.set', input: { key: 'turn', value: 'first' } }],
    input: { key: 'turn', value: 'second' },
    output: 'first',
  },
  run(context, { key, value }) {
    const old = context.kv.getset(key, toStored(context, value), context.now);
    return old === undefined ? null : toText(old);
  },
});

export const kvMsetnx = command({
  name: 'kv.msetnx',
  id: 15,
  since: '0.1.0',
  summary: 'Set several keys if none of them lives; all or none.',
  notes:
    'Values are stored as by `kv.mset`. The command endpoint also takes a bare `{key, value}`; REST also takes pairs as `["key", value]`.',
  access: 'write',
  resource: (p) => p.pairs.map((pair) => `kv:${keyOf(pair)}`),
  effect: 'write',
  input: z.object({ pairs: z.array(Pair) }),
  output: z.object({ success: z.boolean() }),
  errors: ['MEMORY_LIMIT', 'INVALID_REQUEST'],
  rest: { route: 'POST /kv/msetnx', body: '*' },
  envelope: {
    prepare(payload) {
      const { pairs, key, value } = payload;
      if (pairs === undefined && typeof key === 'string' && value !== undefined) return { pairs: [{ key, value }] };
      if (!Array.isArray(pairs)) return invalidRequest("Missing 'pairs' array");
      for (const pair of pairs as unknown[]) {
        if (typeof pair !== 'object' || pair === null || Array.isArray(pair)) invalidRequest('Pair must be an object');
        const members = pair as Record<string, unknown>;
        if (typeof members['key'] !== 'string') invalidRequest("Missing 'key' in pair");
        if (members['value'] === undefined) invalidRequest("Missing 'value' in pair");
      }
      return payload;
    },
  },
  example: { input: { pairs: [{ key: 'lock:1', value: 'me' }] }, output: { success: true } },
  run: (context, { pairs }) => ({
    success: context.kv.msetnx(
      pairs.map((pair) => [keyOf(pair), toTypedStored(context, jsonOf(pair))] as const),
      context.now,
    ),
  }),
});
