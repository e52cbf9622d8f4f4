/**
 * Dead letters, and why a message is not moving: what the reference keeps out of reach (synap-core.md 9-17).
 */
import * as z from 'zod';
import type { DeadLetter } from '../queue/types.ts';
import { command } from './define.ts';
import { seconds } from './message.ts';
import { u64 } from './readers.ts';
import { ByteArray, TextMap, U64 } from './schemas.ts';

const queue = (p: { queue: string }): string => `queue:${p.queue}`;
const QueueName = z.string().meta({ description: 'Name of the queue.' });
const path = { name: 'queue' } as const;
const sent = [
  { command: 'queue.create', input: { name: 'jobs' } },
  { command: 'queue.publish', input: { queue: 'jobs', payload: 'j' }, save: { id: 'message_id' } },
];
const dead = [
  ...sent,
  { command: 'queue.consume', input: { queue: 'jobs', consumer_id: 'w1' } },
  { command: 'queue.nack', input: { queue: 'jobs', message_id: '{{id}}', requeue: false } },
];

const Letter = z.object({
  id: z.string(),
  payload: ByteArray,
  priority: z.int(),
  retry_count: z.int(),
  max_retries: z.int(),
  headers: TextMap,
  timestamp: z.int().meta({ description: 'Creation, Unix seconds.' }),
  died_at: z.int().meta({ description: 'Unix seconds.' }),
  reason: z.enum(['rejected', 'retries_exhausted']),
  consumer_id: z.string().meta({ description: 'Who held it last.' }),
});

const letter = (one: DeadLetter): z.input<typeof Letter> => ({
  id: one.id,
  payload: one.payload,
  priority: one.priority,
  retry_count: one.retryCount,
  max_retries: one.maxRetries,
  headers: one.headers,
  timestamp: seconds(one.createdAt),
  died_at: seconds(one.diedAt),
  reason: one.reason,
  consumer_id: one.consumer,
});

export const queueDeadList = command({
  name: 'queue.dead.list',
  id: 120,
  since: '0.1.0',
  summary: 'A page of dead letters, the oldest first.',
  access: 'read',
  resource: queue,
  effect: 'read',
  input: z.object({
    queue: QueueName,
    after: U64.nullish().meta({ description: '`next` of the page before; default from the start.' }),
    limit: U64.nullish().meta({ description: '1 to 1,000; default 100.' }),
  }),
  output: z.object({ messages: z.array(Letter), next: z.int().nullable() }),
  errors: ['QUEUE_NOT_FOUND', 'INVALID_VALUE'],
  rest: { route: 'GET /queue/:name/dead', params: path, query: { after: u64, limit: u64 } },
  example: {
    before: [{ command: 'queue.create', input: { name: 'jobs' } }],
    input: { queue: 'jobs' },
    output: { messages: [], next: null },
  },
  run({ queues }, p) {
    const { letters, next } = queues.deadList(p.queue, Number(p.after ?? 0), Number(p.limit ?? 100));
    return { messages: letters.map(letter), next: next ?? null };
  },
});

export const queueDeadRead = command({
  name: 'queue.dead.read',
  id: 121,
  since: '0.1.0',
  summary: 'One dead letter.',
  access: 'read',
  resource: queue,
  effect: 'read',
  input: z.object({ queue: QueueName, message_id: z.string() }),
  output: z.object({ message: Letter }),
  errors: ['QUEUE_NOT_FOUND', 'MESSAGE_NOT_FOUND'],
  rest: { route: 'GET /queue/:name/dead/:message_id', params: path },
  example: {
    before: dead,
    input: { queue: 'jobs', message_id: '{{id}}' },
    output: {
      message: {
        id: '5f1d2b9e-0c3a-4e55-9a4b-2f6f0d1c7e10',
        payload: [106],
        priority: 5,
        retry_count: 1,
        max_retries: 3,
        headers: {},
        timestamp: 1_790_000_000,
        died_at: 1_790_000_001,
        reason: 'rejected',
        consumer_id: 'w1',
      },
    },
  },
  run: ({ queues }, p) => ({ message: letter(queues.deadRead(p.queue, p.message_id)) }),
});

export const queueDeadReplay = command({
  name: 'queue.dead.replay',
  id: 122,
  since: '0.1.0',
  summary: 'Make dead letters ready again, with a retry count of 0: those named, or the oldest.',
  access: 'write',
  resource: queue,
  effect: 'write',
  input: z.object({
    queue: QueueName,
    message_ids: z.array(z.string()).nullish(),
    limit: U64.nullish().meta({
      description: 'How many of the oldest when no ids are given; 1 to 1,000, default 1,000.',
    }),
  }),
  output: z.object({ replayed: z.array(z.string()), missing: z.array(z.string()), remaining: z.int() }),
  errors: ['QUEUE_NOT_FOUND', 'INVALID_VALUE'],
  rest: { route: 'POST /queue/:name/dead/replay', params: path, body: '*' },
  example: {
    before: [{ command: 'queue.create', input: { name: 'jobs' } }],
    input: { queue: 'jobs' },
    output: { replayed: [], missing: [], remaining: 0 },
  },
  run: ({ queues, now }, p) =>
    p.message_ids == null
      ? queues.deadReplayAll(p.queue, Number(p.limit ?? 1000), now)
      : queues.deadReplay(p.queue, p.message_ids, now),
});

