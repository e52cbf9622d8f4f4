/**
 * One queue: where its messages are, and every move they make.
 *
 * Invariant: each message of the queue is in the ready lists, in the schedule or among the dead letters, and the
 * tally agrees; every move is stated to the store in the call that makes it. When a call is over, no message is ready
 * while a party that may take it stands in line.
 */
import { CommandError } from '../core/errors.ts';
import type { HeapItem } from '../core/heap.ts';
import { LIMITS } from '../core/limits.ts';
import type { Store } from '../core/ports.ts';
import { later, unknownMessage, validate } from './config.ts';
import { DeadLetters, type Letter } from './dead-letters.ts';
import { type KeyEntry, KeyWindow } from './key-window.ts';
import { Consumers, Lease } from './leases.ts';
import { DEAD, DELAYED, IN_FLIGHT, Message, NO_HEADERS, READY } from './message.ts';
import type { MessageIndex } from './message-index.ts';
import { HIGHEST_PRIORITY, ReadyLists } from './ready.ts';
import { type CountRecord, putMessage, putState } from './records.ts';
import type { Job, Remover } from './remover.ts';
import { Schedule } from './schedule.ts';
import type { ShardedMap } from './sharded-map.ts';
import { Tally, type Totals } from './tally.ts';
import type { DeadReason, Delivery, Publication, PublishOptions, QueueConfig } from './types.ts';
import type { Room, Standing } from './waiters.ts';

/** What the queues of an engine share. */
export interface Shared {
  readonly store: Store;
  /** Every message of every queue. */
  readonly messages: MessageIndex;
  readonly remover: Remover;
  /** Every remembered message key of every queue. */
  readonly keys: ShardedMap<KeyEntry>;
  readonly totals: Totals;
}

export class Queue implements HeapItem {
  slot = -1;
  /** Where the engine's heap has it: when `advance` wants to be called next. */
  due = Number.POSITIVE_INFINITY;
  readonly name: string;
  /** Never used by another queue, even of the same name. */
  readonly number: number;
  readonly createdAt: number;
  readonly config: QueueConfig;
  readonly tally: Tally;
  readonly consumers: Consumers;
  readonly schedule = new Schedule<Lease>();
  readonly keys: KeyWindow;
  /** Who waits for messages; absent when nobody does. */
  room: Room | undefined = undefined;
  /** Whether it was deleted. */
  gone = false;
  readonly #shared: Shared;
  readonly #countKey: string;
  #ready = new ReadyLists();
  #dead = new DeadLetters();
  /** The position given last. */
  #position = 0;
  #offering = false;

  constructor(shared: Shared, name: string, number: number, createdAt: number, config: QueueConfig) {
    this.#shared = shared;
    this.name = name;
    this.number = number;
    this.createdAt = createdAt;
    this.config = config;
    this.tally = new Tally(shared.totals);
    this.consumers = new Consumers(config.prefetch);
    this.keys = new KeyWindow(shared.store, shared.keys, number, config.dedupeMs);
    this.#countKey = String(number);
  }

  get ready(): ReadyLists {
    return this.#ready;
  }

  get dead(): DeadLetters {
    return this.#dead;
  }

  /** When the next lease, delay or message key ends; `Infinity` when there is nothing to wait for. */
  nextDeadline(): number {
    return this.gone ? Number.POSITIVE_INFINITY : Math.min(this.schedule.next, this.keys.next);
  }

  /** The message `id` of this queue, wherever it is, but not one that was purged. */
  find(id: string): Message | undefined {
    const message = this.#shared.messages.get(id);
    if (message === undefined || message.queue !== this) return undefined;
    return this.tally.isPurged(message.state, message.position) ? undefined : message;
  }

  /** States the counters if one changed: the end of every operation, deliveries to those who waited included. */
  count(): void {
    if (!this.tally.changed || this.gone) return;
    this.tally.changed = false;
    this.#shared.store.put('queue.count', this.#countKey, this.tally.record());
  }

  // ---- publish

  publish(payload: Uint8Array, options: PublishOptions, now: number): string {
    validate(options);
    const key = options.messageKey;
    const twin = key === undefined ? undefined : this.#twin(key, now);
    if (twin !== undefined) return twin;
    if ((options.delayMs ?? 0) > 0) this.#admit(0, 1);
    else this.#admit(1, 0);
    return this.#store(payload, options, now);
  }

  /** All or nothing. */
  publishAll(publications: readonly Publication[], now: number): string[] {
    const fresh = new Set<string>();
    let ready = 0;
    let delayed = 0;
    for (const publication of publications) {
      validate(publication);
      const key = publication.messageKey;
      if (key !== undefined && this.config.dedupeMs > 0) {
        if (fresh.has(key) || this.keys.find(key, now) !== undefined) continue;
        fresh.add(key);
      }
      if ((publication.delayMs ?? 0) > 0) delayed++;
      else ready++;
    }
    this.#admit(ready, delayed);
    return publications.map((publication) => {
      const key = publication.messageKey;
      const twin = key === undefined ? undefined : this.#twin(key, now);
      return twin ?? this.#store(publication.payload, publication, now);
    });
  }

