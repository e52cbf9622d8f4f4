/**
 * The words of pub/sub: what is delivered, who receives it, what the engine answers.
 *
 * Invariant: a `Message` is made once per publish and shared by all receivers; nobody changes it.
 */

/** The caps of pub/sub; a server takes them from `LIMITS`, a test may take smaller ones. */
export interface PubSubLimits {
  readonly listedTopics: number;
  readonly topicsPerList: number;
  readonly listedBytes: number;
  readonly subscriptions: number;
  readonly subscriptionsPerSubscriber: number;
  readonly pubsubBytes: number;
  readonly topicLevels: number;
  readonly topicBytes: number;
  readonly topicsPerCall: number;
  readonly nameBytes: number;
  readonly cachedTopics: number;
  readonly cachedMatches: number;
  readonly cachedTopicUnits: number;
}

/** One published message as every receiver sees it (synap-core.md 6.4). */
export interface Message {
  /** A fresh UUID. */
  readonly messageId: string;
  readonly topic: string;
  /** Any JSON value, as it was given to `publish`. */
  readonly payload: unknown;
  /** String members; `null` when none were sent. */
  readonly metadata: Readonly<Record<string, string>> | null;
  /** What the publisher sent as priority (synap-core.md 8.1-17); it orders nothing. */
  readonly priority: number | undefined;
  /** Unix milliseconds; the wire prints seconds. */
  readonly timestamp: number;
}

/** Messages for the same receivers, one or several, in the order in which they were published; handed to each as one. */
export interface Burst {
  readonly messages: readonly Message[];
  /** What the first receiver made of them, so that they are encoded once however many receive them. */
  shown: unknown;
}

/** Where the messages of a connected subscriber go. */
export interface Sink {
  /**
   * Takes messages in the order in which they were published. Must not throw and should only collect: the transport writes
   * afterwards. It may call back into the engine.
   */
  deliver(burst: Burst): void;
}

/** A subscriber as others may see it: its sink is `undefined` while no connection stands behind it. */
export interface Receiver {
  readonly id: string;
  readonly sink: Sink | undefined;
}

/** How a subscribe call names its subscriber. */
export interface SubscribeOptions {
  /** Adds to this subscriber, which is made when unknown (synap-core.md 8.1-16). Absent or empty: a new one. */
  readonly subscriberId?: string | undefined;
  /** Absent: the subscriptions count as matched and receive nothing (synap-core.md 6.3-5). */
  readonly sink?: Sink | undefined;
}

/** What a subscribe answers: `subscriptionCount` is the number of items given, repetitions included (6.3-4). */
export interface Subscribed {
  readonly subscriberId: string;
  readonly subscriptionCount: number;
  readonly topics: readonly string[];
}

/** What a publish answers: `subscribersMatched` counts distinct subscribers, connected or not (6.3-6). */
export interface Published {
  readonly messageId: string;
  readonly subscribersMatched: number;
}

/** The counters of 6.3-8: `totalSubscribers` counts subscriptions, `messagesDelivered` adds up matches. */
export interface PubSubStats {
  readonly messagesPublished: number;
  readonly messagesDelivered: number;
  readonly slowConsumersDropped: number;
  readonly totalSubscribers: number;
  readonly totalTopics: number;
  readonly totalWildcardSubscriptions: number;
}

/** One exact topic: `createdAt` in Unix milliseconds, `messageCount` of the publishes since then. */
export interface TopicInfo {
  readonly topic: string;
  readonly createdAt: number;
  readonly messageCount: number;
  readonly subscriberCount: number;
}
