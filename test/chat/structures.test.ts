import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Directory } from '../../src/chat/directory.ts';
import { jsonText } from '../../src/chat/json-text.ts';
import { Nanos } from '../../src/chat/nanos.ts';
import { reach, readPath, replaceAt, valueAt } from '../../src/chat/paths.ts';
import { afterVersion, fromObject, NO_REACTIONS, reactionOf, withReaction } from '../../src/chat/reactions.ts';
import { readRecordKey, recordKey } from '../../src/chat/record-key.ts';
import { defaultTitle, lower, slugOf } from '../../src/chat/text.ts';
import { JsonFloat } from '../../src/core/json.ts';
import { runs, seed } from '../support/seed.ts';

describe('a directory', () => {
  it('finds, walks and forgets like a map of numbers', () => {
    const numbers = fc.array(fc.record({ skip: fc.integer({ min: 1, max: 3000 }), gone: fc.boolean() }), {
      maxLength: 60,
    });
    fc.assert(
      fc.property(
        numbers,
        fc.integer({ min: 0, max: 200_000 }),
        fc.integer({ min: 0, max: 20 }),
        (steps, from, count) => {
          const directory = new Directory<{ no: number }>();
          const model = new Map<number, { no: number }>();
          let no = 0;
          for (const { skip } of steps) {
            no += skip;
            directory.add(no, { no });
            model.set(no, directory.get(no) as { no: number });
          }
          for (const [at, key] of [...model.keys()].entries()) {
            if (steps[at]?.gone) {
              directory.delete(key);
              model.delete(key);
            }
          }
          const sorted = [...model.keys()];
          expect(directory.size).toBe(model.size);
          expect(directory.last).toBe(no);
          expect(sorted.every((key) => directory.get(key)?.no === key)).toBe(true);
          expect(directory.get(from)).toBe(model.get(from));
          expect(directory.above(from, count).map((item) => item.no)).toEqual(
            sorted.filter((key) => key > from).slice(0, count),
          );
          expect(directory.below(from, count).map((item) => item.no)).toEqual(
            sorted
              .filter((key) => key < from)
              .reverse()
              .slice(0, count),
          );
          expect(directory.seek((item) => item.no >= from)?.no).toBe(sorted.find((key) => key >= from));
        },
      ),
      { seed, numRuns: runs(200) },
    );
  });
});

describe('nanoseconds', () => {
  it('ascend within a millisecond, through a full one, and when the clock is set back', () => {
    const nanos = new Nanos();
    const first = nanos.next(1_790_000_000_000);
    expect(first).toBe(1_790_000_000_000_000_000n);
    expect(nanos.next(1_790_000_000_000)).toBe(first + 1n);
    expect(nanos.next(1_780_000_000_000)).toBe(first + 2n);
    nanos.seen(first + 999_999n);
    expect(nanos.next(1_790_000_000_000)).toBe(first + 1_000_000n);
    nanos.seen(5n);
    expect(nanos.next(1_790_000_000_001)).toBe(first + 1_000_001n);
  });
});

describe('slugs and titles', () => {
  it.each([
    ['  Héllo, Wörld!! 2 ', 'h-llo-w-rld-2-id'],
    ['Trip plan!', 'trip-plan-id'],
    ['--A__b..C  9/8--', 'a-b-c-9-8-id'],
    ['日本', 't-id'],
    ['!?', 't-id'],
    ['   ', 't-id'],
    ['\u0130stanbul', 'istanbul-id'],
    ['300 \u212a', '300-k-id'],
    ['École de Paris', 'cole-de-paris-id'],
    ['<script>alert("x")</script> & \'more\' \\ /', 'script-alert-x-script-more-id'],
  ])('make a slug of %j', (title, slug) => expect(slugOf(title, 'id')).toBe(slug));

  it('number the default title behind the threads that are stored', () =>
    expect(defaultTitle(5)).toBe('New Thread #6'));

  it('compare letters of other scripts without case', () => {
    expect(lower('ПРИВЕТ')).toBe('привет');
    expect(lower('ΟΔΟΣ')).toBe(lower('οδοσ'));
  });
});

