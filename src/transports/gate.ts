/**
 * Where answers of writing requests wait until what they changed is on disk.
 *
 * Invariant: answers leave in the order of their changes, each exactly once; after a failed flush none that waits is
 * sent as a success. One record per waiting answer, no promise and no timer.
 */
import Denque from 'denque';
import type { CommandError } from '../core/errors.ts';

/** What the gate needs to know of the store. */
export interface Durability {
  /** Whether replies wait for the disk unless a request says otherwise. */
  readonly waits: boolean;
  /** The number of the last stated change. */
  position(): number;
  /** Asks for a flush at the end of this turn; answers the position to wait for. */
  urgent(): number;
  /** The last change that is on disk. */
  flushed(): number;
  /** `error`: nothing above `flushed` that was stated before this call may be acknowledged. */
  onFlushed(listener: (flushed: number, error: CommandError | undefined) => void): void;
}

interface Held {
  readonly position: number;
  readonly release: (error: CommandError | undefined) => void;
}

export class Gate {
  readonly #durability: Durability;
  readonly #held = new Denque<Held>();
  /** Whether every writing request waits. */
  readonly waits: boolean;

  constructor(durability: Durability) {
    this.#durability = durability;
    this.waits = durability.waits;
    durability.onFlushed((flushed, error) => this.#open(flushed, error));
  }

  /** Answers that wait. */
  get held(): number {
    return this.#held.length;
  }

  /** The number of the last stated change; a request that moved it has written. */
  position(): number {
    return this.#durability.position();
  }

  /** Calls `release` once everything stated so far is on disk: at once when it is already, with an error when it failed. */
  hold(release: (error: CommandError | undefined) => void): void {
    const position = this.#durability.urgent();
    if (position <= this.#durability.flushed()) return release(undefined);
    this.#held.push({ position, release });
  }

  #open(flushed: number, error: CommandError | undefined): void {
    for (;;) {
      const first = this.#held.peekFront();
      if (first === undefined || (first.position > flushed && error === undefined)) return;
      this.#held.shift();
      first.release(first.position > flushed ? error : undefined);
    }
  }
}
