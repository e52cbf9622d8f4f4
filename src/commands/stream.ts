/**
 * Commands of stream rooms (synap-core.md section 4).
 */
import * as z from 'zod';
import { canonical } from '../core/json.ts';
import type { RoomLimits } from '../stream/rooms.ts';
import type { From, RoomEvent, RoomRead } from '../stream/types.ts';
import { command } from './define.ts';
import { seconds, textMembers } from './message.ts';
import { fallback } from './payload.ts';
import { u64 } from './readers.ts';
import { ByteArray, Done, Json, TextMap, U64 } from './schemas.ts';
import { FromOffset, fromOffset } from './stream-schemas.ts';

const room = (p: { room: string }): string => `stream:${p.room}`;
const RoomName = z.string().meta({ description: 'Name of the room.' });

/** What a new room keeps; on REST in the query, since these routes read no body (4.1). */
const Limits = {
  max_events: U64.nullish().meta({
    description: 'Events the room keeps; ten times that while a subscriber lags. 0: as `stream.max_events` says.',
  }),
  retention_secs: U64.nullish().meta({
    description: 'Seconds an event is kept, 0 for ever; as `stream.retention_secs` says when absent.',
  }),
  max_bytes: U64.nullish().meta({
    description:
      'Bytes of events the room keeps, whoever has still to read them; 256 MiB at most, and when 0 or absent.',
  }),
};
const limitsQuery = { max_events: u64, retention_secs: u64, max_bytes: u64 };
const limits = (p: z.output<z.ZodObject<typeof Limits>>): RoomLimits => ({
  maxEvents: p.max_events,
  retentionSecs: p.retention_secs,
  maxBytes: p.max_bytes,
});

const isText = (value: unknown): boolean => typeof value === 'string';

const Event = z.object({
  id: z.string(),
  offset: z.int(),
  room: z.string(),
  event: z.string(),
  data: ByteArray.meta({ description: 'Bytes of the JSON text.' }),
  timestamp: z.int().meta({ description: 'Unix seconds.' }),
  metadata: TextMap,
});

const shown = (name: string, event: RoomEvent): z.input<typeof Event> => ({
  id: event.id,
  offset: event.offset,
  room: name,
  event: event.event,
  data: Buffer.from(event.data, 'utf8'),
  timestamp: seconds(event.timestamp),
  metadata: event.metadata,
});

export const streamCreate = command({
  name: 'stream.create',
  id: 200,
  since: '0.1.0',
  summary: 'Make a room; refused when it exists.',
  access: 'configure',
  resource: room,
  effect: 'write',
  input: z.object({ room: RoomName, ...Limits }),
  output: z.object({ room: z.string(), success: Done }),
  errors: ['ROOM_EXISTS', 'INVALID_VALUE', 'LIMIT_REACHED'],
  rest: { route: 'POST /stream/:room', query: limitsQuery },
  example: { input: { room: 'chat', retention_secs: 86_400 }, output: { room: 'chat', success: true } },
  run({ rooms, now }, p) {
    rooms.create(p.room, limits(p), now);
    return { room: p.room, success: true as const };
  },
});

export const streamGetOrCreate = command({
  name: 'stream.get_or_create',
  id: 201,
  since: '0.1.0',
  summary: 'Make a room unless it exists; one that does keeps its limits.',
  access: 'configure',
  resource: room,
  effect: 'write',
  input: z.object({ room: RoomName, ...Limits }),
  output: z.object({ created: z.boolean(), room: z.string(), success: Done }),
  errors: ['INVALID_VALUE', 'LIMIT_REACHED'],
  rest: { route: 'PUT /stream/:room', query: limitsQuery },
  example: { input: { room: 'chat', max_bytes: 1_048_576 }, output: { created: true, room: 'chat', success: true } },
  run: ({ rooms, now }, p) => ({
    created: rooms.getOrCreate(p.room, limits(p), now),
    room: p.room,
    success: true as const,
  }),
});

export const streamDelete = command({
  name: 'stream.delete',
  id: 202,
  since: '0.1.0',
  summary: 'Delete a room with its events; open subscriptions end.',
  access: 'delete',
  resource: room,
  effect: 'write',
  input: z.object({ room: RoomName }),
  output: z.object({ deleted: z.string(), success: Done }),
  errors: ['ROOM_NOT_FOUND'],
  rest: { route: 'DELETE /stream/:room', reply: ({ deleted }) => ({ room: deleted, success: true }) },
  example: {
    before: [{ command: 'stream.create', input: { room: 'chat' } }],
    input: { room: 'chat' },
    output: { deleted: 'chat', success: true },
  },
  run({ rooms }, p) {
    rooms.delete(p.room);
    return { deleted: p.room, success: true as const };
  },
});

