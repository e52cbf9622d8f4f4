/**
 * Globs over whole keys: `*`, `?` (one character), `[a-z]`, `[^a-z]`, `\` (synap-core.md 8.1-2).
 *
 * Invariant: matching never backtracks over more than one piece: a pattern is cut at its stars, and each piece takes the
 * first place that fits, so a match costs at most length x wildcards.
 */
import { invalidValue } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';

/** One character of a piece: what it must be, or a test on its code point. */
type One = number | ((point: number) => boolean);

/** A stretch of a pattern without stars: plain text, or characters of which some are wildcards. */
type Piece = string | readonly One[];

/**
 * A test whether a whole key matches `pattern`. `undefined` when every key does.
 * Errors: `INVALID_VALUE` when the pattern is over `globLength` or holds more than `globWildcards` of `?` and `[..]`.
 */
export function glob(pattern: string): ((key: string) => boolean) | undefined {
  const pieces = pieced(pattern);
  if (pieces.length > 1 && pieces.every((piece) => piece === '')) return undefined;
  const first = pieces[0] as Piece;
  const last = pieces[pieces.length - 1] as Piece;
  const middle = pieces.slice(1, -1).filter((piece) => piece !== '');
  if (pieces.length === 1) return (key) => fitsAt(first, key, 0) === key.length;
  return (key) => {
    let at = fitsAt(first, key, 0);
    if (at < 0) return false;
    for (const piece of middle) {
      at = firstFit(piece, key, at);
      if (at < 0) return false;
    }
    const tail = startOfTail(last, key);
    return tail >= at && fitsAt(last, key, tail) === key.length;
  };
}

/** Cuts a pattern at its stars; n stars give n + 1 pieces. */
function pieced(pattern: string): Piece[] {
  if (pattern.length > LIMITS.globLength) invalidValue(`pattern is longer than ${LIMITS.globLength} characters`);
  const pieces: Piece[] = [];
  let ones: One[] = [];
  let plain = '';
  let wild = 0;
  const close = (): void => {
    pieces.push(ones.some((one) => typeof one !== 'number') ? ones : plain);
    ones = [];
    plain = '';
  };
  const literal = (point: number): void => {
    ones.push(point);
    plain += String.fromCodePoint(point);
  };
  const points = Array.from(pattern, (character) => character.codePointAt(0) as number);
  for (let i = 0; i < points.length; i++) {
    const point = points[i] as number;
    if (point === STAR) {
      close();
    } else if (point === QUESTION) {
      ones.push(any);
      wild++;
    } else if (point === OPEN) {
      const [test, end] = characterClass(points, i + 1);
      ones.push(test);
      wild++;
      i = end;
    } else if (point === BACKSLASH && i + 1 < points.length) {
      literal(points[++i] as number);
    } else {
      literal(point);
    }
  }
  close();
  if (wild > LIMITS.globWildcards) invalidValue(`pattern has more than ${LIMITS.globWildcards} of '?' and '[..]'`);
  return pieces;
}

const STAR = 42;
const QUESTION = 63;
const OPEN = 91;
const BACKSLASH = 92;
const CLOSE = 93;
const CARET = 94;
const HYPHEN = 45;

const any = (): boolean => true;

/** The class that begins at `points[from]`, behind its bracket, and where it ends; one that is not closed ends with the pattern. */
function characterClass(points: readonly number[], from: number): [test: (point: number) => boolean, end: number] {
  let i = from;
  const negated = points[i] === CARET;
  if (negated) i++;
  const ranges: [low: number, high: number][] = [];
  for (; i < points.length && points[i] !== CLOSE; i++) {
    if (points[i] === BACKSLASH && i + 1 < points.length) i++;
    const low = points[i] as number;
    let high = low;
    if (points[i + 1] === HYPHEN && i + 2 < points.length && points[i + 2] !== CLOSE) {
      i += 2;
      if (points[i] === BACKSLASH && i + 1 < points.length) i++;
      high = points[i] as number;
    }
    ranges.push(low <= high ? [low, high] : [high, low]);
  }
  const ascii = Array.from({ length: 128 }, (_, point) => inRanges(ranges, point) !== negated);
  return [(point) => (point < 128 ? (ascii[point] as boolean) : inRanges(ranges, point) !== negated), i];
}

const inRanges = (ranges: readonly [number, number][], point: number): boolean =>
  ranges.some(([low, high]) => point >= low && point <= high);

/** Where the piece ends when it begins at `at`, -1 when it does not fit there. */
function fitsAt(piece: Piece, key: string, at: number): number {
  if (typeof piece === 'string') return key.startsWith(piece, at) ? at + piece.length : -1;
  let i = at;
  for (const one of piece) {
    const point = key.codePointAt(i);
    if (point === undefined || !(typeof one === 'number' ? one === point : one(point))) return -1;
    i += point > 0xffff ? 2 : 1;
  }
  return i;
}

/** Where the piece ends at its first place from `from` on, -1 when it has none. */
function firstFit(piece: Piece, key: string, from: number): number {
  if (typeof piece === 'string') {
    const at = key.indexOf(piece, from);
    return at < 0 ? -1 : at + piece.length;
  }
  for (let at = from; at < key.length; at += (key.codePointAt(at) as number) > 0xffff ? 2 : 1) {
    const end = fitsAt(piece, key, at);
    if (end >= 0) return end;
  }
  return -1;
}

/** Where the piece would have to begin to end with the key; negative when the key is too short. */
function startOfTail(piece: Piece, key: string): number {
  if (typeof piece === 'string') return key.length - piece.length;
  let at = key.length;
  for (let left = piece.length; left > 0; left--) {
    at--;
    if (at > 0 && isLow(key.charCodeAt(at)) && isHigh(key.charCodeAt(at - 1))) at--;
  }
  return at;
}

const isHigh = (unit: number): boolean => unit >= 0xd800 && unit < 0xdc00;
const isLow = (unit: number): boolean => unit >= 0xdc00 && unit < 0xe000;
