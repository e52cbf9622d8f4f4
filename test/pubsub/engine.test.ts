/** What pub/sub does, one sentence at a time; clauses are those of synap-core.md. */
import { beforeEach, describe, expect, test } from 'vitest';
import { CommandError } from '../../src/core/errors.ts';
import { seededIds } from '../../src/core/ids.ts';
import { LIMITS } from '../../src/core/limits.ts';
import { PubSubEngine } from '../../src/pubsub/engine.ts';
import type { Burst, Message, PubSubLimits, Sink } from '../../src/pubsub/types.ts';

const NOW = 1_790_000_000_123;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

class Inbox implements Sink {
  readonly messages: Message[] = [];
  deliver({ messages }: Burst): void {
    this.messages.push(...messages);
  }
  get payloads(): unknown[] {
    return this.messages.map((message) => message.payload);
  }
}

let engine: PubSubEngine;
beforeEach(() => {
  engine = new PubSubEngine(seededIds(1));
});

const withLimits = (limits: Partial<PubSubLimits>): PubSubEngine =>
  (engine = new PubSubEngine(seededIds(1), { ...LIMITS, ...limits }));
const subscribe = (topics: string[], subscriberId?: string, sink?: Sink): string =>
  engine.subscribe(topics, { subscriberId, sink }, NOW).subscriberId;
const publish = (topic: string, payload: unknown = 1): number =>
  engine.publish(topic, payload, null, undefined, NOW).subscribersMatched;
const refusal = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    expect(engine.check()).toEqual([]);
    if (error instanceof CommandError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'not refused';
};

describe('subscribing', () => {
  test('answers a new id, the items and their number, repetitions included (6.3-4)', () => {
    const first = engine.subscribe(['a', 'a', 'b.*', 'b.*'], {}, NOW);
    expect(first.subscriberId).toMatch(UUID);
    expect(first).toMatchObject({ subscriptionCount: 4, topics: ['a', 'a', 'b.*', 'b.*'] });
    expect(engine.subscribe(['a'], {}, NOW).subscriberId).not.toBe(first.subscriberId);
    expect(engine.check()).toEqual([]);
  });

  test('stores an exact topic once and a pattern as often as it is given (6.3-4)', () => {
    const id = subscribe(['a', 'a', 'b.*', 'b.*']);
    expect(engine.stats()).toMatchObject({ totalSubscribers: 3, totalWildcardSubscriptions: 2, totalTopics: 1 });
    expect(engine.unsubscribe(id)).toBe(3);
  });

  test('under an id of the caller adds to that subscriber (8.1-16)', () => {
    expect(subscribe(['a'], 'me')).toBe('me');
    expect(subscribe(['a', 'b.#'], 'me')).toBe('me');
    expect(publish('a')).toBe(1);
    expect(publish('b.c')).toBe(1);
    expect(engine.unsubscribe('me')).toBe(2);
    expect(engine.unsubscribe('me')).toBe(0);
  });

  test('with an empty id makes a new one (8.1-16)', () => {
    expect(subscribe(['a'], '')).toMatch(UUID);
  });

  test('to nothing keeps nothing, unless a connection stands behind it', () => {
    expect(engine.subscribe([], {}, NOW)).toMatchObject({ subscriptionCount: 0, topics: [] });
    const inbox = new Inbox();
    const id = subscribe([], undefined, inbox);
    subscribe(['a'], id);
    publish('a', 'x');
    expect(inbox.payloads).toEqual(['x']);
    expect(engine.check()).toEqual([]);
  });

  test('to the empty topic is possible, publishing to it is not', () => {
    subscribe(['']);
    expect(engine.info('')).toEqual({ topic: '', createdAt: NOW, messageCount: 0, subscriberCount: 1 });
    expect(refusal(() => publish(''))).toBe('INVALID_VALUE: Invalid value: Topic cannot be empty');
    expect(engine.stats().messagesPublished).toBe(0);
    expect(engine.matching('')).toEqual([]);
    expect(engine.watched('')).toBe(false);
  });

  test('checks every item before it stores any (9-28)', () => {
    expect(refusal(() => subscribe(['a', 'b.*', 'c.#.d'], 'me'))).toBe(
      'INVALID_VALUE: Invalid value: # wildcard must be at the end of pattern',
    );
    expect(engine.stats()).toMatchObject({ totalSubscribers: 0, totalTopics: 0 });
    expect(engine.unsubscribe('me')).toBe(0);
  });

  test.each([
    ['a.#.b', '# wildcard must be at the end of pattern'],
    ['#.a', '# wildcard must be at the end of pattern'],
    ['a.#.', '# wildcard must be at the end of pattern'],
    ['a.#.#', 'Pattern can only contain one # wildcard'],
    ['#.a.#', 'Pattern can only contain one # wildcard'],
  ])('refuses the pattern %s (6.3-3)', (pattern, detail) => {
    expect(refusal(() => subscribe([pattern]))).toBe(`INVALID_VALUE: Invalid value: ${detail}`);
  });

  test('refuses an id that another connection uses, and accepts the same connection again', () => {
    const [one, two] = [new Inbox(), new Inbox()];
    subscribe(['a'], 'me', one);
    subscribe(['b'], 'me', one);
    expect(refusal(() => subscribe(['c'], 'me', two))).toBe(
      "INVALID_REQUEST: Invalid request: Subscriber 'me' is connected already",
    );
    publish('b');
    expect(one.messages).toHaveLength(1);
    expect(engine.stats().totalSubscribers).toBe(2);
  });

  test('with a connection under an id that had none sends it what that id subscribed to before', () => {
    subscribe(['a'], 'me');
    const inbox = new Inbox();
    subscribe([], 'me', inbox);
    publish('a', 7);
    expect(inbox.payloads).toEqual([7]);
  });
});

