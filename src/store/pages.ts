/**
 * Reads the page file of lmdb (its data version 2, 64-bit, little endian) without mapping it, and believes nothing:
 * lmdb itself follows whatever a page says, so a flipped bit in a page could lose records silently or crash the process.
 *
 * Invariant: what a cursor hands out was reached through pages that name themselves, are no newer than their parents,
 * keep their keys in order within the separators above them, and belong to one tree only. Every contradiction is
 * remembered in `problems`; after all trees and the free list were walked, no page is both free and in use.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import type { Damage } from './durable.ts';
import { StoreError } from './errors.ts';

/** Bytes before the nodes of a page: number (8), transaction (8), pad (2), flags (2), lower (2), upper (2). */
const HEADER = 24;
const FLAGS = 18;
const LOWER = 20;
const UPPER = 22;
const BRANCH = 1;
const LEAF = 2;
const OVERFLOW = 4;
const META = 8;

/** Bytes before the key of a node: size or child (4), flags (2), key size (2). */
const NODE = 8;
const NODE_BIG = 1;
const NODE_TREE = 2;

const MAGIC = 0xbeefc0de;
const VERSION = 2;
/** Deeper than any tree that fits a file of 2^48 bytes. */
const DEPTH_MAX = 32;
/** How many contradictions are listed; the rest is only counted. */
const LISTED = 100;

/** One b-tree as its record describes it. `root` is -1 when it is empty. */
export interface Tree {
  readonly name: string;
  readonly root: number;
  readonly depth: number;
  readonly branches: number;
  readonly leaves: number;
  readonly overflows: number;
  readonly entries: number;
  readonly txnid: number;
}

interface Level {
  readonly page: Buffer;
  pgno: number;
  txnid: number;
  index: number;
  count: number;
}

function u64(page: Buffer, at: number): number {
  return page.readUInt32LE(at) + page.readUInt32LE(at + 4) * 0x1_0000_0000;
}

function treeAt(page: Buffer, at: number, name: string, txnid: number): Tree {
  const empty = page.readUInt32LE(at + 40) === 0xffff_ffff && page.readUInt32LE(at + 44) === 0xffff_ffff;
  return {
    name,
    depth: page.readUInt16LE(at + 6),
    branches: u64(page, at + 8),
    leaves: u64(page, at + 16),
    overflows: u64(page, at + 24),
    entries: u64(page, at + 32),
    root: empty ? -1 : u64(page, at + 40),
    txnid,
  };
}

/** The name of the tree that lists what is free. */
const FREE = '(free pages)';
/** The name of the tree that lists the other trees. */
const MAIN = '(tables)';

export class PageFile {
  /** Contradictions found so far, at most a hundred of them. */
  readonly problems: Damage[] = [];
  /** How many there were. */
  broken = 0;
  readonly pageSize: number;
  readonly txnid: number;
  /** Pages of the file that the newest transaction knows, the two first ones included. */
  readonly pages: number;
  readonly free: Tree;
  readonly main: Tree;
  /** One byte per page: 0 not seen, 1 in use, 2 free. */
  readonly #seen: Uint8Array;
  #fd: number;

  /**
   * Opens the file and reads which transaction is the newest. Throws `StoreError` `DAMAGED` when the first pages
   * contradict themselves, `NOT_A_STORE` when this is no file of lmdb.
   */
  constructor(file: string) {
    this.#fd = openSync(file, 'r');
    try {
      const size = fstatSync(this.#fd).size;
      const first = Buffer.alloc(HEADER + 144);
      this.#read(first, 0, first.length);
      if (first.readUInt32LE(HEADER) !== MAGIC && this.#magicAnywhere(size) === false)
        throw new StoreError('NOT_A_STORE', `${file} is not a data file of synapd`);
      const pageSize = first.readUInt32LE(HEADER + 24);
      if (first.readUInt32LE(HEADER) !== MAGIC || pageSize < 512 || pageSize > 65536 || (pageSize & (pageSize - 1)) !== 0)
        throw this.#damaged(file, 'page 0 names an impossible page size');
      this.pageSize = pageSize;
      const metas = [first, Buffer.alloc(first.length)] as const;
      this.#read(metas[1], pageSize, metas[1].length);
      for (const [slot, meta] of metas.entries()) {
        const wrong = wrongMeta(meta, slot, pageSize);
        if (wrong !== '') throw this.#damaged(file, `page ${slot} ${wrong}`);
      }
      const ids = metas.map((meta) => u64(meta, HEADER + 128)) as [number, number];
      const young = ids[1] > ids[0] ? 1 : 0;
      if (Math.abs(ids[0] - ids[1]) > 1) throw this.#damaged(file, `pages 0 and 1 name transactions ${ids.join(' and ')}`);
      const meta = metas[young];
      this.txnid = ids[young];
      this.pages = u64(meta, HEADER + 120) + 1;
      if (this.pages < 2 || this.pages * pageSize > size + pageSize * 4096 * 16)
        throw this.#damaged(file, `page ${young} claims ${this.pages} pages, the file has ${Math.floor(size / pageSize)}`);
      this.free = treeAt(meta, HEADER + 24, FREE, this.txnid);
      this.main = treeAt(meta, HEADER + 72, MAIN, this.txnid);
      this.#seen = new Uint8Array(this.pages);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  close(): void {
    if (this.#fd >= 0) closeSync(this.#fd);
    this.#fd = -1;
  }
