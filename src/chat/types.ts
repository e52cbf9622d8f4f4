/**
 * The words of the chat engine: who acts, what goes in, what comes out, and what the engine asks of the world.
 *
 * Invariant: timestamps are nanoseconds since 1970 as `bigint`; JSON values come in as values and go out as texts that
 * are ready to be spliced into an answer (json-text.ts). An absent text is `''`, an absent time `0n`.
 */
import type { Alarm, Log, Store } from '../core/ports.ts';
import type { FieldPath } from './paths.ts';
import type { RetentionPolicy } from './retention.ts';
import type { ValidationRules } from './validation.ts';

/** What a caller may do at most. A key in several classes acts in the strongest: admin, backend, frontend (R2). */
export type Role = 'admin' | 'backend' | 'frontend';

/** Who acts. `user` is the resolved author (author.ts), `''` when a trusted caller named none. */
export interface Actor {
  readonly role: Role;
  readonly user: string;
}

/** What a client may say about a thread (progressdb.md 3.3, R22). `metadata` is a JSON object; `null` takes it away. */
export interface ThreadInput {
  /** Empty or absent: the default title on creation, the old one on an update. */
  readonly title?: string;
  readonly metadata?: Readonly<Record<string, unknown>> | null;
}

/** A thread as its readers see it (progressdb.md 5.1). */
export interface ThreadView {
  readonly id: string;
  readonly title: string;
  readonly author: string;
  readonly slug: string;
  readonly created: bigint;
  readonly updated: bigint;
  readonly deleted: boolean;
  readonly deletedAt: bigint;
  /** JSON text of an object, or `''`. */
  readonly metadata: string;
  /** Which data key encrypts it at rest; only for admins (R21), else `''`. */
  readonly keyId: string;
}

/** One reaction of one identity. */
export interface Reaction {
  readonly id: string;
  readonly reaction: string;
}

/** A new message (progressdb.md 3.4). `body` is any JSON value but `null`. */
export interface MessageInput {
  readonly body?: unknown;
  /** Empty or absent: `user`. */
  readonly role?: string;
  /** 64 signed bits; zero or absent: now. */
  readonly ts?: bigint;
  readonly replyTo?: string;
  readonly deleted?: boolean;
  readonly reactions?: Readonly<Record<string, string>> | null;
}

/** An edit (R7): what is absent stays as it is, `null` clears. The time is always the server's (R8). */
export interface MessagePatch {
  readonly body?: unknown;
  readonly role?: string | null;
  readonly replyTo?: string | null;
  readonly deleted?: boolean;
  readonly reactions?: Readonly<Record<string, string>> | null;
}

/** One version of a message as its readers see it (progressdb.md 5.2). */
export interface MessageView {
  readonly id: string;
  readonly thread: string;
  readonly author: string;
  readonly role: string;
  readonly ts: bigint;
  /** JSON text. */
  readonly body: string;
  readonly replyTo: string;
  readonly deleted: boolean;
  /** In the order of the bytes of their identities. */
  readonly reactions: readonly Reaction[];
  /** Number of this version in the log of its thread, from 1 on, ascending. */
  readonly version: number;
}

/** Which part of a list is asked for. `before` and `after` are ids of what is listed and are not part of the answer. */
export interface Cut {
  /** At most `LIMITS.chatPage`, which is also the default. */
  readonly limit?: number;
  readonly before?: string;
  readonly after?: string;
}

/** Which messages of a thread (R9, R10): the most recent ones, or those next to a cursor; always ascending. */
export interface MessageQuery extends Cut {
  readonly includeDeleted?: boolean;
  /** Creation order by default, `ts` for the order of the last change. */
  readonly sortBy?: 'created' | 'ts';
}

/** Messages of a thread; `more` says whether the list goes on beyond the end that `limit` cut off. */
export interface MessagePage {
  readonly thread: string;
  readonly messages: MessageView[];
  readonly more: boolean;
}

/** Versions of one message, oldest first; `more` says that the answer was cut. */
export interface VersionPage {
  readonly id: string;
  readonly versions: MessageView[];
  readonly more: boolean;
}