export const streamPublish = command({
  name: 'stream.publish',
  id: 203,
  since: '0.1.0',
  summary: 'Append an event to a room; answers its offset.',
  access: 'write',
  resource: room,
  effect: 'write',
  input: z.object({ room: RoomName, event: z.string(), data: Json, metadata: TextMap.nullish() }),
  output: z.object({ offset: z.int(), room: z.string() }),
  errors: ['ROOM_NOT_FOUND', 'MEMORY_LIMIT'],
  rest: { route: 'POST /stream/:room/publish', body: '*' },
  envelope: { prepare: (payload) => ({ ...payload, metadata: textMembers(payload['metadata']) }) },
  example: {
    before: [{ command: 'stream.create', input: { room: 'chat' } }],
    input: { room: 'chat', event: 'message', data: { text: 'hi' } },
    output: { offset: 0, room: 'chat' },
  },
  run: ({ rooms, now }, p) => ({
    offset: rooms.publish(p.room, p.event, canonical(p.data), p.metadata ?? undefined, now),
    room: p.room,
  }),
});

export const streamConsume = command({
  name: 'stream.consume',
  id: 204,
  since: '0.1.0',
  summary: 'Read events of a room from an offset on.',
  notes:
    'The subscriber id only steers retention and counters. Offsets below the oldest kept event are refused. With `wait_ms` an empty read waits for the next event. At most 10,000 events are answered.',
  access: 'read',
  resource: room,
  effect: 'read',
  input: z.object({
    room: RoomName,
    subscriber_id: z.string(),
    from_offset: FromOffset,
    limit: U64.nullish().meta({ description: 'Default 100; 0 gives none.' }),
    wait_ms: U64.nullish().meta({ description: 'Milliseconds to wait, at most 60,000; default 0.' }),
  }),
  output: z.object({ events: z.array(Event), next_offset: U64 }),
  errors: ['ROOM_NOT_FOUND', 'OFFSET_OUT_OF_RANGE', 'INVALID_VALUE', 'LIMIT_REACHED'],
  rest: {
    route: 'GET /stream/:room/consume/:subscriber_id',
    query: { from_offset: fromOffset, limit: u64, wait_ms: u64 },
  },
  example: {
    before: [{ command: 'stream.create', input: { room: 'chat' } }],
    input: { room: 'chat', subscriber_id: 's1' },
    output: { events: [], next_offset: 0 },
  },
  run(context, p) {
    const { rooms, now } = context;
    const from: From = p.from_offset ?? 0;
    const limit = p.limit ?? 100;
    const show = (read: RoomRead) => ({
      events: read.events.map((event) => shown(p.room, event)),
      next_offset: read.nextOffset,
    });
    const wait = Number(p.wait_ms ?? 0);
    if (wait === 0) return show(rooms.consume(p.room, p.subscriber_id, from, limit, now));
    return new Promise((resolve, reject) => {
      const reply = { answer: (read: RoomRead) => resolve(show(read)), refuse: reject };
      const waiting = rooms.wait(p.room, p.subscriber_id, from, limit, now + wait, reply, now);
      context.cancel = () => waiting.cancel();
    });
  },
});

export const streamStats = command({
  name: 'stream.stats',
  id: 205,
  since: '0.1.0',
  summary: 'What a room holds, and its counters.',
  notes: '`key` is read where `room` is absent.',
  access: 'read',
  resource: room,
  effect: 'read',
  input: z.object({ room: RoomName }),
  output: z.object({
    name: z.string(),
    message_count: z.int(),
    min_offset: z.int(),
    max_offset: z.int(),
    subscriber_count: z.int(),
    total_published: z.int(),
    total_consumed: z.int(),
    dropped: z.int(),
    created_at: z.int().meta({ description: 'Unix milliseconds.' }),
    generation: z.int().meta({ description: 'Larger whenever the room was made anew.' }),
  }),
  errors: ['ROOM_NOT_FOUND'],
  rest: { route: 'GET /stream/:room/stats' },
  envelope: { prepare: (payload) => fallback(payload, 'room', 'key', isText) },
  example: {
    before: [{ command: 'stream.create', input: { room: 'chat' } }],
    input: { room: 'chat' },
    output: {
      name: 'chat',
      message_count: 0,
      min_offset: 0,
      max_offset: 0,
      subscriber_count: 0,
      total_published: 0,
      total_consumed: 0,
      dropped: 0,
      created_at: 1_790_000_000_000,
      generation: 1_790_000_000_000,
    },
  },
  run({ rooms }, p) {
    const stats = rooms.stats(p.room);
    return {
      name: stats.name,
      message_count: stats.messageCount,
      min_offset: stats.minOffset,
      max_offset: stats.maxOffset,
      subscriber_count: stats.subscriberCount,
      total_published: stats.totalPublished,
      total_consumed: stats.totalConsumed,
      dropped: stats.dropped,
      created_at: stats.createdAt,
      generation: stats.generation,
    };
  },
});

export const streamList = command({
  name: 'stream.list',
  id: 206,
  since: '0.1.0',
  summary: 'The names of all rooms.',
  access: 'read',
  resource: () => 'stream:*',
  effect: 'read',
  input: z.object({}),
  output: z.object({ count: z.int(), rooms: z.array(z.string()) }),
  errors: [],
  rest: { route: 'GET /stream/list' },
  example: {
    before: [{ command: 'stream.create', input: { room: 'chat' } }],
    input: {},
    output: { count: 1, rooms: ['chat'] },
  },
  run({ rooms }) {
    const names = rooms.list();
    return { count: names.length, rooms: names };
  },
});
