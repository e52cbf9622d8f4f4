/**
 * HTTP itself, where ours answers better than the recordings (synap-core.md 1.4, 8.1-19, 9-23, 9-29).
 */
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { describe, expect, it } from 'vitest';
import { hosted, refusal } from './support.ts';

const user = hosted();

const SHAPE = /^Failed to deserialize the JSON body into the target type: /;
const SYNTAX = /^Failed to parse the request body as JSON: /;
const alive = async (): Promise<void> =>
  expect(await user.get('/health')).toMatchObject({ service: 'synap', status: 'healthy' });

describe('a 404 and a 405', () => {
  it('say what is wrong in JSON, with Allow where there are methods, and with the CORS header', async () => {
    for (const [method, path, status, allow] of [
      ['GET', '/nope', 404, null],
      ['GET', '/kv/set', 405, 'POST'],
      ['POST', '/health', 405, 'GET,HEAD'],
      ['GET', '/queue/jobs', 405, 'POST,DELETE'],
    ] as const) {
      const answer = await user.request(method, path);
      expect(answer).toEqual(refusal(status, /./));
      expect(answer.headers.get('allow')).toBe(allow);
      expect(answer.headers.get('access-control-allow-origin')).toBe('*');
    }
  });

  it('to HEAD have no body', async () => {
    for (const [path, status] of [
      ['/nope', 404],
      ['/kv/set', 405],
    ] as const) {
      const answer = await user.request('HEAD', path);
      expect([answer.status, answer.type, answer.text]).toEqual([status, 'application/json', '']);
    }
  });
});

describe('a refusal before any command', () => {
  it('for a content type that is no JSON is 415', async () => {
    const text = /^Expected request with `Content-Type: application\/json`/;
    expect(await user.post('/kv/set')).toEqual(refusal(415, text));
    expect(await user.post('/kv/set', '{}', { 'content-type': 'text/plain' })).toEqual(refusal(415, text));
    expect(await user.post('/api/v1/command', '{}', { 'content-type': 'text/json' })).toEqual(refusal(415, text));
  });

  it('for text that is no JSON is 400, for JSON of another shape 422, and both say what', async () => {
    expect(await user.post('/kv/set', 'nope')).toEqual(refusal(400, SYNTAX));
    expect(await user.post('/kv/set', '')).toEqual(refusal(400, SYNTAX));
    expect(await user.post('/kv/set', { key: 'k' })).toEqual(refusal(422, SHAPE));
    expect((await user.post('/kv/set', { key: 'k' })).text).toContain('missing field `value`');
    expect(await user.post('/api/v1/command', { command: 'kv.get', payload: {} })).toEqual(refusal(422, SHAPE));
  });

  it('for a path that cannot be read is 400 and names the parameter', async () => {
    expect(await user.request('GET', '/kv/get/%FF')).toEqual(refusal(400, 'Invalid URL: Invalid UTF-8 in `key`'));
    expect(await user.request('GET', '/consumer-groups/a/offsets/x')).toEqual(
      refusal(400, 'Invalid URL: Cannot parse value at index 1 with value `x` to a `u64`'),
    );
  });

  it('for a body over two mebibytes is 413', async () => {
    const answer = await user.post('/kv/set', { key: 'k', value: 'x'.repeat(2_097_152) });
    expect(answer).toEqual(refusal(413, /^Failed to buffer the request body: length limit exceeded/));
    await alive();
  });

  it('for a handshake that is none is 400 and says what it lacks', async () => {
    const handshake = {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
    };
    const ask = async (path: string, headers: Record<string, string>): Promise<unknown> => {
      const outgoing = request(user.base + path, { headers, agent: false });
      outgoing.end();
      const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
      let text = '';
      for await (const chunk of response) text += chunk;
      return { status: response.statusCode, type: response.headers['content-type'], body: JSON.parse(text) };
    };
    const connection = "Connection header did not include 'upgrade'";
    for (const path of ['/kv/ws', '/pubsub/ws', '/queue/q/ws/w', '/stream/r/ws/s'])
      expect(await ask(path, {})).toEqual(refusal(400, connection));
    const without = (name: string): Record<string, string> =>
      Object.fromEntries(Object.entries(handshake).filter(([header]) => header !== name));
    expect(await ask('/kv/ws?keys=k', { ...handshake, upgrade: 'h2c' })).toEqual(
      refusal(400, "`Upgrade` header did not include 'websocket'"),
    );
    expect(await ask('/kv/ws?keys=k', without('sec-websocket-version'))).toEqual(
      refusal(400, "`Sec-WebSocket-Version` header did not include '13'"),
    );
    expect(await ask('/kv/ws?keys=k', without('sec-websocket-key'))).toEqual(
      refusal(400, '`Sec-WebSocket-Key` header missing'),
    );
    expect(await ask('/kv/ws?keys=,', handshake)).toEqual(
      refusal(400, 'At least one key required in query param: ?keys=key1,key2'),
    );
    expect(await ask('/pubsub/ws', handshake)).toEqual(
      refusal(400, 'At least one topic required in query param: ?topics=topic1,topic2'),
    );
  });
});