describe('matching', () => {
  const matches = (pattern: string, topic: string): boolean => {
    const id = subscribe([pattern]);
    const count = publish(topic);
    expect(engine.watched(topic)).toBe(count === 1);
    expect(engine.matching(topic).map((each) => each.id)).toEqual(count === 1 ? [id] : []);
    expect(engine.check()).toEqual([]);
    engine.unsubscribe(id);
    return count === 1;
  };

  test.each([
    ['a.#', ['a', 'a.b', 'a.b.c', 'a.', 'a..b'], ['ab', 'x.a', '']],
    ['#', ['a', 'a.b.c', '.', '*', '#'], ['__x', '__x.y']],
    ['*', ['a', '*', '#'], ['a.b', '__a']],
    ['a.*', ['a.b', 'a.', 'a.*'], ['a', 'a.b.c', 'b.a']],
    ['a.*.#', ['a.b', 'a..', 'a.b.c.d'], ['a']],
    ['*.*', ['.', 'a.b'], ['a', 'a.b.c']],
    ['user:*', ['user:1', 'user:'], ['user', 'xuser:1', 'user:1.x']],
    ['*:1', ['user:1', ':1'], ['user:12', '1']],
    ['s*m1*m2*t.a', ['sm1m2t.a', 's-m1-m2-t.a', 'sm1m1m2t.a'], ['s-m2-m1-t.a', 's-m1-m2.a', 'xs-m1-m2-t.a']],
    ['ab*ba', ['abba', 'ab-ba'], ['aba', 'ab', 'ba']],
    ['a*b*b', ['abb', 'axbxb'], ['ab', 'a', 'axb']],
    ['a**b', ['ab', 'axb'], ['a', 'b']],
    ['**', ['a', '*'], ['a.b', '__a']],
    ['a#b', ['a#b'], ['ab', 'axb']],
    ['c#.a', ['c#.a'], ['c.a', 'c.x.a']],
    ['##', ['##'], ['a', '#', 'a.b']],
    ['a?.[bc]*', ['a?.[bc]x'], ['ax.b', 'a?.b']],
    ['A.*', ['A.b'], ['a.b']],
    ['é*\u{1f600}', ['é\u{1f600}', 'éx\u{1f600}'], ['é']],
  ])('%s matches %j and not %j (6.3-2)', (pattern, yes, no) => {
    expect(yes.filter((topic) => !matches(pattern, topic))).toEqual([]);
    expect(no.filter((topic) => topic !== '' && matches(pattern, topic))).toEqual([]);
  });

  test.each([
    ['__watch@0__:user:1', true],
    ['__watch@0__:user:*', true],
    ['__watch@0__:*', true],
    ['__*', true],
    ['__watch@0__:user:1.#', true],
    ['_*', false],
    ['*__:user:1', false],
    ['**', false],
    ['*', false],
    ['#', false],
    ['*.#', false],
  ])('an internal topic is matched only when named: %s %s (9-19)', (text, expected) => {
    expect(matches(text, '__watch@0__:user:1')).toBe(expected);
  });

  test('takes wildcard characters of a published topic literally (6.3-6)', () => {
    subscribe(['a.b']);
    expect(publish('a.*')).toBe(0);
    expect(publish('a.#')).toBe(0);
  });

  test('a glued # makes a pattern and no topic', () => {
    subscribe(['a#b']);
    expect(engine.stats()).toMatchObject({ totalTopics: 0, totalWildcardSubscriptions: 1 });
  });
});

