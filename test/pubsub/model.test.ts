/** Random calls against a model that keeps plain lists and compares every subscription with every topic. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CommandError } from '../../src/core/errors.ts';
import { seededIds } from '../../src/core/ids.ts';
import { byBytes } from '../../src/core/json.ts';
import { LIMITS } from '../../src/core/limits.ts';
import { PubSubEngine } from '../../src/pubsub/engine.ts';
import type { Burst, Sink } from '../../src/pubsub/types.ts';
import { runs, seed } from '../support/seed.ts';
import { subscriptionMatches } from './naive.ts';

/** Caps small enough to be met. */
const CAPS = {
  ...LIMITS,
  subscriptions: 16,
  subscriptionsPerSubscriber: 9,
  listedTopics: 7,
  pubsubBytes: 5_000,
  cachedTopics: 6,
  cachedMatches: 12,
};

const isPattern = (text: string): boolean => /[*#]/.test(text);
const bytesOf = (text: string): number =>
  2 * text.length + (isPattern(text) ? 256 * (text.split('.').length + text.split('*').length - 1) : 0);

interface ModelTopic {
  name: string;
  created: number;
  published: number;
}

class Model {
  /** Subscriptions by subscriber; an exact topic once, a pattern as often as given. */
  readonly held = new Map<string, string[]>();
  readonly connected = new Set<string>();
  /** Topics in the order of their last use. */
  topics: ModelTopic[] = [];
  published = 0;
  delivered = 0;
  slow = 0;

  live(name: string): boolean {
    return [...this.held.values()].some((texts) => texts.includes(name));
  }

  /** The answer of a subscribe: nothing, or which cap it meets. */
  subscribe(id: string, texts: string[], connect: boolean, now: number): string | undefined {
    const before = this.held.get(id) ?? [];
    const after = [...before];
    for (const text of texts) if (isPattern(text) || !after.includes(text)) after.push(text);
    const others = [...this.held].flatMap(([other, all]) => (other === id ? [] : all));
    if (others.length + after.length > CAPS.subscriptions) return 'subscriptions in the server';
    if (after.length > CAPS.subscriptionsPerSubscriber) return 'subscriptions of one subscriber';
    const inUse = [...new Set([...others, ...after])];
    const bytes = inUse.reduce((sum, text) => sum + bytesOf(text), 0);
    if (inUse.filter((text) => !isPattern(text)).length > CAPS.listedTopics) return 'topics with subscribers';
    if (bytes > CAPS.pubsubBytes) return 'bytes of topics and patterns';
    if (after.length > 0 || connect) this.held.set(id, after);
    if (connect) this.connected.add(id);
    for (const name of new Set(texts.filter((text) => !isPattern(text))))
      if (!this.topics.some((topic) => topic.name === name)) this.topics.push({ name, created: now, published: 0 });
    const idle = (): ModelTopic[] => this.topics.filter((topic) => !inUse.includes(topic.name));
    const over = (): boolean =>
      this.topics.length > CAPS.listedTopics ||
      bytes + idle().reduce((sum, topic) => sum + bytesOf(topic.name), 0) > CAPS.pubsubBytes;
    while (over()) {
      const [oldest] = idle();
      this.topics = this.topics.filter((topic) => topic !== oldest);
    }
    return undefined;
  }

  /** Ends subscriptions; answers how many. */
  end(id: string, texts: string[] | undefined, leave: boolean): number {
    const before = this.held.get(id);
    if (before === undefined) return 0;
    const order = texts ?? before;
    const after = texts === undefined ? [] : before.filter((text) => !texts.includes(text));
    this.held.set(id, after);
    for (const name of new Set(order)) if (before.includes(name) && !this.live(name)) this.use(name);
    if (leave) this.connected.delete(id);
    if (after.length === 0 && !this.connected.has(id)) this.held.delete(id);
    return before.length - after.length;
  }

  use(name: string): void {
    const topic = this.topics.find((each) => each.name === name);
    if (topic !== undefined) this.topics = [...this.topics.filter((each) => each !== topic), topic];
  }

  publish(name: string): string[] {
    const matched = [...this.held].filter(([, texts]) => texts.some((text) => subscriptionMatches(text, name)));
    const topic = this.topics.find((each) => each.name === name);
    if (topic !== undefined) topic.published++;
    this.use(name);
    this.published++;
    this.delivered += matched.length;
    return matched.map(([id]) => id);
  }
}

class Inbox implements Sink {
  readonly payloads: unknown[] = [];
  deliver({ messages }: Burst): void {
    for (const { payload } of messages) this.payloads.push(payload);
  }
}

class Real {
  readonly engine = new PubSubEngine(seededIds(7), CAPS);
  readonly inboxes = new Map<string, Inbox>();
  now = 1_790_000_000_000;
}

type Step = fc.Command<Model, Real>;

/** Compares all that can be seen. */
function agree(model: Model, { engine }: Real): void {
  const texts = [...model.held.values()].flat();
  expect(engine.stats()).toEqual({
    messagesPublished: model.published,
    messagesDelivered: model.delivered,
    slowConsumersDropped: model.slow,
    totalSubscribers: texts.length,
    totalTopics: model.topics.length,
    totalWildcardSubscriptions: texts.filter(isPattern).length,
  });
  expect(engine.topics()).toEqual(model.topics.map((topic) => topic.name).sort(byBytes));
  for (const topic of model.topics)
    expect(engine.info(topic.name)).toEqual({
      topic: topic.name,
      createdAt: topic.created,
      messageCount: topic.published,
      subscriberCount: [...model.held.values()].filter((all) => all.includes(topic.name)).length,
    });
  expect(engine.check()).toEqual([]);
}

const subscribing = (id: string, texts: string[], connect: boolean): Step => ({
  check: () => true,
  run(model: Model, real: Real): void {
    const inbox = real.inboxes.get(id) ?? new Inbox();
    const expected = model.subscribe(id, texts, connect, ++real.now);
    let refused: string | undefined;
    try {
      const options = { subscriberId: id, sink: connect ? inbox : undefined };
      const answer = real.engine.subscribe(texts, options, real.now);
      expect(answer).toEqual({ subscriberId: id, subscriptionCount: texts.length, topics: texts });
      if (connect) real.inboxes.set(id, inbox);
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      refused = error.message.replace(/^Quota exceeded: \d+ /, '');
    }
    expect(refused).toBe(expected);
    agree(model, real);
  },
  toString(): string {
    return `subscribe(${id}${connect ? ' connected' : ''}, ${JSON.stringify(texts)})`;
  },
});

const ending = (id: string, how: 'unsubscribe' | 'disconnect' | 'dropped', texts: string[] | undefined): Step => ({
  check: () => true,
  run(model: Model, real: Real): void {
    const { engine } = real;
    if (how === 'unsubscribe') {
      expect(engine.unsubscribe(id, texts)).toBe(model.end(id, texts, false));
    } else {
      if (how === 'dropped' && model.held.has(id)) model.slow++;
      expect(engine[how](id)).toBe(model.end(id, undefined, true));
      real.inboxes.delete(id);
    }
    agree(model, real);
  },
  toString(): string {
    return `${how}(${id}, ${JSON.stringify(texts)})`;
  },
});

const publishing = (topic: string): Step => ({
  check: () => true,
  run(model: Model, real: Real): void {
    const watched = real.engine.watched(topic);
    const counts = new Map([...real.inboxes].map(([id, inbox]) => [id, inbox.payloads.length]));
    const expected = model.publish(topic);
    const payload = { n: model.published };
    expect(real.engine.publish(topic, payload, null, undefined, real.now).subscribersMatched).toBe(expected.length);
    expect(watched).toBe(expected.length > 0);
    expect(
      real.engine
        .matching(topic)
        .map((each) => each.id)
        .sort(),
    ).toEqual(expected.sort());
    for (const [id, inbox] of real.inboxes) {
      const got = inbox.payloads.slice(counts.get(id));
      expect(got).toEqual(expected.includes(id) && model.connected.has(id) ? [payload] : []);
    }
    agree(model, real);
  },
  toString(): string {
    return `publish(${topic})`;
  },
});

const id = fc.constantFrom('s1', 's2', 's3', 's4');
const topic = fc.constantFrom(
  'a',
  'b',
  'a.b',
  'a.bb',
  'b.a',
  'a.b.c',
  'a..c',
  '__w:a',
  '__w:b',
  '__w:a.b',
  'long.name.of.a.topic',
);
const pattern = fc.constantFrom(
  '#',
  '*',
  'a.#',
  'a.*',
  '*.b',
  'a.b*',
  'a.*b',
  '*.*b*',
  'a.*.c',
  '__w:*',
  '__w:*.#',
  '__*',
  '_*',
  'a#',
  'b.**',
);
const texts = fc.array(fc.oneof(topic, topic, pattern), { maxLength: 6 });

test('answers as the model does, whatever the order of calls', () => {
  const steps = [
    fc.tuple(id, texts, fc.boolean()).map((given) => subscribing(...given)),
    fc.tuple(id, texts, fc.boolean()).map((given) => subscribing(...given)),
    topic.map((name) => publishing(name)),
    topic.map((name) => publishing(name)),
    fc.tuple(id, fc.option(texts, { nil: undefined })).map(([of, some]) => ending(of, 'unsubscribe', some)),
    fc
      .tuple(id, fc.constantFrom('disconnect' as const, 'dropped' as const))
      .map(([of, how]) => ending(of, how, undefined)),
  ];
  fc.assert(
    fc.property(fc.commands(steps, { maxCommands: 120, size: 'max' }), (commands) => {
      fc.modelRun(() => ({ model: new Model(), real: new Real() }), commands);
    }),
    { seed, numRuns: runs(250) },
  );
});
