/**
 * One of the 1,024 parts of the key space: an open hash table of slot numbers over dense columns.
 *
 * Invariant: slots 0 to count-1 are in use and no other; each has exactly one cell in the table, reachable from its
 * home by linear probing without crossing an empty cell. A removal moves the last slot into the hole, so slot numbers
 * are good only until the next removal.
 *
 * Why not a Map: a table of slot numbers is outside of the collector's view, needs 8 bytes a key instead of 29 to 58,
 * and uses the hash that choosing the shard has computed already (DESIGN.md has the figures).
 */
import { CommandError } from '../core/errors.ts';
import { NEVER } from './deadline.ts';
import { TtlHeap } from './ttl-heap.ts';
import type { Value } from './value.ts';

/** A cell holds the highest ten bits of the hash and the slot number plus one; 0 is empty. */
const TAG = 0xffc0_0000 | 0;
const SLOT = 0x003f_ffff;
/** The lowest bits of a hash are equal within a shard. */
const SHARD_BITS = 10;
const SMALLEST = 8;

export class Shard {
  count = 0;
  /** The earliest deadline in this shard, `NEVER` when no key has one. */
  soonest = NEVER;
  /** Key and value of slot n at 2n and 2n+1: side by side, since a get wants both. */
  readonly entries: Value[] = [];
  /** Accounted bytes by slot: key, value and overhead. */
  sizes = new Uint32Array(SMALLEST);
  /** Deadlines; absent until a key of this shard has one. */
  ttl: TtlHeap | undefined;
  /** When or how often a slot was used, in the terms of the eviction policy; absent when the policy does not ask. */
  access: Uint32Array | undefined;
  #cells = new Int32Array(SMALLEST);
  #hashes = new Int32Array(SMALLEST);

  constructor(tracksAccess: boolean) {
    if (tracksAccess) this.access = new Uint32Array(SMALLEST);
  }

  /** The slot of `key`, -1 when it is not here. */
  find(key: string, hash: number): number {
    const cells = this.#cells;
    const mask = cells.length - 1;
    const tag = hash & TAG;
    for (let i = (hash >>> SHARD_BITS) & mask; ; i = (i + 1) & mask) {
      const cell = cells[i] as number;
      if (cell === 0) return -1;
      if ((cell & TAG) === tag) {
        const slot = (cell & SLOT) - 1;
        if (this.entries[2 * slot] === key) return slot;
      }
    }
  }

  key(slot: number): string {
    return this.entries[2 * slot] as string;
  }

  value(slot: number): Value {
    return this.entries[2 * slot + 1] as Value;
  }

  size(slot: number): number {
    return this.sizes[slot] as number;
  }

  deadline(slot: number): number {
    return this.ttl === undefined ? NEVER : (this.ttl.deadlines[slot] as number);
  }

