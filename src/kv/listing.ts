/**
 * A walk over the keys, shard by shard, that can be put down and taken up again.
 *
 * Invariant: a shard is looked at as a whole within one step, and a key never changes its shard: what exists from the
 * first step to the last is listed exactly once, what came or went in between at most once.
 */
import { LIMITS } from '../core/limits.ts';
import { glob } from './glob.ts';
import type { Keyspace } from './keyspace.ts';
import type { Shard } from './shard.ts';

/** What to list. All filters must hold; an absent one filters nothing. */
export interface ListOptions {
  /** Glob over the whole key: `*`, `?`, `[..]`, `[^..]`, `\` (synap-core.md 8.1-2). */
  readonly pattern?: string | undefined;
  /** Literal beginning of the key. */
  readonly prefix?: string | undefined;
  /** Keys to return at most; the caps `listedKeys` and `listedBytes` of limits.ts hold in any case. */
  readonly limit?: number | undefined;
}

/** Work of one step, in keys of up to 64 characters: well under a millisecond. */
const STEP = 4_096;

export class Listing {
  /** What was found so far, in no particular order. */
  readonly keys: string[] = [];
  readonly #space: () => Keyspace;
  readonly #matches: ((key: string) => boolean) | undefined;
  readonly #prefix: string;
  readonly #limit: number;
  #bytes = 0;
  #next = 0;

  /** Errors: `INVALID_VALUE` for a pattern over the caps. `space` is asked at each step, since a flush replaces it. */
  constructor(space: () => Keyspace, { pattern, prefix, limit }: ListOptions) {
    this.#space = space;
    this.#matches = pattern === undefined ? undefined : glob(pattern);
    this.#prefix = prefix ?? '';
    this.#limit = Math.min(limit ?? LIMITS.listedKeys, LIMITS.listedKeys);
  }

  /** Looks at the next few thousand keys; `false` when the listing is complete or full. */
  step(now: number): boolean {
    const { shards } = this.#space();
    if (this.keys.length >= this.#limit) return false;
    for (let work = 0; work < STEP; ) {
      const shard = shards[this.#next++];
      if (shard === undefined) return false;
      const more = this.#look(shard, now);
      if (more < 0) return false;
      work += more;
    }
    return true;
  }

  /** Lists what fits of one shard; answers the work it took, -1 when the listing is full. */
  #look(shard: Shard, now: number): number {
    const matches = this.#matches;
    const prefix = this.#prefix;
    const living = now < shard.soonest;
    let work = 0;
    for (let slot = 0; slot < shard.count; slot++) {
      const key = shard.key(slot);
      work += 1 + (key.length >> 6);
      if (prefix !== '' && !key.startsWith(prefix)) continue;
      if (matches !== undefined && !matches(key)) continue;
      if (!living && now >= shard.deadline(slot)) continue;
      this.#bytes += Buffer.byteLength(key);
      if (this.#bytes > LIMITS.listedBytes && this.keys.length > 0) return -1;
      this.keys.push(key);
      if (this.keys.length >= this.#limit) return -1;
    }
    return work;
  }
}
