/**
 * Users and API keys over the wire, clause by clause of synap-operations.md 1.6 and 1.8, on the built server.
 */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { Client } from '../support/client.ts';
import { type Running, scratchFolder, startServer } from '../support/process.ts';

const file = join(scratchFolder(), 'accounts.yaml');
writeFileSync(
  file,
  'auth:\n  enabled: true\n  require_auth: true\n  root:\n    username: root\n    password: the root of it all\n',
);
const data = scratchFolder();
const root = `Basic ${btoa('root:the root of it all')}`;
const basic = (name: string, password: string): string => `Basic ${btoa(`${name}:${password}`)}`;

let server: Running;
const start = async (): Promise<void> => {
  server = await startServer(['--config', file, '--data-dir', data, '--durability', 'sync']);
};
beforeAll(start);
afterAll(async () => {
  expect(await server.stop()).toBe(0);
});

type Body = Record<string, unknown>;

/** Status and JSON of one request with these credentials. */
async function ask(who: string, method: string, path: string, body?: unknown): Promise<[number, Body]> {
  const answer = await fetch(server.base + path, {
    method,
    headers: { authorization: who, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return [answer.status, (await answer.json()) as Body];
}
const command = async (who: string, name: string, payload: unknown): Promise<Body> =>
  (await ask(who, 'POST', '/api/v1/command', { command: name, request_id: '1', payload }))[1];

async function makeKey(who: string, more: object): Promise<{ id: string; bearer: string }> {
  const [status, made] = await ask(who, 'POST', '/auth/keys', { name: 'k', ...more });
  expect([status, made['success'], made['message']]).toEqual([200, true, 'API key created successfully']);
  const { id, key } = made['key'] as { id: string; key: string };
  return { id, bearer: `Bearer ${key}` };
}

describe('users (1.8)', () => {
  it('are added, read, listed, changed and taken away by an administrator', async () => {
    const ann = { username: 'ann', roles: [], is_admin: false, enabled: true };
    const add = { username: 'ann', password: 'a long password' };
    expect(await ask(root, 'POST', '/auth/users', add)).toEqual([
      200,
      { success: true, message: 'User ann created successfully' },
    ]);
    expect(await ask(root, 'POST', '/auth/users', add)).toEqual([
      400,
      { code: 400, error: 'Invalid request: User ann already exists' },
    ]);
    expect(await ask(root, 'GET', '/auth/users/ann')).toEqual([200, ann]);
    expect(await ask(root, 'GET', '/auth/users')).toEqual([
      200,
      { success: true, users: [{ username: 'root', roles: ['admin'], is_admin: true, enabled: true }, ann] },
    ]);
    expect(await ask(root, 'POST', '/auth/users/ann/roles', { role: 'readonly' })).toEqual([
      200,
      { success: true, message: 'Role readonly granted to user ann' },
    ]);
    expect(await ask(root, 'GET', '/auth/users/ann')).toEqual([200, { ...ann, roles: ['readonly'] }]);
    for (const role of ['readonly', 'nothing'])
      expect(await ask(root, 'DELETE', `/auth/users/ann/roles/${role}`)).toEqual([
        200,
        { success: true, message: `Role ${role} revoked from user ann` },
      ]);
    expect(await ask(root, 'POST', '/auth/users/ann/disable')).toEqual([
      200,
      { success: true, message: 'User ann disabled' },
    ]);
    expect(await ask(root, 'GET', '/auth/users/ann')).toEqual([200, { ...ann, enabled: false }]);
    expect((await ask(basic('ann', 'a long password'), 'GET', '/auth/me'))[0]).toBe(401);
    expect(await ask(root, 'POST', '/auth/users/ann/enable')).toEqual([
      200,
      { success: true, message: 'User ann enabled' },
    ]);
    for (const message of ['User ann deleted', 'User ann not found'])
      expect(await ask(root, 'DELETE', '/auth/users/ann')).toEqual([
        200,
        { success: message.endsWith('deleted'), message },
      ]);
    for (const [method, path, body] of [
      ['GET', '/auth/users/ann', undefined],
      ['POST', '/auth/users/ann/enable', undefined],
      ['POST', '/auth/users/ann/roles', { role: 'readonly' }],
      ['POST', '/auth/users/ann/password', { new_password: 'a long password' }],
    ] as const)
      expect(await ask(root, method, path, body)).toEqual([
        404,
        { code: 404, error: 'Key not found: User ann not found' },
      ]);
  });

  it('of the settings stay as they are', async () => {
    for (const [method, path] of [
      ['DELETE', '/auth/users/root'],
      ['POST', '/auth/users/root/disable'],
    ] as const)
      expect(await ask(root, method, path)).toEqual([
        400,
        { code: 400, error: 'Invalid request: User root stands in the settings and is changed there' },
      ]);
  });

  it('with a poor password or an unknown role are not added at all (1.6)', async () => {
    for (const [more, error] of [
      [{ password: 'short' }, 'Invalid request: Password must be at least 8 characters long'],
      [{ password: 'Password' }, 'Invalid request: Password is too common. Please choose a stronger password'],
      [{ password: 'a long password', roles: ['boss'] }, 'Invalid request: Role boss not found'],
    ] as const)
      expect(await ask(root, 'POST', '/auth/users', { username: 'bob', ...more })).toEqual([400, { code: 400, error }]);
    expect((await ask(root, 'GET', '/auth/users/bob'))[0]).toBe(404);
    expect((await ask(root, 'POST', '/auth/users', { username: 'bob' }))[0]).toBe(422);
  });

  it('see and change themselves, and nobody else', async () => {
    await ask(root, 'POST', '/auth/users', { username: 'eve', password: 'eve likes apples', roles: ['readonly'] });
    await ask(root, 'POST', '/auth/users', { username: 'dan', password: 'dan likes pears' });
    const eve = basic('eve', 'eve likes apples');
    expect(await ask(eve, 'GET', '/auth/me')).toEqual([
      200,
      {
        username: 'eve',
        roles: ['readonly'],
        is_admin: false,
        enabled: true,
        permissions: [{ resource: '*', action: 'read' }],
      },
    ]);
    expect((await ask(eve, 'GET', '/auth/users/eve'))[0]).toBe(200);
    for (const [method, path, body] of [
      ['GET', '/auth/users/dan', undefined],
      ['GET', '/auth/users', undefined],
      ['GET', '/auth/roles', undefined],
      ['DELETE', '/auth/users/dan', undefined],
      ['POST', '/auth/users/eve/roles', { role: 'admin' }],
      ['POST', '/auth/users/dan/password', { new_password: 'something else' }],
      ['POST', '/auth/users', { username: 'zoe', password: 'a long password' }],
    ] as const) {
      const [status, { error }] = await ask(eve, method, path, body);
      expect([status, error]).toEqual([403, expect.stringMatching(/^Forbidden: /)]);
    }
    expect(await ask(eve, 'POST', '/auth/users/eve/password', { new_password: 'eve likes plums' })).toEqual([
      200,
      { success: true, message: 'Password changed successfully' },
    ]);
    expect((await ask(eve, 'GET', '/auth/me'))[0]).toBe(401);
    expect((await ask(basic('eve', 'eve likes plums'), 'GET', '/auth/me'))[0]).toBe(200);
  });
});

describe('logging in (1.8)', () => {
  it('says with 200 whether the password is right', async () => {
    expect(await ask(root, 'POST', '/auth/login', { username: 'root', password: 'the root of it all' })).toEqual([
      200,
      {
        success: true,
        user: { username: 'root', roles: ['admin'], is_admin: true, enabled: true },
        message: 'Login successful',
      },
    ]);
    for (const username of ['root', 'stranger'])
      expect(await ask(root, 'POST', '/auth/login', { username, password: 'a guess' })).toEqual([
        200,
        { success: false, user: null, message: 'Invalid credentials' },
      ]);
  });

  it('needs credentials itself where they are required (1.1)', async () => {
    expect((await ask('', 'POST', '/auth/login', { username: 'root', password: 'x' }))[0]).toBe(401);
  });
});

describe('API keys (1.8)', () => {
  it('work with exactly the permissions they were given, on every face', async () => {
    const { bearer } = await makeKey(root, { permissions: [{ resource: 'kv:a:*', action: 'configure' }] });
    expect((await ask(bearer, 'POST', '/kv/set', { key: 'a:1', value: 1 }))[0]).toBe(200);
    expect((await ask(bearer, 'POST', '/kv/set', { key: 'b:1', value: 1 }))[0]).toBe(403);
    expect((await command(bearer, 'kv.get', { key: 'a:1' }))['payload']).toBe('1');
    expect((await command(bearer, 'kv.get', { key: 'b:1' }))['error']).toMatch(/^Forbidden: /);
    const byQuery = await fetch(`${server.base}/kv/get/a:1?api_key=${bearer.slice(7)}`);
    expect(byQuery.status).toBe(200);
    expect(await ask(bearer, 'GET', '/auth/me')).toMatchObject([200, { username: 'root', is_admin: false }]);
  });

  it('are listed without their secrets, all to an administrator and to others their own', async () => {
    const frank = basic('frank', 'frank likes figs');
    await ask(root, 'POST', '/auth/users', { username: 'frank', password: 'frank likes figs', roles: ['readonly'] });
    const { id, bearer } = await makeKey(frank, { expires_in_seconds: 60 });
    const [, list] = await ask(frank, 'GET', '/auth/keys');
    const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+\+00:00$/);
    const shown = {
      id,
      name: 'k',
      username: 'frank',
      expires_at: time,
      enabled: true,
      created_at: time,
      last_used_at: null,
      usage_count: 0,
      permissions: [],
      allowed_ips: [],
    };
    expect(list).toEqual({ success: true, keys: [shown] });
    expect((await ask(bearer, 'GET', '/auth/keys'))[1]).toEqual({
      success: true,
      keys: [{ ...shown, last_used_at: time, usage_count: 1 }],
    });
    const all = (await ask(root, 'GET', '/auth/keys'))[1]['keys'] as { username: string }[];
    expect(new Set(all.map(({ username }) => username))).toEqual(new Set(['root', 'frank']));
    expect(JSON.stringify(all)).not.toContain('sk_');
  });

  it('never have more than their creator (1, weakness 1)', async () => {
    await ask(root, 'POST', '/auth/users', { username: 'gus', password: 'gus likes grapes', roles: ['readonly'] });
    const gus = basic('gus', 'gus likes grapes');
    for (const permissions of [[{ resource: '*', action: 'all' }], [{ resource: 'kv:a', action: 'write' }]]) {
      const [status, { error }] = await ask(gus, 'POST', '/auth/keys', { name: 'more', permissions });
      expect([status, error]).toEqual([403, expect.stringMatching(/^Forbidden: Insufficient permissions to grant/)]);
    }
    const { bearer } = await makeKey(gus, { permissions: [{ resource: 'kv:*', action: 'read' }] });
    expect((await ask(bearer, 'GET', '/kv/get/x'))[0]).toBe(200);
    expect(
      (
        await ask(bearer, 'POST', '/auth/keys', { name: 'x', permissions: [{ resource: 'queue:*', action: 'read' }] })
      )[0],
    ).toBe(403);
    expect((await ask(bearer, 'POST', '/auth/users/gus/password', { new_password: 'taken over now' }))[0]).toBe(403);
  });

  it('that cannot be read as meant are not made', async () => {
    for (const more of [
      { permissions: [{ resource: 'a', action: 'fly' }] },
      { expires_in_seconds: '60' },
      { allowed_ips: '::1' },
    ])
      expect((await ask(root, 'POST', '/auth/keys', { name: 'k', ...more }))[0]).toBe(422);
    for (const more of [
      { permissions: [{ resource: 'a*b', action: 'read' }] },
      { allowed_ips: ['localhost'] },
      { name: '' },
    ])
      expect((await ask(root, 'POST', '/auth/keys', { name: 'k', ...more }))[0]).toBe(400);
    for (const more of [{ permissions: 'all' }, { expires_in_seconds: '60' }, { allowed_ips: [5] }])
      expect((await command(root, 'auth.key.create', { name: 'k', ...more }))['error']).toMatch(
        /^Invalid request: '\w+' cannot be read$/,
      );
  });

  it('are tied to addresses, by the real address of the peer (1, weakness 7)', async () => {
    const here = await makeKey(root, { allowed_ips: ['127.0.0.0/8'] });
    const there = await makeKey(root, { allowed_ips: ['192.0.2.1'] });
    expect((await ask(here.bearer, 'GET', '/auth/me'))[0]).toBe(200);
    expect((await ask(there.bearer, 'GET', '/auth/me'))[0]).toBe(401);
  });

  it('expire, and at once with 0 seconds', async () => {
    const { bearer } = await makeKey(root, { expires_in_seconds: 0 });
    expect((await ask(bearer, 'GET', '/auth/me'))[0]).toBe(401);
  });

  it('are revoked by their owner or an administrator, and their sockets close (1, weakness 8)', async () => {
    await ask(root, 'POST', '/auth/users', { username: 'hal', password: 'hal likes hazel', roles: ['readonly'] });
    const hal = basic('hal', 'hal likes hazel');
    const rootsOwn = await makeKey(root, {});
    expect(await ask(hal, 'DELETE', `/auth/keys/${rootsOwn.id}`)).toEqual([
      403,
      { code: 403, error: 'Forbidden: Cannot revoke API key owned by another user' },
    ]);
    const { id, bearer } = await makeKey(hal, { permissions: [{ resource: 'pubsub:*', action: 'read' }] });
    const ws = new WebSocket(`${server.base.replace('http', 'ws')}/pubsub/ws?topics=a`, {
      headers: { authorization: bearer },
    });
    const socket = new Client(ws);
    await once(ws, 'open');
    expect(await ask(hal, 'DELETE', `/auth/keys/${id}`)).toEqual([200, { success: true, message: 'API key revoked' }]);
    expect(await ask(hal, 'DELETE', `/auth/keys/${id}`)).toEqual([
      200,
      { success: false, message: 'API key not found' },
    ]);
    expect((await ask(bearer, 'GET', '/auth/me'))[0]).toBe(401);
    expect(await socket.end()).toMatchObject({ code: 1008 });
  }, 15_000);
});

describe('commands', () => {
  it('do the same as the routes', async () => {
    expect(await command(root, 'auth.user.create', { username: 'ivy', password: 'ivy likes ivory' })).toMatchObject({
      payload: { success: true, message: 'User ivy created successfully' },
    });
    expect(
      (await command(root, 'auth.user.create', { username: 'jim', password: 'a long password', roles: 'admin' }))[
        'error'
      ],
    ).toBe("Invalid request: 'roles' cannot be read");
    expect((await command(basic('ivy', 'ivy likes ivory'), 'auth.user.list', {}))['error']).toBe(
      'Forbidden: Insufficient permissions for resource: admin:accounts, action: admin',
    );
    expect(await command(root, 'auth.role.list', {})).toMatchObject({
      payload: { roles: [{ name: 'admin' }, { name: 'readonly' }] },
    });
  });
});

describe('a restart', () => {
  it('keeps users and keys that were added over the wire, and none of what was taken away (1, weakness 5)', async () => {
    await ask(root, 'POST', '/auth/users', { username: 'kim', password: 'kim likes kiwis', is_admin: true });
    await ask(root, 'POST', '/auth/users', { username: 'leo', password: 'leo likes lemons' });
    const kim = basic('kim', 'kim likes kiwis');
    const kept = await makeKey(kim, { permissions: [{ resource: 'kv:*', action: 'read' }] });
    const gone = await makeKey(kim, {});
    await ask(kim, 'DELETE', `/auth/keys/${gone.id}`);
    await ask(root, 'DELETE', '/auth/users/leo');
    await server.stop('SIGKILL');
    await start();
    expect(await ask(kim, 'GET', '/auth/me')).toMatchObject([200, { username: 'kim', is_admin: true }]);
    expect((await ask(kept.bearer, 'GET', '/kv/get/x'))[0]).toBe(200);
    expect((await ask(gone.bearer, 'GET', '/kv/get/x'))[0]).toBe(401);
    expect((await ask(basic('leo', 'leo likes lemons'), 'GET', '/auth/me'))[0]).toBe(401);
  }, 20_000);

  it('leaves no password, no key and no secret in the log', () => {
    expect(server.output.text).not.toMatch(/sk_|likes/);
  });
});
