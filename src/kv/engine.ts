/**
 * The key-value engine: one flat space of keys with text or byte values, deadlines, counters, listing and a memory budget.
 *
 * Invariant: a key whose deadline has come (`now >= deadline`) is a missing key to every operation, swept or not, and
 * `stats`, `dbsize` and the listings agree at every moment.
 */
import type { Ids } from '../core/ids.ts';
import type { Alarm, Engine, Plain, Store } from '../core/ports.ts';
import type { Value } from './value.ts';
import type { WatchPort } from './watch.ts';

export type { Value } from './value.ts';

/** How a key is chosen when the budget is used up (synap-operations.md 3.6). */
export type EvictionPolicy =
  | 'noeviction'
  | 'allkeys-lru'
  | 'volatile-lru'
  | 'allkeys-lfu'
  | 'volatile-lfu'
  | 'allkeys-random'
  | 'volatile-random'
  | 'volatile-ttl';

/** Settings of the engine; every one has a default. */
export interface KvOptions {
  /** Budget in accounted bytes (key + value + 40 per entry); 0, the default, is unlimited. */
  readonly maxBytes?: number;
  /** Default `noeviction`. */
  readonly policy?: EvictionPolicy;
  /** Milliseconds between two expiry sweeps; default 100. */
  readonly sweepMs?: number;
  /** Largest value in bytes that a watch envelope carries inline, inclusive; default 65,536. */
  readonly inlineBytes?: number;
  /** Keyspace notifications as Redis letters `K E g $ x e A`; default '' (off). */
  readonly notify?: string;
}

/** What the engine asks of the world. */
export interface KvPorts {
  readonly store: Store;
  readonly alarm: Alarm;
  readonly ids: Ids;
  /** Absent: nobody ever watches. */
  readonly watch?: WatchPort;
}

/** Refinements of `set`; `undefined` members count as absent. */
export interface SetOptions {
  /** Absolute deadline in Unix ms (`deadlineIn`, `deadlineAt` of deadline.ts make one); absent or `Infinity`: no TTL. */
  readonly deadline?: number | undefined;
  /** Keep a live TTL; beats `deadline` (2.4-3). */
  readonly keepTtl?: boolean | undefined;
  /** Write only a missing key. */
  readonly nx?: boolean | undefined;
  /** Write only an existing key. */
  readonly xx?: boolean | undefined;
  /** Answer the previous live value. */
  readonly get?: boolean | undefined;
}

/** The outcome of `set`. */
export interface SetResult {
  readonly written: boolean;
  /** Present only with `get` and a live previous value, never on an `xx` refusal (2.4-6). */
  readonly old?: Value;
}

/** What to list. Both filters must hold; absent filters nothing. */
export interface ListOptions {
  /** Glob over the whole key: `*`, `?`, `[..]`, `[^..]`, `\` (8.1-2). */
  readonly pattern?: string | undefined;
  /** Literal beginning of the key. */
  readonly prefix?: string | undefined;
  /** Keys to return at most; the caps `listedKeys` and `listedBytes` of limits.ts hold in any case. */
  readonly limit?: number | undefined;
}

/** A listing under way; the caller drives it, for example with `sliced(clock, () => listing.step(clock.now()))`. */
export interface Listing {
  /** What was found so far, in no particular order. */
  readonly keys: string[];
  /**
   * Looks at the next few thousand keys; `false` when the listing is complete. A key that exists from the first step to
   * the last is listed exactly once, one that came or went in between at most once.
   */
  step(now: number): boolean;
}

/** Counters as in 2.4-18, and what the engine holds. */
export interface KvStats {
  readonly keys: number;
  /** Key bytes + value bytes + 40 of every live key. */
  readonly bytes: number;
  readonly gets: number;
  readonly sets: number;
  readonly dels: number;
  readonly hits: number;
  readonly misses: number;
  /** Keys with a TTL. */
  readonly volatile: number;
  readonly expired: number;
  readonly evicted: number;
}

export declare class KvEngine implements Engine {
  constructor(ports: KvPorts, options?: KvOptions);
  readonly tables: readonly string[];

