import { beforeEach, describe, expect, it } from 'vitest';
import { type AccountOptions, Accounts } from '../../src/auth/accounts.ts';
import { hashPassword, printHash } from '../../src/auth/password.ts';
import { LIMITS } from '../../src/core/limits.ts';
import { FakeClock } from '../support/clock.ts';

const cheap = { n: 16, r: 1, p: 1 };
const ALL = [{ resource: '*', action: 'all' }] as const;
const user = (name: string, password: string, more = {}) => ({
  name,
  password,
  admin: false,
  roles: [],
  permissions: [],
  ...more,
});
const apiKey = (name: string, key: string, more = {}) => ({
  name,
  key,
  admin: false,
  permissions: ALL,
  expiresAt: Number.POSITIVE_INFINITY,
  ...more,
});

let clock: FakeClock;
beforeEach(() => {
  clock = new FakeClock();
});
const open = (options: Partial<AccountOptions> = {}): Promise<Accounts> =>
  Accounts.open({ enabled: true, required: true, users: [], keys: [], cost: cheap, ...options }, clock);
const basic = (name: string, password: string) => ({ kind: 'basic', name, password }) as const;

describe('the three modes', () => {
  it('let everybody in as admin, whatever they show, while authentication is off', async () => {
    const accounts = await open({ enabled: false, required: true, users: [user('a', 'pw')] });
    for (const authorization of ['', 'Bearer wrong', 'Basic !']) {
      const session = await accounts.admit({ authorization, apiKey: '', query: '' });
      expect(session?.admin).toBe(true);
      expect(session).toBe(accounts.everyone);
    }
    expect(accounts.authenticate(basic('a', 'wrong'))).toBe(accounts.everyone);
  });

  it('let a caller without credentials in as nobody, who may do nothing, when credentials are optional', async () => {
    const accounts = await open({ required: false, keys: [apiKey('k', 'sk_1')] });
    expect(accounts.everyone).toBeUndefined();
    const nobody = await accounts.admit({ authorization: '', apiKey: '', query: '' });
    expect(nobody).toMatchObject({ kind: 'anonymous', admin: false, permissions: [] });
    expect(nobody?.allows('read', 'kv:a')).toBe(false);
    expect(accounts.admit({ authorization: 'Bearer wrong', apiKey: '', query: '' })).toBeUndefined();
    expect(accounts.admit({ authorization: 'Basic !', apiKey: '', query: '' })).toBeUndefined();
  });

  it('refuse a caller without credentials when they are required', async () => {
    const accounts = await open({ keys: [apiKey('k', 'sk_1')] });
    expect(accounts.anonymous).toBeUndefined();
    expect(accounts.admit({ authorization: '', apiKey: '', query: '' })).toBeUndefined();
    expect(accounts.admit({ authorization: '', apiKey: 'sk_1', query: '' })).toMatchObject({ kind: 'key', name: 'k' });
  });
});

describe('an API key', () => {
  it('is its literal text, of any characters, and is answered at once', async () => {
    const keys = ['sk_live_abc123...', 'a b:c/%41"', 'schlüssel €', '0'];
    const accounts = await open({ keys: keys.map((text, i) => apiKey(`k${i}`, text)) });
    for (const [i, text] of keys.entries())
      expect(accounts.authenticate({ kind: 'key', key: text })).toMatchObject({
        kind: 'key',
        name: `k${i}`,
        admin: false,
      });
    for (const text of ['sk_live_abc123', 'sk_live_abc123..', 'SK_LIVE_ABC123...', 'sk_live_abc123....', ''])
      expect(accounts.authenticate({ kind: 'key', key: text }), text).toBeUndefined();
  });

  it('may be sent escaped in a query', async () => {
    const accounts = await open({ keys: [apiKey('k', 'a+b/c=='), apiKey('raw', 'x%2By')] });
    const shown = (query: string) => accounts.admit({ authorization: '', apiKey: '', query });
    expect(shown('api_key=a%2Bb%2Fc%3D%3D')).toMatchObject({ name: 'k' });
    expect(shown('api_key=a+b/c==')).toMatchObject({ name: 'k' });
    expect(shown('api_key=x%2By')).toMatchObject({ name: 'raw' });
    expect(shown('api_key=a%2Bb')).toBeUndefined();
  });

  it('has only its own permissions', async () => {
    const accounts = await open({
      keys: [apiKey('k', 'sk_1', { permissions: [{ resource: 'kv:a:*', action: 'read' }] })],
    });
    const session = await accounts.authenticate({ kind: 'key', key: 'sk_1' });
    expect(session?.allows('read', 'kv:a:1')).toBe(true);
    expect(session?.allows('write', 'kv:a:1')).toBe(false);
    expect(session?.allows('read', 'kv:b')).toBe(false);
  });

  it('is refused from the moment it expires', async () => {
    const accounts = await open({ keys: [apiKey('k', 'sk_1', { expiresAt: clock.now() + 1_000 })] });
    clock.advance(999);
    expect(accounts.authenticate({ kind: 'key', key: 'sk_1' })).toMatchObject({
      name: 'k',
      expiresAt: clock.now() + 1,
    });
    clock.advance(1);
    expect(accounts.authenticate({ kind: 'key', key: 'sk_1' })).toBeUndefined();
  });
});

