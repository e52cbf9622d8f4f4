/**
 * The text under which a JSON value is kept and answered (progressdb.md 2.2).
 *
 * Invariant: it is what the reference prints: members sorted by the bytes of their names, numbers as doubles in
 * JavaScript's form, `<`, `>`, `&`, U+2028 and U+2029 escaped, halves of surrogate pairs replaced by U+FFFD. So it is
 * printed once, when it is stored, and spliced into every answer.
 */
import { byBytes, JsonFloat, RawJson } from '../core/json.ts';

const SPECIAL = /[<>&\u2028\u2029]/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters that a literal cannot hold
const AT_RISK = /["\\\u0000-\u001f<>&\u2028\u2029\ud800-\udfff]/;
const HALF = /\p{Surrogate}/gu;

/** The literal of a text. */
export function textLiteral(text: string): string {
  if (!AT_RISK.test(text)) return `"${text}"`;
  return JSON.stringify(text.replace(HALF, '\ufffd')).replace(SPECIAL, escapeSpecial);
}

function escapeSpecial(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** The text of any JSON value. `bigint` and `JsonFloat` count as numbers; what is no JSON value becomes `null`. */
export function jsonText(value: unknown): string {
  if (isPlain(value)) {
    const text = JSON.stringify(value);
    if (!DIFFERS.test(text)) return text;
  }
  return exactText(value);
}

/** What `JSON.stringify` writes otherwise than the reference. */
const DIFFERS = /[<>&\u2028\u2029]|\\u[dD]/;

/** Whether a value has nothing but what `JSON.stringify` knows, with all members in order. */
function isPlain(value: unknown): boolean {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return true;
    case 'number':
      return Number.isFinite(value) && !Object.is(value, -0);
    case 'object': {
      if (value === null) return true;
      if (Array.isArray(value)) return value.every(isPlain);
      if (value instanceof JsonFloat || value instanceof RawJson) return false;
      let before = '';
      for (const name in value) {
        if (name < before || SURROGATE.test(name) || !isPlain((value as Record<string, unknown>)[name])) return false;
        before = name;
      }
      return true;
    }
    default:
      return false;
  }
}

/** Halves of pairs sort elsewhere by their bytes than by their units. */
const SURROGATE = /[\ud800-\udfff]/;

function exactText(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return textLiteral(value);
    case 'number':
      return numberText(value);
    case 'boolean':
      return value ? 'true' : 'false';
    case 'bigint':
      return numberText(Number(value));
    case 'object': {
      if (value === null) return 'null';
      if (Array.isArray(value)) return `[${value.map(exactText).join(',')}]`;
      if (value instanceof JsonFloat) return numberText(value.value);
      if (value instanceof RawJson) return value.text;
      return objectText(value as Record<string, unknown>);
    }
    default:
      return 'null';
  }
}

function numberText(value: number): string {
  if (Object.is(value, -0)) return '-0';
  return Number.isFinite(value) ? String(value) : 'null';
}

function objectText(members: Readonly<Record<string, unknown>>): string {
  const names = Object.keys(members);
  if (names.length > 1) names.sort(byBytes);
  let text = '{';
  for (let i = 0; i < names.length; i++) {
    const name = names[i] as string;
    text += `${i === 0 ? '' : ','}${textLiteral(name)}:${exactText(members[name])}`;
  }
  return `${text}}`;
}
