import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Plain } from '../../src/core/ports.ts';
import { BadBytes, Decoder, Encoder } from '../../src/store/codec.ts';
import { encodeKey, encodeValue, RecordReader, tableSeed } from '../../src/store/records.ts';
import { readText, textRoom, writeText } from '../../src/store/text.ts';
import { runs, seed } from '../support/seed.ts';

/** Any text that JavaScript can hold: lone surrogates, NUL, anything. */
const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: 'grapheme' }),
  fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 60 }).map((units) => String.fromCharCode(...units)),
  fc
    .array(fc.constantFrom('\ud800', '\udc00', '\udfff', '\ufffd', '\0', 'é', '😀', 'a', ''), { maxLength: 12 })
    .map((parts) => parts.join('')),
);

const { plain } = fc.letrec<{ plain: Plain; leaf: Plain }>((tie) => ({
  leaf: fc.oneof(
    text,
    fc.double(),
    fc.integer(),
    fc.constantFrom(
      -0,
      2 ** 53,
      -(2 ** 31),
      2 ** 31,
      2 ** 32,
      65_535,
      65_536,
      255,
      256,
      127,
      128,
      -32,
      -33,
      Number.NaN,
    ),
    fc.bigInt(),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n }),
    fc.constantFrom(null, true, false),
    fc.uint8Array({ maxLength: 300 }),
  ) as fc.Arbitrary<Plain>,
  plain: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    tie('leaf'),
    fc.array(tie('plain'), { maxLength: 20 }),
    fc.dictionary(fc.oneof(text, fc.constant('__proto__')), tie('plain'), { maxKeys: 20, noNullPrototype: true }),
  ) as fc.Arbitrary<Plain>,
}));

function encode(value: Plain): Buffer {
  const encoder = new Encoder();
  encoder.begin();
  encoder.value(value);
  return Buffer.from(encoder.bytes.subarray(encoder.start, encoder.at));
}

const decode = (bytes: Buffer): Plain => new Decoder().decode(bytes, 0, bytes.length);

describe('text', () => {
  it('comes back as it was, whatever its code units are, and never shares its bytes with another', () => {
    fc.assert(
      fc.property(text, text, (a, b) => {
        const bytes = (t: string): Buffer => {
          const into = Buffer.alloc(textRoom(t));
          return into.subarray(0, writeText(t, into, 0));
        };
        expect(readText(bytes(a), 0, bytes(a).length)).toBe(a);
        const points = (t: string): number[] => [...t].map((c) => c.codePointAt(0) as number);
        const [x, y] = [points(a), points(b)];
        const at = x.findIndex((p, i) => p !== y[i]);
        const order = at < 0 ? x.length - y.length : y[at] === undefined ? 1 : (x[at] as number) - (y[at] as number);
        expect(Math.sign(Buffer.compare(bytes(a), bytes(b)))).toBe(Math.sign(order));
      }),
      { seed, numRuns: runs(2_000) },
    );
  });
});

