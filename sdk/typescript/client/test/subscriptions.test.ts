/** Subscriptions: they begin, go on after a break, wait for slow readers or say that they cannot, and end. */
import { describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import type * as z from 'zod';
import { PUSHES } from '../../../../src/commands/live.ts';
import type { Pushes, Subscription, Synapd } from '../src/index.ts';
import { connect, fresh, Lasting, sharedServer, until } from './support/server.ts';

const server = sharedServer();

/** What makes the item of each example happen. */
const HAPPENS: Record<string, { before?: (client: Synapd) => unknown; after: (client: Synapd) => unknown }> = {
  'pubsub.listen': { after: (client) => client.pubsub.publish({ topic: 'orders.new', payload: { id: 7 } }) },
  'kv.watch': { after: (client) => client.kv.set({ key: 'user:1', value: 'alice' }) },
  'queue.listen': {
    before: (client) => client.queue.create({ name: 'jobs' }),
    after: (client) => client.queue.publish({ queue: 'jobs', payload: 'job' }),
  },
  'stream.listen': {
    before: (client) => client.stream.create({ room: 'chat' }),
    after: (client) => client.stream.publish({ room: 'chat', event: 'message', data: { text: 'hi' } }),
  },
  'chat.listen': {
    before: (client) => client.chat.createMessage({ author: 'ana', thread: 'trip', body: 'hello' }),
    after: (client) => client.chat.createMessage({ author: 'ana', thread: 'trip', body: 'hi' }),
  },
  'topic.listen': {
    before: (client) => client.topic.create({ topic: 'orders', num_partitions: 1 }),
    after: (client) => client.topic.publish({ topic: 'orders', event_type: 'created', data: { id: 7 } }),
  },
};

describe('the example of', () => {
  it.each(PUSHES.map((row) => [row.name, row] as const))('%s', async (name, row) => {
    const client = connect(server.url);
    await HAPPENS[name]?.before?.(client);
    const [group, method] = name.split('.') as [string, string];
    const listen = (client as unknown as Record<string, Record<string, (input: unknown) => Subscription<unknown>>>)[
      group
    ]?.[method] as (input: unknown) => Subscription<unknown>;
    const items = listen(row.example.input);
    const hello = await items.ready;
    expect((row.hello as z.ZodType).safeParse(hello).error).toBeUndefined();
    await HAPPENS[name]?.after(client);
    const { value } = await items.next();
    expect((row.item as z.ZodType).safeParse(value).error).toBeUndefined();
    expect(Object.keys(value as object).sort()).toEqual(Object.keys(row.example.item as object).sort());
    items.close();
  });
});

async function room(client: Synapd, count: number): Promise<string> {
  const name = fresh('room');
  await client.stream.create({ room: name });
  for (let n = 0; n < count; n++) await client.stream.publish({ room: name, event: 'e', data: n });
  return name;
}

it('break ends a subscription at the server, and so does a signal', async () => {
  const client = connect(server.url);
  const topic = fresh('topic');
  const listeners = async (): Promise<number> =>
    (await client.pubsub.info({ topic }).catch(() => ({ subscriber_count: 0 }))).subscriber_count;
  const controller = new AbortController();
  const byBreak = client.pubsub.listen({ topics: [topic] });
  const bySignal = client.pubsub.listen({ topics: [topic] }, controller);
  await Promise.all([byBreak.ready, bySignal.ready]);
  expect(await listeners()).toBe(2);
  await client.pubsub.publish({ topic, payload: 1 });
  for await (const { payload } of byBreak) {
    expect(payload).toBe(1);
    break;
  }
  await until(async () => (await listeners()) === 1);
  expect((await bySignal.next()).value?.payload).toBe(1);
  const waiting = bySignal.next();
  controller.abort();
  expect(await waiting).toEqual({ done: true, value: undefined });
  await until(async () => (await listeners()) === 0);
  const never = client.pubsub.listen({ topics: [topic] }, { signal: AbortSignal.abort() });
  await expect(never.ready).rejects.toMatchObject({ code: 'CLOSED' });
  expect(await never.next()).toEqual({ done: true, value: undefined });
});

it('a slow reader of a room holds few events and misses none', async () => {
  const client = connect(server.url);
  const name = await room(client, 200);
  const offsets: number[] = [];
  for await (const { offset } of client.stream.listen({ room: name }, { buffer: 8 })) {
    offsets.push(offset);
    if (offset % 50 === 0) await client.kv.get({ key: 'k' });
    if (offset === 199) break;
  }
  expect(offsets).toEqual(Array.from({ length: 200 }, (_, n) => n));
});

it('a slow reader of a topic of pub/sub is told so, after what it has', async () => {
  const client = connect(server.url);
  const topic = fresh('topic');
  const items = client.pubsub.listen({ topics: [topic] }, { buffer: 3 });
  await items.ready;
  for (let n = 0; n < 10; n++) await client.pubsub.publish({ topic, payload: n });
  const got: unknown[] = [];
  const reading = (async () => {
    for await (const { payload } of items) got.push(payload);
  })();
  await expect(reading).rejects.toMatchObject({ code: 'SLOW_CONSUMER' });
  expect(got).toEqual([0, 1, 2, 3]);
  expect(await items.next()).toEqual({ done: true, value: undefined });
});

it('a room that does not exist or is deleted ends it with an error', async () => {
  const client = connect(server.url);
  const none = client.stream.listen({ room: 'no-such-room' });
  await expect(none.next()).rejects.toMatchObject({ code: 'ROOM_NOT_FOUND' });
  await expect(none.ready).rejects.toMatchObject({ code: 'ROOM_NOT_FOUND' });
  const name = await room(client, 0);
  const items = client.stream.listen({ room: name });
  await items.ready;
  await client.stream.delete({ room: name });
  await expect(items.next()).rejects.toMatchObject({ code: 'ROOM_NOT_FOUND' });
});

it('messages of a queue are given back at once when the reader leaves', async () => {
  const client = connect(server.url);
  const queue = fresh('jobs');
  await client.queue.create({ name: queue });
  await client.queue.publishBatch({ queue, messages: [{ payload: 'a' }, { payload: 'b' }] });
  for await (const { message_id, payload } of client.queue.listen({ queue })) {
    expect(payload).toEqual(new TextEncoder().encode('a'));
    await client.queue.ack({ queue, message_id });
    break;
  }
  await until(async () => (await client.queue.stats({ queue })).depth === 1);
});

it('everything there is can be read page by page, in rooms and partitions', async () => {
  const client = connect(server.url);
  const name = await room(client, 3);
  const data: unknown[] = [];
  for await (const event of client.stream.read(name, 1)) data.push(event.data);
  expect(data).toEqual([1, 2]);
  const topic = fresh('topic');
  await client.topic.create({ topic, num_partitions: 1 });
  await client.topic.publish({ topic, event_type: 'e', data: { big: 2n ** 60n }, key: 'k' });
  const events: Pushes['topic.listen']['item'][] = [];
  for await (const event of client.topic.read(topic, 0)) events.push(event);
  expect(events).toMatchObject([{ offset: 0, key: 'k', event_type: 'e', data: { big: 2n ** 60n } }]);
});

it('a subscriber outlives its server: rooms without a gap or a double, topics of pub/sub anew', async () => {
  const lasting = new Lasting();
  await lasting.start();
  const client = connect(lasting.url, { retries: 20 });
  const name = await room(client, 10);
  await client.topic.create({ topic: name, num_partitions: 1 });
  const seen: number[] = [];
  const partition: number[] = [];
  const events = client.stream.listen({ room: name });
  const following = (async () => {
    for await (const { offset } of events) seen.push(offset);
  })();
  const alsoFollowing = (async () => {
    for await (const { offset } of client.topic.listen({ topic: name, partition_id: 0 })) partition.push(offset);
  })();
  const live = client.pubsub.listen({ topics: [name] });
  await live.ready;
  for (let round = 0; round < 2; round++) {
    await until(() => seen.length === 10 + round * 10);
    await lasting.kill();
    await lasting.start();
    for (let n = 0; n < 10; n++) {
      await client.stream.publish({ room: name, event: 'e', data: n });
      await client.topic.publish({ topic: name, event_type: 'e', data: n });
    }
    await until(() => live.reconnects === round + 1);
    await client.pubsub.publish({ topic: name, payload: round });
    expect((await live.next()).value?.payload).toBe(round);
  }
  await until(() => seen.length === 30 && partition.length === 20);
  expect(seen).toEqual(Array.from({ length: 30 }, (_, n) => n));
  expect(partition).toEqual(Array.from({ length: 20 }, (_, n) => n));
  expect(events.reconnects).toBe(2);
  client.close();
  await Promise.allSettled([following, alsoFollowing]);
  await lasting.kill();
}, 60_000);

it('a room that was made anew while nobody looked is not taken for the old one', async () => {
  const lasting = new Lasting();
  await lasting.start();
  const client = connect(lasting.url, { retries: 20 });
  const name = await room(client, 2);
  // the subscriber's own path to the server is cut while the room is replaced
  const items = client.stream.listen({ room: name, from_offset: 'latest' });
  await items.ready;
  await lasting.kill();
  await lasting.start();
  const other = connect(lasting.url, { retries: 20 });
  const outcome = items.next().catch((error: { code: string }) => error.code);
  await other.stream.delete({ room: name });
  await other.stream.create({ room: name });
  // whether it was back in time to see the deletion or not: it ends, and says why
  expect(['ROOM_NOT_FOUND', 'REPLACED']).toContain(await outcome);
  await lasting.kill();
}, 60_000);

it('calls on a socket that dies are refused or done again, by what they are', async () => {
  const sockets = new WebSocketServer({ port: 0 });
  let connections = 0;
  sockets.on('connection', (socket) => {
    const first = ++connections === 1;
    socket.on('message', (frame) => {
      const { id } = JSON.parse(String(frame)) as { id: number };
      if (first) socket.terminate();
      else socket.send(JSON.stringify({ id, success: true, payload: 'again', error: null, code: null }));
    });
  });
  const { port } = sockets.address() as { port: number };
  const client = connect(`http://127.0.0.1:${port}`, { transport: 'socket' });
  const read = client.kv.get({ key: 'k' });
  const write = client.kv.incr({ key: 'k' });
  await expect(write).rejects.toMatchObject({ code: 'CONNECTION_LOST', unknown: true });
  expect(await read).toBe('again');
  expect(connections).toBe(2);
  sockets.close();
});

it('a message that a socket does not take is refused before it is sent', async () => {
  const client = connect(server.url, { transport: 'socket' });
  const big = client.kv.set({ key: 'k', value: 'x'.repeat(3 * 1024 * 1024) });
  await expect(big).rejects.toMatchObject({ code: 'BODY_TOO_LARGE', status: 413 });
  expect(await client.kv.get({ key: 'other' })).toBeNull();
});

it('calls of one tick travel together and are answered each', async () => {
  const seen: string[] = [];
  class Watched extends WebSocket {
    constructor(url: string) {
      super(url);
      seen.push('socket');
      this.on('message', () => seen.push('answer'));
    }
    override send(data: string): void {
      seen.push('call');
      super.send(data);
    }
  }
  const client = connect(server.url, { transport: 'socket', WebSocket: Watched });
  const values = await Promise.all(
    Array.from({ length: 200 }, (_, n) => client.kv.incr({ key: fresh('n'), amount: n })),
  );
  // all of them before the first answer, so that the server has them at once
  expect(seen.slice(0, 201)).toEqual(['socket', ...Array.from({ length: 200 }, () => 'call')]);
  expect(values.map(({ value }) => value)).toEqual(Array.from({ length: 200 }, (_, n) => n));
});
