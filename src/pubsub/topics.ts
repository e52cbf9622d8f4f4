/**
 * Exact topics: who holds them, how often they were published to, and which may be forgotten.
 *
 * A topic is made by its first subscription and stays listed without subscribers (synap-core.md 6.3-8), but the number
 * is capped: the one without subscribers that was used longest ago goes first (9-3).
 *
 * Invariant: a topic is in the idle list exactly when it has no members; the list ascends by last use; `#sorted` holds
 * the names of `#byName`.
 */
import { byBytes } from '../core/json.ts';
import { Ordered, START } from '../core/ordered.ts';
import { NameMap } from './names.ts';
import { NO_MEMBERS, type Subscription, type Target } from './subscribers.ts';
import { own } from './text.ts';

export class Topic implements Target {
  readonly name: string;
  /** Unix milliseconds. */
  readonly createdAt: number;
  members: Subscription[] = NO_MEMBERS;
  /** Publishes since the topic was made. */
  published = 0;
  /** Neighbours in the idle list; both the topic itself outside of it. */
  before: Topic | undefined = this;
  after: Topic | undefined = this;

  constructor(name: string, createdAt: number) {
    this.name = name;
    this.createdAt = createdAt;
  }

  get idle(): boolean {
    return this.after !== this;
  }
}

/** What a topic counts against `pubsubBytes`. */
export function topicBytes(name: string): number {
  return 2 * name.length;
}

export class Topics {
  readonly #byName = new NameMap<Topic>();
  readonly #sorted = new Ordered(byBytes);
  /** The idle list: used longest ago, and used last. */
  #oldest: Topic | undefined;
  #newest: Topic | undefined;
  #idleCount = 0;
  #bytes = 0;
  #idleBytes = 0;

  get size(): number {
    return this.#byName.size;
  }

  /** Topics without subscribers. */
  get idleCount(): number {
    return this.#idleCount;
  }

  /** What all topics count against `pubsubBytes`. */
  get bytes(): number {
    return this.#bytes;
  }

  /** What the idle ones among them count. */
  get idleBytes(): number {
    return this.#idleBytes;
  }

  get(name: string): Topic | undefined {
    return this.#byName.get(name);
  }

  /** Makes a topic that does not exist; its first member is the caller's to add. */
  make(name: string, now: number): Topic {
    const topic = new Topic(own(name), now);
    this.#byName.add(topic.name, topic);
    this.#sorted.add(topic.name);
    this.#bytes += topicBytes(name);
    return topic;
  }

  /** Forgets the topic that has been idle longest; answers its name, or `undefined` when every topic has subscribers. */
  forget(): string | undefined {
    const topic = this.#oldest;
    if (topic === undefined) return undefined;
    this.busy(topic);
    this.#byName.delete(topic.name);
    this.#sorted.delete(topic.name);
    this.#bytes -= topicBytes(topic.name);
    return topic.name;
  }

  /** The topic was used: when it is idle, it is now the last to be forgotten. */
  used(topic: Topic): void {
    if (!topic.idle || topic === this.#newest) return;
    this.busy(topic);
    this.rest(topic);
  }

  /** The topic has lost its last member. */
  rest(topic: Topic): void {
    topic.before = this.#newest;
    topic.after = undefined;
    if (this.#newest === undefined) this.#oldest = topic;
    else this.#newest.after = topic;
    this.#newest = topic;
    this.#idleCount++;
    this.#idleBytes += topicBytes(topic.name);
  }

  /** The topic gets a member; does nothing when it had one. */
  busy(topic: Topic): void {
    if (!topic.idle) return;
    if (topic.before === undefined) this.#oldest = topic.after;
    else topic.before.after = topic.after;
    if (topic.after === undefined) this.#newest = topic.before;
    else topic.after.before = topic.before;
    topic.before = topic;
    topic.after = topic;
    this.#idleCount--;
    this.#idleBytes -= topicBytes(topic.name);
  }

  /**
   * The first names in the order of their bytes (synap-core.md 1.7-6): at most `count`, and no more than `bytes` bytes
   * of text, except that the first always comes.
   */
  names(count: number, bytes: number): string[] {
    const names = this.#sorted.up(START, count);
    let left = bytes;
    const cut = names.findIndex((name, i) => {
      left -= Buffer.byteLength(name);
      return left < 0 && i > 0;
    });
    return cut < 0 ? names : names.slice(0, cut);
  }

  values(): IterableIterator<Topic> {
    return this.#byName.values();
  }

  /** Broken invariants, one sentence each; empty when the topics are sound. */
  check(): string[] {
    const broken = this.#sorted.check();
    const idle = new Set<Topic>();
    for (let topic = this.#oldest, last: Topic | undefined; topic !== undefined; last = topic, topic = topic.after) {
      if (idle.has(topic)) return [...broken, `the idle list runs in a circle at topic '${topic.name}'`];
      idle.add(topic);
      if (topic.before !== last) broken.push(`idle topic '${topic.name}' does not know its neighbour`);
      if (this.#byName.get(topic.name) !== topic) broken.push(`idle topic '${topic.name}' was forgotten`);
    }
    let bytes = 0;
    let idleBytes = 0;
    const sorted = new Set(this.#sorted.up(START, Number.POSITIVE_INFINITY));
    for (const topic of this.#byName.values()) {
      bytes += topicBytes(topic.name);
      if (topic.members.length === 0) idleBytes += topicBytes(topic.name);
      if (idle.has(topic) !== (topic.members.length === 0) || idle.has(topic) !== topic.idle)
        broken.push(`topic '${topic.name}' with ${topic.members.length} members is ${topic.idle ? '' : 'not '}idle`);
      if (!sorted.has(topic.name)) broken.push(`topic '${topic.name}' is not listed`);
    }
    if (sorted.size !== this.#byName.size) broken.push(`${this.#byName.size} topics, but ${sorted.size} are listed`);
    if (idle.size !== this.#idleCount) broken.push(`${idle.size} idle topics are counted as ${this.#idleCount}`);
    if (bytes !== this.#bytes || idleBytes !== this.#idleBytes)
      broken.push('the bytes of the topics are counted wrongly');
    return broken;
  }
}
