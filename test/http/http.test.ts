/** HTTP as a hostile or careless client meets it, against the built server (synap-core.md 1.2 to 1.7). */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Running, startServer } from '../support/process.ts';

let server: Running;
beforeAll(async () => {
  server = await startServer();
});
afterAll(async () => {
  expect(await server.stop()).toBe(0);
});

const post = (path: string, body: string | Uint8Array, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(server.base + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'accept-encoding': 'identity', ...headers },
    body: body as string,
  });
const set = (key: string, value: unknown): Promise<Response> => post('/kv/set', JSON.stringify({ key, value }));
const alive = async (): Promise<void> => expect((await fetch(`${server.base}/health`)).status).toBe(200);

async function raw(): Promise<{
  socket: Socket;
  text(): string;
  until(pattern: RegExp): Promise<string>;
  closed: Promise<void>;
}> {
  const socket = connect(server.port, '127.0.0.1');
  await once(socket, 'connect');
  let text = '';
  let wake = (): void => {};
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1');
    wake();
  });
  socket.on('error', () => {});
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  void closed.then(() => wake());
  return {
    socket,
    text: () => text,
    closed,
    async until(pattern) {
      while (!pattern.test(text)) {
        if (socket.destroyed) throw new Error(`closed before ${pattern}: ${text.slice(0, 300)}`);
        await new Promise<void>((resolve) => (wake = resolve));
      }
      return text;
    },
  };
}

describe('answers', () => {
  it('are JSON with the CORS header, and errors are JSON too', async () => {
    for (const [path, method, status] of [
      ['/nope', 'GET', 404],
      ['/kv/set', 'GET', 405],
      ['/health', 'POST', 405],
    ] as const) {
      const answer = await fetch(server.base + path, { method });
      expect([
        answer.status,
        answer.headers.get('content-type'),
        answer.headers.get('access-control-allow-origin'),
      ]).toEqual([status, 'application/json', '*']);
      expect(await answer.json()).toEqual({ code: status, error: expect.any(String) });
    }
    expect((await fetch(`${server.base}/kv/set`)).headers.get('allow')).toBe('POST');
  });

  it('to HEAD have the headers of GET and no body', async () => {
    await set('head', 'value');
    const answer = await fetch(`${server.base}/kv/get/head`, { method: 'HEAD' });
    expect([answer.status, answer.headers.get('content-length'), await answer.text()]).toEqual([200, '7', '']);
    expect((await fetch(`${server.base}/nope`, { method: 'HEAD' })).status).toBe(404);
  });

  it('to OPTIONS are 200 on any path', async () => {
    const answer = await fetch(`${server.base}/anything`, { method: 'OPTIONS' });
    expect([answer.status, await answer.text(), answer.headers.get('access-control-allow-methods')]).toEqual([
      200,
      '',
      '*',
    ]);
    expect(answer.headers.get('access-control-allow-headers')).toBe('*');
    const asked = { 'access-control-request-headers': 'content-type, authorization' };
    const browser = await fetch(`${server.base}/kv/set`, { method: 'OPTIONS', headers: asked });
    expect(browser.headers.get('access-control-allow-headers')).toBe('*, Authorization');
  });

  it('are compressed when the client accepts gzip and there are at least 32 bytes', async () => {
    for (const size of [100, 5_000, 200_000]) {
      const value = randomBytes(size / 2).toString('hex');
      await set('big', value);
      const [asked] = await once(
        get(`${server.base}/kv/get/big`, { headers: { 'accept-encoding': 'gzip' } }),
        'response',
      );
      const answer = asked as IncomingMessage;
      const parts: Buffer[] = [];
      for await (const part of answer) parts.push(part as Buffer);
      expect(answer.headers).toMatchObject({ 'content-encoding': 'gzip', vary: 'accept-encoding' });
      expect(gunzipSync(Buffer.concat(parts)).toString()).toBe(JSON.stringify(value));
      if (size === 100) expect(answer.headers['content-length']).toBeUndefined();
    }
    const plain = await fetch(`${server.base}/kv/get/nobody`, { headers: { 'accept-encoding': 'gzip;q=0' } });
    expect(plain.headers.get('content-encoding')).toBeNull();
    const short = await fetch(`${server.base}/kv/get/nobody`, { headers: { 'accept-encoding': 'gzip' } });
    expect(short.headers.get('content-encoding')).toBeNull();
  });

  it('keep 64-bit integers and whole floats exactly', async () => {
    await post('/kv/set', '{"key":"n","value":{"a":9223372036854775807,"b":1.0,"c":18446744073709551615}}');
    expect(await (await fetch(`${server.base}/kv/get/n`)).json()).toBe(
      '{"a":9223372036854775807,"b":1.0,"c":18446744073709551615}',
    );
    const incr = await post(
      '/api/v1/command',
      '{"command":"kv.incr","request_id":"1","payload":{"key":"i","amount":9223372036854775807}}',
    );
    expect(await incr.text()).toContain('{"value":9223372036854775807}');
  });
});