/** Which threads of an author: `title` is a substring in any letter case, `slug` exact. */
export interface ThreadQuery extends Cut {
  readonly title?: string;
  readonly slug?: string;
}

/** Threads in the order of creation. */
export interface ThreadPage {
  readonly threads: ThreadView[];
  readonly more: boolean;
}

/** Which messages a search looks for: all words must occur in the texts of the body, in any letter case. */
export interface SearchQuery {
  readonly text: string;
  readonly limit?: number;
  /** Only messages created before this one; go on from `next` of the answer before. */
  readonly before?: string;
}

/** Hits, the newest first. `next` is where to go on, `''` when the thread has been searched to its beginning. */
export interface SearchPage {
  readonly thread: string;
  readonly messages: MessageView[];
  readonly next: string;
}

/** What a request must have in common with an earlier one to be the same: the caller and its Idempotency-Key (R3). */
export interface Once {
  /** Who sent it, as far as that distinguishes callers: role and user. */
  readonly scope: string;
  readonly key: string;
}

/** What happened to a thread: the last part of the topic `chat.thread.<id>.<kind>`. */
export type ChangeKind = 'message' | 'edit' | 'reaction' | 'delete' | 'thread';

/** One change of a thread. Events say what changed; what they show is the state at the time of reading. */
export interface ChatEvent {
  /** Place in the log of the thread, ascending, kept over restarts: the id of a server-sent event. */
  readonly seq: number;
  readonly kind: ChangeKind | 'reset';
  readonly thread: string;
  /** When, in nanoseconds. */
  readonly at: bigint;
  /** The message as it is now; for `thread` and `reset` absent. */
  readonly message: MessageView | undefined;
  /** The thread as it is now; for `thread` only. */
  readonly state: ThreadView | undefined;
}

/** Where changes are told the moment they happen, such as pub/sub. Must not call back into the engine. */
export interface ChatEvents {
  publish(thread: string, event: ChatEvent): void;
}

/** Long work in steps, to be driven by `sliced` of core/slices.ts. */
export interface Walk<T> {
  /** Does a bounded piece; `false` when it is done. */
  step(): boolean;
  /** What came out; only once `step` answered `false`. */
  result(): T;
}

/** The engine at a glance, in constant time (R19). */
export interface ChatStats {
  readonly threads: number;
  readonly messages: number;
  readonly versions: number;
  readonly deletedThreads: number;
  readonly deletedMessages: number;
  readonly authors: number;
  readonly watchers: number;
  readonly encryptedThreads: number;
  /** Threads with records that wait for a purge or a re-encryption. */
  readonly pending: number;
}

/** How message bodies are kept on disk. */
export interface EncryptionOptions {
  /** Whether new threads get a data key. Old ones keep theirs whatever this says. */
  readonly enabled: boolean;
  /** Master keys of 32 bytes; the first wraps, the others only unwrap. */
  readonly masterKeys: readonly Uint8Array[];
  /** Which parts of the body are encrypted, as paths inside it (`readEncryptedField`); empty: the whole. */
  readonly fields: readonly FieldPath[];
}

/** What the engine asks of the world. */
export interface ChatPorts {
  readonly store: Store;
  readonly alarm: Alarm;
  readonly events: ChatEvents;
  readonly log: Log;
  /** Random bytes fit for keys. */
  random(bytes: number): Uint8Array;
}

/** Switches of the engine; the defaults are the target of the rulings. */
export interface ChatOptions {
  /** Whether a message to an unknown thread makes it (R11). Default on. */
  readonly autoCreate?: boolean;
  /** Whether frontend users may write into threads of others (R12). Default off. */
  readonly openPosting?: boolean;
  readonly rules?: ValidationRules;
  readonly encryption?: EncryptionOptions;
  readonly retention?: RetentionPolicy;
}

/** A place in an order of deletion: when, in nanoseconds, and the number that decides between equal times. */
export interface DeletionPlace {
  readonly at: bigint;
  readonly no: number;
}
