/**
 * Who holds which message until when.
 *
 * Invariant: a message in flight has exactly one lease, with one consumer and at most one subscription; `held` of a
 * consumer is the number of its leases; a subscription's chain holds exactly the leases it owns, the oldest first.
 */
import { Heap } from '../core/heap.ts';
import type { Message } from './message.ts';
import type { Bucket, Timed } from './schedule.ts';
import type { Party, Standing } from './waiters.ts';

/** A message that waits for a time: in flight until its deadline, or, with no consumer, delayed until it is due. */
export class Lease implements Timed<Lease> {
  readonly message: Message;
  due: number;
  readonly consumer: Consumer | undefined;
  readonly owner: Standing | undefined;
  bucket: Bucket<Lease> | undefined = undefined;
  earlier: Lease | undefined = undefined;
  later: Lease | undefined = undefined;
  /** Neighbours in the owner's chain. */
  before: Lease | undefined = undefined;
  after: Lease | undefined = undefined;

  constructor(message: Message, due: number, consumer: Consumer | undefined, owner: Standing | undefined) {
    this.message = message;
    this.due = due;
    this.consumer = consumer;
    this.owner = owner;
  }
}

/** The leases that one subscription owns. */
export class Chain {
  first: Lease | undefined = undefined;
  #last: Lease | undefined = undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(lease: Lease): void {
    const last = this.#last;
    lease.before = last;
    if (last === undefined) this.first = lease;
    else last.after = lease;
    this.#last = lease;
    this.#size++;
  }

  remove(lease: Lease): void {
    const { before, after } = lease;
    if (before === undefined) this.first = after;
    else before.after = after;
    if (after === undefined) this.#last = before;
    else after.before = before;
    lease.before = undefined;
    lease.after = undefined;
    this.#size--;
  }

  clear(): void {
    this.first = undefined;
    this.#last = undefined;
    this.#size = 0;
  }

  *values(): Generator<Lease> {
    for (let lease = this.first; lease !== undefined; lease = lease.after) yield lease;
  }
}

/** A consumer id that holds messages, or whose waiters are kept back by the prefetch limit. */
export class Consumer {
  readonly id: string;
  held = 0;
  /** Its waiting parties that were found at the limit, by ticket. */
  parked: Heap<Party> | undefined = undefined;

  constructor(id: string) {
    this.id = id;
  }
}

/** The consumers of one queue, with a counter each so that neither prefetch nor statistics need a walk. */
export class Consumers {
  readonly #limit: number;
  readonly #byId = new Map<string, Consumer>();
  #active = 0;

  /** `limit` is the queue's prefetch limit, 0 for none. */
  constructor(limit: number) {
    this.#limit = limit === 0 ? Number.POSITIVE_INFINITY : limit;
  }

  /** Distinct consumer ids that hold at least one message. */
  get active(): number {
    return this.#active;
  }

  /** Whether this consumer holds as many messages as it may. */
  full(id: string): boolean {
    if (this.#limit === Number.POSITIVE_INFINITY) return false;
    const consumer = this.#byId.get(id);
    return consumer !== undefined && consumer.held >= this.#limit;
  }

  /** Counts one more message for this consumer. */
  hold(id: string): Consumer {
    let consumer = this.#byId.get(id);
    if (consumer === undefined) {
      consumer = new Consumer(id);
      this.#byId.set(id, consumer);
    }
    if (consumer.held++ === 0) this.#active++;
    return consumer;
  }

  /** Counts one message less. Answers the parked party that may go on in its place, if there is one. */
  release(consumer: Consumer): Party | undefined {
    if (--consumer.held === 0) this.#active--;
    return this.#unpark(consumer);
  }

  /** Keeps a party back until its consumer gives a message up. The consumer must be full. */
  park(party: Party): void {
    const consumer = this.#byId.get(party.consumer) as Consumer;
    (consumer.parked ??= new Heap()).push(party);
    party.parkedAt = consumer;
  }

  /** Takes a party out of its consumer's parked ones; does nothing when it is not there. */
  leave(party: Party): void {
    const consumer = party.parkedAt;
    if (consumer === undefined) return;
    consumer.parked?.remove(party);
    party.parkedAt = undefined;
    this.#forget(consumer);
  }

  /** A party left the line without taking a message: the parked party that may stand in for it, if there is one. */
  standIn(id: string): Party | undefined {
    const consumer = this.#byId.get(id);
    return consumer === undefined || consumer.held >= this.#limit ? undefined : this.#unpark(consumer);
  }

  values(): IterableIterator<Consumer> {
    return this.#byId.values();
  }

  /** Messages this consumer may still take: `Infinity` without a limit. */
  free(consumer: Consumer): number {
    return this.#limit - consumer.held;
  }

  #unpark(consumer: Consumer): Party | undefined {
    const party = consumer.parked?.pop();
    if (party !== undefined) party.parkedAt = undefined;
    this.#forget(consumer);
    return party;
  }

  #forget(consumer: Consumer): void {
    if (consumer.held === 0 && (consumer.parked === undefined || consumer.parked.size === 0))
      this.#byId.delete(consumer.id);
  }
}
