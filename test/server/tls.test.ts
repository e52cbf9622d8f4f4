/** The port under TLS: `server.tls.cert_file` and `key_file` (progressdb.md 6.3). */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { type IncomingMessage, request as plain } from 'node:http';
import { request } from 'node:https';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { type Running, runMain, scratchFolder, startServer } from '../support/process.ts';

const folder = scratchFolder();
const file = (name: string): string => join(folder, name);
const certify = (name: string): void => {
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', file(`${name}.key`)];
  execFileSync('openssl', ['req', '-x509', ...key, '-out', file(`${name}.crt`), '-days', '2', ...subject], {
    stdio: 'ignore',
  });
};

let server: Running;
let ca: Buffer;
beforeAll(async () => {
  certify('one');
  certify('two');
  ca = readFileSync(file('one.crt'));
  server = await startServer(['--memory', '--tls-cert', file('one.crt'), '--tls-key', file('one.key')], {
    PROGRESSDB_API_BACKEND_KEYS: 'k1',
  });
});
afterAll(async () => {
  expect(await server.stop()).toBe(0);
});

/** One request over TLS whose certificate has to be the right one. */
function ask(
  method: string,
  path: string,
  headers: Record<string, string> = {},
  body = '',
): Promise<{ status: number | undefined; text: string }> {
  return new Promise((resolve, reject) => {
    const call = request({ host: '127.0.0.1', port: server.port, ca, method, path, headers }, (answer) => {
      let text = '';
      answer.on('data', (chunk: Buffer) => (text += chunk.toString()));
      answer.on('end', () => resolve({ status: answer.statusCode, text }));
    });
    call.on('error', reject);
    call.end(body);
  });
}

describe('with a certificate', () => {
  const user = { 'X-API-Key': 'k1', 'X-User-ID': 'ana' };

  it('serves both faces over HTTPS, large bodies and answers included', async () => {
    expect(await ask('GET', '/healthz')).toEqual({ status: 200, text: '{"status":"ok"}' });
    const body = JSON.stringify({ key: 'k', value: 'x'.repeat(1_000_000) });
    const json = { 'Content-Type': 'application/json' };
    expect((await ask('POST', '/kv/set', json, body)).status).toBe(200);
    expect((await ask('GET', '/kv/get/k')).text).toContain('x'.repeat(1_000_000));
    const made = await ask('POST', '/v1/messages', user, JSON.stringify({ thread: 't', body: 'hi' }));
    expect(JSON.parse(made.text)).toMatchObject({ thread: 't', author: 'ana' });
  });

  it('sees the address of the caller as without TLS: nobody is let in without a key', async () => {
    expect(await ask('GET', '/v1/messages')).toEqual({ status: 401, text: '{"error":"unauthorized"}\n' });
  });

  it('streams server-sent events', async () => {
    await ask('POST', '/v1/messages', user, JSON.stringify({ thread: 'live', body: 0 }));
    const heard = await new Promise<string>((resolve, reject) => {
      const options = { host: '127.0.0.1', port: server.port, ca, path: '/v1/threads/live/events', headers: user };
      const call = request(options, (answer: IncomingMessage) => {
        let text = '';
        answer.on('data', (chunk: Buffer) => {
          text += chunk.toString();
          if (text.includes('connected') && !text.includes('event: message'))
            void ask('POST', '/v1/messages', user, JSON.stringify({ thread: 'live', body: 'now' }));
          if (!text.includes('event: message')) return;
          resolve(text);
          call.destroy();
        });
      });
      call.on('error', reject);
      call.end();
    });
    expect(heard).toContain('"body":"now"');
  });

  it('speaks WebSocket', async () => {
    const socket = new WebSocket(`wss://127.0.0.1:${server.port}/pubsub/ws?topics=a`, { ca });
    const first = await new Promise<string>((resolve, reject) => {
      socket.on('message', (data: Buffer) => resolve(data.toString()));
      socket.on('error', reject);
    });
    expect(first).toContain('a');
    socket.close();
  });

  it('offers TLS 1.2 and 1.3 only, and no plain HTTP', async () => {
    const version = await new Promise<string | null>((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port: server.port, ca }, () => {
        resolve(socket.getProtocol());
        socket.destroy();
      });
      socket.on('error', reject);
    });
    expect(version).toBe('TLSv1.3');
    const old = await new Promise<string>((resolve) => {
      const socket = connect({
        host: '127.0.0.1',
        port: server.port,
        ca,
        minVersion: 'TLSv1',
        maxVersion: 'TLSv1.1',
        ciphers: 'ALL@SECLEVEL=0',
      });
      socket.on('secureConnect', () => resolve('connected'));
      socket.on('error', () => resolve('refused'));
    });
    expect(old).toBe('refused');
    const bare = await new Promise<string>((resolve) => {
      const call = plain({ host: '127.0.0.1', port: server.port, path: '/healthz' }, () => resolve('answered'));
      call.on('error', () => resolve('refused'));
      call.end();
    });
    expect(bare).toBe('refused');
  });
});

describe('a certificate that cannot be used', () => {
  const refused = async (cert: string, key: string): Promise<string> => {
    const { code, output } = await runMain([
      '--memory',
      '--port',
      '0',
      '--tls-cert',
      file(cert),
      '--tls-key',
      file(key),
    ]);
    expect(code).toBe(1);
    return output;
  };

  it('refuses the start in one line', async () => {
    writeFileSync(file('none.crt'), 'nothing of the kind');
    expect(await refused('one.crt', 'two.key')).toMatch(/^synapd: server\.tls\.cert_file .* cannot be used: .*\n$/);
    expect(await refused('none.crt', 'one.key')).toContain('cannot be used');
    expect(await refused('gone.crt', 'one.key')).toContain('cannot be read');
  });
});
