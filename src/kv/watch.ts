/**
 * What watchers of keys are told.
 */

/** What a watcher of a key receives (synap-core.md 2.5). */
export interface WatchEnvelope {
  readonly key: string;
  readonly event: WatchEvent;
  readonly version: number;
  readonly value?: string;
  readonly truncated?: true;
}

/** The word of a change. */
export type WatchEvent =
  | 'set'
  | 'append'
  | 'setrange'
  | 'incrby'
  | 'decrby'
  | 'del'
  | 'expire'
  | 'persist'
  | 'expired'
  | 'evicted';

/** Where changes are told; the pub/sub engine stands behind it. */
export interface WatchPort {
  /** Whether anybody subscribes to a topic that begins with `__watch@0__:` at all; read at every write, so a plain property. */
  readonly active: boolean;
  /** Whether a publish to `topic` would reach anybody. */
  watched(topic: string): boolean;
  /** Hands over one message: an envelope, or a plain text for keyspace notifications. */
  publish(topic: string, payload: WatchEnvelope | string): void;
}
