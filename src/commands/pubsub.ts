/**
 * Pub/sub commands (synap-core.md section 6). Refusals of their REST routes come with status 200 (6.3-1, 9-21).
 */
import * as z from 'zod';
import { CommandError, invalidRequest } from '../core/errors.ts';
import { command } from './define.ts';
import { seconds, textMembers } from './message.ts';
import { Json, TextMap } from './schemas.ts';
import { topicResources } from './topic-resources.ts';

const topic = (p: { topic: string }): string => `pubsub:${p.topic}`;
const everyTopic = (): string => 'pubsub:*';
const failure = 'status-200' as const;

const Topics = z.array(z.string()).meta({ description: 'Exact topics, or patterns with `*` and a trailing `#`.' });

export const pubsubSubscribe = command({
  name: 'pubsub.subscribe',
  id: 400,
  since: '0.1.0',
  summary: 'Subscribe to topics and patterns, without a connection: it counts as matched and receives nothing.',
  notes:
    'To receive messages open `/pubsub/ws`, `/ws` or `/pubsub/sse`. A `subscriber_id` that is sent is used, and added to. Topics that begin with `__` need `read` on their keys too, those that match `chat.thread.<id>.<kind>` on the threads (`chat:<id>`).',
  access: 'read',
  resource: (p) => p.topics.flatMap(topicResources),
  effect: 'write',
  input: z.object({ topics: Topics, subscriber_id: z.string().nullish() }),
  output: z.object({ subscriber_id: z.string(), subscription_count: z.int(), topics: z.array(z.string()) }),
  errors: ['INVALID_VALUE', 'INVALID_REQUEST', 'LIMIT_REACHED'],
  rest: { route: 'POST /pubsub/subscribe', body: '*', failure, fields: { subscriber_id: z.unknown().optional() } },
  envelope: {
    prepare(payload) {
      const { topics } = payload;
      if (topics === undefined) return invalidRequest("Missing 'topics' field");
      if (!Array.isArray(topics)) return invalidRequest("'topics' must be an array");
      const names = topics.filter((name) => typeof name === 'string');
      if (names.length === 0) invalidRequest('At least one topic required');
      return { ...payload, topics: names };
    },
  },
  example: {
    input: { topics: ['orders.*'], subscriber_id: 'me' },
    output: { subscriber_id: 'me', subscription_count: 1, topics: ['orders.*'] },
  },
  run({ pubsub, now }, p) {
    const subscriberId = typeof p.subscriber_id === 'string' ? p.subscriber_id : undefined;
    const done = pubsub.subscribe(p.topics, { subscriberId }, now);
    return {
      subscriber_id: done.subscriberId,
      subscription_count: done.subscriptionCount,
      topics: [...done.topics],
    };
  },
});

export const pubsubPublish = command({
  name: 'pubsub.publish',
  id: 401,
  since: '0.1.0',
  summary: 'Send a message to everybody who is subscribed to its topic now.',
  notes: '`data` is read where `payload` is absent, `headers` where `metadata` is. At most once, no history.',
  access: 'write',
  resource: topic,
  effect: 'write',
  input: z.object({
    topic: z.string(),
    payload: Json,
    metadata: TextMap.nullish(),
    priority: z.int().nullish().meta({ description: 'Travels along; it orders nothing.' }),
  }),
  output: z.object({ message_id: z.string(), subscribers_matched: z.int(), topic: z.string() }),
  errors: ['INVALID_VALUE', 'INVALID_REQUEST'],
  rest: {
    route: 'POST /pubsub/:topic/publish',
    body: '*',
    failure,
    /** `payload` and its alias `data`: one of them, not both (6.1). */
    prepare(body) {
      const aliased = body['data'] !== undefined;
      if (aliased && body['payload'] !== undefined)
        throw new CommandError('BAD_SHAPE', { detail: 'duplicate field `payload`' });
      const metadata = body['metadata'] ?? body['headers'];
      const payload = aliased ? body['data'] : body['payload'];
      return { payload, metadata, priority: Number.isInteger(body['priority']) ? body['priority'] : undefined };
    },
  },
  envelope: {
    require: { topic: true },
    prepare(payload) {
      const body = payload['payload'] !== undefined ? payload['payload'] : payload['data'];
      if (typeof payload['topic'] === 'string' && body === undefined)
        invalidRequest("Missing 'payload' or 'data' field");
      // the usual message is as it should be already
      if (payload['payload'] !== undefined && payload['metadata'] === undefined && payload['headers'] === undefined)
        return payload;
      return {
        ...payload,
        payload: body,
        metadata: textMembers(payload['metadata']) ?? textMembers(payload['headers']),
      };
    },
  },
  example: {
    input: { topic: 'orders.new', payload: { id: 7 } },
    output: { message_id: '5f1d2b9e-0c3a-4e55-9a4b-2f6f0d1c7e10', subscribers_matched: 0, topic: 'orders.new' },
  },
  run({ pubsub, now }, p) {
    const done = pubsub.publish(p.topic, p.payload, p.metadata ?? null, p.priority ?? undefined, now);
    return { message_id: done.messageId, subscribers_matched: done.subscribersMatched, topic: p.topic };
  },
});

