/** Clauses of progressdb.md 2 to 5 that no recording shows, on the built server. */
import { createHmac } from 'node:crypto';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Running, root, startServer } from '../support/process.ts';

let server: Running;
beforeAll(async () => {
  const profile = join(root, 'test', 'conformance', 'profiles', 'progressdb.yaml');
  server = await startServer(['--log-level', 'info', '--config', profile]);
});
afterAll(async () => {
  await server.stop();
});

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly body: Said;
}
interface Said {
  readonly id: string;
  readonly title: string;
  readonly author: string;
  readonly error: string;
  readonly threads: readonly { readonly title: string }[];
  readonly messages: readonly { readonly id: string }[];
  readonly has_more: boolean;
}

const BACKEND = { 'X-API-Key': 'sk_backend_1' };
const ADMIN = { 'X-API-Key': 'sk_admin_1' };
const FRONTEND = { 'X-API-Key': 'pk_frontend_1' };
const as = (user: string): Record<string, string> => ({ ...BACKEND, 'X-User-ID': user });
const signature = (user: string): string => createHmac('sha256', 'sk_backend_1').update(user).digest('hex');

async function call(method: string, path: string, headers: Record<string, string>, body?: unknown): Promise<Answer> {
  const answer = await fetch(`${server.base}${path}`, {
    method,
    headers,
    redirect: 'manual',
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await answer.text();
  let parsed: unknown = {};
  try {
    parsed = JSON.parse(text);
  } catch {}
  return { status: answer.status, headers: answer.headers, text, body: parsed as Said };
}

/** A request whose bytes go over the wire as they are: `fetch` sends neither UTF-8 in headers nor paths with dots. */
function raw(text: string, body = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(server.port, '127.0.0.1', () =>
      socket.write(`${text}\r\nHost: x\r\nConnection: close\r\n\r\n${body}`),
    );
    let answer = '';
    socket.on('data', (chunk) => {
      answer += chunk.toString();
    });
    socket.on('end', () => resolve(answer));
    socket.on('error', reject);
  });
}

describe('a name in a header (4.2)', () => {
  it('is UTF-8', async () => {
    const headers = (user: string): string => `X-API-Key: pk_frontend_1\r\nX-User-ID: ${user}\r\nX-User-Signature: `;
    const signed = await raw(`GET /v1/threads HTTP/1.1\r\n${headers('zoë.k')}${signature('zoë.k')}`);
    expect(signed).toContain('HTTP/1.1 200');
    const head = 'POST /v1/threads HTTP/1.1\r\nX-API-Key: sk_backend_1\r\nX-User-ID: zoë.k\r\nContent-Length: 4';
    const made = await raw(head, 'null');
    expect(made).toContain('"author":"zoë.k"');
  });

  it('may be written as RFC 8187 has it, which keeps letters at its ends', async () => {
    const headers = { ...FRONTEND, 'X-User-ID': "UTF-8''zo%C3%AB+1", 'X-User-Signature': signature('zoë+1') };
    expect((await call('POST', '/v1/threads', headers, {})).body.author).toBe('zoë+1');
    const made = await call('POST', '/v1/messages', as('ana'), { thread: 'names', body: 1 });
    const reactions = `/v1/threads/names/messages/${made.body.id}/reactions`;
    const reacted = await call('POST', reactions, { ...BACKEND, 'X-Identity': "utf-8''%E6%97%A5" }, { reaction: 'x' });
    expect(reacted.text).toContain('"reactions":{"日":"x"}');
  });
});

describe('a query (2.1)', () => {
  beforeAll(async () => {
    for (const title of ['one', 'two']) await call('POST', '/v1/threads', as('query'), { title });
  });
  const titles = async (query: string): Promise<string[]> =>
    (await call('GET', `/v1/threads?${query}`, BACKEND)).body.threads.map(({ title }) => title);

  it('counts the first of several values', async () => {
    expect(await titles('author=query&title=one&title=two&author=eve')).toEqual(['one']);
  });

  it('leaves out pairs that are not well-formed', async () => {
    expect(await titles('author=query&title=%zz')).toEqual(['one', 'two']);
    expect(await titles('author=query&title=one;x')).toEqual(['one', 'two']);
    expect(await titles('author=query&%zz=1&titl%65=two')).toEqual(['two']);
  });
});

