/**
 * What the server may ask of a store beyond stating changes: when a change is on disk, whether writes may run at all,
 * and how the data comes back.
 *
 * Invariant: positions only grow, and `flushed` never passes a change that could be missing after a power cut.
 */
import type { CommandError } from '../core/errors.ts';
import type { Engine, Store } from '../core/ports.ts';

/**
 * How soon a change is on disk. `none`: when convenient, nobody is told when. `batch`: within `flushMs`, the reply does
 * not wait. `sync`: at the end of the turn, and the reply waits for it.
 */
export type Level = 'none' | 'batch' | 'sync';

/**
 * Called when something became certain. `flushed`: every change up to this position is on disk. `error`: set when a
 * flush failed; then no change above `flushed` that was stated before this call may be acknowledged any more (it may
 * still become durable later: its outcome is unknown).
 */
export type FlushListener = (flushed: number, error: CommandError | undefined) => void;

/** A record that could not be believed: where it is and what is wrong with it. */
export interface Damage {
  readonly table: string;
  /** The key, or as much of it as can be shown; empty when the table itself is damaged. */
  readonly key: string;
  readonly reason: string;
}

/** How far a long walk has come: records and their stored bytes, and the number of records there are in all. */
export interface Progress {
  readonly table: string;
  readonly records: number;
  readonly bytes: number;
  readonly total: number;
}

/** What came back at start. Times in milliseconds. */
export interface RestoreReport {
  readonly records: number;
  readonly bytes: number;
  readonly ms: number;
  /** Damaged records that were left out; always empty unless the store was opened with `damaged: 'skip'`. */
  readonly skipped: readonly Damage[];
  /** Tables on disk that no engine owns; they stay untouched. */
  readonly unknown: readonly { readonly table: string; readonly records: number }[];
}

/** What a backup holds: bytes of its data file, and the position whose state it is. */
export interface BackupReport {
  readonly folder: string;
  readonly bytes: number;
  readonly position: number;
  readonly ms: number;
}

/** A store at a glance, in constant time. */
export interface StoreStats {
  readonly level: Level;
  readonly state: 'ok' | 'failing' | 'closed';
  /** Why it is failing, else empty. */
  readonly reason: string;
  readonly position: number;
  readonly flushed: number;
  /** Changes that are not on disk yet, and their size, rounded up. */
  readonly backlogRecords: number;
  readonly backlogBytes: number;
  /** Milliseconds for which the oldest change that is not on disk has been waiting; 0 when there is none. */
  readonly behindMs: number;
  /** Transactions committed and failed since start, and the duration of the last one in milliseconds. */
  readonly commits: number;
  readonly failures: number;
  readonly lastCommitMs: number;
  /** Bytes of the memory map, of the data file, and of the part of it that holds data. */
  readonly mapBytes: number;
  readonly fileBytes: number;
}

/** The store as the server sees it. */
export interface DurableStore extends Store {
  /** The default level of this store. */
  readonly level: Level;
  /** The number of the last stated change. */
  position(): number;
  /** The number of the last change that is on disk, with everything before it. */
  readonly flushed: number;
  /** Registers a listener; listeners are called in the order of their registration, never from within a statement. */
  onFlushed(listener: FlushListener): void;
  /**
   * Asks that everything stated so far is flushed at the end of this turn whatever the level, and answers the position
   * to wait for; nothing needs to wait when that is not above `flushed`.
   */
  urgent(): number;
  /**
   * Why a write may not run now: `STORE_FULL` or `READ_ONLY` while flushes fail, `UNAVAILABLE` when too many changes
   * wait for the disk. Asked before every write; `undefined` nearly always.
   */
  writable(): CommandError | undefined;
  /**
   * Fills engines from disk, each table in its engine's order, then calls their `restored(now)`.
   * Throws `StoreError` `DAMAGED` when a record fails its checksum and the store was not opened with `damaged: 'skip'`.
   */
  restoreInto(engines: readonly Engine[], now: number, progress?: (progress: Progress) => void): Promise<RestoreReport>;
  stats(): StoreStats;
  /**
   * Writes a consistent copy of one moment into `folder`, which must be missing or empty, while work goes on.
   * Throws `StoreError` `NOT_EMPTY`.
   */
  backup(folder: string, progress?: (done: number, total: number) => void): Promise<BackupReport>;
  /** Flushes everything and lets go of the data folder. Statements after it are ignored. */
  close(): Promise<void>;
}
