/**
 * The keys of the engine in 1,024 shards, with their totals.
 *
 * Invariant: a key lies in the shard that its hash names; `keys`, `bytes` and their volatile parts equal a recount.
 * Sharding keeps each table small enough that growing one stalls nobody (measured.md, finding 7).
 */
import { NEVER } from './deadline.ts';
import { hashKey } from './hash.ts';
import { Shard } from './shard.ts';
import type { Value } from './value.ts';

/** Accounted bytes of an entry besides its key and value (synap-core.md 2.4-19). */
export const OVERHEAD = 40;

const SHARDS = 1_024;
/** Up to this many keys a pick walks the shards and is exactly uniform; above, shards are even enough to take one blindly. */
const WALKED = 16_384;

export class Keyspace {
  readonly shards: readonly Shard[];
  keys = 0;
  bytes = 0;
  /** Keys with a TTL. */
  volatileKeys = 0;
  volatileBytes = 0;
  /** The shard of the last `find`, `pick` or `pickVolatile`. */
  shard: Shard;
  /** Never later than the soonest deadline of any key. */
  soonest = NEVER;
  readonly #seed: number;

  /** `seed` keys the hash; `tracksAccess` gives every slot a place for the eviction policy's mark. */
  constructor(seed: number, tracksAccess: boolean) {
    this.#seed = seed;
    this.shards = Array.from({ length: SHARDS }, () => new Shard(tracksAccess));
    this.shard = this.shards[0] as Shard;
  }

  hash(key: string): number {
    return hashKey(key, this.#seed);
  }

  /** The slot of `key` in `shard` (a side effect: one call must answer two things without an allocation), -1 when absent. */
  find(key: string, hash: number): number {
    const shard = this.shards[hash & (SHARDS - 1)] as Shard;
    this.shard = shard;
    return shard.find(key, hash);
  }

  /** Adds an absent key to the shard of its hash; answers its slot there. */
  insert(key: string, hash: number, value: Value, size: number): number {
    const shard = this.shards[hash & (SHARDS - 1)] as Shard;
    this.shard = shard;
    const slot = shard.insert(key, hash, value, size);
    this.keys++;
    this.bytes += size;
    return slot;
  }

  replace(shard: Shard, slot: number, value: Value, size: number): void {
    const more = size - shard.size(slot);
    this.bytes += more;
    if (shard.ttl?.has(slot)) this.volatileBytes += more;
    shard.replace(slot, value, size);
  }

  setDeadline(shard: Shard, slot: number, deadline: number): void {
    if (shard.ttl?.has(slot)) this.#unvolatile(shard, slot);
    if (deadline !== NEVER) {
      this.volatileKeys++;
      this.volatileBytes += shard.size(slot);
      if (deadline < this.soonest) this.soonest = deadline;
    }
    shard.setDeadline(slot, deadline);
  }

  remove(shard: Shard, slot: number): void {
    this.keys--;
    this.bytes -= shard.size(slot);
    if (shard.ttl?.has(slot)) this.#unvolatile(shard, slot);
    shard.remove(slot);
  }

  /** Makes `soonest` exact and answers it. */
  findSoonest(): number {
    let soonest = NEVER;
    for (const shard of this.shards) if (shard.soonest < soonest) soonest = shard.soonest;
    this.soonest = soonest;
    return soonest;
  }

  /** How many keys are dead at `now` but not swept yet, and their accounted bytes. */
  due(now: number): { keys: number; bytes: number } {
    const due = { keys: 0, bytes: 0 };
    if (now < this.soonest) return due;
    for (const shard of this.shards) {
      if (now >= shard.soonest) shard.ttl?.due(now, shard.sizes, due);
    }
    return due;
  }

  /** A slot of `shard` by chance, -1 when there are no keys. `random` answers numbers in [0, 1). */
  pick(random: () => number): number {
    if (this.keys === 0) return -1;
    if (this.keys <= WALKED) {
      let left = Math.floor(random() * this.keys);
      for (const shard of this.shards) {
        if (left < shard.count) return this.#picked(shard, left);
        left -= shard.count;
      }
    }
    for (;;) {
      const at = random() * SHARDS;
      const shard = this.shards[at | 0] as Shard;
      if (shard.count > 0) return this.#picked(shard, Math.floor((at - (at | 0)) * shard.count));
    }
  }

  /** The same among keys with a TTL. */
  pickVolatile(random: () => number): number {
    if (this.volatileKeys === 0) return -1;
    if (this.volatileKeys <= WALKED) {
      let left = Math.floor(random() * this.volatileKeys);
      for (const shard of this.shards) {
        const size = shard.ttl?.size ?? 0;
        if (left < size) return this.#picked(shard, shard.ttl?.slots[left] as number);
        left -= size;
      }
    }
    for (;;) {
      const at = random() * SHARDS;
      const shard = this.shards[at | 0] as Shard;
      const size = shard.ttl?.size ?? 0;
      if (size > 0) return this.#picked(shard, shard.ttl?.slots[Math.floor((at - (at | 0)) * size)] as number);
    }
  }

  /** Broken invariants; recounts everything. */
  check(): string[] {
    const broken: string[] = [];
    const counted = { keys: 0, bytes: 0, volatileKeys: 0, volatileBytes: 0 };
    for (const [index, shard] of this.shards.entries()) {
      for (const fault of shard.check()) broken.push(`shard ${index}: ${fault}`);
      for (let slot = 0; slot < shard.count; slot++) {
        const key = shard.key(slot);
        const hash = this.hash(key);
        if (hash !== shard.hash(slot) || (hash & (SHARDS - 1)) !== index)
          broken.push(`key '${key}' is in a wrong place`);
        const size = OVERHEAD + Buffer.byteLength(key) + Buffer.byteLength(shard.value(slot));
        if (size !== shard.size(slot)) broken.push(`key '${key}' accounts for ${shard.size(slot)} bytes, not ${size}`);
        counted.keys++;
        counted.bytes += size;
        if (shard.deadline(slot) === NEVER) continue;
        counted.volatileKeys++;
        counted.volatileBytes += size;
      }
      if (shard.soonest < this.soonest) broken.push(`shard ${index} is due before the whole`);
    }
    for (const name of ['keys', 'bytes', 'volatileKeys', 'volatileBytes'] as const)
      if (counted[name] !== this[name]) broken.push(`${name} is ${this[name]}, a recount says ${counted[name]}`);
    return broken;
  }

  #picked(shard: Shard, slot: number): number {
    this.shard = shard;
    return slot;
  }

  #unvolatile(shard: Shard, slot: number): void {
    this.volatileKeys--;
    this.volatileBytes -= shard.size(slot);
  }
}