describe('delivery', () => {
  test('hands one shared message to every subscriber, with all that the frame needs (6.4)', () => {
    const [one, two] = [new Inbox(), new Inbox()];
    subscribe(['a'], undefined, one);
    subscribe(['*'], undefined, two);
    const { messageId } = engine.publish('a', { n: 1 }, { source: 'x' }, 7, NOW);
    expect(one.messages).toEqual([
      {
        messageId,
        topic: 'a',
        payload: { n: 1 },
        metadata: { source: 'x' },
        priority: 7,
        timestamp: NOW,
        frames: undefined,
      },
    ]);
    expect(two.messages[0]).toBe(one.messages[0]);
    expect(messageId).toMatch(UUID);
  });

  test('gives one copy to a subscriber that matches several ways (6.3-6)', () => {
    const inbox = new Inbox();
    subscribe(['a.b', 'a.*', 'a.#', 'a.#'], undefined, inbox);
    expect(publish('a.b')).toBe(1);
    expect(publish('a.b')).toBe(1);
    expect(inbox.messages).toHaveLength(2);
    expect(engine.stats()).toMatchObject({ messagesDelivered: 2, messagesPublished: 2 });
  });

  test('counts subscribers without a connection and sends them nothing (6.3-5)', () => {
    const inbox = new Inbox();
    subscribe(['a']);
    subscribe(['a'], undefined, inbox);
    expect(publish('a')).toBe(2);
    expect(inbox.messages).toHaveLength(1);
  });

  test('keeps the order of publishing', () => {
    const inbox = new Inbox();
    subscribe(['a.*', 'b'], undefined, inbox);
    for (let i = 0; i < 100; i++) publish(i % 3 === 0 ? 'b' : `a.${i % 7}`, i);
    expect(inbox.payloads).toEqual(Array.from({ length: 100 }, (_, i) => i));
  });

  test('passes over a subscriber that left while the message went round', () => {
    const last = new Inbox();
    let third = '';
    const leaver: Sink = { deliver: () => void engine.disconnect(third) };
    const early = new Inbox();
    subscribe(['a'], undefined, leaver);
    subscribe(['a'], undefined, early);
    third = subscribe(['a'], undefined, last);
    expect(publish('a')).toBe(3);
    expect(early.messages).toHaveLength(1);
    expect(last.messages).toHaveLength(0);
    expect(publish('a')).toBe(2);
    expect(engine.check()).toEqual([]);
  });

  test('goes round completely while its receivers unsubscribe, subscribe and drop themselves', () => {
    const inboxes: Inbox[] = [];
    for (let i = 0; i < 20; i++) {
      const inbox = new Inbox();
      const id = `s${i}`;
      const sink: Sink = {
        deliver: (burst) => {
          inbox.deliver(burst);
          if (i % 3 === 0) engine.dropped(id);
          else engine.unsubscribe(id, ['a']);
          engine.subscribe(['a', 'b.*'], { subscriberId: `new${i}` }, NOW);
        },
      };
      inboxes.push(inbox);
      subscribe(['a'], id, sink);
    }
    expect(publish('a')).toBe(20);
    expect(inboxes.map((inbox) => inbox.messages.length)).toEqual(inboxes.map(() => 1));
    expect(engine.stats().slowConsumersDropped).toBe(7);
    expect(publish('a')).toBe(20);
    expect(engine.check()).toEqual([]);
  });

  test('lets a receiver publish', () => {
    const inbox = new Inbox();
    subscribe(['a'], undefined, { deliver: () => void publish('b.c', 'echo') });
    subscribe(['b.*'], undefined, inbox);
    publish('a');
    expect(inbox.payloads).toEqual(['echo']);
  });
});

