/**
 * The chat engine: threads, messages as append-only versions, replies and reactions (progressdb.md, R1 to R32).
 *
 * Invariant: every operation is whole: it checks who may and what was sent, then changes memory, states records and
 * tells followers, without anything in between. No operation looks at more than it answers; what has to is a walk.
 */
import { CommandError } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';
import type { Alarm, Engine, Log, Plain } from '../core/ports.ts';
import * as access from './access.ts';
import { AUDIT, Audit, type AuditEntry } from './audit.ts';
import { checkThread } from './check.ts';
import { editDraft, firstDraft, metadataText, mustFit } from './drafts.ts';
import { Feed, type Follower } from './feed.ts';
import { jsonText } from './json-text.ts';
import { KeyAdmin, type KeyOutcomes, type ThreadChoice } from './key-admin.ts';
import { Keyring, THREAD_KEYS } from './keyring.ts';
import { type KeyPage, Keyspace, type KeyValue } from './keyspace.ts';
import { MASTER_KEYS } from './master-keys.ts';
import { type Message, messageNo, messageView, versionView } from './message.ts';
import { Messages } from './messages.ts';
import { Nanos } from './nanos.ts';
import { ONCE, OnceKeys } from './once.ts';
import { bySlug, messagePage, ThreadWalk, versionPage } from './pages.ts';
import { afterVersion, NO_REACTIONS, reactionOf } from './reactions.ts';
import { THREADS, VERSIONS } from './records.ts';
import { DEFAULT_RETENTION, paceOf, Retention, type RetentionReport } from './retention.ts';
import { SearchWalk, searchWords } from './search.ts';
import { lower, THREAD_ID } from './text.ts';
import { Thread, threadView } from './thread.ts';
import { isMinted, Threads } from './threads.ts';
import type {
  Actor,
  ChatOptions,
  ChatPorts,
  ChatStats,
  Cut,
  MessageInput,
  MessagePage,
  MessagePatch,
  MessageQuery,
  MessageView,
  Once,
  Reaction,
  SearchPage,
  SearchQuery,
  ThreadInput,
  ThreadPage,
  ThreadQuery,
  ThreadView,
  VersionPage,
  Walk,
} from './types.ts';
import { Upkeep } from './upkeep.ts';
import { Writer } from './writer.ts';

const ADMIN: Actor = { role: 'admin', user: '' };

export class ChatEngine implements Engine {
  readonly tables = [MASTER_KEYS, THREADS, THREAD_KEYS, VERSIONS, ONCE, AUDIT];
  readonly #options: ChatOptions;
  readonly #alarm: Alarm;
  readonly #log: Log;
  readonly #nanos = new Nanos();
  readonly #threads = new Threads();
  readonly #messages = new Messages();
  readonly #keyring: Keyring;
  readonly #feed: Feed;
  readonly #writer: Writer;
  readonly #once: OnceKeys;
  readonly #upkeep: Upkeep;
  readonly #audit: Audit;
  readonly #retention: Retention;
  readonly #keyspace: Keyspace;
  readonly #keyAdmin: KeyAdmin;

