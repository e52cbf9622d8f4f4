import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, type LiveServer, liveServer, refusedUpgrade, stopAll } from '../support/live.ts';

let server: LiveServer;
beforeAll(async () => {
  server = await liveServer();
});
afterAll(() => {
  stopAll();
  expect(server.faults).toEqual([]);
});

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
let names = 0;
const fresh = (what: string): string => `${what}-${++names}`;

describe('a pub/sub socket', () => {
  it('is told its subscriber and topics first, then every message, members in the order of the sheet', async () => {
    const client = await server.open('/pubsub/ws?topics=,a,,b.*,');
    const connected = await client.text();
    expect(connected).toMatch(
      /^\{"type":"connected","subscriber_id":"[^"]+","topics":\["a","b\.\*"\],"subscription_count":2\}$/,
    );
    server.run('pubsub.publish', { topic: 'b.x', payload: { n: 1 }, metadata: { source: 'x' } });
    expect(await client.text()).toMatch(
      /^\{"type":"message","message_id":"[^"]+","topic":"b\.x","payload":\{"n":1\},"metadata":\{"source":"x"\},"timestamp":\d{10}\}$/,
    );
    server.run('pubsub.publish', { topic: 'a', payload: null, priority: 7 });
    const [message] = await client.take(1);
    expect(message).toMatchObject({ topic: 'a', payload: null, metadata: null, priority: 7 });
    expect(await client.close()).toMatchObject({ code: 1000 });
  });

  it('takes its query form-decoded', async () => {
    const client = await server.open('/pubsub/ws?topics=a+b,c%2Bd,e.%23');
    expect(await client.take(1)).toMatchObject([{ topics: ['a b', 'c+d', 'e.#'] }]);
    await client.close();
  });

  it('is told of a bad pattern in one frame and closed with 1008', async () => {
    const client = await server.open('/pubsub/ws?topics=x,a.%23.%23');
    expect(await client.text()).toBe('{"error":"Invalid value: Pattern can only contain one # wildcard"}');
    expect(await client.end()).toMatchObject({ code: 1008 });
    expect(server.run('pubsub.publish', { topic: 'x', payload: 1 })).toMatchObject({ subscribers_matched: 0 });
  });

  it('ignores whatever a client sends, and goes on', async () => {
    const topic = fresh('t');
    const client = await server.open(`/pubsub/ws?topics=${topic}`);
    await client.take(1);
    client.send('hello');
    client.send({ type: 'subscribe', topics: ['other'] });
    client.send(Buffer.from([1, 2, 3]));
    client.ws.ping('are you there');
    await new Promise((resolve) => client.ws.once('pong', resolve));
    server.run('pubsub.publish', { topic, payload: 1 });
    expect(await client.take(1)).toMatchObject([{ payload: 1 }]);
    await client.close();
  });

  it('keeps the order of publishing for each topic', async () => {
    const client = await server.open('/pubsub/ws?topics=order.*');
    await client.take(1);
    for (let n = 0; n < 500; n++) server.run('pubsub.publish', { topic: `order.${n % 3}`, payload: n });
    const seen = (await client.take(500)) as { payload: number }[];
    expect(seen.map(({ payload }) => payload)).toEqual(Array.from({ length: 500 }, (_, n) => n));
    await client.close();
  });

  it('takes its subscriptions with it when it closes', async () => {
    const topic = fresh('t');
    const client = await server.open(`/pubsub/ws?topics=${topic}`);
    await client.take(1);
    expect(server.run('pubsub.publish', { topic, payload: 1 })).toMatchObject({ subscribers_matched: 1 });
    client.ws.terminate();
    await eventually(
      () =>
        (server.run('pubsub.publish', { topic, payload: 1 }) as { subscribers_matched: number }).subscribers_matched ===
        0,
    );
  });

  it('is muted when its id is unsubscribed elsewhere', async () => {
    const client = await server.open('/pubsub/ws?topics=mute.a,mute.b');
    const [{ subscriber_id }] = (await client.take(1)) as [{ subscriber_id: string }];
    expect(subscriber_id).toMatch(uuid);
    expect(server.run('pubsub.unsubscribe', { subscriber_id, topics: ['mute.a'] })).toEqual({ unsubscribed: 1 });
    server.run('pubsub.publish', { topic: 'mute.a', payload: 1 });
    server.run('pubsub.publish', { topic: 'mute.b', payload: 2 });
    expect(await client.take(1)).toMatchObject([{ topic: 'mute.b' }]);
    await client.close();
  });

  it('is encoded once however many sockets receive a message', async () => {
    const topic = fresh('once');
    const clients = await Promise.all(Array.from({ length: 20 }, () => server.open(`/pubsub/ws?topics=${topic}`)));
    for (const client of clients) await client.take(1);
    let printed = 0;
    const payload = {
      get n(): number {
        printed++;
        return 1;
      },
    };
    server.context.pubsub.publish(topic, payload, null, undefined, server.context.clock.now());
    const texts = await Promise.all(clients.map((client) => client.text()));
    expect(new Set(texts).size).toBe(1);
    expect(printed).toBe(1);
    await Promise.all(clients.map((client) => client.close()));
  });
});

