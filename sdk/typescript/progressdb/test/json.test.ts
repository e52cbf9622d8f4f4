import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseExact, print } from '../src/json.ts';

describe('exact JSON', () => {
  it('reads timestamps of records as bigint, and bodies as they are', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.jsonValue(), (ts, json) => {
        const body = { ts: 12345678901234568, at: 1234567890123456.5, json: JSON.parse(JSON.stringify(json)) };
        const [text, nested] = [JSON.stringify(body), JSON.stringify(`{"ts":${ts}}`)];
        const record = `{"id":${nested},"ts":${ts},"body":${text},"reactions":{"ts":"x"}}`;
        const read = { id: `{"ts":${ts}}`, ts, body, reactions: { ts: 'x' } };
        expect(parseExact(record)).toEqual(read);
        expect(parseExact(`{"seq":1, "at" : ${ts},"message":${record}}`)).toEqual({ seq: 1, at: ts, message: read });
        expect(parseExact(`{"messages":[${record},${record}]}`)).toEqual({ messages: [read, read] });
      }),
    );
  });

  it('refuses what is none', () => {
    expect(() => parseExact('{"ts":1757600000500000901')).toThrow(SyntaxError);
  });

  it('prints members that are bigint in full', () => {
    expect(print({ ts: 1757600000500000901n, body: { a: 1 }, role: undefined })).toBe(
      '{"ts":1757600000500000901,"body":{"a":1}}',
    );
    expect(print({ ts: 5, role: null })).toBe('{"ts":5,"role":null}');
  });
});
