/**
 * Building the queues from their records.
 *
 * The messages of a queue are put in place in the order of their positions, which is the order in which they came to
 * where they are. Records of deleted queues and of purged messages, left over when the process ended in the middle of
 * removing them, are recognised and removed in slices.
 */
import type { Plain, Store } from '../core/ports.ts';
import type { KeyEntry } from './key-window.ts';
import { DEAD, DELAYED, Message, READY } from './message.ts';
import type { Queue, Shared } from './queue.ts';
import type { CountRecord, KeyRecord, MessageRecord, QueueRecord, StateRecord } from './records.ts';
import type { Job } from './remover.ts';
import type { DeadReason } from './types.ts';

/** A message on its way to its place. */
interface Found {
  readonly message: Message;
  due: number;
  consumer: string;
  reason: DeadReason;
}

export class Restoration {
  readonly #shared: Shared;
  readonly #add: (name: string, record: QueueRecord) => Queue;
  readonly #queues = new Map<number, Queue>();
  readonly #found = new Map<string, Found>();
  readonly #keys: { readonly queue: Queue; readonly entry: KeyEntry }[] = [];
  /** Records that belong to nothing: table and key. */
  readonly #litter: [table: string, key: string][] = [];
  /** The highest number of a queue of which something was stored. */
  highestNumber = 0;

  /** `add` makes a queue in the engine. */
  constructor(shared: Shared, add: (name: string, record: QueueRecord) => Queue) {
    this.#shared = shared;
    this.#add = add;
  }

  take(table: string, key: string, value: Plain): void {
    if (table === 'queue') this.#takeQueue(key, value as unknown as QueueRecord);
    else if (table === 'queue.count') this.#takeCounts(key, value as unknown as CountRecord);
    else if (table === 'queue.message') this.#takeMessage(key, value as unknown as MessageRecord);
    else if (table === 'queue.state') this.#takeState(key, value as unknown as StateRecord);
    else this.#takeKey(key, value as unknown as KeyRecord);
  }

  /** Puts everything in place. Answers the work of removing what is left over, if there is any. */
  finish(): Job | undefined {
    const all = [...this.#found.values()].sort((a, b) => a.message.position - b.message.position);
    for (const { message, due, consumer, reason } of all) {
      if (message.queue.tally.isPurged(message.state, message.position)) {
        this.#litter.push(['queue.message', message.id], ['queue.state', message.id]);
      } else {
        this.#shared.messages.add(message);
        message.queue.place(message, due, consumer, reason);
      }
    }
    this.#shared.messages.settle();
    this.#keys.sort((a, b) => a.entry.until - b.entry.until);
    for (const { queue, entry } of this.#keys) queue.keys.restore(entry);
    return this.#litter.length === 0 ? undefined : sweep(this.#litter, this.#shared.store);
  }

  #takeQueue(name: string, record: QueueRecord): void {
    this.#queues.set(record.number, this.#add(name, record));
    this.#seen(record.number);
  }

  #takeCounts(key: string, record: CountRecord): void {
    const queue = this.#queues.get(Number(key));
    if (queue !== undefined) queue.restoreCounts(record);
    else this.#leftOver('queue.count', key, Number(key));
  }

  #takeMessage(id: string, record: MessageRecord): void {
    const [number, position, due, priority, maxRetries, createdAt, payload, headers] = record;
    const queue = this.#queues.get(number);
    if (queue === undefined) {
      this.#leftOver('queue.message', id, number);
      return;
    }
    const message = new Message(id, queue, payload, headers, priority, maxRetries, createdAt, position);
    message.state = due === 0 ? READY : DELAYED;
    this.#found.set(id, { message, due, consumer: '', reason: 'rejected' });
  }

  #takeState(id: string, record: StateRecord): void {
    const found = this.#found.get(id);
    if (found === undefined) {
      this.#litter.push(['queue.state', id]);
      return;
    }
    const [state, position, retryCount, since, due, consumer, rejected] = record;
    const { message } = found;
    message.state = state;
    message.position = position;
    message.retryCount = retryCount;
    message.since = since;
    message.moved = true;
    found.due = due;
    found.consumer = consumer;
    if (state === DEAD) found.reason = rejected === 1 ? 'rejected' : 'retries_exhausted';
  }

  #takeKey(key: string, record: KeyRecord): void {
    const number = Number(key.slice(0, key.indexOf(':')));
    const queue = this.#queues.get(number);
    const [id, until] = record;
    if (queue !== undefined) this.#keys.push({ queue, entry: { key, id, until } });
    else this.#leftOver('queue.key', key, number);
  }

  #leftOver(table: string, key: string, number: number): void {
    this.#litter.push([table, key]);
    this.#seen(number);
  }

  #seen(number: number): void {
    this.highestNumber = Math.max(this.highestNumber, number);
  }
}

/** Removes records one at a time. */
function sweep(litter: [table: string, key: string][], store: Store): Job {
  return () => {
    const record = litter.pop();
    if (record === undefined) return false;
    store.remove(...record);
    return true;
  };
}
