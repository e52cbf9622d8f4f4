/**
 * The grammar of topics and patterns (synap-core.md 6.3-2 and 6.3-3) and their bounds.
 *
 * Invariant: what passed `checkSubscription` can be stored, what passed `checkTopic` can be matched, and both are
 * short enough for one walk of the trie.
 */
import { invalidValue } from '../core/errors.ts';
import type { PubSubLimits } from './types.ts';

/** Whole levels with a meaning of their own. */
export const STAR = '*';
export const HASH = '#';

/** What stands between levels. Empty levels count: `a..b` has three. */
export const SEPARATOR = '.';

/** How topics begin that are internal to the server: key watch, keyspace events. */
const INTERNAL = '__';

/** Whether a subscription is a pattern; anything without `*` and `#` is an exact topic. */
export function isPattern(text: string): boolean {
  return text.includes(STAR) || text.includes(HASH);
}

/** Whether ordinary wildcards keep off this topic: it must be named, at least by its first two characters (synap-core.md 9-19). */
export function isInternal(topic: string): boolean {
  return topic.startsWith(INTERNAL);
}

/** How many characters of a glob in the first level must stand before its first star to match an internal topic. */
export const INTERNAL_PREFIX = INTERNAL.length;

/** How often a character stands in a text. */
export function occurrences(text: string, character: string): number {
  let count = 0;
  for (let at = text.indexOf(character); at >= 0; at = text.indexOf(character, at + 1)) count++;
  return count;
}

function levelCount(text: string): number {
  return occurrences(text, SEPARATOR) + 1;
}

/** Whether a topic or pattern is within `topicBytes` and `topicLevels`. */
export function fits(text: string, limits: PubSubLimits): boolean {
  return !tooLong(text, limits.topicBytes) && levelCount(text) <= limits.topicLevels;
}

/** Refuses with `INVALID_VALUE` what is no topic to publish to: the empty one (6.3-6), and any beyond the bounds. */
export function checkTopic(topic: string, limits: PubSubLimits): void {
  if (topic === '') invalidValue('Topic cannot be empty');
  checkSize(topic, limits);
}

/** Refuses with `INVALID_VALUE` what cannot be subscribed to: a wrong pattern (6.3-3), and any text beyond the bounds. */
export function checkSubscription(text: string, limits: PubSubLimits): void {
  checkSize(text, limits);
  if (!text.includes(HASH)) return;
  const levels = text.split(SEPARATOR);
  const first = levels.indexOf(HASH);
  if (first < 0) return; // glued to other text it is an ordinary character
  if (levels.indexOf(HASH, first + 1) >= 0) invalidValue('Pattern can only contain one # wildcard');
  if (first !== levels.length - 1) invalidValue('# wildcard must be at the end of pattern');
}

function checkSize(text: string, limits: PubSubLimits): void {
  if (tooLong(text, limits.topicBytes)) invalidValue(`Topic is longer than ${limits.topicBytes} bytes`);
  if (levelCount(text) > limits.topicLevels) invalidValue(`Topic has more than ${limits.topicLevels} levels`);
}

/** Whether the UTF-8 form is longer than `bytes`, looking at the units only when their number leaves it open. */
export function tooLong(text: string, bytes: number): boolean {
  if (text.length > bytes) return true;
  return text.length * 3 > bytes && Buffer.byteLength(text) > bytes;
}
