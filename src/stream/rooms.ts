/**
 * Stream rooms: named logs whose readers keep their own place (synap-core.md 4).
 *
 * Invariant: offsets of a room start at 0, grow by 1 and are never given twice while it lives; a room created again has
 * a strictly larger generation, also after a restart.
 */
import Denque from 'denque';
import { CommandError } from '../core/errors.ts';
import type { Ids } from '../core/ids.ts';
import { LIMITS } from '../core/limits.ts';
import type { Alarm, Engine, Plain, Store } from '../core/ports.ts';
import { Generations } from './generations.ts';
import { generationOf, offsetKeys } from './keys.ts';
import { checkName } from './names.ts';
import { limitOf, metadataBytes } from './retention.ts';
import { Room } from './room.ts';
import { Subscription } from './subscription.ts';
import type {
  From,
  Metadata,
  Reply,
  RoomEvent,
  RoomRead,
  RoomSink,
  RoomStats,
  RoomSubscription,
  U64,
  Wait,
} from './types.ts';
import { Upkeep } from './upkeep.ts';
import { answered } from './waits.ts';

/** What the engine asks of the world. */
export interface RoomPorts {
  readonly store: Store;
  readonly ids: Ids;
  readonly alarm: Alarm;
}

/** Settings of all rooms; 0 means unlimited, absent the default. */
export interface RoomOptions {
  /** Soft limit of events of a room that was created without one; ten times that is its hard limit. Default 10,000. */
  readonly maxEvents?: number;
  /** Seconds an event is kept in a room that was created without a limit. Default 3,600. */
  readonly retentionSecs?: number;
  /** Bytes of the events of one room at most, whatever it asks for. Default `LIMITS.roomBytes`. */
  readonly roomBytes?: number;
  /** Bytes of the events of all rooms; beyond that a publish is refused. Default unlimited. */
  readonly maxBytes?: number;
}

/** What one room keeps; absent and `null` are the defaults of the server. */
export interface RoomLimits {
  /** Soft limit of events; ten times that is the hard one (synap-core.md 8.1-12). 0 is the default of the server. */
  readonly maxEvents?: U64 | null | undefined;
  /** Seconds an event is kept; 0 is for ever (9-11). */
  readonly retentionSecs?: U64 | null | undefined;
  /** Bytes of the events; the limit of the server holds too. 0 limits nothing further. */
  readonly maxBytes?: U64 | null | undefined;
}

/** Running totals of the engine; `waiting` counts reads, `bytes` those of events. */
export interface RoomTotals {
  readonly rooms: number;
  readonly events: number;
  readonly bytes: number;
  readonly subscribers: number;
  readonly subscriptions: number;
  readonly waiting: number;
}

/** What a room sees of the engine around it. */
export interface RoomWorld {
  readonly store: Store;
  readonly upkeep: Upkeep;
  readonly maxEvents: number;
  readonly ageMs: number;
  readonly roomBytes: number;
  readonly counts: { events: number; bytes: number; subscribers: number; subscriptions: number };
  /** Gives a subscription that is behind another turn. */
  later(subscription: Subscription): void;
}

/** Batches that one tick delivers to subscriptions that are behind. */
const TICK_BATCHES = 8;

const NO_METADATA: Metadata = Object.freeze({});

export class RoomEngine implements Engine {
  readonly tables = ['room.generation', 'room', 'room.subscriber', 'room.event'] as const;
  readonly #ports: RoomPorts;
  readonly #maxBytes: number;
  readonly #rooms = new Map<string, Room>();
  readonly #backlog = new Denque<Subscription>();
  readonly #generations: Generations;
  readonly #upkeep: Upkeep;
  readonly #world: RoomWorld;
  /** Rooms by generation, while records are restored. */
  readonly #restoring = new Map<number, Room>();

