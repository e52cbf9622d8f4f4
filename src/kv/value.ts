/**
 * A stored value, and the arithmetic of its bytes: lengths and ranges are counted in UTF-8 (synap-core.md 2.3-1).
 *
 * Invariant: a value is text exactly when its bytes are UTF-8. A value is never changed, a change makes a new one.
 * Texts handed in are well formed (no lone surrogates) and own their characters: a substring of a larger text would
 * keep the whole of it in memory.
 */
import { isUtf8 } from 'node:buffer';

/** Text whenever the bytes are UTF-8, else the bytes. */
export type Value = string | Uint8Array;

const NOTHING = new Uint8Array(0);

/** Bytes of a value. A text that was joined from pieces is written down in one piece by this. */
export function byteLength(value: Value): number {
  return typeof value === 'string' ? Buffer.byteLength(value) : value.length;
}

/** The value as it may be stored: bytes become text when they are UTF-8, else a copy that nobody else can change. */
export function toValue(value: Value): Value {
  if (typeof value === 'string') return value;
  return isUtf8(value) ? asBuffer(value).toString('utf8') : new Uint8Array(value);
}

/** `head` followed by `tail`; `headBytes` and `tailBytes` are their lengths. */
export function joined(head: Value, headBytes: number, tail: Value, tailBytes: number): Value {
  if (typeof head === 'string' && typeof tail === 'string') {
    const text = head + tail;
    if (isFlattened(headBytes, tailBytes)) Buffer.byteLength(text);
    return text;
  }
  const bytes = new Uint8Array(headBytes + tailBytes);
  bytes.set(toBytes(head));
  bytes.set(toBytes(tail), headBytes);
  return fromOwn(bytes);
}

/**
 * Whether a joined text is to be written down in one piece. V8 keeps a joined text as a tree, about 64 bytes a piece;
 * writing it down once every `headBytes / 64` pieces bounds the tree to about the size of the text, for at most
 * 128 copied bytes an append.
 */
function isFlattened(headBytes: number, tailBytes: number): boolean {
  const step = powerBelow(headBytes) * Math.max(1, powerBelow(tailBytes));
  return Math.floor((64 * headBytes) / step) !== Math.floor((64 * (headBytes + tailBytes)) / step);
}

const powerBelow = (n: number): number => 2 ** (31 - Math.clz32(n | 1));

/** `value` with `patch` written at byte `offset`, padded with NUL bytes (2.4-12); `after` is the length of the result. */
export function patched(value: Value, offset: number, patch: Value, after: number): Value {
  const bytes = new Uint8Array(after);
  bytes.set(toBytes(value));
  bytes.set(toBytes(patch), offset);
  return fromOwn(bytes);
}

/** The bytes from `start` to `end`, inclusive, negative from the end, clamped (2.4-11); `undefined` when that is nothing. */
export function ranged(value: Value, bytes: number, start: number, end: number): Value | undefined {
  const from = Math.max(0, start < 0 ? bytes + start : start);
  const to = Math.min(bytes - 1, end < 0 ? bytes + end : end);
  if (!(from <= to)) return undefined;
  if (typeof value === 'string') {
    if (value.length === bytes) return value.slice(from, to + 1);
    if (from === 0 && to === bytes - 1) return value;
  }
  return toValue(toBytes(value).subarray(from, to + 1));
}

function toBytes(value: Value): Uint8Array {
  if (typeof value !== 'string') return value;
  return value.length === 0 ? NOTHING : Buffer.from(value, 'utf8');
}

function fromOwn(bytes: Uint8Array): Value {
  return isUtf8(bytes) ? asBuffer(bytes).toString('utf8') : bytes;
}

const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
