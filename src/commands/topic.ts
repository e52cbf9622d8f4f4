/**
 * Commands of partitioned topics (synap-core.md 5.1, 9-32).
 */
import * as z from 'zod';
import { canonical } from '../core/json.ts';

import type { TopicConfig } from '../stream/topics.ts';
import type { TopicEvent, TopicRead } from '../stream/types.ts';
import { command } from './define.ts';
import { seconds, textMembers } from './message.ts';
import { ByteArray, Done, Json, TextMap, U64 } from './schemas.ts';
import { FromOffset } from './stream-schemas.ts';

const topic = (p: { topic: string }): string => `stream:${p.topic}`;
const TopicName = z.string().meta({ description: 'Name of the topic.' });

const Policy = z
  .discriminatedUnion('type', [
    z.object({ type: z.literal('Time'), retention_secs: U64 }),
    z.object({ type: z.literal('Size'), max_bytes: U64 }),
    z.object({ type: z.literal('Messages'), max_messages: U64 }),
    z.object({
      type: z.literal('Combined'),
      retention_secs: U64.nullish(),
      max_bytes: U64.nullish(),
      max_messages: U64.nullish(),
    }),
    z.object({ type: z.literal('Infinite') }),
  ])
  .meta({ description: 'What each partition keeps, kept exactly at each publish; 0 limits nothing.' });

const policy = (sent: z.output<typeof Policy> | null | undefined): TopicConfig['retention'] =>
  sent == null
    ? undefined
    : {
        retentionSecs: 'retention_secs' in sent ? sent.retention_secs : undefined,
        maxBytes: 'max_bytes' in sent ? sent.max_bytes : undefined,
        maxMessages: 'max_messages' in sent ? sent.max_messages : undefined,
      };

const Event = z.object({
  data: ByteArray.meta({ description: 'Bytes of the JSON text.' }),
  event_type: z.string(),
  id: z.string(),
  key: ByteArray.nullable(),
  metadata: TextMap,
  offset: z.int(),
  partition_id: z.int(),
  size_bytes: z.int(),
  timestamp: z.int().meta({ description: 'Unix seconds.' }),
  topic: z.string(),
});

const shown = (name: string, event: TopicEvent): z.input<typeof Event> => ({
  data: Buffer.from(event.data, 'utf8'),
  event_type: event.event,
  id: event.id,
  key: event.key === null ? null : Buffer.from(event.key, 'utf8'),
  metadata: event.metadata,
  offset: event.offset,
  partition_id: event.partition,
  size_bytes: event.size,
  timestamp: seconds(event.timestamp),
  topic: name,
});

export const topicList = command({
  name: 'topic.list',
  id: 300,
  since: '0.1.0',
  summary: 'The names of all topics.',
  access: 'read',
  resource: () => 'stream:*',
  effect: 'read',
  input: z.object({}),
  output: z.object({ count: z.int(), topics: z.array(z.string()) }),
  errors: [],
  rest: { route: 'GET /topics' },
  example: {
    before: [{ command: 'topic.create', input: { topic: 'orders' } }],
    input: {},
    output: { count: 1, topics: ['orders'] },
  },
  run({ topics }) {
    const names = topics.list();
    return { count: names.length, topics: names };
  },
});

export const topicCreate = command({
  name: 'topic.create',
  id: 301,
  since: '0.1.0',
  summary: 'Make a topic with a number of partitions.',
  access: 'configure',
  resource: topic,
  effect: 'write',
  input: z.object({
    topic: TopicName,
    num_partitions: U64.nullish().meta({ description: '1 to 1,024; default 3.' }),
    replication_factor: U64.nullish().meta({ description: 'Kept and shown, without effect; default 1.' }),
    segment_bytes: U64.nullish().meta({ description: 'Kept, without effect.' }),
    retention_policy: Policy.nullish(),
    durability: z
      .enum(['server', 'sync'])
      .nullish()
      .meta({ description: '`sync`: publishes are answered only once they are on disk; default as the server.' }),
  }),
  output: z.object({ num_partitions: z.int(), replication_factor: U64, success: Done, topic: z.string() }),
  errors: ['TOPIC_EXISTS', 'INVALID_VALUE', 'LIMIT_REACHED'],
  rest: { route: 'POST /topics/:topic', body: '*' },
  example: {
    input: { topic: 'orders' },
    output: { num_partitions: 3, replication_factor: 1, success: true, topic: 'orders' },
  },
  run({ topics, now }, p) {
    const made = topics.create(
      p.topic,
      {
        partitions: p.num_partitions,
        replicationFactor: p.replication_factor,
        segmentBytes: p.segment_bytes,
        retention: policy(p.retention_policy),
        sync: p.durability === 'sync',
      },
      now,
    );
    return {
      num_partitions: made.partitions,
      replication_factor: made.replicationFactor,
      success: true as const,
      topic: p.topic,
    };
  },
});

export const topicDelete = command({
  name: 'topic.delete',
  id: 302,
  since: '0.1.0',
  summary: 'Delete a topic with its events; groups stay.',
  access: 'delete',
  resource: topic,
  effect: 'write',
  input: z.object({ topic: TopicName }),
  output: z.object({ deleted: z.string(), success: Done }),
  errors: ['TOPIC_NOT_FOUND'],
  rest: { route: 'DELETE /topics/:topic' },
  example: {
    before: [{ command: 'topic.create', input: { topic: 'orders' } }],
    input: { topic: 'orders' },
    output: { deleted: 'orders', success: true },
  },
  run({ topics }, p) {
    topics.delete(p.topic);
    return { deleted: p.topic, success: true as const };
  },
});

