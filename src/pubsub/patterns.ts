/**
 * Patterns in use: by their text, and by what they match.
 *
 * Invariant: a pattern has at least one member, and stands in `#byText` and in the trie.
 */
import { NameMap } from './names.ts';
import { occurrences, SEPARATOR, STAR } from './pattern.ts';
import { NO_MEMBERS, type Subscription, type Target } from './subscribers.ts';
import { own } from './text.ts';
import { Trie } from './trie.ts';

export class Pattern implements Target {
  readonly name: string;
  members: Subscription[] = NO_MEMBERS;

  constructor(name: string) {
    this.name = name;
  }
}

/** What a level or a star of a pattern may cost besides its text: a node and its entries in the indexes, in bytes. */
const PART_BYTES = 256;

/** What a pattern counts against `pubsubBytes`. */
export function patternBytes(text: string): number {
  return 2 * text.length + PART_BYTES * (occurrences(text, SEPARATOR) + 1 + occurrences(text, STAR));
}

export class Patterns {
  readonly #byText = new NameMap<Pattern>();
  readonly #trie = new Trie<Pattern>();
  #bytes = 0;

  /** What all patterns count against `pubsubBytes`. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Trie nodes and glob paths visited so far by `match` and `matches`. */
  get visited(): number {
    return this.#trie.visited;
  }

  get(text: string): Pattern | undefined {
    return this.#byText.get(text);
  }

  /** Takes in a pattern that is not there; its first member is the caller's to add. */
  make(text: string): Pattern {
    const pattern = new Pattern(own(text));
    this.#byText.add(pattern.name, pattern);
    this.#trie.add(pattern.name, pattern);
    this.#bytes += patternBytes(text);
    return pattern;
  }

  /** Takes out a pattern that has lost its last member. */
  drop(pattern: Pattern): void {
    this.#byText.delete(pattern.name);
    this.#trie.delete(pattern.name);
    this.#bytes -= patternBytes(pattern.name);
  }

  /** The patterns that match a topic, each once. */
  match(topic: string): readonly Pattern[] {
    return this.#trie.match(topic);
  }

  /** Whether any pattern matches a topic. */
  matches(topic: string): boolean {
    return this.#trie.matches(topic);
  }

  values(): IterableIterator<Pattern> {
    return this.#byText.values();
  }

  /** Broken invariants, one sentence each; empty when the patterns are sound. */
  check(): string[] {
    const broken = this.#trie.check();
    let bytes = 0;
    for (const pattern of this.#byText.values()) {
      bytes += patternBytes(pattern.name);
      if (pattern.members.length === 0) broken.push(`pattern '${pattern.name}' has no members`);
    }
    if (bytes !== this.#bytes) broken.push('the bytes of the patterns are counted wrongly');
    if (this.#trie.size !== this.#byText.size)
      broken.push(`${this.#byText.size} patterns, ${this.#trie.size} in the trie`);
    return broken;
  }
}
