import { describe, expect, it } from 'vitest';
import { freePort } from '../../../../test/support/process.ts';
import ProgressDB, { ApiError, type BackendClient } from '../src/index.ts';
import { failure, json, rawStub, stub } from './support.ts';

const client = (baseUrl: string, options: object = {}): BackendClient =>
  ProgressDB({ baseUrl, apiKey: 'sk_secret_1', maxRetries: 0, ...options });

/** The error of reading a message; no error holds the key. */
async function failing(db: BackendClient): Promise<ApiError> {
  const error = await failure(db.getThreadMessage('t', 'm', 'ana'));
  expect(error).toBeInstanceOf(ApiError);
  expect(JSON.stringify([error, (error as Error).stack])).not.toContain('sk_secret');
  return error as ApiError;
}

describe('a failure is an ApiError that says what to do:', () => {
  it('a server that cannot be reached', async () => {
    const base = `http://127.0.0.1:${await freePort()}`;
    const error = await failing(client(base));
    expect(error).toMatchObject({ status: 0, body: null, transient: true });
    expect(error.message).toMatch(/Cannot reach http:\S+ for GET \S+: .*ECONNREFUSED.*Check that the server runs/);
    expect(error.cause).toBeInstanceOf(TypeError);
  });

  it('a host that does not exist', async () => {
    expect((await failing(client('http://nowhere.invalid'))).message).toMatch(/Cannot reach .*baseUrl is right/);
  });

  it.each([
    [401, 'unauthorized', /Pass an apiKey/, false],
    [403, 'forbidden', /Use a key, or an author/, false],
    [404, 'message not found', /^API error 404: message not found\. Check the id/, false],
    [413, 'request body too large', /Send less/, false],
    [500, 'broken', /^API error 500: broken$/, true],
    [503, 'Unavailable: starting', /try again later/, true],
    [507, 'Memory limit exceeded', /delete something, or raise the limit/, false],
  ])('a %d', async (status, text, message, transient) => {
    const { base } = await stub((_, __, response) => json(response, status, { error: text }));
    const error = await failing(client(base));
    expect(error).toMatchObject({ name: 'ApiError', status, body: { error: text }, transient });
    expect(error.message).toMatch(message);
  });

  it.each([
    [200, /text\/html, where the JSON that answers GET \S+ was to be: check baseUrl/],
    [502, /A proxy in between cannot reach the server/],
  ])('the page of a proxy with status %d', async (status, message) => {
    const page = '<html><body><h1>It works</h1></body></html>';
    const { base } = await stub((_, __, response) =>
      response.writeHead(status, { 'content-type': 'text/html; charset=utf-8' }).end(page),
    );
    const error = await failing(client(base));
    expect(error).toMatchObject({ status, body: page });
    expect(error.message).toMatch(message);
  });

  it('a redirect, which is not followed since keys are for one server', async () => {
    const { base, received } = await stub((_, __, response) =>
      response.writeHead(307, { location: 'https://elsewhere.example/' }).end(),
    );
    const error = await failing(client(base));
    expect(error).toMatchObject({ status: 307, message: /redirected to https:\/\/elsewhere.example\/\. Give/ });
    expect(received).toHaveLength(1);
  });

  it('a reply that is cut in the middle', async () => {
    const base = await rawStub((socket) => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{"id":"m","thr');
      socket.end();
    });
    const error = await failing(client(base));
    expect(error).toMatchObject({ status: 0, body: null, transient: true });
    expect(error.message).toMatch(/connection to \S+ broke before GET \S+ was answered in full/);
  });

  it('a reply that ends too early without anybody noticing', async () => {
    const base = await rawStub((socket) => {
      socket.end('HTTP/1.0 200 OK\r\ncontent-type: application/json\r\n\r\n{"id":"m","thr');
    });
    const error = await failing(client(base));
    expect(error).toMatchObject({ status: 200, body: '{"id":"m","thr', transient: true });
    expect(error.message).toMatch(/damaged or ends too early/);
  });

  it.each([
    ['nothing', ''],
    ['null', 'null'],
    ['a list', '[]'],
    ['an object without an id', '{}'],
  ])('a success that says %s', async (_, body) => {
    const { base } = await stub((_at, _request, response) =>
      response.writeHead(200, { 'content-type': 'application/json' }).end(body),
    );
    expect(await failing(client(base))).toMatchObject({ status: 200 });
  });

  it('a success without content, where there should be some', async () => {
    const { base } = await stub((_, __, response) => response.writeHead(204).end());
    const db = client(base);
    expect((await failing(db)).message).toMatch(/That is not what GET \S+ answers/);
    for (const call of [db.listThreads({ author: 'a' }), db.listThreadMessages('t'), db.signUser('a')]) {
      expect(await failure(call)).toBeInstanceOf(ApiError);
    }
    expect(await db.deleteThread('t', 'ana')).toBeUndefined();
  });

  it('a server that says nothing', async () => {
    const { base } = await stub(() => undefined);
    const error = await failing(client(base, { timeoutMs: 60 }));
    expect(error).toMatchObject({ status: 0, body: null, transient: true });
    expect(error.message).toMatch(/did not answer GET \S+ within 60 ms. Raise timeoutMs/);
  });

  it('a server that stops in the middle', async () => {
    const { base } = await stub((_, __, response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '100' });
      response.write('{"id":');
    });
    expect((await failing(client(base, { timeoutMs: 60 }))).message).toMatch(/within 60 ms/);
  });
});

describe('lists', () => {
  it('take null for empty, as ProgressDB sends it', async () => {
    const { base } = await stub((_, __, response) => json(response, 200, { threads: null }));
    expect(await client(base).listThreads({ author: 'ana' })).toEqual([]);
  });

  it('go through a server that knows no cursors once', async () => {
    const { base, received } = await stub((_, __, response) => json(response, 200, { messages: [{ id: 'a' }] }));
    const seen: unknown[] = [];
    for await (const message of client(base).iterateMessages('t', {}, 'ana')) seen.push(message);
    expect([seen, received.length]).toEqual([[{ id: 'a' }], 1]);
  });
});

describe('a signal', () => {
  it('ends calls under way, and those that begin later, with its reason', async () => {
    const { base, received } = await stub(() => undefined);
    const abort = new AbortController();
    const db = client(base).withOptions({ signal: abort.signal, maxRetries: 5 });
    const call = failure(db.getThread('t', 'ana'));
    while (received.length === 0) await new Promise((resolve) => setImmediate(resolve));
    abort.abort(new Error('enough'));
    expect(await call).toMatchObject({ message: 'enough' });
    expect(await failure(db.getThread('t', 'ana'))).toMatchObject({ message: 'enough' });
    expect(received).toHaveLength(1);
  });
});
