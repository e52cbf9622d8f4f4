import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { Accounts } from '../../src/auth/accounts.ts';
import { AccountBook, isPlace } from '../../src/auth/book.ts';
import { hashPassword } from '../../src/auth/password.ts';
import { digest } from '../../src/auth/passwords.ts';
import { seededIds } from '../../src/core/ids.ts';
import { LIMITS } from '../../src/core/limits.ts';
import { FakeClock } from '../support/clock.ts';
import { RecordingStore } from '../support/recorder.ts';
import { runs, seed } from '../support/seed.ts';

const cheap = { n: 16, r: 1, p: 1 };
const hash = await hashPassword('a long password', cheap);
const nothing = { admin: false, roles: [], permissions: [] } as const;
const free = { owner: null, permissions: [], addresses: [], expiresAt: Number.POSITIVE_INFINITY } as const;

let clock: FakeClock;
let store: RecordingStore;
let book: AccountBook;
const ids = seededIds(seed);
const fresh = (): AccountBook => new AccountBook({ store, ids, cost: cheap }, clock);
beforeEach(() => {
  clock = new FakeClock();
  store = new RecordingStore();
  book = fresh();
});
const uses = (secret: string, address?: string): unknown =>
  book.useKey(digest(secret), address === undefined ? undefined : () => address, clock.now());
const restarted = (): AccountBook => {
  book = fresh();
  store.restoreInto(book, clock.now());
  expect(book.check()).toEqual([]);
  return book;
};

describe('a user', () => {
  it('is recognised by its password, and after a restart too', async () => {
    book.createUser('ann', { ...nothing, hash, roles: ['readonly'] });
    for (const one of [book, restarted()]) {
      expect((await one.passwords.check('ann', 'a long password'))?.session).toMatchObject({
        kind: 'user',
        name: 'ann',
        roles: ['readonly'],
        admin: false,
      });
      expect(await one.passwords.check('ann', 'another password')).toBeUndefined();
    }
  });

  it('whose password changes is not recognised by the old one, and at once by the new one that was wrong before', async () => {
    book.createUser('ann', { ...nothing, hash });
    const before = await book.passwords.check('ann', 'a long password');
    expect(await book.passwords.check('ann', 'the new password')).toBeUndefined();
    book.changeUser('ann', { hash: await book.hash('ann', 'the new password') });
    expect(before?.session?.expiresAt).toBe(0);
    expect(await book.passwords.check('ann', 'a long password')).toBeUndefined();
    expect((await book.passwords.check('ann', 'the new password'))?.name).toBe('ann');
  });

  it('who is taken away while its password is being checked is not let in', async () => {
    book.createUser('ann', { ...nothing, hash });
    const check = book.passwords.check('ann', 'a long password');
    book.deleteUser('ann');
    expect(await check).toBeUndefined();
  });

  it('who is disabled has no session, nor have its keys, until it is enabled again', async () => {
    book.createUser('ann', { ...nothing, hash });
    const { key, secret } = book.createKey({ ...free, name: 'k', owner: 'ann' }, clock.now());
    const session = key.session;
    expect(uses(secret)).toBe(session);
    book.changeUser('ann', { enabled: false });
    expect((await book.passwords.check('ann', 'a long password'))?.session).toBeUndefined();
    expect([uses(secret), session.expiresAt]).toEqual([undefined, 0]);
    restarted();
    expect(uses(secret)).toBeUndefined();
    book.changeUser('ann', { enabled: true });
    expect(uses(secret)).toMatchObject({ kind: 'key', owner: 'ann', expiresAt: Number.POSITIVE_INFINITY });
  });

  it('takes its keys along when it goes, and nobody else’s', () => {
    book.createUser('ann', { ...nothing, hash });
    const hers = book.createKey({ ...free, name: 'k', owner: 'ann' }, clock.now());
    const free1 = book.createKey({ ...free, name: 'f' }, clock.now());
    expect(book.deleteUser('ann')).toBe(true);
    expect(book.deleteUser('ann')).toBe(false);
    restarted();
    expect([uses(hers.secret), book.keys().map(({ id }) => id)]).toEqual([undefined, [free1.key.id]]);
    expect(store.tables.get('auth.user')?.size).toBe(0);
  });

  it('of the settings goes before one of the store, and is not changed or stored', async () => {
    book.createUser('ann', { ...nothing, hash });
    await Accounts.open(
      {
        enabled: true,
        required: true,
        keys: [],
        cost: cheap,
        users: [{ name: 'ann', password: 'from the settings', admin: true, roles: [], permissions: [] }],
      },
      clock,
      book,
    );
    expect(book.users()).toMatchObject([{ name: 'ann', admin: true, configured: true }]);
    expect((await book.passwords.check('ann', 'from the settings'))?.admin).toBe(true);
    for (const act of [() => book.deleteUser('ann'), () => book.changeUser('ann', { enabled: false })])
      expect(act).toThrow('Invalid request: User ann stands in the settings and is changed there');
    expect(() => book.createUser('ann', { ...nothing, hash })).toThrow('Invalid request: User ann already exists');
  });

  it('has a password of at least 8 bytes that is none of the common ones', async () => {
    expect(() => book.hash('ann', '1234567')).toThrow('Password must be at least 8 characters long');
    expect(() => book.hash('ann', 'x'.repeat(LIMITS.secretBytes + 1))).toThrow('at most 1024 bytes');
    for (const common of ['password', 'PASSWORD1', '12345678', 'Passw0rd'])
      expect(() => book.hash('ann', common)).toThrow('Password is too common. Please choose a stronger password');
    await expect(book.hash('ann', 'ääää')).resolves.toBeDefined(); // 8 bytes
  });

  it('is hashed in turn with the checks, so that whoever keeps setting one holds up nobody else', async () => {
    const most = LIMITS.passwordChecks + LIMITS.passwordChecksWaiting;
    const set = Array.from({ length: most }, () => book.hash('ann', 'the new password'));
    await expect(book.hash('ann', 'the new password')).rejects.toThrow('too many password checks are waiting');
    await expect(book.hash('ben', 'the new password')).resolves.toBeDefined();
    expect(await Promise.all(set)).toHaveLength(most);
  });

  it('has a name without a colon', () => {
    for (const name of ['', 'a:b', 'x'.repeat(LIMITS.nameBytes + 1)])
      expect(() => book.createUser(name, { ...nothing, hash })).toThrow('Invalid request: A username');
  });
});

