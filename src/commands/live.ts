/**
 * The push rows: subscriptions that keep sending. The live conversations, `/ws` and server-sent events are made from them.
 *
 * Invariant: a stream that can pause (queue, room) emits nothing more after `item` answered `false` until `resume`; one
 * that cannot (pub/sub, watch) goes on, and its receiver bounds what waits.
 */
import * as z from 'zod';
import { RawJson } from '../core/json.ts';
import type { Burst, Message as Published, Sink } from '../pubsub/types.ts';
import type { Delivery } from '../queue/types.ts';
import type { RoomEvent } from '../stream/types.ts';
import { chatListen } from './chat-listen.ts';
import type { Context } from './context.ts';
import { type Emit, Item, Items, type PushCommand, push, type Stream } from './define.ts';
import { once } from './once.ts';
import { ByteArray, Json, TextMap, U64 } from './schemas.ts';
import { topicListen } from './topic-listen.ts';
import { keyResources, topicResources, WATCH } from './topic-resources.ts';

const seconds = (ms: number): number => Math.floor(ms / 1000);

/** A message as its receivers see it. */
function messageItem(message: Published): Item {
  return new Item({
    message_id: message.messageId,
    topic: message.topic,
    payload: message.payload,
    metadata: message.metadata,
    timestamp: seconds(message.timestamp),
    priority: message.priority,
  });
}

/** Hands messages to one receiver; they are made into items once for all of them. */
class Delivering implements Sink {
  readonly emit: Emit;

  constructor(emit: Emit) {
    this.emit = emit;
  }

  deliver(burst: Burst): void {
    this.emit.items((burst.shown ??= new Items(burst.messages.map(messageItem))) as Items);
  }
}

function subscribe({ pubsub, now }: Context, topics: readonly string[], id: string | undefined, emit: Emit): Stream {
  const sink = new Delivering(emit);
  const { subscriberId, subscriptionCount } = pubsub.subscribe(topics, { subscriberId: id, sink }, now);
  return {
    hello: { subscriber_id: subscriberId, topics, subscription_count: subscriptionCount },
    resume: () => {},
    close(_now, slow) {
      if (slow) pubsub.dropped(subscriberId, sink);
      else pubsub.disconnect(subscriberId, sink);
    },
  };
}

const SubscribedHello = z.object({
  subscriber_id: z.string(),
  topics: z.array(z.string()),
  subscription_count: z.int(),
});

const PublishedItem = z.object({
  message_id: z.string(),
  topic: z.string(),
  payload: Json,
  metadata: TextMap.nullable(),
  timestamp: z.int().meta({ description: 'Unix seconds.' }),
  priority: z.int().optional(),
});

export const pubsubListen = push({
  name: 'pubsub.listen',
  id: 900,
  since: '0.1.0',
  summary: 'Receive every message that is published to these topics and patterns, from now on.',
  notes:
    'At most once. A receiver that does not read fast enough is closed, and its subscriptions with it. Topics that begin with `__` need `read` on their keys too, those that match `chat.thread.<id>.<kind>` on the threads (`chat:<id>`).',
  access: 'read',
  resource: (p) => p.topics.flatMap(topicResources),
  effect: 'push',
  routes: ['WebSocket /pubsub/ws?topics=a,b.*', 'GET /pubsub/sse?topics=a,b.*'],
  input: z.object({
    topics: z.array(z.string()).min(1),
    subscriber_id: z.string().optional().meta({ description: 'Add to this subscriber; a new one when absent.' }),
  }),
  hello: SubscribedHello,
  item: PublishedItem,
  errors: ['INVALID_VALUE', 'INVALID_REQUEST', 'LIMIT_REACHED'],
  example: {
    input: { topics: ['orders.*'] },
    hello: { subscriber_id: '0d6a6c1e-95f2-4f0e-8f39-6f5f7f1b0c55', topics: ['orders.*'], subscription_count: 1 },
    item: {
      message_id: '5f1d2b9e-0c3a-4e55-9a4b-2f6f0d1c7e10',
      topic: 'orders.new',
      payload: { id: 7 },
      metadata: null,
      timestamp: 1_790_000_000,
    },
  },
  open: (context, p, emit) => subscribe(context, p.topics, p.subscriber_id, emit),
});

export const kvWatch = push({
  name: 'kv.watch',
  id: 901,
  since: '0.1.0',
  summary: 'Receive every change of these keys, from now on.',
  notes:
    'Keys may be patterns as in pub/sub, on the key split at dots: `user:*`, `a.#`. The payload of an item has `key`, `event`, `version`, and the new `value` where there is one.',
  access: 'read',
  resource: (p) => p.keys.flatMap(keyResources),
  effect: 'push',
  routes: ['WebSocket /kv/ws?keys=a,b*', 'GET /kv/sse?keys=a,b*'],
  input: z.object({ keys: z.array(z.string()).min(1) }),
  hello: SubscribedHello,
  item: PublishedItem,
  errors: ['INVALID_VALUE', 'LIMIT_REACHED'],
  example: {
    input: { keys: ['user:1'] },
    hello: {
      subscriber_id: '0d6a6c1e-95f2-4f0e-8f39-6f5f7f1b0c55',
      topics: ['__watch@0__:user:1'],
      subscription_count: 1,
    },
    item: {
      message_id: '5f1d2b9e-0c3a-4e55-9a4b-2f6f0d1c7e10',
      topic: '__watch@0__:user:1',
      payload: { key: 'user:1', event: 'set', version: 1, value: 'alice' },
      metadata: null,
      timestamp: 1_790_000_000,
    },
  },
  open: (context, p, emit) =>
    subscribe(
      context,
      p.keys.map((key) => WATCH + key),
      undefined,
      emit,
    ),
});

