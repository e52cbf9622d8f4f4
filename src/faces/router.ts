/**
 * Paths to endpoints, by the rules of synap-core.md 1.5: matched before decoding, literal segments before parameters,
 * a parameter in the middle may be empty, one at the end may not.
 *
 * Invariant: a path belongs to exactly one node, whatever the method; the node then says which methods it has.
 */

/** What a path leads to: the endpoints by method, in the order in which they were added. */
export interface Node<T> {
  readonly methods: Map<string, T>;
}

interface Branch<T> extends Node<T> {
  readonly literals: Map<string, Branch<T>>;
  parameter: Branch<T> | undefined;
}

const branch = <T>(): Branch<T> => ({ methods: new Map(), literals: new Map(), parameter: undefined });

/** A path that was found, with its raw parameters from left to right. */
export interface Found<T> {
  readonly node: Node<T>;
  readonly params: readonly string[];
}

export class Router<T> {
  readonly #root = branch<T>();

  /** Adds a route; `path` starts with a slash and names parameters `:like` this. */
  add(method: string, path: string, value: T): void {
    let at = this.#root;
    for (const part of path.slice(1).split('/')) {
      if (part.startsWith(':')) at = at.parameter ??= branch();
      else {
        let next = at.literals.get(part);
        if (next === undefined) at.literals.set(part, (next = branch()));
        at = next;
      }
    }
    if (at.methods.has(method)) throw new Error(`route ${method} ${path} stands twice`);
    at.methods.set(method, value);
  }

  /** Where `path` leads, or `undefined` when no route has it. */
  find(path: string): Found<T> | undefined {
    const params: string[] = [];
    const node = walk(this.#root, path.slice(1).split('/'), 0, params);
    return node === undefined ? undefined : { node, params };
  }
}

function walk<T>(at: Branch<T>, parts: readonly string[], depth: number, params: string[]): Branch<T> | undefined {
  if (depth === parts.length) return at.methods.size > 0 ? at : undefined;
  const part = parts[depth] as string;
  const literal = at.literals.get(part);
  if (literal !== undefined) {
    const found = walk(literal, parts, depth + 1, params);
    if (found !== undefined) return found;
  }
  if (at.parameter === undefined || (part === '' && depth === parts.length - 1)) return undefined;
  params.push(part);
  const found = walk(at.parameter, parts, depth + 1, params);
  if (found === undefined) params.pop();
  return found;
}

/** The value of the `Allow` header of a node: the methods comma-joined, HEAD after GET (synap-core.md 1.5-4). */
export function allowed(node: Node<unknown>): string {
  return [...node.methods.keys()].map((method) => (method === 'GET' ? 'GET,HEAD' : method)).join(',');
}
