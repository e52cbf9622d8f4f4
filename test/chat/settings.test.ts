import { describe, expect, it } from 'vitest';
import { AddressList } from '../../src/chat/cidr.ts';
import { readCron } from '../../src/chat/cron.ts';
import { readEncryptedField } from '../../src/chat/keyring.ts';
import { readPath } from '../../src/chat/paths.ts';
import { readPeriod } from '../../src/chat/period.ts';
import { type RulePath, type ValidationRules, violations } from '../../src/chat/validation.ts';

const at = (text: string): number => Date.parse(`${text}Z`);
const next = (cron: string, from: string): string => {
  const time = readCron(cron)?.next(at(from));
  return time === undefined ? 'no cron' : Number.isFinite(time) ? new Date(time).toISOString().slice(0, 19) : 'never';
};

describe('a cron expression', () => {
  it.each([
    ['0 2 * * *', '2026-11-25T01:59:59', '2026-11-25T02:00:00'],
    ['0 2 * * *', '2026-11-25T02:00:00', '2026-11-26T02:00:00'],
    ['*/15 * * * *', '2026-11-25T10:46:00', '2026-11-25T11:00:00'],
    ['5/20 * * * *', '2026-11-25T10:46:00', '2026-11-25T11:05:00'],
    ['30 4-6 * * *', '2026-11-25T05:30:00', '2026-11-25T06:30:00'],
    ['0 0 1 1 *', '2026-11-25T00:00:00', '2027-01-01T00:00:00'],
    ['0 0 29 2 *', '2026-11-25T00:00:00', '2028-02-29T00:00:00'],
    ['0 0 30 2 *', '2026-11-25T00:00:00', 'never'],
    ['0 0 31 * *', '2026-11-30T12:00:00', '2026-12-31T00:00:00'],
    ['0 12 * * mon-fri', '2026-11-27T12:00:00', '2026-11-30T12:00:00'],
    ['0 12 * * 7', '2026-11-25T00:00:00', '2026-11-29T12:00:00'],
    ['0 12 1 * sun', '2026-11-25T00:00:00', '2026-11-29T12:00:00'],
    ['0 12 * jan,MAR ?', '2026-11-25T00:00:00', '2027-01-01T12:00:00'],
    ['*/10 * * * * *', '2026-11-25T00:00:01', '2026-11-25T00:00:10'],
    ['15 30 8 * * *', '2026-11-25T08:30:15', '2026-11-26T08:30:15'],
    ['@daily', '2026-12-31T23:59:59', '2027-01-01T00:00:00'],
    ['@hourly', '2026-12-31T23:59:59', '2027-01-01T00:00:00'],
    ['  0   2  *  * * ', '2026-11-25T00:00:00', '2026-11-25T02:00:00'],
  ])('%j after %s comes at %s', (cron, from, time) => expect(next(cron, from)).toBe(time));

  it.each([
    '',
    '* * * *',
    '* * * * * * *',
    '60 * * * *',
    '* 24 * * *',
    '* * 0 * *',
    '* * * 13 *',
    '* * * * 8',
    '5-2 * * * *',
    '*/0 * * * *',
    'x * * * *',
    '*-5 * * * *',
    '1,,2 * * * *',
    '@never',
  ])('%j is refused', (cron) => expect(readCron(cron)).toBeUndefined());

  it('matches a field by field search over a year', () => {
    const cron = readCron('7 */6 10,20 * 3');
    const end = at('2027-11-25T00:00:00');
    const found: number[] = [];
    for (let time = at('2026-11-25T00:00:00'); time < end; time = found[found.length - 1] ?? end) {
      const following = cron?.next(time) ?? end;
      if (following >= end) break;
      found.push(following);
    }
    const searched: number[] = [];
    for (let time = at('2026-11-25T00:00:00') + 60_000; time < end; time += 60_000) {
      const date = new Date(time);
      const day = [10, 20].includes(date.getUTCDate()) || date.getUTCDay() === 3;
      if (date.getUTCMinutes() === 7 && date.getUTCHours() % 6 === 0 && day) searched.push(time);
    }
    expect(found).toEqual(searched);
  });
});

describe('a period', () => {
  it.each([
    ['30d', 30 * 86_400_000],
    ['720h', 720 * 3_600_000],
    ['1h30m', 5_400_000],
    ['1.5h', 5_400_000],
    ['250ms', 250],
  ])('%s is %d ms', (text, ms) => expect(readPeriod(text)).toBe(ms));

  it.each(['', '30', 'd', '-1h', '1h 30m', '1w'])('%j is refused', (text) => expect(readPeriod(text)).toBeUndefined());
});

