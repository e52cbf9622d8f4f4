/**
 * The message keys of one queue that are remembered, so that a publish sent twice is one message.
 *
 * All keys of a queue live for the same time, so they expire in the order they came in. Beyond `LIMITS.dedupeKeys`
 * the oldest is forgotten early: a shorter window is better than refusing messages.
 *
 * Invariant: the entries of the list that the map still points at are exactly the remembered keys.
 */
import { LIMITS } from '../core/limits.ts';
import type { Store } from '../core/ports.ts';
import { Fifo } from './fifo.ts';
import type { KeyRecord } from './records.ts';
import type { ShardedMap } from './sharded-map.ts';

/** A remembered key, under its name in the store. */
export interface KeyEntry {
  readonly key: string;
  readonly id: string;
  readonly until: number;
}

/** Expired keys need no exact timer, only an end; the queue wakes up for them on whole seconds. */
const GRAIN_MS = 1_000;

export class KeyWindow {
  readonly #store: Store;
  readonly #all: ShardedMap<KeyEntry>;
  readonly #prefix: string;
  readonly #windowMs: number;
  readonly #most: number;
  readonly #order = new Fifo<KeyEntry>();

  /** `all` is shared by the queues of the engine; `number` is the queue's; `most` keys are remembered. */
  constructor(
    store: Store,
    all: ShardedMap<KeyEntry>,
    number: number,
    windowMs: number,
    most: number = LIMITS.dedupeKeys,
  ) {
    this.#store = store;
    this.#all = all;
    this.#prefix = `${number}:`;
    this.#windowMs = windowMs;
    this.#most = most;
  }

  get size(): number {
    return this.#order.size;
  }

  /** When `forget` wants to be called next; `Infinity` when nothing is remembered. */
  get next(): number {
    const oldest = this.#order.peek();
    return oldest === undefined ? Number.POSITIVE_INFINITY : Math.ceil(oldest.until / GRAIN_MS) * GRAIN_MS;
  }

  /** The id of the message this key stands for, if it is remembered at `now`. */
  find(key: string, now: number): string | undefined {
    const entry = this.#all.get(this.#prefix + key);
    return entry !== undefined && entry.until > now ? entry.id : undefined;
  }

  /** Remembers that `key` stands for the message `id` from `now` on. */
  add(key: string, id: string, now: number): void {
    if (this.#windowMs === 0) return;
    const entry: KeyEntry = { key: this.#prefix + key, id, until: now + this.#windowMs };
    this.restore(entry);
    this.#store.put('queue.key', entry.key, [id, entry.until] satisfies KeyRecord);
    if (this.#order.size > this.#most) this.shift();
  }

  /** Takes a stored entry back; the entries of a queue must come in the order they expire. */
  restore(entry: KeyEntry): void {
    this.#all.set(entry.key, entry);
    this.#order.push(entry);
  }

  /** Forgets up to `most` keys that have expired at `now`. Answers how many. */
  forget(now: number, most: number): number {
    let forgotten = 0;
    while (forgotten < most) {
      const oldest = this.#order.peek();
      if (oldest === undefined || oldest.until > now) break;
      this.shift();
      forgotten++;
    }
    return forgotten;
  }

  /** Forgets the oldest key. Answers whether there was one. */
  shift(): boolean {
    const entry = this.#order.shift();
    if (entry === undefined) return false;
    if (this.#all.get(entry.key) === entry) {
      this.#all.delete(entry.key);
      this.#store.remove('queue.key', entry.key);
    }
    return true;
  }

  /** The entries that count, in the order they expire. */
  *values(): Generator<KeyEntry> {
    for (const entry of this.#order.values()) if (this.#all.get(entry.key) === entry) yield entry;
  }
}
