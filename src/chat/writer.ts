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
import { type Draft, type Identity, Message, messageNo, type Version } from './message.ts';
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
import { defaultTitle, flat } from './text.ts';
import { Thread } from './thread.ts';
import type { Threads } from './threads.ts';

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
  /** Records that belong to nothing that came back. */
  setAside = 0;
  /** Threads with records that are not under their current key. */
  readonly stale = new Set<Thread>();
  /** Heads of threads by their numbers while records come back, purged ones included. */
  readonly #restoring = new Map<number, Thread>();

  constructor(shelves: Shelves) {
    this.#to = shelves;
  }

  /** Who the next thread will be: under a chosen id, or under one made up for `''`. Errors: LIMIT_REACHED. */
  nextThread(id: string, now: number): Identity {
    if (this.#to.threads.size >= LIMITS.chatThreads) throw limit('too many threads');
    const at = this.#to.nanos.next(now);
    const no = ++this.#lastThread;
    return { id: id === '' ? flat(`thread-${at}-${no}`) : id, no, at };
  }

  /** Who the next message will be. Errors: LIMIT_REACHED. */
  nextMessage(now: number): Identity {
    if (this.#to.messages.size >= LIMITS.chatMessages) throw limit('too many messages');
    const at = this.#to.nanos.next(now);
    const no = ++this.#lastMessage;
    return { id: flat(`msg-${at}-${no}`), no, at };
  }

  /** Adds a thread. `title` empty: the default title. */
  newThread({ id, no, at }: Identity, author: string, title: string, metadata: string, now: number): Thread {
    const { threads, keyring } = this.#to;
    const named = title === '' ? defaultTitle(threads.size) : title;
    const thread = new Thread({ no, id, author, title: named, created: at, updated: at, metadata });
    threads.add(thread);
    this.#stateHead(thread);
    if (keyring.enabled) keyring.addKey(thread, now);
    return thread;
  }

  /** Adds a message. */
  newMessage(thread: Thread, identity: Identity, author: string, draft: Draft, tombstone = false): Message {
    const { messages, keyring, store, feed } = this.#to;
    const seq = ++thread.seq;
    const message = new Message(identity, thread, author, tombstone, seq, draft);
    const version = message.newest;
    const body = keyring.seal(thread, message.id, seq, version.body);
    version.key = use(thread, body);
    messages.add(message);
    store.put(VERSIONS, recordKey(thread.no, seq), versionRecord(message, version, body));
    feed.tell(thread, version);
    return message;
  }

  /** Appends a version. Its time is now, or just after the version before when that is later (R8), whatever the draft says. */
  newVersion(message: Message, draft: Draft, now: number): void {
    const { thread } = message;
    const { messages, keyring, store, nanos, feed } = this.#to;
    if (message.count >= LIMITS.chatVersions) throw limit('too many versions');
    const at = nanos.next(now);
    const before = message.newest;
    const ts = before.ts < at ? at : before.ts < LAST_TS ? before.ts + 1n : LAST_TS;
    const seq = ++thread.seq;
    const own = draft.body !== before.body;
    const body = own ? keyring.seal(thread, message.id, seq, draft.body) : undefined;
    const dated = { ...draft, ts, body: own ? draft.body : before.body };
    const key = body === undefined ? undefined : use(thread, body);
    messages.change(message, draft.deleted, () => message.append(seq, at, dated, key));
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
    // the first goes first: should the rest outlive a crash, it belongs to nothing and is not read
    for (let at = 0; at < message.count; at++) {
      const version = message.at(at) as Version;
      if (version.key !== undefined) version.key.uses--;
      thread.log.delete(version);
      store.remove(VERSIONS, recordKey(thread.no, version.seq));
    }
    // the last number of the log must not be given again after a restart
    if (message.newest.seq === thread.seq && !thread.purging) this.#stateHead(thread);
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
    if (owner === undefined || owner.purging) return;
    this.#to.keyring.restore(owner, no, value);
    if (owner.keys.length > 1) this.stale.add(owner); // a rotation was under way, or only its old key was left to go
  }

  /**
   * Takes the record of a version back. One whose thread, message or data key is not there (its record was damaged, and
   * the store told to leave it out) stays where it is, unread, and its numbers are not given again.
   */
  restoreVersion(key: string, value: Plain): void {
    const { thread: threadNo, no: seq } = readRecordKey(key);
    const record = value as unknown as VersionRecord;
    const thread = this.#restoring.get(threadNo);
    const no = record.of ?? messageNo(record.id ?? '') ?? 0;
    this.#lastMessage = Math.max(this.#lastMessage, no);
    this.#to.nanos.seen(BigInt(record.at));
    if (thread?.purging) {
      this.leftovers.get(thread)?.push(seq);
      return;
    }
    if (thread === undefined) {
      this.#lastThread = Math.max(this.#lastThread, threadNo);
      this.setAside++;
      return;
    }
    thread.seq = Math.max(thread.seq, seq);
    if (!this.#bringBack(thread, seq, no, record)) this.setAside++;
  }

  /** `false` when what the version builds on is not there. */
  #bringBack(thread: Thread, seq: number, no: number, record: VersionRecord): boolean {
    const { messages, keyring } = this.#to;
    const message = record.id === undefined ? messages.byNo(no) : undefined;
    const id = message?.id ?? record.id;
    if (id === undefined || (record.body !== undefined && !keyring.opens(thread, record.body))) return false;
    const own = record.body === undefined ? undefined : keyring.open(thread, id, seq, record.body);
    const body = own?.body ?? message?.newest.body;
    if (body === undefined) return false;
    if (own !== undefined && own.key !== thread.key) this.stale.add(thread);
    if (own?.key !== undefined) own.key.uses++;
    const draft = readVersion(record, body);
    const at = BigInt(record.at);
    if (message !== undefined) messages.change(message, draft.deleted, () => message.append(seq, at, draft, own?.key));
    else {
      const first = new Message({ id, no, at }, thread, record.author ?? '', record.tombstone ?? false, seq, draft);
      first.newest.key = own?.key;
      messages.add(first);
    }
    log(thread, (messages.byNo(no) as Message).newest);
    return true;
  }

  /** All records are back. */
  restored(): void {
    this.#restoring.clear();
  }

  #stateHead(thread: Thread): void {
    this.#to.store.put(THREADS, numberKey(thread.no), threadRecord(thread));
  }
}

const limit = (detail: string): CommandError => new CommandError('LIMIT_REACHED', { detail });

/** The key under which a body was sealed, counted. */
function use(thread: Thread, body: BodyRecord): ThreadKey | undefined {
  if (typeof body === 'string' || thread.key === undefined) return undefined;
  thread.key.uses++;
  return thread.key;
}
