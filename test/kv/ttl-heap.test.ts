/** The deadlines of a shard against a plain list. */
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { NEVER } from '../../src/kv/deadline.ts';
import { TtlHeap } from '../../src/kv/ttl-heap.ts';
import { runs, seed } from '../support/seed.ts';

const SLOTS = 40;
const slot = fc.nat(SLOTS - 1);
const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ op: fc.constant('set' as const), slot, deadline: fc.nat(50) }) },
  { weight: 3, arbitrary: fc.record({ op: fc.constant('remove' as const), slot }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('rename' as const), slot, to: slot }) },
  {
    weight: 1,
    arbitrary: fc.record({ op: fc.constant('resize' as const), capacity: fc.integer({ min: SLOTS, max: 90 }) }),
  },
);

it('always knows the earliest deadline and how many are due', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120, size: 'max' }), fc.nat(50), (steps, now) => {
      const heap = new TtlHeap(SLOTS);
      const plain = new Map<number, number>();
      for (const it of steps) {
        if (it.op === 'set') {
          heap.set(it.slot, it.deadline);
          plain.set(it.slot, it.deadline);
        } else if (it.op === 'remove') {
          heap.set(it.slot, NEVER);
          plain.delete(it.slot);
        } else if (it.op === 'resize') {
          heap.resize(it.capacity);
        } else if (!plain.has(it.to)) {
          heap.rename(it.slot, it.to);
          const deadline = plain.get(it.slot);
          plain.delete(it.slot);
          if (deadline !== undefined) plain.set(it.to, deadline);
        }
        expect(heap.check()).toEqual([]);
        expect(heap.soonest).toBe(Math.min(NEVER, ...plain.values()));
        expect([...heap.deadlines].filter((deadline) => deadline !== NEVER)).toHaveLength(plain.size);
      }
      const due = { keys: 0, bytes: 0 };
      heap.due(now, new Uint32Array(90).fill(7), due);
      const keys = [...plain.values()].filter((deadline) => deadline <= now).length;
      expect(due).toEqual({ keys, bytes: 7 * keys });
      for (const [at, deadline] of plain) expect([heap.has(at), heap.deadlines[at]]).toEqual([true, deadline]);
    }),
    { seed, numRuns: runs(150) },
  );
});
