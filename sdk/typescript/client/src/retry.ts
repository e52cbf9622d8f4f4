/**
 * When a failed attempt is followed by another one, and after how long.
 *
 * Invariant: a call whose answer was lost is repeated only where doing it twice is the same as doing it once.
 */
import { type Commands, METHODS } from './commands.ts';
import type { SynapdError } from './errors.ts';

const FIRST_MS = 100;
const LONGEST_MS = 5_000;
const LONGEST_ASKED_FOR_MS = 30_000;

/**
 * Milliseconds before attempt `attempt + 1`: doubling from 100 to 5,000, of which a random half at least, so that many
 * clients of a server that came back do not come all at once.
 */
export function backoff(attempt: number): number {
  return Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(attempt, 10)) * (0.5 + Math.random() / 2);
}

/** Milliseconds to wait before the next attempt; `undefined` to give up. What is full (507) is left to the caller. */
export function delay(error: SynapdError, attempt: number, retries: number, again: boolean): number | undefined {
  if (attempt >= retries || !error.retryable || error.status === 507 || (error.unknown && !again)) return undefined;
  const { retryAfter } = error;
  return retryAfter === undefined
    ? backoff(attempt)
    : Math.min(LONGEST_ASKED_FOR_MS, Math.max(retryAfter, backoff(attempt)));
}

/** Writes that may be done twice; some only with a member that makes them so. */
const TWICE: { readonly [N in keyof Commands]?: (input: Commands[N]['input']) => boolean } = {
  'kv.set': ({ nx, xx, get }) => !nx && !xx && !get,
  'kv.mset': () => true,
  'kv.del': () => true,
  'kv.mdel': () => true,
  'kv.expire': () => true,
  'queue.create': () => true,
  'queue.extend': () => true,
  'queue.publish': ({ message_key: key }) => key != null,
  'queue.publish_batch': ({ messages }) => messages.every((message) => message.message_key != null),
  'stream.get_or_create': () => true,
  'group.heartbeat': () => true,
  'group.commit': () => true,
  'chat.create_thread': ({ idempotency_key: key }) => key != null,
  'chat.create_message': ({ idempotency_key: key }) => key != null,
};

/** Whether doing this twice is the same as doing it once. */
export function repeatable<N extends keyof Commands>(name: N, input: Commands[N]['input']): boolean {
  return METHODS[name].effect === 'read' || TWICE[name]?.(input) === true;
}
