/**
 * JSON values to stored values and back (synap-core.md 2.3).
 */
import { invalidRequest } from '../core/errors.ts';
import { canonical, RawJson } from '../core/json.ts';
import type { Value } from '../kv/value.ts';
import type { Context } from './context.ts';

/** What is stored for a JSON value: a string raw, anything else as its compact text. `INVALID_REQUEST` over the configured cap. */
export function toStored(context: Context, json: unknown): string {
  return capped(context, typeof json === 'string' ? json : canonical(json));
}

/** What `kv.mset` and `kv.msetnx` store: the JSON text also of strings, because `kv.mget` reads it back typed (8.1-5). */
export function toTypedStored(context: Context, json: unknown): string {
  return capped(context, canonical(json));
}

function capped(context: Context, text: string): string {
  const { maxValueBytes } = context.settings;
  if (maxValueBytes === Number.POSITIVE_INFINITY) return text;
  const size = Buffer.byteLength(text);
  if (size > maxValueBytes) invalidRequest(`Value size ${size} bytes exceeds max_value_size_bytes ${maxValueBytes}`);
  return text;
}

/** The text of a stored value; bytes that are not UTF-8 become a placeholder (2.3-2). */
export function toText(value: Value): string {
  return typeof value === 'string' ? value : `<binary data: ${value.length} bytes>`;
}

/** The bytes of a stored value. */
export function toBytes(value: Value): Uint8Array {
  return typeof value === 'string' ? Buffer.from(value, 'utf8') : value;
}

/** A stored text as JSON when it is JSON, else as a string (8.1-3). */
export function toJson(context: Context, text: string): RawJson | string {
  return context.isJson(text) ? new RawJson(text) : text;
}
