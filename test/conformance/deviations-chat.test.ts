/**
 * What ours answers instead, where a recording of ProgressDB is deviated from: R31 and R32 of progressdb.md.
 */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Running, root, startServer } from '../support/process.ts';

let server: Running;
beforeAll(async () => {
  server = await startServer([
    '--log-level',
    'info',
    '--config',
    join(root, 'test', 'conformance', 'profiles', 'progressdb.yaml'),
  ]);
});
afterAll(async () => {
  await server.stop();
});

const BACKEND = { 'X-API-Key': 'sk_backend_1', 'X-User-ID': 'user-alice' };
const ADMIN = { 'X-API-Key': 'sk_admin_1' };

/** One wrong method on a known path. */
async function refused(method: string, path: string, allow: string, headers: Record<string, string>): Promise<void> {
  const answer = await fetch(`${server.base}${path}`, { method, headers });
  const text = await answer.text();
  expect([method, path, answer.status]).toEqual([method, path, 405]);
  expect(answer.headers.get('allow'), path).toBe(allow);
  expect(answer.headers.get('content-type')).toBe('application/json');
  expect(text).toBe(method === 'HEAD' ? '' : '{"error":"method not allowed"}\n');
}

const message = '/v1/threads/t/messages/m';
const KNOWN: [string, string, Record<string, string>][] = [
  ['/v1/threads', 'POST,GET', BACKEND],
  ['/v1/threads/t', 'GET,PUT,DELETE', BACKEND],
  ['/v1/messages', 'POST,GET', BACKEND],
  ['/v1/messages/m', 'GET,PUT,DELETE', BACKEND],
  ['/v1/threads/t/messages', 'POST,GET', BACKEND],
  [message, 'GET,PUT,DELETE', BACKEND],
  [`${message}/versions`, 'GET', BACKEND],
  [`${message}/reactions`, 'GET,POST', BACKEND],
  [`${message}/reactions/ana`, 'DELETE', BACKEND],
  ['/v1/_sign', 'POST', BACKEND],
  ['/admin/health', 'GET', ADMIN],
  ['/admin/stats', 'GET', ADMIN],
  ['/admin/threads', 'GET', ADMIN],
  ['/admin/keys', 'GET', ADMIN],
  ['/admin/keys/k', 'GET', ADMIN],
  ['/admin/encryption/generate-kek', 'POST', ADMIN],
  ['/admin/test/retention-run', 'POST', ADMIN],
];

describe('wrong methods on thread, message, version, reaction and admin paths', () => {
  for (const [path, allow, headers] of KNOWN) {
    it(`are 405 with Allow on ${path}, HEAD included`, async () => {
      const allowed = allow.split(',');
      for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH'])
        if (!allowed.includes(method)) await refused(method, path, allow, headers);
    });
  }

  it('are told to nobody without a key', async () => {
    for (const [path] of KNOWN) {
      const answer = await fetch(`${server.base}${path}`, { method: 'PATCH' });
      expect([path, answer.status, await answer.text()]).toEqual([path, 401, '{"error":"unauthorized"}\n']);
    }
  });
});

describe('paths outside of /v1 and /admin', () => {
  it('answer OPTIONS as the Synap face: 200 and no body', async () => {
    const answer = await fetch(`${server.base}/nope`, { method: 'OPTIONS' });
    expect([answer.status, await answer.text()]).toEqual([200, '']);
  });

  it('are 404 for a known key, as recorded', async () => {
    for (const path of ['/', '/nope', '/v2/threads', '/V1/threads'])
      expect([path, (await fetch(`${server.base}${path}`, { headers: BACKEND })).status]).toEqual([path, 404]);
  });
});
