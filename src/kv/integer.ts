/**
 * Signed 64-bit integers kept as decimal text (synap-core.md 2.3-5, 2.4-10).
 *
 * Invariant: arithmetic is exact; a result outside of 64 bits is refused, never wrapped (9-30).
 */
import { invalidValue } from '../core/errors.ts';
import type { Value } from './value.ts';

const MIN = -(2n ** 63n);
const MAX = 2n ** 63n - 1n;

/** White space as Unicode has it, which differs from what `trim` takes off. */
const INTEGER =
  /^[\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]*([+-]?\d+)[\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]*$/;

/** Longer texts hold no 64-bit integer but by leading zeros; those are read up to here. */
const READ_MAX = 1_024;

/**
 * `stored` (missing counts as 0) plus `amount`, as a number when that is safe, else as a bigint.
 * Errors: `INVALID_VALUE` when `stored` is no integer, or the result or `amount` are outside of 64 bits.
 */
export function added(stored: Value | undefined, amount: number | bigint): number | bigint {
  if (typeof amount === 'number') {
    const value = stored === undefined ? 0 : smallInteger(stored);
    if (!Number.isNaN(value)) {
      const sum = value + amount;
      if (Number.isSafeInteger(sum)) return sum;
    }
  }
  const sum = (stored === undefined ? 0n : integer(stored)) + within(BigInt(amount));
  within(sum);
  return sum >= BigInt(Number.MIN_SAFE_INTEGER) && sum <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(sum) : sum;
}

/** The integer of a plain short text, NaN when it takes a closer look. */
function smallInteger(value: Value): number {
  if (typeof value !== 'string') return Number.NaN;
  const { length } = value;
  const start = value.charCodeAt(0) === 45 ? 1 : 0;
  if (length === start || length > 15) return Number.NaN;
  let n = 0;
  for (let i = start; i < length; i++) {
    const digit = value.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return Number.NaN;
    n = 10 * n + digit;
  }
  return start === 1 ? 0 - n : n; // not -n, which makes -0 of 0
}

function integer(value: Value): bigint {
  const digits = typeof value === 'string' && value.length <= READ_MAX ? INTEGER.exec(value)?.[1] : undefined;
  if (digits !== undefined) {
    const n = digits.startsWith('-') ? -BigInt(digits.slice(1)) : BigInt(digits.replace('+', ''));
    if (n >= MIN && n <= MAX) return n;
  }
  return invalidValue('Value is not a valid integer');
}

function within(n: bigint): bigint {
  return n >= MIN && n <= MAX ? n : invalidValue('Integer overflow on INCR/DECR');
}
