/**
 * JSON in which integers of 64 bits survive: beyond 2^53 - 1 they are `bigint`.
 *
 * Invariant: a text without such integers goes through the engine's own parser and printer only.
 */

/** The text of a value; throws `TypeError` for what JSON cannot say. */
export function stringify(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch (error) {
    if (!(error instanceof TypeError) || !/BigInt/i.test(error.message)) throw error;
    return printed(value, '') ?? 'null';
  }
}

/** The slow way, for values with a `bigint` in them. `undefined`: nothing to print. Cycles were found before. */
function printed(value: unknown, name: string): string | undefined {
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const own = value as { toJSON?: (name: string) => unknown };
  if (typeof own.toJSON === 'function') return printed(own.toJSON(name), name);
  if (Array.isArray(value)) return `[${value.map((item, i) => printed(item, String(i)) ?? 'null').join(',')}]`;
  const members: string[] = [];
  for (const [key, member] of Object.entries(value)) {
    const text = printed(member, key);
    if (text !== undefined) members.push(`${JSON.stringify(key)}:${text}`);
  }
  return `{${members.join(',')}}`;
}

/** As many digits as an integer must have to be inexact. */
const LONG = /\d{16}/;

/** The value of a text; throws `SyntaxError`. */
export function parse(text: string): unknown {
  const value: unknown = JSON.parse(text); // also checks the text, so that what follows need not
  return LONG.test(text) ? new Reader(text).value() : value;
}

/** Reads a text that is valid JSON. */
class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  value(): unknown {
    const sign = this.#next();
    if (sign === '{') return this.#object();
    if (sign === '[') return this.#array();
    if (sign === '"') return this.#string();
    const word = this.#word();
    return INTEGER.test(word) && !Number.isSafeInteger(Number(word)) ? BigInt(word) : JSON.parse(word);
  }

  #object(): unknown {
    const members: Record<string, unknown> = {};
    this.#at++;
    while (this.#next() !== '}') {
      if (this.#text[this.#at] === ',') this.#at++;
      this.#next();
      const name = this.#string();
      this.#next();
      this.#at++; // the colon
      const value = this.value();
      if (name === '__proto__')
        Object.defineProperty(members, name, { value, enumerable: true, configurable: true, writable: true });
      else members[name] = value;
    }
    this.#at++;
    return members;
  }

  #array(): unknown {
    const items: unknown[] = [];
    this.#at++;
    while (this.#next() !== ']') {
      if (this.#text[this.#at] === ',') this.#at++;
      items.push(this.value());
    }
    this.#at++;
    return items;
  }

  #string(): string {
    STRING.lastIndex = this.#at;
    STRING.test(this.#text);
    const literal = this.#text.slice(this.#at, STRING.lastIndex);
    this.#at = STRING.lastIndex;
    return JSON.parse(literal) as string;
  }

  #word(): string {
    WORD.lastIndex = this.#at;
    WORD.test(this.#text);
    const word = this.#text.slice(this.#at, WORD.lastIndex);
    this.#at = WORD.lastIndex;
    return word;
  }

  /** The next character that is no blank. */
  #next(): string | undefined {
    while (BLANK.has(this.#text.charCodeAt(this.#at))) this.#at++;
    return this.#text[this.#at];
  }
}

const BLANK = new Set([0x20, 0x09, 0x0a, 0x0d]);
const INTEGER = /^-?\d+$/;
const STRING = /"(?:[^"\\]|\\.)*"/y;
const WORD = /[^\s,\]}]+/y;
