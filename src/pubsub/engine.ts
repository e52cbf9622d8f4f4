/**
 * Publish and subscribe: exact topics in a map, patterns in a trie, answers remembered (synap-core.md section 6).
 *
 * Volatile by choice: nothing is stated to a store, so a restart begins without subscribers and topics.
 *
 * Invariant: `matching(topic)` lists each subscriber once whose exact topic or pattern matches, and no other; the
 * counters of `stats` agree with the subscriptions that exist; every collection is within its cap.
 */
import { CommandError, invalidRequest, invalidValue } from '../core/errors.ts';
import type { Ids } from '../core/ids.ts';
import { LIMITS } from '../core/limits.ts';
import type { Engine } from '../core/ports.ts';
import { type Answer, Answers } from './answers.ts';
import { NameMap } from './names.ts';
import { checkSubscription, checkTopic, fits, isInternal, isPattern, tooLong } from './pattern.ts';
import { Pattern, Patterns, patternBytes } from './patterns.ts';
import { checkFiling, Subscriber, Subscription, type Target } from './subscribers.ts';
import { own } from './text.ts';
import { Topic, Topics, topicBytes } from './topics.ts';
import type {
  Burst,
  Message,
  Published,
  PubSubLimits,
  PubSubStats,
  Receiver,
  Sink,
  Subscribed,
  SubscribeOptions,
  TopicInfo,
} from './types.ts';

/** Messages that wait for the same receivers at most, so that what they hold stays small. */
const BURST_MAX = 512;

export class PubSubEngine implements Engine {
  readonly tables = [] as const;

  readonly #ids: Ids;
  readonly #limits: PubSubLimits;
  readonly #subscribers = new NameMap<Subscriber>();
  readonly #topics = new Topics();
  readonly #patterns = new Patterns();
  readonly #answers: Answers;

  #exactCount = 0;
  #patternCount = 0;
  /** Subscriptions whose text begins as internal topics do; only they can match one. */
  #internalCount = 0;
  #published = 0;
  #delivered = 0;
  #slow = 0;
  #stamp = 0;
  /** Messages that are published and not handed over, and for whom; empty and `undefined` together. */
  #waiting: Message[] = [];
  #waitingFor: readonly Subscriber[] | undefined;
  #due: (() => void) | undefined;

  /** `ids` makes subscriber and message ids. */
  constructor(ids: Ids, limits: PubSubLimits = LIMITS) {
    this.#ids = ids;
    this.#limits = limits;
    this.#answers = new Answers(limits);
  }

  /**
   * Subscribes to exact topics and patterns; all items are checked before any is stored (synap-core.md 9-28).
   *
   * With a non-empty `subscriberId` the items are added to that subscriber (8.1-16), else a new one is made. Without a
   * sink they count as matched and receive nothing. An empty list makes a subscriber only when a sink is given.
   * `now` is Unix milliseconds.
   *
   * Errors: `INVALID_VALUE` for a bad pattern or anything over `topicsPerCall`, `topicBytes`, `topicLevels`,
   * `nameBytes`; `INVALID_REQUEST` when another connection stands behind the subscriber; `LIMIT_REACHED`.
   */
  subscribe(topics: readonly string[], options: SubscribeOptions, now: number): Subscribed {
    const limits = this.#limits;
    if (topics.length > limits.topicsPerCall) invalidValue(`More than ${limits.topicsPerCall} topics in one call`);
    for (const text of topics) checkSubscription(text, limits);
    const { sink } = options;
    const given = options.subscriberId || undefined;
    let subscriber: Subscriber | undefined;
    if (given !== undefined) {
      if (tooLong(given, limits.nameBytes)) invalidValue(`Subscriber id is longer than ${limits.nameBytes} bytes`);
      subscriber = this.#subscribers.get(given);
      const before = subscriber?.sink;
      if (sink !== undefined && before !== undefined && before !== sink)
        invalidRequest(`Subscriber '${given}' is connected already`);
    }
    this.#makeRoom(topics, subscriber);

    const subscriberId = given ?? this.#ids.uuid();
    if (subscriber === undefined && (topics.length > 0 || sink !== undefined)) {
      subscriber = new Subscriber(own(subscriberId));
      this.#subscribers.add(subscriber.id, subscriber);
    }
    if (subscriber !== undefined) {
      if (sink !== undefined) subscriber.sink = sink;
      for (const text of topics) {
        if (isPattern(text)) this.#addPattern(subscriber, text);
        else this.#addTopic(subscriber, text, now);
      }
    }
    return { subscriberId, subscriptionCount: topics.length, topics };
  }