  constructor(ports: RoomPorts, options: RoomOptions = {}) {
    this.#ports = ports;
    this.#maxBytes = limitOf(options.maxBytes);
    this.#generations = new Generations(ports.store, 'room.generation');
    this.#upkeep = new Upkeep(ports.store, ports.alarm);
    this.#world = {
      store: ports.store,
      upkeep: this.#upkeep,
      maxEvents: limitOf(options.maxEvents ?? 10_000),
      ageMs: limitOf(options.retentionSecs ?? 3600) * 1000,
      roomBytes: limitOf(options.roomBytes ?? LIMITS.roomBytes),
      counts: { events: 0, bytes: 0, subscribers: 0, subscriptions: 0 },
      later: (subscription) => {
        if (subscription.queued) return;
        subscription.queued = true;
        this.#backlog.push(subscription);
        this.#upkeep.wake(0);
      },
    };
  }

  /** Creates a room with limits of its own from now on. Errors: ROOM_EXISTS, INVALID_VALUE (the name), LIMIT_REACHED. */
  create(name: string, limits: RoomLimits, now: number): void {
    if (!this.getOrCreate(name, limits, now)) throw new CommandError('ROOM_EXISTS', { room: name });
  }

  /** Creates a room unless it exists, and answers whether it did; an existing room keeps its limits. Errors: INVALID_VALUE, LIMIT_REACHED. */
  getOrCreate(name: string, limits: RoomLimits, now: number): boolean {
    if (this.#rooms.has(name)) return false;
    checkName(name, 'room');
    if (this.#rooms.size >= LIMITS.rooms)
      throw new CommandError('LIMIT_REACHED', { detail: `${LIMITS.rooms} rooms exist` });
    const record = Room.record(this.#generations.take(now), now, limits);
    const room = new Room(this.#world, name, record);
    this.#rooms.set(name, room);
    room.state();
    return true;
  }

  /** Forgets a room with all its events; standing subscriptions and waiting reads end with the error. Errors: ROOM_NOT_FOUND. */
  delete(name: string): void {
    const room = this.#room(name);
    const { store, counts } = this.#world;
    const { log } = room;
    this.#rooms.delete(name);
    this.#upkeep.forget(room);
    store.remove('room', name);
    this.#upkeep.reaper.add('room.event', offsetKeys(room.prefix, log.base, log.next));
    this.#upkeep.reaper.add('room.subscriber', room.subscriberKeys());
    counts.events -= log.length;
    counts.bytes -= log.bytes;
    counts.subscribers -= room.subscribers.size;
    this.#upkeep.wake(0);
    room.end(new CommandError('ROOM_NOT_FOUND', { room: name }));
  }

  /**
   * Appends an event and answers its offset; `data` is JSON text. Whoever waits has it before this returns, then limits
   * are applied (synap-core.md 4.3). Errors: ROOM_NOT_FOUND, MEMORY_LIMIT.
   */
  publish(name: string, event: string, data: string, metadata: Metadata | undefined, now: number): number {
    const room = this.#room(name);
    const size = Buffer.byteLength(event) + Buffer.byteLength(data) + metadataBytes(metadata);
    if (this.#world.counts.bytes + size > this.#maxBytes) {
      room.trim(now, Number.POSITIVE_INFINITY);
      if (this.#world.counts.bytes + size > this.#maxBytes) throw new CommandError('MEMORY_LIMIT');
    }
    const offset = room.log.next;
    const id = this.#ports.ids.uuid();
    room.publish({ id, offset, event, data, timestamp: now, metadata: metadata ?? NO_METADATA, size }, now);
    return offset;
  }

  /**
   * Reads at most `limit` events from `from` on (both any u64; `LIMITS.roomRead` events and `LIMITS.readBytes` bytes at
   * most) and notes where the subscriber stands (synap-core.md 4.3-3 and -4). Errors: ROOM_NOT_FOUND,
   * OFFSET_OUT_OF_RANGE below the oldest event that is kept, INVALID_VALUE (the subscriber's id), LIMIT_REACHED.
   */
  consume(name: string, subscriberId: string, from: From, limit: U64, now: number): RoomRead {
    const room = this.#room(name);
    return this.#read(room, subscriberId, start(room, from), limit, now);
  }

  /**
   * Reads like `consume`, but when nothing is there yet waits for the first event at `from` or behind it until
   * `deadline` (Unix milliseconds, `LIMITS.waitMs` away at most), and then answers what is there, perhaps nothing.
   * Refuses with ROOM_NOT_FOUND when the room is deleted meanwhile. Errors at once: as `consume`, and LIMIT_REACHED beyond `LIMITS.waiters` reads of a room.
   */
  wait(
    name: string,
    subscriberId: string,
    from: From,
    limit: U64,
    deadline: number,
    reply: Reply<RoomRead>,
    now: number,
  ): Wait {
    const room = this.#room(name);
    const offset = start(room, from);
    const read = this.#read(room, subscriberId, offset, limit, now);
    if (read.events.length > 0 || limit <= 0 || deadline <= now) {
      reply.answer(read);
      return answered;
    }
    const until = Math.min(deadline, now + LIMITS.waitMs);
    const wait = this.#upkeep.waits.add(room.waiting, Number(offset), until, {
      again: (then) => reply.answer(this.#read(room, subscriberId, offset, limit, then)),
      gone: (error) => reply.refuse(error),
    });
    this.#upkeep.wake(until);
    return wait;
  }

  /**
   * A standing subscription from `from` on. It begins paused; an offset ahead of the end waits for it.
   * Errors: ROOM_NOT_FOUND, OFFSET_OUT_OF_RANGE, INVALID_VALUE, LIMIT_REACHED.
   */
  subscribe(name: string, subscriberId: string, from: From, sink: RoomSink, now: number): RoomSubscription {
    const room = this.#room(name);
    const position = Number(start(room, from));
    if (room.subscriptions.size >= LIMITS.subscribers)
      throw new CommandError('LIMIT_REACHED', { detail: `a room has ${LIMITS.subscribers} subscriptions` });
    const subscriber = room.visited(subscriberId, position, 0, now);
    room.subscribers.attach(subscriber);
    const subscription = new Subscription(room, subscriber, position, sink);
    room.subscriptions.add(subscription);
    this.#world.counts.subscriptions++;
    room.hold(subscription);
    return subscription;
  }

  /** The facts about a room, in constant time (synap-core.md 4.1). Errors: ROOM_NOT_FOUND. */
  stats(name: string): RoomStats {
    return this.#room(name).stats();
  }

  /** The names of all rooms, oldest first. */
  list(): string[] {
    return [...this.#rooms.keys()];
  }

  /** Running totals, in constant time. */
  totals(): RoomTotals {
    return { rooms: this.#rooms.size, ...this.#world.counts, waiting: this.#upkeep.waits.size };
  }

  restore(table: string, key: string, value: Plain): void {
    if (table === 'room.generation') this.#generations.restore(value);
    else if (table === 'room') {
      const room = new Room(this.#world, key, value);
      this.#rooms.set(key, room);
      this.#restoring.set(room.generation, room);
    } else {
      const room = this.#restoring.get(generationOf(key));
      if (room === undefined) this.#upkeep.reaper.orphan(table, key);
      else if (table === 'room.subscriber') room.restoreSubscriber(key, value);
      else room.restoreEvent(value as RoomEvent);
    }
  }

  restored(now: number): void {
    for (const room of this.#rooms.values()) room.restored(now);
    this.#restoring.clear();
    if (!this.#upkeep.reaper.idle) this.#upkeep.wake(0);
  }

  tick(now: number): void {
    for (let turns = Math.min(this.#backlog.length, TICK_BATCHES); turns > 0; turns--) {
      const subscription = this.#backlog.shift() as Subscription;
      subscription.queued = false;
      subscription.pump(now);
    }
    this.#upkeep.tick(now, () => !this.#backlog.isEmpty());
  }

  nextDeadline(): number {
    return this.#upkeep.nextDeadline;
  }

  check(): string[] {
    const broken = this.#upkeep.check();
    const counted = { events: 0, bytes: 0, subscribers: 0, subscriptions: 0 };
    for (const room of this.#rooms.values()) {
      broken.push(...room.check());
      counted.events += room.log.length;
      counted.bytes += room.log.bytes;
      counted.subscribers += room.subscribers.size;
      counted.subscriptions += room.subscriptions.size;
    }
    for (const [what, count] of Object.entries(this.#world.counts))
      if (count !== counted[what as keyof typeof counted]) broken.push(`${count} ${what} are counted wrongly`);
    return broken;
  }

  #room(name: string): Room {
    const room = this.#rooms.get(name);
    if (room === undefined) throw new CommandError('ROOM_NOT_FOUND', { room: name });
    return room;
  }

  #read(room: Room, subscriberId: string, from: U64, limit: U64, now: number): RoomRead {
    const most = Math.min(Number(limit), LIMITS.roomRead);
    const events = room.log.read(Number(from), most, LIMITS.readBytes);
    const nextOffset = events.length > 0 ? (events[events.length - 1] as RoomEvent).offset + 1 : from;
    room.visited(subscriberId, Number(nextOffset), events.length, now);
    return { events, nextOffset };
  }
}

/** Where a read begins. Errors: OFFSET_OUT_OF_RANGE. */
function start(room: Room, from: From): U64 {
  const { base, next } = room.log;
  if (from === 'earliest') return base;
  if (from === 'latest') return next;
  if (from < base) throw new CommandError('OFFSET_OUT_OF_RANGE', { offset: from, earliest: base });
  return from;
}
