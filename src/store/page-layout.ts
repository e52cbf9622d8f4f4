/**
 * The layout of lmdb's data file, version 2, on a 64-bit little-endian machine: pages, their nodes, the records that
 * describe trees.
 *
 * Invariant: these numbers are those of the lmdb that this project pins; a file of another version is refused.
 */

/** Bytes before the nodes of a page: number (8), transaction (8), pad (2), flags (2), lower (2), upper (2). */
export const HEADER = 24;
/** Kinds of pages. */
export const BRANCH = 1;
export const LEAF = 2;
export const OVERFLOW = 4;
export const META = 8;

/** Bytes before the key of a node: size or child (4), flags (2), key size (2); and its kinds besides a plain record. */
export const NODE = 8;
export const NODE_BIG = 1;
export const NODE_TREE = 2;

/** Where one of the two first pages says what it says, and how much of it is read. */
export const META_PAGE_SIZE = HEADER + 24;
export const META_FREE = HEADER + 24;
export const META_MAIN = HEADER + 72;
export const META_LAST = HEADER + 120;
export const META_TXN = HEADER + 128;
export const META_BYTES = HEADER + 144;
export const TREE_BYTES = 48;

export const MAGIC = 0xbeefc0de;
export const VERSION = 2;
/** The flags of the list of free pages: its keys are integers, and perhaps that lmdb's path was a file, not a folder. */
export const INTEGER_KEYS = 0x0008;
export const PATH_IS_FILE = 0x4000;

/** One tree of pages as its record describes it. `root` is -1 when it is empty. */
export interface Tree {
  readonly name: string;
  readonly flags: number;
  readonly root: number;
  readonly depth: number;
  readonly branches: number;
  readonly leaves: number;
  readonly overflows: number;
  readonly entries: number;
}

/** An unsigned 64-bit number, exact up to 2^53. */
export function u64(page: Buffer, at: number): number {
  return page.readUInt32LE(at) + page.readUInt32LE(at + 4) * 0x1_0000_0000;
}

/** The tree that is described at `at`. */
export function treeAt(page: Buffer, at: number, name: string): Tree {
  const empty = page.readUInt32LE(at + 40) === 0xffff_ffff && page.readUInt32LE(at + 44) === 0xffff_ffff;
  return {
    name,
    flags: page.readUInt16LE(at + 4),
    depth: page.readUInt16LE(at + 6),
    branches: u64(page, at + 8),
    leaves: u64(page, at + 16),
    overflows: u64(page, at + 24),
    entries: u64(page, at + 32),
    root: empty ? -1 : u64(page, at + 40),
  };
}
