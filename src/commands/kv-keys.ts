/**
 * Key-value commands about keys rather than values: deadlines, listings, counts, flush, and the `key.*` family
 * (synap-core.md 2.1, 2.2, 2.4).
 */
import * as z from 'zod';
import { CommandError, invalidRequest } from '../core/errors.ts';
import { JsonFloat } from '../core/json.ts';
import { sliced } from '../core/slices.ts';
import type { ListOptions } from '../kv/engine.ts';
import type { Context } from './context.ts';
import { command } from './define.ts';
import { fallback } from './payload.ts';
import { Flag, Float, Key, U64 } from './schemas.ts';

const kv = (p: { key: string }): string => `kv:${p.key}`;
const everyKey = (): string => 'kv:*';
const isText = (value: unknown): boolean => typeof value === 'string';

const Keys = z.object({ count: z.int(), keys: z.array(z.string()) });
type Keys = z.output<typeof Keys>;

/** A listing in slices, so that millions of keys do not hold the loop; answers at once when it fits into one slice. */
function listed({ kv: engine, clock }: Context, options: ListOptions): Keys | Promise<Keys> {
  const listing = engine.list(options);
  const answer = (): Keys => ({ count: listing.keys.length, keys: listing.keys });
  const walk = sliced(clock, () => listing.step(clock.now()));
  return walk instanceof Promise ? walk.then(answer) : answer();
}

export const kvScan = command({
  name: 'kv.scan',
  id: 20,
  since: '0.1.0',
  summary: 'List keys with a literal prefix, in no particular order.',
  notes: 'At most 100,000 keys are answered, whatever the limit. `key` is read where `prefix` is absent.',
  access: 'read',
  resource: (p) => `kv:${p.prefix ?? ''}*`,
  effect: 'read',
  input: z.object({
    prefix: z.string().nullish(),
    limit: U64.nullish().meta({ description: 'Default 100; 0 gives none.' }),
  }),
  output: Keys,
  errors: [],
  envelope: { prepare: (payload) => fallback(payload, 'prefix', 'key', isText) },
  example: {
    before: [{ command: 'kv.set', input: { key: 'a-1', value: 1 } }],
    input: { prefix: 'a-' },
    output: { count: 1, keys: ['a-1'] },
  },
  run: (context, { prefix, limit }) => listed(context, { prefix: prefix ?? undefined, limit: Number(limit ?? 100) }),
});

export const kvKeys = command({
  name: 'kv.keys',
  id: 21,
  since: '0.1.0',
  summary: 'List keys by glob pattern, by prefix, or all, in no particular order.',
  notes: 'The pattern covers the whole key: `*`, `?`, `[..]`, and `\\` to escape. At most 100,000 keys are answered.',
  access: 'read',
  resource: everyKey,
  effect: 'read',
  input: z.object({ pattern: z.string().nullish(), prefix: z.string().nullish() }),
  output: Keys,
  errors: ['INVALID_VALUE'],
  example: {
    before: [{ command: 'kv.set', input: { key: 'a-1', value: 1 } }],
    input: { pattern: 'a*' },
    output: { count: 1, keys: ['a-1'] },
  },
  run: (context, { pattern, prefix }) =>
    listed(context, { pattern: pattern ?? undefined, prefix: prefix ?? undefined }),
});

export const kvDbsize = command({
  name: 'kv.dbsize',
  id: 22,
  since: '0.1.0',
  summary: 'How many keys live.',
  access: 'read',
  resource: everyKey,
  effect: 'read',
  input: z.object({}),
  output: z.object({ size: z.int() }),
  errors: [],
  example: { before: [{ command: 'kv.set', input: { key: 'a', value: 1 } }], input: {}, output: { size: 1 } },
  run: ({ kv: engine, now }) => ({ size: engine.dbsize(now) }),
});

function flush({ kv: engine, settings, now }: Context, word: string): { flushed: number } {
  if (!settings.allowFlush)
    invalidRequest(`${word} is disabled. Set 'allow_flush_commands: true' in config to enable this dangerous command`);
  return { flushed: engine.flush(now) };
}

export const kvFlushdb = command({
  name: 'kv.flushdb',
  id: 23,
  since: '0.1.0',
  summary: 'Delete every key, when `kv_store.allow_flush_commands` permits it.',
  access: 'admin',
  resource: everyKey,
  effect: 'write',
  input: z.object({}),
  output: z.object({ flushed: z.int() }),
  errors: ['INVALID_REQUEST'],
  example: { before: [{ command: 'kv.set', input: { key: 'a', value: 1 } }], input: {}, output: { flushed: 1 } },
  run: (context) => flush(context, 'FLUSHDB'),
});

