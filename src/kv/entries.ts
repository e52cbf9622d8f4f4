/**
 * Every change of a key goes through here, so that each one is accounted, stated to the store, told to watchers, and
 * within the memory budget.
 *
 * Invariant: what was stated under `kv` is what the key space holds: key -> value, or [value, deadline] with a TTL. The
 * alarm is set no later than the next sweep that has something to do.
 *
 * Order within a change: make room (the only step that may refuse, before anything was touched), change the key space,
 * state it, tell it.
 */
import { AssertionError } from 'node:assert';
import { CommandError } from '../core/errors.ts';
import type { Alarm, Plain, Store } from '../core/ports.ts';
import { NEVER } from './deadline.ts';
import { Departures } from './departures.ts';
import type { Evictor } from './evictor.ts';
import { Keyspace, OVERHEAD } from './keyspace.ts';
import type { Shard } from './shard.ts';
import { toValue, type Value } from './value.ts';
import type { Watch, WatchEvent } from './watch.ts';

export const TABLE = 'kv';

/** Dead keys removed in one tick, and keys told of after a flush: one to three milliseconds of work. */
const SLICE = 2_048;

/** What the entries are made of. */
export interface EntriesParts {
  readonly store: Store;
  readonly alarm: Alarm;
  readonly watch: Watch;
  readonly evictor: Evictor;
  readonly random: () => number;
  readonly maxBytes: number;
  readonly sweepMs: number;
}

export class Entries {
  space: Keyspace;
  expired = 0;
  evicted = 0;
  readonly #store: Store;
  readonly #alarm: Alarm;
  readonly #watch: Watch;
  readonly #evictor: Evictor;
  readonly #random: () => number;
  readonly #maxBytes: number;
  readonly #sweepMs: number;
  readonly #seed: number;
  readonly #departures: Departures;
  /** The hash of the last `find`. */
  #hash = 0;
  /** Where the sweep goes on. */
  #nextShard = 0;
  #armed = NEVER;
  #nextSweep = 0;

  constructor(parts: EntriesParts) {
    this.#store = parts.store;
    this.#alarm = parts.alarm;
    this.#watch = parts.watch;
    this.#evictor = parts.evictor;
    this.#random = parts.random;
    this.#maxBytes = parts.maxBytes;
    this.#sweepMs = parts.sweepMs;
    this.#seed = Math.floor(parts.random() * 2 ** 32) | 0;
    this.#departures = new Departures(parts.watch);
    this.space = this.#emptySpace();
  }

  /** When `tick` has something to do. */
  get armed(): number {
    return this.#armed;
  }

  /** The slot of a live key in `space.shard`, -1 when it is missing; a dead key is removed on the way. */
  find(key: string, now: number): number {
    const { space } = this;
    const hash = space.hash(key);
    this.#hash = hash;
    const slot = space.find(key, hash);
    if (slot < 0 || now < space.shard.soonest || now < space.shard.deadline(slot)) return slot;
    this.remove(space.shard, slot, 'expired');
    return -1;
  }

