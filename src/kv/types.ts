/**
 * The words of the key-value engine: what it is made of, what it is asked and what it answers.
 */
import type { Ids } from '../core/ids.ts';
import type { Alarm, Store } from '../core/ports.ts';
import type { EvictionPolicy } from './policy.ts';
import type { Value } from './value.ts';
import type { WatchPort } from './watch.ts';

/** Settings of the engine; every one has a default. */
export interface KvOptions {
  /** Budget in accounted bytes (key + value + 40 per entry); 0, the default, is unlimited. */
  readonly maxBytes?: number;
  /** Default `noeviction`. */
  readonly policy?: EvictionPolicy;
  /** Milliseconds between two expiry sweeps, at least 1; default 100. */
  readonly sweepMs?: number;
  /** Largest value in bytes that a watch envelope carries inline, inclusive; default 65,536. */
  readonly inlineBytes?: number;
  /** Keyspace notifications as Redis letters `K E g $ x e A`; default '' (off). */
  readonly notify?: string;
}

/** What the engine asks of the world. */
export interface KvPorts {
  readonly store: Store;
  readonly alarm: Alarm;
  readonly ids: Ids;
  /** Absent: nobody ever watches. */
  readonly watch?: WatchPort;
}

/** Refinements of `set`; `undefined` members count as absent. */
export interface SetOptions {
  /** Absolute deadline in Unix ms (`deadlineIn`, `deadlineAt` of deadline.ts make one); absent or `NEVER`: no TTL. */
  readonly deadline?: number | undefined;
  /** Keep a live TTL; beats `deadline` (2.4-3). */
  readonly keepTtl?: boolean | undefined;
  /** Write only a missing key. */
  readonly nx?: boolean | undefined;
  /** Write only an existing key. */
  readonly xx?: boolean | undefined;
  /** Answer the previous live value. */
  readonly get?: boolean | undefined;
}

/** The outcome of `set`. */
export interface SetResult {
  readonly written: boolean;
  /** Present only with `get` and a live previous value, never on an `xx` refusal (2.4-6). */
  readonly old?: Value;
}

/** Counters as in 2.4-18, and what the engine holds. */
export interface KvStats {
  readonly keys: number;
  /** Key bytes + value bytes + 40 of every live key. */
  readonly bytes: number;
  readonly gets: number;
  readonly sets: number;
  readonly dels: number;
  readonly hits: number;
  readonly misses: number;
  /** Live keys with a TTL. */
  readonly volatile: number;
  /** Keys that died by their deadline and were removed. */
  readonly expired: number;
  /** Keys that the memory budget removed. */
  readonly evicted: number;
}

/** Keys with their values, to be written at once. */
export type Pairs = readonly (readonly [key: string, value: Value])[];
