/**
 * How queue messages look on the wire, and the small conversions that message families share.
 */
import * as z from 'zod';
import type { Delivery } from '../queue/types.ts';
import { ByteArray, TextMap } from './schemas.ts';

/** Whole seconds of a time in milliseconds, as the wire wants them (1.7-7). */
export const seconds = (ms: number): number => Math.floor(ms / 1000);

/** The members that are text; a command skips others (synap-core.md 8.1-8, 8.1-13). */
export function textMembers(value: unknown): Record<string, string> | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}

/** A message as consumers see it; REST calls the id `message_id` (3.2). */
export const Message = z.object({
  id: z.string(),
  payload: ByteArray,
  priority: z.int(),
  retry_count: z.int(),
  max_retries: z.int(),
  headers: TextMap,
  timestamp: z.int().meta({ description: 'Creation, Unix seconds.' }),
  retries: z.int().meta({ description: 'The same as retry_count.' }),
  deadline: z.int().meta({ description: 'End of the acknowledgement deadline, Unix seconds.' }),
});

/** A delivery as the wire shows it. */
export const message = (delivery: Delivery): z.input<typeof Message> => ({
  id: delivery.id,
  payload: delivery.payload,
  priority: delivery.priority,
  retry_count: delivery.retryCount,
  max_retries: delivery.maxRetries,
  headers: delivery.headers,
  timestamp: seconds(delivery.createdAt),
  retries: delivery.retryCount,
  deadline: seconds(delivery.deadline),
});
