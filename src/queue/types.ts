/**
 * The words of the work-queue engine: what goes in, what comes out. Plain data, times in Unix milliseconds.
 */

/** How a queue behaves; fixed when it is created (synap-core.md 3.3-1). */
export interface QueueConfig {
  /** Ready messages the queue holds at most; 0 refuses every publish. Delayed messages have the same cap, counted apart. */
  readonly maxDepth: number;
  /** Seconds a consumer has to acknowledge; at least 1 (synap-core.md 9-17: 0 counts as 1). */
  readonly ackDeadlineSecs: number;
  /** Failures a message survives; with 0 the first failure makes it a dead letter. */
  readonly maxRetries: number;
  /** Priority of a message that names none, 0 to 9. */
  readonly priority: number;
  /** Unacknowledged messages one consumer id holds at most; 0 means no limit. */
  readonly prefetch: number;
  /** Milliseconds during which a `messageKey` is remembered; 0 switches deduplication off. */
  readonly dedupeMs: number;
  /** Whether changes of this queue are answered only once they are on disk, whatever the server's level. */
  readonly sync: boolean;
}

/** A configuration with holes: what is absent takes the server's default (synap-core.md 9-18). */
export type QueueSettings = { readonly [Name in keyof QueueConfig]?: QueueConfig[Name] | undefined };

/** Text properties of a message. */
export type Headers = Readonly<Record<string, string>>;

/** What a publisher may say about a message. */
export interface PublishOptions {
  /** More is more urgent; over 9 is stored as 9 (synap-core.md 3.3-3). Default: the queue's. */
  readonly priority?: number | undefined;
  /** Default: the queue's. */
  readonly maxRetries?: number | undefined;
  readonly headers?: Headers | undefined;
  /** Milliseconds before the message becomes ready, 0 to `LIMITS.delayMs`. Default 0. */
  readonly delayMs?: number | undefined;
  /** Two publishes with the same key within the queue's window are one message. At most `LIMITS.nameBytes` bytes. */
  readonly messageKey?: string | undefined;
}

/** One message of a batch publish. The engine keeps `payload`; the caller must not change it afterwards. */
export interface Publication extends PublishOptions {
  readonly payload: Uint8Array;
}

/** A message handed to a consumer, who has until `deadline` to acknowledge it. */
export interface Delivery {
  readonly id: string;
  readonly payload: Uint8Array;
  readonly priority: number;
  /** Failures so far: 0 on the first delivery. */
  readonly retryCount: number;
  readonly maxRetries: number;
  readonly headers: Headers;
  /** When it was published. */
  readonly createdAt: number;
  /** From this millisecond on, an acknowledgement is refused and the message goes back. */
  readonly deadline: number;
}

/** A consumer that waits for one answer. */
export interface Waiter {
  /** Whether the answer is still to come. */
  readonly waiting: boolean;
  /** Gives up: the callback will not be called any more. Does nothing once answered. */
  cancel(): void;
}

/** What a standing subscription may ask for. */
export interface SubscribeOptions {
  /** Unacknowledged messages this subscription holds at most, besides the queue's own limit; 0 or absent: no limit. */
  readonly prefetch?: number | undefined;
  /** Begins paused: nothing is delivered before the first `resume`. */
  readonly paused?: boolean | undefined;
}

/** A consumer that takes messages as they come, for as long as its socket lives. */
export interface Subscription {
  /** Takes no more messages until `resume`; what it holds stays its own. For back-pressure; may be called inside `deliver`. */
  pause(): void;
  /** Takes messages again, as the newest in line. */
  resume(now: number): void;
  /** Ends it and gives back at once what it still holds, each message as by a nack with requeue (synap-core.md 9-17). */
  close(now: number): void;
}

/** The seven counters of synap-core.md 3.3-13. */
export interface QueueStats {
  /** Messages ready now. */
  readonly depth: number;
  /** Distinct consumer ids that hold a message now. */
  readonly consumers: number;
  readonly published: number;
  /** Deliveries, redeliveries included. */
  readonly consumed: number;
  readonly acked: number;
  /** Negative acknowledgements: explicit, by deadline, by a closed socket. */
  readonly nacked: number;
  readonly deadLettered: number;
}

