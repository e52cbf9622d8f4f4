/**
 * Items found by the number they were given: pages of an array instead of a map, so that nothing is hashed and
 * nothing ever grows all at once.
 *
 * Invariant: numbers are positive and given in ascending order; a page without items is dropped.
 */

const BITS = 12;
const PAGE = 1 << BITS;

interface Page<T> {
  readonly items: (T | undefined)[];
  count: number;
}

export class Directory<T> {
  readonly #pages: (Page<T> | undefined)[] = [];
  #size = 0;
  #last = 0;

  get size(): number {
    return this.#size;
  }

  /** The highest number ever given here. */
  get last(): number {
    return this.#last;
  }

  get(no: number): T | undefined {
    return this.#pages[Math.floor(no / PAGE)]?.items[no % PAGE];
  }

  /** Puts a new item under a number that is free. */
  add(no: number, item: T): void {
    const at = Math.floor(no / PAGE);
    while (this.#pages.length <= at) this.#pages.push(undefined);
    const page = (this.#pages[at] ??= { items: [], count: 0 });
    const slot = no % PAGE;
    while (page.items.length < slot) page.items.push(undefined);
    page.items[slot] = item;
    page.count++;
    this.#size++;
    if (no > this.#last) this.#last = no;
  }

  /** Takes out the item of a number that has one. */
  delete(no: number): void {
    const at = Math.floor(no / PAGE);
    const page = this.#pages[at];
    if (page?.items[no % PAGE] === undefined) return;
    page.items[no % PAGE] = undefined;
    this.#size--;
    if (--page.count === 0) this.#pages[at] = undefined;
  }

  /** At most `count` items with numbers above `no`, ascending. */
  above(no: number, count: number): T[] {
    const found: T[] = [];
    let slot = (no + 1) % PAGE;
    for (let at = Math.floor((no + 1) / PAGE); at < this.#pages.length; at++, slot = 0) {
      const page = this.#pages[at];
      if (page === undefined) continue;
      for (; slot < page.items.length; slot++) {
        const item = page.items[slot];
        if (item === undefined) continue;
        if (found.length >= count) return found;
        found.push(item);
      }
    }
    return found;
  }

  /** At most `count` items with numbers below `no`, descending. */
  below(no: number, count: number): T[] {
    const found: T[] = [];
    const end = Math.min(no, this.#pages.length * PAGE);
    let slot = (end - 1) % PAGE;
    for (let at = Math.floor((end - 1) / PAGE); at >= 0; at--, slot = PAGE - 1) {
      const page = this.#pages[at];
      if (page === undefined) continue;
      for (; slot >= 0; slot--) {
        const item = page.items[slot];
        if (item === undefined) continue;
        if (found.length >= count) return found;
        found.push(item);
      }
    }
    return found;
  }

  /** The first item for which `reached` holds, when it holds for all that follow it as well. */
  seek(reached: (item: T) => boolean): T | undefined {
    // pages first: the one before the first whose first item is reached may hold the place
    let low = 0;
    let high = this.#pages.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      let page = middle;
      while (page < high && this.#pages[page] === undefined) page++;
      const first = this.#pages[page]?.items.find((item) => item !== undefined);
      if (page === high || first === undefined || reached(first)) high = middle;
      else low = page + 1;
    }
    for (let at = Math.max(0, low - 1); at < this.#pages.length; at++) {
      const item = this.#pages[at]?.items.find((candidate) => candidate !== undefined && reached(candidate));
      if (item !== undefined) return item;
    }
    return undefined;
  }
}
