import { afterEach, describe, expect, expectTypeOf, it } from 'vitest';
import { freePort, type Running, scratchFolder } from '../../../../test/support/process.ts';
import { ApiError, type BackendClient, ProgressDB, type ThreadEvent, type ThreadEvents } from '../src/index.ts';
import { KEYS, profileServer } from './profile.ts';
import { failure, json, stub } from './support.ts';

const servers: Running[] = [];
async function serve(...args: string[]): Promise<{ server: Running; db: BackendClient }> {
  const server = await profileServer(...args);
  servers.push(server);
  return { server, db: ProgressDB({ baseUrl: server.base, apiKey: KEYS.backend }) };
}
afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop('SIGKILL');
});

/** The next `count` events. */
async function take<T extends 'number' | 'bigint'>(events: ThreadEvents<T>, count: number): Promise<ThreadEvent<T>[]> {
  const taken: ThreadEvent<T>[] = [];
  while (taken.length < count) {
    const { done, value } = await events.next();
    if (done) break;
    taken.push(value);
  }
  return taken;
}

describe('the events of a thread', () => {
  it('tell what happens, from when it is open until it is left', async () => {
    const { db } = await serve();
    const before = await db.createMessage({ thread: 't', body: 0 }, 'ana');
    const events = await db.threadEvents('t', {}, 'ana').open();
    const made = await db.createMessage({ thread: 't', body: 1 }, 'ana');
    await db.updateThreadMessage('t', made.id, { body: 2 }, 'ana');
    await db.addOrUpdateReaction('t', before.id, { id: 'ana', reaction: 'like' }, 'ana');
    await db.deleteThreadMessage('t', made.id, 'ana');
    await db.updateThread('t', { title: 'New' }, 'ana');
    const told: unknown[] = [];
    for await (const { kind, message, state } of events) {
      told.push([kind, message?.id ?? state?.title]);
      if (kind === 'thread') break;
    }
    expect(told).toEqual([
      ['message', made.id],
      ['edit', made.id],
      ['reaction', before.id],
      ['delete', made.id],
      ['thread', 'New'],
    ]);
    expect(await events.next()).toEqual({ done: true, value: undefined });
  });

  it('go on behind an event that was seen', async () => {
    const { db } = await serve();
    for (let at = 0; at < 3; at++) await db.createMessage({ thread: 't', body: at }, 'ana');
    const seen = await take(db.threadEvents('t', { after: 0 }, 'ana'), 3);
    expect(seen.map(({ message }) => message?.body)).toEqual([0, 1, 2]);
    const rest = await take(db.threadEvents('t', { after: seen[1]?.seq }, 'ana'), 1);
    expect(rest[0]?.message?.body).toBe(2);
  });

  it('give timestamps exactly where the client does', async () => {
    const { server } = await serve();
    const db = ProgressDB({ baseUrl: server.base, apiKey: KEYS.backend, timestamps: 'bigint' });
    await db.createMessage({ thread: 't', body: 1, ts: 1757600000500000901n }, 'ana');
    const [event] = await take(db.threadEvents('t', { after: 0 }, 'ana'), 1);
    expect(event?.message?.ts).toBe(1757600000500000901n);
    expectTypeOf(event?.at).toEqualTypeOf<bigint | undefined>();
  });

  it('are over when the thread is deleted', async () => {
    const { db } = await serve();
    const { id } = await db.createThread({}, 'ana');
    const events = await db.threadEvents(id, {}, 'ana').open();
    await db.deleteThread(id, 'ana');
    const kinds: string[] = [];
    for await (const { kind } of events) kinds.push(kind);
    expect(kinds.at(-1)).toBe('thread');
  });

  it('miss nothing and tell nothing twice when the server is killed and comes back', async () => {
    const port = await freePort();
    const lasting = ['--port', `${port}`, '--memory', 'false', '--data-dir', scratchFolder(), '--durability', 'sync'];
    const { db } = await serve(...lasting);
    await db.createMessage({ thread: 't', body: 0 }, 'ana');
    const events = await db.threadEvents('t', { after: 0 }, 'ana').open();
    const bodies: unknown[] = [];
    const all = (async () => {
      for await (const { message } of events) {
        bodies.push(message?.body);
        if (message?.body === 'last') return;
      }
    })();
    for (let round = 1; round <= 3; round++) {
      await servers.pop()?.stop('SIGKILL');
      await serve(...lasting);
      await db.withOptions({ maxRetries: 6 }).createMessage({ thread: 't', body: round }, 'ana');
    }
    await db.createMessage({ thread: 't', body: 'last' }, 'ana');
    await all;
    expect(bodies).toEqual([0, 1, 2, 3, 'last']);
    expect(events.reconnects).toBeGreaterThan(0);
  });
});

