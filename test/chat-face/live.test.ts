/** Threads that are followed, when not everything goes well: odd places, ends, lost access, readers that stop, topics. */

import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { Client } from '../support/client.ts';
import { type Running, scratchFolder, startServer } from '../support/process.ts';

const KEYS = {
  PROGRESSDB_API_BACKEND_KEYS: 'backend',
  PROGRESSDB_API_ADMIN_KEYS: 'admin',
  PROGRESSDB_RETENTION_PERIOD: '1ms',
  PROGRESSDB_RETENTION_MIN_PERIOD: '1ms',
  PROGRESSDB_TESTING: '1',
};
const as = (user: string): Record<string, string> => ({ 'X-API-Key': 'backend', 'X-User-ID': user });
const ADMIN = { 'X-API-Key': 'admin' };
let server: Running;
beforeAll(async () => {
  const rate = ['--security-rate-limit-rps', '100000', '--security-rate-limit-burst', '100000'];
  server = await startServer(['--memory', ...rate], KEYS);
});
afterAll(async () => {
  await server.stop();
});

interface Told {
  readonly id: number;
  readonly event: string;
  readonly data: { readonly error?: string; readonly message?: { readonly body: unknown } };
}

/** The events of a thread, one after the other. */
class Events {
  readonly #stop = new AbortController();
  readonly #path: string;
  readonly #headers: Record<string, string>;
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  #text = '';
  readonly #waiting: Told[] = [];

  constructor(thread: string, headers: Record<string, string> = as('ana'), query = '') {
    this.#path = `${server.base}/v1/threads/${thread}/events${query}`;
    this.#headers = headers;
  }

  async open(): Promise<this> {
    const answer = await fetch(this.#path, { headers: this.#headers, signal: this.#stop.signal });
    expect(answer.status).toBe(200);
    this.#reader = answer.body?.getReader() as ReadableStreamDefaultReader<Uint8Array>;
    expect((await this.next())?.event).toBe('connected');
    return this;
  }

  /** The next event; `undefined` when the server has ended the answer. */
  async next(): Promise<Told | undefined> {
    while (this.#waiting.length === 0) {
      const { done, value } = await (this.#reader as ReadableStreamDefaultReader<Uint8Array>).read();
      if (done) return undefined;
      this.#text += Buffer.from(value).toString();
      const blocks = this.#text.split('\n\n');
      this.#text = blocks.pop() as string;
      for (const block of blocks) {
        const event = /^event: (.*)$/m.exec(block)?.[1];
        const data = /^data: (.*)$/m.exec(block)?.[1];
        if (event === undefined || data === undefined) continue;
        this.#waiting.push({
          id: Number(/^id: (\d+)$/m.exec(block)?.[1]),
          event,
          data: JSON.parse(data) as Told['data'],
        });
      }
    }
    return this.#waiting.shift();
  }

  close(): void {
    this.#stop.abort();
  }
}