  /**
   * Ends the subscriptions of a subscriber to these texts, or all when `topics` is absent; an empty list ends none.
   * Answers how many there were, repeated patterns counted as often as they were given; 0 for an unknown subscriber.
   * A connected subscriber stays connected.
   */
  unsubscribe(subscriberId: string, topics?: readonly string[]): number {
    const subscriber = this.#subscribers.get(subscriberId);
    if (subscriber === undefined) return 0;
    let ended = 0;
    if (topics === undefined) {
      ended = this.#endAll(subscriber);
    } else {
      for (const text of topics) {
        const subscription = subscriber.subscriptions.get(text);
        if (subscription !== undefined) ended += this.#end(subscription);
      }
    }
    if (subscriber.count === 0 && subscriber.sink === undefined) this.#subscribers.delete(subscriberId);
    return ended;
  }

  /**
   * Removes a subscriber with all its subscriptions, as its connection is gone (synap-core.md 6.4); answers how many
   * there were. With `sink`, only while that is the one behind the subscriber.
   */
  disconnect(subscriberId: string, sink?: Sink): number {
    const subscriber = this.#subscribers.get(subscriberId);
    if (subscriber === undefined || (sink !== undefined && subscriber.sink !== sink)) return 0;
    subscriber.sink = undefined; // a fan-out under way passes it over
    this.#subscribers.delete(subscriberId);
    return this.#endAll(subscriber);
  }

  /** As `disconnect`, for a subscriber that does not read fast enough; counted (synap-core.md 9-5). */
  dropped(subscriberId: string, sink?: Sink): number {
    const subscriber = this.#subscribers.get(subscriberId);
    if (subscriber === undefined || (sink !== undefined && subscriber.sink !== sink)) return 0;
    this.#slow++;
    return this.disconnect(subscriberId);
  }

