/**
 * Taking messages out of memory and store, one at a time, so that dropping a million of them can be cut into slices.
 */
import type { Store } from '../core/ports.ts';
import type { DeadLetters } from './dead-letters.ts';
import type { Lease } from './leases.ts';
import type { Message } from './message.ts';
import type { MessageIndex } from './message-index.ts';
import type { ReadyLists } from './ready.ts';
import { removeMessage } from './records.ts';
import type { Schedule } from './schedule.ts';

/** A piece of long work: does one step and answers whether there may be more. */
export type Job = (now: number) => boolean;

export class Remover {
  readonly #store: Store;
  readonly #messages: MessageIndex;

  constructor(store: Store, messages: MessageIndex) {
    this.#store = store;
    this.#messages = messages;
  }

  /** Removes a message that is in no list any more; answers `false` when there is none. */
  drop(message: Message | undefined): boolean {
    if (message === undefined) return false;
    this.#messages.delete(message);
    removeMessage(this.#store, message);
    return true;
  }

  ready(lists: ReadyLists): Job {
    return () => this.drop(lists.shift());
  }

  scheduled(schedule: Schedule<Lease>): Job {
    return () => this.drop(schedule.take(Number.POSITIVE_INFINITY)?.message);
  }

  dead(letters: DeadLetters): Job {
    return () => {
      const message = letters.oldest();
      if (message?.letter !== undefined) letters.remove(message.letter);
      return this.drop(message);
    };
  }
}
