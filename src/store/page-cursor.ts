/**
 * Walks one tree of lmdb's data file in the order of its keys.
 *
 * Invariant: what it hands out was reached through pages that name themselves, are no newer than their parents and hold
 * their keys in order within the separators above them; what contradicts that is reported and left out with all below.
 */
import type { RecordCursor } from './backend.ts';
import type { PageFile } from './page-file.ts';
import {
  BRANCH,
  HEADER,
  INTEGER_KEYS,
  LEAF,
  NODE,
  NODE_BIG,
  NODE_TREE,
  OVERFLOW,
  type Tree,
  u64,
} from './page-layout.ts';

/** Deeper than any tree that fits a file of 2^48 bytes. */
const DEPTH_MAX = 32;

interface Level {
  readonly page: Buffer;
  pgno: number;
  txnid: number;
  /** The node that is visited, and how many there are. */
  index: number;
  count: number;
  /** Separators from the pages above: keys are at least `low` and below `high`. */
  low: Separator | undefined;
  high: Separator | undefined;
}

interface Separator {
  readonly page: Buffer;
  readonly start: number;
  readonly end: number;
}

export class PageCursor implements RecordCursor {
  /** The page with the key of the current record, and where in it the key lies. */
  page: Buffer = Buffer.alloc(0);
  keyStart = 0;
  keyEnd = 0;
  /** The bytes with the value of the current record, and where in them it lies; valid until the next step. */
  value: Buffer = Buffer.alloc(0);
  valueStart = 0;
  valueEnd = 0;
  readonly #file: PageFile;
  readonly #tree: Tree;
  /** What its nodes are: 0 for records, `NODE_TREE` for trees, `INTEGER_KEYS` for records whose keys are numbers. */
  readonly #kind: number;
  readonly #levels: Level[] = [];
  #depth = -1;
  #big: Buffer = Buffer.alloc(0);
  #previous: Buffer = Buffer.alloc(4096);
  #previousEnd = -1;
  #branches = 0;
  #leaves = 0;
  #overflows = 0;
  #entries = 0;
  #ended = false;

  constructor(file: PageFile, tree: Tree, kind: number) {
    this.#file = file;
    this.#tree = tree;
    this.#kind = kind;
    if (tree.root >= 0) this.#descend(tree.root, file.txnid, undefined, undefined);
  }

