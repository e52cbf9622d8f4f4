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

/**
 * A retention policy as a client states it: seconds, bytes, events; a member that is absent, `null` or 0 limits nothing.
 * `Time`, `Size` and `Messages` have one member, `Combined` any, `Infinite` none (synap-core.md 5.1).
 */
export interface RetentionPolicy {
  readonly retentionSecs?: U64 | null | undefined;
  readonly maxBytes?: U64 | null | undefined;
  readonly maxMessages?: U64 | null | undefined;
}

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

/** What a group must know of topics: the offsets between which a partition can be read; `undefined` when it is unknown. */
export interface TopicEnds {
  earliestOffset(topic: string, partition: number): number | undefined;
  endOffset(topic: string, partition: number): number | undefined;
}

/** How a group is to be; `null` and absent are the defaults. */
export interface GroupConfig {
  /** The topic need not exist. */
  readonly topic: string;
  /** 0 to `LIMITS.partitions`; it is the caller's word (synap-core.md 5.2-1). */
  readonly partitionCount: U64;
  /** One of `STRATEGIES`. Default `round_robin`. */
  readonly strategy?: string | null | undefined;
  /** Default for members that join without one; 0 is 30. */
  readonly sessionTimeoutSecs?: U64 | null | undefined;
}

/** Who commits, when the commit is to be checked (synap-core.md 9-16). */
export interface Fence {
  readonly generation: U64;
  readonly member?: string | null | undefined;
}

/** The facts about a group (synap-core.md 5.2). */
export interface GroupStats {
  readonly topic: string;
  readonly partitionCount: number;
  readonly memberCount: number;
  readonly committedPartitions: number;
  readonly generation: number;
  readonly state: 'Empty' | 'Stable';
  readonly lastRebalanceSecs: number;
}

/** How far a group is behind in one partition; `null` where nothing was committed, or the topic has no such partition. */
export interface PartitionLag {
  readonly partition: number;
  readonly committed: U64 | null;
  readonly end: number | null;
  readonly lag: number | null;
}

/** How far a group is behind; `total` sums what is known. */
export interface GroupLag {
  readonly topic: string;
  readonly partitions: readonly PartitionLag[];
  readonly total: number;
}

/** A committed offset: the next to read. */
export interface Committed {
  readonly partition: number;
  readonly offset: U64;
}

/** Running totals of the engine. */
export interface GroupTotals {
  readonly groups: number;
  readonly members: number;
}
