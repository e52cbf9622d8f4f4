/**
 * What an engine of logs does by the clock: answer reads that waited long enough, sweep logs, remove what was deleted.
 *
 * Invariant: `nextDeadline` is never later than the first thing to do, and one tick is bounded: what is left over runs in
 * the next one, a millisecond later, so that other work has its turn in between.
 */
import { Heap, type HeapItem } from '../core/heap.ts';
import type { Alarm, Store } from '../core/ports.ts';
import { Reaper } from './reaper.ts';
import { Waits } from './waits.ts';

/** A log that is looked after. Its `due` is never later than the first thing that `sweep` would do. */
export interface Sweepable extends HeapItem {
  /** Drops what is over its limits, with at most `budget` records; answers how many that took. */
  sweep(now: number, budget: number): number;
  /** When the next sweep has something to do, in Unix milliseconds; `Infinity` when nothing will come up by itself. */
  nextSweep(): number;
}

/** Milliseconds between two sweeps of one log: events age by the batch, not one by one. */
const SWEEP_MS = 1000;

/** Records that one tick drops or removes, and reads that it answers: together about a millisecond. */
const TICK_RECORDS = 2_000;
const TICK_READS = 500;

export class Upkeep {
  readonly waits = new Waits();
  readonly reaper: Reaper;
  readonly #alarm: Alarm;
  readonly #sweeps = new Heap<Sweepable>();
  #wakeAt = Number.POSITIVE_INFINITY;

  constructor(store: Store, alarm: Alarm) {
    this.reaper = new Reaper(store);
    this.#alarm = alarm;
  }

  get nextDeadline(): number {
    return this.#wakeAt;
  }

  /** Wants a sweep of `log` at `due` or earlier. */
  schedule(log: Sweepable, due: number): void {
    if (due === Number.POSITIVE_INFINITY || (log.slot >= 0 && log.due <= due)) return;
    log.due = due;
    if (log.slot >= 0) this.#sweeps.moved(log);
    else this.#sweeps.push(log);
    this.wake(due);
  }

  /** The log is gone. */
  forget(log: Sweepable): void {
    this.#sweeps.remove(log);
  }

  /** Wants a tick at `at` (Unix milliseconds; 0 is as soon as possible) or earlier. */
  wake(at: number): void {
    if (at < this.#wakeAt) this.#set(at);
  }

  /** Does what is due. `more` is asked at the end whether the engine has left something of its own over. */
  tick(now: number, more: () => boolean): void {
    this.waits.expire(now, TICK_READS);
    let budget = TICK_RECORDS;
    for (let log = this.#sweeps.peek(); log !== undefined && log.due <= now && budget > 0; log = this.#sweeps.peek()) {
      this.#sweeps.remove(log);
      budget -= 1 + log.sweep(now, budget);
      this.schedule(log, budget > 0 ? Math.max(log.nextSweep(), now + SWEEP_MS) : now + 1);
    }
    this.reaper.reap(budget);
    const next = more() || !this.reaper.idle ? now : Math.min(this.waits.nextDeadline, this.#nextSweep());
    this.#set(Math.max(next, now + 1));
  }

  /** Broken invariants, one sentence each. */
  check(): string[] {
    const broken = [...this.#sweeps.check(), ...this.waits.check()];
    if (this.#wakeAt > Math.min(this.waits.nextDeadline, this.#nextSweep())) broken.push('the alarm is set too late');
    if (!this.reaper.idle && this.#wakeAt === Number.POSITIVE_INFINITY) broken.push('nobody removes what was deleted');
    return broken;
  }

  #nextSweep(): number {
    return this.#sweeps.peek()?.due ?? Number.POSITIVE_INFINITY;
  }

  #set(at: number): void {
    this.#wakeAt = at;
    this.#alarm.set(at);
  }
}
