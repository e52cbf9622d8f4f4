/**
 * Passwords that are to be hashed, to check or to set them, waiting for their turn on the thread pool.
 *
 * Invariant: at most `LIMITS.passwordChecks` run at the same time, and lanes take turns, so that a flood of wrong
 * passwords for one name neither fills the pool nor holds up other names.
 */
import Denque from 'denque';
import { LIMITS } from '../core/limits.ts';

interface Lane {
  readonly name: string;
  readonly waiting: Denque<() => void>;
}

export class PasswordChecks {
  readonly #lanes = new Map<string, Lane>();
  /** Lanes with waiting checks, each once, in the order of their turns. */
  readonly #turns = new Denque<Lane>();
  #running = 0;

  /** Runs `check` when it is its turn. `undefined` when too many wait in this lane already. */
  run<T>(name: string, check: () => Promise<T>): Promise<T> | undefined {
    if (this.#running < LIMITS.passwordChecks) return this.#start(check);
    let lane = this.#lanes.get(name);
    if (lane === undefined) {
      lane = { name, waiting: new Denque() };
      this.#lanes.set(name, lane);
      this.#turns.push(lane);
    }
    if (lane.waiting.length >= LIMITS.passwordChecksWaiting) return undefined;
    const { waiting } = lane;
    return new Promise((resolve) => {
      waiting.push(() => resolve(this.#start(check)));
    });
  }

  async #start<T>(check: () => Promise<T>): Promise<T> {
    this.#running++;
    try {
      return await check();
    } finally {
      this.#running--;
      this.#next();
    }
  }

  #next(): void {
    const lane = this.#turns.shift();
    if (lane === undefined) return;
    const start = lane.waiting.shift();
    if (lane.waiting.isEmpty()) this.#lanes.delete(lane.name);
    else this.#turns.push(lane);
    start?.();
  }
}
