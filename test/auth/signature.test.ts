import { describe, expect, it } from 'vitest';
import { ChatKeys } from '../../src/auth/chat-keys.ts';
import { sameSecret } from '../../src/auth/same.ts';
import { Signatures, signUser, signUserUntil } from '../../src/auth/signature.ts';

const NOW = 1_790_000_000_000;

describe('a plain signature', () => {
  it.each([
    ['sk_demo_backend', 'user-123', '99f383c6f11a77698734d00f656b34609170b716e37414cbe32279a3151a9e6c'],
    ['sk_demo_backend', 'zoë', 'a2303c8725b153afda9d24864e66645b7a5e42b97019c94ab89c56d763020182'],
    ['sk_backend_1', 'user-alice', 'a3c41dc8de509d76798eac2f312af8fa56b329d77f5c98e688ba7ebe8187916e'],
    ['sk_backend_2', 'user-alice', 'f84676597d03137bccae921085d50a8dfc4a9ae6e913d93c7de8ae337add2b13'],
    ['sk_backend_1', '日本 👩‍👩‍👧', 'dc6a7338c1c776dd4bf42118e5edfab238ce22d3511694bcb191aaa72de5dcf4'],
    ['sk_backend_1', 'nul\0end', '2d6ce1a71f7fa5570845a0f12d197f4b166bdb68520b550a39c8f84cc536a328'],
  ])('of %s for %j is that of the reference', (key, user, signature) => {
    expect(signUser(key, user)).toBe(signature);
    const signatures = new Signatures(['sk_other', key]);
    for (let again = 0; again < 2; again++) expect(signatures.verify(user, signature, NOW)).toBe(true);
  });

  it('verifies under any of the keys, as a whole, in lower case, for its user only', () => {
    const signatures = new Signatures(['sk_backend_1', 'sk_backend_2']);
    const right = signUser('sk_backend_2', 'ana');
    expect(signatures.verify('ana', right, NOW)).toBe(true);
    const wrong = [
      right.toUpperCase(),
      right.slice(1),
      `${right}0`,
      `sha256=${right}`,
      'bad',
      '',
      signUser('sk_3', 'ana'),
    ];
    for (const signature of wrong) expect(signatures.verify('ana', signature, NOW)).toBe(false);
    expect(signatures.verify('bob', right, NOW)).toBe(false);
    expect(signatures.verify('Ana', right, NOW)).toBe(false);
    const long = 'x'.repeat(5000);
    expect(signatures.verify(long, signUser('sk_backend_1', long), NOW)).toBe(true);
  });

  it('cannot be checked without keys', () => {
    expect(new Signatures([]).available).toBe(false);
    expect(new Signatures(['']).available).toBe(false);
    expect(new Signatures(['k']).available).toBe(true);
    expect(new Signatures([]).verify('ana', signUser('', 'ana'), NOW)).toBe(false);
  });
});

describe('a dated signature', () => {
  const until = NOW / 1000 + 60;
  const signature = signUserUntil('k', 'ana', until);

  it('is good until its end and not after', () => {
    const signatures = new Signatures(['j', 'k']);
    expect(signatures.verify('ana', signature, NOW)).toBe(true);
    expect(signatures.verify('ana', signature, until * 1000 - 1)).toBe(true);
    expect(signatures.verify('ana', signature, until * 1000)).toBe(false);
  });

  it('does not let its end, its user or its key be changed', () => {
    const signatures = new Signatures(['k']);
    expect(signatures.verify('ana', signature.replace(String(until), String(until + 1)), NOW)).toBe(false);
    expect(signatures.verify('bob', signature, NOW)).toBe(false);
    expect(new Signatures(['j']).verify('ana', signature, NOW)).toBe(false);
  });

  it('cannot be got by having a made-up user id signed', () => {
    const forged = `v2.${until}.${signUser('k', `${until}\nana`)}`;
    expect(new Signatures(['k']).verify('ana', forged, NOW)).toBe(false);
  });

  it('can be demanded', () => {
    const signatures = new Signatures(['k'], true);
    expect(signatures.verify('ana', signature, NOW)).toBe(true);
    expect(signatures.verify('ana', signUser('k', 'ana'), NOW)).toBe(false);
  });
});

describe('chat keys', () => {
  it('give the roles of all their classes', () => {
    const keys = new ChatKeys({ backend: ['b1', 'all'], frontend: ['f1', 'all'], admin: ['a1', 'all', ''] });
    expect(keys.roles('b1')).toEqual({ backend: true, frontend: false, admin: false });
    expect(keys.roles('f1')).toEqual({ backend: false, frontend: true, admin: false });
    expect(keys.roles('all')).toEqual({ backend: true, frontend: true, admin: true });
    for (const unknown of ['', 'B1', 'b', 'b12', 'b1,f1', 'xx']) expect(keys.roles(unknown)).toBeUndefined();
    expect(keys.size).toBe(4);
  });

  it('are found in a long list as well', () => {
    const many = Array.from({ length: 1000 }, (_, i) => `key-${1000 + i}`);
    const keys = new ChatKeys({ backend: many, frontend: [], admin: [] });
    expect(many.every((key) => keys.roles(key)?.backend === true)).toBe(true);
    expect(keys.roles('key-0999')).toBeUndefined();
  });

  it('are compared as a whole', () => {
    expect(sameSecret('abc', 'abc')).toBe(true);
    for (const other of ['abd', 'Abc', 'ab', 'abcd', '']) expect(sameSecret('abc', other)).toBe(false);
    expect(sameSecret('', '')).toBe(true);
  });
});
