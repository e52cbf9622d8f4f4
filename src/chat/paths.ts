/**
 * Dotted paths into a JSON value: `body.items.0.text`, `body.items.*.text`.
 *
 * Invariant: a path is read once, when the settings are; what it does not reach is simply not there.
 */

/** The segments of a path; a segment is a member, an index, or `*`. */
export type FieldPath = readonly string[];

/** Reads a path; `undefined` when a segment is empty. */
export function readPath(text: string): FieldPath | undefined {
  const segments = text.split('.');
  return segments.some((segment) => segment === '') ? undefined : segments;
}

const INDEX = /^(?:0|[1-9]\d{0,8})$/;

/** The value at the end of a path, `*` meaning the first item of an array (progressdb.md 5.7); `undefined` when there is none. */
export function valueAt(value: unknown, path: FieldPath): unknown {
  let at = value;
  for (const segment of path) {
    at = child(at, segment === '*' && Array.isArray(at) ? '0' : segment);
    if (at === undefined) return undefined;
  }
  return at;
}

/** Every concrete path that a pattern reaches in a value, `*` meaning all items of an array or members of an object. */
export function reach(value: unknown, pattern: FieldPath, depth = 0): string[][] {
  const segment = pattern[depth];
  if (segment === undefined) return value === undefined ? [] : [[]];
  if (typeof value !== 'object' || value === null) return [];
  const names =
    segment === '*' ? (Array.isArray(value) ? value.map((_, index) => String(index)) : Object.keys(value)) : [segment];
  return names.flatMap((name) => {
    const below = child(value, name);
    return below === undefined ? [] : reach(below, pattern, depth + 1).map((rest) => [name, ...rest]);
  });
}

/** Puts `replacement` where a concrete path leads, which must exist; gives the new root. Changes the value itself. */
export function replaceAt(root: unknown, path: FieldPath, replacement: unknown): unknown {
  const last = path[path.length - 1];
  if (last === undefined) return replacement;
  const parent = path.slice(0, -1).reduce((at, segment) => child(at, segment), root);
  if (Array.isArray(parent)) parent[Number(last)] = replacement;
  else if (typeof parent === 'object' && parent !== null) {
    Object.defineProperty(parent, last, {
      value: replacement,
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  return root;
}

function child(value: unknown, segment: string): unknown {
  if (Array.isArray(value)) return INDEX.test(segment) ? value[Number(segment)] : undefined;
  if (typeof value !== 'object' || value === null) return undefined;
  return Object.hasOwn(value, segment) ? (value as Record<string, unknown>)[segment] : undefined;
}
