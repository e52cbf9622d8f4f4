/**
 * How the chat face prints and reads JSON, as the reference does (progressdb.md 2.1, 2.2).
 *
 * Invariant: printing keeps the order of members and escapes `<`, `>`, `&`, U+2028 and U+2029; reading takes the first
 * JSON value of a body and ignores what follows, unknown members, and the letter case of names.
 */
import { Buffer } from 'node:buffer';
import { CommandError } from '../core/errors.ts';
import { JsonFloat, quote, RawJson } from '../core/json.ts';
import { isObject } from './decode.ts';
import type { Reply } from './endpoint.ts';
import { formDecode } from './query.ts';

const BAD_ESCAPE = /%(?![\da-fA-F]{2})/;
const SPECIAL = /[<>&\u2028\u2029]/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters that a literal cannot hold
const AT_RISK = /["\\\u0000-\u001f<>&\u2028\u2029\ud800-\udfff]/;

function literal(text: string): string {
  if (text.length < 4096 && !AT_RISK.test(text)) return `"${text}"`;
  return quote(text).replace(SPECIAL, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Member names as they are printed: the same few come again and again. Names that clients choose do not fill it beyond its cap. */
const LABELS = new Map<string, string>();
const LABELS_MAX = 256;
const LABEL_LENGTH_MAX = 64;

function labelOf(name: string): string {
  const label = `${literal(name)}:`;
  if (LABELS.size < LABELS_MAX && name.length <= LABEL_LENGTH_MAX) LABELS.set(name, label);
  return label;
}

/** The JSON text of an answer. */
export function goText(value: unknown): string {
  if (typeof value === 'string') return literal(value);
  if (typeof value !== 'object') return String(value);
  if (value === null) return 'null';
  if (value instanceof RawJson) return value.text;
  if (Array.isArray(value)) return `[${value.map(goText).join(',')}]`;
  let text = '';
  for (const name in value) {
    const member = (value as Record<string, unknown>)[name];
    if (member === undefined) continue;
    const label = LABELS.get(name) ?? labelOf(name);
    text += text === '' ? label + goText(member) : `,${label}${goText(member)}`;
  }
  return `{${text}}`;
}

/** An answer of 200 with its final newline. */
export const line = (value: unknown): string => `${goText(value)}\n`;

/** The answer to a delete. */
export const NO_CONTENT: Reply = { status: 204, type: 'application/json', body: '' };

/** A refusal: the status of the error and `{"error"}`. */
export function chatFailure(error: CommandError): Reply {
  return { status: error.status, type: 'application/json', body: line({ error: TEXTS[error.code] ?? error.message }) };
}

/** Texts of refusals that any face has, in the words of the reference. */
const TEXTS: { readonly [code: string]: string } = {
  UNAUTHORIZED: 'unauthorized',
  FORBIDDEN: 'forbidden',
  METHOD_NOT_ALLOWED: 'method not allowed',
  NOT_FOUND: 'page not found',
  BODY_TOO_LARGE: 'request body too large',
};

/** Reads JSON text, numbers exactly. Throws `CommandError` when it is none. */
export type Parse = (text: string) => unknown;

type Members = Readonly<Record<string, unknown>>;

/** Throws the refusal of a body. */
export function refuse(detail: string): never {
  throw new CommandError('CHAT_INVALID', { detail });
}

/** The members of a body, by their names in lower case; `null` is an empty object. `problem` says what is wrong. */
export function readMembers(bytes: unknown, parse: Parse, problem: string): Members {
  const { buffer, byteOffset, byteLength } = bytes as Uint8Array;
  const text = whole(Buffer.from(buffer, byteOffset, byteLength).toString('utf8'));
  let value: unknown;
  try {
    value = parse(text);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    value = first(text, parse, problem);
  }
  if (value === null) return {};
  if (!isObject(value)) return refuse(problem);
  const members: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  for (const name of Object.keys(value)) members[name.toLowerCase()] = value[name];
  return members;
}

const ESCAPE = /\\(?:u[dD][89abAB][\da-fA-F]{2}\\u[dD][c-fC-F][\da-fA-F]{2}|(u[dD][89a-fA-F][\da-fA-F]{2})|[\s\S])/g;

/** Escapes of half a surrogate pair stand for U+FFFD. */
function whole(text: string): string {
  return /\\u[dD][89a-fA-F]/.test(text) ? text.replace(ESCAPE, (all, half) => (half ? '\\ufffd' : all)) : text;
}

/** The value at the beginning of a text that goes on behind it; only objects have to be found. */
function first(text: string, parse: Parse, problem: string): unknown {
  if (/^[ \t\r\n]*null/.test(text)) return null;
  let depth = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (quoted) {
      if (character === '\\') at++;
      else if (character === '"') quoted = false;
    } else if (character === '"') quoted = true;
    else if (character === '{' || character === '[') depth++;
    else if (character === '}' || character === ']') {
      if (--depth <= 0) return parsed(text.slice(0, at + 1), parse, problem);
    }
  }
  return refuse(problem);
}

function parsed(text: string, parse: Parse, problem: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    if (error instanceof CommandError) return refuse(problem);
    throw error;
  }
}

/** A text; `null` and absent are empty. */
export function textOf(value: unknown, problem: string): string {
  return value === undefined || value === null ? '' : typeof value === 'string' ? value : refuse(problem);
}

/** A boolean; `null` and absent are `false`. */
export function flagOf(value: unknown, problem: string): boolean {
  return value === undefined || value === null ? false : typeof value === 'boolean' ? value : refuse(problem);
}

/** An integer of 64 bits, written as one. */
export function int64Of(value: unknown, problem: string): bigint {
  if (value === undefined || value === null) return 0n;
  if (typeof value === 'number' && Number.isInteger(value)) return BigInt(value);
  if (value instanceof JsonFloat && Object.is(value.value, -0)) return 0n;
  if (typeof value === 'bigint' && BigInt.asIntN(64, value) === value) return value;
  return refuse(problem);
}

/** An object; `null` and absent are empty. */
export function objectOf(value: unknown, problem: string): Members {
  return value === undefined || value === null ? {} : isObject(value) ? value : refuse(problem);
}

/** The value of a query parameter: the first one counts, and pairs that are not well-formed are none (2.1). */
export function queryOf(query: string, name: string): string | undefined {
  if (query === '') return undefined;
  for (const pair of query.split('&')) {
    if (pair.includes(';') || BAD_ESCAPE.test(pair)) continue;
    const at = pair.indexOf('=');
    const key = at < 0 ? pair : pair.slice(0, at);
    if (key === name || (/[%+]/.test(key) && formDecode(key) === name))
      return at < 0 ? '' : formDecode(pair.slice(at + 1));
  }
  return undefined;
}

/** A map of texts; absent stays `undefined`, and a member that is `null` is an empty text. */
export function textMapOf(value: unknown, problem: string): Record<string, string> | null | undefined {
  if (value === undefined || value === null) return value;
  if (!isObject(value)) return refuse(problem);
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, textOf(member, problem)]));
}
