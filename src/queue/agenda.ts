/**
 * What the engine must do at a time: queues whose next deadline comes, waiters that give up, and long work in slices.
 *
 * Invariant: after each operation the alarm is set for `next` or earlier. One call does at most `SLICE` steps; when it
 * leaves something over, the next tick comes a millisecond later, so that other work gets in between.
 */
import { Heap } from '../core/heap.ts';
import type { Alarm } from '../core/ports.ts';
import { Fifo } from './fifo.ts';
import type { Queue } from './queue.ts';
import type { Job } from './remover.ts';
import type { Rooms } from './waiters.ts';

/** Steps of background work per call: about a millisecond. */
const SLICE = 1_000;

export class Agenda {
  readonly #alarm: Alarm;
  readonly #rooms: Rooms;
  /** The queues that wait for a time. */
  readonly #due = new Heap<Queue>();
  /** Removing what was purged or deleted, giving back what a closed socket held. */
  readonly #jobs = new Fifo<Job>();
  #notBefore = 0;
  #alarmAt = Number.POSITIVE_INFINITY;

  constructor(alarm: Alarm, rooms: Rooms) {
    this.#alarm = alarm;
    this.#rooms = rooms;
  }

  /** When `tick` wants to be called. */
  get next(): number {
    const soonest = Math.min(this.#due.peek()?.due ?? Number.POSITIVE_INFINITY, this.#rooms.next);
    return Math.max(this.#jobs.size > 0 ? 0 : soonest, this.#notBefore);
  }

  tick(now: number): void {
    let left = SLICE;
    while (left > 0) {
      const queue = this.#due.peek();
      if (queue === undefined || queue.due > now) break;
      left -= Math.max(1, this.#advance(queue, left, now));
    }
    if (left > 0) left -= this.#rooms.expire(now, left);
    if (left > 0) left -= this.#work(left, now);
    this.#notBefore = left > 0 ? 0 : now + 1;
    this.#alarmAt = Number.NaN; // the alarm rang and is off
    this.ring();
  }

  /**
   * Ends what is over in a queue before an operation on it, so that no answer depends on how late the timer is. What
   * comes back goes to those who wait before the caller gets at it.
   */
  catchUp(queue: Queue, now: number): void {
    if (queue.due <= now) this.#advance(queue, SLICE, now);
  }

  /** The end of every operation on a queue: who waits gets what is ready, counters are stated, the alarm is moved. */
  done(queue: Queue, now: number): void {
    queue.offer(now);
    this.settle(queue);
    this.ring();
  }

  /** States the counters of a queue, and puts it where its next deadline belongs. */
  settle(queue: Queue): void {
    queue.count();
    const due = queue.nextDeadline();
    if (due === queue.due) return;
    queue.due = due;
    if (due === Number.POSITIVE_INFINITY) this.#due.remove(queue);
    else if (queue.slot < 0) this.#due.push(queue);
    else this.#due.moved(queue);
  }

  /** Moves the alarm. */
  ring(): void {
    const at = this.next;
    if (at === this.#alarmAt) return;
    this.#alarmAt = at;
    this.#alarm.set(at);
  }

  /** Does the first slice of a job at once; what is left comes with the ticks. */
  begin(job: Job, now: number): void {
    for (let steps = 0; steps < SLICE; steps++) if (!job(now)) return;
    this.#jobs.push(job);
    this.ring();
  }

  /** Broken invariants, one sentence each. */
  check(): string[] {
    const broken = this.#due.check();
    if (this.#alarmAt > this.next) broken.push(`the alarm is set for ${this.#alarmAt}, after ${this.next}`);
    return broken;
  }

  #advance(queue: Queue, most: number, now: number): number {
    const done = queue.advance(now, most);
    queue.offer(now);
    this.settle(queue);
    return done;
  }

  #work(most: number, now: number): number {
    let done = 0;
    for (; done < most; done++) {
      const job = this.#jobs.peek();
      if (job === undefined) break;
      if (!job(now)) this.#jobs.shift();
    }
    return done;
  }
}
