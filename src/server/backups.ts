/**
 * Backups of a running server: one at a time, each a new folder below the backup folder.
 */
import { join } from 'node:path';
import type { Backups } from '../commands/context.ts';
import { CommandError, invalidRequest, invalidValue } from '../core/errors.ts';
import type { Log } from '../core/ports.ts';
import type { DurableStore } from '../store/durable.ts';
import { StoreError } from '../store/errors.ts';

/** Backups of `store` into folders below `folder`. */
export function backupsInto(folder: string, store: DurableStore, log: Log): Backups {
  let running: { name: string; done: number; total: number } | undefined;
  return {
    get progress() {
      return { name: running?.name, done: running?.done ?? 0, total: running?.total ?? 0 };
    },
    async start(name) {
      if (running !== undefined) return invalidRequest(`the backup ${running.name} is running`);
      const mine = { name, done: 0, total: 0 };
      running = mine;
      try {
        const { bytes, ms } = await store.backup(join(folder, name), (done, total) => {
          mine.done = done;
          mine.total = total;
        });
        log.info({ name, bytes, ms: Math.round(ms) }, 'backup written');
        return { bytes, ms };
      } catch (error) {
        if (!(error instanceof StoreError)) throw error;
        if (error.code === 'NOTHING_STORED') return invalidRequest('Persistence is disabled');
        if (error.code === 'NOT_EMPTY') return invalidValue(`a backup named ${name} exists`);
        log.error({ name, err: error }, 'the backup failed');
        throw new CommandError('INTERNAL', { detail: `Snapshot failed: ${error.message}` });
      } finally {
        running = undefined;
      }
    },
  };
}