describe('a list of addresses', () => {
  const list = (...entries: string[]): AddressList => {
    const read = AddressList.read(entries);
    if (typeof read === 'string') throw new Error(`not read: ${read}`);
    return read;
  };

  it('lets everybody in when it is empty', () => expect(list().allows('203.0.113.9')).toBe(true));

  it.each([
    ['10.1.2.3', '10.1.2.3', true],
    ['10.1.2.3', '10.1.2.4', false],
    ['10.0.0.0/8', '10.255.0.1', true],
    ['10.0.0.0/8', '11.0.0.1', false],
    ['10.1.2.3', '::ffff:10.1.2.3', true],
    ['10.0.0.0/8', '0000:0000:0000:0000:0000:ffff:0a01:0203', true],
    ['::ffff:10.0.0.0/104', '10.9.9.9', true],
    ['::ffff:10.0.0.0/104', '11.9.9.9', false],
    ['2001:db8::/32', '2001:db8:5::1', true],
    ['2001:db8::/32', '2001:db9::1', false],
    ['::1', '0:0:0:0:0:0:0:1', true],
    ['0.0.0.0/0', '198.51.100.7', true],
    ['10.1.2.3', 'not an address', false],
    ['10.1.2.3', '', false],
  ])('with %s answers %s by %s', (entry, address, allowed) => expect(list(entry).allows(address)).toBe(allowed));

  it.each(['10.0.0.0/33', '10.0.0', '10.0.0.0/', '10.0.0.0/8/8', 'fe80::/129', '::ffff:10.0.0.0/90', 'localhost', ''])(
    'names the entry %j that is none',
    (entry) => expect(AddressList.read(['127.0.0.1', entry])).toBe(entry),
  );

  it('takes blanks around entries', () => expect(list(' 127.0.0.1 ', '10.0.0.0/8').allows('127.0.0.1')).toBe(true));
});

describe('validation rules', () => {
  const path = (text: string): RulePath => ({ text, path: readPath(text) ?? [] });
  const none: ValidationRules = { required: [], types: [], maxLengths: [], enums: [], whenThen: [] };
  const rules: ValidationRules = {
    required: [path('body.text'), path('role')],
    types: [
      { at: path('body.text'), type: 'string' },
      { at: path('body.items'), type: 'array' },
      { at: path('body.n'), type: 'number' },
    ],
    maxLengths: [
      { at: path('body.text'), max: 4 },
      { at: path('body.items'), max: 1 },
    ],
    enums: [{ at: path('role'), values: ['user', 'assistant'] }],
    whenThen: [{ when: path('body.kind'), equals: 'image', required: [path('body.url'), path('body.items.*.alt')] }],
  };
  const check = (body: unknown, role = 'user'): string[] =>
    violations(rules, { id: 'm', thread: 't', author: 'a', role, ts: 1n, body });

  it('say nothing about a message that obeys', () => {
    expect(check({ text: 'hé', items: [1], n: 5n })).toEqual([]);
    expect(violations(none, { body: null })).toEqual([]);
  });

  it('are told in one fixed order', () => {
    expect(check({ items: [{}, {}], n: 'x', kind: 'image' }, 'robot')).toEqual([
      'required path missing: body.text',
      'type mismatch at body.n: expected number',
      'max length exceeded at body.items: 2 > 1',
      'invalid enum at role',
      'required by rule (when body.kind == image): body.url',
      'required by rule (when body.kind == image): body.items.*.alt',
    ]);
  });

  it('count the bytes of a text and look at the first item for a star', () => {
    expect(check({ text: 'ééé' })).toEqual(['max length exceeded at body.text: 6 > 4']);
    expect(check({ text: 'x', kind: 'image', url: 'u', items: [{ alt: 'a' }] })).toEqual([]);
    expect(check({ text: null })).toEqual([
      'required path missing: body.text',
      'type mismatch at body.text: expected string',
    ]);
  });
});

describe('fields to encrypt', () => {
  it('lie within the body', () => {
    expect(readEncryptedField('body')).toEqual([]);
    expect(readEncryptedField('body.text')).toEqual(['text']);
    expect(readEncryptedField('author')).toBeUndefined();
    expect(readEncryptedField('bodys')).toBeUndefined();
    expect(readEncryptedField('body.')).toBeUndefined();
  });
});
