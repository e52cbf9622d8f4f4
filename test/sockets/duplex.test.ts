import fc from 'fast-check';
import { pack, unpack } from 'msgpackr';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CommandError } from '../../src/core/errors.ts';
import { JsonFloat, RawJson } from '../../src/core/json.ts';
import { duplex } from '../../src/faces/duplex.ts';
import { Gate } from '../../src/transports/gate.ts';
import { decodeText, parseJson } from '../../src/wire/json.ts';
import { packed, unpacked } from '../../src/wire/msgpack.ts';
import type { Client } from '../support/client.ts';
import { eventually, type LiveServer, liveServer, stopAll } from '../support/live.ts';
import { runs, seed } from '../support/seed.ts';

let server: LiveServer;
beforeAll(async () => {
  server = await liveServer();
});
afterAll(() => {
  stopAll();
  expect(server.faults).toEqual([]);
});

/** Sends one request and waits for the answer with its id. */
async function ask(client: Client, request: Record<string, unknown>): Promise<Record<string, unknown>> {
  client.send(request);
  const [answer] = (await client.take(1)) as Record<string, unknown>[];
  return answer ?? {};
}

describe('/ws in JSON', () => {
  it('answers a command with its payload, members in order', async () => {
    const client = await server.open('/ws');
    client.send('{"id":1,"command":"kv.set","payload":{"key":"a","value":"x"}}');
    expect(await client.text()).toBe('{"id":1,"success":true,"payload":{"success":true},"error":null,"code":null}');
    client.send('{"id":"two","command":"kv.get","payload":{"key":"a"}}');
    expect(await client.text()).toBe('{"id":"two","success":true,"payload":"x","error":null,"code":null}');
    client.send('{"id":18446744073709551615,"command":"kv.incr","payload":{"key":"n","amount":9007199254740993}}');
    expect(await client.text()).toBe(
      '{"id":18446744073709551615,"success":true,"payload":{"value":9007199254740993},"error":null,"code":null}',
    );
    await client.close();
  });

  it('knows the other names and shapes that the command endpoint knows', async () => {
    const client = await server.open('/ws');
    expect(await ask(client, { id: 1, command: 'kv.incrby', payload: { key: 'i', delta: 5 } })).toMatchObject({
      payload: { value: 5 },
    });
    expect(await ask(client, { id: 2, command: 'stream.stats', payload: { key: 'none' } })).toMatchObject({
      success: false,
      payload: null,
      error: "Invalid request: Room 'none' not found",
      code: 'ROOM_NOT_FOUND',
    });
    await client.close();
  });

  it('refuses what it cannot read, names why, and goes on', async () => {
    const client = await server.open('/ws');
    const refused = async (message: string): Promise<unknown> => {
      client.send(message);
      const [answer] = (await client.take(1)) as { id: unknown; success: boolean; code: string }[];
      expect(answer?.success).toBe(false);
      return [answer?.id, answer?.code];
    };
    expect(await refused('garbage')).toEqual([null, 'BAD_JSON']);
    expect(await refused('[]')).toEqual([null, 'INVALID_REQUEST']);
    expect(await refused('{}')).toEqual([null, 'INVALID_REQUEST']);
    expect(await refused('{"id":1.5,"command":"kv.get"}')).toEqual([null, 'INVALID_REQUEST']);
    expect(await refused('{"id":1}')).toEqual([1, 'INVALID_REQUEST']);
    expect(await refused('{"id":1,"command":"kv.nope"}')).toEqual([1, 'UNKNOWN_COMMAND']);
    expect(await refused('{"id":1,"command":"kv.get","payload":[]}')).toEqual([1, 'INVALID_REQUEST']);
    expect(await refused('{"id":1,"command":"kv.get"}')).toEqual([1, 'INVALID_REQUEST']);
    expect(await refused('{"id":1,"command":"kv.set","payload":{"key":"k","value":1,"ttl":1.5}}')).toEqual([
      1,
      'INVALID_REQUEST',
    ]);
    expect(await refused(`{"id":1,"command":"kv.set","payload":${'['.repeat(500)}`)).toEqual([null, 'BAD_JSON']);
    expect(await ask(client, { id: 2, command: 'kv.exists', payload: { key: 'k' } })).toMatchObject({
      payload: { exists: false },
    });
    await client.close();
  });

  it('answers many requests in flight, each by its id', async () => {
    const client = await server.open('/ws');
    for (let id = 0; id < 2000; id++) client.send({ id, command: 'kv.incr', payload: { key: 'many' } });
    const answers = (await client.take(2000)) as { id: number; payload: { value: number } }[];
    expect(answers.map(({ id }) => id).sort((a, b) => a - b)).toEqual(Array.from({ length: 2000 }, (_, n) => n));
    expect(answers.every(({ id, payload }) => payload.value === id + 1)).toBe(true);
    await client.close();
  });

  it('does not let a request that waits hold up the others', async () => {
    const client = await server.open('/ws');
    server.run('queue.create', { name: 'waited' });
    client.send({ id: 1, command: 'queue.consume', payload: { queue: 'waited', consumer_id: 'w', wait_ms: 30_000 } });
    expect(await ask(client, { id: 2, command: 'kv.exists', payload: { key: 'none' } })).toMatchObject({ id: 2 });
    expect(await ask(client, { id: 1, command: 'kv.exists', payload: { key: 'none' } })).toMatchObject({
      id: 1,
      success: false,
      error: 'Invalid request: the id is in use',
    });
    server.run('queue.publish', { queue: 'waited', payload: [1] });
    expect(await client.take(1)).toMatchObject([{ id: 1, success: true, payload: { message: { payload: [1] } } }]);
    await client.close();
  });

  it('gives up what waits when it closes', async () => {
    server.run('queue.create', { name: 'given-up' });
    const client = await server.open('/ws');
    client.send({ id: 1, command: 'queue.consume', payload: { queue: 'given-up', consumer_id: 'w', wait_ms: 30_000 } });
    await eventually(() => server.context.queues.detail('given-up', server.context.clock.now()).waiting === 1);
    client.ws.terminate();
    await eventually(() => server.context.queues.detail('given-up', server.context.clock.now()).waiting === 0);
  });
});

