/** What a sceptic sends to the chat face: places that are none, values of every wrong type, words that look like patterns. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Running, root, startServer } from '../support/process.ts';

let server: Running;
beforeAll(async () => {
  const profile = join(root, 'test', 'conformance', 'profiles', 'progressdb.yaml');
  server = await startServer(['--log-level', 'info', '--config', profile], {
    PROGRESSDB_USE_ENCRYPTION: 'true',
    PROGRESSDB_KMS_MASTER_KEY_HEX: '5a'.repeat(32),
  });
});
afterAll(async () => {
  await server.stop();
});

interface Answer {
  readonly status: number;
  readonly text: string;
}
interface Page {
  readonly messages: readonly { readonly id: string; readonly body: unknown }[];
}

/** What `/admin/stats` counts. */
type Counted = 'threads' | 'messages' | 'versions';

const ANA = { 'X-API-Key': 'sk_backend_1', 'X-User-ID': 'ana' };
const ADMIN = { 'X-API-Key': 'sk_admin_1' };

async function send(
  method: string,
  path: string,
  body?: string,
  headers: Record<string, string> = ANA,
): Promise<Answer> {
  const answer = await fetch(`${server.base}${path}`, { method, headers, ...(body === undefined ? {} : { body }) });
  return { status: answer.status, text: await answer.text() };
}
const post = async (thread: string, body: unknown): Promise<string> => {
  const { text } = await send('POST', '/v1/messages', JSON.stringify({ thread, body }));
  return (JSON.parse(text) as { id: string }).id;
};
const page = async (path: string): Promise<Page> => JSON.parse((await send('GET', path)).text) as Page;

/** Every value that a field could be sent with, as JSON text. */
const VALUES = [
  ...['null', 'true', 'false', '0', '-0', '1', '1.5', '1e3', '1e999', '9223372036854775808', '-9223372036854775809'],
  ...['""', '"x"', '"\\u0000"', '"\\ud800"', '"😀"', `"${'a'.repeat(10_000)}"`, '1'.repeat(400)],
  ...['[]', '[1]', '{}', '{"a":1}', '{"__proto__":{"x":1}}', '{"":"x"}', '{"constructor":"x"}'],
  `${'['.repeat(5000)}${']'.repeat(5000)}`,
];
const OF_MESSAGES = ['thread', 'author', 'role', 'ts', 'body', 'reply_to', 'deleted', 'reactions', 'id'];
const OF_THREADS = ['title', 'author', 'slug', 'metadata', 'kms', 'created_ts', 'updated_ts', 'deleted_ts'];

describe('a body', () => {
  it('of any wrong type in any field is refused in JSON or taken, and never a fault; what is refused makes nothing', async () => {
    const id = await post('typed', 1);
    const message = `/v1/threads/typed/messages/${id}`;
    const routes: readonly (readonly [string, string, readonly string[], Counted?])[] = [
      ['POST', '/v1/messages', OF_MESSAGES, 'messages'],
      ['POST', '/v1/threads/typed/messages', OF_MESSAGES, 'messages'],
      ['PUT', message, OF_MESSAGES, 'versions'],
      ['PUT', `/v1/messages/${id}`, OF_MESSAGES, 'versions'],
      ['POST', `${message}/reactions`, ['id', 'reaction']],
      ['POST', '/v1/threads', OF_THREADS, 'threads'],
      ['PUT', '/v1/threads/typed', OF_THREADS],
      ['POST', '/v1/_sign', ['userId']],
    ];
    const stats = async (): Promise<Record<Counted, number>> =>
      JSON.parse((await send('GET', '/admin/stats', undefined, ADMIN)).text) as Record<Counted, number>;
    for (const [method, path, fields, counted] of routes) {
      for (const field of fields) {
        const rest = path.endsWith('reactions')
          ? { id: 'ben', reaction: 'x' }
          : field === 'body'
            ? { role: 'x' }
            : { body: 1 };
        const bodies = VALUES.map((value) => `${JSON.stringify(rest).slice(0, -1)},"${field}":${value}}`);
        const before = await stats();
        const answers = await Promise.all(bodies.map((body) => send(method, path, body)));
        for (const [at, { status, text }] of answers.entries()) {
          const sent = `${method} ${path} ${bodies[at]?.slice(0, 80)} ${text}`;
          expect([200, 400, 403, 404].includes(status), sent).toBe(true);
          expect(() => JSON.parse(text) as unknown, sent).not.toThrow();
        }
        if (counted === undefined) continue;
        const taken = answers.filter(({ status }) => status === 200).length;
        expect([path, field, (await stats())[counted] - before[counted]]).toEqual([path, field, taken]);
      }
    }
  }, 30_000);

  it('that is none, too deep or too large is refused', async () => {
    for (const body of ['', '[]', '"x"', '1', '{', 'nul', '\u0000', '['.repeat(100_000), '{"a":'.repeat(100_000)])
      expect([body.slice(0, 9), (await send('POST', '/v1/messages', body)).status]).toEqual([body.slice(0, 9), 400]);
    const large = await send('POST', '/v1/messages', `{"body":"${'x'.repeat(3_000_000)}"}`);
    expect([large.status, large.text]).toEqual([413, '{"error":"request body too large"}\n']);
    expect((await send('GET', '/healthz')).status).toBe(200);
  });
});

