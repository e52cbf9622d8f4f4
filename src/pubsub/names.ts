/**
 * A map from names to values whose largest insertion stays small.
 *
 * A V8 `Map` stalls while it grows (measured.md finding 7: 593 ms at five million keys), and even an empty one takes
 * some 200 bytes. So a single entry is kept inline, some thousands in one `Map`, more in `SHARDS` of them.
 *
 * Invariant: every entry stands in exactly one place: inline, `#map`, or the shard of its name.
 */

/** Entries from which on one `Map` is split. */
const SPLIT_AT = 16_384;
const SHARDS = 256;

/** Units looked at from each end of a name when its shard is chosen. */
const SAMPLED = 16;

export class NameMap<V> {
  #name: string | undefined;
  #value: V | undefined;
  #map: Map<string, V> | undefined;
  #shards: Map<string, V>[] | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(name: string): V | undefined {
    if (this.#shards !== undefined) return shardOf(this.#shards, name).get(name);
    if (this.#map !== undefined) return this.#map.get(name);
    return name === this.#name ? this.#value : undefined;
  }

  /** Adds an entry whose name is not there yet. */
  add(name: string, value: V): void {
    this.#size++;
    if (this.#shards !== undefined) {
      shardOf(this.#shards, name).set(name, value);
    } else if (this.#map !== undefined) {
      this.#map.set(name, value);
      if (this.#size > SPLIT_AT) this.#split(this.#map);
    } else if (this.#name === undefined) {
      this.#name = name;
      this.#value = value;
    } else {
      this.#map = new Map([
        [this.#name, this.#value as V],
        [name, value],
      ]);
      this.#name = undefined;
      this.#value = undefined;
    }
  }

  /** Takes an entry out; answers whether it was there. */
  delete(name: string): boolean {
    if (this.#shards !== undefined) {
      if (!shardOf(this.#shards, name).delete(name)) return false;
    } else if (this.#map !== undefined) {
      if (!this.#map.delete(name)) return false;
    } else if (name === this.#name) {
      this.#name = undefined;
      this.#value = undefined;
    } else {
      return false;
    }
    if (--this.#size === 0) {
      this.#map = undefined;
      this.#shards = undefined;
    }
    return true;
  }

  /** Every value, in no particular order. */
  *values(): IterableIterator<V> {
    if (this.#name !== undefined) yield this.#value as V;
    if (this.#map !== undefined) yield* this.#map.values();
    if (this.#shards !== undefined) for (const shard of this.#shards) yield* shard.values();
  }

  #split(map: Map<string, V>): void {
    const shards = Array.from({ length: SHARDS }, () => new Map<string, V>());
    for (const [name, value] of map) shardOf(shards, name).set(name, value);
    this.#shards = shards;
    this.#map = undefined;
  }
}

function shardOf<V>(shards: readonly Map<string, V>[], name: string): Map<string, V> {
  // names differ at their ends (`user.17`, `17.state`), and a name may be long: so both ends, and a bounded part of them
  let hash = name.length;
  const end = name.length;
  const head = Math.min(end, SAMPLED);
  for (let i = 0; i < head; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  for (let i = Math.max(head, end - SAMPLED); i < end; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return shards[(hash ^ (hash >>> 15)) & (SHARDS - 1)] as Map<string, V>;
}
