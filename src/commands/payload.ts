/**
 * What the payload readers of several commands have in common where the reference looks at presence only
 * (synap-core.md 1.6-4).
 */
import { invalidRequest } from '../core/errors.ts';

type Payload = Readonly<Record<string, unknown>>;

/** Whether a JSON value is an integer as the wire means it: written without fraction and exponent. */
export function isInteger(value: unknown): boolean {
  return typeof value === 'bigint' || (typeof value === 'number' && Number.isInteger(value));
}

/** Refuses a `keys` member that is there and no array of strings, in the words of the reference (2.2). */
export function checkKeys(payload: Payload): Record<string, unknown> {
  const { keys } = payload;
  if (keys === undefined) return payload;
  if (!Array.isArray(keys))
    return invalidRequest(`Invalid keys array: invalid type: ${kind(keys)}, expected a sequence`);
  const wrong = keys.find((key) => typeof key !== 'string');
  if (wrong !== undefined) invalidRequest(`Invalid keys array: invalid type: ${kind(wrong)}, expected a string`);
  return payload;
}

/** A payload in which `name` stands in for `field` when that is absent or of another type. */
export function fallback(
  payload: Payload,
  field: string,
  name: string,
  fits: (value: unknown) => boolean,
): Record<string, unknown> {
  return fits(payload[field]) || !fits(payload[name]) ? payload : { ...payload, [field]: payload[name] };
}

function kind(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'sequence';
  switch (typeof value) {
    case 'string':
      return `string ${JSON.stringify(value)}`;
    case 'boolean':
      return `boolean \`${value}\``;
    case 'bigint':
      return `integer \`${value}\``;
    case 'number':
      return Number.isInteger(value) ? `integer \`${value}\`` : `floating point \`${value}\``;
    default:
      return typeof value === 'object' && 'value' in value ? 'floating point' : 'map';
  }
}