export const queueDeadPurge = command({
  name: 'queue.dead.purge',
  id: 123,
  since: '0.1.0',
  summary: 'Drop all dead letters of a queue.',
  access: 'delete',
  resource: queue,
  effect: 'write',
  input: z.object({ queue: QueueName }),
  output: z.object({ purged: z.int() }),
  errors: ['QUEUE_NOT_FOUND'],
  rest: { route: 'POST /queue/:name/dead/purge', params: path },
  example: {
    before: [{ command: 'queue.create', input: { name: 'jobs' } }],
    input: { queue: 'jobs' },
    output: { purged: 0 },
  },
  run: ({ queues, now }, p) => ({ purged: queues.deadPurge(p.queue, now) }),
});

export const queueExplain = command({
  name: 'queue.explain',
  id: 124,
  since: '0.1.0',
  summary: 'Why a message is not moving: its state, holder, deadline, attempts and next event.',
  access: 'read',
  resource: queue,
  effect: 'read',
  input: z.object({ queue: QueueName, message_id: z.string() }),
  output: z.object({
    id: z.string(),
    state: z.enum(['ready', 'in_flight', 'delayed', 'dead']),
    priority: z.int(),
    attempts: z.int(),
    retry_count: z.int(),
    max_retries: z.int(),
    created_at: z.int().meta({ description: 'Unix milliseconds, like the other times here.' }),
    since: z.int(),
    holder: z.string().nullable(),
    deadline: z.int().nullable(),
    reason: z.enum(['rejected', 'retries_exhausted']).nullable(),
    next: z.enum(['delivery', 'requeue', 'dead_letter', 'becomes_ready', 'none']),
    next_at: z.int().nullable(),
    why: z.string(),
  }),
  errors: ['QUEUE_NOT_FOUND', 'MESSAGE_NOT_FOUND'],
  rest: { route: 'GET /queue/:name/messages/:message_id', params: path },
  example: {
    before: sent,
    input: { queue: 'jobs', message_id: '{{id}}' },
    output: {
      id: '5f1d2b9e-0c3a-4e55-9a4b-2f6f0d1c7e10',
      state: 'ready',
      priority: 5,
      attempts: 0,
      retry_count: 0,
      max_retries: 3,
      created_at: 1_790_000_000_000,
      since: 1_790_000_000_000,
      holder: null,
      deadline: null,
      reason: null,
      next: 'delivery',
      next_at: null,
      why: 'No consumer is waiting on the queue; it goes to the next that asks, in its turn.',
    },
  },
  run({ queues, now }, p) {
    const found = queues.explain(p.queue, p.message_id, now);
    return {
      id: found.id,
      state: found.state,
      priority: found.priority,
      attempts: found.attempts,
      retry_count: found.retryCount,
      max_retries: found.maxRetries,
      created_at: found.createdAt,
      since: found.since,
      holder: found.holder ?? null,
      deadline: found.deadline ?? null,
      reason: found.reason ?? null,
      next: found.next,
      next_at: found.nextAt ?? null,
      why: found.why,
    };
  },
});

export const queueDetail = command({
  name: 'queue.detail',
  id: 125,
  since: '0.1.0',
  summary:
    'How a queue is configured and what it holds: ready, in flight, delayed, dead, bytes, oldest age, who waits.',
  access: 'read',
  resource: queue,
  effect: 'read',
  input: z.object({ queue: QueueName }),
  output: z.object({
    queue: z.string(),
    config: z.object({
      max_depth: z.int(),
      ack_deadline_secs: z.int(),
      default_max_retries: z.int(),
      default_priority: z.int(),
      prefetch_limit: z.int(),
      dedupe_window_ms: z.int(),
      durability: z.enum(['server', 'sync']),
    }),
    ready: z.int(),
    in_flight: z.int(),
    delayed: z.int(),
    dead: z.int(),
    bytes: z.int(),
    oldest_ready_ms: z.int(),
    next_deadline: z.int().nullable(),
    waiting: z.int(),
    held: z.int(),
    subscriptions: z.int(),
    dedupe_keys: z.int(),
    duplicates: z.int(),
    dead_dropped: z.int(),
  }),
  errors: ['QUEUE_NOT_FOUND'],
  rest: { route: 'GET /queue/:name/detail', params: path },
  example: {
    before: [{ command: 'queue.create', input: { name: 'jobs' } }],
    input: { queue: 'jobs' },
    output: {
      queue: 'jobs',
      config: {
        max_depth: 100_000,
        ack_deadline_secs: 30,
        default_max_retries: 3,
        default_priority: 5,
        prefetch_limit: 0,
        dedupe_window_ms: 300_000,
        durability: 'server',
      },
      ready: 0,
      in_flight: 0,
      delayed: 0,
      dead: 0,
      bytes: 0,
      oldest_ready_ms: 0,
      next_deadline: null,
      waiting: 0,
      held: 0,
      subscriptions: 0,
      dedupe_keys: 0,
      duplicates: 0,
      dead_dropped: 0,
    },
  },
  run({ queues, now }, p) {
    const detail = queues.detail(p.queue, now);
    const { config } = detail;
    return {
      queue: detail.name,
      config: {
        max_depth: config.maxDepth,
        ack_deadline_secs: config.ackDeadlineSecs,
        default_max_retries: config.maxRetries,
        default_priority: config.priority,
        prefetch_limit: config.prefetch,
        dedupe_window_ms: config.dedupeMs,
        durability: config.sync ? ('sync' as const) : ('server' as const),
      },
      ready: detail.ready,
      in_flight: detail.inFlight,
      delayed: detail.delayed,
      dead: detail.dead,
      bytes: detail.bytes,
      oldest_ready_ms: detail.oldestReadyMs,
      next_deadline: detail.nextDeadline ?? null,
      waiting: detail.waiting,
      held: detail.held,
      subscriptions: detail.subscriptions,
      dedupe_keys: detail.keys,
      duplicates: detail.duplicates,
      dead_dropped: detail.deadDropped,
    };
  },
});
