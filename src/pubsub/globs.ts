/**
 * The in-level globs under one trie node (`user:*`, `s-*-t`), indexed so that a level is not compared with each of
 * them (synap-core.md 6.3-2): text before the first star anchors the start, after the last star the end, pieces
 * between come in order; nothing overlaps; stars match empty text.
 *
 * A glob is a path: its prefix in a tree of prefixes, its suffix in the tree of suffixes found there, then piece by
 * piece through the pieces between the stars. Each piece is taken at its leftmost place, which never spoils a later
 * piece, so a path has one state and a level visits each path at most once: there is nothing to backtrack into.
 *
 * Invariant: every path ends at a value, and two different texts are two different paths (`a**b` is not `a*b`).
 */
import { STAR } from './pattern.ts';
import { own, reversed } from './text.ts';
import { type Hit, TextTree } from './text-tree.ts';

/** Pieces under one path up to which they are searched one by one, by the engine's own substring search. */
const FEW = 8;

/** The pieces that may come next on a path. */
class Pieces<V> {
  #few: Path<V>[] | undefined = [];
  #many: TextTree<Path<V>> | undefined;

  get size(): number {
    return this.#few?.length ?? this.#many?.size ?? 0;
  }

  get(piece: string): Path<V> | undefined {
    return this.#few !== undefined ? this.#few.find((path) => path.piece === piece) : this.#many?.get(piece);
  }

  add(path: Path<V>): void {
    this.#few?.push(path);
    this.#many?.add(path.piece, path);
    if (this.#few !== undefined && this.#few.length > FEW) {
      this.#many = new TextTree();
      for (const each of this.#few) this.#many.add(each.piece, each);
      this.#few = undefined;
    }
  }

  delete(path: Path<V>): void {
    this.#few?.splice(this.#few.indexOf(path), 1);
    this.#many?.delete(path.piece);
  }

  /** Each piece that stands in `level` between `from` and `to`, once, at its leftmost place. */
  met(level: string, from: number, to: number, stamp: number, waiting: Path<V>[]): void {
    if (this.#few !== undefined) {
      for (const path of this.#few) {
        const at = level.indexOf(path.piece, from);
        if (at >= 0 && at + path.piece.length <= to) path.reach(stamp, at + path.piece.length, waiting);
      }
      return;
    }
    const many = this.#many as TextTree<Path<V>>;
    let left = many.size;
    for (let at = from; at <= to && left > 0; at++) {
      for (const { value } of many.met(level, at, to - at, 1)) {
        if (value.reach(stamp, at + value.piece.length, waiting)) left--;
      }
    }
  }

  values(): Iterable<Path<V>> {
    return this.#few ?? (this.#many as TextTree<Path<V>>).values();
  }

  check(): string[] {
    return this.#many?.check() ?? [];
  }
}

/** One step of a glob: after the anchors, or after one more piece. */
class Path<V> {
  readonly piece: string;
  /** What the glob that ends here stands for. */
  value: V | undefined;
  pieces: Pieces<V> | undefined;
  /** Where the rest of the level begins, in the match that `#stamp` names. */
  from = 0;
  #stamp = 0;

  constructor(piece: string) {
    this.piece = piece;
  }

  /** Queues this path once per match; answers whether it did. */
  reach(stamp: number, from: number, waiting: Path<V>[]): boolean {
    if (this.#stamp === stamp) return false;
    this.#stamp = stamp;
    this.from = from;
    waiting.push(this);
    return true;
  }

  get unused(): boolean {
    return this.value === undefined && (this.pieces === undefined || this.pieces.size === 0);
  }
}

export class Globs<V> {
  readonly #prefixes = new TextTree<TextTree<Path<V>>>();
  #stamp = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(glob: string): V | undefined {
    const pieces = glob.split(STAR);
    const last = pieces.length - 1;
    let path = this.#prefixes.get(pieces[0] as string)?.get(reversed(pieces[last] as string));
    for (let i = 1; i < last && path !== undefined; i++) path = path.pieces?.get(pieces[i] as string);
    return path?.value;
  }

