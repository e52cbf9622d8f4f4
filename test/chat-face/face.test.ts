/** What the chat face has beyond the recordings: live threads, search, pages, CORS, rates, addresses, and no way around. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Running, root, scratchFolder, startServer } from '../support/process.ts';

const profile = join(root, 'test', 'conformance', 'profiles', 'progressdb.yaml');
const start = (config: string): Promise<Running> => startServer(['--log-level', 'info', '--config', config]);
let server: Running;
beforeAll(async () => {
  server = await start(profile);
});
afterAll(async () => {
  await server.stop();
});

/** The members of answers that tests look at. */
interface Said {
  readonly id: string;
  readonly messages: readonly { readonly id: string }[];
  readonly success: boolean;
  readonly payload: unknown;
}

/** A server-sent event. */
interface Told {
  readonly event: string;
  readonly id: string;
  readonly data: { readonly topic: string; readonly message: { readonly body: unknown } };
}

const as = (user: string): Record<string, string> => ({ 'X-API-Key': 'sk_backend_1', 'X-User-ID': user });
const ADMIN = { 'X-API-Key': 'sk_admin_1' };

async function call(
  method: string,
  path: string,
  headers: object,
  body?: unknown,
): Promise<{ status: number; body: Said }> {
  const answer = await fetch(`${server.base}${path}`, {
    method,
    headers: headers as Record<string, string>,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  return { status: answer.status, body: JSON.parse(text === '' ? '{}' : text) as Said };
}

const post = async (thread: string, body: unknown): Promise<string> =>
  (await call('POST', '/v1/messages', as('ana'), { thread, body })).body.id;

/** Reads events until there are `count` of them. */
async function events(path: string, count: number, headers: object, during: () => Promise<void>): Promise<Told[]> {
  const stop = new AbortController();
  const answer = await fetch(path.startsWith('/') ? `${server.base}${path}` : path, {
    headers: headers as Record<string, string>,
    signal: stop.signal,
  });
  expect(answer.headers.get('content-type')).toBe('text/event-stream');
  const found: Told[] = [];
  let text = '';
  await during();
  for await (const chunk of answer.body as unknown as AsyncIterable<Uint8Array>) {
    text += Buffer.from(chunk).toString();
    const blocks = text.split('\n\n');
    text = blocks.pop() as string;
    for (const block of blocks) {
      const fields: Record<string, string> = Object.fromEntries(
        block.split('\n').map((line) => line.split(/: (.*)/s).slice(0, 2)),
      );
      if (fields['data'] !== undefined) found.push({ ...fields, data: JSON.parse(fields['data'] ?? '{}') } as Told);
    }
    if (found.length >= count) break;
  }
  stop.abort();
  return found;
}

describe('GET /v1/threads/{id}/events', () => {
  it('tells of messages, edits, reactions and deletions as they happen', async () => {
    await post('live', 'first');
    const found = await events('/v1/threads/live/events', 5, as('ana'), async () => {
      const id = await post('live', 'second');
      await call('PUT', `/v1/threads/live/messages/${id}`, as('ana'), { body: 'edited' });
      await call('POST', `/v1/messages/${id}/reactions`, as('ana'), { id: 'ben', reaction: 'like' });
      await call('DELETE', `/v1/threads/live/messages/${id}`, as('ana'));
    });
    expect(found.map(({ event }) => event)).toEqual(['connected', 'message', 'edit', 'reaction', 'delete']);
    expect(found[2]?.data.message).toMatchObject({ thread: 'live', author: 'ana' });
  });

  it('goes on behind Last-Event-ID', async () => {
    await post('again', 1);
    const [, seen] = await events('/v1/threads/again/events', 2, as('ana'), async () => void (await post('again', 2)));
    await post('again', 3);
    await post('again', 4);
    const headers = { ...as('ana'), 'Last-Event-ID': seen?.id };
    const found = await events('/v1/threads/again/events', 3, headers, async () => {});
    expect(found.slice(1).map(({ data }) => data.message.body)).toEqual([3, 4]);
  });

  it('is refused to whoever may not read the thread', async () => {
    await post('closed', 1);
    expect((await call('GET', '/v1/threads/closed/events', as('eve'))).status).toBe(403);
    expect((await call('GET', '/v1/threads/nowhere/events', as('ana'))).status).toBe(404);
    expect((await call('GET', '/v1/threads/closed/events', {})).status).toBe(401);
  });
});

describe('the chat face', () => {
  it('finds words in a thread, and pages through messages', async () => {
    for (const n of [1, 2, 3, 4]) await post('pages', { text: `number ${n}` });
    const all = (await call('GET', '/v1/threads/pages/messages', as('ana'))).body.messages;
    const before = await call('GET', `/v1/threads/pages/messages?limit=2&before=${all[3]?.id}`, as('ana'));
    expect(before.body).toMatchObject({ messages: [{ id: all[1]?.id }, { id: all[2]?.id }], has_more: true });
    const after = await call('GET', `/v1/threads/pages/messages?after=${all[1]?.id}`, as('ana'));
    expect(after.body).toMatchObject({ messages: [{ id: all[2]?.id }, { id: all[3]?.id }], has_more: false });
    const hits = await call('GET', '/v1/threads/pages/search?q=NUMBER+3', as('ana'));
    expect(hits.body.messages.map(({ id }: { id: string }) => id)).toEqual([all[2]?.id]);
    expect((await call('GET', '/v1/threads/pages/search?q=number', as('eve'))).status).toBe(403);
  });

  it('takes CORS from the settings, and gives no other origin anything', async () => {
    const ask = async (origin: string): Promise<Headers> =>
      (await fetch(`${server.base}/v1/threads`, { headers: { Origin: origin } })).headers;
    const welcome = await ask('http://APP.example');
    expect(welcome.get('access-control-allow-origin')).toBe('http://APP.example');
    expect(welcome.get('vary')).toBe('Origin');
    expect(welcome.get('access-control-allow-headers')?.split(',')).toContain('Idempotency-Key');
    expect(welcome.get('access-control-expose-headers')?.split(',')).toContain('Retry-After');
    expect((await ask('http://evil.example')).get('access-control-allow-origin')).toBeNull();
  });

  it('cannot be gone around by the command endpoint', async () => {
    const id = await post('guarded', 'secret');
    const headers = { 'Content-Type': 'application/json' };
    for (const [command, payload] of Object.entries({
      'chat.messages': { thread: 'guarded' },
      'chat.message': { message: id },
      'chat.stats': {},
      'chat.keys': {},
      'chat.create_message': { author: 'ana', thread: 'guarded', body: 1 },
      'chat.run_retention': {},
    })) {
      const { body } = await call('POST', '/api/v1/command', headers, { command, request_id: 'r', payload });
      expect([command, body.success, body.payload]).toEqual([command, false, null]);
    }
  });

  it('is counted by the metrics of the server', async () => {
    const shown = async (): Promise<(row: string) => number> => {
      const text = await (await fetch(`${server.base}/metrics`, { headers: as('ana') })).text();
      const lines = text.split('\n');
      // a command that nobody has called yet has no row
      return (row) => Number(lines.find((line) => line.startsWith(`${row} `))?.slice(row.length) ?? 0);
    };
    await post('counted', 0);
    const before = await shown();
    const id = await post('counted', 1);
    await call('PUT', `/v1/messages/${id}`, as('ana'), { body: 2 });
    await call('DELETE', `/v1/messages/${id}`, as('ana'));
    await call('DELETE', '/v1/messages/msg-none', as('ana'));
    await call('DELETE', '/v1/threads/counted', as('ana'));
    const after = await shown();
    const rows = {
      'synapd_chat_threads{state="live"}': -1,
      'synapd_chat_threads{state="deleted"}': 1,
      synapd_chat_versions: 4, // with the tombstone
      'synapd_commands_total{command="chat.create_message",outcome="ok"}': 1,
      'synapd_commands_total{command="chat.edit_message",outcome="ok"}': 1,
      'synapd_commands_total{command="chat.delete_thread",outcome="ok"}': 1,
    };
    for (const [row, change] of Object.entries(rows)) expect([row, after(row) - before(row)]).toEqual([row, change]);
  });

  it('keeps admin calls and signing to their keys', async () => {
    expect((await call('GET', '/admin/stats', ADMIN)).status).toBe(200);
    expect((await call('GET', '/admin/stats', as('ana'))).status).toBe(403);
    expect((await call('POST', '/v1/_sign', ADMIN, { userId: 'ana' })).status).toBe(403);
  });
});

describe('the topics chat.thread.<id>.<kind>', () => {
  const listen = '/pubsub/sse?topics=chat.thread.trip.*,marker';
  const run = (base: string, command: string, payload: unknown): Promise<Response> =>
    fetch(`${base}/api/v1/command`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ command, request_id: 'r', payload }),
    });

  it('tell what happens to a thread where chat has no keys of its own', async () => {
    const open = await startServer();
    const found = await events(`${open.base}${listen}`, 2, {}, async () => {
      await run(open.base, 'chat.create_message', { author: 'ana', thread: 'trip', body: 'hi' });
    });
    expect(found[1]?.data).toMatchObject({
      topic: 'chat.thread.trip.message',
      payload: { kind: 'message', message: { thread: 'trip', body: 'hi' } },
    });
    await open.stop();
  });

  it('stay silent where only the keys of the chat guard it', async () => {
    const found = await events(`${server.base}${listen}`, 2, {}, async () => {
      await post('trip', 'secret');
      await run(server.base, 'pubsub.publish', { topic: 'marker', payload: 1 });
    });
    expect(found[1]?.data.topic).toBe('marker');
  });
});

