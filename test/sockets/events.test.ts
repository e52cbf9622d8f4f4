import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FakeClock } from '../support/clock.ts';
import { eventually, type LiveServer, liveServer, stopAll } from '../support/live.ts';

let server: LiveServer;
beforeAll(async () => {
  server = await liveServer();
});
afterAll(() => {
  stopAll();
  expect(server.faults).toEqual([]);
});

/** One event as it stood on the wire. */
interface Event {
  readonly id?: string;
  readonly event?: string;
  readonly data: unknown;
}

/** A client of server-sent events. */
class Source {
  readonly response: Response;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #abort: AbortController;
  #text = '';

  private constructor(response: Response, abort: AbortController) {
    this.response = response;
    this.#reader = (response.body as ReadableStream<Uint8Array>).getReader();
    this.#abort = abort;
  }

  static async open(path: string, headers: Record<string, string> = {}): Promise<Source> {
    const abort = new AbortController();
    return new Source(await fetch(server.base + path, { headers, signal: abort.signal }), abort);
  }

  /** The next event; `undefined` when the answer has ended. Comments are skipped. */
  async next(): Promise<Event | undefined> {
    for (;;) {
      const end = this.#text.indexOf('\n\n');
      if (end >= 0) {
        const lines = this.#text.slice(0, end).split('\n');
        this.#text = this.#text.slice(end + 2);
        const fields = lines.filter((line) => !line.startsWith(':')).map((line) => line.split(/: (.*)/s).slice(0, 2));
        if (fields.length === 0) continue;
        const event = Object.fromEntries(fields) as Record<string, string>;
        return { ...event, data: JSON.parse(event['data'] ?? 'null') } as Event;
      }
      const { done, value } = await this.#reader.read();
      if (done) return undefined;
      this.#text += Buffer.from(value).toString();
    }
  }

  close(): void {
    this.#abort.abort();
  }
}