  /** Adds a glob (a level with at least one star) that is not there yet. */
  add(glob: string, value: V): void {
    const pieces = glob.split(STAR);
    const last = pieces.length - 1;
    const prefix = pieces[0] as string;
    const suffix = reversed(pieces[last] as string);
    let suffixes = this.#prefixes.get(prefix);
    if (suffixes === undefined) this.#prefixes.add(prefix, (suffixes = new TextTree()));
    let path = suffixes.get(suffix);
    if (path === undefined) suffixes.add(suffix, (path = new Path('')));
    for (let i = 1; i < last; i++) {
      const piece = pieces[i] as string;
      path.pieces ??= new Pieces();
      let next: Path<V> | undefined = path.pieces.get(piece);
      if (next === undefined) path.pieces.add((next = new Path(own(piece))));
      path = next;
    }
    path.value = value;
    this.#size++;
  }

  /** Takes a glob out that is there. */
  delete(glob: string): void {
    const pieces = glob.split(STAR);
    const last = pieces.length - 1;
    const prefix = pieces[0] as string;
    const suffix = reversed(pieces[last] as string);
    const suffixes = this.#prefixes.get(prefix);
    let path = suffixes?.get(suffix);
    if (suffixes === undefined || path === undefined) return;
    const walked = [path];
    for (let i = 1; i < last; i++) {
      path = path.pieces?.get(pieces[i] as string);
      if (path === undefined) return;
      walked.push(path);
    }
    path.value = undefined;
    this.#size--;
    for (let i = walked.length - 1; i > 0 && (walked[i] as Path<V>).unused; i--) {
      const parent = walked[i - 1] as Path<V>;
      parent.pieces?.delete(walked[i] as Path<V>);
      if (parent.pieces?.size === 0) parent.pieces = undefined;
    }
    if ((walked[0] as Path<V>).unused) suffixes.delete(suffix);
    if (suffixes.size === 0) this.#prefixes.delete(prefix);
  }

  /**
   * Appends to `found` what every glob that matches `level` stands for, each once, looking only at globs with at least
   * `prefixMin` units before their first star. Answers the number of paths visited.
   */
  match(level: string, prefixMin: number, found: V[]): number {
    const end = level.length;
    const stamp = ++this.#stamp;
    let visited = 0;
    for (const prefix of this.#prefixes.met(level, 0, end, 1)) {
      if (prefix.length < prefixMin) continue;
      visited++;
      const suffixes = prefix.value.met(level, end - 1, end - prefix.length, -1);
      for (const suffix of suffixes) visited += follow(suffix, level, prefix.length, stamp, found);
    }
    return visited;
  }

  /** What every glob stands for, in no particular order. */
  *values(): IterableIterator<V> {
    for (const path of this.#paths()) if (path.value !== undefined) yield path.value;
  }

  /** Broken invariants, one sentence each; empty when the index is sound. */
  check(): string[] {
    const broken = this.#prefixes.check();
    let size = 0;
    for (const suffixes of this.#prefixes.values()) {
      if (suffixes.size === 0) broken.push('a glob prefix has no suffixes');
      broken.push(...suffixes.check());
    }
    for (const path of this.#paths()) {
      if (path.value !== undefined) size++;
      if (path.unused) broken.push(`a glob path is left over after piece '${path.piece}'`);
      if (path.pieces?.size === 0) broken.push('an empty set of glob pieces is left over');
      broken.push(...(path.pieces?.check() ?? []));
    }
    if (size !== this.#size) broken.push(`${size} globs are counted as ${this.#size}`);
    return broken;
  }

  *#paths(): IterableIterator<Path<V>> {
    for (const suffixes of this.#prefixes.values()) {
      const waiting = [...suffixes.values()];
      for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
        yield path;
        if (path.pieces !== undefined) for (const next of path.pieces.values()) waiting.push(next);
      }
    }
  }
}

/** Follows one pair of anchors through the pieces between them. */
function follow<V>(suffix: Hit<Path<V>>, level: string, from: number, stamp: number, found: V[]): number {
  const to = level.length - suffix.length;
  const waiting: Path<V>[] = [];
  let visited = 0;
  suffix.value.reach(stamp, from, waiting);
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    visited++;
    if (path.value !== undefined) found.push(path.value);
    path.pieces?.met(level, path.from, to, stamp, waiting);
  }
  return visited;
}
