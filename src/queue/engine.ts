/**
 * The work queues of a server: priorities, leases with exact deadlines, retries, dead letters, delays, deduplication.
 *
 * Invariant: a message is never with two consumers inside its deadline, never lost and never made up; what the store
 * was told gives the same queues back.
 */
import { CommandError } from '../core/errors.ts';
import type { Ids } from '../core/ids.ts';
import { LIMITS } from '../core/limits.ts';
import type { Alarm, Engine, Plain, Store } from '../core/ports.ts';
import { Agenda } from './agenda.ts';
import { checkEngine } from './check.ts';
import { BUILT_IN, counted, named, settle, unknownMessage, unknownQueue, whole } from './config.ts';
import { deadLetterOf, detailOf, explain, statsOf } from './explain.ts';
import type { KeyEntry } from './key-window.ts';
import { MessageIndex } from './message-index.ts';
import { Queue, type Shared } from './queue.ts';
import { TABLES } from './records.ts';
import { Remover } from './remover.ts';
import { Restoration } from './restoration.ts';
import { ShardedMap } from './sharded-map.ts';
import { Totals } from './tally.ts';
import type {
  Acked,
  DeadLetter,
  DeadPage,
  Delivery,
  Explanation,
  Publication,
  PublishOptions,
  QueueConfig,
  QueueDetail,
  QueueSettings,
  QueueStats,
  QueueTotals,
  Replayed,
  SubscribeOptions,
  Subscription,
  Waiter,
} from './types.ts';
import { OneShot, type Room, Rooms, Standing } from './waiters.ts';

interface QueuePorts {
  readonly store: Store;
  readonly alarm: Alarm;
  readonly ids: Ids;
}

export class QueueEngine implements Engine {
  readonly tables = TABLES;
  readonly #ports: QueuePorts;
  readonly #defaults: QueueConfig;
  readonly #shared: Shared;
  readonly #queues = new Map<string, Queue>();
  readonly #rooms: Rooms;
  readonly #agenda: Agenda;
  #nextNumber = 1;
  #restoration: Restoration | undefined;