describe('a password', () => {
  it('is verified off the event loop, in clear or as a stored hash', async () => {
    const stored = printHash(await hashPassword('s3cret', cheap));
    const accounts = await open({
      users: [user('admin', 'password', { admin: true }), user('bob', stored, { roles: ['readonly'] })],
    });
    const answer = accounts.authenticate(basic('admin', 'password'));
    expect(answer).toBeInstanceOf(Promise);
    expect(await answer).toMatchObject({ kind: 'user', name: 'admin', admin: true });
    expect((await accounts.authenticate(basic('bob', 's3cret')))?.allows('read', 'kv:a')).toBe(true);
    expect(await accounts.authenticate(basic('bob', stored))).toBeUndefined();
    expect(await accounts.authenticate(basic('bob', 'S3cret'))).toBeUndefined();
    expect(await accounts.authenticate(basic('Bob', 's3cret'))).toBeUndefined();
    expect(await accounts.authenticate(basic('', ''))).toBeUndefined();
  });

  it('is not hashed again soon after it was right', async () => {
    const accounts = await open({ users: [user('admin', 'password')] });
    await accounts.authenticate(basic('admin', 'password'));
    clock.advance(LIMITS.passwordRememberedMs - 1);
    expect(accounts.authenticate(basic('admin', 'password'))).toMatchObject({ name: 'admin' });
    clock.advance(LIMITS.passwordRememberedMs - 1); // counted from the last use
    expect(accounts.authenticate(basic('admin', 'password'))).toMatchObject({ name: 'admin' });
    clock.advance(LIMITS.passwordRememberedMs);
    expect(accounts.authenticate(basic('admin', 'password'))).toBeInstanceOf(Promise);
  });

  it('is not taken for another one that was right, however the two are cut', async () => {
    const accounts = await open({ users: [user('a', 'bc'), user('ab', 'x')] });
    await accounts.authenticate(basic('a', 'bc'));
    expect(await accounts.authenticate(basic('ab', 'c'))).toBeUndefined();
    expect(await accounts.authenticate(basic('a', 'b'))).toBeUndefined();
    expect(accounts.authenticate(basic('a', 'bc'))).toMatchObject({ name: 'a' }); // still remembered
  });

  it('is refused without hashing when it was wrong a moment ago', async () => {
    const accounts = await open({ users: [user('admin', 'password')] });
    expect(await accounts.authenticate(basic('admin', 'wrong'))).toBeUndefined();
    expect(accounts.authenticate(basic('admin', 'wrong'))).toBeUndefined();
    clock.advance(LIMITS.wrongPasswordMs);
    expect(accounts.authenticate(basic('admin', 'wrong'))).toBeInstanceOf(Promise);
  });

  it('of somebody who does not exist is hashed like any other', async () => {
    const accounts = await open({ users: [user('admin', 'password')] });
    const answer = accounts.authenticate(basic('nobody', 'password'));
    expect(answer).toBeInstanceOf(Promise);
    expect(await answer).toBeUndefined();
  });

  it('is hashed once for callers who send it at the same time', async () => {
    const accounts = await open({ users: [user('admin', 'password')] });
    const many = Array.from({ length: 500 }, () => accounts.authenticate(basic('admin', 'password')));
    for (const session of await Promise.all(many)) expect(session).toMatchObject({ name: 'admin' });
    expect(accounts.stats()).toEqual({ accepted: 500, refused: 0, throttled: 0 });
  });

  it('flooded with wrong ones for one name leaves others their turn', async () => {
    const accounts = await open({ users: [user('admin', 'password'), user('bob', 's3cret')] });
    const flood = Array.from({ length: 200 }, (_, i) =>
      (accounts.authenticate(basic('admin', `guess ${i}`)) as Promise<unknown>).catch((error: unknown) => error),
    );
    expect(await accounts.authenticate(basic('bob', 's3cret'))).toMatchObject({ name: 'bob' });
    const answers = await Promise.all(flood);
    const refused = answers.filter((answer) => answer === undefined).length;
    expect(refused).toBe(LIMITS.passwordChecks + LIMITS.passwordChecksWaiting);
    for (const answer of answers.slice(refused)) expect(answer).toMatchObject({ code: 'RATE_LIMITED' });
    expect(accounts.stats()).toEqual({ accepted: 1, refused, throttled: 200 - refused });
    expect(await accounts.authenticate(basic('admin', 'password'))).toMatchObject({ name: 'admin' });
  });

  it('guessed under made-up names makes one queue, whatever the names', async () => {
    const accounts = await open({ users: [user('admin', 'password')] });
    const flood = Array.from({ length: 200 }, (_, i) =>
      (accounts.authenticate(basic(`name ${i}`, 'x')) as Promise<unknown>).catch((error: unknown) => error),
    );
    expect(await accounts.authenticate(basic('admin', 'password'))).toMatchObject({ name: 'admin' });
    const answers = await Promise.all(flood);
    expect(answers.filter((answer) => answer === undefined)).toHaveLength(
      LIMITS.passwordChecks + LIMITS.passwordChecksWaiting,
    );
  });
});
