/**
 * A map that grows without a long stop: 1,024 small maps instead of a big one, whose growth would hold the event loop
 * for tenths of a second.
 *
 * Invariant: a key lives in the shard that its text names, and `size` is the number of keys in all shards.
 */

const SHARDS = 1_024;

export class ShardedMap<V> {
  readonly #shards: (Map<string, V> | undefined)[] = new Array(SHARDS).fill(undefined);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(key: string): V | undefined {
    return this.#shards[shardOf(key)]?.get(key);
  }

  set(key: string, value: V): void {
    const at = shardOf(key);
    const shard = (this.#shards[at] ??= new Map());
    const before = shard.size;
    shard.set(key, value);
    this.#size += shard.size - before;
  }

  delete(key: string): void {
    if (this.#shards[shardOf(key)]?.delete(key)) this.#size--;
  }

  *values(): Generator<V> {
    for (const shard of this.#shards) if (shard !== undefined) yield* shard.values();
  }
}

/** Mixes the last eight characters, where ids and numbered keys differ most. */
function shardOf(key: string): number {
  let mix = key.length;
  for (let i = Math.max(0, key.length - 8); i < key.length; i++) mix = Math.imul(mix, 31) + key.charCodeAt(i);
  mix ^= mix >>> 15;
  return mix & (SHARDS - 1);
}
