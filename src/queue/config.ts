/**
 * How a queue behaves: reading settings with holes, and the checks of numbers.
 */
import { CommandError, invalidValue } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';
import { HIGHEST_PRIORITY } from './ready.ts';
import type { PublishOptions, QueueConfig, QueueSettings } from './types.ts';

/** What a queue is like when nobody says anything (synap-core.md 1.1), and a deduplication window of five minutes. */
export const BUILT_IN: QueueConfig = {
  maxDepth: 100_000,
  ackDeadlineSecs: 30,
  maxRetries: 3,
  priority: 5,
  prefetch: 0,
  dedupeMs: 300_000,
  sync: false,
};

/**
 * Fills the holes of `settings` from `defaults`. Numbers beyond what a double counts exactly are kept as the largest
 * that it does, priorities over 9 as 9, an acknowledgement deadline of 0 as 1 (synap-core.md 9-17).
 * Throws `INVALID_VALUE` for what is no whole number from 0 up, or a window over `LIMITS.dedupeMs`.
 */
export function settle(settings: QueueSettings, defaults: QueueConfig): QueueConfig {
  const dedupeMs = whole('dedupe window', settings.dedupeMs ?? defaults.dedupeMs);
  if (dedupeMs > LIMITS.dedupeMs) invalidValue(`dedupe window must be at most ${LIMITS.dedupeMs} ms`);
  return {
    maxDepth: whole('max_depth', settings.maxDepth ?? defaults.maxDepth),
    ackDeadlineSecs: Math.max(1, whole('ack_deadline_secs', settings.ackDeadlineSecs ?? defaults.ackDeadlineSecs)),
    maxRetries: whole('max_retries', settings.maxRetries ?? defaults.maxRetries),
    priority: Math.min(HIGHEST_PRIORITY, whole('priority', settings.priority ?? defaults.priority)),
    prefetch: whole('prefetch_limit', settings.prefetch ?? defaults.prefetch),
    dedupeMs,
    sync: settings.sync ?? defaults.sync,
  };
}

/** `value`, cut to the largest exact integer; throws `INVALID_VALUE` unless it is a whole number from 0 up. */
export function whole(name: string, value: number): number {
  if (!(value >= 0) || (value % 1 !== 0 && value !== Number.POSITIVE_INFINITY))
    invalidValue(`${name} must be a whole number`);
  return Math.min(value, Number.MAX_SAFE_INTEGER);
}

/** `value` when it is a whole number from 1 to `most`, else `INVALID_VALUE`. */
export function counted(name: string, value: number, most: number): number {
  if (!(value >= 1 && value <= most) || value % 1 !== 0) invalidValue(`${name} must be from 1 to ${most}`);
  return value;
}

/** Throws `INVALID_VALUE` when a name has more than `LIMITS.nameBytes` bytes. */
export function named(what: string, name: string): void {
  // a UTF-16 unit is at most three bytes, so short names need no counting
  if (name.length * 3 > LIMITS.nameBytes && Buffer.byteLength(name) > LIMITS.nameBytes)
    invalidValue(`${what} must have at most ${LIMITS.nameBytes} bytes`);
}

/** Throws `INVALID_VALUE` for options of a publish that make no sense; priorities over 9 do, they are stored as 9. */
export function validate({ priority, maxRetries, delayMs, messageKey }: PublishOptions): void {
  if (priority !== undefined) whole('priority', priority);
  if (maxRetries !== undefined) whole('max_retries', maxRetries);
  if (delayMs !== undefined && whole('delay_ms', delayMs) > LIMITS.delayMs)
    invalidValue(`delay_ms must be at most ${LIMITS.delayMs}`);
  if (messageKey !== undefined) named('message_key', messageKey);
}

/** The time `ms` after `now`, never beyond the largest exact integer. */
export function later(now: number, ms: number): number {
  return Math.min(now + ms, Number.MAX_SAFE_INTEGER);
}

/** The refusal of an operation on a queue that does not exist. */
export function unknownQueue(queue: string): CommandError {
  return new CommandError('QUEUE_NOT_FOUND', { queue });
}

/** The refusal of an operation on a message that is not where the operation needs it. */
export function unknownMessage(id: string): CommandError {
  return new CommandError('MESSAGE_NOT_FOUND', { id });
}