describe('the codec of values', () => {
  it('gives back exactly what it was given', () => {
    fc.assert(
      fc.property(plain, (value) => {
        expect(decode(encode(value))).toStrictEqual(value);
      }),
      { seed, numRuns: runs(1_000) },
    );
  });

  it('keeps what the usual codec would lose', () => {
    for (const value of [
      '\ud800',
      `${'x'.repeat(5_000)}\udfff`,
      -0,
      2n ** 70n,
      -(2n ** 64n),
      5n,
      JSON.parse('{"__proto__":1}'),
    ])
      expect(decode(encode(value))).toStrictEqual(value);
    for (const length of [31, 32, 85, 86, 255, 256, 21_845, 21_846, 65_535, 65_536, 200_000])
      for (const unit of ['a', 'é', '字']) expect(decode(encode(unit.repeat(length)))).toBe(unit.repeat(length));
  });

  it('leaves members out that are undefined, and refuses what is no plain data', () => {
    expect(decode(encode({ a: 1, b: undefined } as unknown as Plain))).toStrictEqual({ a: 1 });
    expect(() => encode([undefined] as unknown as Plain)).toThrow(TypeError);
    expect(() => encode([() => 1] as unknown as Plain)).toThrow(TypeError);
    let deep: Plain = 1;
    for (let i = 0; i < 600; i++) deep = [deep];
    expect(() => encode(deep)).toThrow(TypeError);
  });

  it('reads any bytes as a value or refuses them, and allocates nothing that they could not fill', () => {
    const survive = (bytes: Buffer): void => {
      try {
        encode(decode(bytes)); // what was read is plain data
      } catch (error) {
        expect(error).toBeInstanceOf(BadBytes);
      }
    };
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => survive(Buffer.from(bytes))),
      { seed, numRuns: runs(3_000) },
    );
    fc.assert(
      fc.property(plain, fc.nat(), fc.nat({ max: 255 }), (value, at, byte) => {
        const bytes = encode(value);
        bytes[at % bytes.length] = byte;
        survive(bytes);
        survive(bytes.subarray(0, at % bytes.length));
      }),
      { seed, numRuns: runs(1_000) },
    );
    for (const head of ['dd7fffffff', 'df7fffffff', 'db7fffffff', 'c67fffffff', 'c97fffffff42', 'dc', 'c9'])
      expect(() => decode(Buffer.from(head, 'hex'))).toThrow(BadBytes);
    expect(() => decode(Buffer.alloc(100_000, 0x91))).toThrow('nested too deeply');
    expect(() => decode(Buffer.from([0xc0, 0xc0]))).toThrow('left over');
  });
});

/** A record as bytes in one piece, and how long its key is. */
function record(table: string, key: string, value: Plain): { bytes: Buffer; keyEnd: number } {
  const encoder = new Encoder();
  const keyEnd = encodeKey(encoder, key);
  encodeValue(encoder, tableSeed(table), key, value);
  return { bytes: Buffer.from(encoder.bytes.subarray(encoder.start, encoder.at)), keyEnd };
}

function read(table: string, bytes: Buffer, keyEnd: number): [string, Plain] {
  const reader = new RecordReader();
  const raw = { page: bytes, keyStart: 0, keyEnd, value: bytes, valueStart: keyEnd, valueEnd: bytes.length };
  reader.read(tableSeed(table), raw);
  return [reader.key, reader.value];
}

const key = fc.oneof(
  text,
  fc.integer({ min: 1_890, max: 1_910 }).map((n) => 'k'.repeat(n)),
  fc.tuple(fc.integer({ min: 600, max: 3_000 }), text).map(([n, tail]) => '€'.repeat(n) + tail),
);

describe('a record', () => {
  it('comes back with its key and value, and no two keys stand in the same place', () => {
    fc.assert(
      fc.property(
        key,
        key,
        fc.oneof(plain, fc.tuple(text, fc.oneof(fc.constant(null), fc.double()))),
        (a, b, value) => {
          const { bytes, keyEnd } = record('t', a, value as Plain);
          expect(read('t', bytes, keyEnd)).toStrictEqual([a, value]);
          expect(keyEnd).toBeGreaterThan(0);
          expect(keyEnd).toBeLessThanOrEqual(1_901);
          const other = record('t', b, value as Plain);
          expect(bytes.subarray(0, keyEnd).equals(other.bytes.subarray(0, other.keyEnd))).toBe(a === b);
        },
      ),
      { seed, numRuns: runs(1_000) },
    );
  });

  it('is refused after any change of one bit, under another key, and in another table', () => {
    for (const [k, value] of [
      ['key', ['some text', null]],
      ['', ['some text', 1_790_000_000_000]],
      ['k'.repeat(2_000), { a: [1, 'two', null] }],
    ] as [string, Plain][]) {
      const { bytes, keyEnd } = record('t', k, value);
      const stride = k.length > 100 ? 7 : 1;
      for (let bit = 0; bit < bytes.length * 8; bit += stride) {
        const flipped = Buffer.from(bytes);
        flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
        expect(() => read('t', flipped, keyEnd)).toThrow(BadBytes);
      }
      expect(() => read('u', bytes, keyEnd)).toThrow('checksum');
      expect(() => read('t', bytes.subarray(0, bytes.length - 1), keyEnd)).toThrow(BadBytes);
      expect(() => read('t', bytes.subarray(0, keyEnd + 3), keyEnd)).toThrow('too short');
    }
  });
});
