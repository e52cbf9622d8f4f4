/**
 * Deadlines: absolute Unix milliseconds as a double. `Infinity` is "no TTL"; every real deadline lies in 1..2^64.
 *
 * Invariant: whole milliseconds are exact up to 2^53; beyond that (the year 287,396) a deadline is rounded down by at
 * most 2,047 ms. 2^64 stands for the saturated 2^64 - 1 of synap-core.md 2.4-3.
 */

/** A key without TTL. */
export const NEVER = Number.POSITIVE_INFINITY;

const SATURATED = 2 ** 64;

/**
 * The deadline `amount` units from now; `unitMs` is 1000 for seconds, 1 for milliseconds. Saturates instead of failing.
 * `amount` is a whole number >= 0.
 */
export function deadlineIn(amount: number | bigint, unitMs: 1 | 1000, now: number): number {
  if (typeof amount === 'number') {
    const at = now + amount * unitMs;
    if (at <= Number.MAX_SAFE_INTEGER) return at;
  }
  return far(BigInt(now) + BigInt(amount) * BigInt(unitMs));
}

/** The deadline at an absolute Unix time, in units as above; the past is allowed and means dead at once. */
export function deadlineAt(amount: number | bigint, unitMs: 1 | 1000): number {
  return Math.max(1, deadlineIn(amount, unitMs, 0));
}

function far(ms: bigint): number {
  if (ms >= 0xffff_ffff_ffff_ffffn) return SATURATED;
  if (ms <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(ms);
  return Number(ms - (ms % 2048n)); // a multiple of 2^11 below 2^64 is a double exactly
}

/** Whole seconds that are left, floored (synap-core.md 2.4-8); a bigint only beyond 2^53. */
export function secondsLeft(deadline: number, now: number): number | bigint {
  if (deadline <= Number.MAX_SAFE_INTEGER) return Math.floor((deadline - now) / 1000);
  const ms = deadline >= SATURATED ? 0xffff_ffff_ffff_ffffn : BigInt(deadline);
  const seconds = (ms - BigInt(now)) / 1000n;
  return seconds <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(seconds) : seconds;
}
