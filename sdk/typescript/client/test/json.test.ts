/** JSON in which integers of 64 bits survive. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { runs, seed } from '../../../../test/support/seed.ts';
import { parse, stringify } from '../src/json.ts';

it('any value comes back as it was, with integers of any size', () => {
  const { value } = fc.letrec((tie) => ({
    leaf: fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.boolean(),
      fc.constant(null),
      fc.maxSafeInteger(),
      fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n }),
      fc.bigInt({ min: -(2n ** 63n), max: -(2n ** 53n) }),
      fc.constantFrom('"12345678901234567890"', '\\', '[{,}]', '1234567890123456789'),
    ),
    value: fc.oneof(
      { depthSize: 'small' },
      tie('leaf'),
      fc.array(tie('value')),
      fc.dictionary(fc.oneof(fc.string(), fc.constant('__proto__')), tie('value')),
    ),
  }));
  fc.assert(
    fc.property(value, (given) => {
      expect(parse(stringify(given))).toEqual(plain(given));
    }),
    { seed, numRuns: runs(500) },
  );
});

/** Dictionaries of the generator may have no prototype. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  const members: Record<string, unknown> = {};
  for (const [name, member] of Object.entries(value))
    Object.defineProperty(members, name, {
      value: plain(member),
      enumerable: true,
      configurable: true,
      writable: true,
    });
  return members;
}

it('blanks, fractions and exponents are read as ever', () => {
  const text = ' { "a" : [ 1.5 , 1e3 , -12345678901234567890 , 0.12345678901234567 ] , "b" : { } , "c" : [ ] } ';
  expect(parse(text)).toEqual({ a: [1.5, 1000, -12345678901234567890n, 0.12345678901234566], b: {}, c: [] });
  expect(() => parse('{"a":12345678901234567890')).toThrow(SyntaxError);
});

it('what says how it is printed is asked, and what is undefined is left out', () => {
  const date = new Date(0);
  expect(stringify({ a: 2n ** 60n, b: undefined, c: [undefined, date] })).toBe(
    `{"a":1152921504606846976,"c":[null,${JSON.stringify(date)}]}`,
  );
  const ring: unknown[] = [];
  ring.push(ring);
  expect(() => stringify(ring)).toThrow(TypeError);
});
