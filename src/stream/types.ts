/**
 * The words of the stream family: what goes into rooms, topics and groups, and what comes out of them.
 *
 * Invariant: an event never changes after it was appended, so one object serves the log, the store and every reader.
 */
import type { CommandError } from '../core/errors.ts';

/** An unsigned 64-bit integer as it came over the wire: a `bigint` only where a number would not be exact. */
export type U64 = number | bigint;

/** Where a read starts: an offset, the oldest event that is kept, or behind the newest one (synap-core.md 9-13). */
export type From = U64 | 'earliest' | 'latest';

/** Text by name, such as the metadata of an event. */
export type Metadata = Readonly<Record<string, string>>;

/** An event of a room. `data` is JSON text, `timestamp` Unix milliseconds, `size` the bytes that retention counts. */
export type RoomEvent = {
  readonly id: string;
  readonly offset: number;
  readonly event: string;
  readonly data: string;
  readonly timestamp: number;
  readonly metadata: Metadata;
  readonly size: number;
};

/** An event of a partition. `key` is `null` when none was sent; `size` is the `size_bytes` of synap-core.md 5.1-3. */
export type TopicEvent = {
  readonly id: string;
  readonly offset: number;
  readonly partition: number;
  readonly key: string | null;
  readonly event: string;
  readonly data: string;
  readonly timestamp: number;
  readonly metadata: Metadata;
  readonly size: number;
};

/** What a read of a room answers: events in ascending order, and where to go on (the start again when nothing came). */
export interface RoomRead {
  readonly events: readonly RoomEvent[];
  readonly nextOffset: U64;
}

/** What a read of a partition answers; `earliestOffset` only when the read began below it (synap-core.md 9-14). */
export interface TopicRead {
  readonly events: readonly TopicEvent[];
  readonly nextOffset: U64;
  readonly earliestOffset?: number;
}

/** The ten facts about a room (synap-core.md 4.1); times in Unix milliseconds. */
export interface RoomStats {
  readonly name: string;
  readonly messageCount: number;
  readonly minOffset: number;
  readonly maxOffset: number;
  readonly subscriberCount: number;
  readonly totalPublished: number;
  readonly totalConsumed: number;
  readonly dropped: number;
  readonly createdAt: number;
  readonly generation: number;
}

/** What is known of one partition (synap-core.md 5.1); `lastCompaction` in whole seconds since retention was applied. */
export interface PartitionStats {
  readonly partition: number;
  readonly messageCount: number;
  readonly minOffset: number;
  readonly maxOffset: number;
  readonly totalBytes: number;
  readonly lastCompaction: number;
}

/** Who waits for a read. Exactly one of the two is called, once, unless the wait is cancelled before. */
export interface Reply<R> {
  answer(read: R): void;
  refuse(error: CommandError): void;
}

/** A read that may still be waiting. Cancelling one that was answered does nothing. */
export interface Wait {
  cancel(): void;
}

/** The receiver of a standing subscription. */
export interface RoomSink {
  /** The next event, in order and without gaps. Answering `false` pauses the subscription behind this event. */
  event(event: RoomEvent): boolean;
  /** The subscription has ended: the room was deleted, or what it had not read yet is gone. Nothing follows. */
  error(error: CommandError): void;
}

/** A standing subscription. It begins paused: nothing is delivered before the first `resume`. */
export interface RoomSubscription {
  /** The offset of the next event it will deliver. */
  readonly position: number;
  /** Stops delivery behind the last delivered event. */
  pause(): void;
  /** Delivers what was missed, then every event the moment it is published. */
  resume(now: number): void;
  /** Ends it; the position is kept for the subscriber, as after a consume. */
  close(now: number): void;
}
