/**
 * Who reads a room, and how far each has come.
 *
 * Invariant: `holders` has exactly those that may hold back retention: every resting subscriber, and every subscription
 * that is paused or behind. The slowest is its top, so a publish asks one number however many there are. Resting
 * subscribers also stand in a list in the order in which they were last seen, so the longest idle is its head.
 */
import { CommandError } from '../core/errors.ts';
import { Heap, type HeapItem } from '../core/heap.ts';
import { LIMITS } from '../core/limits.ts';

/** One reader by its id. `due` is its position: the offset of the next event it has not read. */
export class Subscriber implements HeapItem {
  slot = -1;
  due: number;
  readonly id: string;
  /** Events it was given. */
  consumed = 0;
  /** When it last came, in Unix milliseconds. */
  seen: number;
  /** Its standing subscriptions; while there is one it does not rest, and the subscriptions speak for it. */
  attached = 0;
  older: Subscriber | undefined;
  newer: Subscriber | undefined;

  constructor(id: string, position: number, now: number) {
    this.id = id;
    this.due = position;
    this.seen = now;
  }
}

export class Subscribers {
  readonly holders = new Heap<HeapItem>();
  readonly #byId = new Map<string, Subscriber>();
  #eldest: Subscriber | undefined;
  #youngest: Subscriber | undefined;

  get size(): number {
    return this.#byId.size;
  }

  /** The lowest offset that somebody still has to read; `Infinity` when nobody holds anything back. */
  get slowest(): number {
    return this.holders.peek()?.due ?? Number.POSITIVE_INFINITY;
  }

  /** The resting subscriber that was seen longest ago. */
  get eldest(): Subscriber | undefined {
    return this.#eldest;
  }

  get(id: string): Subscriber | undefined {
    return this.#byId.get(id);
  }

  ids(): IterableIterator<string> {
    return this.#byId.keys();
  }

  values(): IterableIterator<Subscriber> {
    return this.#byId.values();
  }

  /** Adds a new subscriber, resting. Errors: LIMIT_REACHED when all that are remembered have standing subscriptions. */
  add(id: string, position: number, now: number): Subscriber {
    if (this.#byId.size >= LIMITS.subscribers)
      throw new CommandError('LIMIT_REACHED', { detail: `a room remembers ${LIMITS.subscribers} subscribers` });
    const subscriber = new Subscriber(id, position, now);
    this.#byId.set(id, subscriber);
    this.holders.push(subscriber);
    this.#append(subscriber);
    return subscriber;
  }

  /** A subscriber came and now stands at `position`. */
  moved(subscriber: Subscriber, position: number, now: number): void {
    subscriber.due = position;
    subscriber.seen = now;
    if (subscriber.attached > 0) return;
    this.holders.moved(subscriber);
    this.#unlink(subscriber);
    this.#append(subscriber);
  }

  /** A standing subscription speaks for it from now on. */
  attach(subscriber: Subscriber): void {
    if (subscriber.attached++ > 0) return;
    this.holders.remove(subscriber);
    this.#unlink(subscriber);
  }

  /** A standing subscription ended at `position`. */
  detach(subscriber: Subscriber, position: number, now: number): void {
    subscriber.due = position;
    subscriber.seen = now;
    if (--subscriber.attached > 0) return;
    this.holders.push(subscriber);
    this.#append(subscriber);
  }

  /** Forgets a resting subscriber. */
  forget(subscriber: Subscriber): void {
    this.#byId.delete(subscriber.id);
    this.holders.remove(subscriber);
    this.#unlink(subscriber);
  }

  /** Broken invariants, one sentence each. */
  check(name: string): string[] {
    const broken = this.holders.check().map((text) => `${name}: ${text}`);
    let resting = 0;
    for (const subscriber of this.#byId.values()) {
      if (subscriber.attached > 0 !== subscriber.slot < 0) broken.push(`${name}: ${subscriber.id} rests and does not`);
      if (subscriber.attached === 0) resting++;
    }
    let listed = 0;
    for (let at = this.#eldest; at !== undefined && listed <= resting; at = at.newer) {
      listed++;
      if (at.newer === undefined && at !== this.#youngest) broken.push(`${name}: the idle list ends early`);
    }
    if (listed !== resting) broken.push(`${name}: ${resting} subscribers rest, ${listed} are listed`);
    return broken;
  }

  #append(subscriber: Subscriber): void {
    subscriber.older = this.#youngest;
    if (this.#youngest === undefined) this.#eldest = subscriber;
    else this.#youngest.newer = subscriber;
    this.#youngest = subscriber;
  }

  #unlink(subscriber: Subscriber): void {
    const { older, newer } = subscriber;
    if (older === undefined) this.#eldest = newer;
    else older.newer = newer;
    if (newer === undefined) this.#youngest = older;
    else newer.older = older;
    subscriber.older = undefined;
    subscriber.newer = undefined;
  }
}
