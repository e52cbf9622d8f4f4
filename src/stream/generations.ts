/**
 * Generations: numbers near the clock (Unix milliseconds) by which a client sees that a log is not the one it knew.
 *
 * Invariant: each is strictly larger than every one before, across restarts and clocks set back, also when all that had
 * one was deleted (synap-core.md 4.3-1).
 */
import type { Plain, Store } from '../core/ports.ts';

const KEY = 'last';

export class Generations {
  readonly #store: Store;
  readonly #table: string;
  #last = 0;

  constructor(store: Store, table: string) {
    this.#store = store;
    this.#table = table;
  }

  /** A new generation. */
  take(now: number): number {
    this.#last = Math.max(now, this.#last + 1);
    this.#store.put(this.#table, KEY, this.#last);
    return this.#last;
  }

  /** Takes the stored record back. */
  restore(value: Plain): void {
    this.#last = Math.max(this.#last, Number(value));
  }
}
