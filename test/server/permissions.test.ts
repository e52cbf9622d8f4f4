/** No face forgets a permission check: the whole table is walked over REST and the command endpoint (synap-operations.md 1.5). */
import { describe, expect, it } from 'vitest';
import { Session } from '../../src/auth/session.ts';
import type { Action, Caller } from '../../src/commands/access.ts';
import { COMMANDS } from '../../src/commands/index.ts';
import { routeOf } from '../../src/faces/synap-rest.ts';
import { inProcess } from '../support/in-process.ts';

const nobody: Caller = { admin: false, allows: () => false };

/** An example input with the ids of its stage left as they are: the check comes before the engine looks. */
const inputOf = (input: Readonly<Record<string, unknown>>): Record<string, unknown> => ({ ...input });

/** Open to everybody: who asks whether a password is right has proved nothing yet, and who has no keys sees none. */
const OPEN = new Set(['auth.login', 'auth.key.list']);
/** Asks itself who is calling, and refuses nobody in particular as unknown. */
const UNKNOWN = new Set(['auth.me', 'auth.key.create', 'auth.key.revoke']);

describe('a caller without permissions', () => {
  for (const row of COMMANDS) {
    if (OPEN.has(row.name)) continue;
    const status = UNKNOWN.has(row.name) ? 401 : 403;
    it(`is refused ${row.name} by the command endpoint`, async () => {
      const server = inProcess();
      server.context.session = nobody;
      const answer = await server.command(row.name, inputOf(row.example.input));
      expect(answer.success).toBe(false);
      expect(answer.error).toMatch(
        row.resource(row.input.parse(row.example.input)).length > 0
          ? /^Forbidden: Insufficient permissions for resource: .+, action: \w+$/
          : /^(Forbidden: Only an administrator|Unauthorized: Not auth)/,
      );
    });
    if (row.rest === undefined) continue;
    const form = row.rest;
    it(`is refused ${form.route}`, async () => {
      const server = inProcess();
      server.context.session = nobody;
      const { method, path, params } = routeOf(form);
      const input = inputOf(row.example.input);
      const at = params.reduce(
        (text, { name, field }) => text.replace(`:${name}`, encodeURIComponent(String(input[field]))),
        path,
      );
      const query = Object.keys(form.query ?? {})
        .map((field) => `${field}=${String(input[field] ?? 0)}`)
        .join('&');
      const answer = await server.rest(method, `${at}?${query}`, form.body === undefined ? undefined : input);
      expect(answer.body).toMatchObject({ code: status });
      expect(answer.status).toBe(form.failure === 'status-200' ? 200 : status);
    });
  }
});

describe('permissions', () => {
  const may = (resource: string, action: Action | 'all'): Session =>
    new Session({ kind: 'key', name: 'k', admin: false, permissions: [{ resource, action }] });

  it('let a caller do what they cover and nothing else', async () => {
    const server = inProcess();
    server.context.session = may('kv:user:*', 'write');
    expect((await server.command('kv.set', { key: 'user:1', value: 'x' })).success).toBe(true);
    expect((await server.command('kv.set', { key: 'other', value: 'x' })).error).toContain(
      'resource: kv:other, action: write',
    );
    expect((await server.command('kv.get', { key: 'user:1' })).error).toContain('action: read');
  });

  it('are checked for every key of a call', async () => {
    const server = inProcess();
    server.context.session = may('kv:a*', 'all');
    expect(
      (
        await server.command('kv.mset', {
          pairs: [
            { key: 'a1', value: 1 },
            { key: 'b1', value: 1 },
          ],
        })
      ).error,
    ).toContain('kv:b1');
    server.context.session = { admin: true, allows: () => true };
    expect((await server.command('kv.exists', { key: 'a1' })).payload).toEqual({ exists: false });
  });

  it('of a rename are delete on the source and write on the destination', async () => {
    const server = inProcess();
    await server.command('kv.set', { key: 'from', value: 1 });
    server.context.session = may('kv:to', 'write');
    expect((await server.command('key.rename', { source: 'from', destination: 'to' })).error).toContain(
      'kv:from, action: delete',
    );
    server.context.session = new Session({
      kind: 'key',
      name: 'k',
      admin: false,
      permissions: [
        { resource: 'kv:to', action: 'write' },
        { resource: 'kv:from', action: 'delete' },
      ],
    });
    expect((await server.command('key.rename', { source: 'from', destination: 'to' })).success).toBe(true);
  });

  it('of a subscription to what happens to keys are those of the keys too', async () => {
    const server = inProcess();
    const topics = ['__watch@0__:user:1'];
    server.context.session = may('pubsub:*', 'all');
    expect((await server.command('pubsub.subscribe', { topics })).error).toContain('resource: kv:user:1, action: read');
    expect((await server.rest('POST', '/pubsub/subscribe', { topics })).body).toMatchObject({ code: 403 });
    expect((await server.command('pubsub.subscribe', { topics: ['__keyevent@0__:del'] })).error).toContain('kv:*');
    expect((await server.command('pubsub.subscribe', { topics: ['orders'] })).success).toBe(true);
    server.context.session = new Session({
      kind: 'key',
      name: 'k',
      admin: false,
      permissions: [
        { resource: 'pubsub:*', action: 'read' },
        { resource: 'kv:user:*', action: 'read' },
      ],
    });
    expect((await server.command('pubsub.subscribe', { topics })).success).toBe(true);
  });
});