describe('a key', () => {
  it('is 32 letters and digits after sk_, never twice the same, and never stored', () => {
    const secrets = Array.from({ length: 50 }, () => book.createKey({ ...free, name: 'k' }, clock.now()).secret);
    for (const secret of secrets) expect(secret).toMatch(/^sk_[A-Za-z0-9]{32}$/);
    expect(new Set(secrets).size).toBe(50);
    expect(JSON.stringify(store.snapshot())).not.toContain('sk_');
  });

  it('expires at its time, and at once when that is now', () => {
    const later = book.createKey({ ...free, name: 'k', expiresAt: clock.now() + 1000 }, clock.now());
    const now = book.createKey({ ...free, name: 'k', expiresAt: clock.now() }, clock.now());
    expect(uses(now.secret)).toBeUndefined();
    clock.advance(999);
    expect(uses(later.secret)).toBeDefined();
    clock.advance(1);
    expect(uses(later.secret)).toBeUndefined();
  });

  it('that is taken away ends its session and stays away', () => {
    const { key, secret } = book.createKey({ ...free, name: 'k' }, clock.now());
    const { session } = key;
    expect(uses(secret)).toBe(session);
    expect([book.revokeKey(key.id), book.revokeKey(key.id), session.expiresAt]).toEqual([true, false, 0]);
    restarted();
    expect(uses(secret)).toBeUndefined();
  });

  it('tied to addresses works from these and nowhere else, also where the address is not known', () => {
    const { secret } = book.createKey(
      { ...free, name: 'k', addresses: ['10.1.0.0/16', '192.0.2.7', '2001:db8::/32'] },
      clock.now(),
    );
    for (const again of [false, true]) {
      if (again) restarted();
      for (const place of ['10.1.2.3', '192.0.2.7', '2001:db8::1', '0000:0000:0000:0000:0000:ffff:0a01:0203'])
        expect(uses(secret, place), place).toBeDefined();
      for (const place of ['10.2.0.1', '192.0.2.8', '2001:db9::1', '', 'x'])
        expect(uses(secret, place), place).toBeUndefined();
      expect(uses(secret)).toBeUndefined();
    }
    for (const place of ['10.0.0.0/33', '10.0.0', 'host', '10.0.0.0/8/8', '::/129', '10.0.0.0/'])
      expect(isPlace(place), place).toBe(false);
  });

  it('counts its uses, and states them at most once a minute', () => {
    const { key, secret } = book.createKey({ ...free, name: 'k' }, clock.now());
    const stated = store.changes;
    for (let i = 0; i < 100; i++) uses(secret);
    expect([key.uses, key.lastUsedAt, store.changes]).toEqual([100, clock.now(), stated]);
    clock.advance(60_000);
    uses(secret);
    expect(store.changes).toBe(stated + 1);
    expect(restarted().keys()).toMatchObject([{ uses: 101, lastUsedAt: clock.now() }]);
  });
});

