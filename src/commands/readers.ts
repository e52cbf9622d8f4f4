/**
 * How query parameters become fields (synap-core.md 1.5-1): integers may carry a leading `+` and leading zeros.
 */
import { invalidRequest } from '../core/errors.ts';
import type { QueryReader } from './define.ts';

const I64_MIN = -9_223_372_036_854_775_808n;
const I64_MAX = 9_223_372_036_854_775_807n;
const U64_MAX = 18_446_744_073_709_551_615n;

/** The text as it is. */
export const text: QueryReader = (value) => value;

/** An unsigned integer; anything else counts as absent. */
export const u64: QueryReader = (value) => integer(value, 0n, U64_MAX);

/** A signed integer that must be there and readable; `Invalid request: <name> parameter required` otherwise. */
export const requiredI64 =
  (name: string): QueryReader =>
  (value) =>
    integer(value, I64_MIN, I64_MAX) ?? invalidRequest(`${name} parameter required`);

function integer(value: string | undefined, min: bigint, max: bigint): number | bigint | undefined {
  if (value === undefined || !/^[+-]?\d+$/.test(value)) return undefined;
  const digits = value.replace(/^([+-]?)0+(?=\d)/, '$1');
  if (digits.length > 21) return undefined;
  const exact = BigInt(digits.startsWith('+') ? digits.slice(1) : digits);
  if (exact < min || exact > max) return undefined;
  const number = Number(exact);
  return Number.isSafeInteger(number) ? number : exact;
}