describe('subscriptions on /ws', () => {
  it('are answered with their hello, then pushed beside answers, and end when they are told to', async () => {
    const client = await server.open('/ws');
    expect(await ask(client, { id: 7, command: 'pubsub.listen', payload: { topics: ['d.*'] } })).toMatchObject({
      id: 7,
      success: true,
      payload: { topics: ['d.*'], subscription_count: 1 },
    });
    server.run('pubsub.publish', { topic: 'd.x', payload: { n: 1 } });
    expect(await client.text()).toMatch(
      /^\{"id":7,"event":\{"message_id":"[^"]+","topic":"d\.x","payload":\{"n":1\},"metadata":null,"timestamp":\d+\}\}$/,
    );
    expect(await ask(client, { id: 8, command: 'unsubscribe', payload: { id: 7 } })).toMatchObject({
      payload: { unsubscribed: true },
    });
    expect(server.run('pubsub.publish', { topic: 'd.x', payload: 2 })).toMatchObject({ subscribers_matched: 0 });
    expect(await ask(client, { id: 9, command: 'unsubscribe', payload: { id: 7 } })).toMatchObject({
      payload: { unsubscribed: false },
    });
    await client.close();
  });

  it('consume a queue whose messages are acknowledged on the same socket', async () => {
    server.run('queue.create', { name: 'dq' });
    for (const n of [1, 2]) server.run('queue.publish', { queue: 'dq', payload: [n] });
    const client = await server.open('/ws');
    await ask(client, { id: 1, command: 'queue.listen', payload: { queue: 'dq', consumer_id: 'w', prefetch: 1 } });
    const [first] = (await client.take(1)) as { event: { message_id: string; max_retries: number } }[];
    expect(first).toMatchObject({ id: 1, event: { payload: [1], max_retries: 3 } });
    client.send({ id: 2, command: 'queue.ack', payload: { queue: 'dq', message_id: first?.event.message_id } });
    const next = (await client.take(2)) as { id: number }[];
    expect(next).toContainEqual(expect.objectContaining({ id: 2, success: true }));
    expect(next).toContainEqual(expect.objectContaining({ id: 1, event: expect.objectContaining({ payload: [2] }) }));
    await client.close();
    await eventually(() => server.context.queues.stats('dq').depth === 1);
  });

  it('of a room tell when it is deleted', async () => {
    server.run('stream.create', { room: 'gone' });
    server.run('stream.publish', { room: 'gone', event: 'e', data: 1 });
    const client = await server.open('/ws');
    await ask(client, { id: 'r', command: 'stream.listen', payload: { room: 'gone', subscriber_id: 's' } });
    expect(await client.take(1)).toMatchObject([{ id: 'r', event: { offset: 0, event: 'e', data: 1, metadata: {} } }]);
    server.run('stream.delete', { room: 'gone' });
    expect(await client.take(1)).toEqual([
      { id: 'r', end: { error: "Invalid request: Room 'gone' not found", code: 'ROOM_NOT_FOUND' } },
    ]);
    expect(await ask(client, { id: 'r', command: 'kv.exists', payload: { key: 'x' } })).toMatchObject({
      success: true,
    });
    await client.close();
  });

  it('are refused with an answer when they cannot begin', async () => {
    const client = await server.open('/ws');
    expect(
      await ask(client, { id: 1, command: 'stream.listen', payload: { room: 'nowhere', subscriber_id: 's' } }),
    ).toMatchObject({ id: 1, success: false, code: 'ROOM_NOT_FOUND' });
    expect(await ask(client, { id: 1, command: 'pubsub.listen', payload: { topics: ['a.#.b'] } })).toMatchObject({
      code: 'INVALID_VALUE',
    });
    expect(await ask(client, { id: 1, command: 'pubsub.listen', payload: { topics: [] } })).toMatchObject({
      code: 'INVALID_REQUEST',
    });
    await client.close();
  });
});

describe('/ws in msgpack', () => {
  const binary = async (client: Client, request: unknown): Promise<Record<string, unknown>> => {
    client.send(pack(request));
    await client.until(() => client.frames.length > 0);
    return unpack(client.frames.shift() as Buffer) as Record<string, unknown>;
  };

  it('carries bytes as bytes, and answers in kind', async () => {
    server.run('queue.create', { name: 'bin' });
    const client = await server.open('/ws');
    expect(
      await binary(client, {
        id: 1,
        command: 'queue.publish',
        payload: { queue: 'bin', payload: Buffer.from([0, 255]) },
      }),
    ).toMatchObject({ id: 1, success: true, error: null, code: null });
    await binary(client, { id: 2, command: 'queue.listen', payload: { queue: 'bin', consumer_id: 'w' } });
    await client.until(() => client.frames.length > 0);
    const pushed = unpack(client.frames.shift() as Buffer) as { id: number; event: { payload: Uint8Array } };
    expect(pushed.id).toBe(2);
    expect([...pushed.event.payload]).toEqual([0, 255]);
    client.send({ id: 3, command: 'kv.exists', payload: { key: 'none' } });
    expect(await client.text()).toContain('"id":3');
    await client.close();
  });

  it('refuses bytes that are no value, without harm', async () => {
    const client = await server.open('/ws');
    for (const bytes of [[0xc1], [0xdd, 0xff, 0xff, 0xff, 0xff], [0x91], [0xd4, 0x72, 0x40], [0x81, 0x01, 0x02], []]) {
      client.send(Buffer.from(bytes));
      await client.until(() => client.frames.length > 0);
      expect(unpack(client.frames.shift() as Buffer)).toMatchObject({ id: null, success: false, code: 'BAD_MSGPACK' });
    }
    expect(await binary(client, { id: 4, command: 'kv.exists', payload: { key: 'x' } })).toMatchObject({ id: 4 });
    await client.close();
  });
});

describe('any message on /ws', () => {
  it('gets one answer and does no harm, whatever it is', () => {
    const { context, table } = server;
    const answers: { bytes: Uint8Array; binary: boolean }[] = [];
    const parse = (bytes: Uint8Array): unknown => parseJson(decodeText(bytes));
    const fault = (error: unknown): never => {
      throw error;
    };
    const talk = duplex({ table, fault, parse, packed, unpacked, clock: context.clock }).open(context, [], '');
    talk.start(
      { send: (frame) => answers.push(frame) > 0, sendAll: ({ list }) => answers.push(...list) > 0, close: () => {} },
      context.clock.now(),
    );
    const names = [...table.calls.keys(), ...table.pushes.keys(), 'unsubscribe', 'nope'].filter(
      (name) => !name.includes('flush') && !name.startsWith('server.'),
    );
    const scalar = fc.oneof(fc.string(), fc.integer(), fc.double(), fc.boolean(), fc.constant(null));
    const loose = fc.oneof(
      scalar,
      fc.array(scalar, { maxLength: 3 }),
      fc.dictionary(fc.string(), scalar, { maxKeys: 3 }),
    );
    const field = fc.constantFrom(
      'key',
      'value',
      'queue',
      'topics',
      'topic',
      'room',
      'event',
      'data',
      'keys',
      'payload',
      'id',
    );
    const request = fc.record({
      id: fc.oneof(fc.nat(), fc.string(), loose),
      command: fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...names) }, { weight: 1, arbitrary: loose }),
      payload: fc.oneof(
        { weight: 5, arbitrary: fc.dictionary(field, loose, { maxKeys: 4 }) },
        { weight: 1, arbitrary: loose },
      ),
    });
    return fc
      .assert(
        fc.asyncProperty(
          fc.oneof(
            request.map((value) => ({ bytes: Buffer.from(JSON.stringify(value)), binary: false })),
            request.map((value) => ({ bytes: packed(value), binary: true })),
            fc.string().map((text) => ({ bytes: Buffer.from(text), binary: false })),
            fc.record({ bytes: fc.uint8Array({ maxLength: 64 }), binary: fc.boolean() }),
          ),
          async ({ bytes, binary }) => {
            context.now = context.clock.now();
            answers.length = 0;
            talk.receive(context, bytes, binary);
            while (answers.length === 0) await new Promise((resolve) => setImmediate(resolve)); // some commands take slices
            expect(answers[0]?.binary).toBe(binary);
            const pushed = answers.filter((frame) => !Buffer.from(frame.bytes).includes('success')).length;
            expect(answers.length - pushed).toBe(1);
          },
        ),
        { seed, numRuns: runs(2000) },
      )
      .finally(() => talk.closed(context.clock.now(), false));
  });
});

