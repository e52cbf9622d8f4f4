/** The ordered list, against an array that is sorted anew each time. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { byBytes } from '../../src/core/json.ts';
import { Ordered, START } from '../../src/core/ordered.ts';
import { runs, seed } from '../support/seed.ts';

describe('an ordered list', () => {
  it('is a sorted array to whoever looks at it', () => {
    const change = fc.oneof(
      fc.record({ add: fc.integer({ min: 0, max: 5000 }) }),
      fc.record({ drop: fc.integer({ min: 0, max: 5000 }) }),
    );
    fc.assert(
      fc.property(
        fc.array(change, { maxLength: 300 }),
        fc.integer({ min: 0, max: 1500 }),
        fc.integer({ min: 0, max: 5000 }),
        (changes, ascending, key) => {
          const list = new Ordered<number>((a, b) => a - b);
          const model = new Set<number>();
          for (let i = 0; i < ascending; i++) {
            list.add(i * 3);
            model.add(i * 3);
          }
          for (const one of changes) {
            if ('drop' in one) expect(list.delete(one.drop)).toBe(model.delete(one.drop));
            else if (!model.has(one.add)) {
              list.add(one.add);
              model.add(one.add);
            }
          }
          const sorted = [...model].sort((a, b) => a - b);
          expect(list.check()).toEqual([]);
          expect(list.size).toBe(sorted.length);
          expect(list.first()).toBe(sorted[0]);
          expect(list.last()).toBe(sorted[sorted.length - 1]);
          const place = list.seek((item) => item < key);
          expect(list.up(place, 700)).toEqual(sorted.filter((item) => item >= key).slice(0, 700));
          expect(list.down(place, 700)).toEqual(
            sorted
              .filter((item) => item < key)
              .reverse()
              .slice(0, 700),
          );
          expect(list.down(list.end(), 5)).toEqual(sorted.toReversed().slice(0, 5));
        },
      ),
      { seed, numRuns: runs(150) },
    );
  });

  it('lists texts in the order of their bytes, also those that UTF-16 puts elsewhere', () => {
    const name = fc.string({ unit: 'binary', maxLength: 3 });
    fc.assert(
      fc.property(fc.array(fc.record({ name, add: fc.boolean() }), { maxLength: 200 }), (steps) => {
        const list = new Ordered(byBytes);
        const model = new Set<string>();
        for (const step of steps) {
          if (step.add && !model.has(step.name)) {
            list.add(step.name);
            model.add(step.name);
          } else expect(list.delete(step.name)).toBe(model.delete(step.name));
        }
        expect(list.up(START, 1000)).toEqual([...model].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))));
        expect(list.size).toBe(model.size);
        expect(list.check()).toEqual([]);
      }),
      { seed, numRuns: runs(300) },
    );
  });

  it('stays in order over many chunks, whatever the order of arrival', () => {
    const list = new Ordered(byBytes);
    const all = Array.from({ length: 5_000 }, (_, i) => `t${(i * 7_919) % 5_000}`);
    for (const each of all) list.add(each);
    expect(list.check()).toEqual([]);
    expect(list.up(START, 5_000)).toEqual([...all].sort(byBytes));
    for (const each of all) if (each !== 't7') expect(list.delete(each)).toBe(true); // chunks begin with some of them
    expect(list.check()).toEqual([]);
    expect(list.up(START, 10)).toEqual(['t7']);
  });
});
