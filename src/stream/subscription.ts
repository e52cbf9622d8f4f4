/**
 * A standing subscription to a room: what was missed first, then every event the moment it is published.
 *
 * Invariant: events reach the sink in order, each once, without a gap; a gap that retention made is told as an error and
 * ends it. It is in one of four states: paused and behind hold back retention at `position`, live has read everything
 * and holds back nothing, closed is nowhere. A sink may pause, resume, close or publish from within `event`.
 */
import { CommandError } from '../core/errors.ts';
import type { HeapItem } from '../core/heap.ts';
import type { Room } from './room.ts';
import type { Subscriber } from './subscribers.ts';
import type { RoomEvent, RoomSink, RoomSubscription } from './types.ts';

/** Events delivered in one go to a subscription that is behind, before others have their turn. */
const BATCH = 256;

/** A subscriber's record is stated once in so many deliveries, so that fan-out does not become as many writes. */
const STATED_EVERY = 1024;

export class Subscription implements RoomSubscription, HeapItem {
  slot = -1;
  due: number;
  position: number;
  readonly subscriber: Subscriber;
  /** Whether it waits in the backlog for its next batch. */
  queued = false;
  readonly #room: Room;
  readonly #sink: RoomSink;
  #state: 'paused' | 'behind' | 'live' | 'closed' = 'paused';
  #pumping = false;

  constructor(room: Room, subscriber: Subscriber, position: number, sink: RoomSink) {
    this.#room = room;
    this.subscriber = subscriber;
    this.position = position;
    this.due = position;
    this.#sink = sink;
  }

  get state(): 'paused' | 'behind' | 'live' | 'closed' {
    return this.#state;
  }

  pause(): void {
    if (this.#state === 'closed') return;
    this.#state = 'paused';
    if (!this.#pumping) this.#settle();
  }

  resume(now: number): void {
    if (this.#state !== 'paused') return;
    this.#state = 'behind';
    this.pump(now);
  }

  close(now: number): void {
    if (this.#state === 'closed') return;
    this.end();
    this.#room.detach(this, now);
  }

  /** Delivers up to a batch of what is there. */
  pump(now: number): void {
    if (this.#pumping || this.#state === 'paused' || this.#state === 'closed') return;
    const { log } = this.#room;
    this.#pumping = true;
    try {
      for (let left = BATCH; left > 0 && this.position < log.next && this.#flowing(); left--) {
        const event = log.at(this.position);
        if (event === undefined) this.#lost(now);
        else this.#deliver(event);
      }
    } finally {
      this.#pumping = false;
    }
    this.#settle();
  }

  /** Ends it for good and tells why. */
  fail(error: CommandError): void {
    if (this.#state === 'closed') return;
    this.end();
    this.#sink.error(error);
  }

  /** Takes it out of everything but its subscriber's count. */
  end(): void {
    this.#state = 'closed';
    this.#room.release(this);
  }

  #flowing(): boolean {
    return this.#state === 'behind' || this.#state === 'live';
  }

  #deliver(event: RoomEvent): void {
    this.position++;
    this.subscriber.consumed++;
    this.#room.consumed++;
    if (this.position % STATED_EVERY === 0) this.#room.stateSubscriber(this.subscriber, this.position);
    if (!this.#sink.event(event)) this.pause();
  }

  /** Retention was faster than this reader. */
  #lost(now: number): void {
    const offset = this.position;
    const earliest = this.#room.log.base;
    this.close(now);
    this.#sink.error(new CommandError('OFFSET_OUT_OF_RANGE', { offset, earliest }));
  }

  #settle(): void {
    if (this.#state === 'closed') return;
    const caughtUp = this.position >= this.#room.log.next;
    if (this.#state === 'live' && caughtUp) return;
    if (this.#state !== 'paused') this.#state = caughtUp ? 'live' : 'behind';
    if (this.#state === 'live') this.#room.live(this);
    else this.#room.hold(this);
  }
}
