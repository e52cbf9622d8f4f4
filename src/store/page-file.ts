/**
 * The data file of lmdb, read without mapping it and without believing it: lmdb itself follows whatever a page says, so
 * a flipped bit in a page could lose records silently or end the process.
 *
 * Invariant: every page is used by one tree only, and once all trees were walked no page is both in use and free.
 * Contradictions are remembered, never thrown, except where nothing at all can be read.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import type { RecordCursor, Source, StoredTable } from './backend.ts';
import type { Damage } from './durable.ts';
import { StoreError } from './errors.ts';
import { PageCursor } from './page-cursor.ts';
import {
  HEADER,
  INTEGER_KEYS,
  MAGIC,
  META,
  META_BYTES,
  META_FREE,
  META_LAST,
  META_MAIN,
  META_PAGE_SIZE,
  META_TXN,
  NODE_TREE,
  PATH_IS_FILE,
  TREE_BYTES,
  type Tree,
  treeAt,
  u64,
  VERSION,
} from './page-layout.ts';

/** Bytes by which the pages that are known may exceed the file: pages that were freed before they were ever written. */
const UNWRITTEN_MAX = 256 * 1024 * 1024;
/** How many contradictions are listed; the rest is only counted. */
const LISTED = 100;

function wrongMeta(meta: Buffer, slot: number, pageSize: number): string {
  if (meta.readUInt32LE(HEADER) !== MAGIC) return 'has lost its mark';
  if (meta.readUInt32LE(HEADER + 4) !== VERSION) return `is of version ${meta.readUInt32LE(HEADER + 4)}`;
  if (u64(meta, 0) !== slot || meta.readUInt16LE(18) !== META) return 'does not name itself';
  if (meta.readUInt32LE(META_PAGE_SIZE) !== pageSize) return 'names another page size';
  if ((meta.readUInt16LE(META_FREE + 4) & ~PATH_IS_FILE) !== INTEGER_KEYS) return 'describes no list of free pages';
  if (meta.readUInt16LE(META_MAIN + 4) !== 0) return 'describes no list of tables';
  const txnid = u64(meta, META_TXN);
  if (txnid !== 0 && txnid % 2 !== slot) return `names transaction ${txnid}, which belongs on the other`;
  return '';
}

export class PageFile implements Source {
  readonly pageSize: number;
  /** The newest transaction. */
  readonly txnid: number;
  readonly #file: string;
  /** Pages that it knows, the two first ones included. */
  readonly #pages: number;
  readonly #problems: Damage[] = [];
  #broken = 0;
  readonly #free: Tree;
  readonly #main: Tree;
  readonly #trees = new Map<string, Tree>();
  /** One byte per page: 0 not seen, 1 in use, 2 free. */
  readonly #seen: Uint8Array;
  #fd: number;

