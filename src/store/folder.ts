/**
 * The folders that data, backups and copies live in.
 */
import { closeSync, fsyncSync, mkdirSync, openSync, readdirSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { StoreError } from './errors.ts';

/** Bytes that must fit at start: more than lmdb's lock and first pages take, since lmdb dies of a full disk there. */
const FIRST_BYTES = 128 * 1024;

/** Makes the data folder if it is missing and writes to it once. Throws `StoreError` `UNUSABLE`, in one clear line. */
export function prepareDataFolder(folder: string): void {
  const file = join(folder, '.write-test');
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    try {
      const fd = openSync(file, 'w');
      try {
        writeSync(fd, Buffer.alloc(FIRST_BYTES, 1));
        fsyncSync(fd);
      } finally {
        closeSync(fd);
      }
    } finally {
      removeIfThere(file);
    }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why =
      code === 'ENOSPC' || code === 'EDQUOT'
        ? 'the disk is full'
        : code === 'EROFS'
          ? 'it is read-only'
          : code === 'EACCES' || code === 'EPERM'
            ? 'this user may not write there'
            : code === 'ENOTDIR' || code === 'EEXIST'
              ? 'it is not a folder'
              : message;
    throw new StoreError('UNUSABLE', `the data folder ${folder} cannot be used: ${why}`, [], error);
  }
}

function removeIfThere(file: string): void {
  try {
    unlinkSync(file);
  } catch {
    // it was never made; what kept it from being made is reported
  }
}

/** Makes a folder for a copy. Throws `StoreError` `NOT_EMPTY` when anything is in it, `UNUSABLE` when it cannot be made. */
export function prepareEmptyFolder(folder: string): void {
  let names: string[];
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    names = readdirSync(folder);
  } catch (error) {
    throw new StoreError('UNUSABLE', `${folder} cannot be used: ${(error as Error).message}`, [], error);
  }
  if (names.length > 0) throw new StoreError('NOT_EMPTY', `${folder} is not empty (${names[0]}); nothing was written`);
}
