/**
 * Work-queue commands (synap-core.md section 3). Dead letters and questions about messages stand in queue-dead.ts.
 */
import * as z from 'zod';
import { invalidRequest } from '../core/errors.ts';
import { canonical } from '../core/json.ts';
import type { QueueEngine } from '../queue/engine.ts';
import type { Delivery, QueueSettings } from '../queue/types.ts';
import type { Context } from './context.ts';
import { command } from './define.ts';
import { Message, message, textMembers } from './message.ts';
import { isInteger } from './payload.ts';
import { u64 } from './readers.ts';
import { Bytes, Done, Json, TextMap, U8, U32, U64 } from './schemas.ts';

const queue = (p: { queue: string }): string => `queue:${p.queue}`;
const QueueName = z.string().meta({ description: 'Name of the queue.' });
const MessageId = z.string().meta({ description: 'Id of the message, as delivered.' });
const path = { name: 'queue' } as const;
const ID = '{{id}}';
const held = [
  { command: 'queue.create', input: { name: 'jobs' } },
  { command: 'queue.publish', input: { queue: 'jobs', payload: 'job' }, save: { id: 'message_id' } },
  { command: 'queue.consume', input: { queue: 'jobs', consumer_id: 'w1' } },
];

/** The empty answer of REST: exactly these six (3.1). */
const NOTHING = {
  message_id: null,
  payload: null,
  priority: null,
  retry_count: null,
  max_retries: null,
  headers: null,
};

const restMessage = ({ id, ...rest }: z.output<typeof Message>): object => ({ message_id: id, ...rest });

const CONFIG = {
  max_depth: U64.nullish().meta({ description: 'Ready messages the queue holds at most.' }),
  ack_deadline_secs: U64.nullish().meta({ description: 'Seconds to acknowledge; 0 counts as 1.' }),
  default_max_retries: U64.nullish(),
  default_priority: U64.nullish().meta({ description: '0 to 9; more is stored as 9.' }),
  prefetch_limit: U64.nullish().meta({
    description: 'Unacknowledged messages one consumer holds at most; 0 for any number.',
  }),
  dedupe_window_ms: U64.nullish().meta({
    description: 'How long a message_key is remembered; default five minutes, 0 for not at all.',
  }),
};
const CONFIG_FIELDS = Object.keys(CONFIG) as (keyof typeof CONFIG)[];
const Durability = z.enum(['server', 'sync']).nullish().meta({
  description: '`sync`: changes of this queue are answered only once they are on disk; default as the server.',
});

/** The lowest bits of a number, as the reference cuts them (3.3-3). */
const cut = (bits: number, value: number | bigint): number => Number(BigInt.asUintN(bits, BigInt(value)));
const number = (value: number | bigint | null | undefined): number | undefined =>
  value == null ? undefined : Number(value);

