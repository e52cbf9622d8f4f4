/**
 * Everything that changes threads and messages: first memory, then the store, then those who follow.
 *
 * Invariant: what is stated is what memory holds, so that taking the records back gives the same threads, messages,
 * versions and numbers. Every change has a place in the log of its thread.
 */
import { CommandError } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';
import type { Plain, Store } from '../core/ports.ts';
import type { Feed } from './feed.ts';
import { log } from './feed.ts';
import type { BodyRecord, Keyring, ThreadKey } from './keyring.ts';
import { Message, messageNo, type Version, type VersionParts } from './message.ts';
import type { Messages } from './messages.ts';
import type { Nanos } from './nanos.ts';
import { numberKey, readNumberKey, readRecordKey, recordKey } from './record-key.ts';
import {
  readThread,
  readVersion,
  THREADS,
  threadRecord,
  VERSIONS,
  type VersionRecord,
  versionRecord,
} from './records.ts';
import { defaultTitle } from './text.ts';
import { Thread } from './thread.ts';
import type { Threads } from './threads.ts';

/** A new version without what the writer gives it. `ts` of `0n` is the time of writing. */
export type VersionDraft = Omit<VersionParts, 'seq' | 'at'>;

/** Who a new thread or message is: known before there is one, since rules may want to see it. */
export interface Identity {
  readonly id: string;
  readonly no: number;
  /** When it was made, in nanoseconds. */
  readonly at: bigint;
}

/** The highest time there is: 64 signed bits. */
const LAST_TS = 2n ** 63n - 1n;

/** What the writer writes to. */
export interface Shelves {
  readonly store: Store;
  readonly nanos: Nanos;
  readonly threads: Threads;
  readonly messages: Messages;
  readonly keyring: Keyring;
  readonly feed: Feed;
}

export class Writer {
  readonly #to: Shelves;
  #lastThread = 0;
  #lastMessage = 0;
  /** Records of purged threads that a crash left behind: places in their logs. */
  readonly leftovers = new Map<Thread, number[]>();
  /** Threads with records that are not under their current key. */
  readonly stale = new Set<Thread>();
  /** Heads of threads by their numbers while records come back, purged ones included. */
  readonly #restoring = new Map<number, Thread>();

  constructor(shelves: Shelves) {
    this.#to = shelves;
  }

  /** Who the next thread will be: under a chosen id, or under one made up for `''`. */
  nextThread(id: string, now: number): Identity {
    const at = this.#to.nanos.next(now);
    const no = ++this.#lastThread;
    return { id: id === '' ? `thread-${at}-${no}` : id, no, at };
  }

  /** Who the next message will be. */
  nextMessage(now: number): Identity {
    const at = this.#to.nanos.next(now);
    const no = ++this.#lastMessage;
    return { id: `msg-${at}-${no}`, no, at };
  }

  /** Adds a thread. `title` empty: the default title. */
  newThread({ id, no, at }: Identity, author: string, title: string, metadata: string, now: number): Thread {
    const { threads, keyring } = this.#to;
    if (threads.size >= LIMITS.chatThreads) throw new CommandError('LIMIT_REACHED', { detail: 'too many threads' });
    const named = title === '' ? defaultTitle(threads.size) : title;
    const thread = new Thread({ no, id, author, title: named, created: at, updated: at, metadata });
    threads.add(thread);
    this.#stateHead(thread);
    if (keyring.enabled) keyring.addKey(thread, now);
    return thread;
  }

  /** Adds a message. */
  newMessage(thread: Thread, identity: Identity, author: string, draft: VersionDraft, tombstone = false): Message {
    const { messages, keyring, store, feed } = this.#to;
    if (messages.size >= LIMITS.chatMessages) throw new CommandError('LIMIT_REACHED', { detail: 'too many messages' });
    const { id, no, at } = identity;
    const seq = ++thread.seq;
    const body = keyring.seal(thread, id, seq, draft.body);
    const parts = { ...draft, seq, at, ts: draft.ts === 0n ? at : draft.ts };
    const message = new Message(no, id, thread, author, tombstone, parts, use(thread, body));
    messages.add(message);
    store.put(VERSIONS, recordKey(thread.no, seq), versionRecord(message, message.newest, body));
    feed.tell(thread, message.newest);
    return message;
  }

  /** Appends a version. Its time is now, or just after the version before when that is later (R8). */
  newVersion(message: Message, draft: Omit<VersionDraft, 'ts'>, now: number): void {
    const { thread } = message;
    const { messages, keyring, store, nanos, feed } = this.#to;
    if (message.count >= LIMITS.chatVersions) throw new CommandError('LIMIT_REACHED', { detail: 'too many versions' });
    const at = nanos.next(now);
    const before = message.newest;
    const ts = before.ts < at ? at : before.ts < LAST_TS ? before.ts + 1n : LAST_TS;
    const seq = ++thread.seq;
    const own = draft.body !== before.body;
    const body = own ? keyring.seal(thread, message.id, seq, draft.body) : undefined;
    const parts = { ...draft, seq, at, ts, body: own ? draft.body : before.body };
    messages.change(message, () => message.append(parts, body === undefined ? undefined : use(thread, body)));
    store.put(VERSIONS, recordKey(thread.no, seq), versionRecord(message, message.newest, body));
    feed.tell(thread, message.newest);
  }

  /** The head of a thread has changed at `at`. */
  changedHead(thread: Thread, at: bigint): void {
    const seq = ++thread.seq;
    this.#stateHead(thread);
    this.#to.feed.tell(thread, { seq, at });
  }