  constructor(ports: ChatPorts, options: ChatOptions = {}) {
    const { store, alarm, events, log } = ports;
    const random = (bytes: number): Uint8Array => ports.random(bytes);
    const threads = this.#threads;
    const messages = this.#messages;
    const nanos = this.#nanos;
    this.#options = options;
    this.#alarm = alarm;
    this.#log = log;
    this.#keyring = new Keyring(store, random, nanos, options.encryption);
    this.#feed = new Feed(events);
    const writer = new Writer({ store, nanos, threads, messages, keyring: this.#keyring, feed: this.#feed });
    this.#writer = writer;
    this.#once = new OnceKeys(store);
    const policy = options.retention ?? DEFAULT_RETENTION;
    const upkeep = new Upkeep(writer, this.#keyring, this.#once, paceOf(policy));
    this.#upkeep = upkeep;
    const audit = new Audit(store, log);
    this.#audit = audit;
    this.#retention = new Retention({ threads, messages, writer, nanos, audit }, policy, (one) => upkeep.purge(one));
    this.#keyspace = new Keyspace(threads, messages, this.#keyring);
    this.#keyAdmin = new KeyAdmin({ threads, keyring: this.#keyring, upkeep, audit, random });
  }

  // threads

  /** Makes a thread of the actor's. Errors: CHAT_INVALID, CHAT_ONCE_REUSED, LIMIT_REACHED. 3.3 */
  createThread(actor: Actor, input: ThreadInput, now: number, once?: Once): ThreadView {
    access.mustBeNamed(actor);
    const request = once === undefined ? '' : jsonText(['thread', input.title ?? '', input.metadata ?? null]);
    const before = once === undefined ? undefined : this.#threads.get(this.#once.find(once, request, now) ?? '');
    if (before !== undefined) return threadView(before, actor);
    const title = input.title ?? '';
    mustFit('title', title, LIMITS.chatTitleBytes);
    const metadata = metadataText(input) ?? '';
    const thread = this.#writer.newThread(this.#writer.nextThread('', now), actor.user, title, metadata, now);
    if (once !== undefined) this.#remember(once, request, thread.id, now);
    return threadView(thread, actor);
  }

  /** One thread, for its author and admins. Errors: CHAT_THREAD_NOT_FOUND, CHAT_NOT_AUTHOR. 3.3, R17, R18 */
  thread(actor: Actor, id: string): ThreadView {
    const thread = this.#thread(id);
    if (access.hides(thread, actor)) throw new CommandError('CHAT_THREAD_NOT_FOUND');
    access.mustOwnThread(actor, thread);
    return threadView(thread, actor);
  }

  /** Changes title or metadata; `updated` is now even when nothing changed. Errors: as `thread`, CHAT_INVALID. 3.3 */
  updateThread(actor: Actor, id: string, patch: ThreadInput, now: number): ThreadView {
    const thread = this.#thread(id);
    access.mustOwnThread(actor, thread);
    const title = patch.title ?? '';
    mustFit('title', title, LIMITS.chatTitleBytes);
    const metadata = metadataText(patch);
    if (title !== '') thread.title = title;
    if (metadata !== undefined) thread.metadata = metadata;
    thread.updated = this.#nanos.next(now);
    this.#writer.changedHead(thread, thread.updated);
    return threadView(thread, actor);
  }

  /** Soft-deletes a thread, once. Errors: CHAT_THREAD_NOT_FOUND, CHAT_NOT_AUTHOR. 5.6, R17 */
  deleteThread(actor: Actor, id: string, now: number): void {
    access.mustBeNamed(actor);
    const thread = this.#thread(id);
    access.mustOwnThread(actor, thread);
    if (thread.deletedAt !== 0n) return;
    this.#writer.deleteThread(thread, actor.user, jsonText({ _event: 'thread_deleted', by: actor.user }), now);
  }

  /** The actor's own threads in the order of creation; deleted ones for admins only. Errors: CHAT_BAD_CURSOR. 3.3 */
  threads(actor: Actor, query: ThreadQuery): Walk<ThreadPage> {
    const title = lower(query.title ?? '');
    const matches = (thread: Thread): boolean =>
      thread.author === actor.user &&
      !access.hides(thread, actor) &&
      (title === '' || lower(thread.title).includes(title));
    const { slug } = query;
    if (slug !== undefined && slug !== '') return bySlug(this.#threads, actor, { ...query, slug }, matches);
    return new ThreadWalk(this.#threads, actor, actor.user, query, matches);
  }

  /** All threads in the order of creation, for admins. Errors: CHAT_BAD_CURSOR. 3.9 */
  allThreads(query: Cut): Walk<ThreadPage> {
    return new ThreadWalk(this.#threads, ADMIN, undefined, query, () => true);
  }

  // messages

  /**
   * Posts a message; an unknown thread is made, and for `''` a new one (R11).
   * Errors: CHAT_THREAD_NOT_FOUND, CHAT_THREAD_DELETED, CHAT_NOT_THREAD_AUTHOR, CHAT_INVALID, CHAT_ONCE_REUSED,
   * LIMIT_REACHED. 3.4, R12
   */
  createMessage(actor: Actor, threadId: string, input: MessageInput, now: number, once?: Once): MessageView {
    access.mustBeNamed(actor);
    const request = once === undefined ? '' : fingerprint(threadId, input);
    const before = once === undefined ? undefined : this.#messages.get(this.#once.find(once, request, now) ?? '');
    if (before !== undefined) return firstView(before);
    const found = threadId === '' ? undefined : this.#threads.get(threadId);
    if (found !== undefined) access.mustPost(actor, found, this.#options.openPosting ?? false);
    else if (threadId !== '' && !this.#mayMake(threadId)) throw new CommandError('CHAT_THREAD_NOT_FOUND');
    const home = found ?? this.#writer.nextThread(threadId, now);
    const identity = this.#writer.nextMessage(now);
    const subject = { id: identity.id, thread: home.id, author: actor.user };
    const draft = firstDraft(actor, input, subject, this.#options.rules);
    const thread = home instanceof Thread ? home : this.#writer.newThread(home, actor.user, '', '', now);
    const message = this.#writer.newMessage(thread, identity, actor.user, draft);
    if (once !== undefined) this.#remember(once, request, message.id, now);
    return messageView(message);
  }

  /** One message in its newest version. Errors: CHAT_MESSAGE_NOT_FOUND, CHAT_MESSAGE_ELSEWHERE, CHAT_NOT_AUTHOR. 3.6, R14 */
  message(actor: Actor, threadId: string | undefined, id: string): MessageView {
    const message = this.#message(threadId, id);
    access.mustReadMessage(actor, message);
    return messageView(message);
  }

  /** Edits a message of the actor's own. Errors: as `message`, CHAT_THREAD_DELETED, CHAT_INVALID, LIMIT_REACHED. R7, R8, R14 */
  editMessage(actor: Actor, threadId: string | undefined, id: string, patch: MessagePatch, now: number): MessageView {
    const message = this.#message(threadId, id);
    access.mustBeWritable(actor, message.thread);
    access.mustOwnMessage(actor, message);
    this.#writer.newVersion(message, editDraft(actor, message, patch, this.#options.rules), now);
    return messageView(message);
  }

  /** Soft-deletes a message, once; its content stays in the versions. Errors: as `message`, LIMIT_REACHED. 3.6, R14 */
  deleteMessage(actor: Actor, threadId: string | undefined, id: string, now: number): void {
    const message = this.#message(threadId, id);
    access.mustDeleteMessage(actor, message);
    const { role, body, replyTo, deleted } = message.newest;
    if (deleted) return;
    const draft = { ts: 0n, kind: 'delete', role, body, replyTo, deleted: true, reacted: undefined } as const;
    this.#writer.newVersion(message, draft, now);
  }

  /** A page of a thread's messages. Errors: CHAT_THREAD_NOT_FOUND, CHAT_NOT_PARTICIPANT, CHAT_BAD_CURSOR. 3.5, 3.6, R9, R10, R13 */
  messages(actor: Actor, threadId: string, query: MessageQuery): MessagePage {
    const thread = this.#readable(actor, threadId);
    if (thread === undefined) return { thread: threadId, messages: [], more: false };
    return messagePage(thread, this.#messages, query);
  }

  /** The versions of a message, oldest first, from behind the version number `after`. Errors: as `message`. 3.7, R16 */
  versions(
    actor: Actor,
    threadId: string | undefined,
    id: string,
    cut: { after?: number; limit?: number } = {},
  ): VersionPage {
    const message = this.#message(threadId, id);
    access.mustSeeHistory(actor, message);
    return versionPage(message, cut.after ?? 0, cut.limit);
  }

  /** The reactions of a message. Errors: as `message`. 3.7, R16 */
  reactions(actor: Actor, threadId: string | undefined, id: string): readonly Reaction[] {
    const message = this.#message(threadId, id);
    access.mustSeeHistory(actor, message);
    return message.reactions;
  }

  /**
   * Sets the reaction of an identity; the same one again changes nothing.
   * Errors: CHAT_REACTION_MISSING, as `message`, CHAT_NOT_REACTOR, CHAT_THREAD_DELETED, CHAT_INVALID, LIMIT_REACHED. 3.7, R16
   */
  react(actor: Actor, threadId: string | undefined, id: string, change: Reaction, now: number): MessageView {
    if (change.id === '' || change.reaction === '') throw new CommandError('CHAT_REACTION_MISSING');
    mustFit('reaction id', change.id);
    mustFit('reaction', change.reaction);
    const message = this.#message(threadId, id);
    access.mustReactAs(actor, message, change.id);
    access.mustBeWritable(actor, message.thread);
    const before = reactionOf(message.reactions, change.id);
    if (before === '' && message.reactions.length >= LIMITS.chatReactions) {
      throw new CommandError('LIMIT_REACHED', { detail: 'too many reactions' });
    }
    if (before !== change.reaction) this.#react(message, change, now);
    return messageView(message);
  }

  /** Takes the reaction of an identity away, if there is one. Errors: as `react`. 3.7, R16 */
  unreact(actor: Actor, threadId: string | undefined, id: string, identity: string, now: number): void {
    const message = this.#message(threadId, id);
    access.mustReactAs(actor, message, identity);
    access.mustBeWritable(actor, message.thread);
    if (reactionOf(message.reactions, identity) !== '') this.#react(message, { id: identity, reaction: '' }, now);
  }

  // what neither system has

  /** Looks for words in the texts of a thread, the newest first. Errors: as `messages`, CHAT_INVALID. */
  search(actor: Actor, threadId: string, query: SearchQuery): Walk<SearchPage> {
    const thread = this.#readable(actor, threadId);
    mustFit('search text', query.text, LIMITS.chatSearchBytes);
    const words = searchWords(query.text);
    if (words.length === 0) throw new CommandError('CHAT_INVALID', { detail: 'search text is required' });
    if (words.length > LIMITS.chatSearchWords) throw new CommandError('CHAT_INVALID', { detail: 'too many words' });
    const before = query.before === undefined ? Number.POSITIVE_INFINITY : messageNo(query.before);
    if (before === undefined) throw new CommandError('CHAT_BAD_CURSOR');
    if (thread === undefined) {
      return { step: () => false, result: () => ({ thread: threadId, messages: [], next: '' }) };
    }
    return new SearchWalk(thread, words, query.limit, before);
  }

  /**
   * Follows a thread from behind the event `after`, or from now on. `wake` is called when there is something to read
   * again. Errors: CHAT_THREAD_NOT_FOUND, CHAT_NOT_PARTICIPANT, LIMIT_REACHED.
   */
  follow(actor: Actor, threadId: string, after: number | undefined, wake: () => void): Follower {
    const thread = this.#thread(threadId);
    access.mustRead(actor, thread);
    return this.#feed.follow(thread, actor, after, wake);
  }

  // admin

  stats(): ChatStats {
    const messages = this.#messages;
    return {
      threads: this.#threads.size,
      messages: messages.size,
      versions: messages.versions,
      deletedThreads: this.#threads.deleted,
      deletedMessages: messages.deleted,
      authors: this.#threads.authors,
      watchers: this.#feed.followers,
      encryptedThreads: this.#keyring.encrypted,
      pending: this.#upkeep.pending,
    };
  }

  /** The reference's storage keys with a prefix, in order, behind the key `after`. 3.9, 5.4 */
  keys(prefix: string, after = '', limit?: number): KeyPage {
    return this.#keyspace.list(prefix, after, limit);
  }

  /** What stands under a storage key. Errors: CHAT_KEY_NOT_FOUND. 3.9 */
  keyValue(key: string): KeyValue {
    const value = this.#keyspace.value(key);
    if (value === undefined) throw new CommandError('CHAT_KEY_NOT_FOUND');
    return value;
  }

  /** A fresh master key in hexadecimal. 3.9 */
  generateMasterKey(now: number): string {
    return this.#keyAdmin.generate(now);
  }

  /** See `KeyAdmin.rotate`. */
  rotateThreadKey(threadId: string, now: number): Walk<{ readonly newKey: string }> {
    const walk = this.#keyAdmin.rotate(threadId, now);
    this.#arm();
    return walk;
  }

  /** See `KeyAdmin.rewrap`. */
  rewrapKeys(choice: ThreadChoice, kekHex: string, now: number): Walk<KeyOutcomes> {
    return this.#keyAdmin.rewrap(choice, kekHex, now);
  }

  /** See `KeyAdmin.encryptExisting`. */
  encryptExisting(choice: ThreadChoice, now: number): Walk<KeyOutcomes> {
    const walk = this.#keyAdmin.encryptExisting(choice, now);
    return {
      step: () => {
        const more = walk.step();
        this.#arm();
        return more;
      },
      result: () => walk.result(),
    };
  }

  /** Runs retention now, whether it is enabled or not; joins a run that is under way. 5.6 */
  runRetention(now: number): Walk<RetentionReport> {
    this.#retention.begin(now);
    this.#arm();
    return {
      step: () => {
        const more = this.#upkeep.stepPurge() || this.#retention.step(now) || this.#upkeep.purging;
        this.#arm();
        return more;
      },
      result: () => this.#retention.last as RetentionReport,
    };
  }

  /** The last entries of the audit trail, the newest first. */
  audit(count: number): AuditEntry[] {
    return this.#audit.last(count);
  }

  // as an engine

  restore(table: string, key: string, value: Plain): void {
    switch (table) {
      case MASTER_KEYS:
        return this.#keyring.masters.restore(key, value);
      case THREADS:
        return this.#writer.restoreThread(key, value);
      case THREAD_KEYS:
        this.#keyring.masters.open();
        return this.#writer.restoreKey(key, value);
      case VERSIONS:
        return this.#writer.restoreVersion(key, value);
      case ONCE:
        return this.#once.restore(key, value);
      case AUDIT:
        return this.#audit.restore(key, value);
    }
  }

  restored(now: number): void {
    this.#keyring.masters.open();
    this.#keyring.masters.tidy();
    this.#writer.restored();
    if (this.#writer.setAside > 0) {
      this.#log.warn(
        { records: this.#writer.setAside },
        'chat: versions without a thread, a message or a key are left alone',
      );
    }
    for (const thread of this.#writer.leftovers.keys()) this.#upkeep.resumePurge(thread);
    for (const thread of this.#writer.stale) this.#upkeep.reseal(thread);
    this.#writer.stale.clear();
    this.#retention.schedule(now);
    this.#arm();
  }

  tick(now: number): void {
    this.#upkeep.tick(now, this.#retention);
    this.#arm();
  }

  nextDeadline(): number {
    return this.#upkeep.nextDeadline(this.#retention);
  }

  check(): string[] {
    const broken = [...this.#threads.check(), ...this.#messages.check(), ...this.#once.check()];
    for (const thread of this.#threads.above(0, Number.POSITIVE_INFINITY)) broken.push(...checkThread(thread));
    return broken;
  }

  #arm(): void {
    this.#alarm.set(this.nextDeadline());
  }

  #thread(id: string): Thread {
    const thread = this.#threads.get(id);
    if (thread === undefined) throw new CommandError('CHAT_THREAD_NOT_FOUND');
    return thread;
  }

  /** The thread whose messages the actor may read; for trusted callers `undefined` when there is none. */
  #readable(actor: Actor, id: string): Thread | undefined {
    const thread = this.#threads.get(id);
    if (thread !== undefined) access.mustRead(actor, thread);
    else if (!access.trusted(actor)) throw new CommandError('CHAT_THREAD_NOT_FOUND');
    return thread;
  }

  #message(threadId: string | undefined, id: string): Message {
    const message = this.#messages.get(id);
    if (message === undefined) throw new CommandError('CHAT_MESSAGE_NOT_FOUND');
    if (threadId !== undefined && message.thread.id !== threadId) throw new CommandError('CHAT_MESSAGE_ELSEWHERE');
    return message;
  }

  /** Whether a thread may be made under an id that a client chose; the form of the server's own ids is not for clients. */
  #mayMake(id: string): boolean {
    return (this.#options.autoCreate ?? true) && THREAD_ID.test(id) && !isMinted(id);
  }

  #react(message: Message, change: Reaction, now: number): void {
    const { role, body, replyTo, deleted } = message.newest;
    this.#writer.newVersion(message, { ts: 0n, kind: 'reaction', role, body, replyTo, deleted, reacted: change }, now);
  }

  #remember(once: Once, request: string, made: string, now: number): void {
    this.#once.keep(once, request, made, now);
    this.#arm();
  }
}

/** What makes two posts the same request. */
function fingerprint(threadId: string, input: MessageInput): string {
  const { body, role = '', ts = 0n, replyTo = '', deleted = false, reactions } = input;
  return jsonText(['message', threadId, body, role, String(ts), replyTo, deleted, reactions ?? {}]);
}

/** A message as it was when it was made. */
function firstView(message: Message): MessageView {
  const first = message.at(0) ?? message.newest;
  return versionView(first, afterVersion(NO_REACTIONS, first.reacted));
}