  /** `defaults` are the server's own settings for queues that are created without (synap-core.md 9-18). */
  constructor(ports: QueuePorts, defaults: QueueSettings = {}) {
    this.#ports = ports;
    this.#defaults = settle(defaults, BUILT_IN);
    const messages = new MessageIndex(ports.ids);
    this.#shared = {
      store: ports.store,
      messages,
      remover: new Remover(ports.store, messages),
      keys: new ShardedMap<KeyEntry>(),
      totals: new Totals(),
    };
    this.#rooms = new Rooms({
      wake: (queue, now) => {
        this.#agenda.catchUp(queue, now);
        this.#agenda.done(queue, now);
      },
      giveBack: (standing, now) => this.#giveBack(standing, now),
    });
    this.#agenda = new Agenda(ports.alarm, this.#rooms);
  }

  // ---- queues

  /**
   * Makes a queue; does nothing, and answers `false`, when it exists (synap-core.md 3.3-1).
   * Throws `INVALID_VALUE` for settings out of range or a name too long, `LIMIT_REACHED` beyond `LIMITS.queues`.
   */
  create(name: string, settings: QueueSettings | undefined, now: number): boolean {
    if (this.#queues.has(name)) return false;
    named('queue name', name);
    const config = settings === undefined ? this.#defaults : settle(settings, this.#defaults);
    if (this.#queues.size >= LIMITS.queues)
      throw new CommandError('LIMIT_REACHED', { detail: `at most ${LIMITS.queues} queues` });
    const queue = this.#add(name, this.#nextNumber, now, config);
    this.#ports.store.put('queue', name, { number: queue.number, createdAt: now, config: { ...config } });
    const room = this.#rooms.find(name);
    if (room !== undefined) {
      room.queue = queue;
      queue.room = room;
    }
    return true;
  }

  /** The names of all queues, the oldest first. */
  list(): string[] {
    return [...this.#queues.keys()];
  }

  /**
   * Drops the ready messages and answers how many they were; what is in flight, delayed or dead stays
   * (synap-core.md 3.3-12). Throws `QUEUE_NOT_FOUND`.
   */
  purge(queue: string, now: number): number {
    const found = this.#open(queue, now);
    const { purged, job } = found.purge();
    this.#agenda.begin(job, now);
    this.#agenda.done(found, now);
    return purged;
  }

  /** Deletes a queue with everything in it. Answers whether it existed. Who waits on its name goes on waiting. */
  delete(queue: string, now: number): boolean {
    const found = this.#queues.get(queue);
    if (found === undefined) return false;
    this.#queues.delete(queue);
    const job = found.destroy();
    this.#agenda.begin(job, now);
    this.#agenda.done(found, now);
    return true;
  }

  // ---- messages in

  /**
   * Stores a message and answers its id, or the id of the message that was published with the same `messageKey` within
   * the queue's window. Throws `QUEUE_NOT_FOUND`, `QUEUE_FULL` (synap-core.md 3.3-6), `INVALID_VALUE`.
   * The engine keeps `payload`; it must not be changed afterwards.
   */
  publish(queue: string, payload: Uint8Array, options: PublishOptions, now: number): string {
    const found = this.#open(queue, now);
    const id = found.publish(payload, options, now);
    this.#agenda.done(found, now);
    return id;
  }

  /** Stores all of up to `LIMITS.batch` messages or, when one is refused, none. Answers and throws like `publish`. */
  publishBatch(queue: string, publications: readonly Publication[], now: number): string[] {
    const found = this.#open(queue, now);
    if (publications.length > LIMITS.batch) counted('batch', publications.length, LIMITS.batch);
    const ids = found.publishAll(publications, now);
    this.#agenda.done(found, now);
    return ids;
  }

  // ---- messages out

  /**
   * The next message, leased to `consumerId` until its deadline; `undefined` when nothing is ready, the consumer holds
   * as much as the queue allows, or the queue is unknown (synap-core.md 3.1, 3.3-7). Throws `INVALID_VALUE` for an id too long.
   */
  consume(queue: string, consumerId: string, now: number): Delivery | undefined {
    const found = this.#queues.get(queue);
    if (found === undefined) return undefined;
    named('consumer id', consumerId);
    this.#agenda.catchUp(found, now);
    const delivery = found.take(consumerId, undefined, now);
    this.#agenda.done(found, now);
    return delivery;
  }

  /** Up to `max` messages (1 to `LIMITS.batch`), as by as many calls of `consume`. */
  consumeBatch(queue: string, consumerId: string, max: number, now: number): Delivery[] {
    counted('max', max, LIMITS.batch);
    const found = this.#queues.get(queue);
    if (found === undefined) return [];
    named('consumer id', consumerId);
    this.#agenda.catchUp(found, now);
    const deliveries = found.takeMany(consumerId, max, now);
    this.#agenda.done(found, now);
    return deliveries;
  }

  /**
   * Consumes up to `max` messages as soon as there is one, in arrival order of the waiters. `deliver` is called exactly
   * once, unless `cancel` comes first: with at least one message, perhaps before this returns, or with none at the
   * millisecond `until` (at most `LIMITS.waitMs` ahead). The queue need not exist yet. `deliver` may call the engine but
   * must not throw. Throws `INVALID_VALUE`, `LIMIT_REACHED` beyond `LIMITS.waiters`.
   */
  wait(
    queue: string,
    consumerId: string,
    max: number,
    until: number,
    deliver: (deliveries: Delivery[]) => void,
    now: number,
  ): Waiter {
    counted('max', max, LIMITS.batch);
    const room = this.#enter(queue, consumerId, now);
    const end = Math.min(until, now + LIMITS.waitMs);
    const waiter = new OneShot(this.#rooms, room, consumerId, max, end, deliver);
    if (room.queue !== undefined) this.#agenda.done(room.queue, now);
    if (waiter.waiting && end <= now) waiter.giveUp();
    this.#agenda.ring();
    return waiter;
  }

  /**
   * Takes messages as they come, one call of `deliver` each, as long as the queue's and its own prefetch limit allow;
   * subscriptions of a queue take turns. What is ready already is delivered before this returns. The queue need not
   * exist yet and may be deleted and made anew. `deliver` may call the engine but must not throw.
   * Throws `INVALID_VALUE`, `LIMIT_REACHED` beyond `LIMITS.waiters`.
   */
  subscribe(
    queue: string,
    consumerId: string,
    options: SubscribeOptions,
    deliver: (delivery: Delivery) => void,
    now: number,
  ): Subscription {
    const prefetch = whole('prefetch', options.prefetch ?? 0);
    const room = this.#enter(queue, consumerId, now);
    const standing = new Standing(room, consumerId, prefetch, deliver);
    if (options.paused === true) standing.pause();
    if (room.queue !== undefined) this.#agenda.done(room.queue, now);
    return standing;
  }

  // ---- outcomes

  /**
   * Ends a message that is in flight, whoever holds it (synap-core.md 3.3-8, 9-17). Throws `QUEUE_NOT_FOUND`, and
   * `MESSAGE_NOT_FOUND` when it is not in flight or its deadline has come.
   */
  ack(queue: string, id: string, now: number): void {
    const found = this.#open(queue, now);
    found.ack(id, now);
    this.#agenda.done(found, now);
  }

  /** Acknowledges each of up to `LIMITS.batch` messages that can be. Throws `QUEUE_NOT_FOUND`, `INVALID_VALUE`. */
  ackBatch(queue: string, ids: readonly string[], now: number): Acked {
    const found = this.#open(queue, now);
    if (ids.length > LIMITS.batch) counted('batch', ids.length, LIMITS.batch);
    const missing = ids.filter((id) => !found.tryAck(id, now));
    const acked = ids.length - missing.length;
    this.#agenda.done(found, now);
    return { acked, missing };
  }

  /**
   * Gives a message back: to the tail of its priority, or to the dead letters when `requeue` is false or its retries
   * are used up (synap-core.md 3.3-9, 9-17). Throws `QUEUE_NOT_FOUND`, and `MESSAGE_NOT_FOUND` like `ack`.
   */
  nack(queue: string, id: string, requeue: boolean, now: number): void {
    const found = this.#open(queue, now);
    found.nack(id, requeue, now);
    this.#agenda.done(found, now);
  }

  /**
   * Moves the deadline of a message in flight to `ms` milliseconds (at least 1) from now, sooner or later than it was,
   * and answers it. Throws `QUEUE_NOT_FOUND`, `INVALID_VALUE`, and `MESSAGE_NOT_FOUND` like `ack`.
   */
  extend(queue: string, id: string, ms: number, now: number): number {
    const found = this.#open(queue, now);
    counted('extension', ms, Number.MAX_SAFE_INTEGER);
    const deadline = found.extend(id, ms, now);
    this.#agenda.done(found, now);
    return deadline;
  }

  // ---- dead letters

  /**
   * A page of up to `limit` dead letters (1 to `LIMITS.batch`), the oldest first, beginning behind the one of sequence
   * number `after` (0: from the start). Throws `QUEUE_NOT_FOUND`, `INVALID_VALUE`.
   */
  deadList(queue: string, after: number, limit: number): DeadPage {
    const found = this.#find(queue);
    counted('limit', limit, LIMITS.batch);
    const messages = found.dead.after(whole('after', after), limit + 1);
    const letters = messages.slice(0, limit).map((message) => deadLetterOf(message) as DeadLetter);
    return { letters, next: messages.length > limit ? letters.at(-1)?.sequence : undefined };
  }

  /** One dead letter. Throws `QUEUE_NOT_FOUND`, and `MESSAGE_NOT_FOUND` when it is none. */
  deadRead(queue: string, id: string): DeadLetter {
    const letter = deadLetterOf(this.#find(queue).find(id));
    if (letter === undefined) throw unknownMessage(id);
    return letter;
  }

  /**
   * Makes each of up to `LIMITS.batch` dead letters ready again, with a retry count of 0, at the tail of its priority;
   * the depth limit does not count. Throws `QUEUE_NOT_FOUND`, `INVALID_VALUE`.
   */
  deadReplay(queue: string, ids: readonly string[], now: number): Replayed {
    const found = this.#open(queue, now);
    if (ids.length > LIMITS.batch) counted('batch', ids.length, LIMITS.batch);
    const replayed: string[] = [];
    const missing: string[] = [];
    for (const id of ids) {
      const message = found.find(id);
      if (message?.letter === undefined) {
        missing.push(id);
        continue;
      }
      found.revive(message, now);
      replayed.push(id);
    }
    this.#agenda.done(found, now);
    return { replayed, missing, remaining: found.dead.size };
  }

  /** Does the same with the `limit` oldest dead letters (1 to `LIMITS.batch`). */
  deadReplayAll(queue: string, limit: number, now: number): Replayed {
    const found = this.#open(queue, now);
    counted('limit', limit, LIMITS.batch);
    const ids = found.dead.after(0, limit).map((message) => message.id);
    return this.deadReplay(queue, ids, now);
  }

  /** Drops all dead letters and answers how many they were. Throws `QUEUE_NOT_FOUND`. */
  deadPurge(queue: string, now: number): number {
    const found = this.#open(queue, now);
    const { purged, job } = found.purgeDead();
    this.#agenda.begin(job, now);
    this.#agenda.done(found, now);
    return purged;
  }

  // ---- questions

  /** Why a message is not moving: holder, deadline, attempts, next event. Throws `QUEUE_NOT_FOUND`, `MESSAGE_NOT_FOUND`. */
  explain(queue: string, id: string, now: number): Explanation {
    const found = this.#open(queue, now);
    const message = found.find(id);
    if (message === undefined) throw unknownMessage(id);
    return explain(found, message);
  }

  /** The seven counters. Throws `QUEUE_NOT_FOUND`. */
  stats(queue: string): QueueStats {
    return statsOf(this.#find(queue));
  }

  /** Whether changes of this queue wait for the disk (`QueueConfig.sync`); `false` for an unknown one. */
  sync(queue: string): boolean {
    return this.#queues.get(queue)?.config.sync ?? false;
  }

  /** Everything else about a queue. Throws `QUEUE_NOT_FOUND`. */
  detail(queue: string, now: number): QueueDetail {
    return detailOf(this.#find(queue), now);
  }

  /** Sums over all queues, for metrics; the lifetime counters count from the start of the process and never fall. */
  totals(): QueueTotals {
    const { places, bytes, published, consumed, acked, nacked, deadLettered } = this.#shared.totals;
    const [ready, inFlight, delayed, dead] = places;
    return {
      queues: this.#queues.size,
      ready,
      inFlight,
      delayed,
      dead,
      bytes,
      waiters: this.#rooms.parties,
      published,
      consumed,
      acked,
      nacked,
      deadLettered,
    };
  }

  // ---- time

  nextDeadline(): number {
    return this.#agenda.next;
  }

  tick(now: number): void {
    this.#agenda.tick(now);
  }

  // ---- restore

  restore(table: string, key: string, value: Plain): void {
    this.#restoration ??= new Restoration(this.#shared, (name, { number, createdAt, config }) =>
      this.#add(name, number, createdAt, settle(config, BUILT_IN)),
    );
    this.#restoration.take(table, key, value);
  }

  restored(now: number): void {
    const restoration = this.#restoration;
    this.#restoration = undefined;
    if (restoration !== undefined) {
      const job = restoration.finish();
      this.#nextNumber = Math.max(this.#nextNumber, restoration.highestNumber + 1);
      if (job !== undefined) this.#agenda.begin(job, now);
    }
    for (const queue of this.#queues.values()) this.#agenda.settle(queue);
    this.#agenda.ring();
  }

  check(): string[] {
    return [...this.#agenda.check(), ...checkEngine(this.#queues, this.#rooms, this.#shared)];
  }

  // ---- inside

  #add(name: string, number: number, createdAt: number, config: QueueConfig): Queue {
    const queue = new Queue(this.#shared, name, number, createdAt, config);
    this.#queues.set(name, queue);
    this.#nextNumber = Math.max(this.#nextNumber, number + 1);
    return queue;
  }

  #find(name: string): Queue {
    const queue = this.#queues.get(name);
    if (queue === undefined) throw unknownQueue(name);
    return queue;
  }

  /** The queue of this name, with all ended that is over at `now`. */
  #open(name: string, now: number): Queue {
    const queue = this.#find(name);
    this.#agenda.catchUp(queue, now);
    return queue;
  }

  /** The room of a queue name, with a place for one more. */
  #enter(name: string, consumerId: string, now: number): Room {
    named('queue name', name);
    named('consumer id', consumerId);
    const queue = this.#queues.get(name);
    if (queue !== undefined) this.#agenda.catchUp(queue, now);
    const room = this.#rooms.of(name, this.#queues.get(name));
    if (room.parties.size >= LIMITS.waiters)
      throw new CommandError('LIMIT_REACHED', { detail: `at most ${LIMITS.waiters} consumers may wait on one queue` });
    return room;
  }

  /** Nacks what a closed subscription holds, with requeue (synap-core.md 9-17). */
  #giveBack(standing: Standing, now: number): void {
    this.#agenda.begin((at) => {
      const lease = standing.leases.first;
      const queue = lease?.message.queue;
      if (lease === undefined || queue === undefined || queue.gone) return false;
      queue.fail(lease, true, at);
      queue.offer(at);
      this.#agenda.settle(queue);
      return true;
    }, now);
    this.#agenda.ring();
  }
}
