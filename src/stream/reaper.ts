/**
 * Removes the records of what was deleted, a slice at a time: a log of a million events must not hold the event loop.
 *
 * Invariant: a key handed over here belongs to nothing that lives (keys.ts), so the order of removal does not matter and
 * a crash in between leaves records that the next start recognises as orphans and hands over again.
 */
import Denque from 'denque';
import type { Store } from '../core/ports.ts';

interface Grave {
  readonly table: string;
  readonly keys: Iterator<string>;
}

export class Reaper {
  readonly #store: Store;
  readonly #graves = new Denque<Grave>();
  readonly #orphans = new Map<string, string[]>();

  constructor(store: Store) {
    this.#store = store;
  }

  get idle(): boolean {
    return this.#graves.isEmpty();
  }

  /** Every record of `table` under these keys is to go. */
  add(table: string, keys: Iterator<string>): void {
    this.#graves.push({ table, keys });
  }

  /** A record was found at start-up whose owner is gone. */
  orphan(table: string, key: string): void {
    let keys = this.#orphans.get(table);
    if (keys === undefined) {
      keys = [];
      this.#orphans.set(table, keys);
      this.add(table, keys.values()); // the iterator sees what is pushed before it runs, and it runs after start-up
    }
    keys.push(key);
  }

  /** Removes up to `budget` records. */
  reap(budget: number): void {
    let left = budget;
    for (let grave = this.#graves.peekFront(); grave !== undefined && left > 0; ) {
      const { done, value } = grave.keys.next();
      if (done === true) {
        this.#graves.shift();
        grave = this.#graves.peekFront();
        continue;
      }
      this.#store.remove(grave.table, value);
      left--;
    }
  }
}