describe('text that is not JSON', () => {
  it('is 400 whatever stands in it before the fault', async () => {
    for (const text of ['{"key":5,nope', '{"key":"k",nope', '{"key":"k","value":1,"ttl":-1', '5 x'])
      expect([text, await user.post('/kv/set', text)]).toEqual([text, refusal(400, SYNTAX)]);
    expect(await user.get('/kv/get/k')).toEqual({ error: 'Key not found' });
  });
});

describe('a JSON array instead of an object', () => {
  it('is 422 on every JSON route, and nothing is done', async () => {
    const sent: [string, unknown[]][] = [
      ['/api/v1/command', ['kv.set', 'q', { key: 'array', value: 1 }]],
      ['/api/v1/command', ['kv.exists', 'q']],
      ['/queue/array', [null, null, null, null, null]],
      ['/queue/array', []],
      ['/kv/set', ['array', 1]],
      ['/kv/array/append', ['x']],
      ['/kv/array/setrange', [0, 'x']],
      ['/kv/array/getset', ['x']],
      ['/kv/msetnx', [[['array', 1]]]],
      ['/key/array/rename', ['b']],
      ['/key/array/renamenx', ['b']],
      ['/key/array/copy', ['b']],
      ['/topics/array', [3, 1]],
      ['/consumer-groups/array', ['t', 3]],
      ['/pubsub/subscribe', [['array']]],
      ['/pubsub/array/publish', [1]],
      ['/pubsub/unsubscribe', ['array']],
    ];
    for (const [path, body] of sent) expect([path, await user.post(path, body)]).toEqual([path, refusal(422, SHAPE)]);
    expect(await user.get('/queue/list')).toEqual({ queues: [] });
    expect(await user.get('/kv/get/array')).toEqual({ error: 'Key not found' });
    expect(await user.get('/topics')).toEqual({ count: 0, topics: [] });
    expect(await user.get('/consumer-groups')).toEqual({ count: 0, groups: [] });
    expect(await user.get('/pubsub/stats')).toMatchObject({ total_subscribers: 0, messages_published: 0 });
  });

  it('acknowledges nothing, publishes nothing and joins nothing', async () => {
    await user.put('/queue/held', {});
    await user.put('/queue/held/publish', { payload: [1] });
    const { message_id } = (await user.get('/queue/held/consume/w')) as { message_id: string };
    await user.post('/stream/room');
    await user.put('/topics/topic', {});
    await user.put('/consumer-groups/group', { topic: 'topic', partition_count: 3 });
    const sent: [string, unknown[]][] = [
      ['/queue/held/publish', [[1]]],
      ['/queue/held/ack', [message_id]],
      ['/queue/held/nack', [message_id, true]],
      ['/stream/room/publish', ['e', 1]],
      ['/topics/topic/publish', ['e', 1]],
      ['/topics/topic/partitions/0/consume', [0, 10]],
      ['/consumer-groups/group/join', [30]],
      ['/consumer-groups/group/offsets/commit', [0, 1]],
    ];
    for (const [path, body] of sent) expect([path, await user.post(path, body)]).toEqual([path, refusal(422, SHAPE)]);
    expect(await user.get('/queue/held/stats')).toMatchObject({ published: 1, acked: 0, nacked: 0, consumers: 1 });
    expect(await user.get('/stream/room/stats')).toMatchObject({ total_published: 0 });
    expect(await user.get('/consumer-groups/group/stats')).toMatchObject({ member_count: 0, committed_partitions: 0 });
  });
});

describe('nesting', () => {
  const nested = (key: string, levels: number): string =>
    `{"key":"${key}","value":${'['.repeat(levels)}${']'.repeat(levels)}}`;

  it('is taken up to 127 levels of the whole body, and is 400 beyond, never a crash', async () => {
    expect((await user.post('/kv/set', nested('deep', 126))).status).toBe(200);
    expect(await user.get('/kv/deep/strlen')).toEqual({ length: 252 });
    expect(await user.post('/kv/set', nested('deeper', 127))).toEqual(refusal(400, SYNTAX));
    for (const levels of [10_000, 1_000_000])
      expect(await user.post('/kv/set', nested('deeper', levels))).toEqual(refusal(400, SYNTAX));
    expect(await user.post('/kv/set', '['.repeat(2_000_000))).toEqual(refusal(400, SYNTAX));
    await alive();
    expect(await user.get('/kv/get/deeper')).toEqual({ error: 'Key not found' });
  });

  it('is counted over the whole body by the command endpoint too', async () => {
    const envelope = (levels: number): string =>
      `{"command":"kv.set","request_id":"q","payload":${nested('command', levels)}}`;
    expect((await user.post('/api/v1/command', envelope(125))).body).toMatchObject({ success: true });
    expect(await user.post('/api/v1/command', envelope(126))).toEqual(refusal(400, SYNTAX));
  });
});