describe('a watch socket', () => {
  it('is told every change of its keys', async () => {
    const client = await server.open('/kv/ws?keys=k1,user:*');
    expect(await client.text()).toMatch(
      /^\{"type":"connected","subscriber_id":"[^"]+","topics":\["__watch@0__:k1","__watch@0__:user:\*"\],"subscription_count":2\}$/,
    );
    server.run('kv.set', { key: 'k1', value: 'alice' });
    server.run('kv.set', { key: 'user:7', value: 1 });
    server.run('kv.del', { key: 'k1' });
    expect(await client.text()).toMatch(
      /^\{"type":"message","message_id":"[^"]+","topic":"__watch@0__:k1","payload":\{"key":"k1","event":"set","version":1,"value":"alice"\},"metadata":null,"timestamp":\d+\}$/,
    );
    expect(await client.take(2)).toMatchObject([
      { payload: { key: 'user:7', event: 'set', value: '1' } },
      { payload: { key: 'k1', event: 'del', version: 2 } },
    ]);
    await client.close();
  });

  it('is told of an expiry that nobody met', async () => {
    const client = await server.open('/kv/ws?keys=dying');
    await client.take(1);
    await fetch(`${server.base}/kv/set`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"key":"dying","value":"v","ttl":0}',
    });
    expect(await client.take(2)).toMatchObject([
      { payload: { event: 'set', version: 1 } },
      { payload: { key: 'dying', event: 'expired', version: 2 } },
    ]);
    await client.close();
  });
});

