/**
 * The marks by which eviction policies tell keys apart: when a key was last used, or how often lately.
 *
 * Invariant: a mark is 32 bits; a greater rank is a better victim. Clocks wrap and may step back, ranks do not care.
 */

/** How a key is chosen when the budget is used up (synap-operations.md 3.6). */
export type EvictionPolicy =
  | 'noeviction'
  | 'allkeys-lru'
  | 'volatile-lru'
  | 'allkeys-lfu'
  | 'volatile-lfu'
  | 'allkeys-random'
  | 'volatile-random'
  | 'volatile-ttl';

/** How a policy keeps and reads its marks. */
export interface Marks {
  /** The mark of a new key. */
  born(now: number): number;
  /** The mark after one more use. */
  used(mark: number, now: number, random: () => number): number;
  /** How good a victim the key is; greater is better. */
  rank(mark: number, now: number): number;
}

/** Resolution of the last use, in milliseconds: 2^32 of them are 13 years. */
const TICK_MS = 100;

/** Least recently used: the mark is the time of the last use. */
const recency: Marks = {
  born: (now) => (now / TICK_MS) >>> 0,
  used: (_mark, now) => (now / TICK_MS) >>> 0,
  rank: (mark, now) => Math.max(0, (((now / TICK_MS) >>> 0) - mark) | 0),
};

/** What a new key is given, so that it is not the next victim before it had a chance. */
const FRESH = 5;
/** A count above FRESH grows with a chance of 1 in (count - FRESH) * FACTOR + 1: a million uses reach 255. */
const FACTOR = 10;
const MINUTE_MS = 60_000;

/** Least frequently used: eight bits of a logarithmic count that loses one a minute, sixteen of the minute it was read. */
const frequency: Marks = {
  born: (now) => (minute(now) << 8) | FRESH,
  used(mark, now, random) {
    const count = faded(mark, now);
    const chance = 1 / (Math.max(0, count - FRESH) * FACTOR + 1);
    return (minute(now) << 8) | (count < 255 && random() < chance ? count + 1 : count);
  },
  rank: (mark, now) => 255 - faded(mark, now),
};

const minute = (now: number): number => (now / MINUTE_MS) & 0xffff;

function faded(mark: number, now: number): number {
  const passed = (minute(now) - (mark >>> 8)) & 0xffff;
  // more than half the ring back is a clock that was set back, not a month of silence
  return Math.max(0, (mark & 0xff) - (passed < 0x8000 ? passed : 0));
}

/** The marks of a policy, `undefined` when it needs none. */
export function marksOf(policy: EvictionPolicy): Marks | undefined {
  if (policy.endsWith('-lru')) return recency;
  return policy.endsWith('-lfu') ? frequency : undefined;
}