  /** Marks a use for the eviction policy. */
  used(shard: Shard, slot: number, now: number): void {
    const { access } = shard;
    const { marks } = this.#evictor;
    if (access !== undefined && marks !== undefined)
      access[slot] = marks.used(access[slot] as number, now, this.#random);
  }

  /**
   * Makes room for a value of `bytes` under `key`, where `slot` is what `find` answered for it last; answers its slot
   * afterwards. Errors: `MEMORY_LIMIT`, nothing changed.
   */
  reserve(key: string, slot: number, bytes: number, now: number): number {
    if (this.#maxBytes === 0) return slot;
    const size = OVERHEAD + Buffer.byteLength(key) + bytes;
    const growth = size - (slot < 0 ? 0 : this.space.shard.size(slot));
    if (growth <= 0 || this.space.bytes + growth <= this.#maxBytes) return slot;
    const hash = this.#hash;
    this.#makeRoom(growth, [key], now);
    this.#hash = hash;
    return this.space.find(key, hash);
  }

  /**
   * Writes one key, where `slot` is what `find` answered for it last. `bytes` are those of the value, `deadline` NEVER
   * for none. Errors: `MEMORY_LIMIT`, nothing changed.
   */
  write(
    key: string,
    slot: number,
    value: Value,
    bytes: number,
    deadline: number,
    event: WatchEvent,
    now: number,
  ): void {
    const at = this.reserve(key, slot, bytes, now);
    this.#put(key, this.#hash, at, value, OVERHEAD + Buffer.byteLength(key) + bytes, deadline, now);
    if (this.telling) this.#tell(event, key, value, true);
  }

  /** Writes all of `values` without TTL, or refuses with `MEMORY_LIMIT` and changes nothing. Dead keys were removed before. */
  writeAll(values: ReadonlyMap<string, { readonly value: Value; readonly bytes: number }>, now: number): void {
    const { space } = this;
    if (this.#maxBytes !== 0) {
      let growth = 0;
      for (const [key, { bytes }] of values) {
        const slot = space.find(key, space.hash(key));
        growth += OVERHEAD + Buffer.byteLength(key) + bytes - (slot < 0 ? 0 : space.shard.size(slot));
      }
      if (growth > 0 && space.bytes + growth > this.#maxBytes) this.#makeRoom(growth, [...values.keys()], now);
    }
    for (const [key, { value, bytes }] of values) {
      const hash = space.hash(key);
      this.#put(key, hash, space.find(key, hash), value, OVERHEAD + Buffer.byteLength(key) + bytes, NEVER, now);
      if (this.telling) this.#tell('set', key, value, false);
    }
  }

  /**
   * Moves the live key `source` to `destination`, which is another name; answers whether it overwrote one.
   * `slot` is what `find(source)` answered last. Errors: `MEMORY_LIMIT`, nothing changed.
   */
  move(source: string, slot: number, destination: string, now: number): boolean {
    const { space } = this;
    const from = space.shard;
    const value = from.value(slot);
    const deadline = from.deadline(slot);
    const before = from.size(slot);
    const size = before - Buffer.byteLength(source) + Buffer.byteLength(destination);
    let taken = this.find(destination, now);
    const hash = this.#hash;
    if (this.#maxBytes !== 0) {
      const freed = taken < 0 ? 0 : space.shard.size(taken);
      // the source goes right afterwards, so what counts is the longer name
      const growth = size - before - freed;
      if (growth > 0 && space.bytes + growth > this.#maxBytes) {
        this.#makeRoom(growth, [source, destination], now);
        taken = space.find(destination, hash);
      }
    }
    const overwrites = taken >= 0;
    if (overwrites && this.telling) this.#tell('del', destination, undefined, true);
    this.#put(destination, hash, taken, value, size, deadline, now);
    if (this.telling) this.#tell('set', destination, value, true);
    const old = space.find(source, space.hash(source));
    if (old >= 0) this.remove(space.shard, old, 'del');
    return overwrites;
  }

  /** Gives a live key another deadline, NEVER for none, and states it. */
  setDeadline(shard: Shard, slot: number, deadline: number, now: number): void {
    this.space.setDeadline(shard, slot, deadline);
    const key = shard.key(slot);
    this.#state(key, shard.value(slot), deadline);
    if (deadline !== NEVER) this.#armFor(deadline, now);
    if (this.telling) this.#tell(deadline === NEVER ? 'persist' : 'expire', key, undefined, true);
  }

  remove(shard: Shard, slot: number, event: 'del' | 'expired' | 'evicted'): void {
    const key = shard.key(slot);
    this.space.remove(shard, slot);
    if (event === 'expired') this.expired++;
    else if (event === 'evicted') this.evicted++;
    this.#store.remove(TABLE, key);
    if (this.telling) this.#tell(event, key, undefined, true);
  }

  /** Removes everything at once; watched keys are told in later ticks. */
  flush(now: number): void {
    const dropped = this.space;
    this.space = this.#emptySpace();
    this.#evictor.clear();
    this.#store.clear(TABLE);
    if (!this.#watch.active) return this.#watch.clear();
    if (dropped.keys === 0) return;
    this.#departures.add(dropped, now);
    this.#arm(now + 1);
  }

  restore(key: string, record: Plain): void {
    const [value, deadline = NEVER] = Array.isArray(record) ? (record as readonly Plain[]) : [record];
    if (!(typeof value === 'string' || value instanceof Uint8Array) || typeof deadline !== 'number')
      throw new AssertionError({
        message: `the record of key '${key}' is neither a value nor a value with a deadline`,
      });
    const stored = toValue(value);
    const size = OVERHEAD + Buffer.byteLength(key) + Buffer.byteLength(stored);
    const slot = this.space.insert(key, this.space.hash(key), stored, size);
    if (deadline !== NEVER) this.space.setDeadline(this.space.shard, slot, deadline);
  }

  restored(now: number): void {
    const { marks } = this.#evictor;
    if (marks !== undefined) for (const shard of this.space.shards) shard.access?.fill(marks.born(now));
    this.#nextSweep = now;
    this.#arm(Math.max(now, this.space.findSoonest()));
  }

  tick(now: number): void {
    let left = SLICE;
    while (left > 0 && this.#expireOne(now) > 0) left--;
    if (this.#departures.pending) this.#departures.step(SLICE);
    this.#nextSweep = now + this.#sweepMs;
    const busy = now >= this.space.soonest || this.#departures.pending;
    this.#armed = busy ? now + 1 : Math.max(this.space.findSoonest(), this.#nextSweep);
    this.#alarm.set(this.#armed);
  }

  check(): string[] {
    const { space } = this;
    const broken = space.check();
    for (const key of this.#watch.versioned())
      if (space.find(key, space.hash(key)) < 0 && !this.#departures.has(key))
        broken.push(`key '${key}' has a version and does not exist`);
    if (this.#armed > Math.max(space.findSoonest(), this.#nextSweep)) broken.push('the alarm is set too late');
    if (this.#departures.pending && this.#armed === NEVER) broken.push('departures wait and no alarm is set');
    return broken;
  }

  /** Whether a change interests anybody. */
  get telling(): boolean {
    return this.#watch.on || this.#departures.pending;
  }

  #emptySpace(): Keyspace {
    return new Keyspace(this.#seed, this.#evictor.marks !== undefined);
  }

  #put(key: string, hash: number, slot: number, value: Value, size: number, deadline: number, now: number): void {
    const { space } = this;
    let at = slot;
    if (at < 0) {
      at = space.insert(key, hash, value, size);
      if (space.shard.access !== undefined) space.shard.access[at] = this.#evictor.marks?.born(now) ?? 0;
    } else {
      space.replace(space.shard, at, value, size);
      if (space.shard.access !== undefined) this.used(space.shard, at, now);
    }
    const { ttl } = space.shard;
    if (deadline !== NEVER || ttl?.has(at)) {
      space.setDeadline(space.shard, at, deadline);
      if (deadline !== NEVER) this.#armFor(deadline, now);
    }
    this.#state(key, value, deadline);
  }

  #state(key: string, value: Value, deadline: number): void {
    this.#store.put(TABLE, key, deadline === NEVER ? value : [value, deadline]);
  }

  #tell(event: WatchEvent, key: string, value: Value | undefined, notice: boolean): void {
    if (this.#departures.pending) this.#departures.hurry(key);
    this.#watch.changed(event, key, value, notice);
  }

  /**
   * Frees bytes until `growth` more fit: dead keys first, then victims of the policy. Decides before the first eviction
   * whether it can succeed. `mine` are the keys being written: when one of them is evicted, the write brings it back
   * whole, so that its old size frees nothing. Errors: `MEMORY_LIMIT`.
   */
  #makeRoom(growth: number, mine: readonly string[], now: number): void {
    const { space } = this;
    let over = space.bytes + growth - this.#maxBytes;
    while (over > 0) {
      const freed = this.#expireOne(now);
      if (freed === 0) break;
      over -= freed;
    }
    if (over <= 0) return;
    let evictable = this.#evictor.evictable(space);
    const all = evictable === space.bytes;
    for (const key of mine) {
      const slot = space.find(key, space.hash(key));
      if (slot >= 0 && (all || space.shard.ttl?.has(slot))) evictable -= space.shard.size(slot);
    }
    if (over > evictable) throw new CommandError('MEMORY_LIMIT');
    const own = new Set(mine);
    while (over > 0) {
      const slot = this.#evictor.choose(space, now);
      if (slot < 0) throw new AssertionError({ message: `no victim although ${evictable} bytes may be evicted` });
      const { shard } = space;
      if (!own.has(shard.key(slot))) over -= shard.size(slot);
      this.remove(shard, slot, 'evicted');
    }
  }

  /** Removes one dead key; answers its accounted bytes, 0 when there is none. */
  #expireOne(now: number): number {
    const { space } = this;
    if (now < space.soonest) return 0;
    for (let tried = 0; tried < space.shards.length; tried++) {
      const shard = space.shards[this.#nextShard] as Shard;
      if (now >= shard.soonest && shard.ttl !== undefined) {
        const slot = shard.ttl.slots[0] as number;
        const size = shard.size(slot);
        this.remove(shard, slot, 'expired');
        return size;
      }
      this.#nextShard = (this.#nextShard + 1) % space.shards.length;
    }
    space.findSoonest();
    return 0;
  }

  /** Sees to it that a key with this deadline is swept in time. */
  #armFor(deadline: number, now: number): void {
    // a clock that was set back must not put the sweep off
    const sweep = Math.min(this.#nextSweep, now + this.#sweepMs);
    this.#arm(Math.max(deadline, sweep));
  }

  #arm(at: number): void {
    if (at >= this.#armed) return;
    this.#armed = at;
    this.#alarm.set(at);
  }
}
