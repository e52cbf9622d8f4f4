/**
 * Consumers that wait: for one answer (`OneShot`) or for as long as a socket lives (`Standing`).
 *
 * Each queue name has at most one room, whether the queue exists or not. In the room's line stand the parties that may
 * take a message, by ticket. A party that is found to be at its consumer's prefetch limit is parked with that consumer
 * and comes back, with its old ticket, when the consumer gives a message up; one party for each message, so that
 * nobody walks over the parked ones.
 *
 * Invariant: a party is in the line, or parked, or, when standing, out of both because it is paused or out of credit.
 * For a consumer with f free places, at least min(f, all) of its parked and lined parties are in the line.
 */
import { Heap, type HeapItem } from '../core/heap.ts';
import { Chain, type Consumer, type Lease } from './leases.ts';
import type { Queue } from './queue.ts';
import { type Bucket, Schedule, type Timed } from './schedule.ts';
import type { Delivery, Subscription, Waiter } from './types.ts';

/** Somebody who takes messages when they arrive. `due` is the ticket. */
export interface Party extends HeapItem {
  readonly consumer: string;
  readonly room: Room;
  parkedAt: Consumer | undefined;
  /** Takes from `queue` what it may. Called only when a message is ready and the consumer is not at its limit. */
  serve(queue: Queue, now: number): void;
  /** The queue is gone, and with it all that this party held there. */
  orphaned(): void;
}

/** What a room needs of the engine. */
interface Host {
  /** Offers what is ready to who may take it. */
  wake(queue: Queue, now: number): void;
  /** Gives back all that a closed subscription holds. */
  giveBack(standing: Standing, now: number): void;
}

export class Room {
  readonly name: string;
  readonly host: Host;
  queue: Queue | undefined;
  readonly line = new Heap<Party>();
  readonly parties = new Set<Party>();
  readonly #rooms: Rooms;
  #tickets = 0;
  #standing = 0;

  constructor(name: string, rooms: Rooms, host: Host) {
    this.name = name;
    this.#rooms = rooms;
    this.host = host;
  }

  /** Standing subscriptions in the room, paused ones included. */
  get standing(): number {
    return this.#standing;
  }

  join(party: Party): void {
    this.parties.add(party);
    this.#rooms.parties++;
    if (party instanceof Standing) this.#standing++;
    this.enter(party);
  }

  /** Puts a party that is in no heap at the end of the line. */
  enter(party: Party): void {
    party.due = ++this.#tickets;
    this.line.push(party);
  }

  /** Moves a party in line to its end. */
  rotate(party: Party): void {
    party.due = ++this.#tickets;
    this.line.moved(party);
  }

  /** Takes a party out of the line or from among the parked; it took nothing, so a parked one may stand in for it. */
  withdraw(party: Party): void {
    if (party.parkedAt !== undefined) {
      this.queue?.consumers.leave(party);
    } else if (party.slot >= 0) {
      this.line.remove(party);
      const other = this.queue?.consumers.standIn(party.consumer);
      if (other !== undefined) this.line.push(other);
    }
  }

  /** A party leaves for good; it must be in no heap any more. */
  leave(party: Party): void {
    if (!this.parties.delete(party)) return;
    this.#rooms.parties--;
    if (party instanceof Standing) this.#standing--;
    if (this.parties.size > 0) return;
    if (this.queue !== undefined) this.queue.room = undefined;
    this.#rooms.drop(this);
  }

  /** The queue was deleted: everybody goes on waiting for the next of its name. */
  orphan(): void {
    this.queue = undefined;
    for (const party of this.parties) {
      if (party.parkedAt !== undefined) {
        party.parkedAt = undefined; // the heap it lay in is gone with its consumer
        this.line.push(party);
      }
      party.orphaned();
    }
  }
}

/** When a waiter gives up. */
class Timeout implements Timed<Timeout> {
  readonly waiter: OneShot;
  due: number;
  bucket: Bucket<Timeout> | undefined = undefined;
  earlier: Timeout | undefined = undefined;
  later: Timeout | undefined = undefined;

  constructor(waiter: OneShot, due: number) {
    this.waiter = waiter;
    this.due = due;
  }
}

/** The rooms of the engine, and the one schedule of all waiters that give up at a time. */
export class Rooms {
  readonly #byName = new Map<string, Room>();
  readonly #timeouts = new Schedule<Timeout>();
  readonly #host: Host;
  /** Parties in all rooms. */
  parties = 0;

  constructor(host: Host) {
    this.#host = host;
  }

  /** When the next waiter gives up; `Infinity` when none will. */
  get next(): number {
    return this.#timeouts.next;
  }

  find(name: string): Room | undefined {
    return this.#byName.get(name);
  }