  /** Adds a key that is not here; answers its slot. */
  insert(key: string, hash: number, value: Value, size: number): number {
    const slot = this.count;
    if (slot >= SLOT) throw new CommandError('LIMIT_REACHED', { detail: `a shard holds ${SLOT} keys at most` });
    if (slot === this.sizes.length) this.#resize(slot + (slot >> 1) + 16);
    if (4 * (slot + 1) > 3 * this.#cells.length) this.#rehash(2 * this.#cells.length);
    this.count = slot + 1;
    this.entries.push(key, value);
    this.sizes[slot] = size;
    this.#hashes[slot] = hash;
    const cells = this.#cells;
    const mask = cells.length - 1;
    let i = (hash >>> SHARD_BITS) & mask;
    while (cells[i] !== 0) i = (i + 1) & mask;
    cells[i] = (hash & TAG) | (slot + 1);
    return slot;
  }

  /** Gives the key of `slot` another value. */
  replace(slot: number, value: Value, size: number): void {
    this.entries[2 * slot + 1] = value;
    this.sizes[slot] = size;
  }

  /** Gives the key of `slot` a deadline, `NEVER` for none. */
  setDeadline(slot: number, deadline: number): void {
    if (this.ttl === undefined) {
      if (deadline === NEVER) return;
      this.ttl = new TtlHeap(this.sizes.length);
    }
    this.ttl.set(slot, deadline);
    this.soonest = this.ttl.soonest;
  }

  /** Removes the key of `slot`; the last slot takes its number. */
  remove(slot: number): void {
    const last = this.count - 1;
    const { entries, ttl, access } = this;
    if (ttl !== undefined) {
      ttl.set(slot, NEVER);
      this.soonest = ttl.soonest;
    }
    this.#empty(this.#cellOf(slot));
    if (slot !== last) {
      const cell = this.#cellOf(last);
      this.#cells[cell] = ((this.#cells[cell] as number) & TAG) | (slot + 1);
      entries[2 * slot] = entries[2 * last] as Value;
      entries[2 * slot + 1] = entries[2 * last + 1] as Value;
      this.sizes[slot] = this.sizes[last] as number;
      this.#hashes[slot] = this.#hashes[last] as number;
      if (access !== undefined) access[slot] = access[last] as number;
      ttl?.rename(last, slot);
    }
    entries.pop();
    entries.pop();
    this.count = last;
    const { length } = this.sizes;
    if (length > 64 && 4 * last < length) {
      this.#resize(last + (last >> 1) + 16);
      while (this.#cells.length > SMALLEST && 4 * last < this.#cells.length) this.#rehash(this.#cells.length >> 1);
    }
  }

  /** The hash under which the key of `slot` was inserted. */
  hash(slot: number): number {
    return this.#hashes[slot] as number;
  }

  /** Broken invariants of the table and the columns. */
  check(): string[] {
    const broken = this.ttl?.check() ?? [];
    const { count, entries, sizes, ttl, access } = this;
    if (entries.length !== 2 * count) broken.push(`${entries.length} entries for ${count} slots`);
    const places = sizes.length;
    if (
      this.#hashes.length !== places ||
      (access?.length ?? places) !== places ||
      (ttl?.deadlines.length ?? places) !== places
    )
      broken.push('the columns differ in length');
    let cells = 0;
    for (const cell of this.#cells) if (cell !== 0) cells++;
    if (cells !== count) broken.push(`${cells} cells for ${count} slots`);
    for (let slot = 0; slot < count; slot++)
      if (this.find(this.key(slot), this.hash(slot)) !== slot) broken.push(`slot ${slot} is not found by its key`);
    if (this.soonest !== (ttl?.soonest ?? NEVER)) broken.push('the soonest deadline is not the soonest');
    return broken;
  }

  #cellOf(slot: number): number {
    const cells = this.#cells;
    const mask = cells.length - 1;
    let i = ((this.#hashes[slot] as number) >>> SHARD_BITS) & mask;
    while (((cells[i] as number) & SLOT) !== slot + 1) i = (i + 1) & mask;
    return i;
  }

  /** Empties a cell and closes the gap: what follows moves up unless that would put it before its home. */
  #empty(cell: number): void {
    const cells = this.#cells;
    const hashes = this.#hashes;
    const mask = cells.length - 1;
    let gap = cell;
    for (let i = (gap + 1) & mask; ; i = (i + 1) & mask) {
      const next = cells[i] as number;
      if (next === 0) break;
      const home = ((hashes[(next & SLOT) - 1] as number) >>> SHARD_BITS) & mask;
      if (((i - home) & mask) < ((i - gap) & mask)) continue;
      cells[gap] = next;
      gap = i;
    }
    cells[gap] = 0;
  }

  #rehash(length: number): void {
    const cells = new Int32Array(length);
    const mask = length - 1;
    for (let slot = 0; slot < this.count; slot++) {
      const hash = this.#hashes[slot] as number;
      let i = (hash >>> SHARD_BITS) & mask;
      while (cells[i] !== 0) i = (i + 1) & mask;
      cells[i] = (hash & TAG) | (slot + 1);
    }
    this.#cells = cells;
  }

  #resize(capacity: number): void {
    const keep = Math.min(capacity, this.sizes.length);
    const sizes = new Uint32Array(capacity);
    sizes.set(this.sizes.subarray(0, keep));
    this.sizes = sizes;
    const hashes = new Int32Array(capacity);
    hashes.set(this.#hashes.subarray(0, keep));
    this.#hashes = hashes;
    if (this.access !== undefined) {
      const access = new Uint32Array(capacity);
      access.set(this.access.subarray(0, keep));
      this.access = access;
    }
    this.ttl?.resize(capacity);
  }
}
