/**
 * Reads that wait for events to come.
 *
 * Invariant: a waiting read stands in two heaps, its log's by the offset it waits for and the engine's by its deadline,
 * or in neither; it is answered or refused once, and never after it was cancelled.
 */
import { CommandError } from '../core/errors.ts';
import { Heap, type HeapItem } from '../core/heap.ts';
import { LIMITS } from '../core/limits.ts';
import type { Wait } from './types.ts';

/** What becomes of a waiting read: it is looked up again (an event came, or time ran out), or its log is gone. */
interface Outcome {
  again(now: number): void;
  gone(error: CommandError): void;
}

class Waiting implements Wait, HeapItem {
  slot = -1;
  due: number;
  readonly place: { slot: number; due: number; readonly waiting: Waiting };
  readonly list: WaitList;
  readonly outcome: Outcome;
  readonly #deadlines: Heap<Waiting>;

  constructor(list: WaitList, deadlines: Heap<Waiting>, offset: number, deadline: number, outcome: Outcome) {
    this.list = list;
    this.#deadlines = deadlines;
    this.due = deadline;
    this.place = { slot: -1, due: offset, waiting: this };
    this.outcome = outcome;
  }

  cancel(): void {
    this.#deadlines.remove(this);
    this.list.places.remove(this.place);
  }
}

/** The waiting reads of one log. */
export class WaitList {
  readonly places = new Heap<Waiting['place']>();

  /** Wakes every read whose offset lies below `next`. */
  arrived(next: number, now: number): void {
    for (let place = this.places.peek(); place !== undefined && place.due < next; place = this.places.peek()) {
      place.waiting.cancel();
      place.waiting.outcome.again(now);
    }
  }

  /** Refuses every read: the log is gone. */
  refuse(error: CommandError): void {
    for (let place = this.places.peek(); place !== undefined; place = this.places.peek()) {
      place.waiting.cancel();
      place.waiting.outcome.gone(error);
    }
  }
}

/** All waiting reads of an engine. */
export class Waits {
  readonly #deadlines = new Heap<Waiting>();

  get size(): number {
    return this.#deadlines.size;
  }

  /** When the first of them runs out, in Unix milliseconds. */
  get nextDeadline(): number {
    return this.#deadlines.peek()?.due ?? Number.POSITIVE_INFINITY;
  }

  /** Lets a read wait in `list` for the event at `offset`, until `deadline`. Errors: LIMIT_REACHED. */
  add(list: WaitList, offset: number, deadline: number, outcome: Outcome): Wait {
    if (list.places.size >= LIMITS.waiters)
      throw new CommandError('LIMIT_REACHED', { detail: `${LIMITS.waiters} reads wait here already` });
    const waiting = new Waiting(list, this.#deadlines, offset, deadline, outcome);
    this.#deadlines.push(waiting);
    list.places.push(waiting.place);
    return waiting;
  }

  /** Wakes the reads whose deadline has come, at most `budget` of them. */
  expire(now: number, budget: number): void {
    for (let left = budget; left > 0; left--) {
      const waiting = this.#deadlines.peek();
      if (waiting === undefined || waiting.due > now) break;
      waiting.cancel();
      waiting.outcome.again(now);
    }
  }

  /** Broken invariants, one sentence each. */
  check(): string[] {
    const broken = this.#deadlines.check();
    for (const waiting of this.#deadlines.values())
      if (waiting.place.slot < 0) broken.push('a read has a deadline but waits in no log');
    return broken;
  }
}

/** A wait that is over already. */
export const answered: Wait = { cancel: () => {} };
