/**
 * The keys of a flush that watchers have not been told of yet.
 *
 * A flush drops everything at once; telling each watched key takes a walk over all of them, so it is done in slices
 * afterwards. Invariant: a key is told exactly once that it left, and before anything that happens to it later.
 */
import type { Keyspace } from './keyspace.ts';
import type { Shard } from './shard.ts';
import type { Watch } from './watch.ts';

interface Departed {
  readonly space: Keyspace;
  readonly at: number;
}

export class Departures {
  readonly #watch: Watch;
  #left: Departed[] = [];

  constructor(watch: Watch) {
    this.#watch = watch;
  }

  get pending(): boolean {
    return this.#left.length > 0;
  }

  /** Takes over the keys that a flush dropped at `now`. */
  add(space: Keyspace, now: number): void {
    this.#left.push({ space, at: now });
  }

  /** Tells at most about `limit` keys; the caller comes back while `pending`. */
  step(limit: number): void {
    let left = limit;
    for (const departed of this.#left) {
      for (const shard of departed.space.shards) {
        while (shard.count > 0) {
          if (left-- <= 0) return;
          this.#tell(departed, shard, shard.count - 1);
        }
      }
    }
    this.#left = [];
  }

  /** Tells about one key now, since something is about to be told about it. */
  hurry(key: string): void {
    for (const departed of this.#left) {
      const slot = departed.space.find(key, departed.space.hash(key));
      if (slot >= 0) this.#tell(departed, departed.space.shard, slot);
    }
  }

  /** Whether `key` is still to be told of. */
  has(key: string): boolean {
    return this.#left.some(({ space }) => space.find(key, space.hash(key)) >= 0);
  }

  #tell({ space, at }: Departed, shard: Shard, slot: number): void {
    const key = shard.key(slot);
    const event = at >= shard.deadline(slot) ? 'expired' : 'del';
    space.remove(shard, slot);
    this.#watch.changed(event, key, undefined, false);
  }
}
