/**
 * One room: its log, its readers, and what it keeps.
 *
 * Invariant: after each publish and each sweep the limits of 4.3-5 and 4.3-6 hold exactly: no event is as old as the
 * retention, none is kept beyond the hard limits, and beyond the soft limit only what somebody has still to read.
 */
import type { CommandError } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';
import type { Plain } from '../core/ports.ts';
import { offsetKey } from './keys.ts';
import { EventLog } from './log.ts';
import { checkName } from './names.ts';
import { aged, limitOf } from './retention.ts';
import type { RoomLimits, RoomWorld } from './rooms.ts';
import { type Subscriber, Subscribers } from './subscribers.ts';
import type { Subscription } from './subscription.ts';
import type { RoomEvent, RoomStats } from './types.ts';
import type { Sweepable } from './upkeep.ts';
import { WaitList } from './waits.ts';

/** The hard limit of events is this many times the soft one (synap-core.md 4.3-5, 8.1-12). */
const HARD_FACTOR = 10;

/**
 * What is stored about a room. `maxEvents` 0 and `retentionSecs` null are the server's default, `maxBytes` 0 is no limit
 * of its own; `forgotten` counts what vanished readers consumed.
 */
type RoomRecord = {
  readonly generation: number;
  readonly createdAt: number;
  readonly maxEvents: number;
  readonly retentionSecs: number | null;
  readonly maxBytes: number;
  readonly next: number;
  readonly dropped: number;
  readonly forgotten: number;
};

export class Room implements Sweepable {
  slot = -1;
  due = 0;
  readonly name: string;
  readonly generation: number;
  readonly log: EventLog<RoomEvent>;
  readonly subscribers = new Subscribers();
  readonly subscriptions = new Set<Subscription>();
  readonly waiting = new WaitList();
  /** Events given to readers, all in all. */
  consumed: number;
  gone = false;
  /** Whether a publish is being delivered: one from within waits with the limits, so that nobody misses an event. */
  #delivering = false;
  readonly #world: RoomWorld;
  readonly #live = new Set<Subscription>();
  readonly #createdAt: number;
  readonly #limits: Pick<RoomRecord, 'maxEvents' | 'retentionSecs' | 'maxBytes'>;
  /** The limits that hold: events while nobody lags, the age of an event in milliseconds, bytes. */
  readonly #soft: number;
  readonly #ageMs: number;
  readonly #bytes: number;
  readonly #prefix: string;
  #dropped: number;
  #forgotten: number;

  constructor(world: RoomWorld, name: string, record: Plain) {
    const { generation, createdAt, next, dropped, forgotten, ...limits } = record as RoomRecord;
    const { maxEvents, retentionSecs = null, maxBytes = 0 } = limits; // the first records had only the first of them
    this.#world = world;
    this.name = name;
    this.generation = generation;
    this.log = new EventLog(next);
    this.#createdAt = createdAt;
    this.#limits = { maxEvents, retentionSecs, maxBytes };
    this.#soft = maxEvents > 0 ? maxEvents : world.maxEvents;
    this.#ageMs = retentionSecs === null ? world.ageMs : limitOf(retentionSecs) * 1000;
    this.#bytes = Math.min(limitOf(maxBytes), world.roomBytes);
    this.#dropped = dropped;
    this.#forgotten = forgotten;
    this.consumed = forgotten;
    this.#prefix = `${generation}-`;
  }

  /** The record of a new room. */
  static record(generation: number, createdAt: number, limits: RoomLimits): Plain {
    return {
      generation,
      createdAt,
      maxEvents: Number(limits.maxEvents ?? 0),
      retentionSecs: limits.retentionSecs == null ? null : Number(limits.retentionSecs),
      maxBytes: Number(limits.maxBytes ?? 0),
      next: 0,
      dropped: 0,
      forgotten: 0,
    } satisfies RoomRecord;
  }

  /** Takes a stored event back. */
  restoreEvent(event: RoomEvent): void {
    this.log.append(event);
    this.#world.counts.events++;
    this.#world.counts.bytes += event.size;
  }

