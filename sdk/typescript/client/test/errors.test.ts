/** Each way a call can fail is one error that says what to do; nothing stands in for an answer. */
import { expect, it } from 'vitest';
import { freePort, startServer } from '../../../../test/support/process.ts';
import { REFUSALS } from '../src/codes.ts';
import { METHODS } from '../src/commands.ts';
import { codeOf } from '../src/failures.ts';
import { type ClientOptions, type Synapd, SynapdError } from '../src/index.ts';
import { connect } from './support/server.ts';
import { type Answer, hangUp, payload, refusal, reply, stub } from './support/stub.ts';

const HTML = '<html><body><h1>502 Bad Gateway</h1></body></html>';

/** How a call fails. */
async function failure(
  url: string,
  options: ClientOptions = {},
  call: (client: Synapd) => Promise<unknown> = (client) => client.kv.get({ key: 'k' }),
): Promise<SynapdError> {
  const outcome = await call(connect(url, { retries: 0, timeout: 5_000, ...options })).then(
    (value) => ({ value }),
    (error: unknown) => error,
  );
  if (outcome instanceof SynapdError) return outcome;
  throw new Error(`no SynapdError but ${JSON.stringify(outcome)}`, { cause: outcome });
}
const failing = async (answer: Answer, call?: (client: Synapd) => Promise<unknown>): Promise<SynapdError> =>
  failure((await stub(answer)).url, {}, call);

it.each(['http', 'socket'] as const)('an unreachable server is named, over %s', async (transport) => {
  const url = `http://127.0.0.1:${await freePort()}`;
  const error = await failure(url, { transport });
  expect(error).toMatchObject({ code: 'UNREACHABLE', status: undefined, retryable: true, unknown: false });
  expect(error.message).toMatch(new RegExp(`^Cannot reach ${url} for .*Check that the server runs there`));
});

it('a host that does not exist is unreachable too', async () => {
  expect(await failure('http://nowhere.invalid:15500')).toMatchObject({ code: 'UNREACHABLE' });
});

it.each(['http', 'socket'] as const)('missing and wrong credentials are a 401, over %s', async (transport) => {
  const server = await startServer(['--memory'], {
    SYNAPD_AUTH_ENABLED: 'true',
    SYNAPD_AUTH_REQUIRE_AUTH: 'true',
    SYNAPD_AUTH_ROOT_PASSWORD: 'correct horse battery',
  });
  for (const options of [{}, { apiKey: 'sk_wrong' }, { username: 'root', password: 'guess' }]) {
    const error = await failure(server.base, { transport, ...options });
    expect(error).toMatchObject({ code: 'UNAUTHORIZED', status: 401, retryable: false, unknown: false });
    expect(error.message).toContain('Pass apiKey, or username and password, to the client.');
  }
  const root = connect(server.base, { username: 'root', password: 'correct horse battery' });
  const {
    key: { key: apiKey },
  } = await root.auth.key.create({
    name: 'reader',
    permissions: [{ resource: 'kv:*', action: 'read' }],
  });
  for (const nx of [undefined, true]) {
    const error = await failure(server.base, { transport, apiKey }, (client) =>
      client.kv.set({ key: 'k', value: 1, nx }),
    );
    expect(error).toMatchObject({ code: 'FORBIDDEN', status: 403 });
  }
  expect(await connect(server.base, { transport, apiKey }).kv.get({ key: 'k' })).toBeNull();
  await server.stop();
});

it.each(['http', 'socket'] as const)('what the server refuses has its code and status, over %s', async (transport) => {
  const server = await startServer();
  const fails = (call: (client: Synapd) => Promise<unknown>): Promise<SynapdError> =>
    failure(server.base, { transport }, call);
  const missing = await fails((client) => client.queue.stats({ queue: 'none' }));
  expect(missing).toMatchObject({ code: 'QUEUE_NOT_FOUND', status: 404, detail: 'Queue not found: none' });
  expect(missing.message).toBe('Queue not found: none. No queue has this name; create it first.');
  await connect(server.base).queue.create({ name: 'small', max_depth: 1 });
  const publish = (client: Synapd): Promise<unknown> => client.queue.publish({ queue: 'small', payload: 'x' });
  await publish(connect(server.base));
  expect(await fails(publish)).toMatchObject({ code: 'QUEUE_FULL', status: 507, retryable: true, unknown: false });
  await server.stop();
});

it('a full server is a 507 with its words, and is not asked again and again', async () => {
  const server = await stub(refusal('Memory limit exceeded'));
  const error = await failure(server.url, { retries: 4 });
  expect(error).toMatchObject({ code: 'MEMORY_LIMIT', status: 507, retryable: true });
  expect(error.message).toContain('The memory budget is used up');
  expect(server.asked).toHaveLength(1);
});