describe('delivery that waits', () => {
  test('hands over one burst for messages to the same receivers, in order, and is told once that there is something', () => {
    const bursts: unknown[][] = [];
    let due = 0;
    engine.defer(() => due++);
    subscribe(['a'], undefined, { deliver: ({ messages }) => bursts.push(messages.map(({ payload }) => payload)) });
    for (let i = 0; i < 3; i++) publish('a', i);
    expect([due, bursts]).toEqual([1, []]);
    engine.deliver();
    expect(bursts).toEqual([[0, 1, 2]]);
    engine.deliver();
    expect(bursts).toHaveLength(1);
    publish('a', 3);
    expect(due).toBe(2);
  });

  test('keeps the order of one receiver over all its topics', () => {
    const inbox = new Inbox();
    engine.defer(() => {});
    subscribe(['a', 'b.*'], undefined, inbox);
    subscribe(['b.c'], undefined, new Inbox());
    for (let i = 0; i < 1_200; i++) publish(i % 5 === 0 ? 'b.c' : 'a', i);
    engine.deliver();
    expect(inbox.payloads).toEqual(Array.from({ length: 1_200 }, (_, i) => i));
  });

  test('reaches those who were subscribed when it was published, and are still there', () => {
    const [stays, goes, comes] = [new Inbox(), new Inbox(), new Inbox()];
    engine.defer(() => {});
    subscribe(['a'], undefined, stays);
    const id = subscribe(['a'], undefined, goes);
    expect(publish('a', 1)).toBe(2);
    engine.disconnect(id, goes);
    subscribe(['a'], undefined, comes);
    publish('a', 2);
    engine.deliver();
    expect([stays.payloads, goes.payloads, comes.payloads]).toEqual([[1, 2], [], [2]]);
  });

  test('keeps apart what receivers publish while they are handed something', () => {
    const [replies, others] = [new Inbox(), new Inbox()];
    engine.defer(() => {});
    subscribe(['a'], undefined, { deliver: () => void publish('reply', 'echo') });
    subscribe(['reply'], undefined, replies);
    subscribe(['b'], undefined, others);
    publish('a', 1);
    publish('b', 2);
    engine.deliver();
    expect([replies.payloads, others.payloads]).toEqual([['echo'], [2]]);
  });

  test('holds back no more than a few hundred messages', () => {
    const inbox = new Inbox();
    engine.defer(() => {});
    subscribe(['a'], undefined, inbox);
    for (let i = 0; i < 10_000; i++) publish('a', i);
    expect(inbox.messages.length).toBeGreaterThan(9_000);
  });
});

describe('unsubscribing', () => {
  test('ends some or all, and counts what it ended', () => {
    const id = subscribe(['a', 'b', 'c.*', 'c.*']);
    expect(engine.unsubscribe(id, ['a', 'x', 'a'])).toBe(1);
    expect(engine.unsubscribe(id, [])).toBe(0);
    expect(engine.unsubscribe(id, ['c.*'])).toBe(2);
    expect(publish('a') + publish('c.d')).toBe(0);
    expect(publish('b')).toBe(1);
    expect(engine.unsubscribe(id)).toBe(1);
    expect(engine.unsubscribe('unknown')).toBe(0);
    expect(engine.check()).toEqual([]);
  });

  test('takes a pattern by its text, not by what it matches', () => {
    const id = subscribe(['a.*', 'a**b', '*']);
    expect(engine.unsubscribe(id, ['a.b', 'a.#', 'a*b', '**'])).toBe(0);
    expect(engine.unsubscribe(id, ['a.*', 'a**b', '*'])).toBe(3);
  });

  test('mutes a connected subscriber in part or wholly, and leaves it connected (6.3-5)', () => {
    const inbox = new Inbox();
    const id = subscribe(['a', 'b'], undefined, inbox);
    engine.unsubscribe(id, ['a']);
    publish('a', 1);
    publish('b', 2);
    engine.unsubscribe(id);
    publish('b', 3);
    subscribe(['c'], id);
    publish('c', 4);
    expect(inbox.payloads).toEqual([2, 4]);
  });

  test('by disconnecting removes the subscriber with all it had (6.4)', () => {
    const inbox = new Inbox();
    const id = subscribe(['a', 'b.*', 'b.*'], undefined, inbox);
    expect(engine.disconnect(id)).toBe(3);
    expect(engine.disconnect(id)).toBe(0);
    expect(publish('a') + publish('b.c')).toBe(0);
    subscribe(['a'], id);
    publish('a');
    expect(inbox.messages).toEqual([]);
  });

  test('by a connection that is not the one behind the subscriber does nothing', () => {
    const [old, current] = [new Inbox(), new Inbox()];
    subscribe(['a'], 'me', old);
    engine.disconnect('me', old);
    subscribe(['a'], 'me', current);
    expect(engine.disconnect('me', old)).toBe(0);
    expect(engine.dropped('me', old)).toBe(0);
    publish('a');
    expect(current.messages).toHaveLength(1);
    expect(engine.dropped('me', current)).toBe(1);
    expect(engine.stats().slowConsumersDropped).toBe(1);
  });

  test('by being dropped counts once, an unknown subscriber not at all (9-5)', () => {
    const id = subscribe(['a', 'b'], undefined, new Inbox());
    expect(engine.dropped(id)).toBe(2);
    expect(engine.dropped(id)).toBe(0);
    expect(engine.stats()).toMatchObject({ slowConsumersDropped: 1, totalSubscribers: 0 });
  });
});

