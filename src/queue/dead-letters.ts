/**
 * The messages that were given up, the oldest first, until somebody reads, replays or purges them.
 *
 * Slots lie in the order of their positions; a letter that leaves from the middle leaves an empty slot behind. Empty
 * slots at the head go at once, and all of them when they outnumber the letters, so that a walk is linear in what it
 * finds (amortised) and a cursor is found by bisection even when its own letter is gone.
 *
 * Invariant: `size` slots hold a message; positions grow; the first slot is not empty.
 */
import Denque from 'denque';
import type { Message } from './message.ts';
import type { DeadReason } from './types.ts';

/** A dead letter's place. */
export interface Letter {
  readonly position: number;
  readonly reason: DeadReason;
  /** Who held it last. */
  readonly consumer: string;
  /** `undefined` once it left. */
  message: Message | undefined;
}

/** Empty slots that are not worth the work of removing them. */
const SLACK = 64;

export class DeadLetters {
  #slots = new Denque<Letter>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Adds the newest letter. */
  push(letter: Letter): void {
    this.#slots.push(letter);
    this.#size++;
  }

  /** Empties a letter's slot. Answers the message that lay there. */
  remove(letter: Letter): void {
    letter.message = undefined;
    this.#size--;
    while (this.#slots.length > 0 && this.#slots.peekFront()?.message === undefined) this.#slots.shift();
    if (this.#slots.length > 2 * this.#size + SLACK) this.#compact();
  }

  /** The message that has been dead for the longest time. */
  oldest(): Message | undefined {
    return this.#slots.peekFront()?.message;
  }

  /** Up to `limit` messages whose positions come after `position`, the oldest first. */
  after(position: number, limit: number): Message[] {
    const found: Message[] = [];
    for (let i = this.#firstAfter(position); i < this.#slots.length && found.length < limit; i++) {
      const message = this.#slots.peekAt(i)?.message;
      if (message !== undefined) found.push(message);
    }
    return found;
  }

  /** Broken invariants, one sentence each. */
  check(): string[] {
    const broken: string[] = [];
    let size = 0;
    let position = 0;
    for (const letter of this.#slots.toArray()) {
      if (letter.position <= position) broken.push(`dead letter ${letter.position} stands behind a later one`);
      position = letter.position;
      if (letter.message === undefined) continue;
      size++;
      if (letter.message.letter !== letter) broken.push(`${letter.message.id} does not know its dead letter`);
    }
    if (size !== this.#size) broken.push(`the dead letters count ${this.#size} and hold ${size}`);
    if (this.#slots.length > 0 && this.oldest() === undefined) broken.push('the first dead letter is an empty slot');
    return broken;
  }

  #firstAfter(position: number): number {
    let low = 0;
    let high = this.#slots.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#slots.peekAt(middle) as Letter).position > position) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  #compact(): void {
    this.#slots = new Denque(this.#slots.toArray().filter((letter) => letter.message !== undefined));
  }
}