  /** Takes a stored subscriber back; when it was last seen is not stored, see `restored`. */
  restoreSubscriber(key: string, value: Plain): void {
    const { position, consumed } = value as { position: number; consumed: number };
    const subscriber = this.subscribers.add(key.slice(this.#prefix.length), position, 0);
    subscriber.consumed = consumed;
    this.consumed += consumed;
    this.#world.counts.subscribers++;
  }

  /** After the last record: everyone counts as just seen, since the time of a stop is not the reader's silence. */
  restored(now: number): void {
    for (const subscriber of this.subscribers.values()) subscriber.seen = now;
    this.#world.upkeep.schedule(this, this.nextSweep());
  }

  /** Adds an event and lets everyone who waits for it have it, then drops what has become too much. */
  publish(event: RoomEvent, now: number): void {
    const world = this.#world;
    this.log.append(event);
    world.store.put('room.event', this.eventKey(event.offset), event);
    world.counts.events++;
    world.counts.bytes += event.size;
    if (this.log.length === 1) world.upkeep.schedule(this, now + this.#ageMs);
    if (this.#delivering) return this.#deliver(now);
    this.#delivering = true;
    try {
      this.#deliver(now);
    } finally {
      this.#delivering = false;
    }
    if (!this.gone) this.trim(now, Number.POSITIVE_INFINITY); // a reader may have deleted the room
  }

  /** The subscriber `id`, which now stands at `position` and was given `taken` events. Errors: INVALID_VALUE, LIMIT_REACHED. */
  visited(id: string, position: number, taken: number, now: number): Subscriber {
    const known = this.subscribers.get(id);
    const subscriber = known ?? this.#meet(id, position, now);
    const changed = known === undefined || known.due !== position || taken > 0;
    this.subscribers.moved(subscriber, position, now);
    subscriber.consumed += taken;
    this.consumed += taken;
    if (changed) this.stateSubscriber(subscriber, position); // an idle poll writes nothing
    return subscriber;
  }

  /** Drops what is over the limits at `now`, at most `budget` events; answers how many. */
  trim(now: number, budget: number): number {
    const { log } = this;
    const hard = this.#soft * HARD_FACTOR;
    const slowest = this.subscribers.slowest;
    const dropped = this.#dropped;
    let count = 0;
    for (; count < budget && log.length > 0; count++) {
      if (aged(log, this.#ageMs, now)) this.#dropOldest();
      else if (log.length > hard || log.bytes > this.#bytes) {
        if (log.base >= slowest) this.#dropped++;
        this.#dropOldest();
      } else if (log.length > this.#soft && log.base < slowest) this.#dropOldest();
      else break;
    }
    if (this.#dropped !== dropped) this.state();
    return count;
  }

  /** Forgets who never came back, and drops what is over the limits; answers how many records that took. */
  sweep(now: number, budget: number): number {
    let count = 0;
    const idleSince = now - LIMITS.subscriberIdleMs;
    for (; count < budget; count++) {
      const { eldest } = this.subscribers;
      if (eldest === undefined || eldest.seen > idleSince) break;
      this.#forget(eldest);
    }
    if (count > 0) this.state();
    return count + this.trim(now, budget - count);
  }

  nextSweep(): number {
    const oldest = this.log.first();
    const { eldest } = this.subscribers;
    const age = oldest === undefined ? Number.POSITIVE_INFINITY : oldest.timestamp + this.#ageMs;
    const idle = eldest === undefined ? Number.POSITIVE_INFINITY : eldest.seen + LIMITS.subscriberIdleMs;
    return Math.min(age, idle);
  }

  /** A subscription has read everything: it gets events as they come. */
  live(subscription: Subscription): void {
    this.subscribers.holders.remove(subscription);
    this.#live.add(subscription);
  }

  /** A subscription is paused or behind: it holds back retention where it stands. */
  hold(subscription: Subscription): void {
    const { holders } = this.subscribers;
    this.#live.delete(subscription);
    subscription.due = subscription.position;
    if (subscription.slot >= 0) holders.moved(subscription);
    else holders.push(subscription);
    if (subscription.state === 'behind') this.#world.later(subscription);
  }

  /** A subscription ended: it holds back nothing and gets nothing. */
  release(subscription: Subscription): void {
    this.subscribers.holders.remove(subscription);
    this.#live.delete(subscription);
    if (this.subscriptions.delete(subscription)) this.#world.counts.subscriptions--;
  }

  /** Its subscriber rests where the subscription ended. */
  detach({ subscriber, position }: Subscription, now: number): void {
    this.subscribers.detach(subscriber, position, now);
    this.stateSubscriber(subscriber, position);
    this.#world.upkeep.schedule(this, now + LIMITS.subscriberIdleMs);
  }

  /** Tells everyone that waits that the room is gone. */
  end(error: CommandError): void {
    this.gone = true;
    this.waiting.refuse(error);
    for (const subscription of this.subscriptions) subscription.fail(error);
  }

  stats(): RoomStats {
    const { log } = this;
    return {
      name: this.name,
      messageCount: log.length,
      minOffset: log.base,
      maxOffset: log.length === 0 ? 0 : log.next - 1,
      subscriberCount: this.subscribers.size,
      totalPublished: log.next,
      totalConsumed: this.consumed,
      dropped: this.#dropped,
      createdAt: this.#createdAt,
      generation: this.generation,
    };
  }

  /** States the record of the room. */
  state(): void {
    this.#world.store.put('room', this.name, {
      generation: this.generation,
      createdAt: this.#createdAt,
      ...this.#limits,
      next: this.log.next,
      dropped: this.#dropped,
      forgotten: this.#forgotten,
    } satisfies RoomRecord);
  }

  /** States how far a subscriber has come. */
  stateSubscriber(subscriber: Subscriber, position: number): void {
    const { consumed } = subscriber;
    this.#world.store.put('room.subscriber', this.subscriberKey(subscriber.id), { position, consumed });
  }

  eventKey(offset: number): string {
    return offsetKey(this.#prefix, offset);
  }

  subscriberKey(id: string): string {
    return this.#prefix + id;
  }

  *subscriberKeys(): Generator<string> {
    for (const id of this.subscribers.ids()) yield this.subscriberKey(id);
  }

  get prefix(): string {
    return this.#prefix;
  }

  /** Broken invariants, one sentence each. */
  check(): string[] {
    const { log, name } = this;
    const broken = [...log.check(name), ...this.subscribers.check(name)];
    const hard = this.#soft * HARD_FACTOR;
    if (log.length > hard) broken.push(`${name}: ${log.length} events are over the hard limit of ${hard}`);
    if (log.bytes > this.#bytes) broken.push(`${name}: ${log.bytes} bytes are over the limit`);
    let consumed = this.#forgotten;
    for (const subscriber of this.subscribers.values()) consumed += subscriber.consumed;
    if (consumed !== this.consumed)
      broken.push(`${name}: readers took ${consumed} events, ${this.consumed} are counted`);
    for (const subscription of this.subscriptions) {
      const live = subscription.state === 'live';
      if (live !== this.#live.has(subscription)) broken.push(`${name}: a subscription is live and is not`);
      if (live === subscription.slot >= 0) broken.push(`${name}: a live subscription holds, or another does not`);
      if (live && subscription.position < log.next) broken.push(`${name}: a live subscription is behind`);
      if (!live && subscription.due !== subscription.position) broken.push(`${name}: a subscription holds elsewhere`);
    }
    const idle = this.subscribers.eldest !== undefined;
    if ((idle || (log.length > 0 && this.#ageMs < Number.POSITIVE_INFINITY)) && this.slot < 0)
      broken.push(`${name}: no sweep is due`);
    return broken;
  }

  #deliver(now: number): void {
    this.waiting.arrived(this.log.next, now);
    for (const subscription of this.#live) subscription.pump(now);
  }

  /** Drops the oldest event. The last one takes `next` with it, so that is stated before (a crash may come in between). */
  #dropOldest(): void {
    const { store, counts } = this.#world;
    if (this.log.length === 1) this.state();
    const event = this.log.shift() as RoomEvent;
    counts.events--;
    counts.bytes -= event.size;
    store.remove('room.event', this.eventKey(event.offset));
  }

  #meet(id: string, position: number, now: number): Subscriber {
    checkName(id, 'subscriber_id');
    const { eldest, size } = this.subscribers;
    if (size >= LIMITS.subscribers && eldest !== undefined) {
      this.#forget(eldest);
      this.state();
    }
    const subscriber = this.subscribers.add(id, position, now);
    this.#world.counts.subscribers++;
    this.#world.upkeep.schedule(this, now + LIMITS.subscriberIdleMs);
    return subscriber;
  }

  #forget(subscriber: Subscriber): void {
    this.subscribers.forget(subscriber);
    this.#forgotten += subscriber.consumed;
    this.#world.counts.subscribers--;
    this.#world.store.remove('room.subscriber', this.subscriberKey(subscriber.id));
  }
}