describe('a queue socket', () => {
  it('may come before its queue, and is told a message the moment it arrives', async () => {
    const queue = fresh('q');
    const client = await server.open(`/queue/${queue}/ws/w1`);
    expect(await client.text()).toBe(`{"type":"connected","queue":"${queue}","consumer_id":"w1"}`);
    server.run('queue.create', { name: queue });
    server.run('queue.publish', { queue, payload: [106, 111, 98], headers: { a: 'x' } });
    expect(await client.text()).toMatch(
      /^\{"type":"message","message_id":"[^"]+","payload":\[106,111,98\],"priority":5,"retry_count":0,"created_at":\d{10},"headers":\{"a":"x"\}\}$/,
    );
    await client.close();
  });

  it('acknowledges and gives back, and gets no reply', async () => {
    const queue = fresh('q');
    server.run('queue.create', { name: queue, prefetch_limit: 1 });
    for (const n of [1, 2, 3]) server.run('queue.publish', { queue, payload: [n] });
    const client = await server.open(`/queue/${queue}/ws/w1`);
    const [, first] = (await client.take(2)) as { message_id: string; payload: number[] }[];
    expect(first?.payload).toEqual([1]);
    client.send({ command: 'ack', message_id: first?.message_id });
    const [second] = (await client.take(1)) as { message_id: string; payload: number[] }[];
    expect(second?.payload).toEqual([2]);
    client.send({ command: 'nack', message_id: second?.message_id, requeue: false });
    const [third] = (await client.take(1)) as { message_id: string }[];
    client.send({ command: 'nack', message_id: third?.message_id });
    expect(await client.take(1)).toMatchObject([{ payload: [3], retry_count: 1 }]);
    expect(server.run('queue.stats', { queue })).toMatchObject({ acked: 1, nacked: 2, dead_lettered: 1, depth: 0 });
    await client.close();
  });

  it('ignores frames it cannot read', async () => {
    const queue = fresh('q');
    server.run('queue.create', { name: queue });
    const client = await server.open(`/queue/${queue}/ws/w1`);
    await client.take(1);
    for (const garbage of [
      'garbage',
      '[1,2',
      'null',
      '5',
      '[]',
      '{'.repeat(5000),
      '['.repeat(5000),
      { command: 'nope' },
      { command: 'ack' },
      { command: 'ack', message_id: 'nope' },
      { command: { a: 1 }, message_id: [1] },
      { command: 'nack', message_id: 5, requeue: 'x' },
      Buffer.from([0xc1, 0xff]),
    ])
      client.send(garbage);
    server.run('queue.publish', { queue, payload: [7] });
    expect(await client.take(1)).toMatchObject([{ payload: [7] }]);
    expect(client.closed).toBeUndefined();
    await client.close();
  });

  it('gives back at once what it holds when it closes, even without a handshake', async () => {
    const queue = fresh('q');
    server.run('queue.create', { name: queue });
    for (const n of [1, 2]) server.run('queue.publish', { queue, payload: [n] });
    const first = await server.open(`/queue/${queue}/ws/w1`);
    await first.take(3);
    const second = await server.open(`/queue/${queue}/ws/w2`);
    await second.take(1);
    first.ws.terminate();
    expect(await second.take(2)).toMatchObject([
      { payload: [1], retry_count: 1 },
      { payload: [2], retry_count: 1 },
    ]);
    await second.close();
  });

  it('shares the messages with other sockets, each once', async () => {
    const queue = fresh('q');
    server.run('queue.create', { name: queue });
    const clients = await Promise.all(['a', 'b', 'c'].map((id) => server.open(`/queue/${queue}/ws/${id}`)));
    for (const client of clients) await client.take(1);
    for (let n = 0; n < 30; n++) server.run('queue.publish', { queue, payload: [n] });
    const shares = await Promise.all(clients.map((client) => client.take(10)));
    const seen = shares.flat().map((frame) => (frame as { payload: number[] }).payload[0] as number);
    expect(seen.sort((a, b) => a - b)).toEqual(Array.from({ length: 30 }, (_, n) => n));
    await Promise.all(clients.map((client) => client.close()));
  });

  it('decodes its names', async () => {
    const client = await server.open('/queue/a%2Fb/ws/w%20%C3%A9');
    expect(await client.take(1)).toEqual([{ type: 'connected', queue: 'a/b', consumer_id: 'w é' }]);
    await client.close();
  });
});