  /** Soft-deletes a thread, with the tombstone that the reference leaves (progressdb.md 5.6). */
  deleteThread(thread: Thread, by: string, body: string, now: number): void {
    const identity = this.nextMessage(now);
    this.#to.threads.markDeleted(thread, identity.at);
    this.newMessage(
      thread,
      identity,
      by,
      { ts: 0n, kind: 'thread', role: '', body, replyTo: '', deleted: true, reacted: undefined },
      true,
    );
    this.#stateHead(thread);
  }

  /** Writes a version's record again under the thread's current key. `false` when it is under it already, or has no body. */
  reseal(thread: Thread, version: Version): boolean {
    const { message } = version;
    if (version.key === thread.key || message.before(version)?.body === version.body) return false;
    const body = this.#to.keyring.seal(thread, message.id, version.seq, version.body);
    if (version.key !== undefined) version.key.uses--;
    version.key = use(thread, body);
    this.#to.store.put(VERSIONS, recordKey(thread.no, version.seq), versionRecord(message, version, body));
    return true;
  }

  /** Makes a thread invisible at once and its texts unreadable; `purgeSome` then removes what is left of it. */
  beginPurge(thread: Thread): void {
    const { threads, keyring, feed } = this.#to;
    thread.purging = true;
    threads.delete(thread);
    keyring.dropAll(thread);
    this.#stateHead(thread);
    feed.end(thread);
  }

  /** Removes at most about `count` records of a thread in purge. `false` once nothing is left. */
  purgeSome(thread: Thread, count: number): boolean {
    const { store } = this.#to;
    const leftovers = this.leftovers.get(thread);
    let left = count;
    for (; leftovers !== undefined && left > 0 && leftovers.length > 0; left--) {
      store.remove(VERSIONS, recordKey(thread.no, leftovers.pop() as number));
    }
    while (left > 0) {
      const message = thread.visible.created.last() ?? thread.hidden?.created.last();
      if (message === undefined) break;
      left -= message.count;
      this.purgeMessage(message);
    }
    if (left <= 0) return true;
    this.leftovers.delete(thread);
    store.remove(THREADS, numberKey(thread.no));
    return false;
  }

  /** Removes a message with all its versions for good. */
  purgeMessage(message: Message): void {
    const { messages, store } = this.#to;
    const { thread } = message;
    messages.delete(message);
    // the last first: a crash between two flushes must not leave a version without the one before it
    for (let at = message.count - 1; at >= 0; at--) {
      const version = message.at(at) as Version;
      if (version.key !== undefined) version.key.uses--;
      thread.log.delete(version);
      store.remove(VERSIONS, recordKey(thread.no, version.seq));
    }
  }

  /** Takes the record of a head back. */
  restoreThread(key: string, value: Plain): void {
    const no = readNumberKey(key);
    const thread = readThread(no, value);
    this.#lastThread = Math.max(this.#lastThread, no);
    this.#restoring.set(no, thread);
    for (const moment of [thread.created, thread.updated, thread.deletedAt]) this.#to.nanos.seen(moment);
    if (thread.purging) this.leftovers.set(thread, []);
    else this.#to.threads.add(thread);
  }

  /** Takes the record of a data key back. */
  restoreKey(name: string, value: Plain): void {
    const { thread, no } = readRecordKey(name);
    const owner = this.#restoring.get(thread);
    if (owner !== undefined && !owner.purging) this.#to.keyring.restore(owner, no, value);
  }

  /** Takes the record of a version back. */
  restoreVersion(key: string, value: Plain): void {
    const { thread: threadNo, no: seq } = readRecordKey(key);
    const record = value as unknown as VersionRecord;
    const thread = this.#restoring.get(threadNo);
    const no = record.of ?? messageNo(record.id ?? '') ?? 0;
    this.#lastMessage = Math.max(this.#lastMessage, no);
    this.#to.nanos.seen(BigInt(record.at));
    if (thread === undefined)
      throw new Error(`version ${seq} belongs to thread number ${threadNo}, which is not there`);
    if (thread.purging) {
      this.leftovers.get(thread)?.push(seq);
      return;
    }
    thread.seq = Math.max(thread.seq, seq);
    const { messages } = this.#to;
    if (record.id !== undefined) {
      const { body, key: dataKey } = this.#open(thread, record.id, seq, record.body);
      if (dataKey !== undefined) dataKey.uses++;
      const parts = readVersion(seq, record, body);
      const { id, author = '', tombstone = false } = record;
      const message = new Message(no, id, thread, author, tombstone, parts, dataKey);
      messages.add(message);
      log(thread, message.newest);
      return;
    }
    const message = messages.byNo(no);
    if (message === undefined) throw new Error(`version ${seq} of thread ${thread.id} belongs to no message`);
    const opened = record.body === undefined ? undefined : this.#open(thread, message.id, seq, record.body);
    if (opened?.key !== undefined) opened.key.uses++;
    const parts = readVersion(seq, record, opened?.body ?? message.newest.body);
    messages.change(message, () => message.append(parts, opened?.key));
    log(thread, message.newest);
  }

  /** All records are back. */
  restored(): void {
    this.#restoring.clear();
  }

  #open(
    thread: Thread,
    id: string,
    seq: number,
    body: BodyRecord | undefined,
  ): { body: string; key: ThreadKey | undefined } {
    if (body === undefined) throw new Error(`the first version of message ${id} has no body`);
    const opened = this.#to.keyring.open(thread, id, seq, body);
    if (opened.key !== thread.key) this.stale.add(thread);
    return opened;
  }

  #stateHead(thread: Thread): void {
    this.#to.store.put(THREADS, numberKey(thread.no), threadRecord(thread));
  }
}

/** The key under which a body was sealed, counted. */
function use(thread: Thread, body: BodyRecord): ThreadKey | undefined {
  if (typeof body === 'string' || thread.key === undefined) return undefined;
  thread.key.uses++;
  return thread.key;
}
