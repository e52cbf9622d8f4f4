/**
 * Why a message is not moving, and what is to be known about its queue. Reads only; constant time.
 */
import { LIMITS } from '../core/limits.ts';
import { DEAD, DELAYED, IN_FLIGHT, type Message, PLACES, READY } from './message.ts';
import type { Queue } from './queue.ts';
import type { DeadLetter, Explanation, NextEvent, QueueDetail, QueueStats } from './types.ts';

export function statsOf({ tally, consumers }: Queue): QueueStats {
  return {
    depth: tally.places[READY],
    consumers: consumers.active,
    published: tally.published,
    consumed: tally.consumed,
    acked: tally.acked,
    nacked: tally.nacked,
    deadLettered: tally.deadLettered,
  };
}

export function detailOf(queue: Queue, now: number): QueueDetail {
  const { name, createdAt, config, tally, room, schedule, keys } = queue;
  const [ready, inFlight, delayed, dead] = tally.places;
  const since = queue.ready.oldestSince();
  const waiting = room?.line.size ?? 0;
  return {
    name,
    createdAt,
    config,
    ready,
    inFlight,
    delayed,
    dead,
    bytes: tally.bytes[READY] + tally.bytes[IN_FLIGHT] + tally.bytes[DELAYED] + tally.bytes[DEAD],
    oldestReadyMs: since === undefined ? 0 : Math.max(0, now - since),
    nextDeadline: schedule.size === 0 ? undefined : schedule.next,
    waiting,
    held: (room?.parties.size ?? 0) - waiting,
    subscriptions: room?.standing ?? 0,
    keys: keys.size,
    duplicates: tally.duplicates,
    deadDropped: tally.deadDropped,
  };
}

/** The dead letter that `message` is; `undefined` when it is none. */
export function deadLetterOf(message: Message | undefined): DeadLetter | undefined {
  if (message?.letter === undefined) return undefined;
  const { id, payload, priority, retryCount, maxRetries, headers, createdAt, since } = message;
  const { reason, consumer, position } = message.letter;
  return {
    id,
    payload,
    priority,
    retryCount,
    maxRetries,
    headers,
    createdAt,
    diedAt: since,
    reason,
    consumer,
    sequence: position,
  };
}

export function explain(queue: Queue, message: Message): Explanation {
  const { id, state, priority, retryCount, maxRetries, createdAt, since, lease, letter } = message;
  const inFlight = state === IN_FLIGHT;
  const [next, why] = prospect(queue, message);
  return {
    id,
    state: PLACES[state],
    priority,
    attempts: retryCount + (inFlight ? 1 : 0),
    retryCount,
    maxRetries,
    createdAt,
    since,
    holder: lease?.consumer?.id ?? letter?.consumer,
    deadline: lease?.due,
    reason: letter?.reason,
    next,
    nextAt: lease?.due,
    why,
  };
}

function prospect(queue: Queue, message: Message): [NextEvent, string] {
  const { retryCount, maxRetries, lease, letter } = message;
  switch (message.state) {
    case READY:
      return ['delivery', hindrance(queue)];
    case IN_FLIGHT: {
      const holder = `Consumer '${lease?.consumer?.id}' holds it and has not acknowledged it yet; at the deadline it`;
      return retryCount < maxRetries
        ? ['requeue', `${holder} goes back to the queue.`]
        : ['dead_letter', `${holder} becomes a dead letter, since its retries are used up.`];
    }
    case DELAYED:
      return ['becomes_ready', 'It was published with a delay that is not over.'];
    case DEAD:
      return [
        'none',
        letter?.reason === 'rejected'
          ? `Consumer '${letter.consumer}' rejected it; it stays until it is replayed or purged.`
          : `It failed ${retryCount} times; it stays until it is replayed or purged.`,
      ];
  }
}

/** Why nobody takes what is ready. */
function hindrance({ tally, room, config }: Queue): string {
  if (tally.places[IN_FLIGHT] >= LIMITS.inFlight)
    return `The queue has ${LIMITS.inFlight} messages in flight, the most it may; one of them must be acknowledged.`;
  if (room === undefined) return 'No consumer is waiting on the queue; it goes to the next that asks, in its turn.';
  return config.prefetch > 0
    ? 'Consumers wait, but each is paused or holds as many unacknowledged messages as its limit allows.'
    : 'Consumers are subscribed, but each is paused or holds as many unacknowledged messages as it asked for.';
}
