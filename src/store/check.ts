/**
 * Reads everything in a data folder or a backup and names what is broken.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Plain } from '../core/ports.ts';
import type { Backend, Source } from './backend.ts';
import type { Damage, Progress } from './durable.ts';
import { StoreError } from './errors.ts';
import { FORMAT_KEY, FORMAT_TABLE, readFormat } from './format.ts';
import { DATA_FILE, LmdbBackend } from './lmdb-backend.ts';
import { FolderLock, LOCK_FILE } from './lock.ts';
import { Walk } from './walk.ts';

/** What a check found. */
export interface CheckReport {
  readonly folder: string;
  /** Whether nothing is broken. */
  readonly sound: boolean;
  readonly records: number;
  readonly bytes: number;
  readonly tables: readonly { readonly table: string; readonly version: number; readonly records: number }[];
  /** What is broken, at most a hundred of it, and how much there is. */
  readonly damages: readonly Damage[];
  readonly damaged: number;
}

/**
 * Verifies every page, every record and the format of the data in `folder`, a data folder no server uses or a backup.
 * Throws `StoreError` `LOCKED`, `NOTHING_STORED`, `NOT_A_STORE` and `NEWER_FORMAT`; damage is in the report.
 */
export async function checkFolder(folder: string, progress?: (progress: Progress) => void): Promise<CheckReport> {
  if (!existsSync(join(folder, DATA_FILE))) throw new StoreError('NOTHING_STORED', `${folder} holds no data file`);
  // a backup was never locked, and may lie where nothing can be written
  const lock = existsSync(join(folder, LOCK_FILE)) ? new FolderLock(folder) : undefined;
  try {
    return await checkData(folder, new LmdbBackend(folder), progress);
  } finally {
    await lock?.release();
  }
}

/** As `checkFolder`, for data that is locked already. */
export async function checkData(
  folder: string,
  backend: Backend,
  progress?: (progress: Progress) => void,
): Promise<CheckReport> {
  let source: Source;
  try {
    source = backend.read();
  } catch (error) {
    if (!(error instanceof StoreError) || error.code !== 'DAMAGED') throw error;
    const { damages } = error;
    return { folder, sound: false, records: 0, bytes: 0, tables: [], damages, damaged: damages.length };
  }
  try {
    return await checkSource(folder, source, progress);
  } finally {
    source.close();
  }
}

async function checkSource(
  folder: string,
  source: Source,
  progress: ((progress: Progress) => void) | undefined,
): Promise<CheckReport> {
  const walk = new Walk(source, progress);
  let record: Plain | undefined;
  const counts = new Map<string, number>();
  for (const table of source.tables) {
    const records = await walk.table(table, (key, value) => {
      if (table.name === FORMAT_TABLE && key === FORMAT_KEY) record = value;
    });
    if (table.name !== FORMAT_TABLE) counts.set(table.name, records);
  }
  walk.finish();
  const damages = [...walk.damages];
  const versions = record === undefined ? undefined : readFormat(record);
  if (versions === undefined) damages.push({ table: FORMAT_TABLE, key: FORMAT_KEY, reason: 'the record is missing' });
  const tables = [...counts].map(([table, records]) => ({ table, records, version: versions?.get(table) ?? 1 }));
  const damaged = walk.damaged + (versions === undefined ? 1 : 0);
  return { folder, sound: damaged === 0, records: walk.records, bytes: walk.bytes, tables, damages, damaged };
}