describe('a server that waits for the disk', () => {
  it('answers a write on /ws once it is flushed, and a read at once', async () => {
    let position = 0;
    let flushed = 0;
    let told: (flushed: number, error: CommandError | undefined) => void = () => {};
    const gate = new Gate({
      waits: true,
      position: () => position,
      urgent: () => position,
      flushed: () => flushed,
      onFlushed: (listener) => {
        told = listener;
      },
    });
    const durable = await liveServer({ gate });
    const { kv } = durable.context;
    const set = kv.set.bind(kv);
    kv.set = (...args) => {
      position++;
      return set(...args);
    };
    const client = await durable.open('/ws');
    client.send({ id: 1, command: 'kv.set', payload: { key: 'a', value: 1 } });
    expect(await ask(client, { id: 2, command: 'kv.exists', payload: { key: 'a' } })).toMatchObject({ id: 2 });
    flushed = 1;
    told(1, undefined);
    expect(await client.take(1)).toMatchObject([{ id: 1, success: true }]);
    client.send({ id: 3, command: 'kv.set', payload: { key: 'a', value: 2 } });
    await eventually(() => gate.held === 1);
    told(1, new CommandError('READ_ONLY', { detail: 'the disk is gone' }));
    expect(await client.take(1)).toMatchObject([{ id: 3, success: false, code: 'READ_ONLY' }]);
    await client.close();
  });
});