export const kvFlushall = command({
  name: 'kv.flushall',
  id: 24,
  since: '0.1.0',
  summary: 'The same as `kv.flushdb`.',
  access: 'admin',
  resource: everyKey,
  effect: 'write',
  input: z.object({}),
  output: z.object({ flushed: z.int() }),
  errors: ['INVALID_REQUEST'],
  example: { before: [{ command: 'kv.set', input: { key: 'a', value: 1 } }], input: {}, output: { flushed: 1 } },
  run: (context) => flush(context, 'FLUSHALL'),
});

export const kvExpire = command({
  name: 'kv.expire',
  id: 25,
  since: '0.1.0',
  summary: 'Give a key a TTL; false when the key is missing.',
  access: 'write',
  resource: kv,
  effect: 'write',
  input: z.object({ key: Key, ttl: U64.meta({ description: 'Seconds; 0 kills the key at once.' }) }),
  output: z.object({ result: z.boolean() }),
  errors: [],
  example: {
    before: [{ command: 'kv.set', input: { key: 'a', value: 1 } }],
    input: { key: 'a', ttl: 60 },
    output: { result: true },
  },
  run: ({ kv: engine, now }, { key, ttl }) => ({ result: engine.expire(key, ttl, now) }),
});

export const kvTtl = command({
  name: 'kv.ttl',
  id: 26,
  since: '0.1.0',
  summary: 'Whole seconds a key has left, floored; null without a TTL.',
  access: 'read',
  resource: kv,
  effect: 'read',
  input: z.object({ key: Key }),
  output: z.object({ ttl: U64.nullable() }),
  errors: ['KEY_NOT_FOUND'],
  example: {
    before: [{ command: 'kv.set', input: { key: 'a', value: 1 } }],
    input: { key: 'a' },
    output: { ttl: null },
  },
  run({ kv: engine, now }, { key }) {
    const ttl = engine.ttl(key, now);
    if (ttl === undefined) throw new CommandError('KEY_NOT_FOUND', { key });
    return { ttl };
  },
});

export const kvPersist = command({
  name: 'kv.persist',
  id: 27,
  since: '0.1.0',
  summary: 'Take the TTL of a key away; true only when there was one.',
  access: 'write',
  resource: kv,
  effect: 'write',
  input: z.object({ key: Key }),
  output: z.object({ result: z.boolean() }),
  errors: [],
  example: {
    before: [{ command: 'kv.set', input: { key: 'a', value: 1, ttl: 60 } }],
    input: { key: 'a' },
    output: { result: true },
  },
  run: ({ kv: engine, now }, { key }) => ({ result: engine.persist(key, now) }),
});

export const kvStats = command({
  name: 'kv.stats',
  id: 28,
  since: '0.1.0',
  summary: 'How many keys live, their bytes, and operation counters since start.',
  access: 'read',
  resource: everyKey,
  effect: 'read',
  input: z.object({}),
  output: z.object({
    total_keys: z.int(),
    total_memory_bytes: z.int().meta({ description: 'Key bytes + value bytes + 40 for each key.' }),
    operations: z.object({ gets: z.int(), sets: z.int(), dels: z.int(), hits: z.int(), misses: z.int() }),
    hit_rate: Float,
  }),
  errors: [],
  rest: { route: 'GET /kv/stats' },
  example: {
    input: {},
    output: {
      total_keys: 0,
      total_memory_bytes: 0,
      operations: { gets: 0, sets: 0, dels: 0, hits: 0, misses: 0 },
      hit_rate: 0,
    },
  },
  run({ kv: engine, now }) {
    const { keys, bytes, gets, sets, dels, hits, misses } = engine.stats(now);
    return {
      total_keys: keys,
      total_memory_bytes: bytes,
      operations: { gets, sets, dels, hits, misses },
      hit_rate: new JsonFloat(hits + misses === 0 ? 0 : hits / (hits + misses)),
    };
  },
});

export const keyType = command({
  name: 'key.type',
  id: 40,
  since: '0.1.0',
  summary: 'What kind of value a key holds: string or none.',
  access: 'read',
  resource: kv,
  effect: 'read',
  input: z.object({ key: Key }),
  output: z.object({ key: z.string(), type: z.enum(['string', 'none']) }),
  errors: [],
  rest: { route: 'GET /key/:key/type' },
  example: { input: { key: 'nobody' }, output: { key: 'nobody', type: 'none' } },
  run: ({ kv: engine, now }, { key }) => ({ key, type: engine.type(key, now) }),
});

