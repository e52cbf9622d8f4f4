/**
 * Changes that wait for the disk: for each table the last word about each key.
 *
 * Invariant: writing these changes over any state that has some of them already gives the same state, so that what may
 * or may not have reached the disk can be written again.
 */
import type { Plain } from '../core/ports.ts';

/** Stands for the value of a record that is gone. */
export const REMOVED: unique symbol = Symbol('removed');

/** What happened to one table: perhaps emptied first, then these keys. */
export interface TableChanges {
  readonly table: string;
  cleared: boolean;
  readonly rows: Map<string, Plain | typeof REMOVED>;
}

/** Bytes counted for a record besides its text: entries of maps, the record on disk. */
const RECORD_BYTES = 96;

export class Changes {
  /** Records that wait. */
  records = 0;
  /** What they take, roughly and rounded up: a key that is put twice counts twice. */
  bytes = 0;
  readonly tables = new Map<string, TableChanges>();
  #last: TableChanges | undefined;

  get empty(): boolean {
    return this.tables.size === 0;
  }

  put(table: string, key: string, value: Plain): void {
    this.#set(table, key, value);
    this.bytes += RECORD_BYTES + 2 * key.length + sizeOf(value);
  }

  remove(table: string, key: string): void {
    this.#set(table, key, REMOVED);
    this.bytes += RECORD_BYTES + 2 * key.length;
  }

  clear(table: string): void {
    const changes = this.#table(table);
    this.records -= changes.rows.size;
    changes.rows.clear();
    changes.cleared = true;
  }

  /** Takes in everything that was stated after this. */
  absorb(newer: Changes): void {
    for (const { table, cleared, rows } of newer.tables.values()) {
      if (cleared) this.clear(table);
      for (const [key, value] of rows) this.#set(table, key, value);
    }
    this.bytes += newer.bytes;
  }

  #set(table: string, key: string, value: Plain | typeof REMOVED): void {
    const { rows } = this.#table(table);
    const before = rows.size;
    rows.set(key, value);
    this.records += rows.size - before;
  }

  #table(table: string): TableChanges {
    if (this.#last?.table === table) return this.#last;
    let changes = this.tables.get(table);
    if (changes === undefined) {
      changes = { table, cleared: false, rows: new Map() };
      this.tables.set(table, changes);
    }
    this.#last = changes;
    return changes;
  }
}

/** Bytes of the texts and byte strings that a record holds at its first level, where the large ones are. */
function sizeOf(value: Plain): number {
  if (typeof value === 'string') return 2 * value.length;
  if (typeof value !== 'object' || value === null) return 8;
  if (value instanceof Uint8Array) return value.length;
  let bytes = 0;
  if (Array.isArray(value)) for (let i = 0; i < value.length; i++) bytes += leafSize(value[i] as Plain);
  else for (const name in value) bytes += 2 * name.length + leafSize((value as Record<string, Plain>)[name] as Plain);
  return bytes;
}

function leafSize(value: Plain): number {
  if (typeof value === 'string') return 2 * value.length;
  return value instanceof Uint8Array ? value.length : 8;
}
