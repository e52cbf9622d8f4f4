/**
 * The two manners in which a face reads one schema (DESIGN.md section 4).
 *
 * Strict refuses what does not fit; lenient takes a member of the wrong type as absent (synap-core.md 1.6-4).
 * Both take valid input through the same generated parser; the slow path runs only after that refused.
 */
import * as z from 'zod';
import type { EnvelopeForm } from '../commands/define.ts';
import { CommandError, invalidRequest } from '../core/errors.ts';

type Members = Record<string, unknown>;

/** Reads parsed JSON into a command's input. */
export type Read = (raw: Members) => unknown;

/** Refuses with 422 what does not fit the schema (synap-core.md 1.4); trouble in a member named in `path` is a 400. */
export function strict(schema: z.ZodObject, path: readonly string[]): Read {
  const parser = z.compile(schema);
  return (raw) => {
    const result = parser.safeParse(raw);
    if (result.success) return result.data;
    const issue = result.error.issues[0];
    const field = String(issue?.path[0] ?? '');
    if (path.includes(field)) throw new CommandError('BAD_PATH', { detail: `${field}: ${issue?.message}` });
    throw new CommandError('BAD_SHAPE', {
      detail: describe(raw, issue?.path ?? [], issue?.message ?? 'unexpected value'),
    });
  };
}

function describe(raw: Members, path: readonly PropertyKey[], message: string): string {
  let value: unknown = raw;
  for (const part of path) value = (value as Record<PropertyKey, unknown> | undefined)?.[part];
  const name = path.map(String).join('.');
  return value === undefined && path.length > 0
    ? `missing field \`${String(path.at(-1))}\``
    : name === ''
      ? message
      : `${name}: ${message}`;
}

/** The members of a payload: anything but an object simply has none (synap-core.md 1.6). */
export function members(payload: unknown): Members {
  return isObject(payload) ? payload : {};
}

/** Whether a JSON value is an object (and not an array, `null` or a number kept exact). */
export function isObject(value: unknown): value is Members {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** Takes a member of the wrong type as absent, and refuses an absent required one by name (synap-core.md 1.6-4 and -5). */
export function lenient(schema: z.ZodObject, form: EnvelopeForm = {}): Read {
  const parser = z.compile(schema);
  const required = Object.keys(schema.shape).filter(
    (field) => form.require?.[field] !== undefined || !schema.shape[field]?.safeParse(undefined).success,
  );
  const demanded = Object.entries(form.require ?? {}).map(([field]) => field);
  const missing = (field: string): never => {
    const text = form.require?.[field];
    return invalidRequest(typeof text === 'string' ? text : `Missing '${field}' field`);
  };
  return (raw) => {
    const prepared = form.prepare === undefined ? raw : form.prepare(raw);
    const quick = parser.safeParse(prepared);
    if (quick.success) {
      for (const field of demanded) if ((quick.data as Members)[field] == null) missing(field);
      return quick.data;
    }
    const kept = fitting(schema, prepared);
    for (const field of required) if (kept[field] == null && !holdsNull(schema, field, kept)) missing(field);
    return parser.parse(kept);
  };
}

/** `null` is a value for a member that takes any JSON. */
function holdsNull(schema: z.ZodObject, field: string, kept: Members): boolean {
  return field in kept && kept[field] === null && schema.shape[field]?.safeParse(null).success === true;
}

/** The members whose values fit their schema; objects are read leniently in turn. */
function fitting(schema: z.ZodObject, raw: Members): Members {
  const kept: Members = {};
  for (const [field, member] of Object.entries(schema.shape)) {
    if (!Object.hasOwn(raw, field)) continue;
    const value = raw[field];
    if ((member as z.ZodType).safeParse(value).success) kept[field] = value;
    else {
      const inner = bare(member as z.ZodType);
      if (inner instanceof z.ZodObject && isObject(value)) kept[field] = fitting(inner, value);
    }
  }
  return kept;
}

/** The schema inside `optional`, `nullable` and `default`. */
export function bare(schema: z.ZodType): z.ZodType {
  let inner = schema;
  while (inner instanceof z.ZodOptional || inner instanceof z.ZodNullable || inner instanceof z.ZodDefault)
    inner = inner.unwrap() as z.ZodType;
  return inner;
}