describe('topics and counters', () => {
  test('hold exact topics ever subscribed to, in the order of their bytes (6.3-8)', () => {
    const id = subscribe(['b', 'a', 'B', 'a.x', 'é', 'c*', '\u{1f600}', '\uff5e']);
    publish('z');
    const all = ['B', 'a', 'a.x', 'b', 'é', '\uff5e', '\u{1f600}'];
    expect(engine.topics()).toEqual(all);
    engine.unsubscribe(id);
    expect(engine.topics()).toEqual(all);
  });

  test('count publishes while the topic existed, matched or not (6.3-8)', () => {
    publish('a');
    const id = subscribe(['a']);
    expect(engine.info('a')).toMatchObject({ messageCount: 0, subscriberCount: 1 });
    publish('a');
    engine.unsubscribe(id);
    publish('a');
    engine.subscribe(['a'], {}, NOW + 5);
    publish('a');
    expect(engine.info('a')).toEqual({ topic: 'a', createdAt: NOW, messageCount: 3, subscriberCount: 1 });
  });

  test('know no topic that was only published to or only matched by a pattern', () => {
    subscribe(['a.*']);
    publish('a.b');
    for (const name of ['a.b', 'a.*'])
      expect(refusal(() => engine.info(name))).toBe(
        `PUBSUB_TOPIC_NOT_FOUND: Invalid request: Topic '${name}' not found`,
      );
  });

  test('start at zero and add up as the reference does (6.3-8)', () => {
    expect(engine.stats()).toEqual({
      messagesPublished: 0,
      messagesDelivered: 0,
      slowConsumersDropped: 0,
      totalSubscribers: 0,
      totalTopics: 0,
      totalWildcardSubscriptions: 0,
    });
    const id = subscribe(['a', 'a.*']);
    subscribe(['__watch@0__:k']);
    publish('a');
    publish('a.b');
    publish('none');
    publish('__watch@0__:k');
    expect(engine.stats()).toEqual({
      messagesPublished: 4,
      messagesDelivered: 3,
      slowConsumersDropped: 0,
      totalSubscribers: 3,
      totalTopics: 2,
      totalWildcardSubscriptions: 1,
    });
    engine.unsubscribe(id);
    expect(engine.stats()).toMatchObject({ totalSubscribers: 1, totalTopics: 2, totalWildcardSubscriptions: 0 });
  });
});

