/**
 * First in, first out, giving its memory back: a list that was long is dropped when it runs empty, since a denque
 * keeps the room of its longest day.
 */
import Denque from 'denque';

/** Items a list may have had and still be kept when empty. */
const SMALL = 1_024;

export class Fifo<T> {
  #items = new Denque<T>();
  #longest = 0;

  get size(): number {
    return this.#items.length;
  }

  peek(): T | undefined {
    return this.#items.peekFront();
  }

  push(item: T): void {
    const length = this.#items.push(item);
    if (length > this.#longest) this.#longest = length;
  }

  shift(): T | undefined {
    const item = this.#items.shift();
    if (this.#longest > SMALL && this.#items.length === 0) {
      this.#items = new Denque();
      this.#longest = 0;
    }
    return item;
  }

  /** Every item, the oldest first. */
  *values(): Generator<T> {
    for (let i = 0; i < this.#items.length; i++) yield this.#items.peekAt(i) as T;
  }
}