  /** The room of this name, made when it is missing. */
  of(name: string, queue: Queue | undefined): Room {
    let room = this.#byName.get(name);
    if (room === undefined) {
      room = new Room(name, this, this.#host);
      this.#byName.set(name, room);
      room.queue = queue;
      if (queue !== undefined) queue.room = room;
    }
    return room;
  }

  drop(room: Room): void {
    this.#byName.delete(room.name);
  }

  schedule(timeout: Timeout): void {
    this.#timeouts.add(timeout);
  }

  unschedule(timeout: Timeout): void {
    this.#timeouts.remove(timeout);
  }

  /** Sends up to `most` waiters away whose time is over at `now`. Answers how many. */
  expire(now: number, most: number): number {
    let sent = 0;
    while (sent < most) {
      const timeout = this.#timeouts.take(now);
      if (timeout === undefined) break;
      timeout.waiter.giveUp();
      sent++;
    }
    return sent;
  }

  values(): IterableIterator<Room> {
    return this.#byName.values();
  }

  check(): string[] {
    return this.#timeouts.check();
  }
}

/** A consumer that waits for one answer. */
export class OneShot implements Party, Waiter {
  slot = -1;
  due = 0;
  parkedAt: Consumer | undefined = undefined;
  readonly consumer: string;
  readonly room: Room;
  readonly #rooms: Rooms;
  readonly #max: number;
  readonly #deliver: (deliveries: Delivery[]) => void;
  #timeout: Timeout | undefined;

  constructor(
    rooms: Rooms,
    room: Room,
    consumer: string,
    max: number,
    until: number,
    deliver: (deliveries: Delivery[]) => void,
  ) {
    this.#rooms = rooms;
    this.room = room;
    this.consumer = consumer;
    this.#max = max;
    this.#deliver = deliver;
    this.#timeout = new Timeout(this, until);
    rooms.schedule(this.#timeout);
    room.join(this);
  }

  get waiting(): boolean {
    return this.#timeout !== undefined;
  }

  cancel(): void {
    if (!this.waiting) return;
    this.room.withdraw(this);
    this.#leave();
  }

  /** The time is over: answers with nothing. */
  giveUp(): void {
    this.cancel();
    this.#deliver([]);
  }

  serve(queue: Queue, now: number): void {
    this.room.line.remove(this);
    this.#leave();
    this.#deliver(queue.takeMany(this.consumer, this.#max, now));
  }

  orphaned(): void {}

  #leave(): void {
    if (this.#timeout !== undefined) this.#rooms.unschedule(this.#timeout);
    this.#timeout = undefined;
    this.room.leave(this);
  }
}

/** A consumer that takes messages as they come. */
export class Standing implements Party, Subscription {
  slot = -1;
  due = 0;
  parkedAt: Consumer | undefined = undefined;
  readonly consumer: string;
  readonly room: Room;
  /** What it holds, the oldest first. */
  readonly leases = new Chain();
  readonly #credit: number;
  readonly #deliver: (delivery: Delivery) => void;
  #paused = false;
  #closed = false;

  constructor(room: Room, consumer: string, prefetch: number, deliver: (delivery: Delivery) => void) {
    this.room = room;
    this.consumer = consumer;
    this.#credit = prefetch === 0 ? Number.POSITIVE_INFINITY : prefetch;
    this.#deliver = deliver;
    room.join(this);
  }

  pause(): void {
    if (this.#paused || this.#closed) return;
    this.#paused = true;
    this.room.withdraw(this);
  }

  resume(now: number): void {
    if (!this.#paused || this.#closed) return;
    this.#paused = false;
    this.#return();
    if (this.room.queue !== undefined) this.room.host.wake(this.room.queue, now);
  }

  close(now: number): void {
    if (this.#closed) return;
    this.#closed = true;
    this.room.withdraw(this);
    this.room.leave(this);
    this.room.host.giveBack(this, now);
  }

  serve(queue: Queue, now: number): void {
    const delivery = queue.take(this.consumer, this, now);
    if (this.leases.size < this.#credit) this.room.rotate(this);
    else this.room.line.remove(this);
    if (delivery !== undefined) this.#deliver(delivery);
  }

  /** One of its leases ended, however. */
  released(lease: Lease): void {
    this.leases.remove(lease);
    this.#return();
  }

  orphaned(): void {
    this.leases.clear();
    this.#return();
  }

  /** Whether it would take a message if its consumer may. */
  get willing(): boolean {
    return !this.#paused && !this.#closed && this.leases.size < this.#credit;
  }

  /** Back to the end of the line, if it is in no heap and willing. */
  #return(): void {
    if (this.willing && this.slot < 0) this.room.enter(this);
  }
}
