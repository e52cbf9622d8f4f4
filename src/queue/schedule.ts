/**
 * Things that are due at a millisecond, the soonest first and equal ones in the order they were added.
 *
 * Things due at the same millisecond share a bucket, a doubly linked list; the buckets lie in an indexed heap. So a
 * thing is added and taken out in constant time when its bucket exists (the usual case under load, when many leases
 * begin in one millisecond), and in time logarithmic in the distinct milliseconds otherwise. A heap of the things
 * themselves would lose their order among equals.
 *
 * Invariant: a thing's `bucket` is the one it is linked into, or `undefined` when it is not scheduled; no bucket is empty.
 */
import { Heap, type HeapItem } from '../core/heap.ts';

/** What the schedule needs of a thing: its time, and room for the links. `due` may not change while it is scheduled. */
export interface Timed<T> {
  due: number;
  bucket: Bucket<T> | undefined;
  earlier: T | undefined;
  later: T | undefined;
}

/** @internal All things of one millisecond. */
export interface Bucket<T> extends HeapItem {
  first: T | undefined;
  last: T | undefined;
}

export class Schedule<T extends Timed<T>> {
  readonly #heap = new Heap<Bucket<T>>();
  readonly #buckets = new Map<number, Bucket<T>>();
  /** The bucket added to last: the next thing is mostly due at the same millisecond. */
  #recent: Bucket<T> | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** When the soonest thing is due; `Infinity` when there is none. */
  get next(): number {
    return this.#heap.peek()?.due ?? Number.POSITIVE_INFINITY;
  }

  /** Adds a thing that is not scheduled, behind those of the same millisecond. */
  add(thing: T): void {
    const bucket = this.#bucket(thing.due);
    const last = bucket.last;
    thing.bucket = bucket;
    thing.earlier = last;
    thing.later = undefined;
    if (last === undefined) bucket.first = thing;
    else last.later = thing;
    bucket.last = thing;
    this.#size++;
  }

  /** Takes a thing out; does nothing when it is not scheduled. */
  remove(thing: T): void {
    const bucket = thing.bucket;
    if (bucket === undefined) return;
    const { earlier, later } = thing;
    if (earlier === undefined) bucket.first = later;
    else earlier.later = later;
    if (later === undefined) bucket.last = earlier;
    else later.earlier = earlier;
    thing.bucket = undefined;
    thing.earlier = undefined;
    thing.later = undefined;
    this.#size--;
    if (bucket.first !== undefined) return;
    this.#heap.remove(bucket);
    this.#buckets.delete(bucket.due);
    if (this.#recent === bucket) this.#recent = undefined;
  }

  /** Takes out the soonest thing that is due at or before `time`. */
  take(time: number): T | undefined {
    const bucket = this.#heap.peek();
    if (bucket === undefined || bucket.due > time) return undefined;
    const thing = bucket.first as T;
    this.remove(thing);
    return thing;
  }

  /** Every thing, in no particular order. */
  *values(): Generator<T> {
    for (const bucket of this.#heap.values()) for (let t = bucket.first; t !== undefined; t = t.later) yield t;
  }

  /** Broken invariants, one sentence each. */
  check(): string[] {
    const broken = this.#heap.check();
    let size = 0;
    for (const bucket of this.#heap.values()) {
      if (bucket.first === undefined) broken.push(`the bucket of ${bucket.due} is empty`);
      if (this.#buckets.get(bucket.due) !== bucket) broken.push(`the bucket of ${bucket.due} is not indexed`);
      let earlier: T | undefined;
      for (let t = bucket.first; t !== undefined; t = t.later) {
        size++;
        if (t.bucket !== bucket || t.due !== bucket.due || t.earlier !== earlier)
          broken.push(`a thing due at ${t.due} is wrongly linked into the bucket of ${bucket.due}`);
        earlier = t;
      }
      if (bucket.last !== earlier) broken.push(`the bucket of ${bucket.due} ends elsewhere`);
    }
    if (size !== this.#size) broken.push(`the schedule counts ${this.#size} things and holds ${size}`);
    if (this.#buckets.size !== this.#heap.size) broken.push('the schedule indexes another number of buckets');
    return broken;
  }

  #bucket(due: number): Bucket<T> {
    const recent = this.#recent;
    if (recent !== undefined && recent.due === due) return recent;
    let bucket = this.#buckets.get(due);
    if (bucket === undefined) {
      bucket = { slot: -1, due, first: undefined, last: undefined };
      this.#buckets.set(due, bucket);
      this.#heap.push(bucket);
    }
    this.#recent = bucket;
    return bucket;
  }
}