export const queueCreate = command({
  name: 'queue.create',
  id: 100,
  since: '0.1.0',
  summary: 'Make a queue; does nothing when it exists.',
  notes:
    'What is not given is as the server is configured. The command takes the settings in `config`, or beside `name`.',
  access: 'configure',
  resource: (p) => `queue:${p.name}`,
  effect: 'write',
  input: z.object({ name: QueueName, ...CONFIG, durability: Durability }),
  output: z.object({ success: Done, queue: z.string() }),
  errors: ['INVALID_VALUE', 'LIMIT_REACHED'],
  rest: {
    route: 'POST /queue/:name',
    body: [...CONFIG_FIELDS, 'durability'],
    fields: { default_max_retries: U32.nullish(), default_priority: U8.nullish() },
  },
  envelope: {
    /** A setting inside `config` wins; beside it, 0 counts as absent, because a client sends zeros (8.1-6). */
    prepare(payload) {
      const config = Object(payload['config']) as Record<string, unknown>;
      const settings: Record<string, unknown> = {
        name: payload['name'],
        durability: config['durability'] ?? payload['durability'],
      };
      for (const field of CONFIG_FIELDS) {
        if (Object.hasOwn(config, field) && isInteger(config[field])) settings[field] = config[field];
        else if (isInteger(payload[field]) && Number(payload[field]) !== 0) settings[field] = payload[field];
      }
      return settings;
    },
    reply: ({ success }) => ({ success }),
  },
  example: { input: { name: 'jobs', max_depth: 1000 }, output: { success: true, queue: 'jobs' } },
  run({ queues, now }, p) {
    const settings: QueueSettings = {
      maxDepth: number(p.max_depth),
      ackDeadlineSecs: number(p.ack_deadline_secs),
      maxRetries: p.default_max_retries == null ? undefined : cut(32, p.default_max_retries),
      priority: p.default_priority == null ? undefined : cut(8, p.default_priority),
      prefetch: number(p.prefetch_limit),
      dedupeMs: number(p.dedupe_window_ms),
      sync: p.durability == null ? undefined : p.durability === 'sync',
    };
    queues.create(p.name, settings, now);
    return { success: true as const, queue: p.name };
  },
});

const MESSAGE = {
  payload: Json.meta({ description: 'Bytes as an array of integers; the command also takes text and any other JSON.' }),
  priority: U64.nullish().meta({ description: '0 to 9, more is more urgent; default as the queue.' }),
  max_retries: U64.nullish(),
  headers: TextMap.nullish(),
  delay_ms: U64.nullish().meta({ description: 'Milliseconds before the message becomes ready.' }),
  message_key: z
    .string()
    .nullish()
    .meta({ description: 'Two publishes with one key within the window are one message.' }),
};
type Sent = z.output<z.ZodObject<typeof MESSAGE>>;

/** The engine, for a change of a queue: its answer waits for the disk where the queue is made so. */
function changing(context: Context, name: string): QueueEngine {
  if (context.queues.sync(name)) context.sync = true;
  return context.queues;
}

/** The bytes of a payload: an array of integers, text as UTF-8, any other JSON as its text (8.1-7, 9-25). */
function bytesOf(payload: unknown): Uint8Array {
  if (payload instanceof Uint8Array) return payload.slice();
  if (typeof payload === 'string') return Buffer.from(payload, 'utf8');
  if (!Array.isArray(payload)) return Buffer.from(canonical(payload), 'utf8');
  const bytes = new Uint8Array(payload.length);
  for (let i = 0; i < payload.length; i++) {
    const item: unknown = payload[i];
    if (typeof item !== 'number' || (item & 255) !== item)
      return invalidRequest("'payload' items must be integers from 0 to 255");
    bytes[i] = item;
  }
  return bytes;
}

const options = (p: Omit<Sent, 'payload'>) => ({
  priority: p.priority == null ? undefined : cut(8, p.priority),
  maxRetries: p.max_retries == null ? undefined : cut(32, p.max_retries),
  headers: p.headers ?? undefined,
  delayMs: number(p.delay_ms),
  messageKey: p.message_key ?? undefined,
});

export const queuePublish = command({
  name: 'queue.publish',
  id: 101,
  since: '0.1.0',
  summary: 'Put a message into a queue.',
  access: 'write',
  resource: queue,
  effect: 'write',
  input: z.object({ queue: QueueName, ...MESSAGE }),
  output: z.object({ message_id: z.string() }),
  errors: ['QUEUE_NOT_FOUND', 'QUEUE_FULL', 'INVALID_REQUEST', 'INVALID_VALUE'],
  rest: {
    route: 'POST /queue/:name/publish',
    params: path,
    body: '*',
    fields: { payload: Bytes, priority: U8.nullish(), max_retries: U32.nullish() },
  },
  envelope: {
    require: { payload: true },
    prepare: (payload) => ({ ...payload, headers: textMembers(payload['headers']) }),
  },
  example: {
    before: [{ command: 'queue.create', input: { name: 'jobs' } }],
    input: { queue: 'jobs', payload: [106, 111, 98], priority: 9 },
    output: { message_id: '5f1d2b9e-0c3a-4e55-9a4b-2f6f0d1c7e10' },
  },
  run: (context, p) => ({
    message_id: changing(context, p.queue).publish(p.queue, bytesOf(p.payload), options(p), context.now),
  }),
});