const deliveryItem = (delivery: Delivery): Item =>
  new Item({
    message_id: delivery.id,
    payload: delivery.payload,
    priority: delivery.priority,
    retry_count: delivery.retryCount,
    created_at: seconds(delivery.createdAt),
    headers: delivery.headers,
    max_retries: delivery.maxRetries,
    deadline: seconds(delivery.deadline),
  });

export const queueListen = push({
  name: 'queue.listen',
  id: 902,
  since: '0.1.0',
  summary: 'Consume a queue: receive messages as they become ready, each to be acknowledged before its deadline.',
  notes:
    'The queue need not exist yet. What is not acknowledged when the receiver goes is given back at once, as by a `queue.nack` with requeue.',
  access: 'read',
  resource: (p) => `queue:${p.queue}`,
  effect: 'push',
  routes: ['WebSocket /queue/:queue/ws/:consumer_id?prefetch=10'],
  input: z.object({
    queue: z.string(),
    consumer_id: z.string(),
    prefetch: z.int().min(0).default(0).meta({
      description: 'Unacknowledged messages to hold at most, besides the limit of the queue; 0 for any number.',
    }),
  }),
  hello: z.object({ queue: z.string(), consumer_id: z.string() }),
  item: z.object({
    message_id: z.string(),
    payload: ByteArray,
    priority: z.int(),
    retry_count: z.int(),
    created_at: z.int().meta({ description: 'Unix seconds.' }),
    headers: TextMap,
    max_retries: z.int(),
    deadline: z.int().meta({ description: 'End of the ack deadline, Unix seconds.' }),
  }),
  errors: ['INVALID_VALUE', 'LIMIT_REACHED'],
  example: {
    input: { queue: 'jobs', consumer_id: 'w1' },
    hello: { queue: 'jobs', consumer_id: 'w1' },
    item: {
      message_id: '5f1d2b9e-0c3a-4e55-9a4b-2f6f0d1c7e10',
      payload: [106, 111, 98],
      priority: 5,
      retry_count: 0,
      created_at: 1_790_000_000,
      headers: {},
      max_retries: 3,
      deadline: 1_790_000_030,
    },
  },
  open({ queues, now }, p, emit) {
    const subscription = queues.subscribe(
      p.queue,
      p.consumer_id,
      { prefetch: p.prefetch, paused: true },
      (delivery) => {
        if (!emit.item(deliveryItem(delivery))) subscription.pause();
      },
      now,
    );
    return {
      hello: { queue: p.queue, consumer_id: p.consumer_id },
      resume: (at) => subscription.resume(at),
      close: (at) => subscription.close(at),
    };
  },
});

const eventItem = once(
  (event: RoomEvent) =>
    new Item({
      offset: event.offset,
      event: event.event,
      data: new RawJson(event.data),
      timestamp: seconds(event.timestamp),
      id: event.id,
      metadata: event.metadata,
    }),
);

export const streamListen = push({
  name: 'stream.listen',
  id: 903,
  since: '0.1.0',
  summary: 'Receive the events of a room: first what is there from an offset on, then each one as it is published.',
  notes:
    'Ends with an error when the room is deleted, and when retention was faster than the receiver. `from_offset` may also be `earliest` or `latest`.',
  access: 'read',
  resource: (p) => `stream:${p.room}`,
  effect: 'push',
  routes: ['WebSocket /stream/:room/ws/:subscriber_id?from_offset=0', 'GET /stream/:room/sse?from_offset=0'],
  input: z.object({
    room: z.string(),
    subscriber_id: z.string(),
    from_offset: z.union([U64, z.enum(['earliest', 'latest'])]).default(0),
  }),
  hello: z.object({ room: z.string(), subscriber_id: z.string(), from_offset: U64 }),
  item: z.object({
    offset: z.int(),
    event: z.string(),
    data: Json,
    timestamp: z.int().meta({ description: 'Unix seconds.' }),
    id: z.string(),
    metadata: TextMap,
  }),
  errors: ['ROOM_NOT_FOUND', 'OFFSET_OUT_OF_RANGE', 'INVALID_VALUE', 'LIMIT_REACHED'],
  example: {
    input: { room: 'chat', subscriber_id: 's1', from_offset: 0 },
    hello: { room: 'chat', subscriber_id: 's1', from_offset: 0 },
    item: {
      offset: 0,
      event: 'message',
      data: { text: 'hi' },
      timestamp: 1_790_000_000,
      id: '5f1d2b9e-0c3a-4e55-9a4b-2f6f0d1c7e10',
      metadata: {},
    },
  },
  open({ rooms, now }, p, emit) {
    const subscription = rooms.subscribe(
      p.room,
      p.subscriber_id,
      p.from_offset,
      { event: (event) => emit.item(eventItem(event)), error: (error) => emit.end(error) },
      now,
    );
    return {
      hello: {
        room: p.room,
        subscriber_id: p.subscriber_id,
        from_offset: typeof p.from_offset === 'string' ? subscription.position : p.from_offset,
      },
      resume: (at) => subscription.resume(at),
      close: (at) => subscription.close(at),
    };
  },
});

/** All push rows. */
export const PUSHES: readonly PushCommand[] = [
  pubsubListen,
  kvWatch,
  queueListen,
  streamListen,
  topicListen,
  chatListen,
];