  /** Steps to the next record; false at the end, when the counts of the tree were compared as well. */
  next(): boolean {
    while (this.#depth >= 0) {
      const level = this.#levels[this.#depth] as Level;
      if (++level.index >= level.count) {
        this.#depth--;
        continue;
      }
      if (level.page.readUInt16LE(18) === BRANCH) this.#child(level);
      else if (this.#record(level)) return true;
    }
    if (!this.#ended) this.#finish();
    this.#ended = true;
    return false;
  }

  #finish(): void {
    const tree = this.#tree;
    const claim = (what: string, claimed: number, found: number): void => {
      if (claimed !== found) this.#file.wrong(tree.name, '', `it claims ${claimed} ${what}, ${found} were found`);
    };
    claim('records', tree.entries, this.#entries);
    claim('branch pages', tree.branches, this.#branches);
    claim('leaf pages', tree.leaves, this.#leaves);
    claim('overflow pages', tree.overflows, this.#overflows);
  }

  #wrong(pgno: number, reason: string): void {
    this.#file.wrong(this.#tree.name, '', `page ${pgno}: ${reason}`);
  }

  #child(level: Level): void {
    const { page, index } = level;
    const node = HEADER + page.readUInt16LE(HEADER + 2 * index);
    const pgno = page.readUInt32LE(node) + page.readUInt16LE(node + 4) * 0x1_0000_0000;
    const low = index === 0 ? level.low : this.#separator(page, index);
    const high = index + 1 < level.count ? this.#separator(page, index + 1) : level.high;
    this.#descend(pgno, level.txnid, low, high);
  }

  #separator(page: Buffer, index: number): Separator {
    const node = HEADER + page.readUInt16LE(HEADER + 2 * index);
    return { page, start: node + NODE, end: node + NODE + page.readUInt16LE(node + 6) };
  }

  /** Enters a page, or reports why it cannot be believed and leaves it out with all below it. */
  #descend(pgno: number, txnid: number, low: Separator | undefined, high: Separator | undefined): void {
    const file = this.#file;
    const taken = file.claim(pgno, 1);
    if (taken !== '') {
      file.wrong(this.#tree.name, '', taken);
      return;
    }
    let level = this.#levels[this.#depth + 1];
    if (level === undefined) {
      const page = Buffer.alloc(file.pageSize);
      level = { page, pgno: 0, txnid: 0, index: -1, count: 0, low: undefined, high: undefined };
      this.#levels.push(level);
    }
    const { page } = level;
    file.read(page, file.pageSize, pgno * file.pageSize);
    const reason = this.#distrust(page, pgno, txnid);
    if (reason !== '') {
      this.#wrong(pgno, reason);
      return;
    }
    level.pgno = pgno;
    level.txnid = u64(page, 8);
    level.index = -1;
    level.count = page.readUInt16LE(20) >> 1;
    level.low = low;
    level.high = high;
    this.#depth++;
    if (page.readUInt16LE(18) === BRANCH) this.#branches++;
    else this.#leaves++;
    if (this.#strays(level)) {
      this.#wrong(pgno, 'its keys lie outside of what the pages above promise');
      this.#depth--;
    }
  }

  /** Why a page cannot be what its parent says it is; empty when it can. */
  #distrust(page: Buffer, pgno: number, txnid: number): string {
    const size = page.length;
    if (u64(page, 0) !== pgno) return `it calls itself ${u64(page, 0)}`;
    if (u64(page, 8) > txnid) return `it is of transaction ${u64(page, 8)}, its parent of ${txnid}`;
    const depth = this.#depth + 2;
    const flags = page.readUInt16LE(18);
    if (depth > DEPTH_MAX || flags !== (depth === this.#tree.depth ? LEAF : BRANCH)) return `it is of kind ${flags}`;
    const lower = page.readUInt16LE(20);
    const upper = page.readUInt16LE(22);
    const count = lower >> 1;
    if ((lower & 1) !== 0 || count === 0 || lower > upper || HEADER + upper > size) return 'its bounds are impossible';
    let used = 0;
    for (let i = 0; i < count; i++) {
      const at = page.readUInt16LE(HEADER + 2 * i);
      const node = HEADER + at;
      if (at < upper || (at & 1) !== 0 || node + NODE > size) return `node ${i} lies outside of it`;
      const key = page.readUInt16LE(node + 6);
      let bytes = NODE + key;
      if (flags === LEAF) {
        const kind = page.readUInt16LE(node + 4);
        const expected = this.#kind === NODE_TREE ? NODE_TREE : 0;
        if (kind !== expected && !(kind === NODE_BIG && expected === 0)) return `node ${i} is of kind ${kind}`;
        bytes += kind === NODE_BIG ? HEADER : page.readUInt32LE(node);
      }
      if (key === 0 && !(flags === BRANCH && i === 0)) return `node ${i} has no key`;
      if (this.#kind === INTEGER_KEYS && key !== 8 && !(flags === BRANCH && i === 0))
        return `node ${i} has no number for a key`;
      if (node + bytes > size) return `node ${i} reaches beyond it`;
      used += (bytes + 1) & ~1;
    }
    return used === size - HEADER - upper ? '' : 'its nodes overlap';
  }

  #strays(level: Level): boolean {
    const { page, low, high } = level;
    const branch = page.readUInt16LE(18) === BRANCH;
    const first = branch ? 1 : 0; // the first key of a branch is never looked at
    if (level.count <= first) return false;
    const a = this.#separator(page, first);
    const z = this.#separator(page, level.count - 1);
    return (
      (low !== undefined && this.#compare(a.page, a.start, a.end, low.page, low.start, low.end) < 0) ||
      (high !== undefined && this.#compare(z.page, z.start, z.end, high.page, high.start, high.end) >= 0) ||
      (branch && this.#unordered(level))
    );
  }

  #unordered(level: Level): boolean {
    for (let i = 2; i < level.count; i++) {
      const a = this.#separator(level.page, i - 1);
      const b = this.#separator(level.page, i);
      if (this.#compare(a.page, a.start, a.end, b.page, b.start, b.end) >= 0) return true;
    }
    return false;
  }

  #compare(a: Buffer, aStart: number, aEnd: number, b: Buffer, bStart: number, bEnd: number): number {
    if (this.#kind === INTEGER_KEYS) return u64(a, aStart) - u64(b, bStart);
    const end = Math.min(aEnd - aStart, bEnd - bStart);
    for (let i = 0; i < end; i++) {
      const difference = (a[aStart + i] as number) - (b[bStart + i] as number);
      if (difference !== 0) return difference;
    }
    return aEnd - aStart - (bEnd - bStart);
  }

  /** Takes the record of the current node; false when it cannot be believed. */
  #record(level: Level): boolean {
    const { page, index } = level;
    const node = HEADER + page.readUInt16LE(HEADER + 2 * index);
    const size = page.readUInt32LE(node);
    this.#entries++;
    this.page = page;
    this.keyStart = node + NODE;
    this.keyEnd = this.keyStart + page.readUInt16LE(node + 6);
    const before = this.#previous;
    if (this.#previousEnd >= 0 && this.#compare(before, 0, this.#previousEnd, page, this.keyStart, this.keyEnd) >= 0) {
      this.#wrong(level.pgno, `the key of node ${index} is out of order`);
      return false;
    }
    this.#remember();
    if (page.readUInt16LE(node + 4) === NODE_BIG) return this.#overflow(level, this.keyEnd, size);
    this.value = page;
    this.valueStart = this.keyEnd;
    this.valueEnd = this.keyEnd + size;
    return true;
  }

  #remember(): void {
    const length = this.keyEnd - this.keyStart;
    if (length > this.#previous.length) this.#previous = Buffer.alloc(2 * length);
    const { page, keyStart } = this;
    const previous = this.#previous;
    for (let i = 0; i < length; i++) previous[i] = page[keyStart + i] as number;
    this.#previousEnd = length;
  }

  #overflow(level: Level, at: number, size: number): boolean {
    const file = this.#file;
    const pgno = u64(level.page, at);
    const txnid = u64(level.page, at + 8);
    const pages = u64(level.page, at + 16);
    // a value that shrank within the transaction that made it keeps its pages
    const needed = Math.floor((HEADER - 1 + size) / file.pageSize) + 1;
    const taken = pages >= needed ? file.claim(pgno, pages) : `it needs ${needed} pages and has ${pages}`;
    if (taken !== '') {
      this.#wrong(level.pgno, `the value of node ${level.index}: ${taken}`);
      return false;
    }
    this.#overflows += pages;
    if (this.#big.length < HEADER + size) this.#big = Buffer.allocUnsafe(Math.max(HEADER + size, 2 * this.#big.length));
    const big = this.#big;
    file.read(big, HEADER + size, pgno * file.pageSize);
    if (u64(big, 0) !== pgno || big.readUInt16LE(18) !== OVERFLOW || big.readUInt32LE(20) !== pages) {
      this.#wrong(pgno, 'it is not the value page that it should be');
      return false;
    }
    if (u64(big, 8) !== txnid || txnid > level.txnid) {
      this.#wrong(pgno, `it is of transaction ${u64(big, 8)}, not of ${txnid}`);
      return false;
    }
    this.value = big;
    this.valueStart = HEADER;
    this.valueEnd = HEADER + size;
    return true;
  }
}