describe('a stream socket', () => {
  it('sends what is there first, then each event as it is published', async () => {
    const room = fresh('r');
    server.run('stream.create', { room });
    server.run('stream.publish', { room, event: 'a', data: { x: 1 } });
    server.run('stream.publish', { room, event: 'b', data: 'two' });
    const client = await server.open(`/stream/${room}/ws/s1`);
    expect(await client.text()).toBe(`{"type":"connected","room":"${room}","subscriber_id":"s1","from_offset":0}`);
    expect(await client.text()).toMatch(
      /^\{"type":"event","offset":0,"event":"a","data":\{"x":1\},"timestamp":\d{10}\}$/,
    );
    expect(await client.take(1)).toMatchObject([{ offset: 1, data: 'two' }]);
    server.run('stream.publish', { room, event: 'c', data: null });
    expect(await client.take(1)).toMatchObject([{ offset: 2, event: 'c', data: null }]);
    await client.close();
  });

  it('begins where it is told to', async () => {
    const room = fresh('r');
    server.run('stream.create', { room });
    for (const n of [0, 1, 2]) server.run('stream.publish', { room, event: 'e', data: n });
    const begin = async (query: string): Promise<unknown> => {
      const client = await server.open(`/stream/${room}/ws/s${query.length}?${query}`);
      const [connected] = (await client.take(1)) as { from_offset: unknown }[];
      await client.close();
      return connected?.from_offset;
    };
    expect(await begin('from_offset=2')).toBe(2);
    expect(await begin('from_offset=x')).toBe(0);
    expect(await begin('from_offset=-1')).toBe(0);
    expect(await begin('from_offset=latest')).toBe(3);
    expect(await begin('from_offset=earliest')).toBe(0);
  });

  it('is told of an unknown room and of a deleted one, and closed', async () => {
    const unknown = await server.open('/stream/nowhere/ws/s1');
    expect(await unknown.take(2)).toEqual([
      { type: 'connected', room: 'nowhere', subscriber_id: 's1', from_offset: 0 },
      { type: 'error', error: "Room 'nowhere' not found" },
    ]);
    expect(await unknown.end()).toMatchObject({ code: 1008 });
    const room = fresh('r');
    server.run('stream.create', { room });
    const client = await server.open(`/stream/${room}/ws/s1`);
    await client.take(1);
    server.run('stream.delete', { room });
    expect(await client.take(1)).toEqual([{ type: 'error', error: `Room '${room}' not found` }]);
    expect(await client.end()).toMatchObject({ code: 1000 });
  });

  it('is told when its offset is gone', async () => {
    const room = fresh('r');
    server.run('stream.create', { room, max_events: 1 });
    for (const n of [0, 1, 2]) server.run('stream.publish', { room, event: 'e', data: n });
    const client = await server.open(`/stream/${room}/ws/s1`);
    expect((await client.take(2))[1]).toEqual({
      type: 'error',
      error: 'Stream offset 0 out of range; earliest retained offset is 2',
    });
    expect(await client.end()).toMatchObject({ code: 1008 });
  });
});

describe('what is no conversation', () => {
  const routes = ['/kv/ws', '/pubsub/ws', '/queue/q/ws/w', '/stream/r/ws/s', '/ws'];

  it.each(routes)('%s answers a plain GET with 400 and other methods with 405', async (path) => {
    const get = await fetch(server.base + path);
    expect(get.status).toBe(400);
    expect(await get.json()).toEqual({ code: 400, error: "Connection header did not include 'upgrade'" });
    const post = await fetch(server.base + path, { method: 'POST' });
    expect(post.status).toBe(405);
    expect(post.headers.get('allow')).toBe('GET,HEAD');
  });

  it('refuses an upgrade without topics or keys', async () => {
    expect(await refusedUpgrade(server, '/kv/ws?keys=,')).toMatchObject({
      status: 400,
      body: { code: 400, error: 'At least one key required in query param: ?keys=key1,key2' },
    });
    expect(await refusedUpgrade(server, '/pubsub/ws')).toMatchObject({
      status: 400,
      body: { code: 400, error: 'At least one topic required in query param: ?topics=topic1,topic2' },
    });
  });

  it.each([
    ['connection', 'close', "Connection header did not include 'upgrade'"],
    ['upgrade', 'h2c', "`Upgrade` header did not include 'websocket'"],
    ['sec-websocket-version', '12', "`Sec-WebSocket-Version` header did not include '13'"],
    ['sec-websocket-key', '', '`Sec-WebSocket-Key` header missing'],
  ])('refuses a handshake whose %s header is %s', async (name, value, error) => {
    expect(await refusedUpgrade(server, '/kv/ws', { [name]: value })).toMatchObject({
      status: 400,
      body: { code: 400, error },
    });
  });

  it('refuses names that are not UTF-8', async () => {
    expect(await refusedUpgrade(server, '/queue/%FF/ws/w')).toMatchObject({
      status: 400,
      body: { error: 'Invalid URL: Invalid UTF-8 in `name`' },
    });
  });
});
