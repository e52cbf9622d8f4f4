import { describe, expect, it } from 'vitest';
import { type Credentials, readCredentials } from '../../src/auth/credentials.ts';

const read = (authorization = '', apiKey = '', query = ''): Credentials =>
  readCredentials({ authorization, apiKey, query });
const basic = (text: string | Uint8Array): string => `Basic ${Buffer.from(text as string).toString('base64')}`;
const key = (text: string): Credentials => ({ kind: 'key', key: text });
const none: Credentials = { kind: 'none' };
const malformed: Credentials = { kind: 'malformed' };

describe('a Bearer key', () => {
  it('is what follows the scheme, trimmed', () => {
    expect(read('Bearer sk_live_abc123...')).toEqual(key('sk_live_abc123...'));
    expect(read('Bearer   sk_1  ')).toEqual(key('sk_1'));
    expect(read('Bearer a b:c=')).toEqual(key('a b:c='));
  });

  it('needs the scheme in exactly this case, with a space', () => {
    expect(read('bearer sk_1')).toEqual(none);
    expect(read('BEARER sk_1')).toEqual(none);
    expect(read('Bearer\tsk_1')).toEqual(none);
    expect(read('Bearersk_1')).toEqual(none);
  });

  it('counts as none when it is empty', () => {
    expect(read('Bearer ')).toEqual(none);
    expect(read('Bearer')).toEqual(none);
    expect(read('Bearer    ')).toEqual(none);
  });

  it('goes before every other place', () => {
    expect(read('Bearer one', 'two', 'api_key=three')).toEqual(key('one'));
  });
});

describe('a key in the query', () => {
  it('is the first pair of this name', () => {
    expect(read('', '', 'api_key=sk_1')).toEqual(key('sk_1'));
    expect(read('', '', 'a=b&api_key=sk_1&api_key=sk_2')).toEqual(key('sk_1'));
    expect(read('', '', 'xapi_key=sk_1')).toEqual(none);
    expect(read('', '', 'api_key')).toEqual(none);
    expect(read('', '', '&&api_key=sk_1&')).toEqual(key('sk_1'));
  });

  it('counts as none when it is empty, even before another one', () => {
    expect(read('', '', 'api_key=')).toEqual(none);
    expect(read('', '', 'api_key=&api_key=sk_1')).toEqual(none);
  });

  it('is taken raw, and also unescaped where that makes sense', () => {
    expect(read('', '', 'api_key=a+b')).toEqual(key('a+b'));
    expect(read('', '', 'api_key=a%2Bb')).toEqual({ kind: 'key', key: 'a%2Bb', decoded: 'a+b' });
    expect(read('', '', 'api_key=100%')).toEqual(key('100%'));
  });

  it('is only looked at without an Authorization header', () => {
    expect(read('Digest x', '', 'api_key=sk_1')).toEqual(none);
    expect(read('Bearer ', '', 'api_key=sk_1')).toEqual(none);
    expect(read(basic('u:p'), '', 'api_key=sk_1')).toEqual({ kind: 'basic', name: 'u', password: 'p' });
  });
});

describe('an X-API-Key', () => {
  it('is trimmed, and none when it is empty', () => {
    expect(read('', ' sk_1 ')).toEqual(key('sk_1'));
    expect(read('', '  ')).toEqual(none);
  });

  it('goes before the query and behind what Authorization holds', () => {
    expect(read('', 'two', 'api_key=three')).toEqual(key('two'));
    expect(read(basic('u:p'), 'two')).toEqual({ kind: 'basic', name: 'u', password: 'p' });
    expect(read('Basic !', 'two')).toEqual(malformed);
    expect(read('Digest x', 'two')).toEqual(key('two'));
  });
});

describe('Basic credentials', () => {
  it('are split at the first colon, so that passwords may have colons', () => {
    expect(read(basic('admin:password'))).toEqual({ kind: 'basic', name: 'admin', password: 'password' });
    expect(read(basic('u:a:b:'))).toEqual({ kind: 'basic', name: 'u', password: 'a:b:' });
    expect(read(basic(':'))).toEqual({ kind: 'basic', name: '', password: '' });
    expect(read(basic('zoë:pässwörd€'))).toEqual({ kind: 'basic', name: 'zoë', password: 'pässwörd€' });
  });

  it('are malformed without a colon', () => {
    expect(read(basic('admin'))).toEqual(malformed);
    expect(read('Basic ')).toEqual(malformed);
  });

  it('are malformed when they are not base64 of the standard alphabet with padding', () => {
    expect(read('Basic dTpw')).toEqual({ kind: 'basic', name: 'u', password: 'p' });
    expect(read('Basic dTpwcA==')).toEqual({ kind: 'basic', name: 'u', password: 'pp' });
    for (const text of [
      'dTpwcA',
      'dTpwcA=',
      'dTp',
      'dT pw',
      'dTpw!',
      'dTpwcB==',
      'dTpö',
      basic('u:???').replace('/', '_'),
    ])
      expect(read(`Basic ${text}`), text).toEqual(malformed);
  });

  it('are malformed when they are not UTF-8', () => {
    expect(read(basic(new Uint8Array([0x75, 0x3a, 0xff])))).toEqual(malformed);
  });

  it('need the scheme in exactly this case', () => {
    expect(read(basic('u:p').replace('Basic', 'basic'))).toEqual(none);
  });
});

describe('anything else', () => {
  it('counts as no credentials', () => {
    expect(read()).toEqual(none);
    expect(read('Digest username="x"')).toEqual(none);
    expect(read('sk_1')).toEqual(none);
    expect(read('', '', 'key=1')).toEqual(none);
  });
});
