/**
 * The key-value engine: one flat space of keys with text or byte values, deadlines, counters, listing and a memory budget.
 *
 * Invariant: a key whose deadline has come (`now >= deadline`) is a missing key to every operation, swept or not, and
 * `stats`, `dbsize` and the listings agree at every moment (synap-core.md 9-8, 9-9).
 */
import { CommandError, invalidValue } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';
import type { Engine, Plain } from '../core/ports.ts';
import { deadlineIn, NEVER, secondsLeft } from './deadline.ts';
import { Entries, TABLE } from './entries.ts';
import { Evictor } from './evictor.ts';
import { added } from './integer.ts';
import { OVERHEAD } from './keyspace.ts';
import { Listing, type ListOptions } from './listing.ts';
import type { KvOptions, KvPorts, KvStats, Pairs, SetOptions, SetResult } from './types.ts';
import { byteLength, joined, patched, ranged, toValue, type Value } from './value.ts';
import { unwatched, Watch } from './watch.ts';

export type { ListOptions } from './listing.ts';

const WRITTEN: SetResult = { written: true };
const REFUSED: SetResult = { written: false };

export class KvEngine implements Engine {
  readonly tables: readonly string[] = [TABLE];
  readonly #entries: Entries;
  readonly #random: () => number;
  #gets = 0;
  #sets = 0;
  #dels = 0;
  #hits = 0;
  #misses = 0;

