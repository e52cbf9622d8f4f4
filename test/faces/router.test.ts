/** Routing rules of synap-core.md 1.5. */
import { describe, expect, it } from 'vitest';
import { allowed, Router } from '../../src/faces/router.ts';

const router = new Router<string>();
for (const [method, path] of [
  ['GET', '/kv/get/:key'],
  ['GET', '/kv/:key/strlen'],
  ['GET', '/kv/stats'],
  ['POST', '/queue/:name'],
  ['DELETE', '/queue/:name'],
  ['GET', '/queue/list'],
  ['GET', '/key/randomkey'],
  ['GET', '/key/:key/type'],
] as const)
  router.add(method, path, `${method} ${path}`);

const found = (path: string): unknown => {
  const at = router.find(path);
  return at === undefined ? undefined : [[...at.node.methods.values()][0], at.params];
};

describe('a path', () => {
  it('is matched before it is decoded', () => {
    expect(found('/kv/get/a%2Fb')).toEqual(['GET /kv/get/:key', ['a%2Fb']]);
    expect(found('/kv/g%65t/a')).toBeUndefined();
  });

  it('may have an empty parameter in the middle and none at the end', () => {
    expect(found('/kv//strlen')).toEqual(['GET /kv/:key/strlen', ['']]);
    expect(found('/kv/get/')).toBeUndefined();
    expect(found('/kv/stats/')).toBeUndefined();
    expect(found('/')).toBeUndefined();
  });

  it('prefers literal segments and goes back to parameters when those lead nowhere', () => {
    expect(found('/kv/get/strlen')).toEqual(['GET /kv/get/:key', ['strlen']]);
    expect(found('/kv/stats/strlen')).toEqual(['GET /kv/:key/strlen', ['stats']]);
    expect(found('/key/randomkey/type')).toEqual(['GET /key/:key/type', ['randomkey']]);
  });

  it('belongs to its literal route also for methods only the parameter route has', () => {
    const at = router.find('/queue/list');
    expect(at?.node.methods.has('POST')).toBe(false);
    expect(allowed(at?.node as never)).toBe('GET,HEAD');
    expect(allowed(router.find('/queue/x')?.node as never)).toBe('POST,DELETE');
  });
});
