import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Running } from '../../../../test/support/process.ts';
import { ProgressDB } from '../src/index.ts';
import { KEYS, profileServer } from './profile.ts';

let server: Running;
beforeAll(async () => {
  server = await profileServer();
});
afterAll(() => server.stop());

it('a create whose answer is lost is tried again and leaves one message, and one thread', async () => {
  let lose = true;
  const fetch = (async (url: string, init: RequestInit) => {
    const response = await globalThis.fetch(url, init);
    await response.clone().text();
    lose = !lose;
    if (!lose) throw new TypeError('fetch failed');
    return response;
  }) as typeof globalThis.fetch;
  const db = ProgressDB({ baseUrl: server.base, apiKey: KEYS.backend, fetch });
  const thread = await db.createThread({ title: 'Once' }, 'ana');
  const made = await db.createMessage({ thread: thread.id, body: 'once' }, 'ana');
  expect(await db.listThreads({ author: 'ana' })).toEqual([thread]);
  expect((await db.listThreadMessages(thread.id, {}, 'ana')).messages).toEqual([made]);
});
