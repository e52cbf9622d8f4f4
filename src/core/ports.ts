/**
 * What a layer may ask of the world. Engines see these interfaces and nothing behind them.
 */

/** Plain data, the only thing that crosses the store port: what msgpack can carry without extensions of ours. */
export type Plain =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | readonly Plain[]
  | { readonly [name: string]: Plain };

/**
 * Where engines state what they change. A call is a fact, not a request: it never fails and never waits.
 *
 * Invariant: replaying `put`, `remove` and `clear` in order, then `restore` of what is left, gives the same engine.
 * Values must not be changed after they were handed over (the store may keep them until the end of the turn).
 */
export interface Store {
  /** The record `key` of `table` is now `value`. */
  put(table: string, key: string, value: Plain): void;
  /** The record `key` of `table` is gone. Removing what is not there is fine. */
  remove(table: string, key: string): void;
  /** Every record of `table` is gone. */
  clear(table: string): void;
}

/** A deadline its owner may move at any time: absolute Unix milliseconds, `Infinity` switches it off. */
export interface Alarm {
  set(at: number): void;
}

/** What every engine offers to the server, besides its operations. */
export interface Engine {
  /** The tables this engine owns, in the order in which they must be restored. */
  readonly tables: readonly string[];
  /**
   * Takes one record back. The store hands over the records of a table in ascending order of the UTF-8 bytes of their
   * keys, except that keys over 1,900 bytes come in no particular order.
   */
  restore(table: string, key: string, value: Plain): void;
  /** Called once after the last record: rebuild what is derived and set the alarm. */
  restored(now: number): void;
  /** Does all that is due at `now` (Unix milliseconds), within the bounds of its slice, and moves the alarm. */
  tick(now: number): void;
  /** When `tick` wants to be called next, in Unix milliseconds; `Infinity` when there is nothing to wait for. */
  nextDeadline(): number;
  /** Broken invariants, one sentence each; empty when the engine is sound. May be slow. */
  check(): string[];
}

/** Structured logging: one line per event, never per request at `info`. */
export interface Log {
  debug(fields: object, text: string): void;
  info(fields: object, text: string): void;
  warn(fields: object, text: string): void;
  error(fields: object, text: string): void;
}

/** A store that keeps nothing: the pure in-memory server. */
export const nowhere: Store = {
  put: () => {},
  remove: () => {},
  clear: () => {},
};

/** An alarm that never rings, for engines whose owner calls `tick` itself. */
export const noAlarm: Alarm = { set: () => {} };

/** A log that goes nowhere. */
export const silent: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
