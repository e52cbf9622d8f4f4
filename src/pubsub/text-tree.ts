/**
 * A radix tree over texts: finds every stored text that begins at a given place of another text, in one walk.
 *
 * Invariant: no two children of a node begin with the same unit, children stand in the order of that unit, and every
 * node but the root holds a value or has at least two children.
 */
import { own } from './text.ts';

/** Never written to. */
const NO_CODES: number[] = [];
const NO_CHILDREN: never[] = [];

class Node<V> {
  /** The units between the parent and this node; empty at the root only. */
  label: string;
  value: V | undefined;
  /** First units of the children's labels, ascending; shared and empty in a leaf, since most nodes are leaves. */
  codes: number[] = NO_CODES;
  children: Node<V>[] = NO_CHILDREN;

  constructor(label: string, value: V | undefined) {
    this.label = label;
    this.value = value;
  }
}

/** A stored text that was met, by its value and its length. */
export interface Hit<V> {
  readonly value: V;
  readonly length: number;
}

export class TextTree<V> {
  readonly #root = new Node<V>('', undefined);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(text: string): V | undefined {
    let node: Node<V> | undefined = this.#root;
    let at = 0;
    while (at < text.length) {
      node = childOf(node, text.charCodeAt(at));
      if (node === undefined || !text.startsWith(node.label, at)) return undefined;
      at += node.label.length;
    }
    return node.value;
  }

  /** Adds a text that is not there yet. */
  add(text: string, value: V): void {
    this.#size++;
    let node = this.#root;
    let at = 0;
    while (at < text.length) {
      const child = childOf(node, text.charCodeAt(at));
      if (child === undefined) {
        insert(node, new Node(own(text.slice(at)), value));
        return;
      }
      const shared = common(child.label, text, at);
      if (shared < child.label.length) fork(node, child, shared);
      node = childOf(node, text.charCodeAt(at)) as Node<V>;
      at += shared;
    }
    node.value = value;
  }

  /** Takes a text out; does nothing when it is not there. */
  delete(text: string): void {
    let above: Node<V> | undefined;
    let parent: Node<V> | undefined;
    let node = this.#root;
    let at = 0;
    while (at < text.length) {
      const child = childOf(node, text.charCodeAt(at));
      if (child === undefined || !text.startsWith(child.label, at)) return;
      at += child.label.length;
      above = parent;
      parent = node;
      node = child;
    }
    if (node.value === undefined) return;
    this.#size--;
    node.value = undefined;
    if (parent === undefined) return;
    if (node.children.length === 0) {
      remove(parent, node);
      if (above !== undefined) merge(above, parent);
    } else {
      merge(parent, node);
    }
  }

  /**
   * Every stored text met when reading `text` from `start` (a position) by `step` (1 forwards, -1 backwards) over at
   * most `span` units; the shortest first. Read backwards, stored texts are meant to be stored reversed.
   */
  met(text: string, start: number, span: number, step: 1 | -1): Hit<V>[] {
    const hits: Hit<V>[] = [];
    let node: Node<V> | undefined = this.#root;
    let length = 0;
    for (;;) {
      if (node.value !== undefined) hits.push({ value: node.value, length });
      if (length >= span) return hits;
      node = childOf(node, text.charCodeAt(start + step * length));
      if (node === undefined || length + node.label.length > span) return hits;
      const label = node.label;
      for (let i = 1; i < label.length; i++) {
        if (label.charCodeAt(i) !== text.charCodeAt(start + step * (length + i))) return hits;
      }
      length += label.length;
    }
  }

  /** Every value, in the order of the texts. */
  *values(): IterableIterator<V> {
    const waiting: Node<V>[] = [this.#root];
    for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
      if (node.value !== undefined) yield node.value;
      for (let i = node.children.length - 1; i >= 0; i--) waiting.push(node.children[i] as Node<V>);
    }
  }

  /** Broken invariants, one sentence each; empty when the tree is sound. */
  check(): string[] {
    const broken: string[] = [];
    let size = 0;
    const waiting: Node<V>[] = [this.#root];
    for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
      if (node.value !== undefined) size++;
      else if (node !== this.#root && node.children.length < 2) broken.push(`text node '${node.label}' is of no use`);
      if (node !== this.#root && node.label === '') broken.push('a text node has no label');
      for (const [i, child] of node.children.entries()) {
        if (child.label.charCodeAt(0) !== node.codes[i]) broken.push(`text node '${child.label}' is filed wrongly`);
        if (i > 0 && (node.codes[i - 1] as number) >= (node.codes[i] as number))
          broken.push(`the children of text node '${node.label}' are out of order`);
        waiting.push(child);
      }
    }
    if (size !== this.#size) broken.push(`a text tree of ${size} texts counts ${this.#size}`);
    return broken;
  }
}

/** Where `code` stands or belongs among the children. */
function placeOf<V>(node: Node<V>, code: number): number {
  const codes = node.codes;
  let low = 0;
  let high = codes.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((codes[middle] as number) < code) low = middle + 1;
    else high = middle;
  }
  return low;
}

function childOf<V>(node: Node<V>, code: number): Node<V> | undefined {
  const place = placeOf(node, code);
  return node.codes[place] === code ? node.children[place] : undefined;
}

function insert<V>(parent: Node<V>, child: Node<V>): void {
  const code = child.label.charCodeAt(0);
  if (parent.codes.length === 0) {
    parent.codes = [code];
    parent.children = [child];
    return;
  }
  const place = placeOf(parent, code);
  parent.codes.splice(place, 0, code);
  parent.children.splice(place, 0, child);
}

function remove<V>(parent: Node<V>, child: Node<V>): void {
  if (parent.codes.length === 1) {
    parent.codes = NO_CODES;
    parent.children = NO_CHILDREN;
    return;
  }
  const place = placeOf(parent, child.label.charCodeAt(0));
  parent.codes.splice(place, 1);
  parent.children.splice(place, 1);
}

/** Puts a node between `parent` and `child` after `shared` units of the child's label. */
function fork<V>(parent: Node<V>, child: Node<V>, shared: number): void {
  const between = new Node<V>(own(child.label.slice(0, shared)), undefined);
  parent.children[placeOf(parent, child.label.charCodeAt(0))] = between;
  child.label = own(child.label.slice(shared));
  insert(between, child);
}

/** Replaces `node` by its only child when it serves no other purpose. */
function merge<V>(parent: Node<V>, node: Node<V>): void {
  const child = node.children[0];
  if (node.value !== undefined || node.children.length !== 1 || child === undefined) return;
  parent.children[placeOf(parent, node.label.charCodeAt(0))] = child;
  child.label = node.label + child.label;
}

/** How many units of `label` stand in `text` from `at` on. */
function common(label: string, text: string, at: number): number {
  const end = Math.min(label.length, text.length - at);
  let i = 1; // the first unit chose the child
  while (i < end && label.charCodeAt(i) === text.charCodeAt(at + i)) i++;
  return i;
}
