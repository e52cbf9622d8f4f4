/**
 * Requests that must not happen twice: idempotency keys (R3).
 *
 * Invariant: a key stands for one request of one caller and for what that request made, for `LIMITS.chatOnceMs` and
 * over restarts. At most `LIMITS.chatOnceKeys` are remembered; beyond that the oldest go.
 */
import { createHash } from 'node:crypto';
import { CommandError } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';
import { Ordered } from '../core/ordered.ts';
import type { Plain, Store } from '../core/ports.ts';
import type { Once } from './types.ts';

/** Records by the digest of caller and key: `{ made, request, until }`. */
export const ONCE = 'chat.once';

interface Entry {
  readonly name: string;
  /** The id of what was made. */
  readonly made: string;
  /** Digest of the request. */
  readonly request: string;
  /** Unix milliseconds. */
  readonly until: number;
}

const byName = (a: Entry, b: Entry): number => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
const byEnd = (a: Entry, b: Entry): number => a.until - b.until || byName(a, b);

export class OnceKeys {
  readonly #store: Store;
  readonly #byName = new Ordered<Entry>(byName);
  readonly #byEnd = new Ordered<Entry>(byEnd);

  constructor(store: Store) {
    this.#store = store;
  }

  get size(): number {
    return this.#byName.size;
  }

  /**
   * What the same request made before, or `undefined`. Errors: CHAT_ONCE_REUSED when the key came with another request,
   * CHAT_INVALID when it is too long.
   */
  find(once: Once, request: string, now: number): string | undefined {
    if (Buffer.byteLength(once.key) > LIMITS.chatOnceBytes) {
      throw new CommandError('CHAT_INVALID', { detail: 'idempotency key too long' });
    }
    const entry = this.#entry(nameOf(once));
    if (entry === undefined || entry.until <= now) return undefined;
    if (entry.request !== digest(request)) throw new CommandError('CHAT_ONCE_REUSED');
    return entry.made;
  }

  /** Remembers what a request made. */
  keep(once: Once, request: string, made: string, now: number): void {
    const name = nameOf(once);
    const before = this.#entry(name);
    if (before !== undefined) this.#drop(before);
    for (let oldest = this.#byEnd.first(); oldest !== undefined; oldest = this.#byEnd.first()) {
      if (oldest.until > now && this.size < LIMITS.chatOnceKeys) break;
      this.#drop(oldest);
    }
    const entry = { name, made, request: digest(request), until: now + LIMITS.chatOnceMs };
    this.#add(entry);
    this.#store.put(ONCE, name, { made, request: entry.request, until: entry.until });
  }

  /** When the next key is forgotten. */
  nextDeadline(): number {
    return this.#byEnd.first()?.until ?? Number.POSITIVE_INFINITY;
  }

  /** Forgets what is over, a slice of it. */
  tick(now: number): void {
    for (let left = LIMITS.chatSlice; left > 0; left--) {
      const oldest = this.#byEnd.first();
      if (oldest === undefined || oldest.until > now) return;
      this.#drop(oldest);
    }
  }

  restore(name: string, value: Plain): void {
    const { made, request, until } = value as { made: string; request: string; until: number };
    this.#add({ name, made, request, until });
  }

  check(): string[] {
    const broken = [...this.#byName.check(), ...this.#byEnd.check()];
    if (this.#byName.size !== this.#byEnd.size) broken.push('idempotency keys and their ends differ in number');
    return broken;
  }

  #entry(name: string): Entry | undefined {
    const found = this.#byName.up(
      this.#byName.seek((entry) => entry.name < name),
      1,
    )[0];
    return found?.name === name ? found : undefined;
  }

  #add(entry: Entry): void {
    this.#byName.add(entry);
    this.#byEnd.add(entry);
  }

  #drop(entry: Entry): void {
    this.#byName.delete(entry);
    this.#byEnd.delete(entry);
    this.#store.remove(ONCE, entry.name);
  }
}

const digest = (text: string): string => createHash('sha256').update(text).digest('base64');
const nameOf = ({ scope, key }: Once): string => digest(JSON.stringify([scope, key]));
