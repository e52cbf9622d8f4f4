/**
 * JSON with exact timestamps: 64-bit nanoseconds do not fit into a number.
 *
 * Invariant: only timestamps of records are touched; what users put into bodies, metadata and reactions stays as it is.
 */

/** Digits of a timestamp member. A quote behind `{` or `,` opens a name, or closes a string that no name can follow. */
const DIGITS = /([{,]\s*"(?:ts|created_ts|updated_ts|deleted_ts|at)"\s*:\s*)(-?\d{16,})(?![\d.eE])/g;
const TIMES = new Set(['ts', 'created_ts', 'updated_ts', 'deleted_ts', 'at']);
const OPAQUE = new Set(['body', 'metadata', 'reactions']);

/** Reads JSON with timestamps as `bigint`. Throws `SyntaxError`. */
export function parseExact(text: string): unknown {
  const value: unknown = JSON.parse(text);
  return exact(value, JSON.parse(text.replace(DIGITS, '$1"$2"')));
}

/** Puts the timestamps of `quoted`, where their digits are text, into `value`. */
function exact(value: unknown, quoted: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const [to, from] = [value as Record<string, unknown>, quoted as Record<string, unknown>];
  for (const name of Object.keys(to)) {
    if (TIMES.has(name) && Number.isInteger(to[name])) to[name] = BigInt(from[name] as string | number);
    else if (!OPAQUE.has(name)) exact(to[name], from[name]);
  }
  return value;
}

/** The JSON text of what is sent; a `bigint` member, such as an exact `ts`, is printed in full. */
export function print(value: unknown): string {
  if (typeof value !== 'object' || value === null || !Object.values(value).some((part) => typeof part === 'bigint')) {
    return JSON.stringify(value);
  }
  const members = Object.entries(value)
    .map(([name, part]) => [JSON.stringify(name), typeof part === 'bigint' ? String(part) : JSON.stringify(part)])
    .filter(([, part]) => part !== undefined);
  return `{${members.map(([name, part]) => `${name}:${part}`).join(',')}}`;
}
