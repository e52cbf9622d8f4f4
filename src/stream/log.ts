/**
 * An append-only log of events in chunks: append at the end, drop at the front, read at any offset, each in constant time.
 *
 * Invariant: the offsets of the events are exactly `base`, `base + 1` ... `next - 1`, and `bytes` is the sum of their
 * sizes. The event at `offset` stands in chunk `(skipped + offset - base) >> 8`; slots in front of `base` hold nothing.
 */
import Denque from 'denque';

/** What the log needs to know of an event: its place, its age (Unix milliseconds) and its size in bytes. */
export interface Logged {
  readonly offset: number;
  readonly timestamp: number;
  readonly size: number;
}

/** Events per chunk: 2 KiB of references, small enough for a room of ten events and rare enough in the directory. */
const CHUNK = 256;
const SHIFT = 8;
const MASK = CHUNK - 1;

export class EventLog<E extends Logged> {
  readonly #chunks = new Denque<(E | undefined)[]>();
  #skipped = 0;
  #base: number;
  #next: number;
  #bytes = 0;

  /** An empty log whose first event will have the offset `next`. */
  constructor(next = 0) {
    this.#base = next;
    this.#next = next;
  }

  /** The offset of the oldest event; equal to `next` when the log is empty. */
  get base(): number {
    return this.#base;
  }

  /** The offset that the next event will have. */
  get next(): number {
    return this.#next;
  }

  get length(): number {
    return this.#next - this.#base;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Adds an event; its offset must be `next`, or any offset while nothing was ever appended (a restored log). */
  append(event: E): void {
    if (this.#base === this.#next) this.#base = this.#next = event.offset;
    const slot = this.#skipped + this.#next - this.#base;
    if ((slot & MASK) === 0) this.#chunks.push([event]);
    else (this.#chunks.peekBack() as (E | undefined)[]).push(event);
    this.#next++;
    this.#bytes += event.size;
  }

  /** The oldest event. */
  first(): E | undefined {
    return this.#chunks.peekFront()?.[this.#skipped];
  }

  /** The event at `offset`, or `undefined` outside of the log. */
  at(offset: number): E | undefined {
    if (offset < this.#base || offset >= this.#next) return undefined;
    const slot = this.#skipped + offset - this.#base;
    return this.#chunks.peekAt(slot >> SHIFT)?.[slot & MASK];
  }

  /** Drops the oldest event and answers it. */
  shift(): E | undefined {
    const chunk = this.#chunks.peekFront();
    const event = chunk?.[this.#skipped];
    if (chunk === undefined || event === undefined) return undefined;
    chunk[this.#skipped] = undefined; // the event must not live as long as its chunk
    this.#base++;
    this.#bytes -= event.size;
    if (this.#base === this.#next) {
      this.#chunks.clear();
      this.#skipped = 0;
    } else if (++this.#skipped === CHUNK) {
      this.#chunks.shift();
      this.#skipped = 0;
    }
    return event;
  }

  /** At most `limit` events from `offset` on, in order; stops early behind the event that reaches `bytes`. */
  read(offset: number, limit: number, bytes: number): E[] {
    const events: E[] = [];
    let slot = this.#skipped + Math.max(offset, this.#base) - this.#base;
    const end = Math.min(slot + limit, this.#skipped + this.length);
    let room = bytes;
    while (slot < end && room > 0) {
      const event = this.#chunks.peekAt(slot >> SHIFT)?.[slot & MASK] as E;
      events.push(event);
      room -= event.size;
      slot++;
    }
    return events;
  }

  /** Broken invariants, one sentence each. */
  check(name: string): string[] {
    const broken: string[] = [];
    let bytes = 0;
    for (let offset = this.#base; offset < this.#next; offset++) {
      const event = this.at(offset);
      if (event?.offset !== offset) broken.push(`${name}: offset ${offset} holds the event ${event?.offset}`);
      bytes += event?.size ?? 0;
    }
    if (bytes !== this.#bytes) broken.push(`${name}: ${bytes} bytes are kept, ${this.#bytes} are counted`);
    const chunks = Math.ceil((this.#skipped + this.length) / CHUNK);
    if (this.#chunks.length !== chunks) broken.push(`${name}: ${this.#chunks.length} chunks instead of ${chunks}`);
    return broken;
  }
}