  /** The live value of `key`, or `undefined`. Counts a get with its hit or miss. */
  get(key: string, now: number): Value | undefined;
  /** Values in the order of `keys`, `undefined` where missing. Counts a get per key. */
  mget(keys: readonly string[], now: number): (Value | undefined)[];
  /** Whether `key` lives. Counts nothing. */
  exists(key: string, now: number): boolean;
  /** `'string'` or `'none'`. Counts nothing. */
  type(key: string, now: number): 'string' | 'none';
  /** Bytes of the value, 0 when missing. Counts a get. */
  strlen(key: string, now: number): number;
  /**
   * The bytes from `start` to `end`, both inclusive, negative from the end (2.4-11); `undefined` when the key is missing
   * or the range is empty. Any number will do for the bounds, they are clamped.
   */
  getrange(key: string, start: number, end: number, now: number): Value | undefined;

  /** Writes a value; without options the TTL is dropped. Errors: MEMORY_LIMIT, INVALID_VALUE (over `valueBytes`). */
  set(key: string, value: Value, options: SetOptions | undefined, now: number): SetResult;
  /** Writes a value without TTL and answers the previous one, `undefined` when there was none. Counts a get and a set. */
  getset(key: string, value: Value, now: number): Value | undefined;
  /** Writes all pairs or none, dropping TTLs; of a repeated key the last wins. Errors: MEMORY_LIMIT. */
  mset(pairs: readonly (readonly [key: string, value: Value])[], now: number): void;
  /** Writes all pairs when none of the keys exists, else nothing and answers `false`. Errors: MEMORY_LIMIT. */
  msetnx(pairs: readonly (readonly [key: string, value: Value])[], now: number): boolean;
  /**
   * Adds to a signed 64-bit integer kept as decimal text, from 0 when missing; TTL kept. A decrement is a negated amount.
   * Answers a number when it is safe, else a bigint. Errors: INVALID_VALUE (not an integer, overflow, amount outside of
   * 64 bits), the value unchanged; MEMORY_LIMIT.
   */
  incr(key: string, amount: number | bigint, now: number): number | bigint;
  /** Adds at the end, creating a missing key; TTL kept. Answers the bytes after. Errors: MEMORY_LIMIT, INVALID_VALUE (too long). */
  append(key: string, value: Value, now: number): number;
  /** Writes at a byte offset >= 0, padding with NUL; TTL kept. Answers the bytes after. Errors: MEMORY_LIMIT, INVALID_VALUE (offset + length over `valueBytes`). */
  setrange(key: string, offset: number, value: Value, now: number): number;

  /** Removes; answers whether the key lived. */
  del(key: string, now: number): boolean;
  /** Removes; answers how many keys lived, a repeated one counted once. */
  mdel(keys: readonly string[], now: number): number;
  /** Removes everything; answers how many keys lived. Operation counters stay. */
  flush(now: number): number;

  /** Sets the deadline of a live key (absolute Unix ms, see deadline.ts); `false` when missing. One in the past kills it. */
  expireAt(key: string, deadline: number, now: number): boolean;
  /** `expireAt` in this many whole seconds from now, saturating. */
  expire(key: string, seconds: number | bigint, now: number): boolean;
  /** `true` only when it removed a TTL (9-8). */
  persist(key: string, now: number): boolean;
  /** Whole seconds left, floored; `null` without TTL; `undefined` when missing. A bigint only beyond 2^53. */
  ttl(key: string, now: number): number | bigint | null | undefined;

  /** Moves value and exact deadline, overwriting; onto itself always succeeds (2.4-16). Errors: KEY_NOT_FOUND (source), MEMORY_LIMIT. */
  rename(source: string, destination: string, now: number): void;
  /** The same when `destination` is free; `false` when it is taken, which is tested first. Errors: KEY_NOT_FOUND, MEMORY_LIMIT. */
  renamenx(source: string, destination: string, now: number): boolean;
  /** Copies value and exact deadline; `false` when `destination` is taken and not `replace`. Errors: KEY_NOT_FOUND (tested first), MEMORY_LIMIT. */
  copy(source: string, destination: string, replace: boolean, now: number): boolean;

  /** A live key by chance, `undefined` when there is none. */
  randomKey(now: number): string | undefined;
  /** Starts a listing (`kv.keys`, `kv.scan`). Errors: INVALID_VALUE (pattern too long). */
  list(options: ListOptions): Listing;
  /** How many keys live. */
  dbsize(now: number): number;
  /** Counters and sizes; agrees with `dbsize` and the listings. */
  stats(now: number): KvStats;

  restore(table: string, key: string, value: Plain): void;
  restored(now: number): void;
  tick(now: number): void;
  nextDeadline(): number;
  check(): string[];
}
