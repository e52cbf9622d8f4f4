/**
 * What lies below the store: something that holds tables of bytes and writes transactions. lmdb in the server; in tests
 * also one that forgets, fails or stalls, so that the promises of the store are tested without a broken disk.
 */
import type { Damage } from './durable.ts';
import type { RawRecord } from './records.ts';
import type { Transaction } from './transaction.ts';

/** A table on disk. */
export interface StoredTable {
  readonly name: string;
  readonly entries: number;
}

/** Steps through the records of a table in ascending order of the bytes of their keys. */
export interface RecordCursor extends RawRecord {
  next(): boolean;
}

/** The data of one moment, read before anything is written. */
export interface Source {
  readonly tables: readonly StoredTable[];
  /** Walks one table; once only. */
  cursor(table: StoredTable): RecordCursor;
  /** After every table was walked: what contradicts itself below the records, at most a hundred, and how many there are. */
  verdict(): { readonly damages: readonly Damage[]; readonly count: number };
  close(): void;
}

export interface Backend {
  /** Whether there is data. */
  exists(): boolean;
  /** Makes the data file with this first transaction in it; afterwards it is there completely or not at all. */
  create(transaction: Transaction): Promise<void>;
  /** Throws `StoreError` when there is nothing that can be read. */
  read(): Source;
  /** Prepares for writing, at start and again after every failure. Throws whatever the disk says. */
  open(): void;
  /**
   * Writes a transaction, one at a time. Resolves once all of it is on disk to stay; rejects with what the disk said
   * when that is not known. After a rejection nothing but `close` may be called.
   */
  commit(transaction: Transaction): Promise<void>;
  /** Writes a copy of the newest committed moment to a file that does not exist. */
  copy(file: string): Promise<void>;
  /** Lets go, whatever state it is in; `open` may follow. */
  close(): Promise<void>;
  /** Bytes of the memory map and of the data file; 0 when unknown. */
  sizes(): { readonly mapBytes: number; readonly fileBytes: number };
}