  /**
   * Opens the file and finds its newest transaction. Throws `StoreError` `DAMAGED` when the first pages contradict
   * themselves and `NOT_A_STORE` when this is no file of lmdb.
   */
  constructor(file: string) {
    this.#file = file;
    this.#fd = openSync(file, 'r');
    try {
      const size = fstatSync(this.#fd).size;
      const first = Buffer.alloc(META_BYTES);
      const second = Buffer.alloc(META_BYTES);
      this.read(first, META_BYTES, 0);
      const pageSize = first.readUInt32LE(META_PAGE_SIZE);
      const sound = pageSize >= 512 && pageSize <= 65_536 && (pageSize & (pageSize - 1)) === 0;
      if (!sound || first.readUInt32LE(HEADER) !== MAGIC) {
        this.read(second, META_BYTES, 4096);
        if (first.readUInt32LE(HEADER) !== MAGIC && second.readUInt32LE(HEADER) !== MAGIC)
          throw new StoreError('NOT_A_STORE', `${file} is not a data file of this server`);
        throw this.#unusable('page 0 has lost its mark or its page size');
      }
      this.read(second, META_BYTES, pageSize);
      for (const [slot, meta] of [first, second].entries()) {
        const wrong = wrongMeta(meta, slot, pageSize);
        if (wrong !== '') throw this.#unusable(`page ${slot} ${wrong}`);
      }
      const [a, b] = [u64(first, META_TXN), u64(second, META_TXN)];
      if (Math.abs(a - b) > 1) throw this.#unusable(`pages 0 and 1 name the transactions ${a} and ${b}`);
      const meta = b > a ? second : first;
      this.pageSize = pageSize;
      this.txnid = Math.max(a, b);
      this.#pages = u64(meta, META_LAST) + 1;
      if (this.#pages < 2 || this.#pages * pageSize > 2 * size + UNWRITTEN_MAX)
        throw this.#unusable(`${this.#pages} pages are claimed where the file has ${Math.floor(size / pageSize)}`);
      this.#free = treeAt(meta, META_FREE, '(free pages)');
      this.#main = treeAt(meta, META_MAIN, '(tables)');
      this.#seen = new Uint8Array(this.#pages);
      this.#findTrees();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  get tables(): readonly StoredTable[] {
    return [...this.#trees.values()];
  }

  close(): void {
    if (this.#fd >= 0) closeSync(this.#fd);
    this.#fd = -1;
  }

  cursor(table: StoredTable): RecordCursor {
    return new PageCursor(this, this.#trees.get(table.name) as Tree, 0);
  }

  verdict(): { readonly damages: readonly Damage[]; readonly count: number } {
    this.#account();
    return { damages: this.#problems, count: this.#broken };
  }

  #findTrees(): void {
    const cursor = new PageCursor(this, this.#main, NODE_TREE);
    while (cursor.next()) {
      // lmdb ends the names of tables with a zero byte
      const name = cursor.page.toString('latin1', cursor.keyStart, cursor.keyEnd).replace(/\0$/, '');
      if (cursor.valueEnd - cursor.valueStart !== TREE_BYTES) {
        this.wrong(name, '', 'its record has the wrong size');
        continue;
      }
      const tree = treeAt(cursor.value, cursor.valueStart, name);
      this.#trees.set(name, tree);
      if (tree.flags !== 0) this.wrong(name, '', `it is of an unknown kind (${tree.flags})`);
    }
  }

  /** Walks the list of free pages: names those that are in use as well, or listed twice. */
  #account(): void {
    const cursor = new PageCursor(this, this.#free, INTEGER_KEYS);
    while (cursor.next()) {
      const { value, valueStart } = cursor;
      const listed = u64(value, valueStart);
      const room = (cursor.valueEnd - valueStart) / 8 - 1;
      if (listed <= room) this.#accountEntry(value, valueStart + 8, listed);
      else this.wrong(this.#free.name, '', `an entry claims ${listed} numbers`);
    }
  }

  /** An entry lists page numbers, zeros that mean nothing, and negative lengths of the run of pages that follows. */
  #accountEntry(value: Buffer, start: number, listed: number): void {
    let run = 1;
    for (let at = start; at < start + 8 * listed; at += 8) {
      const number = value.readUInt32LE(at) + value.readInt32LE(at + 4) * 0x1_0000_0000;
      if (number < 0) run = -number;
      else {
        if (number !== 0) this.#accountRun(number, run);
        run = 1;
      }
    }
  }

  #accountRun(from: number, run: number): void {
    if (from < 2 || from + run > this.#pages) {
      this.wrong(this.#free.name, '', `page ${from} is not of this file`);
      return;
    }
    const seen = this.#seen;
    for (let pgno = from; pgno < from + run; pgno++) {
      if (seen[pgno] !== 0)
        this.wrong(this.#free.name, '', `page ${pgno} is ${seen[pgno] === 1 ? 'in use' : 'listed twice'}`);
      seen[pgno] = 2;
    }
  }

  /** @internal Remembers a contradiction. */
  wrong(table: string, key: string, reason: string): void {
    this.#broken++;
    if (this.#problems.length < LISTED) this.#problems.push({ table, key, reason });
  }

  /** @internal Marks `count` pages as used; answers what speaks against it, or an empty text. */
  claim(pgno: number, count: number): string {
    if (!(pgno >= 2 && pgno + count <= this.#pages)) return `page ${pgno} is not of this file`;
    const seen = this.#seen;
    for (let i = pgno; i < pgno + count; i++) if (seen[i] !== 0) return `page ${i} is used twice`;
    for (let i = pgno; i < pgno + count; i++) seen[i] = 1;
    return '';
  }

  /** @internal Reads bytes at an offset; what lies beyond the file reads as zeros. */
  read(into: Buffer, length: number, offset: number): void {
    let got = 0;
    while (got < length) {
      const n = readSync(this.#fd, into, got, length - got, offset + got);
      if (n === 0) break;
      got += n;
    }
    if (got < length) into.fill(0, got, length);
  }

  #unusable(reason: string): StoreError {
    const damage = { table: '(file)', key: '', reason };
    return new StoreError('DAMAGED', `${this.#file} is damaged: ${reason}`, [damage]);
  }
}