describe('the text of a JSON value', () => {
  it.each<[unknown, string]>([
    [
      { z: 1, a: [true, null, 'x'], é: 0, '\ud83d\ude00': 1, '\uffff': 2 },
      '{"a":[true,null,"x"],"z":1,"é":0,"\uffff":2,"😀":1}',
    ],
    ['<b>&\u2028\u2029"\\\n\u0001', '"\\u003cb\\u003e\\u0026\\u2028\\u2029\\"\\\\\\n\\u0001"'],
    ['a\ud800b', '"a\ufffdb"'],
    ['\udc00\ud800', '"\ufffd\ufffd"'],
    [12345678901234567890n, '12345678901234567000'],
    [new JsonFloat(1), '1'],
    [new JsonFloat(-0), '-0'],
    [1e21, '1e+21'],
    [1e-7, '1e-7'],
    [0.1, '0.1'],
    [{ '<': '>' }, '{"\\u003c":"\\u003e"}'],
  ])('is what the reference prints (%#)', (value, text) => expect(jsonText(value)).toBe(text));

  it('parses to the value again, whatever it is', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = jsonText(value);
        expect(jsonText(JSON.parse(text))).toBe(text);
        expect(text).not.toMatch(/[<>&\u2028\u2029]/);
      }),
      { seed, numRuns: runs(300) },
    );
  });
});

describe('paths', () => {
  const value = { a: { b: [{ c: 1 }, { c: 2, d: 3 }], '0': 'zero' }, e: null };

  it('lead to values, the star to the first item', () => {
    expect(valueAt(value, ['a', 'b', '1', 'c'])).toBe(2);
    expect(valueAt(value, ['a', 'b', '*', 'c'])).toBe(1);
    expect(valueAt(value, ['a', '0'])).toBe('zero');
    expect(valueAt(value, ['e'])).toBe(null);
    expect(valueAt(value, ['a', 'b', 'length'])).toBeUndefined();
    expect(valueAt(value, ['a', 'toString'])).toBeUndefined();
    expect(valueAt(value, ['e', 'x'])).toBeUndefined();
  });

  it('reach all items by a star', () => {
    expect(reach(value, ['a', 'b', '*', 'c'])).toEqual([
      ['a', 'b', '0', 'c'],
      ['a', 'b', '1', 'c'],
    ]);
    expect(reach(value, ['a', 'b', '*', 'd'])).toEqual([['a', 'b', '1', 'd']]);
    expect(reach(value, ['x', '*'])).toEqual([]);
    expect(reach(value, [])).toEqual([[]]);
  });

  it('replace what they lead to, also under names that objects inherit', () => {
    const root: unknown = JSON.parse('{"__proto__":{"x":1},"a":[1,2]}');
    expect(JSON.stringify(replaceAt(root, ['__proto__', 'x'], 5))).toBe('{"__proto__":{"x":5},"a":[1,2]}');
    expect(JSON.stringify(replaceAt(root, ['__proto__'], null))).toBe('{"__proto__":null,"a":[1,2]}');
    expect(replaceAt(root, ['a', '1'], 'x')).toEqual(root);
    expect(replaceAt(root, [], 7)).toBe(7);
  });

  it('have no empty segments', () => {
    expect(readPath('a..b')).toBeUndefined();
    expect(readPath('')).toBeUndefined();
    expect(readPath('a.*.0')).toEqual(['a', '*', '0']);
  });
});

describe('reactions', () => {
  it('behave like an object whose members are sorted by their bytes', () => {
    const step = fc.record({
      id: fc.constantFrom('a', 'b', 'zoë', '日本', '\ud83d\ude00', '\uffee'),
      reaction: fc.constantFrom('', 'x', 'y'),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        let list = NO_REACTIONS;
        const model: Record<string, string> = {};
        for (const one of steps) {
          list = withReaction(list, one);
          if (one.reaction === '') delete model[one.id];
          else model[one.id] = one.reaction;
          expect(reactionOf(list, one.id)).toBe(one.reaction);
        }
        expect(list).toEqual(fromObject(model));
        expect(jsonText(Object.fromEntries(list.map(({ id, reaction }) => [id, reaction])))).toBe(jsonText(model));
        expect(afterVersion(NO_REACTIONS, list)).toBe(list);
      }),
      { seed, numRuns: runs(200) },
    );
  });
});

describe('record keys', () => {
  it('sort as their numbers do and can be read back', () => {
    const number = fc.integer({ min: 0, max: 2 ** 40 });
    fc.assert(
      fc.property(number, number, number, number, (a, b, c, d) => {
        const one = recordKey(a, b);
        const two = recordKey(c, d);
        expect(readRecordKey(one)).toEqual({ thread: a, no: b });
        expect(Math.sign(one < two ? -1 : one > two ? 1 : 0)).toBe(Math.sign(a - c || b - d));
      }),
      { seed, numRuns: runs(200) },
    );
  });
});
