/**
 * A message and where it is.
 *
 * Invariant: a message is in exactly one place: a ready list, the schedule (in flight or delayed), or the dead
 * letters; `state` says which. `position` grows with every move, so that within one place it gives the order.
 */
import type { Letter } from './dead-letters.ts';
import type { Lease } from './leases.ts';
import type { Queue } from './queue.ts';
import type { Headers, MessageState } from './types.ts';

export const READY = 0;
export const IN_FLIGHT = 1;
export const DELAYED = 2;
export const DEAD = 3;

/** Where a message is, as a small number: it indexes counters and is stored. */
export type Place = typeof READY | typeof IN_FLIGHT | typeof DELAYED | typeof DEAD;

/** The names of the places, in the order of their numbers. */
export const PLACES: readonly [MessageState, MessageState, MessageState, MessageState] = [
  'ready',
  'in_flight',
  'delayed',
  'dead',
];

/** Shared by all messages without headers. */
export const NO_HEADERS: Headers = Object.freeze({});

export class Message {
  readonly id: string;
  readonly queue: Queue;
  readonly payload: Uint8Array;
  readonly headers: Headers;
  readonly priority: number;
  readonly maxRetries: number;
  readonly createdAt: number;
  retryCount = 0;
  state: Place = READY;
  position: number;
  /** Since when it is in this state. */
  since: number;
  /** Present while it is in flight or delayed. */
  lease: Lease | undefined = undefined;
  /** Present while it is a dead letter. */
  letter: Letter | undefined = undefined;
  /** Whether a state record was written for it; without one, the message record itself says where it is. */
  moved = false;

  constructor(
    id: string,
    queue: Queue,
    payload: Uint8Array,
    headers: Headers,
    priority: number,
    maxRetries: number,
    createdAt: number,
    position: number,
  ) {
    this.id = id;
    this.queue = queue;
    this.payload = payload;
    this.headers = headers;
    this.priority = priority;
    this.maxRetries = maxRetries;
    this.createdAt = createdAt;
    this.position = position;
    this.since = createdAt;
  }
}
