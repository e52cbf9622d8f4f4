import { afterAll, beforeAll, describe, expect, expectTypeOf, it } from 'vitest';
import type { Running } from '../../../../test/support/process.ts';
import ProgressDB, { ApiError, BackendClient, type Message, type Thread } from '../src/index.ts';
import { KEYS, profileServer } from './profile.ts';
import { failure } from './support.ts';

let server: Running;
let db: BackendClient;
let admin: BackendClient;

beforeAll(async () => {
  server = await profileServer();
  db = ProgressDB({ baseUrl: `${server.base}/`, apiKey: KEYS.backend });
  admin = new ProgressDB({ baseUrl: server.base, apiKey: KEYS.admin });
});
afterAll(() => server.stop());

describe('the backend client', () => {
  it('is made with and without new, and is an instance of what made it', () => {
    for (const made of [db, admin, new BackendClient({ baseUrl: server.base })]) {
      expect(made).toBeInstanceOf(BackendClient);
      expect(made).toBeInstanceOf(ProgressDB);
    }
  });

  it('has every signature of the page', () => {
    // the block "API surface" of the page, as a type
    interface Surface {
      request<T>(method: string, path: string, body?: unknown): Promise<T>;
      signUser(userId: string): Promise<{ userId: string; signature: string }>;
      adminHealth(): Promise<{ status: string; service?: string }>;
      adminStats(): Promise<{ threads: number; messages: number }>;
      listThreads(opts?: { author?: string; title?: string; slug?: string }): Promise<Thread[]>;
      getThread(id: string, author?: string): Promise<Thread>;
      createThread(thread: Partial<Thread>, author: string): Promise<Thread>;
      updateThread(id: string, thread: Partial<Thread>, author: string): Promise<Thread>;
      deleteThread(id: string, author: string): Promise<void>;
      createMessage(m: Partial<Message>, author: string): Promise<Message>;
      listThreadMessages(
        threadID: string,
        opts?: { limit?: number },
        author?: string,
      ): Promise<{ thread?: string; messages: Message[] }>;
      getThreadMessage(threadID: string, id: string, author?: string): Promise<Message>;
      updateThreadMessage(threadID: string, id: string, msg: Partial<Message>, author?: string): Promise<Message>;
      deleteThreadMessage(threadID: string, id: string, author?: string): Promise<void>;
      listMessageVersions(threadID: string, id: string, author?: string): Promise<{ id: string; versions: Message[] }>;
      listReactions(
        threadID: string,
        id: string,
        author?: string,
      ): Promise<{ id: string; reactions: { id: string; reaction: string }[] }>;
      addOrUpdateReaction(
        threadID: string,
        id: string,
        input: { id: string; reaction: string },
        author?: string,
      ): Promise<Message>;
      removeReaction(threadID: string, id: string, identity: string, author?: string): Promise<void>;
    }
    expectTypeOf<BackendClient>().toExtend<Surface>();
    expectTypeOf<new (options: { baseUrl: string; apiKey: string }) => BackendClient>(BackendClient);
    expectTypeOf<Message['ts']>().toEqualTypeOf<number>();
  });

  it('signs users', async () => {
    expect(await ProgressDB({ baseUrl: server.base, apiKey: KEYS.backend }).signUser('user-123')).toEqual({
      userId: 'user-123',
      signature: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
  });

  it('tells how an admin finds the server', async () => {
    expect(await admin.adminHealth()).toEqual({ status: 'ok', service: 'progressdb' });
    const before = await admin.adminStats();
    await db.createMessage({ thread: 'counted', body: 1 }, 'ana');
    expect(await admin.adminStats()).toMatchObject({ threads: before.threads + 1, messages: before.messages + 1 });
  });

  it('makes, finds, changes and deletes threads', async () => {
    const thread = await db.createThread({ title: 'Trip plan', metadata: { colour: 'red' } }, 'tom');
    const other = await db.createThread({}, 'tom');
    expect(thread).toMatchObject({ title: 'Trip plan', author: 'tom', metadata: { colour: 'red' } });
    expect(await db.getThread(thread.id, 'tom')).toEqual(thread);
    expect((await db.listThreads({ author: 'tom' })).map(({ id }) => id)).toEqual([thread.id, other.id]);
    expect(await db.listThreads({ author: 'tom', title: 'PLAN' })).toEqual([thread]);
    expect(await db.listThreads({ author: 'tom', slug: thread.slug })).toEqual([thread]);
    expect(await db.listThreads({ author: 'tom', limit: 1, after: thread.id })).toEqual([other]);
    expect(await db.listThreads({ author: 'tom', before: thread.id })).toEqual([]);
    const changed = await db.updateThread(thread.id, { ...thread, title: 'Trip' }, 'tom');
    expect(changed).toMatchObject({ id: thread.id, title: 'Trip', metadata: { colour: 'red' } });
    expect(await db.deleteThread(thread.id, 'tom')).toBeUndefined();
    expect(await failure(db.getThread(thread.id, 'tom'))).toMatchObject({ status: 404 });
    expect(await admin.getThread(thread.id, 'tom')).toMatchObject({ deleted: true });
  });

  it('goes through all threads of an author', async () => {
    const ids: string[] = [];
    for (let at = 0; at < 5; at++) ids.push((await db.createThread({ title: `${at}` }, 'many')).id);
    const seen: string[] = [];
    for await (const { id } of db.iterateThreads({ author: 'many', limit: 2 })) seen.push(id);
    expect(seen).toEqual(ids);
  });

  it('posts, reads, edits and deletes messages', async () => {
    const thread = await db.createThread({ title: 'Talk' }, 'ana');
    const first = await db.createMessage({ thread: thread.id, body: { text: 'hello' } }, 'ana');
    const reply = await db.createMessage({ thread: thread.id, body: 'hi', role: 'bot', reply_to: first.id }, 'ben');
    expect(first).toMatchObject({ thread: thread.id, author: 'ana', role: 'user', body: { text: 'hello' } });
    expect(await db.listThreadMessages(thread.id, {}, 'ana')).toEqual({ thread: thread.id, messages: [first, reply] });
    expect((await db.listThreadMessages(thread.id, { limit: 1 }, 'ana')).messages).toEqual([reply]);
    expect(await db.listMessages({ thread: thread.id })).toEqual({ thread: thread.id, messages: [first, reply] });
    expect(await db.getThreadMessage(thread.id, first.id, 'ana')).toEqual(first);
    const edited = await db.updateThreadMessage(thread.id, reply.id, { body: 'hi!', role: null }, 'ben');
    expect(edited).toMatchObject({ body: 'hi!', reply_to: first.id });
    expect(edited.role).toBeUndefined();
    const again = await db.updateThreadMessage(thread.id, reply.id, { ...edited, body: 'hi!!' }, 'ben');
    const { id, versions } = await db.listMessageVersions(thread.id, reply.id, 'ben');
    expect([id, versions]).toEqual([reply.id, [reply, edited, again]]);
    expect(await db.deleteThreadMessage(thread.id, reply.id, 'ben')).toBeUndefined();
    expect((await db.listThreadMessages(thread.id, undefined, 'ana')).messages).toEqual([first]);
    expect((await db.listThreadMessages(thread.id, { include_deleted: true }, 'ana')).messages).toHaveLength(2);
  });

  it('reaches messages without their thread', async () => {
    const { id, thread } = await db.createMessage({ thread: 'loose', body: 1 }, 'ana');
    expect(await db.getMessage(id)).toMatchObject({ id, thread, body: 1 });
    expect(await db.updateMessage(id, { body: 2 }, 'ana')).toMatchObject({ id, body: 2 });
    expect(await db.deleteMessage(id, 'ana')).toBeUndefined();
    expect(await db.getMessage(id)).toMatchObject({ deleted: true });
  });

  it('reacts', async () => {
    const { id, thread } = await db.createMessage({ thread: 'reacted', body: 1 }, 'ana');
    const after = await db.addOrUpdateReaction(thread, id, { id: 'zoë/1', reaction: 'like' });
    expect(after.reactions).toEqual({ 'zoë/1': 'like' });
    expect(await db.listReactions(thread, id)).toEqual({ id, reactions: [{ id: 'zoë/1', reaction: 'like' }] });
    await db.addOrUpdateReaction(thread, id, { id: 'ben', reaction: 'sad' }, 'ana');
    expect(await db.removeReaction(thread, id, 'ben')).toBeUndefined();
    expect((await db.listReactions(thread, id, 'ana')).reactions).toHaveLength(1);
  });

  it('pages, and goes through all messages in the order of creation', async () => {
    const ids: string[] = [];
    for (let at = 0; at < 7; at++) ids.push((await db.createMessage({ thread: 'long', body: at }, 'ana')).id);
    const before = await db.listThreadMessages('long', { before: ids[3], limit: 2 }, 'ana');
    expect([before.messages.map(({ id }) => id), before.has_more]).toEqual([ids.slice(1, 3), true]);
    const seen: string[] = [];
    for await (const { id } of db.iterateMessages('long', { limit: 3 }, 'ana')) seen.push(id);
    expect(seen).toEqual(ids);
    const rest: string[] = [];
    for await (const { id } of db.iterateMessages('long', { after: ids[4] ?? '' }, 'ana')) rest.push(id);
    expect(rest).toEqual(ids.slice(5));
  });

  it('searches', async () => {
    const found = await db.createMessage({ thread: 'books', body: { text: 'Red & green apples' } }, 'ana');
    await db.createMessage({ thread: 'books', body: { text: 'green pears' } }, 'ana');
    expect(await db.searchThread('books', 'GREEN apples', {}, 'ana')).toEqual({
      thread: 'books',
      messages: [found],
      next: null,
    });
  });

  it('makes any call', async () => {
    expect(await db.request('get', '/v1/threads?author=nobody')).toEqual({ threads: [] });
    const made = await db.request<Thread>('POST', '/v1/threads', { title: 'Raw' }, { 'X-User-ID': 'zoë' });
    expect(made).toMatchObject({ title: 'Raw', author: 'zoë' });
    expect(await db.request('DELETE', `/v1/threads/${made.id}`, undefined, { 'X-User-ID': 'zoë' })).toBeUndefined();
    expect(await db.request('GET', '/metrics')).toContain('# HELP');
  });

  it('sends authors and ids as they are', async () => {
    const made = await db.createMessage({ thread: 'names', body: 1 }, 'Zoë 日本 🚀');
    expect(made.author).toBe('Zoë 日本 🚀');
    expect(await db.getThreadMessage('names', made.id, 'Zoë 日本 🚀')).toEqual(made);
    expect(await failure(db.getThread('no/such?thread#', 'ana'))).toMatchObject({ status: 404 });
  });

  it('reads timestamps as numbers, or exactly', async () => {
    const exact = ProgressDB({ baseUrl: server.base, apiKey: KEYS.backend, timestamps: 'bigint' });
    const ts = 1757600000500000901n;
    const body = { ts: 3, deep: [{ ts: 1757600000500000, at: 1.5 }], text: '{"ts":1757600000500000901}' };
    const made = await exact.createMessage({ thread: 'exact', ts, body }, 'ana');
    expectTypeOf(made.ts).toEqualTypeOf<bigint>();
    expect(made).toMatchObject({ ts, body });
    expect((await exact.listThreadMessages('exact', {}, 'ana')).messages).toEqual([made]);
    expect((await db.getThreadMessage('exact', made.id, 'ana')).ts).toBe(Number(ts));
    const thread = await exact.getThread('exact', 'ana');
    expect(typeof thread.created_ts).toBe('bigint');
    expect(await exact.updateThread('exact', { ...thread, title: 'T' }, 'ana')).toMatchObject({ title: 'T' });
  });
});

describe('what can never work is refused before it is sent', () => {
  it('wants an author where the server would', async () => {
    const nobody = undefined as unknown as string;
    const calls: [string, Promise<unknown>][] = [
      ['listThreads', db.listThreads()],
      ['getThread', db.getThread('t')],
      ['createThread', db.createThread({}, '')],
      ['updateThread', db.updateThread('t', {}, nobody)],
      ['deleteThread', db.deleteThread('t', nobody)],
      ['createMessage', db.createMessage({}, nobody)],
    ];
    for (const [name, call] of calls) {
      expect(await failure(call)).toMatchObject({ message: `author is required for backend ${name} calls` });
    }
  });

  it('wants ids that name one thing, and authors that a header can carry', async () => {
    for (const id of ['', '.', '..', undefined as unknown as string]) {
      expect(await failure(db.deleteThreadMessage('t', id, 'ana'))).toBeInstanceOf(TypeError);
      expect(await failure(db.removeReaction('t', 'm', id))).toBeInstanceOf(TypeError);
    }
    for (const author of [' ana', 'ana\n', 'a\u0000b']) {
      expect(await failure(db.createThread({}, author))).toBeInstanceOf(TypeError);
    }
  });

  it('wants options that make sense, and never shows a key', () => {
    const make = (options: object) => () => ProgressDB({ baseUrl: 'http://a', ...options });
    expect(make({ baseUrl: 'api.example.com' })).toThrow(/baseUrl must be an address/);
    expect(make({ baseUrl: 'ftp://a' })).toThrow(/baseUrl must be/);
    expect(make({ timeoutMs: 0 })).toThrow(/timeoutMs/);
    expect(make({ timeoutMs: Number.POSITIVE_INFINITY })).toThrow(/timeoutMs/);
    expect(make({ maxRetries: 1.5 })).toThrow(/maxRetries/);
    expect(make({ apiKey: 'sk_secret\n' })).toThrow(/^(?!.*secret).*apiKey/s);
  });

  it('says what to do about refusals', async () => {
    const stranger = ProgressDB({ baseUrl: server.base });
    const refused = await failure(stranger.listThreads({ author: 'ana' }));
    expect(refused).toBeInstanceOf(ApiError);
    expect(refused).toMatchObject({ name: 'ApiError', status: 401, body: { error: 'unauthorized' } });
    expect((refused as ApiError).message).toMatch(/^API error 401: unauthorized\. Pass an apiKey/);
    expect(await failure(admin.signUser('ana'))).toMatchObject({ status: 403, message: /backend key/ });
    expect(await failure(db.listThreadMessages('t'))).toMatchObject({ status: 400, message: /Pass the author/ });
  });
});
