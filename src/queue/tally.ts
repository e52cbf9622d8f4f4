/**
 * Counters: of one queue (`Tally`), and the sums over all of them (`Totals`), kept as things happen so that reading
 * them costs nothing.
 *
 * Invariant: `places` and `bytes` are what the queue holds now; the totals are the sums of them. The lifetime counters
 * of a queue survive a restart and go with the queue; those of the totals count from the start of the process and
 * never fall, as a metric must not.
 */
import { DEAD, type Message, type Place, READY } from './message.ts';
import type { CountRecord } from './records.ts';

/** Four numbers indexed by `Place`. */
type PerPlace = [ready: number, inFlight: number, delayed: number, dead: number];

export class Totals {
  readonly places: PerPlace = [0, 0, 0, 0];
  bytes = 0;
  published = 0;
  consumed = 0;
  acked = 0;
  nacked = 0;
  deadLettered = 0;
}

export class Tally {
  readonly #totals: Totals;
  readonly places: PerPlace = [0, 0, 0, 0];
  /** Payload bytes. */
  readonly bytes: PerPlace = [0, 0, 0, 0];
  published = 0;
  consumed = 0;
  acked = 0;
  nacked = 0;
  deadLettered = 0;
  duplicates = 0;
  deadDropped = 0;
  /** Ready and dead messages up to these positions were purged; they are being removed in slices. */
  purged = 0;
  deadPurged = 0;
  /** Whether something of the record changed since it was stated. */
  changed = false;

  constructor(totals: Totals) {
    this.#totals = totals;
  }

  enter(message: Message): void {
    this.#add(message.state, 1, message.payload.byteLength);
  }

  leave(message: Message): void {
    this.#add(message.state, -1, -message.payload.byteLength);
  }

  /** Writes the new place into the message. */
  move(message: Message, to: Place): void {
    this.leave(message);
    message.state = to;
    this.enter(message);
  }

  /** Takes all messages of one place off at once. Answers how many they were. */
  empty(place: Place): number {
    const messages = this.places[place];
    this.#add(place, -messages, -this.bytes[place]);
    return messages;
  }

  /** Whether this message was purged and only waits to be removed. */
  isPurged(state: Place, position: number): boolean {
    return (state === READY && position <= this.purged) || (state === DEAD && position <= this.deadPurged);
  }

  countPublished(): void {
    this.published++;
    this.#totals.published++;
    this.changed = true;
  }

  countConsumed(): void {
    this.consumed++;
    this.#totals.consumed++;
    this.changed = true;
  }

  countAcked(): void {
    this.acked++;
    this.#totals.acked++;
    this.changed = true;
  }

  countNacked(): void {
    this.nacked++;
    this.#totals.nacked++;
    this.changed = true;
  }

  countDeadLettered(): void {
    this.deadLettered++;
    this.#totals.deadLettered++;
    this.changed = true;
  }

  countDuplicate(): void {
    this.duplicates++;
    this.changed = true;
  }

  countDeadDropped(): void {
    this.deadDropped++;
    this.changed = true;
  }

  /** Ready messages up to this position are purged. Answers how many there were. */
  purge(position: number): number {
    this.purged = position;
    this.changed = true;
    return this.empty(READY);
  }

  /** Dead letters up to this position are purged. Answers how many there were. */
  purgeDead(position: number): number {
    this.deadPurged = position;
    this.changed = true;
    return this.empty(DEAD);
  }

  record(): CountRecord {
    return [
      this.published,
      this.consumed,
      this.acked,
      this.nacked,
      this.deadLettered,
      this.duplicates,
      this.deadDropped,
      this.purged,
      this.deadPurged,
    ];
  }

  restore(record: CountRecord): void {
    [
      this.published,
      this.consumed,
      this.acked,
      this.nacked,
      this.deadLettered,
      this.duplicates,
      this.deadDropped,
      this.purged,
      this.deadPurged,
    ] = record;
  }

  #add(place: Place, messages: number, bytes: number): void {
    this.places[place] += messages;
    this.bytes[place] += bytes;
    this.#totals.places[place] += messages;
    this.#totals.bytes += bytes;
  }
}