it('an address that is not of a server is a 404 that says so', async () => {
  const error = await failing(reply(404, '{"code":404,"error":"Not found: /api/v1/command"}'));
  expect(error).toMatchObject({ code: 'NOT_FOUND', status: 404 });
  expect(error.message).toContain('the address of a synapd server?');
});

it('a page of a proxy is no answer, whatever its status', async () => {
  for (const status of [200, 401, 404, 500, 502]) {
    const error = await failing(reply(status, HTML, 'text/html'));
    expect(error).toMatchObject({ code: 'BAD_ANSWER', status, retryable: status === 502 });
    expect(error.message).toContain('text/html instead of JSON. It begins: "<html><body>');
  }
  expect((await failing(reply(502, HTML, 'text/html'))).message).toContain(
    'A proxy in between cannot reach the server',
  );
});

it('a reply that is cut in the middle is an error', async () => {
  const short: Answer = (_, response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': 100 });
    response.write('{"success":true,');
    setImmediate(() => response.destroy());
  };
  expect(await failing(short)).toMatchObject({ code: 'CONNECTION_LOST', retryable: true, unknown: true });
  const damaged = await failing(reply(200, '{"success":true,"request_id":"1","payl'));
  expect(damaged).toMatchObject({ code: 'BAD_ANSWER', retryable: true, unknown: true });
  expect(damaged.message).toContain('ends too early or is damaged');
});

it('JSON that is no answer to this call is an error', async () => {
  const bodies = [
    'null',
    '{}',
    '[]',
    '"text"',
    '{"success":true,"request_id":"other","payload":null,"error":null}',
    '{"success":true,"request_id":"1","error":null}',
    '{"success":"yes","request_id":"1","payload":1}',
    '{"success":false,"request_id":"1","payload":null,"error":null}',
  ];
  for (const body of bodies) {
    const error = await failing(reply(200, body));
    expect(error).toMatchObject({ code: 'BAD_ANSWER', unknown: true, retryable: false });
    expect(error.message).toContain('JSON that is no answer to it');
  }
});

it('a connection that breaks leaves the outcome unknown', async () => {
  expect(await failing(hangUp)).toMatchObject({ code: 'CONNECTION_LOST', retryable: true, unknown: true });
});

it('an answer that does not come in time is a time-out, and the call may have its own time', async () => {
  const silent: Answer = () => {};
  const { url } = await stub(silent);
  const error = await failure(url, { timeout: 30 });
  expect(error).toMatchObject({ code: 'TIMEOUT', retryable: true, unknown: true });
  expect(error.message).toContain('did not answer kv.get within 30 ms');
  const own = await failure(url, {}, (client) => client.kv.get({ key: 'k' }, { timeout: 20 }));
  expect(own.message).toContain('within 20 ms');
  const waits = await failure(url, { timeout: 20 }, (client) =>
    client.queue.consume({ queue: 'q', consumer_id: 'c', wait_ms: 30 }),
  );
  expect(waits.message).toContain('within 50 ms');
});

it('reads are tried again after a failure that may pass, and so are writes that may be done twice', async () => {
  const calls: [string, (client: Synapd) => Promise<unknown>, number][] = [
    ['a read', (client) => client.kv.get({ key: 'k' }), 3],
    ['a set', (client) => client.kv.set({ key: 'k', value: 1 }), 3],
    ['a publish with a key', (client) => client.queue.publish({ queue: 'q', payload: 1, message_key: 'once' }), 3],
    ['a publish', (client) => client.queue.publish({ queue: 'q', payload: 1 }), 1],
    ['an increment', (client) => client.kv.incr({ key: 'k' }), 1],
  ];
  for (const [what, call, attempts] of calls) {
    const server = await stub(hangUp, reply(502, HTML, 'text/html'), payload({ success: true }));
    const outcome = await call(connect(server.url)).then(
      () => 'done',
      (error: unknown) => (error as SynapdError).code,
    );
    expect([what, outcome, server.asked.length]).toEqual([what, attempts === 3 ? 'done' : 'CONNECTION_LOST', attempts]);
  }
});

it('a write that certainly was not done is tried again, after the time that the server asks for', async () => {
  const busy = reply(429, '{"code":429,"error":"Quota exceeded: slow down"}', 'application/json', {
    'retry-after': '0',
  });
  const server = await stub(refusal('Unavailable: starting'), busy, payload({ message_id: 'm' }));
  const client = connect(server.url);
  expect(await client.queue.publish({ queue: 'q', payload: 1 })).toEqual({ message_id: 'm' });
  expect(server.asked).toHaveLength(3);
  const slow = await failing(
    reply(429, '{"code":429,"error":"Quota exceeded: x"}', 'application/json', { 'retry-after': '7' }),
  );
  expect(slow).toMatchObject({ code: 'RATE_LIMITED', status: 429, retryAfter: 7_000 });
});