describe('a subscription', () => {
  const CONNECTED = 'event: connected\ndata: {"thread":"t"}\n\n';
  const told = (seq: number): string => `event: message\ndata: {"seq":${seq},"kind":"message","thread":"t","at":1}\n\n`;
  const client = (baseUrl: string, options: object = {}) => ProgressDB({ baseUrl, apiKey: 'k', ...options });

  it('goes on behind the last event after a connection is lost', async () => {
    const { base, received } = await stub((at, _, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      if (at > 1) response.write(CONNECTED + told(3));
      else response.end(`${CONNECTED}${told(1)}${told(2)}event: message\ndata: {"se`);
    });
    const events = client(base).threadEvents('t', {}, 'ana');
    expect((await take(events, 3)).map(({ seq }) => seq)).toEqual([1, 2, 3]);
    expect(received.map(({ path }) => path)).toEqual(['/v1/threads/t/events', '/v1/threads/t/events?after=2']);
    expect(events.reconnects).toBe(1);
    events.close();
  });

  it('says so when it cannot know what it missed', async () => {
    const { base } = await stub((at, _, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      if (at > 1) response.write(CONNECTED);
      else response.end(CONNECTED);
    });
    const events = client(base).threadEvents('t', {}, 'ana');
    expect(await take(events, 1)).toEqual([{ seq: 0, kind: 'reset', thread: 't', at: 0 }]);
    events.close();
  });

  it('takes nothing but events for events', async () => {
    const { base } = await stub((_, __, response) => json(response, 200, { threads: [] }));
    expect(await failure(client(base).threadEvents('t').next())).toMatchObject({
      status: 200,
      message: /check baseUrl/,
    });
    const { base: odd } = await stub((_, __, response) =>
      response.writeHead(200, { 'content-type': 'text/event-stream' }).end(`${CONNECTED}data: {\n\n`),
    );
    expect(await failure(client(odd).threadEvents('t').next())).toBeInstanceOf(ApiError);
  });

  it('fails when the server refuses it, and is over then', async () => {
    const { base, received } = await stub((_, __, response) => json(response, 404, { error: 'thread not found' }));
    const events = client(base).threadEvents('t');
    expect(await failure(events.next())).toMatchObject({ status: 404 });
    expect(await events.next()).toMatchObject({ done: true });
    expect(received).toHaveLength(1);
  });

  it('tries the first connection as often as a call', async () => {
    const { base, received } = await stub((_, __, response) => json(response, 503, { error: 'no' }));
    expect(await failure(client(base, { maxRetries: 1 }).threadEvents('t').open())).toMatchObject({ status: 503 });
    expect(received).toHaveLength(2);
  });

  it('does not wait for ever for a server that never says that it listens', async () => {
    const { base } = await stub((_, __, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.flushHeaders();
    });
    const events = client(base, { maxRetries: 0, timeoutMs: 60 }).threadEvents('t');
    expect(await failure(events.open())).toMatchObject({ status: 0, message: /within 60 ms/ });
  });

  it('ends while it waits: by close, by return, and by a signal with its reason', async () => {
    const { base } = await stub((_, __, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(CONNECTED);
    });
    const db = client(base);
    for (const end of ['close', 'return'] as const) {
      const events = await db.threadEvents('t').open();
      const waiting = events.next();
      void events[end]();
      expect(await waiting).toEqual({ done: true, value: undefined });
    }
    for (const make of [
      (signal: AbortSignal) => db.threadEvents('t', { signal }),
      (signal: AbortSignal) => db.withOptions({ signal }).threadEvents('t'),
    ]) {
      const abort = new AbortController();
      const events = await make(abort.signal).open();
      const waiting = failure(events.next());
      abort.abort(new Error('enough'));
      expect(await waiting).toMatchObject({ message: 'enough' });
      expect(await failure(make(abort.signal).next())).toMatchObject({ message: 'enough' });
    }
  });

  it('gives events to several that wait in the order in which they asked', async () => {
    const { base } = await stub((_, __, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(CONNECTED + told(1) + told(2));
    });
    const events = client(base).threadEvents('t');
    const both = await Promise.all([events.next(), events.next()]);
    expect(both.map(({ value }) => value?.seq)).toEqual([1, 2]);
    events.close();
  });
});
