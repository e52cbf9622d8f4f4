/** The deadline heap and the one real timer. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Heap, type HeapItem } from '../../src/core/heap.ts';
import { Timers } from '../../src/core/timers.ts';
import { FakeClock } from '../support/clock.ts';
import { runs, seed } from '../support/seed.ts';

describe('the heap', () => {
  it('gives items in the order of their deadlines, whatever was moved or removed', () => {
    const step = fc.tuple(fc.constantFrom('push', 'pop', 'remove', 'move'), fc.nat(20), fc.nat(100));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const heap = new Heap<HeapItem>();
        const model: HeapItem[] = [];
        for (const [what, which, due] of steps) {
          const picked = model[which % Math.max(1, model.length)];
          if (what === 'push') {
            const item = { slot: -1, due };
            heap.push(item);
            model.push(item);
          } else if (what === 'pop') {
            const item = heap.pop();
            expect(item?.due).toBe(model.length === 0 ? undefined : Math.min(...model.map((one) => one.due)));
            if (item !== undefined) model.splice(model.indexOf(item), 1);
          } else if (picked !== undefined && what === 'remove') {
            heap.remove(picked);
            model.splice(model.indexOf(picked), 1);
            expect(picked.slot).toBe(-1);
          } else if (picked !== undefined) {
            picked.due = due;
            heap.moved(picked);
          }
          expect(heap.check()).toEqual([]);
          expect(heap.size).toBe(model.length);
        }
      }),
      { seed, numRuns: runs(200) },
    );
  });
});

describe('timers', () => {
  it('ring each alarm once its time has come, soonest first, and only once', () => {
    const clock = new FakeClock(1000);
    const timers = new Timers(clock);
    const rung: string[] = [];
    const late = timers.alarm((now) => rung.push(`late ${now}`));
    const soon = timers.alarm((now) => rung.push(`soon ${now}`));
    late.set(1020);
    soon.set(1010);
    clock.advance(9);
    timers.run();
    expect(rung).toEqual([]);
    clock.advance(30);
    timers.run();
    timers.run();
    expect(rung).toEqual(['soon 1039', 'late 1039']);
    timers.stop();
  });

  it('leave an alarm alone that was moved away or switched off', () => {
    const clock = new FakeClock(0);
    const timers = new Timers(clock);
    const rung: string[] = [];
    const moved = timers.alarm(() => rung.push('moved'));
    const off = timers.alarm(() => rung.push('off'));
    moved.set(5);
    off.set(5);
    moved.set(50);
    off.set(Number.POSITIVE_INFINITY);
    clock.advance(10);
    timers.run();
    expect(rung).toEqual([]);
    clock.advance(40);
    timers.run();
    expect(rung).toEqual(['moved']);
    timers.stop();
  });

  it('repeat until they are ended', () => {
    const clock = new FakeClock(0);
    const timers = new Timers(clock);
    let count = 0;
    const end = timers.every(100, () => count++);
    for (let i = 0; i < 3; i++) {
      clock.advance(100);
      timers.run();
    }
    end();
    clock.advance(1000);
    timers.run();
    expect(count).toBe(3);
    timers.stop();
  });
});
