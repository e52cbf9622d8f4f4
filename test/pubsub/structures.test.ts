/** The maps and trees under the engine, each against the plain structure it stands for. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { NameMap } from '../../src/pubsub/names.ts';
import { own, reversed } from '../../src/pubsub/text.ts';
import { TextTree } from '../../src/pubsub/text-tree.ts';
import { Topics } from '../../src/pubsub/topics.ts';
import { runs, seed } from '../support/seed.ts';

describe('a map of names', () => {
  test('answers as a Map does while it grows from one entry to many and shrinks to none', () => {
    const names = new NameMap<number>();
    const model = new Map<string, number>();
    const agree = (name: string): void => expect(names.get(name)).toBe(model.get(name));
    const count = 40_000;
    for (let i = 0; i < count; i++) {
      names.add(`user.${i}`, i);
      model.set(`user.${i}`, i);
      if (i % 97 === 0 || i < 5) {
        agree(`user.${i}`);
        agree(`user.${i >> 1}`);
        agree(`user.${i + 1}`);
        expect(names.size).toBe(model.size);
      }
    }
    expect([...names.values()].sort((a, b) => a - b)).toEqual([...model.values()]);
    for (let i = 0; i < count; i++) {
      expect(names.delete(`user.${i}`)).toBe(true);
      if (i % 97 === 0 || i > count - 5) {
        expect(names.delete(`user.${i}`)).toBe(false);
        expect(names.get(`user.${i}`)).toBeUndefined();
        expect(names.size).toBe(count - i - 1);
      }
    }
    expect([...names.values()]).toEqual([]);
    names.add('', 1);
    expect(names.get('')).toBe(1);
  });
});

test('listed topics are cut off by number and by bytes, except that the first always comes', () => {
  const topics = new Topics();
  for (const each of ['é', 'b', 'a']) topics.make(each, 0);
  expect(topics.names(2, 1e9)).toEqual(['a', 'b']);
  expect(topics.names(3, 4)).toEqual(['a', 'b', 'é']);
  expect(topics.names(3, 3)).toEqual(['a', 'b']);
  expect(topics.names(3, 0)).toEqual(['a']);
});

describe('a tree of texts', () => {
  const text = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 7 }).map((units) => units.join(''));

  test('finds the stored texts that begin at a place, forwards and backwards, through additions and removals', () => {
    const step = fc.record({ text, add: fc.boolean(), probe: text, from: fc.nat(4) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const forwards = new TextTree<string>();
        const backwards = new TextTree<string>();
        const model = new Set<string>();
        for (const { text: each, add, probe, from } of steps) {
          if (add && !model.has(each)) {
            model.add(each);
            forwards.add(each, each);
            backwards.add(reversed(each), each);
          } else {
            model.delete(each);
            forwards.delete(each);
            backwards.delete(reversed(each));
          }
          expect(forwards.check()).toEqual([]);
          expect(forwards.size).toBe(model.size);
          expect(forwards.get(each)).toBe(model.has(each) ? each : undefined);
          const place = Math.min(from, probe.length);
          const shortestFirst = (a: string, b: string): number => a.length - b.length;
          expect(forwards.met(probe, place, probe.length - place, 1).map((hit) => hit.value)).toEqual(
            [...model].filter((stored) => probe.startsWith(stored, place)).sort(shortestFirst),
          );
          expect(backwards.met(probe, probe.length - 1, probe.length - place, -1).map((hit) => hit.value)).toEqual(
            [...model].filter((stored) => probe.slice(place).endsWith(stored)).sort(shortestFirst),
          );
          expect([...forwards.values()]).toEqual([...model].sort());
        }
      }),
      { seed, numRuns: runs(400) },
    );
  });
});

test('a text of its own is the same text', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (each) => {
      expect(own(each)).toBe(each);
    }),
    { seed, numRuns: runs(300) },
  );
});
