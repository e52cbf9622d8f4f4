import { describe, expect, it } from 'vitest';
import { signUser } from '../../src/auth/signature.ts';
import { Buckets, chatLocks } from '../../src/server/chat-locks.ts';
import { loadSettings, type Settings } from '../../src/server/settings.ts';
import { FakeClock } from '../support/clock.ts';

const settings = (yaml: string): Settings => {
  const loaded = loadSettings([], {}, (path) => {
    if (path === 'config.yml') return yaml;
    throw Object.assign(new Error('none'), { code: 'ENOENT' });
  });
  if (loaded.action !== 'start') throw new Error('no start');
  return loaded.settings;
};

describe('the buckets of the rate limit', () => {
  it('forget the caller that came least recently, not the one that came first', () => {
    const buckets = new Buckets(1, 2, 2, new FakeClock());
    const spend = (caller: string): number[] => [buckets.take(caller), buckets.take(caller)];
    spend('first');
    spend('second');
    expect(buckets.take('first')).toBe(1); // empty, and now the latest
    expect(buckets.take('third')).toBe(0); // takes the place of `second`
    expect(buckets.take('first')).toBe(1);
    expect(buckets.take('second')).toBe(0); // begins anew in the place of `third`
    expect(buckets.take('first')).toBe(1);
  });

  it('fill again with time, fractions of a request a second included', () => {
    const clock = new FakeClock();
    const buckets = new Buckets(0.5, 1, 10, clock);
    expect([buckets.take('a'), buckets.take('a')]).toEqual([0, 2]);
    clock.advance(1000);
    expect(buckets.take('a')).toBe(1);
    clock.advance(1000);
    expect(buckets.take('a')).toBe(0);
  });
});

describe('signing', () => {
  const backend = 'security: { api_keys: { backend: [b] } }';
  const separate = 'security: { api_keys: { backend: [b], signing: [s1, s2] } }';

  it('is done with the key of the caller, or with the first signing secret when there are any', () => {
    const plain = chatLocks(settings(backend), new FakeClock());
    expect(plain.sign('b', 'ana')).toBe(signUser('b', 'ana'));
    const locks = chatLocks(settings(separate), new FakeClock());
    expect(locks.sign('b', 'ana')).toBe(signUser('s1', 'ana'));
    expect(locks.verify('ana', signUser('s2', 'ana'))).toBe(true);
    expect(locks.verify('ana', signUser('b', 'ana'))).toBe(false);
  });

  it('gives signatures that end, when those are wanted', () => {
    const clock = new FakeClock();
    const yaml = 'security: { dated_signatures: true, signature_period: 1m, api_keys: { backend: [b] } }';
    const locks = chatLocks(settings(yaml), clock);
    const signature = locks.sign('b', 'ana');
    expect(signature).toMatch(/^v2\.\d+\.[0-9a-f]{64}$/);
    clock.advance(59_000);
    expect(locks.verify('ana', signature)).toBe(true);
    expect(locks.verify('ben', signature)).toBe(false);
    clock.advance(2_000);
    expect(locks.verify('ana', signature)).toBe(false);
    expect(locks.verify('ana', signUser('b', 'ana'))).toBe(false);
  });
});
