/**
 * How much a log keeps.
 *
 * Invariant: a limit of 0 or none is `Infinity` here, so that a check is three comparisons and knows no special case
 * (synap-core.md 9-11: 0 means unlimited).
 */
import type { Plain } from '../core/ports.ts';
import type { EventLog, Logged } from './log.ts';
import type { Metadata, RetentionPolicy, U64 } from './types.ts';

/** Limits of one log: the age of an event in milliseconds, all its bytes, and how many events. */
export interface Retention {
  readonly ageMs: number;
  readonly bytes: number;
  readonly events: number;
}

/** A limit as a client states it, 0 and nothing meaning unlimited. */
export function limitOf(value: U64 | null | undefined): number {
  const limit = Number(value ?? 0);
  return limit > 0 ? limit : Number.POSITIVE_INFINITY;
}

/** The limits of a policy. */
export function retentionOf(policy: RetentionPolicy): Retention {
  return {
    ageMs: limitOf(policy.retentionSecs) * 1000,
    bytes: limitOf(policy.maxBytes),
    events: limitOf(policy.maxMessages),
  };
}

/** Limits as a record keeps them: `null` is unlimited. */
export function storedRetention({ ageMs, bytes, events }: Retention): Plain {
  const stored = (limit: number): number | null => (limit === Number.POSITIVE_INFINITY ? null : limit);
  return { ageMs: stored(ageMs), bytes: stored(bytes), events: stored(events) };
}

/** The inverse of `storedRetention`. */
export function restoredRetention(value: Plain): Retention {
  const { ageMs, bytes, events } = value as Record<keyof Retention, number | null>;
  return {
    ageMs: ageMs ?? Number.POSITIVE_INFINITY,
    bytes: bytes ?? Number.POSITIVE_INFINITY,
    events: events ?? Number.POSITIVE_INFINITY,
  };
}

/** Whether the oldest event has outlived `ageMs` (synap-core.md 4.3-6: also at exactly that age). */
export function aged(log: EventLog<Logged>, ageMs: number, now: number): boolean {
  const oldest = log.first();
  return oldest !== undefined && oldest.timestamp <= now - ageMs;
}

/** Whether the oldest event has to go at `now`. */
export function exceeds(log: EventLog<Logged>, limits: Retention, now: number): boolean {
  return log.length > limits.events || log.bytes > limits.bytes || aged(log, limits.ageMs, now);
}

/** The bytes of metadata, as retention counts them. */
export function metadataBytes(metadata: Metadata | undefined): number {
  let bytes = 0;
  for (const name in metadata) bytes += Buffer.byteLength(name) + Buffer.byteLength(metadata[name] as string);
  return bytes;
}
