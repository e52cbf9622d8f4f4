import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EventLog } from '../../src/stream/log.ts';
import { runs, seed } from '../support/seed.ts';

const event = (offset: number, size = 1) => ({ offset, timestamp: 0, size });

describe('the event log', () => {
  it('answers like an array under any mix of appends, drops and reads', () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant('append' as const), count: fc.integer({ min: 1, max: 700 }) }),
      fc.record({ do: fc.constant('shift' as const), count: fc.integer({ min: 1, max: 700 }) }),
      fc.record({
        do: fc.constant('read' as const),
        from: fc.integer({ min: -5, max: 800 }),
        limit: fc.integer({ min: 0, max: 600 }),
        bytes: fc.integer({ min: 1, max: 4000 }),
      }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const log = new EventLog<ReturnType<typeof event>>();
        const kept: ReturnType<typeof event>[] = [];
        let next = 0;
        for (const one of steps) {
          if (one.do === 'append') {
            for (let i = 0; i < one.count; i++) {
              const added = event(next, 1 + (next % 13));
              next++;
              log.append(added);
              kept.push(added);
            }
          } else if (one.do === 'shift') {
            for (const gone of kept.splice(0, one.count)) expect(log.shift()).toBe(gone);
            if (kept.length === 0) expect(log.shift()).toBeUndefined();
          } else {
            const from = log.base + one.from;
            const expected: unknown[] = [];
            let bytes = 0;
            for (const held of kept) {
              if (held.offset < from || expected.length === one.limit || bytes >= one.bytes) continue;
              expected.push(held);
              bytes += held.size;
            }
            expect(log.read(from, one.limit, one.bytes)).toEqual(expected);
          }
          expect(log.check('log')).toEqual([]);
          expect([log.base, log.next, log.length]).toEqual([kept[0]?.offset ?? next, next, kept.length]);
          expect(log.first()).toBe(kept[0]);
          expect(log.at(log.next)).toBeUndefined();
          expect(log.at(log.base - 1)).toBeUndefined();
          expect(log.at(log.next - 1)).toBe(kept.at(-1));
          expect(log.bytes).toBe(kept.reduce((sum, { size }) => sum + size, 0));
        }
      }),
      { seed, numRuns: runs(60) },
    );
  });

  it('goes on at the next offset when it was emptied', () => {
    const log = new EventLog();
    log.append(event(0));
    log.append(event(1));
    log.shift();
    log.shift();
    expect([log.base, log.next, log.length, log.bytes]).toEqual([2, 2, 0, 0]);
    log.append(event(2));
    expect(log.at(2)?.offset).toBe(2);
  });

  it('lets a dropped event go at once, not with its chunk', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const log = new EventLog();
    log.append(event(0));
    log.append(event(1));
    const dropped = new WeakRef(log.shift() as object);
    await new Promise((resolve) => setImmediate(resolve)); // a WeakRef holds its target until the end of the turn
    collect();
    expect(dropped.deref()).toBeUndefined();
    expect(log.read(0, 10, 10)).toEqual([event(1)]);
  });
});
