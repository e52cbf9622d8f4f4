/**
 * Patterns in use: by their text, and by what they match.
 *
 * Invariant: a pattern has at least one member, and stands in `#byText` and in the trie.
 */
import { HASH, isInternal, levelCount, SEPARATOR } from './pattern.ts';
import { NameMap } from './names.ts';
import type { Subscription, Target } from './subscribers.ts';
import { own } from './text.ts';
import { Trie } from './trie.ts';

export class Pattern implements Target {
  readonly name: string;
  readonly members: Subscription[] = [];

  constructor(name: string) {
    this.name = name;
  }
}

/** What a level of a pattern may cost besides its text: a trie node and its entries in maps, in bytes. */
const LEVEL_BYTES = 256;

/** What a pattern counts against `pubsubBytes`. */
export function patternBytes(text: string): number {
  return 2 * text.length + LEVEL_BYTES * levelCount(text);
}
