/** What is JSON, what is not, and that numbers survive (synap-core.md 1.4, 1.7-4). */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CommandError } from '../../src/core/errors.ts';
import { canonical, floatText, JsonFloat, print, RawJson } from '../../src/core/json.ts';
import { decodeText, parseJson } from '../../src/wire/json.ts';
import { runs, seed } from '../support/seed.ts';

const refusal = (text: string): string => {
  try {
    parseJson(text);
    return 'accepted';
  } catch (error) {
    return (error as CommandError).code;
  }
};

describe('reading', () => {
  it('keeps integers of 64 bits exactly and takes larger ones as floats', () => {
    expect(parseJson('[9223372036854775807,18446744073709551615,-9223372036854775808,18446744073709551616]')).toEqual([
      9223372036854775807n,
      18446744073709551615n,
      -9223372036854775808n,
      new JsonFloat(2 ** 64),
    ]);
  });

  it('tells a whole float from an integer', () => {
    expect(parseJson('[1.0,1e3,-0,1,0.5]')).toEqual([new JsonFloat(1), new JsonFloat(1000), new JsonFloat(-0), 1, 0.5]);
  });

  it('refuses what the reference refuses', () => {
    for (const text of [
      '',
      'nope',
      '{"a":1',
      '[1,]',
      '1 2',
      '\ufeff{}',
      '"\t"',
      '"\\ud800"',
      '{"\\udc00":1}',
      '1e999',
      '[-1e999]',
    ])
      expect([text, refusal(text)]).toEqual([text, 'BAD_JSON']);
  });

  it('accepts a surrogate pair, written out or escaped', () => {
    expect(parseJson('["\\ud83d\\ude00","😀"]')).toEqual(['😀', '😀']);
  });

  it('accepts 127 levels of nesting and refuses one more, however deep', () => {
    const nested = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);
    expect(refusal(nested(127))).toBe('accepted');
    expect(refusal(nested(128))).toBe('BAD_JSON');
    expect(refusal(nested(100_000))).toBe('BAD_JSON');
    expect(refusal(`${'{"a":'.repeat(128)}1.0${'}'.repeat(128)}`)).toBe('BAD_JSON');
  });

  it('lets the last of two equal members win, also when numbers have to be read exactly', () => {
    expect(parseJson('{"a":1,"a":2}')).toEqual({ a: 2 });
    expect(parseJson('{"a":1.0,"a":null}')).toEqual({ a: null });
  });

  it('takes names that mean something to JavaScript as plain members', () => {
    for (const text of ['{"__proto__":{"x":1}}', '{"__proto__":{"x":1.0}}']) {
      const value = parseJson(text) as object;
      expect(Object.keys(value)).toEqual(['__proto__']);
      expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    }
  });

  it('refuses bytes that are not UTF-8 and accepts a replacement character that was sent', () => {
    expect(() => decodeText(Buffer.from([0x22, 0xff, 0x22]))).toThrow(CommandError);
    expect(decodeText(Buffer.from('"\ufffd"'))).toBe('"\ufffd"');
  });

  it('reads digit strings of any length without choking', () => {
    expect(parseJson(`[${'9'.repeat(300)}]`)).toEqual([new JsonFloat(1e300)]);
  });
});

describe('printing', () => {
  it('prints floats as the reference does', () => {
    const cases: [number, string][] = [
      [1, '1.0'],
      [1e15, '1000000000000000.0'],
      [1e-5, '0.00001'],
      [1e16, '1e+16'],
      [1.2345678901234568e17, '1.2345678901234568e+17'],
      [1e-6, '1e-6'],
      [5e-324, '5e-324'],
      [1.5e-5, '0.000015'],
      [-0, '-0.0'],
      [1e21, '1e+21'],
      [0.1, '0.1'],
      [-2.5e-5, '-0.000025'],
    ];
    for (const [value, text] of cases) expect(floatText(value)).toBe(text);
  });

  it('sorts members at every depth by the bytes of their names', () => {
    expect(canonical(parseJson('{"b":[{"z":1,"a":1.0}],"a":null,"\\uffff":1,"😀":2}'))).toBe(
      '{"a":null,"b":[{"a":1.0,"z":1}],"\uffff":1,"😀":2}',
    );
  });

  it('splices raw text and leaves undefined members out', () => {
    expect(print({ a: new RawJson('[1.0]'), b: undefined, c: 2n ** 63n })).toBe('{"a":[1.0],"c":9223372036854775808}');
  });

  it('gives back every JSON value that was read', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = canonical(parseJson(JSON.stringify(value)));
        expect(canonical(parseJson(text))).toBe(text);
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
      }),
      { seed, numRuns: runs(500) },
    );
  });
});
