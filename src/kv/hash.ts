/**
 * The hash of a key: 32 bits that choose the shard (lowest ten), the place in its table, and a tag (highest ten).
 *
 * Invariant: equal keys have equal hashes under one seed. Work is bounded by `HASHED` characters, so keys that agree
 * in length and in both ends of that many characters share a hash; the seed keeps other collisions from being chosen.
 */

/** Characters of a key that are read at most: 25 microseconds. */
const HASHED = 16_384;

/** A signed 32-bit hash of `key`; `seed` is any integer. */
export function hashKey(key: string, seed: number): number {
  const length = key.length;
  let h = seed;
  if (length <= HASHED) {
    for (let i = 0; i < length; i++) {
      h = Math.imul(h ^ key.charCodeAt(i), 0x5bd1e995);
      h ^= h >>> 15;
    }
  } else {
    h ^= length;
    for (let i = 0; i < HASHED / 2; i++) {
      h = Math.imul(h ^ key.charCodeAt(i), 0x5bd1e995);
      h ^= h >>> 15;
    }
    for (let i = length - HASHED / 2; i < length; i++) {
      h = Math.imul(h ^ key.charCodeAt(i), 0x5bd1e995);
      h ^= h >>> 15;
    }
  }
  h = Math.imul(h ^ (h >>> 13), 0x2c1b3c6d);
  return h ^ (h >>> 16);
}
