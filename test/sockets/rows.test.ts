/** Every push row is complete, and its example really occurs on `/ws`. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { COMMANDS } from '../../src/commands/index.ts';
import { PUSHES } from '../../src/commands/live.ts';
import { topicResources } from '../../src/commands/topic-resources.ts';
import { type LiveServer, liveServer, stopAll } from '../support/live.ts';

let server: LiveServer;
beforeAll(async () => {
  server = await liveServer();
});
afterAll(() => {
  stopAll();
  expect(server.faults).toEqual([]);
});

/** What makes the item of each example happen. */
const HAPPENS: Record<string, { before?: () => void; after?: () => void }> = {
  'pubsub.listen': { after: () => server.run('pubsub.publish', { topic: 'orders.new', payload: { id: 7 } }) },
  'kv.watch': { after: () => server.run('kv.set', { key: 'user:1', value: 'alice' }) },
  'queue.listen': {
    before: () => server.run('queue.create', { name: 'jobs' }),
    after: () => server.run('queue.publish', { queue: 'jobs', payload: [106, 111, 98] }),
  },
  'stream.listen': {
    before: () => server.run('stream.create', { room: 'chat' }),
    after: () => server.run('stream.publish', { room: 'chat', event: 'message', data: { text: 'hi' } }),
  },
  'chat.listen': {
    before: () => server.run('chat.create_message', { author: 'ana', thread: 'trip', body: 'hello' }),
    after: () => server.run('chat.create_message', { author: 'ana', thread: 'trip', body: 'hi' }),
  },
  'topic.listen': {
    before: () => server.run('topic.create', { topic: 'orders', num_partitions: 1 }),
    after: () => server.run('topic.publish', { topic: 'orders', event_type: 'created', data: { id: 7 } }),
  },
};

const varies = /^[0-9a-f]{8}-|^msg-\d+-\d+$/;
const comparable = (value: unknown): unknown => {
  if (typeof value === 'string') return varies.test(value) ? '<id>' : value;
  if (typeof value === 'number') return value > 1e9 ? '<time>' : value;
  if (Array.isArray(value)) return value.map(comparable);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, comparable(member)]));
};

describe('push rows', () => {
  it('have names and ids of their own', () => {
    const rows = [...COMMANDS, ...PUSHES];
    expect(new Set(rows.map((row) => row.id)).size).toBe(rows.length);
    expect(new Set(rows.map((row) => row.name)).size).toBe(rows.length);
    expect(Object.keys(HAPPENS).sort()).toEqual(PUSHES.map((row) => row.name).sort());
  });

  it.each(PUSHES.map((row) => [row.name, row] as const))('%s does what its example says', async (name, row) => {
    HAPPENS[name]?.before?.();
    const client = await server.open('/ws');
    client.send({ id: 1, command: name, payload: row.example.input });
    const [hello] = (await client.take(1)) as { payload: unknown }[];
    expect(comparable(hello)).toEqual(
      comparable({ id: 1, success: true, payload: row.example.hello, error: null, code: null }),
    );
    HAPPENS[name]?.after?.();
    const [pushed] = (await client.take(1)) as { event: unknown }[];
    expect(comparable(pushed)).toEqual(comparable({ id: 1, event: row.example.item }));
    const shapes = z.toJSONSchema(row.hello as z.ZodObject, { unrepresentable: 'any' }) as { properties: object };
    expect(Object.keys(shapes.properties).sort()).toEqual(Object.keys(row.example.hello as object).sort());
    await client.close();
  });

  it('of topics ask for the keys behind internal topics', () => {
    expect(topicResources('a.b')).toEqual(['pubsub:a.b']);
    expect(topicResources('a.#')).toEqual(['pubsub:a.#', 'pubsub:a']);
    expect(topicResources('__watch@0__:user:1')).toEqual(['pubsub:__watch@0__:user:1', 'kv:user:1']);
    expect(topicResources('__keyevent@0__:set')).toEqual(['pubsub:__keyevent@0__:set', 'kv:*']);
    expect(topicResources('__*')).toContain('kv:*');
  });

  it('of topics ask for the threads that they can tell about', () => {
    const threads = (topic: string): string[] => topicResources(topic).filter((one) => one.startsWith('chat:'));
    expect(threads('chat.thread.trip.message')).toEqual(['chat:trip']);
    expect(threads('chat.thread.trip.v1.2.*')).toEqual(['chat:trip.v1.2']);
    expect(threads('chat.thread.tr*.message')).toEqual(['chat:tr*']);
    expect(threads('chat.thread.trip.#')).toEqual(['chat:trip', 'chat:trip.#']);
    for (const wide of [
      '#',
      '*.#',
      'chat.#',
      'c*.thr*d.#',
      'chat.thread.#',
      'chat.thread.*.*',
      '*.*.*.*',
      '*.thread.trip.edit',
    ])
      expect([wide, threads(wide)]).toEqual([wide, ['chat:*']]);
    for (const other of [
      'chat.thread',
      'chat.thread.trip',
      '*.*.*',
      'chat.room.#',
      'd*.#',
      'chats.thread.a.b',
      '__x.#',
    ])
      expect([other, threads(other)]).toEqual([other, []]);
  });
});