describe('server-sent events of topics', () => {
  it('begin with the hello of the row and go on with every message', async () => {
    const source = await Source.open('/pubsub/sse?topics=sse.*');
    expect(source.response.status).toBe(200);
    expect(source.response.headers.get('content-type')).toBe('text/event-stream');
    expect(source.response.headers.get('cache-control')).toBe('no-store');
    expect(source.response.headers.get('access-control-allow-origin')).toBe('*');
    expect(await source.next()).toMatchObject({
      event: 'connected',
      data: { topics: ['sse.*'], subscription_count: 1 },
    });
    server.run('pubsub.publish', { topic: 'sse.a', payload: { text: 'two\nlines' } });
    const event = await source.next();
    expect(event).toMatchObject({ data: { topic: 'sse.a', payload: { text: 'two\nlines' }, metadata: null } });
    expect(event).not.toHaveProperty('id');
    source.close();
  });

  it('end with the client: its subscriptions go', async () => {
    const source = await Source.open('/pubsub/sse?topics=left');
    await source.next();
    source.close();
    await eventually(
      () =>
        (server.run('pubsub.publish', { topic: 'left', payload: 1 }) as { subscribers_matched: number })
          .subscribers_matched === 0,
    );
    await eventually(() => server.live.counts.feeds === 0);
  });

  it('are refused like any request', async () => {
    expect((await fetch(`${server.base}/pubsub/sse`)).status).toBe(400);
    expect((await fetch(`${server.base}/pubsub/sse?topics=a.%23.b`)).status).toBe(400);
    const post = await fetch(`${server.base}/pubsub/sse`, { method: 'POST' });
    expect(post.status).toBe(405);
    expect(post.headers.get('allow')).toBe('GET,HEAD');
  });

  it('have a head without a body, and leave nothing behind', async () => {
    const head = await fetch(`${server.base}/pubsub/sse?topics=head`, { method: 'HEAD' });
    expect(head.status).toBe(200);
    expect(head.headers.get('content-type')).toBe('text/event-stream');
    expect(server.run('pubsub.publish', { topic: 'head', payload: 1 })).toMatchObject({ subscribers_matched: 0 });
  });

  it('of one who does not read are bounded: the connection is dropped', async () => {
    const outgoing = request(`${server.base}/pubsub/sse?topics=stuck`, { agent: false });
    outgoing.on('error', () => {});
    outgoing.end();
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
    response.on('error', () => {});
    response.pause();
    const before = server.context.pubsub.stats().slowConsumersDropped;
    const text = 'x'.repeat(100_000);
    while (server.context.pubsub.stats().slowConsumersDropped === before) {
      server.run('pubsub.publish', { topic: 'stuck', payload: text });
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(server.run('pubsub.publish', { topic: 'stuck', payload: 1 })).toMatchObject({ subscribers_matched: 0 });
    outgoing.destroy();
  });
});

describe('server-sent events of keys', () => {
  it('tell every change', async () => {
    const source = await Source.open('/kv/sse?keys=sse-key');
    await source.next();
    server.run('kv.set', { key: 'sse-key', value: 'v' });
    expect(await source.next()).toMatchObject({ data: { payload: { key: 'sse-key', event: 'set', value: 'v' } } });
    source.close();
  });
});

describe('server-sent events of a room', () => {
  it('carry offsets as ids, and go on behind the last one seen', async () => {
    server.run('stream.create', { room: 'sse' });
    for (const n of [0, 1, 2]) server.run('stream.publish', { room: 'sse', event: 'e', data: n });
    const source = await Source.open('/stream/sse/sse?from_offset=1&subscriber_id=me');
    expect(await source.next()).toMatchObject({
      event: 'connected',
      data: { room: 'sse', subscriber_id: 'me', from_offset: 1 },
    });
    expect(await source.next()).toMatchObject({ id: '1', data: { offset: 1, event: 'e', data: 1 } });
    source.close();
    const again = await Source.open('/stream/sse/sse?from_offset=0', { 'last-event-id': '1' });
    expect(await again.next()).toMatchObject({ data: { from_offset: 2 } });
    expect(await again.next()).toMatchObject({ id: '2', data: { offset: 2 } });
    server.run('stream.publish', { room: 'sse', event: 'e', data: 'live' });
    expect(await again.next()).toMatchObject({ id: '3', data: { data: 'live' } });
    server.run('stream.delete', { room: 'sse' });
    expect(await again.next()).toEqual({
      event: 'end',
      data: { error: "Invalid request: Room 'sse' not found", code: 'ROOM_NOT_FOUND' },
    });
    expect(await again.next()).toBeUndefined();
  });

  it('are refused for a room that is not there', async () => {
    const answer = await fetch(`${server.base}/stream/nowhere/sse`);
    expect(answer.status).toBe(400);
    expect(await answer.json()).toEqual({ code: 400, error: "Invalid request: Room 'nowhere' not found" });
  });

  it('wait for a slow reader without losing any', async () => {
    server.run('stream.create', { room: 'long' });
    const source = await Source.open('/stream/long/sse');
    await source.next();
    const text = 'x'.repeat(100_000);
    for (let n = 0; n < 200; n++) server.run('stream.publish', { room: 'long', event: 'e', data: { n, text } });
    for (let n = 0; n < 200; n++) expect(await source.next()).toMatchObject({ id: String(n), data: { data: { n } } });
    source.close();
  });
});

describe('silence', () => {
  it('is broken by a comment every fifteen seconds, unless something waits anyway', async () => {
    const clock = new FakeClock();
    const quiet = await liveServer({ clock });
    const response = await fetch(`${quiet.base}/pubsub/sse?topics=quiet`);
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    let text = '';
    const read = async (): Promise<void> => {
      text += Buffer.from((await reader.read()).value ?? []).toString();
    };
    await read();
    clock.advance(15_000);
    quiet.timers.run();
    await read();
    clock.advance(15_000);
    quiet.timers.run();
    await read();
    expect(text.split('\n\n').slice(1)).toEqual([': ', ': ', '']);
    await reader.cancel();
  });
});

describe('a server that stops', () => {
  it('ends its events properly', async () => {
    const source = await Source.open('/pubsub/sse?topics=bye');
    await source.next();
    server.live.closeAll('stopping');
    expect(await source.next()).toBeUndefined();
    await eventually(() => server.live.counts.feeds === 0);
  });
});
