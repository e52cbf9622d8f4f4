/**
 * Items in order, in chunks: adding at the end costs nothing, adding and taking out anywhere moves half a chunk, and a
 * page from any place costs what the page holds.
 *
 * Invariant: chunks are never empty, hold at most `CHUNK` items each, and items ascend by `compare` within and across
 * chunks. Whatever `compare` looks at must not change while an item is in here.
 */

/** Items in one chunk at most: an insertion moves half of that, which takes about 100 ns. */
const CHUNK = 512;

/** A place between items: before the item `index` of the chunk `chunk`. Valid until the list changes. */
export interface Place {
  readonly chunk: number;
  readonly index: number;
}

/** The place before the first item of any list. */
export const START: Place = { chunk: 0, index: 0 };

/** A list that is always in order; `compare` answers as for `Array.sort`, and 0 only for one and the same item. */
export class Ordered<T> {
  readonly #chunks: T[][] = [];
  readonly #compare: (a: T, b: T) => number;
  #size = 0;

  constructor(compare: (a: T, b: T) => number) {
    this.#compare = compare;
  }

  get size(): number {
    return this.#size;
  }

  /** Adds an item that is not there yet. */
  add(item: T): void {
    this.#size++;
    const lastChunk = this.#chunks[this.#chunks.length - 1];
    if (lastChunk === undefined) {
      this.#chunks.push([item]);
      return;
    }
    if (this.#compare(lastChunk[lastChunk.length - 1] as T, item) < 0) {
      if (lastChunk.length < CHUNK) lastChunk.push(item);
      else this.#chunks.push([item]);
      return;
    }
    const { chunk: at, index } = this.#placeOf(item);
    const chunk = this.#chunks[at] as T[];
    chunk.splice(index, 0, item);
    if (chunk.length > CHUNK) this.#chunks.splice(at + 1, 0, chunk.splice(CHUNK >> 1));
  }

  /** Takes an item out. `false` when it is not there. */
  delete(item: T): boolean {
    const { chunk: at, index } = this.#placeOf(item);
    const chunk = this.#chunks[at];
    if (chunk === undefined || index >= chunk.length || this.#compare(chunk[index] as T, item) !== 0) return false;
    chunk.splice(index, 1);
    if (chunk.length === 0) this.#chunks.splice(at, 1);
    this.#size--;
    return true;
  }

  first(): T | undefined {
    return this.#chunks[0]?.[0];
  }

  last(): T | undefined {
    const chunk = this.#chunks[this.#chunks.length - 1];
    return chunk?.[chunk.length - 1];
  }

  /** The place behind the last item. */
  end(): Place {
    return { chunk: this.#chunks.length, index: 0 };
  }

  /** The place before the first item for which `below` does not hold; it must hold for all items before that one. */
  seek(below: (item: T) => boolean): Place {
    let low = 0;
    let high = this.#chunks.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (below((this.#chunks[middle] as T[])[0] as T)) low = middle + 1;
      else high = middle;
    }
    if (low === 0) return START;
    const chunk = this.#chunks[low - 1] as T[];
    let from = 0;
    let to = chunk.length;
    while (from < to) {
      const middle = (from + to) >> 1;
      if (below(chunk[middle] as T)) from = middle + 1;
      else to = middle;
    }
    // an item that begins a chunk is found there, and not behind the last one of the chunk before
    return from === chunk.length ? { chunk: low, index: 0 } : { chunk: low - 1, index: from };
  }

  /** At most `count` items from `place` on, ascending. */
  up(place: Place, count: number): T[] {
    const found: T[] = [];
    let { index } = place;
    for (let at = place.chunk; at < this.#chunks.length; at++, index = 0) {
      const chunk = this.#chunks[at] as T[];
      for (; index < chunk.length; index++) {
        if (found.length >= count) return found;
        found.push(chunk[index] as T);
      }
    }
    return found;
  }

  /** At most `count` items before `place`, descending. */
  down(place: Place, count: number): T[] {
    const found: T[] = [];
    let index = place.index - 1;
    for (let at = place.chunk; at >= 0; at--) {
      const chunk = this.#chunks[at];
      if (chunk !== undefined) {
        for (; index >= 0; index--) {
          if (found.length >= count) return found;
          found.push(chunk[index] as T);
        }
      }
      index = (this.#chunks[at - 1]?.length ?? 0) - 1;
    }
    return found;
  }

  /** Broken invariants, one sentence each; empty when the list is sound. */
  check(): string[] {
    const broken: string[] = [];
    let size = 0;
    let before: T | undefined;
    for (const chunk of this.#chunks) {
      if (chunk.length === 0 || chunk.length > CHUNK) broken.push(`a chunk has ${chunk.length} items`);
      for (const item of chunk) {
        if (before !== undefined && this.#compare(before, item) >= 0) broken.push('items are out of order');
        before = item;
        size++;
      }
    }
    if (size !== this.#size) broken.push(`${size} items are counted as ${this.#size}`);
    return broken;
  }

  #placeOf(item: T): Place {
    return this.seek((other) => this.#compare(other, item) < 0);
  }
}
