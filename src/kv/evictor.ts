/**
 * Chooses which key goes when the budget is used up.
 *
 * Invariant: a victim is a key that exists and that the policy may take; as long as there is one, `choose` finds one.
 * `lru` and `lfu` sample: a few keys by chance, the best of them kept in a small pool from one choice to the next, so
 * that the choice comes close to the best of all without an ordered structure.
 */
import type { Keyspace } from './keyspace.ts';
import { type EvictionPolicy, type Marks, marksOf } from './policy.ts';

interface Candidate {
  readonly key: string;
  readonly rank: number;
}

const SAMPLES = 5;
const POOL = 16;

export class Evictor {
  /** Kept by the policy for every key; absent when it needs none. */
  readonly marks: Marks | undefined;
  readonly #policy: EvictionPolicy;
  readonly #volatile: boolean;
  readonly #random: () => number;
  /** Candidates in ascending order of rank. */
  #pool: Candidate[] = [];

  constructor(policy: EvictionPolicy, random: () => number) {
    this.#policy = policy;
    this.#volatile = policy.startsWith('volatile-');
    this.#random = random;
    this.marks = marksOf(policy);
  }

  /** Bytes that could be freed at most. */
  evictable(space: Keyspace): number {
    return this.#policy === 'noeviction' ? 0 : this.#volatile ? space.volatileBytes : space.bytes;
  }

  /** The slot of the next victim in `space.shard`, -1 when there is none. */
  choose(space: Keyspace, now: number): number {
    switch (this.#policy) {
      case 'noeviction':
        return -1;
      case 'volatile-ttl':
        return soonest(space);
      case 'allkeys-random':
      case 'volatile-random':
        return this.#pick(space);
      default:
        return this.#sampled(space, now);
    }
  }

  /** Forgets what it remembers of keys. */
  clear(): void {
    this.#pool = [];
  }

  #pick(space: Keyspace): number {
    return this.#volatile ? space.pickVolatile(this.#random) : space.pick(this.#random);
  }

  #sampled(space: Keyspace, now: number): number {
    const marks = this.marks as Marks;
    for (let i = 0; i < SAMPLES; i++) {
      const slot = this.#pick(space);
      if (slot < 0) return -1;
      const { shard } = space;
      this.#offer(shard.key(slot), marks.rank((shard.access as Uint32Array)[slot] as number, now));
    }
    for (;;) {
      const best = this.#pool.pop();
      if (best === undefined) return this.#pick(space);
      const slot = space.find(best.key, space.hash(best.key));
      if (slot < 0 || (this.#volatile && !space.shard.ttl?.has(slot))) continue;
      // a key that was used since it came into the pool is no candidate any more
      if (marks.rank((space.shard.access as Uint32Array)[slot] as number, now) >= best.rank) return slot;
    }
  }

  #offer(key: string, rank: number): void {
    const pool = this.#pool;
    const full = pool.length === POOL;
    if (full && rank <= (pool[0] as Candidate).rank) return;
    for (const candidate of pool) if (candidate.key === key) return;
    let at = pool.length;
    while (at > 0 && (pool[at - 1] as Candidate).rank > rank) at--;
    if (full) pool.copyWithin(0, 1, at)[at - 1] = { key, rank };
    else pool.splice(at, 0, { key, rank });
  }
}

/** The key with the earliest deadline of all; looking at the top of each shard costs about two microseconds. */
function soonest(space: Keyspace): number {
  if (space.volatileKeys === 0) return -1;
  const first = space.findSoonest();
  const shard = space.shards.find((candidate) => candidate.soonest === first);
  if (shard?.ttl === undefined) return -1;
  space.shard = shard;
  return shard.ttl.slots[0] as number;
}
