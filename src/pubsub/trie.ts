/**
 * Patterns by levels: finds all that match a topic while looking only at those that agree with its beginning.
 *
 * A node has a map of literal levels, one child for `*`, an index of in-level globs, and the patterns that end at it:
 * `here` exactly, `below` with a trailing `#` (zero or more further levels). Each pattern text is one path, so a match
 * lists each pattern once.
 *
 * Invariant: every leaf-ward path ends at a pattern; nothing is left over after a removal.
 */
import { Globs } from './globs.ts';
import { NameMap } from './names.ts';
import { HASH, INTERNAL_PREFIX, isInternal, SEPARATOR, STAR } from './pattern.ts';
import { own } from './text.ts';

class Node<P> {
  literals: NameMap<Node<P>> | undefined;
  star: Node<P> | undefined;
  globs: Globs<Node<P>> | undefined;
  here: P | undefined;
  below: P | undefined;

  get unused(): boolean {
    return (
      this.here === undefined &&
      this.below === undefined &&
      this.star === undefined &&
      this.literals === undefined &&
      this.globs === undefined
    );
  }
}

export class Trie<P> {
  readonly #root = new Node<P>();
  /** Work list of `match`: nodes, and how many levels of the topic lead to each. */
  readonly #nodes: Node<P>[] = [];
  readonly #depths: number[] = [];
  readonly #globbed: Node<P>[] = [];
  #size = 0;
  /** Nodes and glob paths visited by all matches so far: what a match costs, in a number that does not depend on the machine. */
  visited = 0;

  /** Patterns in the trie. */
  get size(): number {
    return this.#size;
  }

  /** Adds a checked pattern text that is not there yet. */
  add(text: string, pattern: P): void {
    this.#size++;
    let node = this.#root;
    const levels = text.split(SEPARATOR);
    for (const [i, level] of levels.entries()) {
      if (level === HASH && i === levels.length - 1) {
        node.below = pattern;
        return;
      }
      node = child(node, level) ?? grow(node, level);
    }
    node.here = pattern;
  }

  /** Takes a pattern text out that is there. */
  delete(text: string): void {
    const levels = text.split(SEPARATOR);
    const open = levels[levels.length - 1] === HASH;
    if (open) levels.pop();
    const walked: Node<P>[] = [this.#root];
    for (const level of levels) {
      const next = child(walked[walked.length - 1] as Node<P>, level);
      if (next === undefined) return;
      walked.push(next);
    }
    const end = walked[levels.length] as Node<P>;
    if (open) end.below = undefined;
    else end.here = undefined;
    this.#size--;
    for (let i = levels.length; i > 0 && (walked[i] as Node<P>).unused; i--) {
      prune(walked[i - 1] as Node<P>, levels[i - 1] as string);
    }
  }

  /** Whether any pattern matches `topic`. */
  matches(topic: string): boolean {
    return this.#size > 0 && this.match(topic, 1).length > 0;
  }

  /** The patterns that match `topic`, each once, in no particular order; at most `atMost` of them. */
  match(topic: string, atMost = Number.POSITIVE_INFINITY): P[] {
    const found: P[] = [];
    if (this.#size === 0) return found;
    const levels = topic.split(SEPARATOR);
    const internal = isInternal(topic);
    const nodes = this.#nodes;
    const depths = this.#depths;
    const globbed = this.#globbed;
    nodes.push(this.#root);
    depths.push(0);
    for (let node = nodes.pop(); node !== undefined; node = nodes.pop()) {
      const depth = depths.pop() as number;
      this.visited++;
      // in the first level of an internal topic only what names it counts (synap-core.md 9-19)
      const named = internal && depth === 0;
      if (node.below !== undefined && !named) found.push(node.below);
      if (depth === levels.length) {
        if (node.here !== undefined) found.push(node.here);
      } else {
        const level = levels[depth] as string;
        const literal = node.literals?.get(level);
        if (literal !== undefined) {
          nodes.push(literal);
          depths.push(depth + 1);
        }
        if (node.star !== undefined && !named) {
          nodes.push(node.star);
          depths.push(depth + 1);
        }
        if (node.globs !== undefined) {
          this.visited += node.globs.match(level, named ? INTERNAL_PREFIX : 0, globbed);
          for (let next = globbed.pop(); next !== undefined; next = globbed.pop()) {
            nodes.push(next);
            depths.push(depth + 1);
          }
        }
      }
      if (found.length >= atMost) break;
    }
    nodes.length = 0;
    depths.length = 0;
    return found;
  }

  /** Broken invariants, one sentence each; empty when the trie is sound. */
  check(): string[] {
    const broken: string[] = [];
    let size = 0;
    const waiting = [this.#root];
    for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
      if (node.here !== undefined) size++;
      if (node.below !== undefined) size++;
      if (node.unused && node !== this.#root) broken.push('a trie node is left over');
      if (node.literals?.size === 0) broken.push('an empty map of literal levels is left over');
      if (node.globs?.size === 0) broken.push('an empty index of globs is left over');
      if (node.star !== undefined) waiting.push(node.star);
      if (node.literals !== undefined) for (const next of node.literals.values()) waiting.push(next);
      if (node.globs !== undefined) {
        broken.push(...node.globs.check());
        for (const next of node.globs.values()) waiting.push(next);
      }
    }
    if (size !== this.#size) broken.push(`a trie of ${size} patterns counts ${this.#size}`);
    return broken;
  }
}

function child<P>(node: Node<P>, level: string): Node<P> | undefined {
  if (level === STAR) return node.star;
  return level.includes(STAR) ? node.globs?.get(level) : node.literals?.get(level);
}

function grow<P>(node: Node<P>, level: string): Node<P> {
  const next = new Node<P>();
  if (level === STAR) node.star = next;
  else if (level.includes(STAR)) (node.globs ??= new Globs()).add(level, next);
  else (node.literals ??= new NameMap()).add(own(level), next);
  return next;
}

function prune<P>(node: Node<P>, level: string): void {
  if (level === STAR) {
    node.star = undefined;
  } else if (level.includes(STAR)) {
    node.globs?.delete(level);
    if (node.globs?.size === 0) node.globs = undefined;
  } else {
    node.literals?.delete(level);
    if (node.literals?.size === 0) node.literals = undefined;
  }
}