  /**
   * Hands one message to every connected subscriber that matches, one copy each, in no particular order among them, at
   * once or with `deliver` (see `defer`); at most once, no history (synap-core.md 6.3-6, 6.3-7). Wildcard characters in the topic are literal.
   *
   * `metadata` has string members; `priority` travels along and orders nothing (8.1-17); `now` is Unix milliseconds.
   * Errors: `INVALID_VALUE` for an empty topic or one over `topicBytes` or `topicLevels`.
   */
  publish(
    topic: string,
    payload: unknown,
    metadata: Readonly<Record<string, string>> | null,
    priority: number | undefined,
    now: number,
  ): Published {
    let answer = this.#answers.get(topic);
    if (answer === undefined) {
      checkTopic(topic, this.#limits);
      answer = this.#find(topic);
    }
    if (answer.topic !== undefined) {
      answer.topic.published++;
      this.#topics.used(answer.topic);
    }
    const { receivers } = answer;
    this.#published++;
    this.#delivered += receivers.length;
    const messageId = this.#ids.uuid();
    if (receivers.length > 0) this.#send(receivers, { messageId, topic, payload, metadata, priority, timestamp: now });
    return { messageId, subscribersMatched: receivers.length };
  }

  /**
   * From now on messages wait until `deliver` is called; `due` is called when the first one waits. Publishes that follow
   * each other to the same receivers then cost each receiver one call instead of one each: a message that goes to a
   * thousand receivers would otherwise touch the memory of a thousand connections before the next one is even read.
   */
  defer(due: () => void): void {
    this.#due = due;
  }

  /** Hands over what waits. Who has gone meanwhile is passed over; who came meanwhile was not meant. */
  deliver(): void {
    const receivers = this.#waitingFor;
    if (receivers === undefined) return;
    const burst: Burst = { messages: this.#waiting, shown: undefined };
    this.#waiting = [];
    this.#waitingFor = undefined;
    for (let i = 0; i < receivers.length; i++) (receivers[i] as Subscriber).sink?.deliver(burst);
  }

  /** Lets a message wait behind those for the same receivers; messages for others are handed over first, so order holds. */
  #send(receivers: readonly Subscriber[], message: Message): void {
    // again, since a receiver may publish while it is handed something
    while (this.#waitingFor !== undefined && (this.#waitingFor !== receivers || this.#waiting.length >= BURST_MAX))
      this.deliver();
    const first = this.#waitingFor === undefined;
    this.#waitingFor = receivers;
    this.#waiting.push(message);
    if (this.#due === undefined) this.deliver();
    else if (first) this.#due();
  }

  /** The distinct subscribers that a publish to `topic` would reach; the array is never changed afterwards. */
  matching(topic: string): readonly Receiver[] {
    const answer = this.#answers.get(topic);
    if (answer !== undefined) return answer.receivers;
    return topic !== '' && fits(topic, this.#limits) ? this.#find(topic).receivers : [];
  }

  /** Whether any subscription can match internal topics (`__...`) at all: asked before a watch topic is even built. */
  get watching(): boolean {
    return this.#internalCount > 0;
  }

  /** Whether a publish to `topic` would match any subscriber; cheap, remembers nothing. `false` for what cannot be published to. */
  watched(topic: string): boolean {
    if (this.#internalCount === 0 && isInternal(topic)) return false;
    const members = this.#topics.get(topic)?.members;
    if (members !== undefined && members.length > 0) return topic !== '';
    return topic !== '' && fits(topic, this.#limits) && this.#patterns.matches(topic);
  }

  /** Exact topics ever subscribed to and not forgotten, in the order of their bytes; at most `topicsPerList` and `listedBytes`. */
  topics(): string[] {
    return this.#topics.names(this.#limits.topicsPerList, this.#limits.listedBytes);
  }

  /** One exact topic. Errors: `PUBSUB_TOPIC_NOT_FOUND` when nobody has subscribed to exactly it. */
  info(name: string): TopicInfo {
    const topic = this.#topics.get(name);
    if (topic === undefined) throw new CommandError('PUBSUB_TOPIC_NOT_FOUND', { topic: name });
    return {
      topic: topic.name,
      createdAt: topic.createdAt,
      messageCount: topic.published,
      subscriberCount: topic.members.length,
    };
  }

  /** The counters of synap-core.md 6.3-8, in constant time. */
  stats(): PubSubStats {
    return {
      messagesPublished: this.#published,
      messagesDelivered: this.#delivered,
      slowConsumersDropped: this.#slow,
      totalSubscribers: this.#exactCount + this.#patternCount,
      totalTopics: this.#topics.size,
      totalWildcardSubscriptions: this.#patternCount,
    };
  }

  /** Trie nodes and glob paths visited so far: the cost of matching, as a number that does not depend on the machine. */
  get visited(): number {
    return this.#patterns.visited;
  }

  /** Never called: there is no table to restore. */
  restore(table: string): void {
    throw new Error(`pub/sub owns no table '${table}'`);
  }

  restored(): void {}

  tick(): void {}

  nextDeadline(): number {
    return Number.POSITIVE_INFINITY;
  }

  check(): string[] {
    const broken = [...this.#topics.check(), ...this.#patterns.check(), ...this.#answers.check()];
    const held = checkFiling([...this.#topics.values(), ...this.#patterns.values()], this.#subscribers.values());
    broken.push(...held.broken);
    const patterns = sum(held.subscriptions, (target) => target instanceof Pattern);
    const exact = sum(held.subscriptions, (target) => target instanceof Topic);
    const internal = sum(held.subscriptions, (target) => isInternal(target.name));
    if (exact !== this.#exactCount) broken.push(`${exact} exact subscriptions are counted as ${this.#exactCount}`);
    if (patterns !== this.#patternCount) broken.push(`${patterns} patterns are counted as ${this.#patternCount}`);
    if (internal !== this.#internalCount)
      broken.push(`${internal} internal ones are counted as ${this.#internalCount}`);
    for (const [topic, answer] of this.#answers.entries()) {
      const fresh = new Set<Receiver>(this.#collect(this.#topics.get(topic), this.#patterns.match(topic)));
      if (answer.topic !== this.#topics.get(topic) || fresh.size !== answer.receivers.length)
        broken.push(`the remembered answer for '${topic}' is out of date`);
      for (const receiver of answer.receivers)
        if (!fresh.has(receiver)) broken.push(`'${receiver.id}' is remembered wrongly for '${topic}'`);
    }
    return broken;
  }

  /** Refuses what would break a cap, then forgets idle topics until the items have room. Nothing is changed by a refusal. */
  #makeRoom(topics: readonly string[], subscriber: Subscriber | undefined): void {
    const limits = this.#limits;
    const seen = topics.length > 1 ? new Set<string>() : undefined;
    const revived: Topic[] = [];
    let added = 0;
    let fresh = 0;
    let bytes = 0;
    let revivedBytes = 0;
    for (const text of topics) {
      const pattern = isPattern(text);
      if (pattern) added++;
      if (seen?.has(text)) continue;
      seen?.add(text);
      if (pattern) {
        if (this.#patterns.get(text) === undefined) bytes += patternBytes(text);
        continue;
      }
      if (subscriber === undefined || !subscriber.subscriptions.has(text)) added++;
      const topic = this.#topics.get(text);
      if (topic === undefined) {
        fresh++;
        bytes += topicBytes(text);
      } else if (topic.idle) {
        revived.push(topic);
        revivedBytes += topicBytes(text);
      }
    }
    const held = this.#topics;
    const allBytes = held.bytes + this.#patterns.bytes + bytes;
    if (this.#exactCount + this.#patternCount + added > limits.subscriptions)
      limitReached(`${limits.subscriptions} subscriptions in the server`);
    if ((subscriber?.count ?? 0) + added > limits.subscriptionsPerSubscriber)
      limitReached(`${limits.subscriptionsPerSubscriber} subscriptions of one subscriber`);
    if (held.size + fresh - (held.idleCount - revived.length) > limits.listedTopics)
      limitReached(`${limits.listedTopics} topics with subscribers`);
    if (allBytes - (held.idleBytes - revivedBytes) > limits.pubsubBytes)
      limitReached(`${limits.pubsubBytes} bytes of topics and patterns`);
    for (const topic of revived) held.used(topic); // so that they are not the ones to go
    while (held.size + fresh > limits.listedTopics || held.bytes + this.#patterns.bytes + bytes > limits.pubsubBytes) {
      const forgotten = held.forget();
      if (forgotten === undefined) break;
      this.#answers.drop(forgotten);
    }
  }

  #addTopic(subscriber: Subscriber, name: string, now: number): void {
    if (subscriber.subscriptions.has(name)) return;
    const topic = this.#topics.get(name) ?? this.#topics.make(name, now);
    this.#topics.busy(topic);
    this.#count(new Subscription(subscriber, topic), 1);
    this.#answers.drop(name);
  }

  #addPattern(subscriber: Subscriber, text: string): void {
    const held = subscriber.subscriptions.get(text);
    if (held !== undefined) {
      held.copies++;
      this.#count(held, 1);
      return;
    }
    this.#count(new Subscription(subscriber, this.#patterns.get(text) ?? this.#patterns.make(text)), 1);
    this.#answers.clear();
  }

  #count(subscription: Subscription, by: number): void {
    subscription.subscriber.count += by;
    if (subscription.target instanceof Pattern) this.#patternCount += by;
    else this.#exactCount += by;
    if (isInternal(subscription.target.name)) this.#internalCount += by;
  }

  #endAll(subscriber: Subscriber): number {
    let ended = 0;
    for (const subscription of subscriber.subscriptions.values()) ended += this.#end(subscription);
    return ended;
  }

  #end(subscription: Subscription): number {
    const { target, copies } = subscription;
    subscription.end();
    this.#count(subscription, -copies);
    if (target instanceof Pattern) {
      this.#answers.clear();
      if (target.members.length === 0) this.#patterns.drop(target);
    } else if (target instanceof Topic) {
      this.#answers.drop(target.name);
      if (target.members.length === 0) this.#topics.rest(target);
    }
    return copies;
  }

  #find(name: string): Answer {
    const topic = this.#topics.get(name);
    const answer: Answer = { receivers: this.#collect(topic, this.#patterns.match(name)), topic };
    this.#answers.put(name, answer);
    return answer;
  }

  /** The subscribers of these targets, each once. */
  #collect(topic: Topic | undefined, patterns: readonly Pattern[]): Subscriber[] {
    const only =
      patterns.length === 0 ? topic : patterns.length === 1 && !topic?.members.length ? patterns[0] : undefined;
    if (only !== undefined) return only.members.map((member) => member.subscriber);
    const stamp = ++this.#stamp;
    const receivers: Subscriber[] = [];
    if (topic !== undefined) list(topic, stamp, receivers);
    for (const pattern of patterns) list(pattern, stamp, receivers);
    return receivers;
  }
}

function list(target: Target, stamp: number, receivers: Subscriber[]): void {
  for (const { subscriber } of target.members) {
    if (subscriber.stamp === stamp) continue;
    subscriber.stamp = stamp;
    receivers.push(subscriber);
  }
}

/** How many subscriptions, copies counted, have a target of this kind. */
function sum(subscriptions: readonly Subscription[], kind: (target: Target) => boolean): number {
  return subscriptions.reduce((count, { target, copies }) => (kind(target) ? count + copies : count), 0);
}

function limitReached(detail: string): never {
  throw new CommandError('LIMIT_REACHED', { detail });
}
