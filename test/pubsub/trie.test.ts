/** The trie of patterns against qlobber, against a naive matcher, and through random additions and removals. */
import fc from 'fast-check';
import { Qlobber } from 'qlobber';
import { describe, expect, test } from 'vitest';
import { CommandError } from '../../src/core/errors.ts';
import { seededIds } from '../../src/core/ids.ts';
import { PubSubEngine } from '../../src/pubsub/engine.ts';
import { Trie } from '../../src/pubsub/trie.ts';
import { runs, seed } from '../support/seed.ts';
import { patternMatches, subscriptionMatches } from './naive.ts';

const literal = fc.constantFrom('', 'a', 'b', 'ab', 'a#', '#a', 'c');
const topic = fc.array(literal, { minLength: 1, maxLength: 6 }).map((levels) => levels.join('.'));
const wholeLevels = fc
  .tuple(fc.array(fc.oneof(literal, fc.constant('*')), { maxLength: 5 }), fc.constantFrom('', 'a', '*', '#', '#'))
  .map(([levels, last]) => [...levels, last].join('.'));

/** Texts over two letters: a matcher that is wrong about overlaps and orders meets them at once. */
const globLevel = fc.array(fc.constantFrom('a', 'b', '*'), { maxLength: 8 }).map((units) => units.join(''));
const plainLevel = fc.array(fc.constantFrom('a', 'b'), { maxLength: 10 }).map((units) => units.join(''));
const first = fc.constantFrom('', '', '_', '__', '__w', '__*');
const globPattern = fc
  .tuple(first, fc.array(globLevel, { minLength: 1, maxLength: 3 }), fc.constantFrom('', '', '.#', '.*'))
  .map(([begin, levels, end]) => `${begin}${levels.join('.')}${end}`);
const plainTopic = fc
  .tuple(fc.constantFrom('', '', '_', '__', '__w'), fc.array(plainLevel, { minLength: 1, maxLength: 4 }))
  .map(([begin, levels]) => `${begin}${levels.join('.')}`);

const filled = (patterns: Iterable<string>): Trie<string> => {
  const trie = new Trie<string>();
  for (const pattern of patterns) trie.add(pattern, pattern);
  return trie;
};
const sorted = (texts: Iterable<string>): string[] => [...texts].sort();

describe('whole-level wildcards', () => {
  test('match what qlobber matches', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(wholeLevels, { maxLength: 40 }),
        fc.array(topic, { maxLength: 20 }),
        (patterns, topics) => {
          const trie = filled(patterns);
          const qlobber = new Qlobber<string>({
            separator: '.',
            wildcard_one: '*',
            wildcard_some: '#',
            match_empty_levels: true,
          });
          for (const pattern of patterns) qlobber.add(pattern, pattern);
          for (const each of topics) expect(sorted(trie.match(each))).toEqual(sorted(new Set(qlobber.match(each))));
        },
      ),
      { seed, numRuns: runs(1500) },
    );
  });

  test('match what qlobber matches while patterns come and go', () => {
    const step = fc.record({ pattern: wholeLevels, add: fc.boolean(), topic });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const trie = new Trie<string>();
        const held = new Set<string>();
        const qlobber = new Qlobber<string>({
          separator: '.',
          wildcard_one: '*',
          wildcard_some: '#',
          match_empty_levels: true,
        });
        for (const { pattern, add, topic: probe } of steps) {
          if (add && !held.has(pattern)) {
            trie.add(pattern, pattern);
            qlobber.add(pattern, pattern);
            held.add(pattern);
          } else if (held.delete(pattern)) {
            trie.delete(pattern);
            qlobber.remove(pattern, pattern);
          }
          expect(sorted(trie.match(probe))).toEqual(sorted(new Set(qlobber.match(probe))));
          expect(trie.check()).toEqual([]);
          expect(trie.size).toBe(held.size);
        }
      }),
      { seed, numRuns: runs(300) },
    );
  });
});

