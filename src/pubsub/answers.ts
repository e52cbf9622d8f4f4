/**
 * Who receives a topic, remembered: a repeated publish costs one lookup here.
 *
 * Two maps: answers come into the young one, and when that is full it becomes the old one and the former old one is
 * let go; an answer used while old moves to the young one. So the busy topics stay, at constant cost.
 *
 * Invariant: an answer is there only while it is true (the engine drops it with the subscription that changes it), and
 * both maps stay within the caps. The receivers of an answer are never changed, so a fan-out may walk them while
 * subscriptions come and go.
 */
import type { Subscriber } from './subscribers.ts';
import { own } from './text.ts';
import type { Topic } from './topics.ts';
import type { PubSubLimits } from './types.ts';

export interface Answer {
  /** Distinct subscribers whose subscriptions match. */
  readonly receivers: readonly Subscriber[];
  /** The exact topic, when it exists. */
  readonly topic: Topic | undefined;
}

export class Answers {
  readonly #limits: PubSubLimits;
  #young = new Map<string, Answer>();
  #old = new Map<string, Answer>();
  /** References held by the young answers. */
  #matches = 0;

  constructor(limits: PubSubLimits) {
    this.#limits = limits;
  }

  get(topic: string): Answer | undefined {
    const young = this.#young.get(topic);
    if (young !== undefined || this.#old.size === 0) return young;
    const old = this.#old.get(topic);
    if (old !== undefined) {
      this.#old.delete(topic);
      this.#file(topic, old);
    }
    return old;
  }

  /** Remembers an answer, unless it or its topic is too large to be worth the memory. */
  put(topic: string, answer: Answer): void {
    if (topic.length > this.#limits.cachedTopicUnits) return;
    if (answer.receivers.length > this.#limits.cachedMatches / 2) return;
    this.#file(own(topic), answer);
  }

  /** Forgets the answer for one topic. */
  drop(topic: string): void {
    const young = this.#young.get(topic);
    if (young === undefined) {
      if (this.#old.size > 0) this.#old.delete(topic);
      return;
    }
    this.#young.delete(topic);
    this.#matches -= young.receivers.length;
  }

  /** Forgets all answers. */
  clear(): void {
    if (this.#young.size > 0) this.#young.clear();
    if (this.#old.size > 0) this.#old.clear();
    this.#matches = 0;
  }

  /** Every answer with its topic. */
  *entries(): IterableIterator<[string, Answer]> {
    yield* this.#young;
    yield* this.#old;
  }

  /** Broken invariants, one sentence each; empty when the cache is within its caps. */
  check(): string[] {
    const broken: string[] = [];
    let matches = 0;
    for (const answer of this.#young.values()) matches += answer.receivers.length;
    if (matches !== this.#matches) broken.push('the references of the remembered answers are counted wrongly');
    if (matches > this.#limits.cachedMatches / 2) broken.push('the remembered answers hold too many references');
    if (this.#young.size > this.#limits.cachedTopics / 2) broken.push('too many answers are remembered');
    return broken;
  }

  #file(topic: string, answer: Answer): void {
    const matches = this.#matches + answer.receivers.length;
    if (this.#young.size >= this.#limits.cachedTopics / 2 || matches > this.#limits.cachedMatches / 2) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#matches = 0;
    }
    this.#young.set(topic, answer);
    this.#matches += answer.receivers.length;
  }
}
