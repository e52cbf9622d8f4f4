/** Section 10 of progressdb.md where it takes a whole server to show ours: 5, 10, 16, 20, and retention by admin calls. */
import { createHmac } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Running, scratchFolder, startServer } from '../support/process.ts';

const KEYS = {
  PROGRESSDB_API_BACKEND_KEYS: 'backend',
  PROGRESSDB_API_FRONTEND_KEYS: 'frontend',
  PROGRESSDB_API_ADMIN_KEYS: 'admin',
};
const signed = (user: string): Record<string, string> => ({
  'X-User-ID': user,
  'X-User-Signature': createHmac('sha256', 'backend').update(user).digest('hex'),
});
const ANA = { 'X-API-Key': 'backend', 'X-User-ID': 'ana' };
const ADMIN = { 'X-API-Key': 'admin' };

async function call(
  server: Running,
  method: string,
  path: string,
  headers: Record<string, string>,
  body?: unknown,
): Promise<{ status: number; text: string; body: Record<string, unknown> }> {
  const answer = await fetch(`${server.base}${path}`, {
    method,
    headers,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  return {
    status: answer.status,
    text,
    body: (text.startsWith('{') ? JSON.parse(text) : {}) as Record<string, unknown>,
  };
}

describe('security', () => {
  it('5: a signature without a key reaches threads and messages only, a wrong one nothing', async () => {
    const server = await startServer(['--memory'], KEYS);
    const junk = { 'X-User-ID': 'x', 'X-User-Signature': 'y' };
    for (const headers of [junk, signed('ana')])
      for (const path of ['/metrics', '/admin/stats', '/v1/_sign', '/v1/messages/m', '/v1/nope', '/admin/keys'])
        expect([path, (await call(server, 'GET', path, headers)).status]).toEqual([path, 401]);
    expect((await call(server, 'GET', '/v1/threads', junk)).text).toBe('{"error":"invalid signature"}\n');
    expect((await call(server, 'GET', '/v1/threads', signed('ana'))).status).toBe(200);
    // the pages are public and hold no data
    expect((await call(server, 'GET', '/docs/', {})).text).not.toContain('ana');
    await server.stop();
  });

  it('10: refused callers are rated by their address, and a new key buys no new bucket', async () => {
    const rate = ['--security-rate-limit-rps', '0.1', '--security-rate-limit-burst', '5'];
    const server = await startServer(['--memory', ...rate], KEYS);
    const statuses: number[] = [];
    for (let n = 0; n < 10; n++) {
      const headers = { 'X-API-Key': `bogus-${n}`, 'X-User-ID': `u${n}`, 'X-User-Signature': 'y' };
      statuses.push((await call(server, 'GET', '/v1/threads', headers)).status);
    }
    expect(statuses).toEqual([...Array(5).fill(401), ...Array(5).fill(429)]);
    expect((await call(server, 'GET', '/admin/stats', {})).status).toBe(429);
    expect((await call(server, 'GET', '/v1/threads', ANA)).status).toBe(200);
    await server.stop();
  });

  it('10: a body has a limit, and a slow client a time', async () => {
    const server = await startServer(['--memory', '--max-body-bytes', '2048'], KEYS);
    const large = await call(server, 'POST', '/v1/messages', ANA, { thread: 't', body: 'x'.repeat(4096) });
    expect([large.status, large.text]).toEqual([413, '{"error":"request body too large"}\n']);
    expect((await call(server, 'POST', '/v1/messages', ANA, { thread: 't', body: 'x' })).status).toBe(200);
    const closed = await new Promise<boolean>((resolve) => {
      const socket = connect(server.port, '127.0.0.1', () => socket.write('GET /v1/threads HTTP/1.1\r\nHost: x\r\n'));
      socket.on('close', () => resolve(true));
      socket.on('error', () => resolve(true));
      socket.resume();
    });
    expect(closed).toBe(true);
    await server.stop();
  }, 40_000);
});

describe('correctness', () => {
  it('16: forty reactions that come at the same time leave forty', async () => {
    const server = await startServer(['--memory'], KEYS);
    const { body } = await call(server, 'POST', '/v1/messages', ANA, { thread: 't', body: 1 });
    const path = `/v1/threads/t/messages/${String(body['id'])}`;
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, n) =>
        call(server, 'POST', `${path}/reactions`, ANA, { id: `u${n}`, reaction: 'x' }),
      ),
    );
    expect(answers.every(({ status }) => status === 200)).toBe(true);
    expect((await call(server, 'GET', `${path}/reactions`, ANA)).body['reactions']).toHaveLength(40);
    expect((await call(server, 'GET', `${path}/versions`, ANA)).body['versions']).toHaveLength(41);
    await server.stop();
  });

  it('20: flags, environment and file are merged, so that no keys are lost', async () => {
    const file = join(scratchFolder(), 'c.yaml');
    writeFileSync(file, 'security: { api_keys: { admin: [from_file] } }\n');
    const server = await startServer(['-db', scratchFolder(), '--config', file], {
      PROGRESSDB_API_BACKEND_KEYS: 'backend',
    });
    expect((await call(server, 'GET', '/admin/stats', { 'X-API-Key': 'from_file' })).status).toBe(200);
    expect((await call(server, 'GET', '/v1/threads', ANA)).status).toBe(200);
    await server.stop();
  });

  it('21: retention by schedule and by call removes deleted threads and messages, a dry run only tells', async () => {
    const folder = scratchFolder();
    const period = {
      PROGRESSDB_RETENTION_PERIOD: '1ms',
      PROGRESSDB_RETENTION_MIN_PERIOD: '1ms',
      PROGRESSDB_TESTING: '1',
    };
    const start = (more: Record<string, string>): Promise<Running> =>
      startServer(['--data-dir', folder], { ...KEYS, ...period, ...more });
    const stats = async (server: Running): Promise<unknown> => (await call(server, 'GET', '/admin/stats', ADMIN)).body;
    let server = await start({ PROGRESSDB_RETENTION_DRY_RUN: '1' });
    const { body } = await call(server, 'POST', '/v1/messages', ANA, { thread: 'stays', body: 'dropped' });
    await call(server, 'POST', '/v1/messages', ANA, { thread: 'stays', body: 'kept' });
    await call(server, 'POST', '/v1/messages', ANA, { thread: 'goes', body: 1 });
    await call(server, 'DELETE', `/v1/threads/stays/messages/${String(body['id'])}`, ANA);
    await call(server, 'DELETE', '/v1/threads/goes', ANA);
    const before = await stats(server);
    const ran = await call(server, 'POST', '/admin/test/retention-run', ADMIN);
    expect([ran.status, ran.text]).toEqual([200, '{"status":"ok"}\n']);
    expect(await stats(server)).toEqual(before);
    await server.stop();
    server = await start({});
    expect((await call(server, 'POST', '/admin/test/retention-run', ADMIN)).status).toBe(200);
    expect(await stats(server)).toMatchObject({ threads: 1, messages: 1, deleted_threads: 0, deleted_messages: 0 });
    await call(server, 'DELETE', '/v1/threads/stays', ANA);
    await server.stop();
    server = await start({ PROGRESSDB_RETENTION_ENABLED: '1', PROGRESSDB_RETENTION_CRON: '* * * * * *' });
    await expect.poll(() => stats(server), { timeout: 10_000 }).toMatchObject({ threads: 0, messages: 0, versions: 0 });
    await server.stop();
    const trail = readFileSync(join(folder, 'data.mdb'), 'latin1');
    for (const event of ['header', 'item', 'footer']) expect(trail.includes(`retention_audit_${event}`)).toBe(true);
  });
});