describe('in-level globs', () => {
  test('match what a naive matcher matches, internal topics included', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(globPattern, { maxLength: 60 }),
        fc.array(plainTopic, { maxLength: 20 }),
        (patterns, topics) => {
          const trie = filled(patterns);
          expect(trie.check()).toEqual([]);
          for (const each of topics) {
            const expected = patterns.filter((pattern) => patternMatches(pattern, each));
            expect(sorted(trie.match(each))).toEqual(sorted(expected));
            expect(trie.matches(each)).toBe(expected.length > 0);
          }
        },
      ),
      { seed, numRuns: runs(1500) },
    );
  });

  test('match what a naive matcher matches when many pieces follow one pair of anchors', () => {
    const glob = fc.array(globLevel, { minLength: 1, maxLength: 3 }).map((pieces) => `a*${pieces.join('*')}*b`);
    fc.assert(
      fc.property(
        fc.uniqueArray(glob, { minLength: 10, maxLength: 80 }),
        fc.array(plainLevel, { maxLength: 20 }),
        (globs, levels) => {
          const trie = filled(globs);
          for (const level of levels.map((each) => `a${each}b`)) {
            expect(sorted(trie.match(level))).toEqual(sorted(globs.filter((each) => patternMatches(each, level))));
          }
        },
      ),
      { seed, numRuns: runs(500) },
    );
  });

  test('leave nothing behind when they come and go', () => {
    const step = fc.record({ pattern: globPattern, add: fc.boolean(), again: fc.nat(20) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), plainTopic, (steps, probe) => {
        const trie = new Trie<string>();
        const held: string[] = [];
        for (const { pattern, add, again } of steps) {
          if (add && !held.includes(pattern)) {
            trie.add(pattern, pattern);
            held.push(pattern);
          } else if (held.length > 0) {
            const [gone] = held.splice(again % held.length, 1) as [string];
            trie.delete(gone);
          }
          expect(trie.check()).toEqual([]);
          expect(sorted(trie.match(probe))).toEqual(sorted(held.filter((each) => patternMatches(each, probe))));
        }
        for (const each of held) trie.delete(each);
        expect(trie.size).toBe(0);
        expect(trie.check()).toEqual([]);
      }),
      { seed, numRuns: runs(300) },
    );
  });

  test('visit each path once, however many ways the stars could be filled', () => {
    const trie = filled([`${'*a'.repeat(5_000)}*b`, `${'*ab'.repeat(5_000)}`]);
    const before = trie.visited;
    expect(trie.match('a'.repeat(20_000))).toEqual([]);
    expect(trie.match(`${'a'.repeat(20_000)}b`)).toHaveLength(1);
    expect(trie.visited - before).toBeLessThan(20_000);
  });
});

test('a match can stop at the first pattern found', () => {
  const trie = filled(['#', 'a.#', 'a.*', '*.b']);
  expect(trie.match('a.b')).toHaveLength(4);
  expect(trie.match('a.b', 1)).toHaveLength(1);
  expect(trie.match('a.b')).toHaveLength(4);
});

test('any text at all is refused as a pattern or matched as the naive matcher does', () => {
  const unit = fc.oneof(
    fc.constantFrom('.', '*', '#', '_', 'a', 'a'),
    fc.string({ unit: 'binary', maxLength: 1 }),
    fc.constantFrom('\ud800', '\udc00'),
  );
  const text = fc.array(unit, { maxLength: 12 }).map((units) => units.join(''));
  fc.assert(
    fc.property(fc.uniqueArray(text, { maxLength: 30 }), fc.array(text, { maxLength: 10 }), (texts, topics) => {
      const engine = new PubSubEngine(seededIds(1));
      const held = texts.filter((each) => {
        try {
          engine.subscribe([each], { subscriberId: `id ${each}` }, 0);
          return true;
        } catch (error) {
          expect(error).toBeInstanceOf(CommandError);
          expect(each).toMatch(/(^|\.)#\./);
          return false;
        }
      });
      for (const each of [...topics, ...texts].filter((name) => name !== ''))
        expect(sorted(engine.matching(each).map((receiver) => receiver.id))).toEqual(
          sorted(held.filter((stored) => subscriptionMatches(stored, each)).map((stored) => `id ${stored}`)),
        );
      for (const each of held) engine.unsubscribe(`id ${each}`);
      expect(engine.check()).toEqual([]);
      expect(engine.stats().totalSubscribers).toBe(0);
    }),
    { seed, numRuns: runs(200) },
  );
});
