/**
 * All threads, and every order in which they are looked for.
 *
 * Invariant: each thread stands once in `#byNo`, `#byId` and the list of its author, and in `#deleted` exactly while
 * it is soft-deleted. Nothing is hashed, so nothing stops to grow.
 */
import { Ordered, type Place } from '../core/ordered.ts';
import { Directory } from './directory.ts';
import type { Thread } from './thread.ts';
import type { DeletionPlace } from './types.ts';

const MINTED = /^thread-\d{1,20}-(\d{1,15})$/;

/** Whether an id has the form of the server's own. */
export const isMinted = (id: string): boolean => MINTED.test(id);

/** The threads of one author, in the order of creation. */
interface Author {
  readonly name: string;
  readonly threads: Ordered<Thread>;
}

const byNo = (a: Thread, b: Thread): number => a.no - b.no;

/** Ids in the order in which their storage keys `thread:<id>:...` stand. */
function compareIds(a: string, b: string): number {
  const x = `${a}:`;
  const y = `${b}:`;
  return x < y ? -1 : x > y ? 1 : 0;
}

export class Threads {
  readonly #byNo = new Directory<Thread>();
  readonly #byId = new Ordered<Thread>((a, b) => compareIds(a.id, b.id));
  readonly #authors = new Ordered<Author>((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  readonly #deleted = new Ordered<Thread>((a, b) =>
    a.deletedAt < b.deletedAt ? -1 : a.deletedAt > b.deletedAt ? 1 : a.no - b.no,
  );

  get size(): number {
    return this.#byNo.size;
  }

  get authors(): number {
    return this.#authors.size;
  }

  get deleted(): number {
    return this.#deleted.size;
  }

  /** The highest number given so far. */
  get lastNo(): number {
    return this.#byNo.last;
  }

  get(id: string): Thread | undefined {
    const no = MINTED.exec(id)?.[1];
    const minted = no === undefined ? undefined : this.#byNo.get(Number(no));
    if (minted?.id === id) return minted;
    const found = this.#byId.up(
      this.#byId.seek((thread) => compareIds(thread.id, id) < 0),
      1,
    )[0];
    return found?.id === id ? found : undefined;
  }

  byNo(no: number): Thread | undefined {
    return this.#byNo.get(no);
  }

  /** The number that an id stands for, also when its thread is gone; `undefined` when that cannot be told. */
  noOf(id: string): number | undefined {
    const thread = this.get(id);
    if (thread !== undefined) return thread.no;
    const no = MINTED.exec(id)?.[1];
    return no === undefined ? undefined : Number(no);
  }

  add(thread: Thread): void {
    this.#byNo.add(thread.no, thread);
    this.#byId.add(thread);
    let author = this.#author(thread.author);
    if (author === undefined) {
      author = { name: thread.author, threads: new Ordered<Thread>(byNo) };
      this.#authors.add(author);
    }
    author.threads.add(thread);
    if (thread.deletedAt !== 0n) this.#deleted.add(thread);
  }

  /** Takes a thread out of everything. */
  delete(thread: Thread): void {
    this.#byNo.delete(thread.no);
    this.#byId.delete(thread);
    const author = this.#author(thread.author);
    if (author !== undefined) {
      author.threads.delete(thread);
      if (author.threads.size === 0) this.#authors.delete(author);
    }
    if (thread.deletedAt !== 0n) this.#deleted.delete(thread);
  }

  /** Marks a thread as deleted at a moment. */
  markDeleted(thread: Thread, at: bigint): void {
    thread.deletedAt = at;
    this.#deleted.add(thread);
  }

  /** The thread that has been deleted for longest. */
  oldestDeleted(): Thread | undefined {
    return this.#deleted.first();
  }

  /** At most `count` deleted threads behind a place in the order of deletion. */
  deletedAfter({ at, no }: DeletionPlace, count: number): Thread[] {
    return this.#deleted.up(
      this.#deleted.seek((thread) => thread.deletedAt < at || (thread.deletedAt === at && thread.no <= no)),
      count,
    );
  }

  /** At most `count` threads with numbers above `no`, of one author or of all. */
  above(no: number, count: number, author?: string): Thread[] {
    if (author === undefined) return this.#byNo.above(no, count);
    const list = this.#author(author)?.threads;
    return list === undefined
      ? []
      : list.up(
          list.seek((thread) => thread.no <= no),
          count,
        );
  }

  /** At most `count` threads with numbers below `no`, descending, of one author or of all. */
  below(no: number, count: number, author?: string): Thread[] {
    if (author === undefined) return this.#byNo.below(no, count);
    const list = this.#author(author)?.threads;
    return list === undefined
      ? []
      : list.down(
          list.seek((thread) => thread.no < no),
          count,
        );
  }

  /** At most `count` threads in the order of their storage keys, from the first whose key prefix is not below `from`. */
  byKey(from: (key: string) => boolean, count: number): Thread[] {
    return this.#byId.up(
      this.#byId.seek((thread) => from(`thread:${thread.id}:`)),
      count,
    );
  }

  /** The place of a slug's thread: a slug ends with the id, and ids may hold dashes. */
  bySlug(slug: string, slugOf: (thread: Thread) => string): Thread | undefined {
    const from = Math.max(0, slug.length - 257); // no id is longer than 256
    for (let at = slug.lastIndexOf('-'); at >= from; at = at === 0 ? -1 : slug.lastIndexOf('-', at - 1)) {
      const thread = this.get(slug.slice(at + 1));
      if (thread !== undefined && slugOf(thread) === slug) return thread;
    }
    return undefined;
  }

  /** Broken invariants, one sentence each; empty when the collection is sound. */
  check(): string[] {
    const broken = [...this.#byId.check(), ...this.#authors.check(), ...this.#deleted.check()];
    const start: Place = { chunk: 0, index: 0 };
    let owned = 0;
    for (const author of this.#authors.up(start, Number.POSITIVE_INFINITY)) {
      broken.push(...author.threads.check());
      owned += author.threads.size;
    }
    let deleted = 0;
    for (const thread of this.#byNo.above(0, Number.POSITIVE_INFINITY)) {
      if (this.get(thread.id) !== thread) broken.push(`thread ${thread.id} is not found by its id`);
      if (thread.deletedAt !== 0n) deleted++;
    }
    if (owned !== this.size) broken.push(`${this.size} threads, but authors own ${owned}`);
    if (this.#byId.size !== this.size) broken.push(`${this.size} threads, but ${this.#byId.size} ids`);
    if (deleted !== this.#deleted.size) broken.push(`${deleted} deleted threads are counted as ${this.#deleted.size}`);
    return broken;
  }

  #author(name: string): Author | undefined {
    const found = this.#authors.up(
      this.#authors.seek((author) => author.name < name),
      1,
    )[0];
    return found?.name === name ? found : undefined;
  }
}