export const queuePublishBatch = command({
  name: 'queue.publish_batch',
  id: 102,
  since: '0.1.0',
  summary: 'Put up to 1,000 messages into a queue, all or none.',
  access: 'write',
  resource: queue,
  effect: 'write',
  input: z.object({ queue: QueueName, messages: z.array(z.object(MESSAGE)) }),
  output: z.object({ message_ids: z.array(z.string()) }),
  errors: ['QUEUE_NOT_FOUND', 'QUEUE_FULL', 'INVALID_REQUEST', 'INVALID_VALUE'],
  rest: { route: 'POST /queue/:name/publish-batch', params: path, body: ['messages'] },
  example: {
    before: [{ command: 'queue.create', input: { name: 'jobs' } }],
    input: { queue: 'jobs', messages: [{ payload: [1] }, { payload: 'two' }] },
    output: { message_ids: ['5f1d2b9e-0c3a-4e55-9a4b-2f6f0d1c7e10', '5f1d2b9e-0c3a-4e55-9a4b-2f6f0d1c7e11'] },
  },
  run: (context, p) => ({
    message_ids: changing(context, p.queue).publishBatch(
      p.queue,
      p.messages.map((one) => ({ ...options(one), payload: bytesOf(one.payload) })),
      context.now,
    ),
  }),
});

const WaitMs = U64.nullish().meta({ description: 'Milliseconds to wait for a message, at most 60,000; default 0.' });

/** Waits for deliveries when there are none at once; whoever hangs up while waiting gets none. */
function awaited<T>(
  context: Context,
  p: { queue: string; consumer_id: string; wait_ms?: number | bigint | null | undefined },
  max: number,
  show: (deliveries: readonly Delivery[]) => T,
): T | Promise<T> {
  const { queues, now } = context;
  const wait = Number(p.wait_ms ?? 0);
  const first = max === 1 ? queues.consume(p.queue, p.consumer_id, now) : undefined;
  const found =
    max === 1 ? (first === undefined ? [] : [first]) : queues.consumeBatch(p.queue, p.consumer_id, max, now);
  if (found.length > 0 || wait === 0) return show(found);
  return new Promise((resolve) => {
    const waiter = queues.wait(p.queue, p.consumer_id, max, now + wait, (deliveries) => resolve(show(deliveries)), now);
    context.cancel = () => waiter.cancel();
  });
}

export const queueConsume = command({
  name: 'queue.consume',
  id: 103,
  since: '0.1.0',
  summary: 'Take the next message; it has to be acknowledged before its deadline.',
  notes:
    'With `wait_ms` the answer comes the moment a message arrives, waiting consumers in their order. Nothing available: null; REST then answers six nulls.',
  access: 'read',
  resource: queue,
  effect: 'write',
  input: z.object({ queue: QueueName, consumer_id: z.string(), wait_ms: WaitMs }),
  output: z.object({ message: Message.nullable() }),
  errors: ['INVALID_VALUE', 'LIMIT_REACHED'],
  rest: {
    route: 'GET /queue/:name/consume/:consumer_id',
    params: path,
    query: { wait_ms: u64 },
    reply: (output) => (output.message === null ? NOTHING : restMessage(output.message)),
  },
  example: { input: { queue: 'jobs', consumer_id: 'w1' }, output: { message: null } },
  run: (context, p) => awaited(context, p, 1, ([first]) => ({ message: first === undefined ? null : message(first) })),
});

