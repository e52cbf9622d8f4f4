/**
 * Copies of the data: out of a running server, and back into a folder for one.
 *
 * Invariant: a folder holds a data file only when the copy in it is complete and on disk; until then it has another
 * name.
 */
import { existsSync, renameSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Backend } from './backend.ts';
import { type CheckReport, checkFolder } from './check.ts';
import type { AlarmSource } from './committer.ts';
import type { Progress } from './durable.ts';
import { StoreError } from './errors.ts';
import { prepareEmptyFolder } from './folder.ts';
import { DATA_FILE, OWNER_ONLY, syncFile, syncFolder } from './lmdb-backend.ts';
import { damagedError } from './walk.ts';

/** The name of a copy that is not complete. */
const PARTIAL_FILE = `${DATA_FILE}.partial`;
/** Milliseconds between two looks at how far a copy is. */
const LOOK_MS = 200;
/** Bytes that are copied at once. */
const CHUNK_BYTES = 4 * 1024 * 1024;

/** Reports bytes copied, and how many there are in all. */
export type CopyProgress = (done: number, total: number) => void;

/** Copies what `backend` has at this moment into the empty `folder`; answers the bytes of the copy. */
export async function copyOut(
  backend: Backend,
  folder: string,
  timers: AlarmSource,
  now: number,
  progress: CopyProgress | undefined,
): Promise<number> {
  prepareEmptyFolder(folder);
  const partial = join(folder, PARTIAL_FILE);
  const total = backend.sizes().fileBytes;
  const look = timers.alarm((at) => {
    if (existsSync(partial)) progress?.(Math.min(statSync(partial).size, total), total);
    look.set(at + LOOK_MS);
  });
  if (progress !== undefined) look.set(now + LOOK_MS);
  try {
    await backend.copy(partial);
  } finally {
    look.set(Number.POSITIVE_INFINITY);
  }
  renameSync(partial, join(folder, DATA_FILE));
  syncFolder(folder);
  const { size } = statSync(join(folder, DATA_FILE));
  progress?.(size, size);
  return size;
}

/**
 * Puts a backup into `to`, a folder that is missing or empty, once all of it was verified. Answers what was verified.
 * Throws `StoreError` `DAMAGED`, `NOT_EMPTY`, `NOTHING_STORED` and what `checkFolder` throws.
 */
export async function restoreBackup(
  from: string,
  to: string,
  progress?: { check?: (progress: Progress) => void; copy?: CopyProgress },
): Promise<CheckReport> {
  const report = await checkFolder(from, progress?.check);
  if (!report.sound) throw damagedError(from, report.damages, report.damaged);
  prepareEmptyFolder(to);
  const partial = join(to, PARTIAL_FILE);
  await copyFile(join(from, DATA_FILE), partial, progress?.copy);
  syncFile(partial);
  renameSync(partial, join(to, DATA_FILE));
  syncFolder(to);
  return report;
}

async function copyFile(from: string, to: string, progress: CopyProgress | undefined): Promise<void> {
  const source = await open(from, 'r');
  try {
    const target = await open(to, 'wx', OWNER_ONLY);
    try {
      const { size } = await source.stat();
      const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
      for (let done = 0; done < size; ) {
        const { bytesRead } = await source.read(chunk, 0, CHUNK_BYTES, done);
        if (bytesRead === 0) throw new StoreError('UNUSABLE', `${from} became shorter while it was copied`);
        await target.writeFile(chunk.subarray(0, bytesRead));
        done += bytesRead;
        progress?.(done, size);
      }
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}
