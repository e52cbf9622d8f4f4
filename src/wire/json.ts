/**
 * JSON bytes to values, as the reference accepts them (synap-core.md 1.4 and 1.7).
 *
 * Invariant: what `parseJson` lets through prints again without loss (core/json.ts). Ordinary bodies take the engine's
 * own parser; a body with a number or an escape at risk is read once more by an exact one.
 */
import { isUtf8 } from 'node:buffer';
import { parse as parseExactly } from 'lossless-json';
import { CommandError } from '../core/errors.ts';
import { JsonFloat } from '../core/json.ts';
import { LIMITS } from '../core/limits.ts';

/** A number token that a double may not hold as written, or an escape that may be half a surrogate pair. A hit inside a string costs time only. */
const AT_RISK = /(?:^|[[:,\s])(?:-0|-?\d+[.eE]|-?\d{16})|\\u[dD][89a-fA-F]/;

const INTEGER = /^-?\d+$/;
const I64_MIN = -(2n ** 63n);
const U64_END = 2n ** 64n;

/** The text of a body; `BAD_JSON` when its bytes are not UTF-8. */
export function decodeText(bytes: Uint8Array): string {
  const buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const text = buffer.toString('utf8');
  if (text.includes('\ufffd') && !isUtf8(buffer)) throw badJson('invalid unicode code point');
  return text;
}

/**
 * The value of a JSON text: `number` for integers a double holds exactly and for fractions, `bigint` for other integers
 * of 64 bits, `JsonFloat` for the rest. Errors: `BAD_JSON` (syntax, nesting over the cap, lone surrogate, number
 * beyond double range). A member that stands twice: the last wins (synap-core.md 9-34).
 */
export function parseJson(text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw badJson(where(text, error as Error));
  }
  // 127 levels need 254 brackets, so short bodies cannot be too deep
  if (text.length > 2 * LIMITS.jsonDepth && tooDeep(value, LIMITS.jsonDepth)) throw badJson('recursion limit exceeded');
  // the text is searched only when the value has a number at all, or an escape: most bodies have neither
  return (holdsNumber(value) || text.includes('\\u')) && AT_RISK.test(text) ? exact(text) : value;
}

function holdsNumber(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return typeof value === 'number';
  if (Array.isArray(value)) {
    for (const item of value) if (holdsNumber(item)) return true;
    return false;
  }
  for (const name in value) if (holdsNumber((value as Record<string, unknown>)[name])) return true;
  return false;
}

function exact(text: string): unknown {
  const value = parseExactly(text, null, { parseNumber: exactNumber, onDuplicateKey: ({ newValue }) => newValue });
  if (!wellFormed(value)) throw badJson('lone leading surrogate in hex escape');
  return value;
}

function exactNumber(text: string): unknown {
  const value = Number(text);
  if (!Number.isFinite(value)) throw badJson('number out of range');
  if (!INTEGER.test(text)) return Number.isInteger(value) ? new JsonFloat(value) : value;
  if (text === '-0') return new JsonFloat(-0);
  if (Number.isSafeInteger(value)) return value;
  if (text.length > 20) return new JsonFloat(value); // beyond 64 bits; also keeps BigInt away from long digit strings
  const integer = BigInt(text);
  return integer >= I64_MIN && integer < U64_END ? integer : new JsonFloat(value);
}

function tooDeep(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (levels === 0) return true;
  if (Array.isArray(value)) {
    for (const item of value) if (typeof item === 'object' && tooDeep(item, levels - 1)) return true;
    return false;
  }
  for (const name in value) {
    const member = (value as Record<string, unknown>)[name];
    if (typeof member === 'object' && tooDeep(member, levels - 1)) return true;
  }
  return false;
}

function wellFormed(value: unknown): boolean {
  if (typeof value === 'string') return isWellFormed(value);
  if (typeof value !== 'object' || value === null || value instanceof JsonFloat) return true;
  if (Array.isArray(value)) return value.every(wellFormed);
  return Object.entries(value).every(([name, member]) => isWellFormed(name) && wellFormed(member));
}

const LONE_SURROGATE = /\p{Surrogate}/u;
const isWellFormed = (text: string): boolean => !LONE_SURROGATE.test(text);

function where(text: string, error: Error): string {
  const at = /position (\d+)/.exec(error.message)?.[1];
  const place = at === undefined ? text.length : Number(at);
  const before = text.slice(0, place);
  const line = before.split('\n').length;
  const what = /end of JSON input|Unterminated/.test(error.message) ? 'EOF while parsing a value' : 'expected value';
  return `${what} at line ${line} column ${place - before.lastIndexOf('\n')}`;
}

const badJson = (detail: string): CommandError => new CommandError('BAD_JSON', { detail });