describe('the msgpack codec', () => {
  const value = fc.letrec((tie) => ({
    any: fc.oneof(
      { maxDepth: 5 },
      fc.constant(null),
      fc.boolean(),
      fc.integer(),
      fc.double({ noNaN: true, noDefaultInfinity: true }).filter((x) => !Object.is(x, -0)),
      fc.bigInt({ min: 2n ** 53n + 1n, max: 2n ** 64n - 1n }),
      fc.bigInt({ min: -(2n ** 63n), max: -(2n ** 53n) - 1n }),
      fc.string({ unit: 'grapheme' }),
      fc.uint8Array({ maxLength: 300 }),
      fc.array(tie('any'), { maxLength: 20 }),
      fc.dictionary(
        fc.string({ unit: 'grapheme' }).filter((name) => name !== '__proto__'),
        tie('any'),
        { noNullPrototype: true },
      ),
    ),
  })).any;
  const comparable = (x: unknown): unknown =>
    x instanceof Uint8Array
      ? [...x]
      : Array.isArray(x)
        ? x.map(comparable)
        : typeof x === 'object' && x !== null
          ? Object.fromEntries(Object.entries(x).map(([k, v]) => [k, comparable(v)]))
          : x;

  it('gives back every value it packed', () => {
    fc.assert(
      fc.property(value, (x) => {
        expect(comparable(unpacked(packed(x)))).toEqual(comparable(x));
      }),
      { seed, numRuns: runs(300) },
    );
  });

  it('answers or refuses any bytes, whole or cut short, without harm', () => {
    const tried = (bytes: Uint8Array): void => {
      try {
        unpacked(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(CommandError);
      }
    };
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), tried), { seed, numRuns: runs(3000) });
    fc.assert(
      fc.property(value, fc.nat(), (x, cut) => {
        const bytes = packed(x);
        tried(bytes.subarray(0, cut % (bytes.length + 1)));
      }),
      { seed, numRuns: runs(300) },
    );
  });

  it('is not made to reserve room by a few bytes that claim millions of items', () => {
    const bomb = Buffer.concat(Array.from({ length: 100 }, () => Buffer.from([0xdd, 0x01, 0xff, 0xff, 0xff])));
    const before = process.memoryUsage().rss;
    expect(() => unpacked(bomb)).toThrow('ends too early');
    expect(process.memoryUsage().rss - before).toBeLessThan(50_000_000);
  });

  it('refuses nesting as deep as JSON refuses it', () => {
    const nested = (levels: number): Buffer => Buffer.from([...Array.from({ length: levels }, () => 0x91), 0xc0]);
    expect(() => unpacked(nested(127))).not.toThrow();
    expect(() => unpacked(nested(128))).toThrow('too deep');
  });

  it('shows exact JSON values as what they are', () => {
    expect(unpack(packed({ a: new RawJson('{"b":[1,"x"]}'), c: new JsonFloat(2), d: undefined }) as Buffer)).toEqual({
      a: { b: [1, 'x'] },
      c: 2,
    });
  });
});
