import { afterAll, beforeAll, describe, expect, expectTypeOf, it } from 'vitest';
import type { Running } from '../../../../test/support/process.ts';
import { ApiError, FrontendClient, ProgressDB, ProgressDBClient, type UserSignature } from '../src/index.ts';
import { KEYS, profileServer } from './profile.ts';
import { failure, json, stub } from './support.ts';

let server: Running;
let ana: UserSignature;
let zoe: UserSignature;
let client: ProgressDBClient;

beforeAll(async () => {
  server = await profileServer();
  const db = ProgressDB({ baseUrl: server.base, apiKey: KEYS.backend });
  ana = await db.signUser('ana');
  zoe = await db.signUser('日本 zoë');
  client = new ProgressDBClient({
    baseUrl: server.base,
    apiKey: KEYS.frontend,
    defaultUserId: ana.userId,
    defaultUserSignature: ana.signature,
  });
});
afterAll(() => server.stop());

describe('the frontend client', () => {
  it('makes, finds, changes and deletes threads of its user', async () => {
    const thread = await client.createThread({ title: 'Mine' });
    expect(thread).toMatchObject({ title: 'Mine', author: 'ana' });
    expect(await client.getThread(thread.id)).toEqual(thread);
    expect(await client.listThreads()).toEqual({ threads: [thread] });
    expect(await client.updateThread(thread.id, { title: 'Ours' })).toMatchObject({ title: 'Ours' });
    const ids: string[] = [];
    for await (const { id } of client.iterateThreads({ limit: 1 })) ids.push(id);
    expect(ids).toEqual([thread.id]);
    expect(await client.deleteThread(thread.id)).toBeUndefined();
    expect(await client.listThreads()).toEqual({ threads: [] });
  });

  it('posts, reads, edits, deletes and reacts', async () => {
    const first = await client.createMessage({ thread: 'talk', body: { text: 'Good morning' } });
    const second = await client.createThreadMessage('talk', { body: 2 });
    expect(await client.listThreadMessages('talk')).toEqual({ thread: 'talk', messages: [first, second] });
    expect(await client.getThreadMessage('talk', first.id)).toEqual(first);
    const seen: string[] = [];
    for await (const { id } of client.iterateMessages('talk', { limit: 1 })) seen.push(id);
    expect(seen).toEqual([first.id, second.id]);
    expect((await client.searchThread('talk', 'morning')).messages).toEqual([first]);
    const edited = await client.updateThreadMessage('talk', second.id, { body: 3 });
    expect((await client.listMessageVersions('talk', second.id)).versions).toEqual([second, edited]);
    await client.addOrUpdateReaction('talk', first.id, { id: 'ana', reaction: 'like' });
    expect(await client.listReactions('talk', first.id)).toMatchObject({
      reactions: [{ id: 'ana', reaction: 'like' }],
    });
    expect(await client.removeReaction('talk', first.id, 'ana')).toBeUndefined();
    expect((await client.listReactions('talk', first.id)).reactions).toEqual([]);
    expect(await client.deleteThreadMessage('talk', second.id)).toBeUndefined();
    expect((await client.listThreadMessages('talk')).messages).toHaveLength(1);
  });

  it('lists messages by query and by id of the thread', async () => {
    const made = await client.createMessage({ thread: 'lists', body: 1 });
    const last = await client.createMessage({ thread: 'lists', body: 2 });
    expect(await client.listMessages({ thread: 'lists' })).toEqual({ thread: 'lists', messages: [made, last] });
    expect((await client.listMessages('lists', { limit: 1 })).messages).toEqual([last]);
    expect((await client.listMessages('lists', { before: last.id })).messages).toEqual([made]);
    expect((await client.listMessages('lists', ana)).messages).toEqual([made, last]);
    expect((await client.listMessages('lists', ana.userId, ana.signature)).messages).toEqual([made, last]);
    expect((await client.listMessages('lists', { limit: 1 }, ana.userId, ana.signature)).messages).toEqual([last]);
  });

  it('acts for the user that a call names, in either way', async () => {
    const one = await client.createThread({ title: 'a' }, zoe);
    const two = await client.createThread({ title: 'b' }, zoe.userId, zoe.signature);
    expect([one.author, two.author]).toEqual([zoe.userId, zoe.userId]);
    expect((await client.listThreads(zoe)).threads).toEqual([one, two]);
    expect(await failure(client.getThread(one.id))).toMatchObject({ status: 403 });
  });

  it('needs no key where the server needs none', async () => {
    const keyless = new ProgressDBClient({ baseUrl: server.base });
    expect(await keyless.listThreads(zoe)).toMatchObject({ threads: expect.any(Array) });
    expect(await keyless.health()).toEqual({ status: 'ok' });
  });

  it('throws what the server refuses, unless it is told to give it', async () => {
    const nobody = new ProgressDBClient({ baseUrl: server.base, apiKey: KEYS.frontend });
    const error = await failure(nobody.listThreads());
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ status: 401, message: /Call signUser in your backend/ });
    expect(await failure(nobody.signUser('ana'))).toMatchObject({ status: 403 });
    const lax = nobody.withOptions({ throwOnError: false });
    expect(await lax.listThreads()).toEqual({ error: 'missing signature headers' });
    expect(
      await failure(lax.withOptions({ baseUrl: 'http://nowhere.invalid', maxRetries: 0 }).listThreads()),
    ).toMatchObject({ status: 0 });
  });

  it('has the name of the other documentation too', () => {
    expect(FrontendClient).toBe(ProgressDBClient);
    expectTypeOf<ProgressDBClient['listThreads']>().parameter(0).toEqualTypeOf<string | UserSignature | undefined>();
  });

  it('refuses secret keys, without showing them', () => {
    expect(() => new ProgressDBClient({ apiKey: KEYS.backend })).toThrow(/secret/);
    expect(() => new ProgressDBClient({ apiKey: 'sk_hidden' })).toThrow(/^(?!.*hidden)/);
    expect(() => new ProgressDBClient({ baseUrl: '//evil.example' })).toThrow(/baseUrl/);
  });
});