async function call(method: string, path: string, headers: Record<string, string>, body?: unknown): Promise<string> {
  const answer = await fetch(`${server.base}${path}`, {
    method,
    headers,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  expect(answer.ok, `${method} ${path} ${text}`).toBe(true);
  return text;
}
const post = async (thread: string, body: unknown, user = 'ana'): Promise<string> =>
  (JSON.parse(await call('POST', `/v1/threads/${thread}/messages`, as(user), { body })) as { id: string }).id;

describe('a reader that comes back', () => {
  const first = async (headers: Record<string, string>, query = ''): Promise<string> => {
    const events = await new Events('odd', { ...as('ana'), ...headers }, query).open();
    await call('PUT', '/v1/threads/odd', as('ana'), {}); // what a stream that begins now tells first
    const told = await events.next();
    events.close();
    return `${told?.event}`;
  };

  it('goes on behind a place of the log, and from any other place reads anew instead of missing something', async () => {
    for (const n of [1, 2, 3]) await post('odd', n);
    const places = { '0': 'message', '1': 'message', '02': 'message' };
    for (const [place, event] of Object.entries(places)) {
      expect([place, await first({ 'Last-Event-ID': place })]).toEqual([place, event]);
      expect([place, await first({}, `?after=${place}`)]).toEqual([place, event]);
    }
    const nowhere = [
      '-1',
      '1.5',
      '1e1',
      '0x1',
      'abc',
      '1,2',
      '1000000',
      '9'.repeat(15),
      '9'.repeat(16),
      '9'.repeat(400),
    ];
    for (const place of nowhere) {
      expect([place, await first({ 'Last-Event-ID': place })]).toEqual([place, 'reset']);
      expect([place, await first({}, `?after=${place}`)]).toEqual([place, 'reset']);
    }
    // the header is of a reader that has gone on since the address was written
    expect(await first({ 'Last-Event-ID': '1' }, '?after=1000000')).toBe('message');
    expect(await first({})).toBe('thread');
    expect(await first({}, '?after=')).toBe('thread');
  });

  it('misses nothing and sees nothing twice, however often it comes back while others write', async () => {
    const count = 400;
    await post('often', -1);
    const writing = (async () => {
      for (let n = 0; n < count; n += 20) await Promise.all(Array.from({ length: 20 }, (_, i) => post('often', n + i)));
    })();
    const bodies: unknown[] = [];
    let last = 1;
    while (bodies.length < count) {
      const events = await new Events('often', { ...as('ana'), 'Last-Event-ID': String(last) }).open();
      for (let n = 0; n < 37 && bodies.length < count; n++) {
        const told = (await events.next()) as Told;
        expect([told.event, told.id]).toEqual(['message', last + 1]);
        last = told.id;
        bodies.push(told.data.message?.body);
      }
      events.close();
    }
    await writing;
    expect(new Set(bodies).size).toBe(count);
  });
});

describe('a reader that follows', () => {
  it('is told the end when the thread is deleted, and finds none when it comes back', async () => {
    await post('ending', 1);
    const events = await new Events('ending').open();
    const keeper = await new Events('ending', { ...ADMIN }).open();
    await call('DELETE', '/v1/threads/ending', as('ana'));
    expect((await events.next())?.event).toBe('thread');
    expect(await events.next()).toMatchObject({ event: 'end', data: { error: 'thread not found' } });
    expect(await events.next()).toBeUndefined();
    expect((await keeper.next())?.event).toBe('thread');
    keeper.close();
    const again = await fetch(`${server.base}/v1/threads/ending/events`, { headers: as('ana') });
    expect(again.status).toBe(404);
  });

  it('is told nothing any more once retention has removed all that it wrote there', async () => {
    await post('shared', 'hers');
    const his = await post('shared', 'his', 'ben');
    const events = await new Events('shared', as('ben')).open();
    await call('DELETE', `/v1/threads/shared/messages/${his}`, as('ben'));
    expect((await events.next())?.event).toBe('delete');
    await expect
      .poll(async () => {
        await call('POST', '/admin/test/retention-run', ADMIN);
        return (await fetch(`${server.base}/v1/threads/shared/messages`, { headers: as('ben') })).status;
      })
      .toBe(403);
    await post('shared', 'not for him');
    const told = await events.next();
    expect(told).toMatchObject({ event: 'end', data: { error: 'author not found in any message in this thread' } });
    expect(await events.next()).toBeUndefined();
  });

  it('and stops reading holds up nobody, costs nothing that grows, and can go on where it stopped', async () => {
    await post('stuck', 'begin');
    const sockets = Array.from({ length: 10 }, () => {
      const socket = connect(server.port, '127.0.0.1');
      socket.pause();
      socket.on('error', () => {});
      socket.write('GET /v1/threads/stuck/events HTTP/1.1\r\nHost: x\r\nX-API-Key: backend\r\nX-User-ID: ana\r\n\r\n');
      return socket;
    });
    const followers = async (): Promise<number> =>
      Number(/^synapd_chat_followers (\d+)$/m.exec(await call('GET', '/metrics', as('ana')))?.[1]);
    await expect.poll(followers).toBeGreaterThanOrEqual(10);
    const reading = await new Events('stuck').open();
    const body = 'x'.repeat(50_000);
    let last = 0;
    for (let n = 0; n < 600; n += 50) {
      await Promise.all(Array.from({ length: 50 }, () => post('stuck', body)));
      for (let i = 0; i < 50; i++) {
        const told = (await reading.next()) as Told;
        expect([told.event, last === 0 || told.id === last + 1]).toEqual(['message', true]);
        last = told.id;
      }
    }
    reading.close();
    // ten readers times 30 MB would be 300 MB; each holds a place in the log instead
    const memory = Number(
      /^synapd_process_resident_memory_bytes (\d+)$/m.exec(await call('GET', '/metrics', as('ana')))?.[1],
    );
    expect(memory).toBeLessThan(450e6);
    const back = await new Events('stuck', { ...as('ana'), 'Last-Event-ID': String(last - 3) }).open();
    for (const n of [2, 1, 0]) expect((await back.next())?.id).toBe(last - n);
    back.close();
    for (const socket of sockets) socket.destroy();
    await expect.poll(followers, { timeout: 5000 }).toBe(0);
  }, 30_000);
});

describe('the topics chat.thread.<id>.<kind> where callers have permissions', () => {
  let guarded: Running;
  const can = (name: string, ...resources: string[]): string =>
    `    - { name: ${name}, key: ${name}, permissions: [${resources.map((one) => `{ resource: "${one}", action: all }`).join(', ')}] }`;
  beforeAll(async () => {
    const path = join(scratchFolder(), 'auth.yaml');
    const callers = [
      can('topics', 'pubsub:*'),
      can('trip', 'pubsub:*', 'chat:trip'),
      can('every', 'pubsub:*', 'chat:*'),
      can('writer', 'chat:*'),
    ];
    writeFileSync(
      path,
      `memory: true\nauth:\n  enabled: true\n  require_auth: true\n  api_keys:\n${callers.join('\n')}\n`,
    );
    guarded = await startServer(['--config', path]);
  });
  afterAll(async () => {
    await guarded.stop();
  });

  const command = (name: string, key: string, payload: unknown): Promise<Response> =>
    fetch(`${guarded.base}/api/v1/command`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'X-API-Key': key },
      body: JSON.stringify({ command: name, request_id: 'r', payload }),
    });
  const say = async (thread: string): Promise<void> => {
    const answer = await command('chat.create_message', 'writer', { author: 'ana', thread, body: 'secret' });
    expect(((await answer.json()) as { success: boolean }).success).toBe(true);
  };
  async function socket(path: string, key: string): Promise<Client> {
    const client = new Client(
      new WebSocket(`${guarded.base.replace('http', 'ws')}${path}`, { headers: { 'X-API-Key': key } }),
    );
    await new Promise((resolve, reject) => {
      client.ws.once('open', resolve);
      client.ws.once('error', reject);
    });
    return client;
  }

  const everything = ['%23', 'chat.%23', '*.%23', 'chat.thread.%23', 'chat.thread.*.message', 'c*t.*.trip.message'];

  it('are read by those only who may read the thread, by name and by every pattern', async () => {
    for (const topic of [...everything, 'chat.thread.trip.message', 'chat.thread.trip.*', 'chat.thread.trip.%23']) {
      const refused = await fetch(`${guarded.base}/pubsub/sse?topics=${topic}`, { headers: { 'X-API-Key': 'topics' } });
      await refused.body?.cancel();
      expect([topic, refused.status]).toEqual([topic, 403]);
      await expect(socket(`/pubsub/ws?topics=${topic}`, 'topics')).rejects.toThrow(/403/);
    }
    for (const topic of [...everything, 'chat.thread.other.*'])
      await expect(socket(`/pubsub/ws?topics=${topic}`, 'trip')).rejects.toThrow(/403/);
    // topics that tell of no thread are as free as ever
    for (const topic of ['chat.news', 'chat.*', 'news.%23', '*.*.*', 'chat.threads.trip.message'])
      await (await socket(`/pubsub/ws?topics=${topic}`, 'topics')).close();
  });

  it('tell those who may, over /pubsub/ws and /ws', async () => {
    const one = await socket('/pubsub/ws?topics=chat.thread.trip.*', 'trip');
    const all = await socket('/ws', 'every');
    all.send({ id: 1, command: 'pubsub.listen', payload: { topics: ['chat.thread.*.*'] } });
    await Promise.all([one.take(1), all.take(1)]);
    await say('other');
    await say('trip');
    expect((await one.take(1))[0]).toMatchObject({
      topic: 'chat.thread.trip.message',
      payload: { message: { body: 'secret' } },
    });
    expect((await all.take(1))[0]).toMatchObject({ id: 1, event: { topic: 'chat.thread.other.message' } });
    expect((await all.take(1))[0]).toMatchObject({ id: 1, event: { topic: 'chat.thread.trip.message' } });
    const refused = await socket('/ws', 'topics');
    refused.send({ id: 1, command: 'pubsub.listen', payload: { topics: ['chat.thread.*.*'] } });
    expect((await refused.take(1))[0]).toMatchObject({
      id: 1,
      success: false,
      error: expect.stringContaining('chat:*') as string,
    });
    for (const open of [one, all, refused]) await open.close();
  });
});
