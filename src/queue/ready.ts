/**
 * The messages that may be delivered: the highest priority first, and first in first out inside a priority.
 *
 * Invariant: bit p of the mask is set exactly when list p has messages; positions grow inside each list.
 */
import { Fifo } from './fifo.ts';
import type { Message } from './message.ts';

/** The most urgent priority; more is stored as this (synap-core.md 3.3-3). */
export const HIGHEST_PRIORITY = 9;

export class ReadyLists {
  /** Made when a priority is first used, since most queues use one. */
  readonly #lists: (Fifo<Message> | undefined)[] = new Array(HIGHEST_PRIORITY + 1).fill(undefined);
  #mask = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Adds a message at the tail of its priority. */
  push(message: Message): void {
    const priority = message.priority;
    (this.#lists[priority] ??= new Fifo()).push(message);
    this.#mask |= 1 << priority;
    this.#size++;
  }

  /** Takes the next message out. */
  shift(): Message | undefined {
    if (this.#mask === 0) return undefined;
    const priority = 31 - Math.clz32(this.#mask);
    const list = this.#lists[priority] as Fifo<Message>;
    const message = list.shift();
    if (list.size === 0) this.#mask &= ~(1 << priority);
    this.#size--;
    return message;
  }

  /** Since when the message that is ready the longest has been so: the head of some priority. `undefined` when empty. */
  oldestSince(): number | undefined {
    let oldest: number | undefined;
    for (const list of this.#lists) {
      const since = list?.peek()?.since;
      if (since !== undefined && (oldest === undefined || since < oldest)) oldest = since;
    }
    return oldest;
  }

  /** Every message, in the order of delivery. */
  *values(): Generator<Message> {
    for (let p = HIGHEST_PRIORITY; p >= 0; p--) yield* this.#lists[p]?.values() ?? [];
  }

  /** Broken invariants, one sentence each. */
  check(): string[] {
    const broken: string[] = [];
    let size = 0;
    for (const [priority, list] of this.#lists.entries()) {
      const marked = (this.#mask & (1 << priority)) !== 0;
      if (marked !== (list !== undefined && list.size > 0)) broken.push(`the mask is wrong about priority ${priority}`);
      let position = 0;
      for (const message of list?.values() ?? []) {
        size++;
        if (message.priority !== priority) broken.push(`${message.id} is in the list of priority ${priority}`);
        if (message.position <= position) broken.push(`${message.id} stands behind a later one`);
        position = message.position;
      }
    }
    if (size !== this.#size) broken.push(`the ready lists count ${this.#size} messages and hold ${size}`);
    return broken;
  }
}
