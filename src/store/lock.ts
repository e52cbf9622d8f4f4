/**
 * One process per data folder.
 *
 * Invariant: from `take` to `release` this process is the only one that holds the folder, on one kernel. lmdb keeps a
 * table of readers beside a file and guards every entry by a lock of the kernel (fcntl) that goes with its process,
 * however it ends. A file of its own, which holds nothing, carries one entry for whoever has the folder. So a kill
 * leaves nothing stale behind, a process number that is used again means nothing, and containers that share a volume
 * see each other even where each believes it is process 1. (Between machines that share a network volume it cannot
 * hold, as lmdb itself cannot.)
 */
import { realpathSync } from 'node:fs';
import { join } from 'node:path';
import { open, type RootDatabase, type Transaction } from 'lmdb';
import { StoreError } from './errors.ts';

/** The file whose table of readers is the lock. */
export const LOCK_FILE = 'lock.mdb';

/** What this process holds: the kernel's locks do not keep a process from itself. */
const held = new Set<string>();

export class FolderLock {
  readonly #folder: string;
  readonly #root: RootDatabase;
  readonly #entry: Transaction;

  /** Throws `StoreError` `LOCKED`, which names the process that has the folder, and `UNUSABLE`. */
  constructor(folder: string) {
    this.#folder = realpathSync(folder);
    if (held.has(this.#folder)) throw locked(folder, `this process (${process.pid})`);
    this.#root = openLock(folder);
    try {
      const others = holders(this.#root);
      if (others.length > 0) throw locked(folder, `process ${others.join(' and ')}`);
      this.#entry = this.#root.useReadTransaction();
      const all = holders(this.#root);
      if (all.length !== 1) throw locked(folder, `another process that starts at this moment (${all.join(', ')})`);
    } catch (error) {
      void this.#root.close();
      throw error;
    }
    held.add(this.#folder);
  }

  /** Lets the next one in. */
  async release(): Promise<void> {
    if (!held.delete(this.#folder)) return;
    this.#entry.done();
    await this.#root.close();
  }
}

function openLock(folder: string): RootDatabase {
  try {
    return open({ path: join(folder, LOCK_FILE), noSubdir: true, overlappingSync: false, maxDbs: 1, maxReaders: 16 });
  } catch (error) {
    throw new StoreError(
      'UNUSABLE',
      `${join(folder, LOCK_FILE)} cannot be locked: ${(error as Error).message}`,
      [],
      error,
    );
  }
}

/** The process numbers of the entries, once those of processes that ended are gone. */
function holders(root: RootDatabase): string[] {
  root.readerCheck();
  return [...root.readerList().matchAll(/^\s*(\d+)\s+[0-9a-f]+\s/gm)].map((match) => match[1] as string);
}

function locked(folder: string, who: string): StoreError {
  return new StoreError('LOCKED', `the data folder ${folder} is in use by ${who}; one server at a time can have it`);
}