export const pubsubUnsubscribe = command({
  name: 'pubsub.unsubscribe',
  id: 402,
  since: '0.1.0',
  summary: 'End subscriptions of a subscriber: those named, or all.',
  access: 'read',
  resource: (p) => (p.topics == null ? 'pubsub:*' : p.topics.map((name) => `pubsub:${name}`)),
  effect: 'write',
  input: z.object({ subscriber_id: z.string(), topics: Topics.nullish() }),
  output: z.object({ unsubscribed: z.int() }),
  errors: [],
  rest: { route: 'POST /pubsub/unsubscribe', body: '*', failure },
  envelope: {
    prepare({ subscriber_id, topics }) {
      return {
        subscriber_id,
        topics: Array.isArray(topics) ? topics.filter((name) => typeof name === 'string') : undefined,
      };
    },
  },
  example: { input: { subscriber_id: 'nobody' }, output: { unsubscribed: 0 } },
  run: ({ pubsub }, p) => ({ unsubscribed: pubsub.unsubscribe(p.subscriber_id, p.topics ?? undefined) }),
});

export const pubsubStats = command({
  name: 'pubsub.stats',
  id: 403,
  since: '0.1.0',
  summary: 'Counters of pub/sub.',
  access: 'read',
  resource: everyTopic,
  effect: 'read',
  input: z.object({}),
  output: z.object({
    messages_delivered: z.int(),
    messages_published: z.int(),
    slow_consumers_dropped: z.int(),
    total_subscribers: z.int().meta({ description: 'Subscriptions, exact and patterns.' }),
    total_topics: z.int(),
    total_wildcard_subscriptions: z.int(),
  }),
  errors: [],
  rest: { route: 'GET /pubsub/stats', failure },
  example: {
    input: {},
    output: {
      messages_delivered: 0,
      messages_published: 0,
      slow_consumers_dropped: 0,
      total_subscribers: 0,
      total_topics: 0,
      total_wildcard_subscriptions: 0,
    },
  },
  run({ pubsub }) {
    const stats = pubsub.stats();
    return {
      messages_delivered: stats.messagesDelivered,
      messages_published: stats.messagesPublished,
      slow_consumers_dropped: stats.slowConsumersDropped,
      total_subscribers: stats.totalSubscribers,
      total_topics: stats.totalTopics,
      total_wildcard_subscriptions: stats.totalWildcardSubscriptions,
    };
  },
});

export const pubsubTopics = command({
  name: 'pubsub.topics',
  id: 404,
  since: '0.1.0',
  summary: 'Exact topics that somebody subscribed to, in the order of their bytes.',
  access: 'read',
  resource: everyTopic,
  effect: 'read',
  input: z.object({}),
  output: z.object({ count: z.int(), topics: z.array(z.string()) }),
  errors: [],
  rest: { route: 'GET /pubsub/topics', failure },
  example: {
    before: [{ command: 'pubsub.subscribe', input: { topics: ['orders.new'] } }],
    input: {},
    output: { count: 1, topics: ['orders.new'] },
  },
  run({ pubsub }) {
    const names = pubsub.topics();
    return { count: names.length, topics: names };
  },
});

export const pubsubInfo = command({
  name: 'pubsub.info',
  id: 405,
  since: '0.1.0',
  summary: 'One exact topic: since when, how many messages, how many subscribers.',
  access: 'read',
  resource: topic,
  effect: 'read',
  input: z.object({ topic: z.string() }),
  output: z.object({ created_at: z.int(), message_count: z.int(), subscriber_count: z.int(), topic: z.string() }),
  errors: ['PUBSUB_TOPIC_NOT_FOUND'],
  rest: { route: 'GET /pubsub/:topic/info', failure },
  example: {
    before: [{ command: 'pubsub.subscribe', input: { topics: ['orders.new'] } }],
    input: { topic: 'orders.new' },
    output: { created_at: 1_790_000_000, message_count: 0, subscriber_count: 1, topic: 'orders.new' },
  },
  run({ pubsub }, p) {
    const info = pubsub.info(p.topic);
    return {
      created_at: seconds(info.createdAt),
      message_count: info.messageCount,
      subscriber_count: info.subscriberCount,
      topic: info.topic,
    };
  },
});