describe('search in an encrypted thread', () => {
  const find = async (words: string): Promise<unknown[]> =>
    (await page(`/v1/threads/needles/search?q=${encodeURIComponent(words)}`)).messages.map(({ body }) => body);
  const texts = ['a.*(b)[c]\\d "quoted"', 'İSTANBUL straße ΟΔΟΣ', '😀 100% a\u0000b', 'line\nbreak'];
  beforeAll(async () => {
    for (const text of texts) await post('needles', { text });
  });
  const [signs, letters, emoji, lines] = texts.map((text) => ({ text }));

  it('takes every sign for itself', async () => {
    for (const words of ['.*', '(b)', '[c]', '\\d', '"quoted"', 'a.*(b)[c]\\d'])
      expect(await find(words)).toEqual([signs]);
    for (const words of ['😀', '100%', 'a\u0000b', '😀 100%']) expect(await find(words)).toEqual([emoji]);
    expect(await find('line break')).toEqual([lines]);
    for (const words of ['.', 'text"', '\\u0000', '\\n', '^', '$', '\ufffd']) {
      expect([words, await find(words)]).toEqual([words, words === '.' ? [signs] : []]);
    }
  });

  it('looks for letters of any script in any case', async () => {
    for (const words of ['istanbul', 'İstanbul', 'STRAßE', 'οδος', 'οδοσ', 'ΟΔΟΣ', 'Οδο']) {
      expect([words, await find(words)]).toEqual([words, [letters]]);
    }
  });

  it('refuses what is empty, too long or too much, and cursors that are none', async () => {
    const path = '/v1/threads/needles/search?q=';
    for (const query of [
      '',
      '%20%09',
      'a'.repeat(10_000),
      'a+'.repeat(9) + [...'bcdefghijklmnopqrs'].join('+'),
      'a&before=zzz',
    ])
      expect([query.slice(0, 9), (await send('GET', path + query)).status]).toEqual([query.slice(0, 9), 400]);
  });
});

describe('a cursor', () => {
  it('at either end gives an empty page, of any number a place, and else is refused', async () => {
    for (const n of [1, 2, 3]) await post('ends', n);
    const all = await page('/v1/threads/ends/messages');
    const [first, , last] = all.messages.map(({ id }) => id);
    const bodies = async (query: string): Promise<unknown[]> =>
      (await page(`/v1/threads/ends/messages?${query}`)).messages.map(({ body }) => body);
    for (const order of ['', '&sort_by=ts']) {
      expect(await bodies(`before=${first}${order}`)).toEqual([]);
      expect(await bodies(`after=${last}${order}`)).toEqual([]);
      expect(await bodies(`after=${first}&before=${last}${order}`)).toEqual([2]);
      expect(await bodies(`after=${last}&before=${first}${order}`)).toEqual([]);
      expect(await bodies(`before=${last}&limit=1${order}`)).toEqual([2]);
      expect(await bodies(`after=${first}&limit=0${order}`)).toEqual([]);
    }
    expect(await bodies('after=msg-1-0')).toEqual([1, 2, 3]); // a message that is gone still says where it was
    expect(await bodies('before=msg-1-0')).toEqual([]);
    for (const id of [
      'zzz',
      'thread-1-1',
      '%00',
      '-1',
      'msg-1--1',
      'msg-1-1.5',
      '__proto__',
      'x'.repeat(9000),
      'msg-1-0&sort_by=ts',
    ])
      for (const name of ['before', 'after']) {
        const refused = await send('GET', `/v1/threads/ends/messages?${name}=${id}`);
        expect([id.slice(0, 9), refused.status, refused.text]).toEqual([
          id.slice(0, 9),
          400,
          '{"error":"invalid cursor"}\n',
        ]);
      }
  });
});