/** What else is to be known about a queue. */
export interface QueueDetail {
  readonly name: string;
  readonly createdAt: number;
  readonly config: QueueConfig;
  readonly ready: number;
  readonly inFlight: number;
  readonly delayed: number;
  readonly dead: number;
  /** Payload bytes of all four together. */
  readonly bytes: number;
  /** How long the message that is ready for the longest time has been so, in milliseconds; 0 when none is. */
  readonly oldestReadyMs: number;
  /** When the next lease or delay ends; `undefined` when there is none. */
  readonly nextDeadline: number | undefined;
  /** Consumers that would take a message now. */
  readonly waiting: number;
  /** Waiting consumers and subscriptions that may not take one, because of a prefetch limit or a pause. */
  readonly held: number;
  /** Standing subscriptions, all of them. */
  readonly subscriptions: number;
  /** Deduplication keys remembered. */
  readonly keys: number;
  /** Publishes answered with an earlier message's id. */
  readonly duplicates: number;
  /** Dead letters dropped because `LIMITS.deadLetters` was reached. */
  readonly deadDropped: number;
}

/** The whole engine, for metrics: sums over all queues. */
export interface QueueTotals {
  readonly queues: number;
  readonly ready: number;
  readonly inFlight: number;
  readonly delayed: number;
  readonly dead: number;
  readonly bytes: number;
  /** Waiting consumers and subscriptions, also of queues that do not exist yet. */
  readonly waiters: number;
  readonly published: number;
  readonly consumed: number;
  readonly acked: number;
  readonly nacked: number;
  readonly deadLettered: number;
}

/** Why a message became a dead letter. */
export type DeadReason = 'rejected' | 'retries_exhausted';

/** A message that was given up. */
export interface DeadLetter {
  readonly id: string;
  readonly payload: Uint8Array;
  readonly priority: number;
  readonly retryCount: number;
  readonly maxRetries: number;
  readonly headers: Headers;
  readonly createdAt: number;
  readonly diedAt: number;
  readonly reason: DeadReason;
  /** Who held it last. */
  readonly consumer: string;
  /** Grows with every dead letter of the queue: the cursor of a listing. */
  readonly sequence: number;
}

/** One page of dead letters, the oldest first. */
export interface DeadPage {
  readonly letters: DeadLetter[];
  /** Pass it as `after` for the next page; `undefined` when this page is the last. */
  readonly next: number | undefined;
}

/** What a replay did. */
export interface Replayed {
  /** Ids that are ready again. */
  readonly replayed: string[];
  /** Ids asked for that are no dead letters of this queue. */
  readonly missing: string[];
  /** Dead letters left in the queue. */
  readonly remaining: number;
}

/** What a batch acknowledgement did. */
export interface Acked {
  readonly acked: number;
  /** Ids that were not in flight, in the order sent. */
  readonly missing: string[];
}

/** Where a message is. */
export type MessageState = 'ready' | 'in_flight' | 'delayed' | 'dead';

/** What will happen to a message next, if nobody does anything else. */
export type NextEvent = 'delivery' | 'requeue' | 'dead_letter' | 'becomes_ready' | 'none';

/** Why a message is not moving. */
export interface Explanation {
  readonly id: string;
  readonly state: MessageState;
  readonly priority: number;
  /** Deliveries so far, a running one included. A replay starts again from 0. */
  readonly attempts: number;
  readonly retryCount: number;
  readonly maxRetries: number;
  readonly createdAt: number;
  /** Since when it is in this state. */
  readonly since: number;
  /** Who holds it; who held it last, for a dead letter. */
  readonly holder: string | undefined;
  /** End of the lease or of the delay. */
  readonly deadline: number | undefined;
  readonly reason: DeadReason | undefined;
  readonly next: NextEvent;
  /** When that is due; `undefined` when it depends on a consumer. */
  readonly nextAt: number | undefined;
  /** One sentence for a person. */
  readonly why: string;
}
