/**
 * The JSON values that JavaScript cannot hold as they are, and the canonical text of any JSON value.
 *
 * Invariant: parsing a text and printing it again gives what the reference prints (synap-core.md 1.7-4 and 2.3-1):
 * integers within 64 bits exactly, other numbers as shortest floats with a fraction digit, members sorted by key.
 */

/** A number that was written with a fraction or an exponent and yet is whole (`1.0`, `1e3`), or is `-0` or beyond 64 bits: a float, not an integer. */
export class JsonFloat {
  readonly value: number;
  constructor(value: number) {
    this.value = value;
  }
  valueOf(): number {
    return this.value;
  }
}

/** JSON text that is spliced into an answer as it stands; it must be valid JSON. */
export class RawJson {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** The text of a float as the reference prints it: plain for 1e-5 <= |x| < 1e16 with at least one fraction digit, else with exponent. */
export function floatText(x: number): string {
  if (x === 0) return Object.is(x, -0) ? '-0.0' : '0.0';
  const size = Math.abs(x);
  if (size >= 1e-5 && size < 1e16) {
    let text = String(x);
    if (text.includes('e')) text = plain(x); // JavaScript switches to exponents below 1e-6
    return text.includes('.') ? text : `${text}.0`;
  }
  return x.toExponential(); // the same shortest digits, only the point moves
}

function plain(x: number): string {
  const [digits = '', exponent = '0'] = x.toExponential().split('e');
  const sign = digits.startsWith('-') ? '-' : '';
  const bare = digits.replace('-', '').replace('.', '');
  return `${sign}0.${'0'.repeat(-Number(exponent) - 1)}${bare}`;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters that JSON wants escaped
const ESCAPED = /["\\\u0000-\u001f\ud800-\udfff]/;

/** A JSON string literal. */
export function quote(text: string): string {
  return text.length < 4096 && !ESCAPED.test(text) ? `"${text}"` : JSON.stringify(text);
}

/**
 * The JSON text of a value, exact for `bigint`, `JsonFloat` and `RawJson`; members in the order they stand.
 * `undefined` members are left out.
 */
export function print(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return quote(value);
    case 'number':
      return Number.isInteger(value) ? integerText(value) : Number.isFinite(value) ? floatText(value) : 'null';
    case 'boolean':
      return value ? 'true' : 'false';
    case 'bigint':
      return value.toString();
    case 'object':
      if (value === null) return 'null';
      if (Array.isArray(value)) return printArray(value);
      if (value instanceof RawJson) return value.text;
      if (value instanceof JsonFloat) return floatText(value.value);
      if (value instanceof Uint8Array) return `[${value.join(',')}]`;
      return printMembers(value as Record<string, unknown>);
    default:
      return 'null';
  }
}

function integerText(value: number): string {
  // beyond 64 bits there are no integers on this wire, only floats
  return Object.is(value, -0) ? '-0.0' : Math.abs(value) < 2 ** 64 ? String(value) : floatText(value);
}

/** Member names as they are printed: the same few come again and again. Names that clients choose do not fill it beyond its cap. */
const LABELS = new Map<string, string>();
const LABELS_MAX = 2_048;
const LABEL_LENGTH_MAX = 64;

function labelOf(name: string): string {
  const label = `${quote(name)}:`;
  if (LABELS.size < LABELS_MAX && name.length <= LABEL_LENGTH_MAX) LABELS.set(name, label);
  return label;
}

function printArray(items: readonly unknown[]): string {
  let text = '[';
  for (let i = 0; i < items.length; i++) text += i === 0 ? print(items[i]) : `,${print(items[i])}`;
  return `${text}]`;
}

function printMembers(members: Record<string, unknown>): string {
  let text = '{';
  for (const name in members) {
    const value = members[name];
    if (value === undefined) continue;
    const label = LABELS.get(name) ?? labelOf(name);
    text += text.length === 1 ? label + print(value) : `,${label}${print(value)}`;
  }
  return `${text}}`;
}

/** The compact text under which a JSON value is stored: members sorted by the bytes of their names at every depth (2.3-1). */
export function canonical(value: unknown): string {
  if (typeof value !== 'object' || value === null) return print(value);
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (value instanceof JsonFloat || value instanceof RawJson || value instanceof Uint8Array) return print(value);
  const members = value as Record<string, unknown>;
  const names = Object.keys(members).sort(byBytes);
  return `{${names.map((name) => `${quote(name)}:${canonical(members[name])}`).join(',')}}`;
}

/** Order of the UTF-8 bytes of two texts, which is the order of their code points. */
export function byBytes(a: string, b: string): number {
  const end = Math.min(a.length, b.length);
  for (let i = 0; i < end; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) {
      // surrogates stand for code points above U+FFFF, but sort below U+E000 as units
      const xs = x >= 0xd800 && x <= 0xdfff;
      const ys = y >= 0xd800 && y <= 0xdfff;
      return xs === ys ? x - y : xs ? 1 : -1;
    }
  }
  return a.length - b.length;
}
