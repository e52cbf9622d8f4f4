/**
 * A thread: its head, the orders in which its messages are listed, and who took part.
 *
 * Invariant: a message stands in exactly one pair of lists, the visible or the hidden one, under its newest version; a
 * message is taken out before its newest version changes and put back after. `participants` counts the messages of
 * everybody but the thread's author, tombstones aside.
 */

import { Ordered } from '../core/ordered.ts';
import type { Follower } from './feed.ts';
import type { ThreadKey } from './keyring.ts';
import type { Message, Version } from './message.ts';
import { slugOf } from './text.ts';
import type { Actor, ThreadView } from './types.ts';

/** What a thread is made of. */
export interface ThreadParts {
  /** Its number among all threads; names its records. */
  readonly no: number;
  readonly id: string;
  readonly author: string;
  readonly title: string;
  readonly created: bigint;
  readonly updated: bigint;
  /** JSON text, or `''`. */
  readonly metadata: string;
}

/** A change of the thread itself, in its log. */
export interface HeadChange {
  readonly seq: number;
  readonly at: bigint;
}

/** An entry of a thread's log. */
export type Change = Version | HeadChange;

const bySeq = (a: Change, b: Change): number => a.seq - b.seq;
const byNo = (a: Message, b: Message): number => a.no - b.no;
const byTs = (a: Message, b: Message): number =>
  a.newest.ts < b.newest.ts ? -1 : a.newest.ts > b.newest.ts ? 1 : a.no - b.no;

/** Messages in the order of creation and in the order of their last change. */
export class MessageLists {
  readonly created = new Ordered<Message>(byNo);
  readonly ts = new Ordered<Message>(byTs);
}

export class Thread {
  readonly no: number;
  readonly id: string;
  readonly author: string;
  readonly created: bigint;
  title: string;
  updated: bigint;
  metadata: string;
  /** When it was deleted, in nanoseconds; `0n` while it is not. */
  deletedAt = 0n;
  /** Being removed for good: invisible, only its records are left. */
  purging = false;
  /** The last number of its log. */
  seq = 0;
  /** How many versions its messages have together. */
  versions = 0;
  readonly visible = new MessageLists();
  hidden: MessageLists | undefined = undefined;
  participants: Map<string, number> | undefined = undefined;
  /** All versions in the order of writing, and changes of the head since start, no two of them in a row. */
  readonly log = new Ordered<Change>(bySeq);
  /** Data keys, the current one last; empty when the thread is not encrypted. */
  keys: ThreadKey[] = [];
  /** The highest number of a data key that a record names, whether the key is there or not. */
  lastKey = 0;
  followers: Set<Follower> | undefined = undefined;

  constructor(parts: ThreadParts) {
    this.no = parts.no;
    this.id = parts.id;
    this.author = parts.author;
    this.title = parts.title;
    this.created = parts.created;
    this.updated = parts.updated;
    this.metadata = parts.metadata;
  }

  get messages(): number {
    return this.visible.created.size + (this.hidden?.created.size ?? 0);
  }

  /** The key under which bodies are written now. */
  get key(): ThreadKey | undefined {
    return this.keys[this.keys.length - 1];
  }

  /** Whether somebody owns the thread or wrote in it. */
  knows(user: string): boolean {
    return user !== '' && (user === this.author || this.participants?.has(user) === true);
  }

  /** Puts a message into the lists where it belongs now; the order of creation is left alone when it `stays` there. */
  place(message: Message, stays: boolean): void {
    const list = message.newest.deleted ? (this.hidden ??= new MessageLists()) : this.visible;
    if (!stays) list.created.add(message);
    list.ts.add(message);
  }

  /** Takes a message out of the lists, before it changes. */
  displace(message: Message, stays: boolean): void {
    const list = message.newest.deleted ? this.hidden : this.visible;
    if (!stays) list?.created.delete(message);
    list?.ts.delete(message);
  }

  /** Counts the author of a new message in. */
  join(message: Message): void {
    if (message.tombstone || message.author === this.author) return;
    this.participants ??= new Map();
    this.participants.set(message.author, (this.participants.get(message.author) ?? 0) + 1);
  }

  /** Counts the author of a purged message out. */
  leave(message: Message): void {
    const count = message.tombstone ? undefined : this.participants?.get(message.author);
    if (count === undefined) return;
    if (count > 1) this.participants?.set(message.author, count - 1);
    else this.participants?.delete(message.author);
  }
}

/** A thread as an actor sees it; only admins see which key encrypts it (R21). */
export function threadView(thread: Thread, actor: Actor): ThreadView {
  return {
    id: thread.id,
    title: thread.title,
    author: thread.author,
    slug: slugOf(thread.title, thread.id),
    created: thread.created,
    updated: thread.updated,
    deleted: thread.deletedAt !== 0n,
    deletedAt: thread.deletedAt,
    metadata: thread.metadata,
    keyId: actor.role === 'admin' ? (thread.key?.id ?? '') : '',
  };
}