export const keyExists = command({
  name: 'key.exists',
  id: 41,
  since: '0.1.0',
  summary: 'Whether a key holds a value of any kind.',
  access: 'read',
  resource: kv,
  effect: 'read',
  input: z.object({ key: Key }),
  output: z.object({ exists: z.boolean(), key: z.string() }),
  errors: [],
  rest: { route: 'GET /key/:key/exists' },
  example: { input: { key: 'nobody' }, output: { exists: false, key: 'nobody' } },
  run: ({ kv: engine, now }, { key }) => ({ exists: engine.exists(key, now), key }),
});

const Move = z.object({ source: z.string(), destination: z.string() });
const Moved = z.object({ success: z.boolean(), source: z.string(), destination: z.string() });
/** A rename writes the destination and deletes the source (synap-operations.md 1.5). */
const target = (p: { destination: string }): string => `kv:${p.destination}`;
const removesSource = (p: { source: string }) => [{ action: 'delete' as const, resource: `kv:${p.source}` }];
const readsSource = (p: { source: string }) => [{ action: 'read' as const, resource: `kv:${p.source}` }];

export const keyRename = command({
  name: 'key.rename',
  id: 42,
  since: '0.1.0',
  summary: 'Move a key with its exact TTL, overwriting the destination.',
  access: 'write',
  resource: target,
  also: removesSource,
  effect: 'write',
  input: Move,
  output: Moved,
  errors: ['KEY_NOT_FOUND', 'MEMORY_LIMIT'],
  rest: { route: 'POST /key/:key/rename', params: { key: 'source' }, body: ['destination'] },
  example: {
    before: [{ command: 'kv.set', input: { key: 'a', value: 1 } }],
    input: { source: 'a', destination: 'b' },
    output: { success: true, source: 'a', destination: 'b' },
  },
  run({ kv: engine, now }, { source, destination }) {
    engine.rename(source, destination, now);
    return { success: true, source, destination };
  },
});

export const keyRenamenx = command({
  name: 'key.renamenx',
  id: 43,
  since: '0.1.0',
  summary: 'Move a key with its exact TTL if the destination is free.',
  access: 'write',
  resource: target,
  also: removesSource,
  effect: 'write',
  input: Move,
  output: Moved,
  errors: ['KEY_NOT_FOUND', 'INVALID_REQUEST', 'MEMORY_LIMIT'],
  rest: { route: 'POST /key/:key/renamenx', params: { key: 'source' }, body: ['destination'] },
  example: {
    before: [{ command: 'kv.set', input: { key: 'a', value: 1 } }],
    input: { source: 'a', destination: 'b' },
    output: { success: true, source: 'a', destination: 'b' },
  },
  run({ kv: engine, now }, { source, destination }) {
    if (!engine.renamenx(source, destination, now)) invalidRequest('Destination key already exists');
    return { success: true, source, destination };
  },
});

export const keyCopy = command({
  name: 'key.copy',
  id: 44,
  since: '0.1.0',
  summary: 'Copy a key with its exact TTL; an existing destination is kept unless `replace`.',
  notes: 'A kept destination answers `success: false` over REST and refuses the command.',
  access: 'write',
  resource: target,
  also: readsSource,
  effect: 'write',
  input: Move.extend({ replace: Flag }),
  output: Moved,
  errors: ['KEY_NOT_FOUND', 'INVALID_REQUEST', 'MEMORY_LIMIT'],
  rest: {
    route: 'POST /key/:key/copy',
    params: { key: 'source' },
    body: ['destination', 'replace'],
    fields: { replace: z.boolean().nullish() },
  },
  envelope: {
    reply(output) {
      return output.success ? output : invalidRequest('Destination key already exists and replace=false');
    },
  },
  example: {
    before: [{ command: 'kv.set', input: { key: 'a', value: 1 } }],
    input: { source: 'a', destination: 'b' },
    output: { success: true, source: 'a', destination: 'b' },
  },
  run: ({ kv: engine, now }, { source, destination, replace }) => ({
    success: engine.copy(source, destination, replace ?? false, now),
    source,
    destination,
  }),
});

export const keyRandomkey = command({
  name: 'key.randomkey',
  id: 45,
  since: '0.1.0',
  summary: 'Some key, or null when there is none.',
  access: 'read',
  resource: everyKey,
  effect: 'read',
  input: z.object({}),
  output: z.object({ key: z.string().nullable() }),
  errors: [],
  rest: { route: 'GET /key/randomkey' },
  example: { before: [{ command: 'kv.set', input: { key: 'a', value: 1 } }], input: {}, output: { key: 'a' } },
  run: ({ kv: engine, now }) => ({ key: engine.randomKey(now) ?? null }),
});
