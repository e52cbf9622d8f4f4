/**
 * msgpack to JSON values and back: the binary twin of json.ts.
 *
 * Invariant: what `unpacked` answers is made of `null`, booleans, finite numbers, bigints, texts, bytes, arrays and
 * plain objects, no deeper than JSON may be. The bytes are walked over once before they are decoded, so that a few bytes
 * that claim millions of items cost nothing, and extension types never reach the library.
 */
import { Packr, Unpackr } from 'msgpackr';
import { CommandError } from '../core/errors.ts';
import { JsonFloat, RawJson } from '../core/json.ts';
import { LIMITS } from '../core/limits.ts';
import { parseJson } from './json.ts';

/** `auto`: a number where one is exact. The typings lack it. */
const AUTO = 'auto' as 'number';
const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true, int64AsType: AUTO });
const packr = new Packr({ useRecords: false, mapsAsObjects: true, variableMapSize: true, largeBigIntToFloat: true });

/**
 * The value of a message: integers beyond 2^53 as `bigint`, bin as `Uint8Array`. `BAD_MSGPACK` when the bytes are not exactly
 * one value, or hold an extension type, a map key that is no text, a number that is not finite, or too deep nesting.
 * Byte values are views of `bytes`, which the caller must not change afterwards.
 */
export function unpacked(bytes: Uint8Array): unknown {
  walk(bytes);
  return unpackr.unpack(bytes);
}

/** The bytes of an output value: bytes as bin, exact JSON values as the numbers they are; `undefined` members are left out. */
export function packed(value: unknown): Uint8Array {
  return packr.pack(plain(value));
}

function plain(value: unknown): unknown {
  switch (typeof value) {
    case 'number':
      return Number.isFinite(value) ? value : null;
    case 'object':
      if (value === null || value instanceof Uint8Array) return value;
      if (Array.isArray(value)) return value.map(plain);
      if (value instanceof RawJson) return plain(parseJson(value.text));
      if (value instanceof JsonFloat) return value.value;
      return members(value as Record<string, unknown>);
    case 'undefined':
      return null;
    default:
      return value;
  }
}

function members(value: Record<string, unknown>): Record<string, unknown> {
  const copy: Record<string, unknown> = {};
  for (const name of Object.keys(value)) {
    const member = value[name];
    if (member === undefined) continue;
    // an assignment to this one name would set the prototype
    if (name === '__proto__') Object.defineProperty(copy, name, { value: plain(member), enumerable: true });
    else copy[name] = plain(member);
  }
  return copy;
}

const bad = (detail: string): CommandError => new CommandError('BAD_MSGPACK', { detail });

/** Bytes behind the type byte of values of a fixed size, 0xc0 to 0xd3; -1: not a value of fixed size. */
const FIXED = [0, -1, 0, 0, -1, -1, -1, -1, -1, -1, 4, 8, 1, 2, 4, 8, 1, 2, 4, 8];

/** Throws unless the bytes are exactly one acceptable value. */
function walk(bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = bytes.byteLength;
  /** How many values each open container still has to come; `keys` says whether it is a map. */
  const left: number[] = [1];
  const keys: boolean[] = [false];
  let at = 0;
  const length = (size: 1 | 2 | 4): number => {
    if (at + size > end) throw bad('the message ends too early');
    const value = size === 1 ? view.getUint8(at) : size === 2 ? view.getUint16(at) : view.getUint32(at);
    at += size;
    return value;
  };
  const skip = (sizeOfLength: 1 | 2 | 4): void => {
    const size = length(sizeOfLength);
    at += size;
  };
  const open = (count: number, map: boolean): void => {
    if (left.length > LIMITS.jsonDepth) throw bad('too deep');
    if (count > end - at) throw bad('the message ends too early');
    left.push(count);
    keys.push(map);
  };
  for (;;) {
    const depth = left.length - 1;
    if (left[depth] === 0) {
      left.pop();
      keys.pop();
      if (depth === 0) break;
      continue;
    }
    if (at >= end) throw bad('the message ends too early');
    const key = keys[depth] === true && (left[depth] as number) % 2 === 0;
    (left[depth] as number)--;
    const type = bytes[at++] as number;
    if (type >= 0xa0 && type <= 0xbf) at += type & 31;
    else if (type >= 0xd9 && type <= 0xdb) skip((1 << (type - 0xd9)) as 1 | 2 | 4);
    else if (key) throw bad('a map key is no text');
    else if (type <= 0x7f || type >= 0xe0) continue;
    else if (type <= 0x8f) open(2 * (type & 15), true);
    else if (type <= 0x9f) open(type & 15, false);
    else if (type === 0xdc || type === 0xdd) open(length(type === 0xdc ? 2 : 4), false);
    else if (type === 0xde || type === 0xdf) open(2 * length(type === 0xde ? 2 : 4), true);
    else if (type >= 0xc4 && type <= 0xc6) skip((1 << (type - 0xc4)) as 1 | 2 | 4);
    else {
      const size = FIXED[type - 0xc0] ?? -1;
      if (size < 0) throw bad(`type 0x${type.toString(16)} is not taken`);
      if (at + size > end) throw bad('the message ends too early');
      if (type === 0xca && !Number.isFinite(view.getFloat32(at))) throw bad('a number is not finite');
      if (type === 0xcb && !Number.isFinite(view.getFloat64(at))) throw bad('a number is not finite');
      at += size;
    }
    if (at > end) throw bad('the message ends too early');
  }
  if (at !== end) throw bad('something follows the value');
}
