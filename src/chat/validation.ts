/**
 * Rules that messages must obey, from the settings (progressdb.md 5.7, R26).
 *
 * Invariant: failures are found and told in the order of the kinds below, and within one kind in the order of the
 * settings, so that the same message always gets the same text.
 */
import { JsonFloat } from '../core/json.ts';
import { type FieldPath, valueAt } from './paths.ts';

/** A rule's place, as written and as read. */
export interface RulePath {
  readonly text: string;
  readonly path: FieldPath;
}

/** What `type` may say. */
export type JsonType = 'string' | 'number' | 'boolean' | 'object' | 'array';

/** All rules; empty lists mean none. `max` counts bytes of texts and items of arrays. */
export interface ValidationRules {
  readonly required: readonly RulePath[];
  readonly types: readonly { readonly at: RulePath; readonly type: JsonType }[];
  readonly maxLengths: readonly { readonly at: RulePath; readonly max: number }[];
  readonly enums: readonly { readonly at: RulePath; readonly values: readonly string[] }[];
  readonly whenThen: readonly {
    readonly when: RulePath;
    readonly equals: unknown;
    readonly required: readonly RulePath[];
  }[];
}

/** What a message breaks, one text each; `subject` is `{id, thread, author, role, ts, body}`. */
export function violations(rules: ValidationRules, subject: Readonly<Record<string, unknown>>): string[] {
  const broken: string[] = [];
  for (const { text, path } of rules.required) {
    if (isMissing(valueAt(subject, path))) broken.push(`required path missing: ${text}`);
  }
  for (const { at, type } of rules.types) {
    const value = valueAt(subject, at.path);
    if (value !== undefined && typeOf(value) !== type) broken.push(`type mismatch at ${at.text}: expected ${type}`);
  }
  for (const { at, max } of rules.maxLengths) {
    const length = lengthOf(valueAt(subject, at.path));
    if (length > max) broken.push(`max length exceeded at ${at.text}: ${length} > ${max}`);
  }
  for (const { at, values } of rules.enums) {
    const value = valueAt(subject, at.path);
    if (typeof value === 'string' && !values.includes(value)) broken.push(`invalid enum at ${at.text}`);
  }
  for (const { when, equals, required } of rules.whenThen) {
    if (!same(valueAt(subject, when.path), equals)) continue;
    for (const { text, path } of required) {
      if (isMissing(valueAt(subject, path))) {
        broken.push(`required by rule (when ${when.text} == ${String(equals)}): ${text}`);
      }
    }
  }
  return broken;
}

const isMissing = (value: unknown): boolean => value === undefined || value === null;

function typeOf(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'bigint' || value instanceof JsonFloat) return 'number';
  return value === null ? 'null' : typeof value;
}

function lengthOf(value: unknown): number {
  if (typeof value === 'string') return Buffer.byteLength(value);
  return Array.isArray(value) ? value.length : 0;
}

/** Equal as scalars; numbers by value, however they are held. */
function same(value: unknown, wanted: unknown): boolean {
  if (typeof value === 'bigint' || value instanceof JsonFloat) return Number(value) === wanted;
  return value === wanted;
}
