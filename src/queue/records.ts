/**
 * What the engine states to the store: five tables, and the shapes of their records.
 *
 * | table | key | record | written |
 * | --- | --- | --- | --- |
 * | `queue` | queue name | `QueueRecord` | once, by create |
 * | `queue.count` | queue number | `CountRecord` | by every change of a counter; the store coalesces those of a turn |
 * | `queue.message` | message id | `MessageRecord` | once, by publish: the payload is never written again |
 * | `queue.state` | message id | `StateRecord` | by every move after the publish, some forty bytes |
 * | `queue.key` | queue number, colon, message key | `KeyRecord` | by a publish with a key |
 *
 * A queue has a number besides its name, never used twice, so that what is left of a deleted queue can be told from
 * a new queue of the same name while it is removed in slices. Arrays, because the names of members would outweigh
 * their values.
 */
import type { Plain, Store } from '../core/ports.ts';
import { IN_FLIGHT, type Message, type Place, READY } from './message.ts';
import type { Headers, QueueConfig } from './types.ts';

export const TABLES = ['queue', 'queue.count', 'queue.message', 'queue.state', 'queue.key'] as const;

/** A queue: its number, when it was made, how it behaves. */
export type QueueRecord = { readonly number: number; readonly createdAt: number; readonly config: QueueConfig };

/** Lifetime counters, and up to which position ready and dead messages were purged. */
export type CountRecord = readonly [
  published: number,
  consumed: number,
  acked: number,
  nacked: number,
  deadLettered: number,
  duplicates: number,
  deadDropped: number,
  purged: number,
  deadPurged: number,
];

/** A message as it was published; `due` is 0 when it was ready at once. */
export type MessageRecord = readonly [
  queue: number,
  position: number,
  due: number,
  priority: number,
  maxRetries: number,
  createdAt: number,
  payload: Uint8Array,
  headers: Headers,
];

/** Where a message is now; `due` and `consumer` are of its lease, `rejected` (0 or 1) and `consumer` of its death. */
export type StateRecord = readonly [
  state: Place,
  position: number,
  retryCount: number,
  since: number,
  due: number,
  consumer: string,
  rejected: number,
];

/** The message that a key stands for, and until when. */
export type KeyRecord = readonly [id: string, until: number];

/** States a message as it is at its publish. */
export function putMessage(store: Store, message: Message, queue: number): void {
  const record: MessageRecord = [
    queue,
    message.position,
    message.lease?.due ?? 0,
    message.priority,
    message.maxRetries,
    message.createdAt,
    message.payload,
    message.headers,
  ];
  store.put('queue.message', message.id, record);
}

/** States where a message is after a move. */
export function putState(store: Store, message: Message): void {
  const { id, state, position, retryCount, since, lease, letter } = message;
  let record: Plain;
  if (state === READY) record = [state, position, retryCount, since, 0, '', 0] satisfies StateRecord;
  else if (state === IN_FLIGHT)
    record = [state, position, retryCount, since, lease?.due ?? 0, lease?.consumer?.id ?? '', 0] satisfies StateRecord;
  else
    record = [
      state,
      position,
      retryCount,
      since,
      0,
      letter?.consumer ?? '',
      letter?.reason === 'rejected' ? 1 : 0,
    ] satisfies StateRecord;
  message.moved = true;
  store.put('queue.state', id, record);
}

/** States that a message is gone. */
export function removeMessage(store: Store, message: Message): void {
  store.remove('queue.message', message.id);
  if (message.moved) store.remove('queue.state', message.id);
}
