/**
 * Bringing all records of a thread under its current data key: rotation, and encryption of what was written clear.
 *
 * Invariant: every record names the key that opens it and is replaced as a whole, so the work may stop anywhere; it goes
 * on from the beginning of the log, past what is done already. An old key goes when its last record has.
 */
import type { Keyring } from './keyring.ts';
import { Version } from './message.ts';
import type { Thread } from './thread.ts';
import type { Writer } from './writer.ts';

export class Reseal {
  readonly thread: Thread;
  readonly #writer: Writer;
  readonly #keyring: Keyring;
  #position = 0;

  constructor(thread: Thread, writer: Writer, keyring: Keyring) {
    this.thread = thread;
    this.#writer = writer;
    this.#keyring = keyring;
  }

  /** Looks at about `count` records; `false` once all are under the current key. */
  step(count: number): boolean {
    const { thread } = this;
    if (thread.purging) return false;
    const batch = thread.log.up(
      thread.log.seek((change) => change.seq <= this.#position),
      count,
    );
    for (const change of batch) {
      this.#position = change.seq;
      if (change instanceof Version) this.#writer.reseal(thread, change);
    }
    if (batch.length === count) return true;
    this.#keyring.dropUnused(thread);
    return false;
  }

  /** The current key changed: everything is to be looked at again. */
  restart(): void {
    this.#position = 0;
  }
}
