/**
 * Work that goes on in slices: purges, re-encryption, retention, forgetting idempotency keys.
 *
 * Invariant: `tick` does one bounded slice, and there is a deadline as long as work is left. Nothing here needs a record
 * of its own: what was interrupted is seen in the records of the threads themselves.
 */
import { LIMITS } from '../core/limits.ts';
import type { Keyring } from './keyring.ts';
import type { OnceKeys } from './once.ts';
import { Reseal } from './reseal.ts';
import type { Retention } from './retention.ts';
import type { Thread } from './thread.ts';
import type { Writer } from './writer.ts';

/** How fast purges go: records of one slice, and milliseconds between two slices. */
export interface Pace {
  readonly records: number;
  readonly sleepMs: number;
}

export class Upkeep {
  readonly #writer: Writer;
  readonly #keyring: Keyring;
  readonly #once: OnceKeys;
  readonly #pace: Pace;
  readonly #purges = new Set<Thread>();
  readonly #reseals = new Map<Thread, Reseal>();

  /** When the next slice of a purge may run. */
  #purgeAt = 0;

  constructor(writer: Writer, keyring: Keyring, once: OnceKeys, pace: Pace) {
    this.#pace = pace;
    this.#writer = writer;
    this.#keyring = keyring;
    this.#once = once;
  }

  /** Threads with work left. */
  get pending(): number {
    return this.#purges.size + this.#reseals.size;
  }

  /** Whether records of purged threads are left. */
  get purging(): boolean {
    return this.#purges.size > 0;
  }

  /** Makes a thread invisible and lets its records be removed. */
  purge(thread: Thread): void {
    this.#reseals.delete(thread);
    this.#writer.beginPurge(thread);
    this.#purges.add(thread);
  }

  /** Goes on with a purge that a restart interrupted. */
  resumePurge(thread: Thread): void {
    this.#purges.add(thread);
  }

  /** Lets all records of a thread come under its current key. */
  reseal(thread: Thread): void {
    const underway = this.#reseals.get(thread);
    if (underway === undefined) this.#reseals.set(thread, new Reseal(thread, this.#writer, this.#keyring));
    else underway.restart();
  }

  /** Whether a thread has records left under an older key, or clear ones. */
  isResealing(thread: Thread): boolean {
    return this.#reseals.has(thread);
  }

  /** A slice of one thread's re-encryption; `false` once nothing is left. */
  stepReseal(thread: Thread): boolean {
    const reseal = this.#reseals.get(thread);
    if (reseal === undefined) return false;
    if (reseal.step(LIMITS.chatSlice)) return true;
    this.#reseals.delete(thread);
    return false;
  }

  /** A slice of the purges; `false` when none is left. */
  stepPurge(): boolean {
    const [thread] = this.#purges;
    if (thread === undefined) return false;
    if (!this.#writer.purgeSome(thread, this.#pace.records)) this.#purges.delete(thread);
    return true;
  }

  /** A slice of whatever is due. */
  tick(now: number, retention: Retention): void {
    this.#once.tick(now);
    if (this.#purges.size > 0 && now >= this.#purgeAt) {
      this.stepPurge();
      this.#purgeAt = now + this.#pace.sleepMs;
      return;
    }
    const [thread] = this.#reseals.keys();
    if (thread !== undefined) this.stepReseal(thread);
    else if (this.#purges.size === 0) retention.tick(now);
  }

  /** When `tick` wants to be called next: at once while threads have work left. */
  nextDeadline(retention: Retention): number {
    if (this.#reseals.size > 0) return 0;
    return Math.min(this.#purges.size > 0 ? this.#purgeAt : retention.due, this.#once.nextDeadline());
  }
}
