/**
 * Transactions on lmdb. Reading goes through `pages.ts`; lmdb opens the file only for writing and for hot copies.
 *
 * Invariant: a commit that resolved is on disk. lmdb's own default here (`overlappingSync`) resolves before the flush;
 * it is switched off, so that a commit writes its pages, waits for `fdatasync`, and then writes the page that makes them
 * the newest transaction through a descriptor opened with O_DSYNC. After a failure the environment is closed, since
 * lmdb refuses or even blocks on one that has failed, and a later one is opened over what is certainly on disk.
 */
import { chmodSync, closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Database, open, type RootDatabase } from 'lmdb';
import type { Backend, Source } from './backend.ts';
import { PageFile } from './page-file.ts';
import type { Transaction } from './transaction.ts';

/** The name of the data file in its folder. */
export const DATA_FILE = 'data.mdb';
/** Permissions of the files: data is nobody else's business. */
export const OWNER_ONLY = 0o600;
/** Tables that one file can have: the families have a few each, and unknown ones must fit as well. */
const TABLES_MAX = 256;
/** lmdb's writer begins when a batch is complete, and never makes the main thread wait for room in its queue. */
const NEVER = 0x7fff_ffff;

/** The bytes of a key, handed to lmdb without a copy of their own. */
interface KeyRange {
  bytes: Buffer;
  start: number;
  end: number;
}

/** Writes the range where lmdb wants its key. A loop, since keys are short; emptying a table asks with no bytes. */
function writeKey(key: KeyRange | Uint8Array, target: Uint8Array, at: number): number {
  if (key instanceof Uint8Array) {
    target.set(key, at);
    return at + key.length;
  }
  const { bytes, start, end } = key;
  for (let i = start; i < end; i++) target[at + i - start] = bytes[i] as number;
  return at + end - start;
}

/** A slab whose `start` and `end` say which part of it is the value: lmdb reads these instead of copying. */
type Slab = Buffer & { start?: number; end?: number };

const KEYS = { writeKey, readKey: (bytes: Uint8Array, start: number, end: number) => bytes.slice(start, end) };
const VALUES = { encode: (slab: Slab) => slab, decode: (bytes: Buffer) => bytes, copyBuffers: true };

type Table = Database<Slab, never>;

export class LmdbBackend implements Backend {
  readonly #folder: string;
  readonly #file: string;
  readonly #range: KeyRange = { bytes: Buffer.alloc(0), start: 0, end: 0 };
  readonly #tables = new Map<string, Table>();
  #root: RootDatabase<Slab, never> | undefined;
  #copying: Promise<void> | undefined;

  constructor(folder: string, file = DATA_FILE) {
    this.#folder = folder;
    this.#file = join(folder, file);
  }

  exists(): boolean {
    // an empty file is one that was about to be made
    return existsSync(this.#file) && statSync(this.#file).size > 0;
  }

  async create(transaction: Transaction): Promise<void> {
    const name = `${this.#file}.new`;
    for (const leftover of [name, `${name}-lock`]) rmSync(leftover, { force: true });
    const backend = new LmdbBackend(this.#folder, `${DATA_FILE}.new`);
    backend.open();
    try {
      await backend.commit(transaction);
    } finally {
      await backend.close();
    }
    rmSync(`${name}-lock`, { force: true });
    renameSync(name, this.#file);
    syncFolder(this.#folder);
  }

  read(): Source {
    return new PageFile(this.#file);
  }

  open(): void {
    this.#root = open<Slab, never>({
      path: this.#file,
      noSubdir: true,
      maxDbs: TABLES_MAX,
      maxReaders: 16,
      permissionsMode: OWNER_ONLY,
      overlappingSync: false,
      eventTurnBatching: false,
      batchStartThreshold: NEVER,
      keyEncoding: 'binary',
      encoding: 'binary',
    } as Parameters<typeof open>[0]);
  }

  async commit(transaction: Transaction): Promise<void> {
    const root = this.#root;
    if (root === undefined) throw new Error('the data file is not open');
    for (const table of transaction.tables) this.#table(root, table);
    try {
      await root.batch(() => transaction.write(this));
    } catch (error) {
      throw await reasonOf(error);
    }
  }

  clear(table: string): void {
    void (this.#tables.get(table) as Table).clearAsync();
  }

  put(table: string, bytes: Slab, keyStart: number, keyEnd: number, valueEnd: number): void {
    this.#setRange(bytes, keyStart, keyEnd);
    bytes.start = keyEnd;
    bytes.end = valueEnd;
    void (this.#tables.get(table) as Table).put(this.#range as never, bytes);
  }

  remove(table: string, bytes: Buffer, keyStart: number, keyEnd: number): void {
    this.#setRange(bytes, keyStart, keyEnd);
    void (this.#tables.get(table) as Table).remove(this.#range as never);
  }

  async copy(file: string): Promise<void> {
    if (this.#root === undefined) throw new Error('the data file is not open');
    this.#copying = this.#root.backup(file, false);
    await this.#copying;
    chmodSync(file, OWNER_ONLY); // lmdb lets everyone read its copies
    syncFile(file);
  }

  async close(): Promise<void> {
    const root = this.#root;
    await this.#copying?.catch(() => {}); // it reads what closing would take away
    this.#root = undefined;
    this.#tables.clear();
    await root?.close();
  }

  sizes(): { readonly mapBytes: number; readonly fileBytes: number } {
    return { mapBytes: this.#mapBytes(), fileBytes: existsSync(this.#file) ? statSync(this.#file).size : 0 };
  }

  #mapBytes(): number {
    const root = this.#root;
    if (root === undefined) return 0;
    try {
      const { mapSize } = root.getStats() as { mapSize: number };
      root.resetReadTxn(); // it would keep the pages of its moment from being used again
      return mapSize;
    } catch {
      return 0; // an environment that has failed tells nothing until it is opened anew
    }
  }

  #setRange(bytes: Buffer, start: number, end: number): void {
    const range = this.#range;
    range.bytes = bytes;
    range.start = start;
    range.end = end;
  }

  #table(root: RootDatabase<Slab, never>, name: string): void {
    if (this.#tables.has(name)) return;
    const options = { name, keyEncoder: KEYS, encoder: VALUES, cache: false };
    this.#tables.set(name, root.openDB(options as never) as unknown as Table);
  }
}

/** What lmdb says about a commit that failed: it tells through a second promise. */
async function reasonOf(error: unknown): Promise<unknown> {
  const reason = (error as { commitError?: Promise<never> } | undefined)?.commitError;
  if (reason === undefined) return error;
  return reason.then(
    () => error,
    (cause: unknown) => cause,
  );
}

/** Waits until the bytes of a file are on disk. */
export function syncFile(file: string): void {
  const fd = openSync(file, 'r+');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Waits until the names in a folder are on disk. */
export function syncFolder(folder: string): void {
  const fd = openSync(folder, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