  /** The id of the message that was published with this key before, counted as a duplicate. */
  #twin(key: string, now: number): string | undefined {
    const id = this.keys.find(key, now);
    if (id !== undefined) this.tally.countDuplicate();
    return id;
  }

  #admit(ready: number, delayed: number): void {
    const { places } = this.tally;
    const most = this.config.maxDepth;
    if ((ready > 0 && places[READY] + ready > most) || (delayed > 0 && places[DELAYED] + delayed > most))
      throw new CommandError('QUEUE_FULL', { queue: this.name });
  }

  #store(payload: Uint8Array, options: PublishOptions, now: number): string {
    const { store, messages } = this.#shared;
    const priority = Math.min(HIGHEST_PRIORITY, options.priority ?? this.config.priority);
    const maxRetries = Math.min(Number.MAX_SAFE_INTEGER, options.maxRetries ?? this.config.maxRetries);
    const headers = options.headers ?? NO_HEADERS;
    const id = messages.mint();
    const message = new Message(id, this, payload, headers, priority, maxRetries, now, ++this.#position);
    messages.add(message);
    const delay = options.delayMs ?? 0;
    if (delay > 0) this.#delay(message, now + delay);
    else this.#ready.push(message);
    this.tally.enter(message);
    this.tally.countPublished();
    putMessage(store, message, this.number);
    if (options.messageKey !== undefined) this.keys.add(options.messageKey, id, now);
    return id;
  }

  // ---- deliver

  /** The next message for this consumer, leased; `undefined` when nothing is ready or the consumer is at its limit. */
  take(consumer: string, owner: Standing | undefined, now: number): Delivery | undefined {
    if (this.tally.places[IN_FLIGHT] >= LIMITS.inFlight || this.consumers.full(consumer)) return undefined;
    const message = this.#ready.shift();
    if (message === undefined) return undefined;
    const { id, payload, priority, retryCount, maxRetries, headers, createdAt } = message;
    const deadline = later(now, this.config.ackDeadlineSecs * 1000);
    this.#lease(message, deadline, consumer, owner);
    this.tally.countConsumed();
    this.#moved(message, IN_FLIGHT, now);
    return { id, payload, priority, retryCount, maxRetries, headers, createdAt, deadline };
  }

  takeMany(consumer: string, max: number, now: number): Delivery[] {
    const taken: Delivery[] = [];
    while (taken.length < max) {
      const delivery = this.take(consumer, undefined, now);
      if (delivery === undefined) break;
      taken.push(delivery);
    }
    return taken;
  }

  /**
   * Gives what is ready to who waits for it, in the order of their tickets. A callback may call the engine again; what
   * that makes ready is offered by the loop that is already running.
   */
  offer(now: number): void {
    if (this.#offering || this.room === undefined) return;
    this.#offering = true;
    const { places } = this.tally;
    try {
      while (this.#ready.size > 0 && places[IN_FLIGHT] < LIMITS.inFlight) {
        const line = (this.room as Room | undefined)?.line; // the last party to leave takes the room with it
        const party = line?.peek();
        if (line === undefined || party === undefined) break;
        if (this.consumers.full(party.consumer)) {
          line.remove(party);
          this.consumers.park(party);
        } else {
          party.serve(this, now);
        }
      }
    } finally {
      this.#offering = false;
    }
  }

  // ---- acknowledge

  /** Throws `MESSAGE_NOT_FOUND` unless it was in flight and its deadline is ahead. */
  ack(id: string, now: number): void {
    if (!this.tryAck(id, now)) throw unknownMessage(id);
  }

  tryAck(id: string, now: number): boolean {
    const lease = this.#leaseOf(id, now);
    if (lease === undefined) return false;
    this.#release(lease);
    this.#forget(lease.message);
    this.tally.countAcked();
    return true;
  }

  nack(id: string, requeue: boolean, now: number): void {
    const lease = this.#leaseOf(id, now);
    if (lease === undefined) throw unknownMessage(id);
    this.fail(lease, requeue, now);
  }

  /** Moves the end of a lease. Answers the new deadline. */
  extend(id: string, ms: number, now: number): number {
    const lease = this.#leaseOf(id, now);
    if (lease === undefined) throw unknownMessage(id);
    this.schedule.remove(lease);
    lease.due = later(now, ms);
    this.schedule.add(lease);
    lease.message.position = ++this.#position; // the order among leases that end together
    putState(this.#shared.store, lease.message);
    return lease.due;
  }

  /** Ends a lease without success (synap-core.md 3.3-9, 9-17). */
  fail(lease: Lease, requeue: boolean, now: number): void {
    const { message } = lease;
    const consumer = lease.consumer?.id ?? '';
    this.#release(lease);
    message.retryCount++;
    this.tally.countNacked();
    if (!requeue) this.#bury(message, 'rejected', consumer, now);
    else if (message.retryCount > message.maxRetries) this.#bury(message, 'retries_exhausted', consumer, now);
    else this.#toReady(message, now);
  }

  /** Ends up to `most` leases, delays and keys that are over at `now`. Answers how many. */
  advance(now: number, most: number): number {
    let done = 0;
    for (; done < most; done++) {
      const lease = this.schedule.take(now);
      if (lease === undefined) break;
      if (lease.consumer !== undefined) {
        this.fail(lease, true, now);
      } else {
        lease.message.lease = undefined;
        this.#toReady(lease.message, now);
      }
    }
    return done + this.keys.forget(now, most - done);
  }

  // ---- dead letters

  /** Makes a dead letter ready again, as if it had never failed. */
  revive(message: Message, now: number): void {
    this.#exhume(message);
    message.retryCount = 0;
    this.#toReady(message, now);
  }

  /** Drops all dead letters; they are removed by the job. */
  purgeDead(): { readonly purged: number; readonly job: Job } {
    const old = this.#dead;
    this.#dead = new DeadLetters();
    return { purged: this.tally.purgeDead(this.#position), job: this.#shared.remover.dead(old) };
  }

  // ---- the whole queue

  /** Drops all ready messages; they are removed by the job. */
  purge(): { readonly purged: number; readonly job: Job } {
    const old = this.#ready;
    this.#ready = new ReadyLists();
    return { purged: this.tally.purge(this.#position), job: this.#shared.remover.ready(old) };
  }

  /** Ends the queue. Nothing of it may be used afterwards but the job, which removes what it held. */
  destroy(): Job {
    this.gone = true;
    for (const place of [READY, IN_FLIGHT, DELAYED, DEAD] as const) this.tally.empty(place);
    this.#shared.store.remove('queue', this.name);
    this.#shared.store.remove('queue.count', this.#countKey);
    this.room?.orphan();
    this.room = undefined;
    const { remover } = this.#shared;
    const ready = remover.ready(this.#ready);
    const scheduled = remover.scheduled(this.schedule);
    const dead = remover.dead(this.#dead);
    return (now) => ready(now) || scheduled(now) || dead(now) || this.keys.shift();
  }

  // ---- restore

  restoreCounts(record: CountRecord): void {
    this.tally.restore(record);
    this.#position = Math.max(this.tally.purged, this.tally.deadPurged);
  }

  /** Puts a stored message where its record says. The messages of a queue must come in the order of their positions. */
  place(message: Message, due: number, consumer: string, reason: DeadReason): void {
    if (message.state === READY) this.#ready.push(message);
    else if (message.state === DELAYED) this.#delay(message, due);
    else if (message.state === IN_FLIGHT) this.#lease(message, due, consumer, undefined);
    else this.#letter(message, reason, consumer);
    this.tally.enter(message);
    this.#position = Math.max(this.#position, message.position);
  }

  // ---- moves

  #leaseOf(id: string, now: number): Lease | undefined {
    const lease = this.find(id)?.lease;
    return lease === undefined || lease.consumer === undefined || lease.due <= now ? undefined : lease;
  }

  #lease(message: Message, due: number, consumer: string, owner: Standing | undefined): void {
    const lease = new Lease(message, due, this.consumers.hold(consumer), owner);
    message.lease = lease;
    owner?.leases.add(lease);
    this.schedule.add(lease);
  }

  #delay(message: Message, due: number): void {
    message.state = DELAYED;
    message.lease = new Lease(message, due, undefined, undefined);
    this.schedule.add(message.lease);
  }

  /** Takes a lease away from its holder. A party that was kept back by it may come into line. */
  #release(lease: Lease): void {
    lease.message.lease = undefined;
    this.schedule.remove(lease);
    if (lease.consumer !== undefined) {
      const party = this.consumers.release(lease.consumer);
      if (party !== undefined) this.room?.line.push(party);
    }
    lease.owner?.released(lease);
  }

  #toReady(message: Message, now: number): void {
    this.#moved(message, READY, now);
    this.#ready.push(message);
  }

  #bury(message: Message, reason: DeadReason, consumer: string, now: number): void {
    message.position = ++this.#position;
    this.#letter(message, reason, consumer);
    this.tally.countDeadLettered();
    this.tally.move(message, DEAD);
    message.since = now;
    putState(this.#shared.store, message);
    if (this.#dead.size <= LIMITS.deadLetters) return;
    const oldest = this.#dead.oldest() as Message;
    this.#exhume(oldest);
    this.#forget(oldest);
    this.tally.countDeadDropped();
  }

  #letter(message: Message, reason: DeadReason, consumer: string): void {
    const letter: Letter = { position: message.position, reason, consumer, message };
    message.letter = letter;
    this.#dead.push(letter);
  }

  #exhume(message: Message): void {
    if (message.letter !== undefined) this.#dead.remove(message.letter);
    message.letter = undefined;
  }

  #moved(message: Message, to: typeof READY | typeof IN_FLIGHT, now: number): void {
    this.tally.move(message, to);
    message.position = ++this.#position;
    message.since = now;
    putState(this.#shared.store, message);
  }

  /** The message is done with. */
  #forget(message: Message): void {
    this.tally.leave(message);
    this.#shared.remover.drop(message);
  }
}
