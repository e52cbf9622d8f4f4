/**
 * Starts over with what can be believed: the records of a damaged data file that match their checksums, in a new file.
 *
 * Invariant: the damaged file is never changed; it stays beside the new one under another name, and at every moment one
 * of the two is the data file.
 */
import { existsSync, linkSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Log } from '../core/ports.ts';
import { checkData } from './check.ts';
import { Encoder } from './codec.ts';
import type { Damage } from './durable.ts';
import { currentVersions, FORMAT_KEY, FORMAT_TABLE, type Formats, formatRecord } from './format.ts';
import { DATA_FILE, LmdbBackend, syncFolder } from './lmdb-backend.ts';
import { Transaction } from './transaction.ts';
import { Walk } from './walk.ts';

/** The name of the new file until it is complete. */
const NEW_FILE = 'salvaged.mdb';
/** What one transaction takes over at most. */
const BATCH_RECORDS = 10_000;
const BATCH_BYTES = 16 * 1024 * 1024;

/**
 * Leaves a sound data file in `folder`, which is locked. Answers what could not be taken over; nothing when the file
 * was sound already. Throws `StoreError` `DAMAGED` when the file is so broken that no record can be found.
 */
export async function salvage(folder: string, formats: Formats, log: Log): Promise<readonly Damage[]> {
  const { sound, damages, damaged } = await checkData(folder, new LmdbBackend(folder));
  if (sound) return [];
  const backend = new LmdbBackend(folder, NEW_FILE);
  for (const leftover of [NEW_FILE, `${NEW_FILE}-lock`]) rmSync(join(folder, leftover), { force: true });
  backend.open();
  try {
    await copyRecords(folder, backend, formats);
  } finally {
    await backend.close();
    rmSync(join(folder, `${NEW_FILE}-lock`), { force: true });
  }
  const data = join(folder, DATA_FILE);
  let number = 1;
  while (existsSync(`${data}.damaged-${number}`)) number++;
  linkSync(data, `${data}.damaged-${number}`);
  renameSync(join(folder, NEW_FILE), data);
  syncFolder(folder);
  log.warn({ damages, damaged }, `damaged data was left out; the damaged file is kept as ${data}.damaged-${number}`);
  return damages;
}

async function copyRecords(folder: string, to: LmdbBackend, formats: Formats): Promise<void> {
  const source = new LmdbBackend(folder).read();
  try {
    const walk = new Walk(source);
    const encoder = new Encoder();
    let batch = new Transaction(encoder);
    let format = false;
    const flush = async (): Promise<void> => {
      await to.commit(batch);
      batch = new Transaction(encoder);
    };
    for (const table of source.tables)
      await walk.table(table, (key, _value, raw) => {
        if (table.name === FORMAT_TABLE && key === FORMAT_KEY) format = true;
        batch.copy(table.name, raw);
        return batch.records >= BATCH_RECORDS || batch.bytes >= BATCH_BYTES ? flush() : undefined;
      });
    // when that record is lost, the best guess is that this server wrote the data
    if (!format) batch.put(FORMAT_TABLE, FORMAT_KEY, formatRecord(currentVersions(formats)));
    await flush();
  } finally {
    source.close();
  }
}