describe('watching', () => {
  test('is off until some subscription names internal topics', () => {
    subscribe(['#', '*', '_*', 'a']);
    expect(engine.watching).toBe(false);
    expect(engine.watched('__watch@0__:k')).toBe(false);
    expect(engine.watched('a')).toBe(true);
    const before = engine.visited;
    expect(engine.watched('__watch@0__:k')).toBe(false);
    expect(engine.visited).toBe(before);
    const id = subscribe(['__watch@0__:k*', '__watch@0__:k*', '__watch@0__:q']);
    expect(engine.watching).toBe(true);
    expect(engine.watched('__watch@0__:k1')).toBe(true);
    expect(engine.watched('__watch@0__:q')).toBe(true);
    expect(engine.watched('__watch@0__:other')).toBe(false);
    engine.unsubscribe(id, ['__watch@0__:k*']);
    expect(engine.watching).toBe(true);
    engine.unsubscribe(id);
    expect(engine.watching).toBe(false);
  });

  test('of what is too long to be published to is refused quietly', () => {
    subscribe(['__watch@0__:*', '__watch@0__:*.#']);
    expect(engine.watched(`__watch@0__:${'k'.repeat(70_000)}`)).toBe(false);
    expect(engine.watched(`__watch@0__:${'.'.repeat(2_000)}`)).toBe(false);
    expect(engine.watched(`__watch@0__:${'k'.repeat(60_000)}`)).toBe(true);
  });
});

describe('bounds', () => {
  test('refuse a topic of ten thousand levels, to publish and to subscribe', () => {
    subscribe(['#']);
    const deep = Array.from({ length: 10_000 }, () => 'a').join('.');
    const refused = 'INVALID_VALUE: Invalid value: Topic has more than 1000 levels';
    expect(refusal(() => publish(deep))).toBe(refused);
    expect(refusal(() => subscribe([deep]))).toBe(refused);
    expect(refusal(() => subscribe([`${deep}.*`]))).toBe(refused);
    expect(refusal(() => subscribe([`${deep}.#.#`]))).toBe(refused);
    expect(engine.matching(deep)).toEqual([]);
    expect(publish(Array.from({ length: 1_000 }, () => 'a').join('.'))).toBe(1);
  });

  test('count the bytes of a topic, not its characters', () => {
    withLimits({ topicBytes: 8 });
    expect(publish('éééé')).toBe(0);
    expect(publish('abcdefgh')).toBe(0);
    const refused = 'INVALID_VALUE: Invalid value: Topic is longer than 8 bytes';
    expect(refusal(() => publish('éééée'))).toBe(refused);
    expect(refusal(() => subscribe(['abcdefghi']))).toBe(refused);
  });

  test('hold for items of a call and for the id', () => {
    withLimits({ topicsPerCall: 3, nameBytes: 4 });
    expect(subscribe(['a', 'b', 'c'], 'four')).toBe('four');
    expect(refusal(() => subscribe(['a', 'b', 'c', 'd']))).toBe(
      'INVALID_VALUE: Invalid value: More than 3 topics in one call',
    );
    expect(refusal(() => subscribe(['a'], 'fiver'))).toBe(
      'INVALID_VALUE: Invalid value: Subscriber id is longer than 4 bytes',
    );
  });

  test('hold for subscriptions, of the server and of one subscriber', () => {
    withLimits({ subscriptions: 5, subscriptionsPerSubscriber: 3 });
    subscribe(['a', 'a', 'b', 'x.*'], 'me');
    expect(subscribe(['a', 'b'], 'me')).toBe('me');
    expect(refusal(() => subscribe(['x.*'], 'me'))).toBe(
      'LIMIT_REACHED: Quota exceeded: 3 subscriptions of one subscriber',
    );
    expect(refusal(() => subscribe(['c', 'd', 'e'], 'you'))).toBe(
      'LIMIT_REACHED: Quota exceeded: 5 subscriptions in the server',
    );
    subscribe(['c', 'd'], 'you');
    engine.unsubscribe('me', ['a']);
    subscribe(['e'], 'you');
    expect(engine.stats().totalSubscribers).toBe(5);
  });

  test('forget the topic that was idle longest, and refuse when none is idle (9-3)', () => {
    withLimits({ listedTopics: 3 });
    const id = subscribe(['a', 'b', 'c']);
    engine.unsubscribe(id, ['a', 'b']);
    publish('a'); // now b is idle longest
    subscribe(['d'], id);
    expect(engine.topics()).toEqual(['a', 'c', 'd']);
    subscribe(['a', 'a'], id);
    expect(engine.info('a').messageCount).toBe(1);
    expect(refusal(() => subscribe(['e'], id))).toBe('LIMIT_REACHED: Quota exceeded: 3 topics with subscribers');
    engine.unsubscribe(id, ['c', 'd']);
    expect(refusal(() => subscribe(['c', 'e', 'f'], id))).toBe(
      'LIMIT_REACHED: Quota exceeded: 3 topics with subscribers',
    );
    publish('c');
    subscribe(['e', 'c', 'e'], id);
    expect(engine.topics()).toEqual(['a', 'c', 'e']);
    expect(engine.info('c').messageCount).toBe(1);
    expect(engine.check()).toEqual([]);
  });

  test('hold for the bytes of topics and patterns together', () => {
    withLimits({ pubsubBytes: 1_500 });
    const id = subscribe(['a'.repeat(300), 'b.#']);
    expect(refusal(() => subscribe(['*']))).toBe('LIMIT_REACHED: Quota exceeded: 1500 bytes of topics and patterns');
    subscribe(['b.#', 'b.#']);
    engine.unsubscribe(id, ['a'.repeat(300)]);
    subscribe(['*']);
    expect(engine.topics()).toEqual([]);
    expect(engine.check()).toEqual([]);
  });

  test('count an idle topic that is subscribed to again among what must stay', () => {
    withLimits({ pubsubBytes: 1_000 });
    const [old, fresh] = ['o'.repeat(300), 'f'.repeat(300)];
    engine.unsubscribe(subscribe([old]), [old]);
    expect(refusal(() => subscribe([old, fresh]))).toBe(
      'LIMIT_REACHED: Quota exceeded: 1000 bytes of topics and patterns',
    );
    expect(engine.topics()).toEqual([old]);
    subscribe([fresh]);
    expect(engine.topics()).toEqual([fresh]);
  });

  test('hold for a listing', () => {
    withLimits({ topicsPerList: 2 });
    subscribe(['c', 'b', 'a']);
    expect(engine.topics()).toEqual(['a', 'b']);
    withLimits({ listedBytes: 3 });
    subscribe(['cc', 'bb', 'a']);
    expect(engine.topics()).toEqual(['a', 'bb']);
  });
});

