/**
 * A set of names in the order of their UTF-8 bytes, so that a listing needs no sort.
 *
 * Invariant: chunks are never empty, hold at most `CHUNK` names each, and the names ascend within and across chunks.
 */
import { byBytes } from '../core/json.ts';

/** Names in one chunk at most: an insertion moves half of that, which takes about 100 ns. */
const CHUNK = 512;

export class SortedNames {
  readonly #chunks: string[][] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Adds a name that is not there yet. */
  add(name: string): void {
    this.#size++;
    const at = Math.max(0, this.#chunkOf(name));
    const chunk = this.#chunks[at];
    if (chunk === undefined) {
      this.#chunks.push([name]);
      return;
    }
    chunk.splice(rank(chunk, name), 0, name);
    if (chunk.length > CHUNK) this.#chunks.splice(at + 1, 0, chunk.splice(CHUNK >> 1));
  }

  /** Takes a name out that is there. */
  delete(name: string): void {
    const at = this.#chunkOf(name);
    const chunk = this.#chunks[at];
    if (chunk === undefined) return;
    const place = rank(chunk, name);
    if (chunk[place] !== name) return;
    this.#size--;
    chunk.splice(place, 1);
    if (chunk.length === 0) this.#chunks.splice(at, 1);
  }

  /** The first names in order: at most `count`, and no more than `bytes` bytes of text, except that the first always comes. */
  first(count: number, bytes: number): string[] {
    const names: string[] = [];
    let left = bytes;
    for (const chunk of this.#chunks) {
      for (const name of chunk) {
        left -= Buffer.byteLength(name);
        if (names.length >= count || (left < 0 && names.length > 0)) return names;
        names.push(name);
      }
    }
    return names;
  }

  /** Broken invariants, one sentence each; empty when the set is sound. */
  check(): string[] {
    const broken: string[] = [];
    let size = 0;
    let last: string | undefined;
    for (const chunk of this.#chunks) {
      if (chunk.length === 0 || chunk.length > CHUNK) broken.push(`a chunk of sorted names has ${chunk.length} names`);
      for (const name of chunk) {
        if (last !== undefined && byBytes(last, name) >= 0) broken.push(`sorted name ${name} does not follow ${last}`);
        last = name;
        size++;
      }
    }
    if (size !== this.#size) broken.push(`${size} sorted names are counted as ${this.#size}`);
    return broken;
  }

  /** The last chunk that begins at or before `name`; -1 when none does. */
  #chunkOf(name: string): number {
    let low = 0;
    let high = this.#chunks.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (byBytes((this.#chunks[middle] as string[])[0] as string, name) <= 0) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}

/** How many names of the chunk come before `name`. */
function rank(chunk: readonly string[], name: string): number {
  let low = 0;
  let high = chunk.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (byBytes(chunk[middle] as string, name) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