describe('a signature that the application gives', () => {
  const withSource = (getUserSignature: (refused?: UserSignature) => UserSignature | Promise<UserSignature>) =>
    new ProgressDBClient({ baseUrl: server.base, apiKey: KEYS.frontend, getUserSignature });

  it('is waited for', async () => {
    let release: (signature: UserSignature) => void = () => undefined;
    const source = new Promise<UserSignature>((resolve) => (release = resolve));
    const { base, received } = await stub((_, __, response) => json(response, 200, { threads: [] }));
    const call = withSource(() => source)
      .withOptions({ baseUrl: base })
      .listThreads();
    await new Promise((resolve) => setImmediate(resolve));
    expect(received).toEqual([]);
    release(ana);
    await call;
    expect(received[0]?.headers).toMatchObject({ 'x-user-id': 'ana', 'x-user-signature': ana.signature });
  });

  it('is asked for anew, once, when the server refuses it', async () => {
    const asked: unknown[] = [];
    const old = { ...ana, signature: '0'.repeat(64) };
    const renewed = withSource((refused) => {
      asked.push(refused);
      return refused === undefined ? old : ana;
    });
    expect((await renewed.listThreads()).threads).toEqual(expect.any(Array));
    expect(asked).toEqual([undefined, old]);
    const stubborn = withSource(() => old);
    expect(await failure(stubborn.listThreads())).toMatchObject({ status: 401, message: /Sign the user anew/ });
    const events = withSource((refused) => (refused === undefined ? old : ana)).threadEvents('talk');
    await events.open();
    events.close();
    expect(await failure(stubborn.threadEvents('talk').open())).toMatchObject({ status: 401 });
  });

  it('that cannot be had fails the call', async () => {
    const failing = withSource(() => Promise.reject(new Error('no session')));
    expect(await failure(failing.listThreads())).toMatchObject({ message: 'no session' });
    expect(await failure(failing.threadEvents('talk').next())).toMatchObject({ message: 'no session' });
  });

  it('is not asked for where a call or the options name a user', async () => {
    const never = withSource(() => {
      throw new Error('asked');
    });
    await never.listThreads(ana);
    await never.withOptions({ defaultUserId: ana.userId, defaultUserSignature: ana.signature }).listThreads();
  });
});