describe('remembered answers', () => {
  test('spare a repeated publish the walk', () => {
    subscribe(['a.*', 'a.b', 'x.#']);
    publish('a.b');
    const before = engine.visited;
    for (let i = 0; i < 10; i++) publish('a.b');
    subscribe(['other']);
    publish('a.b');
    expect(engine.visited).toBe(before);
    subscribe(['y.*']);
    publish('a.b');
    expect(engine.visited).toBeGreaterThan(before);
  });

  test('are not kept for long topics, which would hold much memory for little', () => {
    subscribe(['#']);
    const long = 'a'.repeat(LIMITS.cachedTopicUnits + 1);
    publish(long);
    const before = engine.visited;
    publish(long);
    expect(engine.visited).toBeGreaterThan(before);
  });

  test('stay true through every change, with room for few of them', () => {
    withLimits({ cachedTopics: 4, cachedMatches: 8, cachedTopicUnits: 6 });
    const topics = ['a', 'a.b', 'a.c', 'b', 'b.c', 'a.b.cc.d'];
    const all = (): number[] =>
      topics.map((topic) => {
        const matched = publish(topic);
        expect(engine.check()).toEqual([]);
        return matched;
      });
    expect(all()).toEqual([0, 0, 0, 0, 0, 0]);
    subscribe(['a'], 'one');
    expect(all()).toEqual([1, 0, 0, 0, 0, 0]);
    subscribe(['a.#', 'a'], 'two');
    expect(all()).toEqual([2, 1, 1, 0, 0, 1]);
    expect(all()).toEqual([2, 1, 1, 0, 0, 1]);
    for (let i = 0; i < 6; i++) subscribe(['b'], `many${i}`);
    expect(all()).toEqual([2, 1, 1, 6, 0, 1]);
    engine.unsubscribe('many3');
    engine.unsubscribe('two', ['a.#']);
    expect(all()).toEqual([2, 0, 0, 5, 0, 0]);
    expect(engine.check()).toEqual([]);
  });
});

test('keeps no table and waits for no time', () => {
  expect(engine.tables).toEqual([]);
  expect(engine.nextDeadline()).toBe(Number.POSITIVE_INFINITY);
  engine.restored();
  engine.tick();
  expect(() => engine.restore('any')).toThrow("owns no table 'any'");
});