export const topicStats = command({
  name: 'topic.stats',
  id: 303,
  since: '0.1.0',
  summary: 'What each partition of a topic holds.',
  access: 'read',
  resource: topic,
  effect: 'read',
  input: z.object({ topic: TopicName }),
  output: z.object({
    partitions: z.array(
      z.object({
        last_compaction: z.int().meta({ description: 'Seconds since retention was applied.' }),
        max_offset: z.int(),
        message_count: z.int(),
        min_offset: z.int(),
        partition_id: z.int(),
        topic: z.string(),
        total_bytes: z.int(),
      }),
    ),
    topic: z.string(),
  }),
  errors: ['TOPIC_NOT_FOUND'],
  rest: { route: 'GET /topics/:topic/stats' },
  example: {
    before: [{ command: 'topic.create', input: { topic: 'orders', num_partitions: 1 } }],
    input: { topic: 'orders' },
    output: {
      partitions: [
        {
          last_compaction: 0,
          max_offset: 0,
          message_count: 0,
          min_offset: 0,
          partition_id: 0,
          topic: 'orders',
          total_bytes: 0,
        },
      ],
      topic: 'orders',
    },
  },
  run: ({ topics, now }, p) => ({
    partitions: topics.stats(p.topic, now).map((stats) => ({
      last_compaction: stats.lastCompaction,
      max_offset: stats.maxOffset,
      message_count: stats.messageCount,
      min_offset: stats.minOffset,
      partition_id: stats.partition,
      topic: p.topic,
      total_bytes: stats.totalBytes,
    })),
    topic: p.topic,
  }),
});

export const topicPublish = command({
  name: 'topic.publish',
  id: 304,
  since: '0.1.0',
  summary: 'Append an event to the partition of its key, or to the one with the fewest events.',
  access: 'write',
  resource: topic,
  effect: 'write',
  input: z.object({
    topic: TopicName,
    event_type: z.string(),
    data: Json,
    key: z.string().nullish().meta({ description: 'CRC-32 of its UTF-8 bytes chooses the partition.' }),
    metadata: TextMap.nullish(),
  }),
  output: z.object({ offset: z.int(), partition_id: z.int(), topic: z.string() }),
  errors: ['TOPIC_NOT_FOUND', 'MEMORY_LIMIT'],
  rest: { route: 'POST /topics/:topic/publish', body: '*' },
  envelope: { prepare: (payload) => ({ ...payload, metadata: textMembers(payload['metadata']) }) },
  example: {
    before: [{ command: 'topic.create', input: { topic: 'orders' } }],
    input: { topic: 'orders', event_type: 'order.new', data: { id: 7 }, key: 'user-42' },
    output: { offset: 0, partition_id: 1, topic: 'orders' },
  },
  run(context, p) {
    const { topics, now } = context;
    if (topics.sync(p.topic)) context.sync = true;
    const { partition, offset } = topics.publish(
      p.topic,
      p.event_type,
      canonical(p.data),
      p.key,
      p.metadata ?? undefined,
      now,
    );
    return { offset, partition_id: partition, topic: p.topic };
  },
});

export const topicConsume = command({
  name: 'topic.consume',
  id: 305,
  since: '0.1.0',
  summary: 'Read events of one partition from an offset on.',
  notes:
    'Below the oldest kept event reading begins there, and `earliest_offset` says so. With `wait_ms` an empty read waits for the next event. At most 1,000 events are answered.',
  access: 'read',
  resource: topic,
  effect: 'read',
  input: z.object({
    topic: TopicName,
    partition_id: U64,
    from_offset: FromOffset,
    limit: U64.nullish().meta({ description: 'Default 100, at most 1,000.' }),
    wait_ms: U64.nullish().meta({ description: 'Milliseconds to wait, at most 60,000; default 0.' }),
  }),
  output: z.object({
    count: z.int(),
    events: z.array(Event),
    next_offset: U64,
    partition_id: U64,
    topic: z.string(),
    earliest_offset: z.int().optional(),
  }),
  errors: ['TOPIC_NOT_FOUND', 'PARTITION_NOT_FOUND', 'LIMIT_REACHED'],
  rest: { route: 'POST /topics/:topic/partitions/:partition_id/consume', body: '*' },
  example: {
    before: [{ command: 'topic.create', input: { topic: 'orders' } }],
    input: { topic: 'orders', partition_id: 0 },
    output: { count: 0, events: [], next_offset: 0, partition_id: 0, topic: 'orders' },
  },
  run(context, p) {
    const { topics, now } = context;
    const from = p.from_offset ?? 0;
    const limit = p.limit ?? 100;
    const show = (read: TopicRead) => ({
      count: read.events.length,
      events: read.events.map((event) => shown(p.topic, event)),
      next_offset: read.nextOffset,
      partition_id: p.partition_id,
      topic: p.topic,
      ...(read.earliestOffset === undefined ? {} : { earliest_offset: read.earliestOffset }),
    });
    const wait = Number(p.wait_ms ?? 0);
    if (wait === 0) return show(topics.consume(p.topic, p.partition_id, from, limit));
    return new Promise((resolve, reject) => {
      const reply = { answer: (read: TopicRead) => resolve(show(read)), refuse: reject };
      const waiting = topics.wait(p.topic, p.partition_id, from, limit, now + wait, reply, now);
      context.cancel = () => waiting.cancel();
    });
  },
});