export const queueConsumeBatch = command({
  name: 'queue.consume_batch',
  id: 104,
  since: '0.1.0',
  summary: 'Take up to `max` messages.',
  access: 'read',
  resource: queue,
  effect: 'write',
  input: z.object({ queue: QueueName, consumer_id: z.string(), max: U64.default(10), wait_ms: WaitMs }),
  output: z.object({ messages: z.array(Message) }),
  errors: ['INVALID_VALUE', 'LIMIT_REACHED'],
  rest: { route: 'POST /queue/:name/consume-batch', params: path, body: '*' },
  example: { input: { queue: 'jobs', consumer_id: 'w1', max: 10 }, output: { messages: [] } },
  run: (context, p) => awaited(context, p, Number(p.max), (found) => ({ messages: found.map(message) })),
});

export const queueAck = command({
  name: 'queue.ack',
  id: 105,
  since: '0.1.0',
  summary: 'Confirm a message: it is done and gone.',
  access: 'read',
  resource: queue,
  effect: 'write',
  input: z.object({ queue: QueueName, message_id: MessageId }),
  output: z.object({ success: Done }),
  errors: ['QUEUE_NOT_FOUND', 'MESSAGE_NOT_FOUND'],
  rest: { route: 'POST /queue/:name/ack', params: path, body: ['message_id'] },
  example: { before: held, input: { queue: 'jobs', message_id: ID }, output: { success: true } },
  run(context, p) {
    const { now } = context;
    changing(context, p.queue).ack(p.queue, p.message_id, now);
    return { success: true as const };
  },
});

export const queueAckBatch = command({
  name: 'queue.ack_batch',
  id: 106,
  since: '0.1.0',
  summary: 'Confirm up to 1,000 messages; answers which of them were not in flight.',
  access: 'read',
  resource: queue,
  effect: 'write',
  input: z.object({ queue: QueueName, message_ids: z.array(z.string()) }),
  output: z.object({ acked: z.int(), missing: z.array(z.string()) }),
  errors: ['QUEUE_NOT_FOUND', 'INVALID_VALUE'],
  rest: { route: 'POST /queue/:name/ack-batch', params: path, body: ['message_ids'] },
  example: {
    before: [{ command: 'queue.create', input: { name: 'jobs' } }],
    input: { queue: 'jobs', message_ids: ['unknown'] },
    output: { acked: 0, missing: ['unknown'] },
  },
  run(context, p) {
    const { now } = context;
    const { acked, missing } = changing(context, p.queue).ackBatch(p.queue, p.message_ids, now);
    return { acked, missing: [...missing] };
  },
});

export const queueNack = command({
  name: 'queue.nack',
  id: 107,
  since: '0.1.0',
  summary: 'Give a message back: to the tail of its priority, or to the dead letters.',
  access: 'read',
  resource: queue,
  effect: 'write',
  input: z.object({ queue: QueueName, message_id: MessageId, requeue: z.boolean().default(true) }),
  output: z.object({ success: Done }),
  errors: ['QUEUE_NOT_FOUND', 'MESSAGE_NOT_FOUND'],
  rest: { route: 'POST /queue/:name/nack', params: path, body: ['message_id', 'requeue'], require: ['requeue'] },
  example: {
    before: held,
    input: { queue: 'jobs', message_id: ID, requeue: false },
    output: { success: true },
  },
  run(context, p) {
    const { now } = context;
    changing(context, p.queue).nack(p.queue, p.message_id, p.requeue, now);
    return { success: true as const };
  },
});

