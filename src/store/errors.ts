/**
 * Refusals of the store that an operator reads: they end a start, a backup or a check with one clear line. What a client
 * sees of the store is a `CommandError` instead.
 */
import type { Damage } from './durable.ts';

/**
 * `LOCKED`: another process uses the folder. `NEWER_FORMAT`: written by a newer synapd. `DAMAGED`: data that fails its
 * checksums or whose structure is broken. `NOT_A_STORE`: the folder holds something else. `NOT_EMPTY`: the target of a
 * copy is not empty. `UNUSABLE`: the folder cannot be read or written. `NOTHING_STORED`: there is no durable data.
 */
type StoreErrorCode =
  | 'LOCKED'
  | 'NEWER_FORMAT'
  | 'DAMAGED'
  | 'NOT_A_STORE'
  | 'NOT_EMPTY'
  | 'UNUSABLE'
  | 'NOTHING_STORED';

export class StoreError extends Error {
  readonly code: StoreErrorCode;
  /** What is damaged, for `DAMAGED`; at most a hundred, the text says how many there are. */
  readonly damages: readonly Damage[];

  constructor(code: StoreErrorCode, text: string, damages: readonly Damage[] = [], cause?: unknown) {
    super(text, cause === undefined ? undefined : { cause });
    this.name = 'StoreError';
    this.code = code;
    this.damages = damages;
  }
}
