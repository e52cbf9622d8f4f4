/** The maps and trees under the engine, each against the plain structure it stands for. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { byBytes } from '../../src/core/json.ts';
import { NameMap } from '../../src/pubsub/names.ts';
import { SortedNames } from '../../src/pubsub/sorted-names.ts';
import { own, reversed } from '../../src/pubsub/text.ts';
import { TextTree } from '../../src/pubsub/text-tree.ts';
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

describe('sorted names', () => {
  const name = fc.string({ unit: 'binary', maxLength: 3 });

  test('list a set in the order of its bytes, through additions and removals', () => {
    fc.assert(
      fc.property(fc.array(fc.record({ name, add: fc.boolean() }), { maxLength: 200 }), (steps) => {
        const sorted = new SortedNames();
        const model = new Set<string>();
        for (const step of steps) {
          if (step.add && !model.has(step.name)) {
            sorted.add(step.name);
            model.add(step.name);
          } else if (model.delete(step.name)) {
            sorted.delete(step.name);
          }
        }
        expect(sorted.first(1000, 1e9)).toEqual(
          [...model].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))),
        );
        expect(sorted.size).toBe(model.size);
        expect(sorted.check()).toEqual([]);
      }),
      { seed, numRuns: runs(300) },
    );
  });

  test('stay in order over many chunks, whatever the order of arrival', () => {
    const sorted = new SortedNames();
    const all = Array.from({ length: 5_000 }, (_, i) => `t${(i * 7_919) % 5_000}`);
    for (const each of all) sorted.add(each);
    expect(sorted.check()).toEqual([]);
    expect(sorted.first(5_000, 1e9)).toEqual([...all].sort(byBytes));
    for (const each of all) if (each !== 't7') sorted.delete(each);
    expect(sorted.check()).toEqual([]);
    expect(sorted.first(10, 1e9)).toEqual(['t7']);
  });

  test('are cut off by number and by bytes, except that the first always comes', () => {
    const sorted = new SortedNames();
    for (const each of ['é', 'b', 'a']) sorted.add(each);
    expect(sorted.first(2, 1e9)).toEqual(['a', 'b']);
    expect(sorted.first(3, 4)).toEqual(['a', 'b', 'é']);
    expect(sorted.first(3, 3)).toEqual(['a', 'b']);
    expect(sorted.first(3, 0)).toEqual(['a']);
  });
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
