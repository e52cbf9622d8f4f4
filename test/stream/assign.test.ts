import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assign, STRATEGIES, type Strategy } from '../../src/stream/assign.ts';
import { runs, seed } from '../support/seed.ts';

/** Lets members join (`true`) and leave (a number: which one), rebalancing after each as a group does. */
function history(strategy: Strategy, partitions: number, moves: readonly (true | number)[]): number[][][] {
  let held: number[][] = [];
  return moves.map((move) => {
    held = assign(strategy, partitions, moved(held, move));
    return held;
  });
}

function moved(held: number[][], move: true | number): number[][] {
  if (move === true) return [...held, []];
  return held.filter((_, i) => i !== move % held.length);
}

const last = (strategy: Strategy, partitions: number, moves: readonly (true | number)[]) =>
  history(strategy, partitions, moves).at(-1);

const scenario = {
  partitions: fc.integer({ min: 0, max: 40 }),
  moves: fc.array(fc.oneof({ weight: 2, arbitrary: fc.constant(true as const) }, fc.nat(20)), {
    minLength: 1,
    maxLength: 25,
  }),
};

describe('assignment', () => {
  it('round robin gives partition i to member i mod n', () => {
    expect(assign('round_robin', 5, [[], []])).toEqual([
      [0, 2, 4],
      [1, 3],
    ]);
    expect(assign('round_robin', 1, [[], []])).toEqual([[0], []]);
  });

  it('range gives blocks, and one more to the first members', () => {
    expect(assign('range', 7, [[], [], []])).toEqual([
      [0, 1, 2],
      [3, 4],
      [5, 6],
    ]);
    expect(assign('range', 2, [[], [], []])).toEqual([[0], [1], []]);
  });

  it('gives a single member everything and nobody anything', () => {
    for (const strategy of STRATEGIES) {
      expect(assign(strategy, 4, [[]])).toEqual([[0, 1, 2, 3]]);
      expect(assign(strategy, 4, [])).toEqual([]);
      expect(assign(strategy, 0, [[], []])).toEqual([[], []]);
    }
  });

  it('sticky leaves X 0 and 1, Y 3 and V 2 when three join a group of four in this order', () => {
    expect(history('sticky', 4, [true, true, true])).toEqual([[[0, 1, 2, 3]], [[0, 1, 2], [3]], [[0, 1], [3], [2]]]);
  });

  it('sticky moves only the excess, and gives back what a member leaves', () => {
    expect(last('sticky', 3, [true, true])).toEqual([[0, 1], [2]]);
    expect(last('sticky', 3, [true, true, true])).toEqual([[0, 1], [2], []]);
    expect(last('sticky', 4, [true, true, 1])).toEqual([[0, 1, 2, 3]]);
  });

  it('sticky gives a partition that finds nobody below the floor to the member with the fewest', () => {
    expect(assign('sticky', 5, [[0, 1], [2], [3]])).toEqual([[0, 1], [2, 4], [3]]);
  });

  it('every partition has exactly one owner while there are members, whatever came before', () => {
    fc.assert(
      fc.property(
        scenario.partitions,
        scenario.moves,
        fc.constantFrom(...STRATEGIES),
        (partitions, moves, strategy) => {
          for (const shares of history(strategy, partitions, moves)) {
            const owned = shares.flat().sort((a, b) => a - b);
            expect(owned).toEqual(shares.length === 0 ? [] : Array.from({ length: partitions }, (_, i) => i));
          }
        },
      ),
      { seed, numRuns: runs(300) },
    );
  });

  it('sticky takes from a member only what exceeds floor(P/n) + 1, and leaves nobody with more', () => {
    fc.assert(
      fc.property(scenario.partitions, scenario.moves, (partitions, moves) => {
        let held: number[][] = [];
        for (const move of moves) {
          held = moved(held, move);
          if (held.length === 0) continue;
          const most = Math.floor(partitions / held.length) + 1;
          const orphans = partitions - held.flat().length;
          const shares = assign('sticky', partitions, held);
          let kept = 0;
          for (const [i, share] of shares.entries()) {
            const before = held[i] as number[];
            expect(share.length).toBeLessThanOrEqual(most);
            // What a member had and keeps is the front of what it had: the latest goes first.
            expect(share.slice(0, Math.min(before.length, most))).toEqual(before.slice(0, most));
            kept += before.filter((partition) => share.includes(partition)).length;
          }
          const excess = held.reduce((sum, share) => sum + Math.max(0, share.length - most), 0);
          expect(kept).toBe(partitions - orphans - excess);
          held = shares;
        }
      }),
      { seed, numRuns: runs(300) },
    );
  });

  it('round robin and range are ascending and differ by at most one partition', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 1, max: 70 }), (partitions, members) => {
        for (const strategy of ['round_robin', 'range'] as const) {
          const shares = assign(
            strategy,
            partitions,
            Array.from({ length: members }, () => []),
          );
          const sizes = shares.map((share) => share.length);
          expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
          for (const share of shares) expect(share).toEqual([...share].sort((a, b) => a - b));
        }
      }),
      { seed, numRuns: runs(100) },
    );
  });

  it('takes time in proportion to members and partitions together', () => {
    const held = Array.from({ length: 10_000 }, (_, i) => (i === 0 ? Array.from({ length: 1024 }, (_, p) => p) : []));
    const shares = assign('sticky', 1024, held);
    expect(shares.flat()).toHaveLength(1024);
    expect(shares[0]).toEqual([0]);
  });
});