describe('settings of the chat', () => {
  const written = (yaml: string): string => {
    const path = join(scratchFolder(), 'chat.yaml');
    writeFileSync(path, `memory: true\n${yaml}`);
    return path;
  };

  it('limit the rate of a key and of an address, and say when to come again', async () => {
    const yaml = 'security: { api_keys: { backend: [k1, k2] }, rate_limit: { rps: 1, burst: 2 } }\n';
    const limited = await start(written(yaml));
    const ask = (headers: Record<string, string>): Promise<Response> =>
      fetch(`${limited.base}/v1/messages`, { headers });
    const statuses: number[] = [];
    for (let n = 0; n < 3; n++) statuses.push((await ask({ 'X-API-Key': 'k1' })).status);
    expect(statuses).toEqual([200, 200, 429]);
    const refused = await ask({ 'X-API-Key': 'k1' });
    expect([refused.headers.get('retry-after'), await refused.text()]).toEqual([
      '1',
      '{"error":"rate limit exceeded"}\n',
    ]);
    expect((await ask({ 'X-API-Key': 'k2' })).status).toBe(200);
    // guessing keys is limited by address
    expect([(await ask({ 'X-API-Key': 'a' })).status, (await ask({ 'X-API-Key': 'b' })).status]).toEqual([401, 401]);
    expect((await ask({ 'X-API-Key': 'c' })).status).toBe(429);
    expect((await fetch(`${limited.base}/healthz`)).status).toBe(200);
    await limited.stop();
  });

  it('let in only listed addresses, probes included', async () => {
    const yaml = (list: string): string => `security: { api_keys: { backend: [k1] }, ip_whitelist: [${list}] }\n`;
    const closed = await start(written(yaml('10.0.0.0/8')));
    const asked = await fetch(`${closed.base}/v1/messages`, { headers: { 'X-API-Key': 'k1' } });
    expect([asked.status, await asked.text()]).toEqual([403, '{"error":"forbidden"}\n']);
    expect((await fetch(`${closed.base}/healthz`)).status).toBe(403);
    await closed.stop();
    const open = await start(written(yaml('"127.0.0.0/8"')));
    expect((await fetch(`${open.base}/v1/messages`, { headers: { 'X-API-Key': 'k1' } })).status).toBe(200);
    await open.stop();
  });

  it('take a key in several classes for all of them', async () => {
    const one = await start(written('security: { api_keys: { backend: [k], frontend: [k], admin: [k] } }\n'));
    const headers = { 'X-API-Key': 'k' };
    expect((await fetch(`${one.base}/admin/stats`, { headers })).status).toBe(200);
    const signed = await fetch(`${one.base}/v1/_sign`, { method: 'POST', headers, body: '{"userId":"ana"}' });
    expect(signed.status).toBe(200);
    await one.stop();
  });
});
