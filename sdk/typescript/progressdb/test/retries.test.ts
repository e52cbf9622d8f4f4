import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ProgressDB, ProgressDBClient } from '../src/index.ts';
import { failure } from './support.ts';

/** A fetch that gives these answers one after the other, and notes when it was asked. */
function scripted(...answers: (Response | Error | 'never')[]) {
  const asked: { at: number; headers: Record<string, string>; method: string }[] = [];
  const fetch = (async (_url: string, init: RequestInit) => {
    asked.push({ at: Date.now(), headers: init.headers as Record<string, string>, method: init.method as string });
    const answer = answers[asked.length - 1] ?? new Error('no more answers');
    if (answer instanceof Error) throw answer;
    if (answer !== 'never') return answer;
    return new Promise((_, reject) => init.signal?.addEventListener('abort', () => reject(new Error('aborted'))));
  }) as typeof globalThis.fetch;
  return { fetch, asked, pauses: () => asked.slice(1).map(({ at }, before) => at - (asked[before]?.at ?? 0)) };
}
const ok = (): Response => Response.json({ id: 'm', threads: [] });
const no = (status: number, headers: Record<string, string> = {}): Response =>
  Response.json({ error: 'no' }, { status, headers });

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] }));
afterEach(() => {
  expect(vi.getTimerCount()).toBe(0); // whatever happened, nothing holds the process
  vi.useRealTimers();
});

/** Lets a call run to its end. */
async function run<R>(call: Promise<R>): Promise<R | unknown> {
  const done = call.catch((error: unknown) => error);
  await vi.runAllTimersAsync();
  return done;
}
const db = (fetch: typeof globalThis.fetch, options: object = {}) =>
  ProgressDB({ baseUrl: 'http://a', apiKey: 'k', fetch, ...options });

describe('tries', () => {
  it('are at most maxRetries more, with growing pauses', async () => {
    const { fetch, pauses } = scripted(...Array.from({ length: 9 }, () => no(503)));
    expect(await run(db(fetch, { maxRetries: 4 }).getThread('t', 'a'))).toMatchObject({ status: 503 });
    expect(pauses()).toEqual([200, 400, 800, 1600]);
  });

  it('are three when nothing is said', async () => {
    const { fetch, asked } = scripted(new TypeError('fetch failed'), no(502), ok(), no(500));
    expect(await run(db(fetch).getThread('t', 'a'))).toMatchObject({ id: 'm' });
    expect(asked).toHaveLength(3);
  });

  it.each([500, 502, 503, 504, 429])('follow a %d of a read', async (status) => {
    const { fetch } = scripted(no(status), ok());
    expect(await run(db(fetch).getThread('t', 'a'))).toMatchObject({ id: 'm' });
  });

  it.each([400, 401, 403, 404, 409, 413, 501, 507])('do not follow a %d', async (status) => {
    const { fetch, asked } = scripted(no(status), ok());
    expect(await run(db(fetch).getThread('t', 'a'))).toMatchObject({ status });
    expect(asked).toHaveLength(1);
  });

  it('do not follow a 500 of a write, which may have been done', async () => {
    const { fetch, asked } = scripted(no(500), ok());
    expect(await run(db(fetch).updateThread('t', {}, 'a'))).toMatchObject({ status: 500 });
    expect(asked).toHaveLength(1);
  });

  it('have a time each', async () => {
    const { fetch, pauses } = scripted('never', 'never', ok());
    expect(await run(db(fetch, { timeoutMs: 50 }).getThread('t', 'a'))).toMatchObject({ id: 'm' });
    expect(pauses()).toEqual([250, 450]);
  });

  it('wait as long as the server asks, up to a minute', async () => {
    const patient = scripted(no(429, { 'retry-after': '7' }), no(503, { 'retry-after': '0' }), ok());
    expect(await run(db(patient.fetch).getThread('t', 'a'))).toMatchObject({ id: 'm' });
    expect(patient.pauses()).toEqual([7000, 400]);
    const date = scripted(no(429, { 'retry-after': new Date(Date.now() + 3000).toUTCString() }), ok());
    await run(db(date.fetch).getThread('t', 'a'));
    expect(date.pauses()[0]).toBeGreaterThan(1000);
    const hopeless = scripted(no(429, { 'retry-after': '3600' }), ok());
    expect(await run(db(hopeless.fetch).getThread('t', 'a'))).toMatchObject({ status: 429, retryAfter: 3600 });
  });

  it('end with the signal', async () => {
    const { fetch, asked } = scripted(no(503), ok());
    const abort = new AbortController();
    const call = failure(db(fetch, { signal: abort.signal }).getThread('t', 'a'));
    await vi.advanceTimersByTimeAsync(100);
    abort.abort(new Error('enough'));
    expect(await call).toMatchObject({ message: 'enough' });
    expect(asked).toHaveLength(1);
  });
});

describe('a create', () => {
  it('has one idempotency key for all its tries, and each create another one', async () => {
    const { fetch, asked } = scripted(new TypeError('lost'), no(503), ok(), ok());
    await run(db(fetch).createMessage({ body: 1 }, 'a'));
    await run(db(fetch).createThread({}, 'a'));
    const keys = asked.map(({ headers }) => headers['idempotency-key']);
    expect(keys[0]).toMatch(/^[\w-]{32,}$/);
    expect(new Set(keys.slice(0, 3)).size).toBe(1);
    expect(new Set(keys).size).toBe(2);
  });

  it('alone has one', async () => {
    const { fetch, asked } = scripted(...Array.from({ length: 9 }, ok));
    const client = db(fetch);
    await run(client.getThread('t', 'a'));
    await run(client.updateThread('t', {}, 'a'));
    await run(client.addOrUpdateReaction('t', 'm', { id: 'a', reaction: 'b' }));
    expect(asked.map(({ headers }) => headers['idempotency-key'])).toEqual([undefined, undefined, undefined]);
  });

  it('has one without a generator of the runtime too', async () => {
    vi.stubGlobal('crypto', undefined);
    const { fetch, asked } = scripted(ok());
    await run(db(fetch).createThread({}, 'a'));
    vi.unstubAllGlobals();
    expect(asked[0]?.headers['idempotency-key']).toMatch(/^[0-9a-f]{32}$/);
  });

  it('is sent once where it may have no key, unless it was turned away', async () => {
    const lost = scripted(new TypeError('lost'), ok());
    const client = (fetch: typeof globalThis.fetch) =>
      new ProgressDBClient({ baseUrl: 'http://a', fetch, idempotencyKeys: false });
    expect(await run(client(lost.fetch).createMessage({ body: 1 }))).toMatchObject({ status: 0 });
    const turned = scripted(no(429), ok());
    expect(await run(client(turned.fetch).createMessage({ body: 1 }))).toMatchObject({ id: 'm' });
    expect(turned.asked.map(({ headers }) => headers['idempotency-key'])).toEqual([undefined, undefined]);
  });
});