describe('a body (2.1)', () => {
  it.each([
    ['nullx', 200],
    [' null {"title":5}', 200],
    ['{"kms":{"key_id":"k"}}', 200],
    ['{"kms":null}', 200],
    ['{"kms":5}', 400],
    ['{"kms":{"key_id":5}}', 400],
    ['{"created_ts":-9223372036854775808}', 200],
    ['{"created_ts":9223372036854775808}', 400],
    ['{"created_ts":1e3}', 400],
    ['{"created_ts":1.0}', 400],
    ['\ufeff{}', 400],
  ])('%j of a new thread is %d', async (body, status) => {
    const answer = await call('POST', '/v1/threads', as('ana'), body);
    expect([answer.status, answer.text]).toEqual([
      status,
      status === 200 ? expect.stringContaining('"title":"New Thread #') : '{"error":"invalid json"}\n',
    ]);
  });

  it('prints numbers and members as the reference does (2.2)', async () => {
    const body = '{"b":1.0,"a":[1e21,1e20,12345678901234567890,-0,1e-7,0.000001],"10":1,"9":"<&>\u2028"}';
    const answer = await call('POST', '/v1/messages', as('ana'), `{"thread":"numbers","body":${body}}`);
    expect(answer.text).toContain(
      '"body":{"10":1,"9":"\\u003c\\u0026\\u003e\\u2028","a":[1e+21,100000000000000000000,12345678901234567000,-0,1e-7,0.000001],"b":1}',
    );
  });
});

describe('probes (2.1)', () => {
  it('take any method with a key that is no frontend key', async () => {
    for (const path of ['/healthz', '/readyz'])
      for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'DELETE']) {
        const answer = await call(method, path, BACKEND);
        expect([path, method, answer.status]).toEqual([path, method, 200]);
        expect(answer.text).toBe(method === 'HEAD' ? '' : '{"status":"ok"}');
        if (method === 'GET') continue;
        expect((await call(method, path, {})).status).toBe(401);
        expect((await call(method, path, FRONTEND)).status).toBe(403);
      }
  });
});

describe('paths that are not clean (2.1)', () => {
  it.each([
    ['/v1//threads?x=1', '/v1/threads?x=1'],
    ['/v1/../admin/health', '/admin/health'],
    ['/v1/threads/./x', '/v1/threads/x'],
    ['/v1/threads/%2e%2E/x', '/v1/x'],
    ['/v1/threads/a%2F%2fb', '/v1/threads/a/b'],
  ])('%s leads to %s', async (path, to) => {
    const answer = await raw(`GET ${path} HTTP/1.1\r\nX-API-Key: sk_backend_1`);
    expect(answer).toMatch(/^HTTP\/1\.1 307 /);
    expect(answer).toContain(`Location: ${to}\r\n`);
    expect(answer).toContain(`<a href="${to}">Temporary Redirect</a>.`);
    expect(await raw(`GET ${path} HTTP/1.1`)).toMatch(/^HTTP\/1\.1 401 /);
  });
});

describe('who may read one message (R14)', () => {
  it('is its author, the author of the thread, whoever wrote in it, and no admin in the name of somebody else', async () => {
    const thread = (await call('POST', '/v1/threads', as('owner'), {})).body.id;
    const { id } = (await call('POST', '/v1/messages', as('writer'), { thread, body: 1 })).body;
    await call('POST', '/v1/messages', as('other'), { thread, body: 2 });
    const read = async (headers: Record<string, string>): Promise<[number, string]> => {
      const { status, body } = await call('GET', `/v1/threads/${thread}/messages/${id}`, headers);
      return [status, body.error];
    };
    for (const user of ['owner', 'writer', 'other']) expect((await read(as(user)))[0]).toBe(200);
    const refused = [403, 'author does not match'];
    expect(await read(as('stranger'))).toEqual(refused);
    expect(await read({ ...ADMIN, 'X-User-ID': 'root' })).toEqual(refused);
    expect((await call('GET', `/v1/messages/${id}`, ADMIN)).status).toBe(200);
  });
});

describe('long lists', () => {
  it('of all threads go on behind a cursor', async () => {
    const { threads } = (await call('GET', '/admin/threads', ADMIN)).body;
    const ids = (threads as unknown as { id: string }[]).map(({ id }) => id);
    const rest = (await call('GET', `/admin/threads?after=${ids[0]}`, ADMIN)).body;
    expect((rest.threads as unknown as { id: string }[]).map(({ id }) => id)).toEqual(ids.slice(1));
    expect(rest.has_more).toBeUndefined();
  });
});