  constructor(ports: KvPorts, options: KvOptions = {}) {
    const { store, alarm, ids, watch = unwatched } = ports;
    this.#random = () => ids.random();
    this.#entries = new Entries({
      store,
      alarm,
      random: this.#random,
      watch: new Watch(watch, options.inlineBytes ?? 65_536, options.notify ?? ''),
      evictor: new Evictor(options.policy ?? 'noeviction', this.#random),
      maxBytes: options.maxBytes ?? 0,
      sweepMs: options.sweepMs ?? 100,
    });
  }

  // reading

  /** The live value of `key`, or `undefined`. Counts a get with its hit or miss. */
  get(key: string, now: number): Value | undefined {
    const slot = this.#read(key, now);
    return slot < 0 ? undefined : this.#entries.space.shard.value(slot);
  }

  /** Values in the order of `keys`, `undefined` where missing. Counts a get per key. */
  mget(keys: readonly string[], now: number): (Value | undefined)[] {
    return keys.map((key) => this.get(key, now));
  }

  /** Whether `key` lives. Counts nothing. */
  exists(key: string, now: number): boolean {
    return this.#entries.find(key, now) >= 0;
  }

  /** `'string'` or `'none'`. Counts nothing. */
  type(key: string, now: number): 'string' | 'none' {
    return this.exists(key, now) ? 'string' : 'none';
  }

  /** Bytes of the value, 0 when missing. Counts a get. */
  strlen(key: string, now: number): number {
    return this.#bytes(key, this.#read(key, now));
  }

  /**
   * The bytes from `start` to `end`, both inclusive, negative from the end (2.4-11); `undefined` when the key is missing
   * or the range is empty. Any number will do for the bounds, they are clamped. An empty range of a live key counts no get.
   */
  getrange(key: string, start: number, end: number, now: number): Value | undefined {
    const slot = this.#entries.find(key, now);
    const { shard } = this.#entries.space;
    const range = slot < 0 ? undefined : ranged(shard.value(slot), this.#bytes(key, slot), start, end);
    if (slot < 0 || range !== undefined) this.#count(slot, now);
    return range;
  }

  // writing

  /** Writes a value; without options the TTL is dropped. Errors: MEMORY_LIMIT, INVALID_VALUE (over `valueBytes`). */
  set(key: string, value: Value, options: SetOptions | undefined, now: number): SetResult {
    const stored = toValue(value);
    const bytes = fitting(byteLength(stored));
    const slot = this.#entries.find(key, now);
    if (options === undefined) {
      this.#entries.write(key, slot, stored, bytes, NEVER, 'set', now);
      this.#sets++;
      return WRITTEN;
    }
    const { shard } = this.#entries.space;
    const { nx = false, xx = false, get = false, keepTtl = false, deadline = NEVER } = options;
    const old = get && slot >= 0 ? shard.value(slot) : undefined;
    const written = !(nx && (xx || slot >= 0)) && !(xx && slot < 0);
    if (written) {
      const until = !keepTtl ? deadline : slot < 0 ? NEVER : shard.deadline(slot);
      this.#entries.write(key, slot, stored, bytes, until, 'set', now);
      this.#sets++;
    }
    return old === undefined ? (written ? WRITTEN : REFUSED) : { written, old };
  }

  /** Writes a value without TTL and answers the previous one, `undefined` when there was none. Counts a get and a set. */
  getset(key: string, value: Value, now: number): Value | undefined {
    const stored = toValue(value);
    const bytes = fitting(byteLength(stored));
    const slot = this.#entries.find(key, now);
    const old = slot < 0 ? undefined : this.#entries.space.shard.value(slot);
    this.#entries.write(key, slot, stored, bytes, NEVER, 'set', now);
    this.#gets++;
    if (slot < 0) this.#misses++;
    else this.#hits++;
    this.#sets++;
    return old;
  }

  /** Writes all pairs or none, dropping TTLs; of a repeated key the last wins. Errors: MEMORY_LIMIT, INVALID_VALUE. */
  mset(pairs: Pairs, now: number): void {
    for (const [key] of pairs) this.#entries.find(key, now);
    this.#writeAll(pairs, now);
  }

  /** Writes all pairs when none of the keys exists, else nothing and answers `false`. Errors: MEMORY_LIMIT, INVALID_VALUE. */
  msetnx(pairs: Pairs, now: number): boolean {
    for (const [key] of pairs) if (this.#entries.find(key, now) >= 0) return false;
    this.#writeAll(pairs, now);
    return true;
  }

  /**
   * Adds to a signed 64-bit integer kept as decimal text, from 0 when missing; TTL kept. A decrement is a negated amount.
   * Answers a number when it is safe, else a bigint. Errors: INVALID_VALUE (not an integer, overflow, amount outside of
   * 64 bits), the value unchanged; MEMORY_LIMIT.
   */
  incr(key: string, amount: number | bigint, now: number): number | bigint {
    const slot = this.#entries.find(key, now);
    const { shard } = this.#entries.space;
    const sum = added(slot < 0 ? undefined : shard.value(slot), amount);
    const text = String(sum);
    const deadline = slot < 0 ? NEVER : shard.deadline(slot);
    this.#entries.write(key, slot, text, text.length, deadline, amount >= 0 ? 'incrby' : 'decrby', now);
    this.#sets++;
    return sum;
  }

  /** Adds at the end, creating a missing key; TTL kept. Answers the bytes after. Errors: MEMORY_LIMIT, INVALID_VALUE (too long). */
  append(key: string, value: Value, now: number): number {
    const tail = toValue(value);
    const tailBytes = byteLength(tail);
    const slot = this.#entries.find(key, now);
    const { shard } = this.#entries.space;
    const head = slot < 0 ? '' : shard.value(slot);
    const headBytes = this.#bytes(key, slot);
    const deadline = slot < 0 ? NEVER : shard.deadline(slot);
    const bytes = fitting(headBytes + tailBytes);
    const at = this.#entries.reserve(key, slot, bytes, now);
    this.#entries.write(key, at, joined(head, headBytes, tail, tailBytes), bytes, deadline, 'append', now);
    this.#sets++;
    return bytes;
  }

  /**
   * Writes at a byte offset >= 0, padding with NUL; TTL kept. Answers the bytes after.
   * Errors: MEMORY_LIMIT, INVALID_VALUE (offset + length over `valueBytes`).
   */
  setrange(key: string, offset: number, value: Value, now: number): number {
    const end = fitting(offset + byteLength(value));
    const slot = this.#entries.find(key, now);
    const { shard } = this.#entries.space;
    const old = slot < 0 ? '' : shard.value(slot);
    const deadline = slot < 0 ? NEVER : shard.deadline(slot);
    const bytes = Math.max(end, this.#bytes(key, slot));
    const at = this.#entries.reserve(key, slot, bytes, now);
    this.#entries.write(key, at, patched(old, offset, value, bytes), bytes, deadline, 'setrange', now);
    this.#sets++;
    return bytes;
  }

  // removing

  /** Removes; answers whether the key lived. */
  del(key: string, now: number): boolean {
    const slot = this.#entries.find(key, now);
    if (slot < 0) return false;
    this.#entries.remove(this.#entries.space.shard, slot, 'del');
    this.#dels++;
    return true;
  }

  /** Removes; answers how many keys lived, a repeated one counted once. */
  mdel(keys: readonly string[], now: number): number {
    let removed = 0;
    for (const key of keys) if (this.del(key, now)) removed++;
    return removed;
  }

  /** Removes everything; answers how many keys lived. Operation counters stay (2.4-18). */
  flush(now: number): number {
    const lived = this.dbsize(now);
    this.#entries.flush(now);
    return lived;
  }

  // deadlines

  /** Sets the deadline of a live key (absolute Unix ms, see deadline.ts); `false` when missing. One in the past kills it. */
  expireAt(key: string, deadline: number, now: number): boolean {
    const slot = this.#entries.find(key, now);
    if (slot < 0) return false;
    this.#entries.setDeadline(this.#entries.space.shard, slot, deadline, now);
    return true;
  }

  /** `expireAt` in this many whole seconds from now, saturating. */
  expire(key: string, seconds: number | bigint, now: number): boolean {
    return this.expireAt(key, deadlineIn(seconds, 1000, now), now);
  }

  /** `true` only when it removed a TTL (9-8). */
  persist(key: string, now: number): boolean {
    const slot = this.#entries.find(key, now);
    if (slot < 0 || this.#entries.space.shard.deadline(slot) === NEVER) return false;
    this.#entries.setDeadline(this.#entries.space.shard, slot, NEVER, now);
    return true;
  }

  /** Whole seconds left, floored; `null` without TTL; `undefined` when missing. A bigint only beyond 2^53. */
  ttl(key: string, now: number): number | bigint | null | undefined {
    const slot = this.#entries.find(key, now);
    if (slot < 0) return undefined;
    const deadline = this.#entries.space.shard.deadline(slot);
    return deadline === NEVER ? null : secondsLeft(deadline, now);
  }

  // names

  /** Moves value and exact deadline, overwriting; onto itself always succeeds (2.4-16). Errors: KEY_NOT_FOUND (source), MEMORY_LIMIT. */
  rename(source: string, destination: string, now: number): void {
    if (source === destination) return;
    const overwrote = this.#entries.move(source, this.#source(source, now), destination, now);
    this.#sets++;
    this.#dels += overwrote ? 2 : 1;
  }

  /** The same when `destination` is free; `false` when it is taken, which is tested first. Errors: KEY_NOT_FOUND, MEMORY_LIMIT. */
  renamenx(source: string, destination: string, now: number): boolean {
    if (source !== destination && this.exists(destination, now)) return false;
    this.rename(source, destination, now);
    return true;
  }

  /** Copies value and exact deadline; `false` when `destination` is taken and not `replace`. Errors: KEY_NOT_FOUND (tested first), MEMORY_LIMIT. */
  copy(source: string, destination: string, replace: boolean, now: number): boolean {
    if (source === destination) return true;
    const slot = this.#source(source, now);
    const { shard } = this.#entries.space;
    const value = shard.value(slot);
    const bytes = this.#bytes(source, slot);
    const deadline = shard.deadline(slot);
    const taken = this.#entries.find(destination, now);
    if (taken >= 0 && !replace) return false;
    this.#entries.write(destination, taken, value, bytes, deadline, 'set', now);
    this.#sets++;
    return true;
  }

  // the whole

  /** A live key by chance, `undefined` when there is none. */
  randomKey(now: number): string | undefined {
    const { space } = this.#entries;
    for (let tries = 0; tries < RANDOM_TRIES; tries++) {
      const slot = space.pick(this.#random);
      if (slot < 0) return undefined;
      if (now < space.shard.deadline(slot)) return space.shard.key(slot);
    }
    // nearly all are dead and wait for the sweep
    for (const shard of space.shards)
      for (let slot = 0; slot < shard.count; slot++) if (now < shard.deadline(slot)) return shard.key(slot);
    return undefined;
  }

  /**
   * Starts a listing (`kv.keys`, `kv.scan`); the caller drives it, for example with
   * `sliced(clock, () => listing.step(clock.now()))`. Errors: INVALID_VALUE (pattern over the caps).
   */
  list(options: ListOptions): Listing {
    return new Listing(() => this.#entries.space, options);
  }

  /** How many keys live. */
  dbsize(now: number): number {
    const { space } = this.#entries;
    return space.keys - space.due(now).keys;
  }

  /** Counters and sizes; agrees with `dbsize` and the listings. */
  stats(now: number): KvStats {
    const { space, expired, evicted } = this.#entries;
    const due = space.due(now);
    return {
      keys: space.keys - due.keys,
      bytes: space.bytes - due.bytes,
      gets: this.#gets,
      sets: this.#sets,
      dels: this.#dels,
      hits: this.#hits,
      misses: this.#misses,
      volatile: space.volatileKeys - due.keys,
      expired,
      evicted,
    };
  }

  // the engine

  restore(_table: string, key: string, value: Plain): void {
    this.#entries.restore(key, value);
  }

  restored(now: number): void {
    this.#entries.restored(now);
  }

  tick(now: number): void {
    this.#entries.tick(now);
  }

  nextDeadline(): number {
    return this.#entries.armed;
  }

  check(): string[] {
    return this.#entries.check();
  }

  /** `find`, counted as a get. */
  #read(key: string, now: number): number {
    const slot = this.#entries.find(key, now);
    this.#count(slot, now);
    return slot;
  }

  /** Counts a get that found `slot` in the shard of the last `find`, and marks the use. */
  #count(slot: number, now: number): void {
    this.#gets++;
    if (slot < 0) {
      this.#misses++;
      return;
    }
    this.#hits++;
    const { shard } = this.#entries.space;
    if (shard.access !== undefined) this.#entries.used(shard, slot, now);
  }

  #writeAll(pairs: Pairs, now: number): void {
    const values = new Map<string, { value: Value; bytes: number }>();
    for (const [key, value] of pairs) {
      const stored = toValue(value);
      values.set(key, { value: stored, bytes: fitting(byteLength(stored)) });
    }
    this.#entries.writeAll(values, now);
    this.#sets += pairs.length;
  }

  /** Bytes of the value of `key`, where `slot` is what `find` answered for it last; 0 when missing. */
  #bytes(key: string, slot: number): number {
    return slot < 0 ? 0 : this.#entries.space.shard.size(slot) - Buffer.byteLength(key) - OVERHEAD;
  }

  /** The slot of a key that is to be moved or copied, read like a get. Errors: KEY_NOT_FOUND. */
  #source(key: string, now: number): number {
    const slot = this.#read(key, now);
    if (slot < 0) throw new CommandError('KEY_NOT_FOUND', { key });
    return slot;
  }
}

/** Picks before a random key is searched for one by one. */
const RANDOM_TRIES = 64;

function fitting(bytes: number): number {
  return bytes <= LIMITS.valueBytes ? bytes : invalidValue(`Value would exceed ${LIMITS.valueBytes} bytes`);
}
