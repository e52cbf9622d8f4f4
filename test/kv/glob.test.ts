/** Globs over keys (synap-core.md 8.1-2). */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LIMITS } from '../../src/core/limits.ts';
import { glob } from '../../src/kv/glob.ts';
import { runs, seed } from '../support/seed.ts';
import { refusal } from './support.ts';

const fits = (pattern: string, key: string): boolean => glob(pattern)?.(key) ?? true;

describe('a glob', () => {
  it.each([
    ['a*', 'abc', 'bac'],
    ['*c', 'abc', 'abd'],
    ['a*c', 'ac', 'a'],
    ['a*b*c', 'axbxbxc', 'axcxb'],
    ['aba*aba', 'abaaba', 'ababa'],
    ['h?llo', 'hello', 'hllo'],
    ['?', '😀', ''],
    ['*?', '😀', ''],
    ['*??😀', 'a漢😀', '漢😀'],
    ['[a-c]x', 'bx', 'dx'],
    ['[c-a]x', 'bx', 'dx'],
    ['[^a-c]x', 'dx', 'bx'],
    ['[а-я]*', 'ключ', 'key'],
    ['[\\]]', ']', '\\'],
    ['[a\\-c]', '-', 'b'],
    ['[a-]', '-', 'b'],
    ['[^]', 'a', 'ab'],
    ['[ab', 'b', '[ab'],
    ['a\\*b', 'a*b', 'axb'],
    ['a\\', 'a\\', 'a'],
    ['user:[0-9]?:*', 'user:12:x', 'user:x2:x'],
    ['*[0-9]-?*z', '.5-az', '.5-'],
    ['', '', 'a'],
  ])('%s fits %j and not %j', (pattern, yes, no) => {
    expect([fits(pattern, yes), fits(pattern, no)]).toEqual([true, false]);
  });

  it('of an empty class fits nothing', () => {
    expect([fits('[]', ''), fits('[]', ']'), fits('*[]*', 'abc')]).toEqual([false, false, false]);
  });

  it('of stars alone filters nothing', () => {
    expect([glob('*'), glob('***')]).toEqual([undefined, undefined]);
  });

  it('agrees with the regular expression that says the same', () => {
    const unit = fc.constantFrom('a', 'b', '😀');
    const piece = fc.oneof(
      unit.map((character) => [character, character] as const),
      fc.constantFrom(['*', '[^]*'], ['?', '[^]'], ['[ab]', '[ab]'], ['[^a]', '[^a]'], ['\\*', '\\*']),
    );
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 7 }),
        fc.string({ unit: fc.oneof(unit, fc.constant('*')), maxLength: 9 }),
        (pieces, key) => {
          const expression = new RegExp(`^${pieces.map(([, source]) => source).join('')}$`, 'u');
          expect(fits(pieces.map(([source]) => source).join(''), key)).toBe(expression.test(key));
        },
      ),
      { seed, numRuns: runs(5_000) },
    );
  });

  it('takes time in proportion to key and pattern, not to their combinations', () => {
    const pattern = `${'*a'.repeat(30)}*b`;
    const key = 'a'.repeat(100_000);
    expect(fits(pattern, key)).toBe(false);
    expect(fits(`*${'?'.repeat(LIMITS.globWildcards - 1)}[^a]`, key)).toBe(false);
  });

  it('is refused over its caps', () => {
    expect(refusal(() => glob('?'.repeat(LIMITS.globWildcards + 1)))).toMatch(/^Invalid value: pattern has more than/);
    expect(refusal(() => glob('a'.repeat(LIMITS.globLength + 1)))).toMatch(/^Invalid value: pattern is longer than/);
    expect(fits('a'.repeat(LIMITS.globLength), 'a'.repeat(LIMITS.globLength))).toBe(true);
  });
});
