/**
 * Every deadline of the process hangs on one real timer.
 *
 * Invariant: the real timer is set for the soonest alarm or earlier. A part that must act at a time owns an `Alarm`
 * and moves it by assignment; nobody else starts a timer per item (measured.md: 325 ns and 220 bytes each).
 */
import type { Clock } from './clock.ts';
import { Heap } from './heap.ts';
import type { Alarm } from './ports.ts';

/** The longest the real timer sleeps, in milliseconds: Node's own limit is 2^31 - 1, and a clock set back is noticed. */
const SLEEP_MAX_MS = 60_000;

class Slot implements Alarm {
  slot = -1;
  due = Number.POSITIVE_INFINITY;
  readonly #timers: Timers;
  readonly ring: (now: number) => void;

  constructor(timers: Timers, ring: (now: number) => void) {
    this.#timers = timers;
    this.ring = ring;
  }

  set(at: number): void {
    this.#timers.move(this, at);
  }
}

export class Timers {
  readonly #clock: Clock;
  readonly #heap = new Heap<Slot>();
  #timer: NodeJS.Timeout | undefined;
  #armedFor = Number.POSITIVE_INFINITY;
  #stopped = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A new alarm that calls `ring(now)` once its time has come; it sleeps until `set` is called. */
  alarm(ring: (now: number) => void): Alarm {
    return new Slot(this, ring);
  }

  /** Calls `work(now)` every `ms` milliseconds, the first time after `ms`. Returns the way to end it. */
  every(ms: number, work: (now: number) => void): () => void {
    let ended = false;
    const alarm = this.alarm((now) => {
      if (ended) return;
      work(now);
      if (!ended) alarm.set(now + ms);
    });
    alarm.set(this.#clock.now() + ms);
    return () => {
      ended = true;
      alarm.set(Number.POSITIVE_INFINITY);
    };
  }

  /** @internal Moves an alarm; `Infinity` switches it off. */
  move(slot: Slot, at: number): void {
    if (slot.due === at && (slot.slot >= 0 || at === Number.POSITIVE_INFINITY)) return;
    slot.due = at;
    if (at === Number.POSITIVE_INFINITY) this.#heap.remove(slot);
    else if (slot.slot >= 0) this.#heap.moved(slot);
    else this.#heap.push(slot);
    const first = this.#heap.peek();
    if (first !== undefined && first.due < this.#armedFor) this.#arm();
  }

  /** Rings every alarm that is due. Called by the real timer, and by tests that moved their clock. */
  run(): void {
    const now = this.#clock.now();
    for (;;) {
      const first = this.#heap.peek();
      if (first === undefined || first.due > now) break;
      this.#heap.remove(first);
      first.due = Number.POSITIVE_INFINITY;
      first.ring(now);
    }
    this.#arm();
  }

  /** Ends the real timer for good. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #arm(): void {
    if (this.#stopped) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#armedFor = Number.POSITIVE_INFINITY;
    const first = this.#heap.peek();
    if (first === undefined) return;
    const wait = Math.min(Math.max(0, first.due - this.#clock.now()), SLEEP_MAX_MS);
    this.#armedFor = first.due;
    this.#timer = setTimeout(() => {
      this.#armedFor = Number.POSITIVE_INFINITY;
      this.run();
    }, wait);
    this.#timer.unref();
  }
}
