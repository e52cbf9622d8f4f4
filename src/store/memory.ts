/**
 * The store of a server that keeps nothing: every statement is at once as durable as it will ever be, so no gate waits.
 */
import type { CommandError } from '../core/errors.ts';
import type { Engine } from '../core/ports.ts';
import type { BackupReport, DurableStore, RestoreReport, StoreStats } from './durable.ts';
import { StoreError } from './errors.ts';

export class MemoryStore implements DurableStore {
  readonly level = 'none';
  readonly flushed = 0;

  put(): void {}
  remove(): void {}
  clear(): void {}
  onFlushed(): void {}

  position(): number {
    return 0;
  }

  urgent(): number {
    return 0;
  }

  writable(): CommandError | undefined {
    return undefined;
  }

  /** Nothing comes back; engines are told to begin. */
  async restoreInto(engines: readonly Engine[], now: number): Promise<RestoreReport> {
    for (const engine of engines) engine.restored(now);
    return { records: 0, bytes: 0, ms: 0, skipped: [], unknown: [] };
  }

  stats(): StoreStats {
    return {
      level: 'none',
      state: 'ok',
      reason: '',
      position: 0,
      flushed: 0,
      backlogRecords: 0,
      backlogBytes: 0,
      behindMs: 0,
      commits: 0,
      failures: 0,
      lastCommitMs: 0,
      mapBytes: 0,
      fileBytes: 0,
    };
  }

  /** Throws `StoreError` `NOTHING_STORED`: there is nothing to copy. */
  async backup(): Promise<BackupReport> {
    throw new StoreError('NOTHING_STORED', 'the server runs in memory only: there is nothing to back up');
  }

  async close(): Promise<void> {}
}