describe('topic.listen', () => {
  const publish = (topic: string, n: number): unknown =>
    server.run('topic.publish', { topic, event_type: 'e', data: { n } });

  it('gives what is there, then what comes, each once and in order, and waits for a reader that lags', async () => {
    server.run('topic.create', { topic: 'long', num_partitions: 1 });
    for (let n = 0; n < 1000; n++) publish('long', n);
    const client = await server.open('/ws');
    client.send({ id: 1, command: 'topic.listen', payload: { topic: 'long', partition_id: 0, from_offset: 5 } });
    expect(await client.take(1)).toMatchObject([{ payload: { from_offset: 5 } }]);
    client.ws.pause();
    for (let n = 1000; n < 2000; n++) publish('long', n);
    client.ws.resume();
    const events = (await client.take(1995)) as { event: { offset: number; data: { n: number } } }[];
    expect(events.map(({ event }) => [event.offset, event.data.n])).toEqual(
      Array.from({ length: 1995 }, (_, i) => [i + 5, i + 5]),
    );
    publish('long', 2000);
    expect(await client.take(1)).toMatchObject([{ event: { offset: 2000 } }]);
    client.send({ id: 2, command: 'unsubscribe', payload: { id: 1 } });
    await client.take(1);
    expect(server.context.topics.totals().waiting).toBe(0);
    await client.close();
  });

  it('begins at names, is refused where there is nothing, and ends with its topic', async () => {
    server.run('topic.create', { topic: 'short', num_partitions: 1 });
    for (let n = 0; n < 3; n++) publish('short', n);
    const client = await server.open('/ws');
    const ask = async (id: number, payload: object): Promise<unknown> => {
      client.send({ id, command: 'topic.listen', payload });
      return (await client.take(1))[0];
    };
    expect(await ask(1, { topic: 'none', partition_id: 0 })).toMatchObject({ code: 'TOPIC_NOT_FOUND' });
    expect(await ask(1, { topic: 'short', partition_id: 9 })).toMatchObject({ code: 'PARTITION_NOT_FOUND' });
    expect(await ask(1, { topic: 'short', partition_id: 0, from_offset: 'latest' })).toMatchObject({
      payload: { from_offset: 3 },
    });
    server.run('topic.delete', { topic: 'short' });
    expect(await client.take(1)).toMatchObject([{ id: 1, end: { code: 'TOPIC_NOT_FOUND' } }]);
    await client.close();
  });

  it('is reached as server-sent events too, with ids to go on behind', async () => {
    server.run('topic.create', { topic: 'sse', num_partitions: 1 });
    for (let n = 0; n < 3; n++) publish('sse', n);
    const answer = await fetch(`${server.base}/topics/sse/partitions/0/sse`, { headers: { 'last-event-id': '1' } });
    const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
    let text = '';
    while (!text.includes('id: 2')) text += Buffer.from((await reader.read()).value ?? []).toString();
    expect(text).not.toContain('id: 1\n');
    await reader.cancel();
    expect((await fetch(`${server.base}/topics/sse/partitions/x/sse`)).status).toBe(400);
  });
});