describe('a client', () => {
  it('may pipeline requests and gets the answers in order', async () => {
    const { socket, until } = await raw();
    let text = '';
    for (let i = 0; i < 50; i++) {
      const body = JSON.stringify({ command: 'kv.incr', request_id: `id-${i}`, payload: { key: 'pipelined' } });
      text += `POST /api/v1/command HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    }
    socket.write(text);
    const all = await until(/"request_id":"id-49"[^\n]*\}/);
    expect(
      [...all.matchAll(/"request_id":"id-(\d+)","payload":\{"value":(\d+)\}/g)].map((match) => [
        Number(match[1]),
        Number(match[2]),
      ]),
    ).toEqual(Array.from({ length: 50 }, (_, i) => [i, i + 1]));
    socket.destroy();
  });

  it('may send its body in chunks', async () => {
    const { socket, until } = await raw();
    socket.write(
      'POST /kv/set HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n',
    );
    socket.write('10\r\n{"key":"chunks",\r\n');
    socket.write('b\r\n"value":1} \r\n0\r\n\r\n');
    expect(await until(/written/)).toContain('{"success":true,"key":"chunks","written":true}');
    socket.destroy();
  });

  it('that sends more than 2 MiB is told 413 while it still sends', async () => {
    const { socket, until } = await raw();
    socket.write(
      'POST /kv/set HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 900000000\r\n\r\n',
    );
    const block = Buffer.alloc(256 * 1024, 0x61);
    for (let i = 0; i < 9; i++) socket.write(block);
    expect(await until(/413/)).toMatch(/HTTP\/1.1 413[\s\S]*Failed to buffer the request body: length limit exceeded/);
    socket.destroy();
    await alive();
  });

  it('that hangs up in the middle of a body harms nobody', async () => {
    for (let i = 0; i < 20; i++) {
      const { socket } = await raw();
      socket.write(
        'POST /kv/set HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"key":',
      );
      socket.destroy();
    }
    await alive();
  });

  it('that never finishes its headers or its body is cut off', { timeout: 60_000 }, async () => {
    const headers = await raw();
    headers.socket.write('GET /health HTTP/1.1\r\nHost: x\r\nX-Slow: ');
    const body = await raw();
    body.socket.write(
      'POST /kv/set HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{',
    );
    await Promise.all([headers.closed, body.closed]);
    await alive();
  });
});

describe('a client that pipelines requests for a large value and reads nothing', () => {
  it('fills no memory, and is cut off', async () => {
    const resident = async (): Promise<number> =>
      Number(
        /^synapd_process_resident_memory_bytes (\S+)/m.exec(await (await fetch(`${server.base}/metrics`)).text())?.[1],
      );
    await set('wide', 'x'.repeat(100_000));
    const before = await resident();
    const { socket } = await raw();
    socket.pause();
    socket.write('GET /kv/get/wide HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(13_000)); // 1.3 GB of answers
    const more = (): boolean => {
      socket.write('GET /health HTTP/1.1\r\nHost: x\r\n\r\n'); // a paused socket learns of its end when it writes
      return socket.destroyed;
    };
    await expect.poll(more, { timeout: 25_000 }).toBe(true);
    expect((await resident()) - before).toBeLessThan(300_000_000);
    await alive();
  });
});

describe('hostile input', () => {
  it('of random bytes never stops the server', async () => {
    let state = 7;
    const random = (): number => (state = (state * 1_103_515_245 + 12_345) % 2_147_483_648);
    for (let i = 0; i < 100; i++) {
      const { socket } = await raw();
      const bytes = Buffer.from(Array.from({ length: 1 + (random() % 2000) }, () => random() % 256));
      socket.write(
        i % 2 === 0
          ? bytes
          : Buffer.concat([
              Buffer.from('POST /kv/set HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n'),
              bytes,
            ]),
      );
      socket.end();
      socket.resume();
      socket.destroy();
    }
    await alive();
  });

  it('of JSON that nests 100,000 levels deep is refused', async () => {
    const deep = `{"key":"deep","value":${'['.repeat(100_000)}${']'.repeat(100_000)}}`;
    const answer = await post('/kv/set', deep);
    expect([answer.status, ((await answer.json()) as { error: string }).error]).toEqual([
      400,
      expect.stringMatching(/^Failed to parse the request body as JSON: /),
    ]);
    await alive();
  });

  it('of keys just under the body cap is stored and found', async () => {
    const key = 'k'.repeat(2_000_000);
    expect((await set(key, 'v')).status).toBe(200);
    const found = await post(
      '/api/v1/command',
      JSON.stringify({ command: 'kv.get', request_id: '1', payload: { key } }),
    );
    expect(((await found.json()) as { payload: string }).payload).toBe('v');
  });

  it('in every position of a request is answered by a documented error, never by a fault', async () => {
    const junk: unknown[] = [
      null,
      true,
      0,
      -1,
      1.5,
      1e300,
      '',
      'x',
      '\u0000',
      [],
      [1],
      {},
      { key: 1 },
      '__proto__',
      'constructor',
    ];
    for (const path of [
      '/kv/set',
      '/kv/a/append',
      '/kv/a/setrange',
      '/kv/a/getset',
      '/kv/msetnx',
      '/key/a/rename',
      '/key/a/copy',
      '/queue/q',
      '/queue/q/publish',
      '/queue/q/ack',
      '/stream/r/publish',
      '/topics/t',
      '/topics/t/publish',
      '/consumer-groups/g',
      '/pubsub/subscribe',
      '/pubsub/t/publish',
      '/api/v1/command',
    ])
      for (const value of junk)
        for (const body of [
          value,
          {
            key: value,
            value,
            destination: value,
            payload: value,
            command: value,
            request_id: value,
            topics: value,
            pairs: value,
            offset: value,
          },
        ]) {
          const answer = await post(path, JSON.stringify(body));
          expect([path, value, answer.status >= 500 && answer.status !== 507]).toEqual([path, value, false]);
          await answer.arrayBuffer();
        }
    await alive();
  });

  it('in names and paths stays a name', async () => {
    for (const key of [
      '__proto__',
      'constructor',
      'toString',
      '%',
      '../../etc/passwd',
      '\u0000',
      '😀',
      ' ',
      'a/b?c#d',
    ]) {
      await set(key, `value of ${key}`);
      expect(await (await fetch(`${server.base}/kv/get/${encodeURIComponent(key)}`)).json()).toBe(`value of ${key}`);
    }
  });
});
