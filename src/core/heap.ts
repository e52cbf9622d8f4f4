/**
 * A binary heap whose items know their slot, so that an inner item can be moved or removed in logarithmic time.
 *
 * Invariant: for every item, `items[item.slot] === item`, and no item is due before its parent.
 * An item outside of the heap has `slot === -1`.
 */

/** What the heap needs of an item: a place to write its position, and when it is due (any number; smaller is sooner). */
export interface HeapItem {
  slot: number;
  due: number;
}

export class Heap<T extends HeapItem> {
  readonly #items: T[] = [];

  get size(): number {
    return this.#items.length;
  }

  /** The soonest item, or `undefined` when empty. */
  peek(): T | undefined {
    return this.#items[0];
  }

  /** Adds an item that is in no heap. */
  push(item: T): void {
    item.slot = this.#items.length;
    this.#items.push(item);
    this.#up(item.slot);
  }

  /** Takes the soonest item out. */
  pop(): T | undefined {
    const top = this.#items[0];
    if (top !== undefined) this.remove(top);
    return top;
  }

  /** Takes `item` out; does nothing when it is in no heap. */
  remove(item: T): void {
    const at = item.slot;
    if (at < 0) return;
    const last = this.#items.pop() as T;
    item.slot = -1;
    if (last === item) return;
    this.#items[at] = last;
    last.slot = at;
    this.#down(at);
    this.#up(at);
  }

  /** Puts `item` where it belongs after its `due` was changed. */
  moved(item: T): void {
    this.#up(item.slot);
    this.#down(item.slot);
  }

  clear(): void {
    for (const item of this.#items) item.slot = -1;
    this.#items.length = 0;
  }

  /** Every item, in no particular order. */
  values(): IterableIterator<T> {
    return this.#items.values();
  }

  /** Broken invariants, one sentence each; empty when the heap is sound. */
  check(): string[] {
    const broken: string[] = [];
    for (const [i, item] of this.#items.entries()) {
      if (item.slot !== i) broken.push(`heap item ${i} believes it is at ${item.slot}`);
      const parent = this.#items[(i - 1) >> 1];
      if (i > 0 && parent !== undefined && parent.due > item.due)
        broken.push(`heap item ${i} is due before its parent`);
    }
    return broken;
  }

  #up(from: number): void {
    const items = this.#items;
    const item = items[from] as T;
    let at = from;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = items[above] as T;
      if (parent.due <= item.due) break;
      items[at] = parent;
      parent.slot = at;
      at = above;
    }
    items[at] = item;
    item.slot = at;
  }

  #down(from: number): void {
    const items = this.#items;
    const item = items[from] as T;
    const end = items.length;
    let at = from;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= end) break;
      if (below + 1 < end && (items[below + 1] as T).due < (items[below] as T).due) below++;
      const child = items[below] as T;
      if (child.due >= item.due) break;
      items[at] = child;
      child.slot = at;
      at = below;
    }
    items[at] = item;
    item.slot = at;
  }
}
