/**
 * Keys of stored records.
 *
 * Invariant: the keys of one log sort as its offsets do, and no two logs share a key: a log is known by a generation that
 * is never given twice, not by a name that may be deleted and created again while old records still wait for removal.
 */

/** Digits of an offset: every safe integer. */
const DIGITS = 16;

/** The key of the event at `offset` of the log whose keys begin with `prefix`. */
export function offsetKey(prefix: string, offset: number): string {
  return prefix + String(offset).padStart(DIGITS, '0');
}

/** What stands in front of the offset in a key made by `offsetKey`. */
export function prefixOf(key: string): string {
  return key.slice(0, -DIGITS);
}

/** The keys of the offsets from `from` up to and without `end`. */
export function* offsetKeys(prefix: string, from: number, end: number): Generator<string> {
  for (let offset = from; offset < end; offset++) yield offsetKey(prefix, offset);
}

/** The number that a key begins with: the generation of a log. */
export function generationOf(key: string): number {
  return Number.parseInt(key, 10);
}