it('a read-only server leaves the outcome of a write unknown', async () => {
  const error = await failing(refusal('Read only: disk'), (client) => client.kv.incr({ key: 'k' }));
  expect(error).toMatchObject({ code: 'READ_ONLY', status: 503, retryable: true, unknown: true });
});

it('what a newer server refuses is an error too', async () => {
  const error = await failing(refusal('Sorry: something new'));
  expect(error).toMatchObject({ code: 'REFUSED', status: 400, message: 'Sorry: something new' });
});

it.each(['http', 'socket'] as const)(
  'a signal gives a call up, before, during and between attempts, over %s',
  async (transport) => {
    const server = await startServer();
    const client = connect(server.base, { transport });
    await client.kv.get({ key: 'k' });
    expect(
      await client.kv.get({ key: 'k' }, { signal: AbortSignal.abort('why') }).catch((error: unknown) => error),
    ).toMatchObject({
      code: 'ABORTED',
      cause: 'why',
      unknown: false,
    });
    const controller = new AbortController();
    const waiting = client.queue.consume({ queue: 'q', consumer_id: 'c', wait_ms: 60_000 }, controller);
    await client.kv.get({ key: 'k' });
    controller.abort(new Error('enough'));
    await expect(waiting).rejects.toMatchObject({ code: 'ABORTED', message: 'queue.consume was aborted: enough.' });
    await server.stop();
    const between = new AbortController();
    const retrying = client.kv.get({ key: 'k' }, { signal: between.signal, retries: 1_000 });
    setImmediate(() => between.abort());
    await expect(retrying).rejects.toMatchObject({ code: 'ABORTED' });
  },
);

it('a closed client refuses, and refuses what was under way', async () => {
  const { url } = await stub(() => {});
  const controller = new AbortController();
  const client = connect(url, { signal: controller.signal });
  const waiting = client.kv.get({ key: 'k' });
  controller.abort();
  await expect(waiting).rejects.toMatchObject({ code: 'CLOSED', unknown: true });
  await expect(client.kv.get({ key: 'k' })).rejects.toMatchObject({ code: 'CLOSED', unknown: false });
  expect(() => client.pubsub.listen({ topics: ['t'] })).toThrow('Make a new one');
});

it('options that can never work are refused at once', () => {
  const wrong: [string, ClientOptions][] = [
    ['localhost:15500', {}],
    ['ftp://localhost', {}],
    ['nonsense', {}],
    ['http://localhost/?a=1', {}],
    ['http://a:b@localhost', {}],
    ['http://localhost', { timeout: 0 }],
    ['http://localhost', { retries: -1 }],
    ['http://localhost', { apiKey: 'a b' }],
    ['http://localhost', { apiKey: 'a', username: 'b', password: 'c' }],
    ['http://localhost', { username: 'a' }],
    ['http://localhost', { username: 'a:b', password: 'c' }],
  ];
  for (const [url, options] of wrong)
    expect(() => connect(url, options), `${url} ${JSON.stringify(options)}`).toThrow(TypeError);
});

it('bytes where JSON has none, and commands that there are not, are refused before anything is sent', async () => {
  const server = await stub(payload(null));
  const client = connect(server.url);
  await expect(client.kv.set({ key: 'k', value: new Uint8Array(2) })).rejects.toThrow('JSON has no bytes');
  await expect(client.call('no.such' as 'kv.get', { key: 'k' })).rejects.toThrow('no.such is no command');
  expect(server.asked).toHaveLength(0);
});

it('credentials and headers go with every request, user names in any language', async () => {
  const server = await stub(payload(null));
  await connect(server.url, { apiKey: 'sk_1', headers: { 'x-tenant': 'a' } }).kv.get({ key: 'k' });
  await connect(server.url, { username: 'jürgen', password: 'a:b' }).kv.get({ key: 'k' });
  expect(server.asked[0]?.headers).toMatchObject({ authorization: 'Bearer sk_1', 'x-tenant': 'a' });
  const basic = Buffer.from('jürgen:a:b').toString('base64');
  expect(server.asked[1]?.headers).toMatchObject({ authorization: `Basic ${basic}` });
});

it('the words of every refusal are known by their code', () => {
  for (const [code, { text, status }] of Object.entries(REFUSALS)) {
    const names = Object.entries(METHODS).filter(([, { errors }]) => errors.includes(code));
    const [, method] = names[0] ?? [];
    const said = text.replaceAll(/\{\w+\}/g, 'some thing');
    const found = codeOf(said, method, status);
    if (text.startsWith('{') && method === undefined) expect(found).toBeUndefined();
    else expect([said, found === undefined ? undefined : REFUSALS[found].text]).toEqual([said, text]);
  }
});
