/**
 * Names of rooms, topics, groups and subscribers: any text, but not of any length.
 */
import { invalidValue } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';

/** Refuses a name of more than `LIMITS.nameBytes` bytes; `what` is the field it came in. Errors: INVALID_VALUE. */
export function checkName(name: string, what: string): void {
  if (name.length * 3 > LIMITS.nameBytes && Buffer.byteLength(name) > LIMITS.nameBytes)
    invalidValue(`${what} must have at most ${LIMITS.nameBytes} bytes`);
}
