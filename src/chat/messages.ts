/**
 * All messages, found by their ids, and the deleted ones in the order of their deletion.
 *
 * Invariant: `#deleted` holds a message exactly while its newest version is deleted and it is no tombstone. Messages of
 * a thread that is being purged are not found any more, although they are counted until their records are gone.
 */
import { Ordered } from '../core/ordered.ts';
import { Directory } from './directory.ts';
import { type Message, messageNo } from './message.ts';
import type { DeletionPlace } from './types.ts';

export class Messages {
  readonly #byNo = new Directory<Message>();
  readonly #deleted = new Ordered<Message>((a, b) =>
    a.newest.at < b.newest.at ? -1 : a.newest.at > b.newest.at ? 1 : a.no - b.no,
  );
  #versions = 0;

  get size(): number {
    return this.#byNo.size;
  }

  get versions(): number {
    return this.#versions;
  }

  get deleted(): number {
    return this.#deleted.size;
  }

  get(id: string): Message | undefined {
    const no = messageNo(id);
    const message = no === undefined ? undefined : this.#byNo.get(no);
    return message?.id === id && !message.thread.purging ? message : undefined;
  }

  byNo(no: number): Message | undefined {
    return this.#byNo.get(no);
  }

  /** Adds a new message to everything, its thread included. */
  add(message: Message): void {
    this.#byNo.add(message.no, message);
    this.#count(message, 1);
    message.thread.join(message);
    this.#place(message, false);
  }

  /** Lets a message change into one that is deleted or not: out of the orders before, into them after. */
  change(message: Message, deleted: boolean, change: () => void): void {
    const stays = message.newest.deleted === deleted;
    this.#displace(message, stays);
    change();
    this.#count(message, 1);
    this.#place(message, stays);
  }

  /** Takes a message out of everything for good. */
  delete(message: Message): void {
    this.#displace(message, false);
    this.#byNo.delete(message.no);
    this.#count(message, -message.count);
    message.thread.leave(message);
  }

  /** The message that has been deleted for longest. */
  oldestDeleted(): Message | undefined {
    return this.#deleted.first();
  }

  /** At most `count` deleted messages behind a place in the order of deletion. */
  deletedAfter({ at, no }: DeletionPlace, count: number): Message[] {
    return this.#deleted.up(
      this.#deleted.seek(({ newest, no: other }) => newest.at < at || (newest.at === at && other <= no)),
      count,
    );
  }

  /** At most `count` messages in the order of their ids, from the first for which `reached` holds. */
  byId(reached: (id: string) => boolean, count: number): Message[] {
    const first = this.#byNo.seek((message) => reached(message.id));
    return first === undefined ? [] : this.#byNo.above(first.no - 1, count);
  }

  /** All of them in the order of creation; for `check` only. */
  all(): Message[] {
    return this.#byNo.above(0, Number.POSITIVE_INFINITY);
  }

  /** Broken invariants, one sentence each; empty when the collection is sound. */
  check(): string[] {
    const broken = this.#deleted.check();
    let versions = 0;
    let deleted = 0;
    for (const message of this.all()) {
      versions += message.count;
      if (message.newest.deleted && !message.tombstone) deleted++;
      if (!message.thread.purging && this.get(message.id) !== message)
        broken.push(`message ${message.id} is not found`);
    }
    if (versions !== this.#versions) broken.push(`${versions} versions are counted as ${this.#versions}`);
    if (deleted !== this.#deleted.size) broken.push(`${deleted} deleted messages are counted as ${this.#deleted.size}`);
    return broken;
  }

  #count(message: Message, versions: number): void {
    this.#versions += versions;
    message.thread.versions += versions;
  }

  #place(message: Message, stays: boolean): void {
    message.thread.place(message, stays);
    if (message.newest.deleted && !message.tombstone) this.#deleted.add(message);
  }

  #displace(message: Message, stays: boolean): void {
    message.thread.displace(message, stays);
    if (message.newest.deleted && !message.tombstone) this.#deleted.delete(message);
  }
}
