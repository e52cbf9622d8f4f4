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
    // the page before the first whose first item is reached may hold the place
    const pages = this.#pages;
    const behind = search(
      0,
      pages.length,
      (at) => firstOf(pages[at]) !== undefined,
      (at) => reached(firstOf(pages[at]) as T),
    );
    for (let at = behind - 1; at >= 0; at--) {
      const items = pages[at]?.items;
      if (items === undefined) continue;
      const slot = search(
        0,
        items.length,
        (index) => items[index] !== undefined,
        (index) => reached(items[index] as T),
      );
      if (slot < items.length) return items[slot];
      break;
    }
    return behind < pages.length ? firstOf(pages[behind]) : undefined;
  }
}

/** The first place from `low` on that is filled and for which `reached` holds; `high` when there is none. */
function search(low: number, high: number, filled: (at: number) => boolean, reached: (at: number) => boolean): number {
  const end = high;
  let found = end;
  let from = low;
  let to = high;
  while (from < to) {
    const middle = (from + to) >> 1;
    let at = middle;
    while (at < to && !filled(at)) at++;
    if (at === to) to = middle;
    else if (reached(at)) {
      found = at;
      to = middle;
    } else from = at + 1;
  }
  return found;
}

/** The first item of a page. */
function firstOf<T>(page: Page<T> | undefined): T | undefined {
  return page?.items.find((item) => item !== undefined);
}