export const queueExtend = command({
  name: 'queue.extend',
  id: 108,
  since: '0.1.0',
  summary: 'Move the deadline of a message in flight to `ms` milliseconds from now.',
  access: 'read',
  resource: queue,
  effect: 'write',
  input: z.object({ queue: QueueName, message_id: MessageId, ms: U64 }),
  output: z.object({ success: Done, deadline: z.int().meta({ description: 'Unix milliseconds.' }) }),
  errors: ['QUEUE_NOT_FOUND', 'MESSAGE_NOT_FOUND', 'INVALID_VALUE'],
  rest: { route: 'POST /queue/:name/extend', params: path, body: ['message_id', 'ms'] },
  example: {
    before: held,
    input: { queue: 'jobs', message_id: ID, ms: 60_000 },
    output: { success: true, deadline: 1_790_000_060_000 },
  },
  run: ({ queues, now }, p) => ({
    success: true as const,
    deadline: queues.extend(p.queue, p.message_id, Number(p.ms), now),
  }),
});

export const queueStats = command({
  name: 'queue.stats',
  id: 109,
  since: '0.1.0',
  summary: 'Messages ready now, and the lifetime counters of a queue.',
  access: 'read',
  resource: queue,
  effect: 'read',
  input: z.object({ queue: QueueName }),
  output: z.object({
    acked: z.int(),
    consumed: z.int(),
    consumers: z.int().meta({ description: 'Consumers that hold a message now.' }),
    dead_lettered: z.int(),
    depth: z.int(),
    nacked: z.int(),
    published: z.int(),
  }),
  errors: ['QUEUE_NOT_FOUND'],
  rest: { route: 'GET /queue/:name/stats', params: path },
  example: {
    before: [{ command: 'queue.create', input: { name: 'jobs' } }],
    input: { queue: 'jobs' },
    output: { acked: 0, consumed: 0, consumers: 0, dead_lettered: 0, depth: 0, nacked: 0, published: 0 },
  },
  run({ queues }, p) {
    const { acked, consumed, consumers, deadLettered, depth, nacked, published } = queues.stats(p.queue);
    return { acked, consumed, consumers, dead_lettered: deadLettered, depth, nacked, published };
  },
});

export const queueList = command({
  name: 'queue.list',
  id: 110,
  since: '0.1.0',
  summary: 'The names of all queues.',
  access: 'read',
  resource: () => 'queue:*',
  effect: 'read',
  input: z.object({}),
  output: z.object({ queues: z.array(z.string()) }),
  errors: [],
  rest: { route: 'GET /queue/list' },
  example: { before: [{ command: 'queue.create', input: { name: 'jobs' } }], input: {}, output: { queues: ['jobs'] } },
  run: ({ queues }) => ({ queues: queues.list() }),
});

export const queuePurge = command({
  name: 'queue.purge',
  id: 111,
  since: '0.1.0',
  summary: 'Drop the ready messages of a queue; what is in flight, delayed or dead stays.',
  access: 'delete',
  resource: queue,
  effect: 'write',
  input: z.object({ queue: QueueName }),
  output: z.object({ purged: z.int() }),
  errors: ['QUEUE_NOT_FOUND'],
  rest: { route: 'POST /queue/:name/purge', params: path, reply: ({ purged }) => ({ purged, success: true }) },
  example: {
    before: [{ command: 'queue.create', input: { name: 'jobs' } }],
    input: { queue: 'jobs' },
    output: { purged: 0 },
  },
  run: ({ queues, now }, p) => ({ purged: queues.purge(p.queue, now) }),
});

export const queueDelete = command({
  name: 'queue.delete',
  id: 112,
  since: '0.1.0',
  summary: 'Delete a queue with everything in it.',
  access: 'delete',
  resource: queue,
  effect: 'write',
  input: z.object({ queue: QueueName }),
  output: z.object({ deleted: z.boolean() }),
  errors: [],
  rest: { route: 'DELETE /queue/:name', params: path, reply: ({ deleted }) => ({ deleted, success: true }) },
  envelope: {
    require: { queue: "Missing 'queue' or 'name' field" },
    prepare: (payload) => (payload['queue'] === undefined ? { queue: payload['name'] } : payload),
  },
  example: { input: { queue: 'nothing' }, output: { deleted: false } },
  run: ({ queues, now }, p) => ({ deleted: queues.delete(p.queue, now) }),
});
