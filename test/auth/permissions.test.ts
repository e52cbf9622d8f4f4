import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Action,
  compileGrants,
  covers,
  GRANTABLE,
  includes,
  isPlainPattern,
  type Permission,
} from '../../src/auth/permissions.ts';
import { Session } from '../../src/auth/session.ts';
import { runs, seed } from '../support/seed.ts';

const matches = (pattern: string, resource: string): boolean =>
  covers(compileGrants([{ resource: pattern, action: 'read' }]), 'read', resource);

describe('a resource pattern', () => {
  it('matches exactly itself when it has no star', () => {
    expect(matches('kv:user:1', 'kv:user:1')).toBe(true);
    expect(matches('kv:user:1', 'kv:user:12')).toBe(false);
    expect(matches('kv:user:1', 'kv:user')).toBe(false);
    expect(matches('kv:user:1', 'KV:user:1')).toBe(false);
  });

  it('never matches when it is empty, nor does it match nothing', () => {
    expect(matches('', 'kv:a')).toBe(false);
    expect(matches('', '')).toBe(false);
    expect(matches('*', '')).toBe(false);
  });

  it('matches everything when it is a star alone', () => {
    expect(matches('*', 'kv:a')).toBe(true);
    expect(matches('*', 'admin:*')).toBe(true);
  });

  it('matches by prefix when the star comes last', () => {
    expect(matches('kv:user:*', 'kv:user:1')).toBe(true);
    expect(matches('kv:user:*', 'kv:user:')).toBe(true);
    expect(matches('kv:user:*', 'kv:user')).toBe(false);
    expect(matches('kv:us*', 'kv:user:1')).toBe(true);
    expect(matches('kv:*', 'kv:*')).toBe(true); // what statistics ask for
    expect(matches('kv:*', 'queue:kv:a')).toBe(false);
  });

  it('matches by suffix when the star comes first', () => {
    expect(matches('*:public', 'kv:a:public')).toBe(true);
    expect(matches('*:public', 'kv:a:publicity')).toBe(false);
    expect(matches('*public', 'kv:public')).toBe(true);
  });

  it('matches start and end, with something between, around one `:*:`', () => {
    expect(matches('kv:*:name', 'kv:7:name')).toBe(true);
    expect(matches('kv:*:name', 'kv:7:8:name')).toBe(true);
    expect(matches('kv:*:name', 'kv:name')).toBe(false);
    expect(matches('kv:*:name', 'kv::name')).toBe(false);
    expect(matches('kv:*:name', 'kv:7:surname')).toBe(false);
    expect(matches('kv:*:name', 'kvx:7:name')).toBe(false);
    expect(matches('a:*:a', 'a:a')).toBe(false); // start and end may not share a part
  });

  it('takes a star anywhere else for a star', () => {
    expect(matches('kv:a*b', 'kv:axb')).toBe(false);
    expect(matches('kv:a*b', 'kv:a*b')).toBe(true);
    expect(matches('kv:*:x:*:y', 'kv:1:x:2:y')).toBe(false);
    expect(matches('*:a:*', '*:a:b')).toBe(true); // the last star decides, the first one is text
    expect(matches('*:a:*', 'kv:a:b')).toBe(false);
  });

  it('is called plain only when all its stars are wildcards', () => {
    for (const pattern of ['*', 'kv:*', '*:x', 'kv:*:x', 'kv:a']) expect(isPlainPattern(pattern), pattern).toBe(true);
    for (const pattern of ['kv:a*b', '*:a:*', 'kv:*:x:*:y', '**']) expect(isPlainPattern(pattern), pattern).toBe(false);
  });

  it('agrees with the rules written down naively', () => {
    const naive = (pattern: string, resource: string): boolean => {
      if (pattern === '' || resource === '') return false;
      if (pattern === resource || pattern === '*') return true;
      if (pattern.at(-1) === '*') return resource.indexOf(pattern.slice(0, -1)) === 0;
      if (pattern[0] === '*') return resource.slice(-(pattern.length - 1)) === pattern.slice(1);
      const [start, end, more] = pattern.split(':*:');
      if (start === undefined || end === undefined || more !== undefined) return false;
      for (let i = 1; i < resource.length; i++)
        for (let j = i; j < resource.length; j++)
          if (resource.slice(0, i) === `${start}:` && resource.slice(j + 1) === `:${end}`) return true;
      return false;
    };
    const word = fc.array(fc.constantFrom('a', 'b', ':', '*', ':*:'), { maxLength: 6 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(word, word, (pattern, resource) => matches(pattern, resource) === naive(pattern, resource)),
      { seed, numRuns: runs(5_000) },
    );
  });
});

describe('an action', () => {
  const actions: Action[] = ['read', 'write', 'delete', 'configure', 'admin'];
  const covered = (action: Permission['action']): Action[] => {
    const grants = compileGrants([{ resource: 'kv:*', action }]);
    return actions.filter((asked) => covers(grants, asked, 'kv:a'));
  };

  it('covers what the sheet says, and nothing else', () => {
    expect(Object.fromEntries(GRANTABLE.map((action) => [action, covered(action)]))).toEqual({
      read: ['read'],
      write: ['write'],
      delete: ['delete'],
      configure: ['read', 'write', 'configure'],
      admin: ['admin'],
      all: actions,
    });
  });
});

describe('a session', () => {
  it('may do what any one of its permissions allows, since there are no denials', () => {
    const session = new Session({
      kind: 'key',
      name: 'k',
      admin: false,
      permissions: [
        { resource: 'kv:a', action: 'read' },
        { resource: 'queue:*', action: 'all' },
      ],
    });
    expect(session.allows('read', 'kv:a')).toBe(true);
    expect(session.allows('write', 'kv:a')).toBe(false);
    expect(session.allows('delete', 'queue:jobs')).toBe(true);
    expect(session.allows('read', 'stream:jobs')).toBe(false);
  });

  it('may do everything when it is admin, whatever its permissions', () => {
    const session = new Session({ kind: 'user', name: 'root', admin: true });
    expect(session.allows('admin', 'admin:*')).toBe(true);
  });

  it('has the permissions of its roles', () => {
    const reader = new Session({ kind: 'user', name: 'r', admin: false, roles: ['readonly'] });
    expect(reader.allows('read', 'kv:a')).toBe(true);
    expect(reader.allows('write', 'kv:a')).toBe(false);
    expect(reader.permissions).toEqual([{ resource: '*', action: 'read' }]);
    const chief = new Session({ kind: 'user', name: 'c', admin: false, roles: ['admin'] });
    expect(chief.allows('admin', 'admin:*')).toBe(true);
  });

  it('may do nothing without permissions', () => {
    const nobody = new Session({ kind: 'anonymous', name: '', admin: false });
    for (const action of ['read', 'write', 'delete', 'configure', 'admin'] as const)
      expect(nobody.allows(action, 'kv:a')).toBe(false);
  });
});

describe('permissions include others', () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'b', ':'), maxLength: 4 });
  const pattern = fc.oneof(
    text,
    fc.constant('*'),
    text.map((prefix) => `${prefix}*`),
    text.map((suffix) => `*${suffix}`),
    fc.tuple(text, text).map(([prefix, suffix]) => `${prefix}:*:${suffix}`),
  );
  const permission = fc.record({ resource: pattern, action: fc.constantFrom(...GRANTABLE) });

  it('only when they allow whatever these allow', () => {
    const actions = ['read', 'write', 'delete', 'configure', 'admin'] as const;
    const resource = fc.string({ unit: fc.constantFrom('a', 'b', ':', '*'), maxLength: 8 });
    let hits = 0;
    fc.assert(
      fc.property(fc.array(permission, { maxLength: 3 }), permission, fc.array(resource), (held, wanted, resources) => {
        if (!includes(held, wanted)) return;
        hits++;
        const [have, want] = [compileGrants(held), compileGrants([wanted])];
        for (const action of actions)
          for (const one of resources) if (covers(want, action, one)) expect(covers(have, action, one)).toBe(true);
      }),
      { numRuns: runs(5_000), seed },
    );
    expect(hits).toBeGreaterThan(100);
  });

  it('where a pattern covers a narrower one', () => {
    const all = (resource: string) => ({ resource, action: 'all' }) as const;
    for (const [wide, narrow] of [
      ['*', 'kv:a*'],
      ['*', '*'],
      ['kv:*', 'kv:user:*'],
      ['kv:*', 'kv:a'],
      ['kv:*', 'kv:a:*:b'],
      ['*:log', '*:b:log'],
      ['kv:*:log', 'kv:a:log'],
    ] as const) {
      expect(includes([all(wide)], { resource: narrow, action: 'read' }), `${wide} ${narrow}`).toBe(true);
      if (wide !== narrow) expect(includes([all(narrow)], { resource: wide, action: 'read' }), narrow).toBe(false);
    }
    expect(includes([{ resource: 'kv:*', action: 'configure' }], { resource: 'kv:a', action: 'write' })).toBe(true);
    expect(includes([{ resource: 'kv:*', action: 'configure' }], { resource: 'kv:a', action: 'all' })).toBe(false);
    expect(
      includes(
        (['read', 'write', 'delete', 'configure', 'admin'] as const).map((action) => ({ resource: 'kv:*', action })),
        all('kv:a'),
      ),
    ).toBe(true);
  });
});
