import { describe, expect, it } from 'vitest';
import { PasswordChecks } from '../../src/auth/checks.ts';
import { COST, hashPassword, parseHash, printHash, verifyPassword } from '../../src/auth/password.ts';
import { LIMITS } from '../../src/core/limits.ts';

const cheap = { n: 16, r: 1, p: 1 };

describe('a password hash', () => {
  it('survives being written down and read back', async () => {
    const text = printHash(await hashPassword('pässwörd', cheap));
    expect(text).toMatch(/^scrypt\$16\$1\$1\$[^$]{24}\$[^$]{44}$/);
    const read = parseHash(text);
    if (read === undefined) throw new Error('unreadable');
    expect(await verifyPassword('pässwörd', read)).toBe(true);
    expect(await verifyPassword('passwörd', read)).toBe(false);
    expect(await verifyPassword('', read)).toBe(false);
  });

  it('differs each time, for the same password', async () => {
    expect(printHash(await hashPassword('a', cheap))).not.toBe(printHash(await hashPassword('a', cheap)));
  });

  it('is scrypt as RFC 7914 has it', async () => {
    const key =
      '7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887';
    const base64 = (text: string, from: BufferEncoding): string => Buffer.from(text, from).toString('base64');
    const hash = parseHash(`scrypt$16384$8$1$${base64('SodiumChloride', 'utf8')}$${base64(key, 'hex')}`);
    if (hash === undefined) throw new Error('unreadable');
    expect(await verifyPassword('pleaseletmein', hash)).toBe(true);
    expect(await verifyPassword('pleaseletmeout', hash)).toBe(false);
  });

  it('costs what was decided, unless said otherwise', async () => {
    expect(printHash(await hashPassword('a'))).toMatch(new RegExp(`^scrypt\\$${COST.n}\\$${COST.r}\\$${COST.p}\\$`));
  });

  it('is refused when it is no hash, or would eat the machine', async () => {
    const good = printHash(await hashPassword('a', cheap));
    const [, , , , salt = '', key = ''] = good.split('$');
    expect(parseHash(good)).toBeDefined();
    const bad = [
      '',
      'password',
      good.replace('scrypt', 'bcrypt'),
      `${good}$`,
      `scrypt$15$1$1$${salt}$${key}`, // not a power of two
      `scrypt$1$1$1$${salt}$${key}`,
      `scrypt$0$1$1$${salt}$${key}`,
      `scrypt$16$0$1$${salt}$${key}`,
      `scrypt$16$1$0$${salt}$${key}`,
      `scrypt$16777216$8$1$${salt}$${key}`, // 16 GiB
      `scrypt$16384$8$999$${salt}$${key}`, // a minute
      `scrypt$16$1$1$AAAA$${key}`, // hardly any salt
      `scrypt$16$1$1$${salt}$AAAA`, // a key that is guessed at once
    ];
    for (const text of bad) expect(parseHash(text), text).toBeUndefined();
  });
});

describe('password checks', () => {
  /** Checks that end when the test says so. */
  function held(): { start: () => Promise<boolean>; running: () => number; end: (right: boolean) => Promise<void> } {
    const open: ((right: boolean) => void)[] = [];
    let running = 0;
    return {
      start: () =>
        new Promise((resolve) => {
          running++;
          open.push(resolve);
        }),
      running: () => running,
      end: async (right) => {
        running--;
        open.shift()?.(right);
        await new Promise((resolve) => setImmediate(resolve));
      },
    };
  }

  it('run at most so many at a time', async () => {
    const checks = new PasswordChecks();
    const work = held();
    const answers = Array.from({ length: 10 }, () => checks.run('a', work.start));
    expect(work.running()).toBe(LIMITS.passwordChecks);
    for (let i = 0; i < 10; i++) {
      expect(work.running()).toBe(Math.min(LIMITS.passwordChecks, 10 - i));
      await work.end(i % 2 === 0);
    }
    expect(await Promise.all(answers)).toEqual(Array.from({ length: 10 }, (_, i) => i % 2 === 0));
  });

  it('take turns between names', async () => {
    const checks = new PasswordChecks();
    const order: string[] = [];
    const work = held();
    const start = (name: string) => () => {
      order.push(name);
      return work.start();
    };
    for (let i = 0; i < 6; i++) checks.run('busy', start('busy'));
    checks.run('rare', start('rare'));
    checks.run('other', start('other'));
    for (let i = 0; i < 8; i++) await work.end(true);
    expect(order).toEqual(['busy', 'busy', 'busy', 'rare', 'other', 'busy', 'busy', 'busy']);
  });

  it('refuse a name that waits too often, and only that one', async () => {
    const checks = new PasswordChecks();
    const work = held();
    const most = LIMITS.passwordChecks + LIMITS.passwordChecksWaiting;
    for (let i = 0; i < most; i++) expect(checks.run('busy', work.start)).toBeDefined();
    expect(checks.run('busy', work.start)).toBeUndefined();
    expect(checks.run('rare', work.start)).toBeDefined();
    await work.end(true);
    expect(checks.run('busy', work.start)).toBeDefined();
  });

  it('go on after one that failed', async () => {
    const checks = new PasswordChecks();
    const fails = () => Promise.reject(new Error('no memory'));
    const answers = Array.from({ length: 5 }, () => checks.run('a', fails));
    for (const answer of answers) await expect(answer).rejects.toThrow('no memory');
    expect(await checks.run('a', () => Promise.resolve(true))).toBe(true);
  });
});