it('a book rebuilt from the store at any moment is the same book', () => {
  const name = fc.constantFrom('a', 'b', 'c');
  const step = fc.oneof(
    fc.record({ op: fc.constant('create' as const), name, admin: fc.boolean() }),
    fc.record({ op: fc.constant('delete' as const), name }),
    fc.record({ op: fc.constant('able' as const), name, on: fc.boolean() }),
    fc.record({ op: fc.constant('key' as const), name: fc.option(name) }),
    fc.record({ op: fc.constant('revoke' as const), at: fc.nat(5) }),
    fc.record({ op: fc.constant('use' as const), at: fc.nat(5) }),
    fc.record({ op: fc.constant('restart' as const) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      store = new RecordingStore();
      book = fresh();
      const users = new Map<string, { admin: boolean; enabled: boolean }>();
      let keys: { id: string; secret: string; owner: string | null }[] = [];
      for (const one of steps) {
        clock.advance(1);
        if (one.op === 'create') {
          if (users.has(one.name)) continue;
          users.set(one.name, { admin: one.admin, enabled: true });
          book.createUser(one.name, { ...nothing, hash, admin: one.admin });
        } else if (one.op === 'delete') {
          expect(book.deleteUser(one.name)).toBe(users.delete(one.name));
          keys = keys.filter(({ owner }) => owner !== one.name);
        } else if (one.op === 'able') {
          const user = users.get(one.name);
          if (user === undefined) expect(() => book.changeUser(one.name, { enabled: one.on })).toThrow('not found');
          else {
            book.changeUser(one.name, { enabled: one.on });
            user.enabled = one.on;
          }
        } else if (one.op === 'key') {
          const owner = one.name === null || !users.has(one.name) ? null : one.name;
          const made = book.createKey({ ...free, name: 'k', owner }, clock.now());
          keys.push({ id: made.key.id, secret: made.secret, owner });
        } else if (one.op === 'revoke') {
          const key = keys[one.at];
          expect(book.revokeKey(key?.id ?? 'none')).toBe(key !== undefined);
          keys = keys.filter((other) => other !== key);
        } else if (one.op === 'use') {
          const key = keys[one.at];
          if (key === undefined) continue;
          const works = key.owner === null || users.get(key.owner)?.enabled === true;
          expect(uses(key.secret) !== undefined).toBe(works);
        } else restarted();
        expect(book.check()).toEqual([]);
        expect(new Map(book.users().map(({ name, admin, enabled }) => [name, { admin, enabled }]))).toEqual(users);
        expect(new Set(book.keys().map(({ id, owner }) => `${id} ${owner}`))).toEqual(
          new Set(keys.map(({ id, owner }) => `${id} ${owner}`)),
        );
      }
    }),
    { numRuns: runs(100), seed },
  );
});
