/**
 * The records of the chat face, as they are on the wire: names in snake case, timestamps in Unix nanoseconds.
 */

/** Any JSON value. The server keeps it as it is and knows nothing about it. */
// biome-ignore lint/suspicious/noExplicitAny: the documented type, so that `message.body.text` needs no cast
export type Json = any;

/** How timestamps are read: `number` rounds what is beyond 2^53, `bigint` is exact. */
export type Timestamps = 'number' | 'bigint';

/** A timestamp in Unix nanoseconds. */
export type Timestamp<T extends Timestamps = 'number'> = T extends 'bigint' ? bigint : number;

/** A message in one version. */
export interface Message<T extends Timestamps = 'number'> {
  id: string;
  /** Id of its thread. */
  thread: string;
  author: string;
  role?: string;
  /** When this version was made, in Unix nanoseconds. A `number` is exact to 256 ns; see `timestamps` of the options. */
  ts: Timestamp<T>;
  body?: Json;
  /** Id of the message that it answers. */
  reply_to?: string;
  deleted?: boolean;
  /** Reactions by the identity of who reacted. */
  reactions?: Record<string, string>;
}

/** A thread. */
export interface Thread<T extends Timestamps = 'number'> {
  id: string;
  title: string;
  author: string;
  slug?: string;
  /** In Unix nanoseconds. */
  created_ts?: Timestamp<T>;
  /** In Unix nanoseconds. */
  updated_ts?: Timestamp<T>;
  deleted?: boolean;
  /** In Unix nanoseconds. */
  deleted_ts?: Timestamp<T>;
  /** An object of at most 8 KiB; servers of ProgressDB itself drop it. */
  metadata?: Record<string, Json>;
}

type Input<R> = {
  [Name in keyof R]?: (R[Name] extends number | bigint | undefined ? number | bigint : R[Name]) | null | undefined;
};

/** What is sent of a message. In an edit, what is absent stays as it was, and `null` clears. */
export type MessageInput = Input<Message>;

/** What is sent of a thread: `title` and `metadata` count, the server decides the rest. */
export type ThreadInput = Input<Thread>;

/** A reaction: who, and what. */
export interface ReactionInput {
  /** Identity of who reacts. */
  id: string;
  reaction: string;
}

/** A user and the proof that a backend let it in. */
export interface UserSignature {
  userId: string;
  signature: string;
}

/** Messages of a thread, ascending. */
export interface MessagePage<T extends Timestamps = 'number'> {
  thread?: string;
  messages: Message<T>[];
  /** Whether there are more in this direction; only with `before` or `after`. */
  has_more?: boolean;
}

/** Which messages. Without `before` and `after`: the most recent ones. */
export interface MessageQuery {
  /** At most so many; the server gives 10,000 at most. */
  limit?: number | undefined;
  /** Id of a message: only what stands before it. */
  before?: string | undefined;
  /** Id of a message: only what stands behind it, the oldest first. Empty: from the beginning. */
  after?: string | undefined;
  include_deleted?: boolean | undefined;
  /** `created` (the default) never changes, `ts` moves what was edited to the end. */
  sort_by?: 'created' | 'ts' | undefined;
}

/** Which threads of an author. */
export interface ThreadQuery {
  /** A part of the title, in any letter case. */
  title?: string | undefined;
  slug?: string | undefined;
  /** At most so many; counts only together with `before` or `after`. */
  limit?: number | undefined;
  /** Id of a thread: only what stands before it. */
  before?: string | undefined;
  /** Id of a thread: only what stands behind it. Empty: from the beginning. */
  after?: string | undefined;
}

/** Which messages a search gives. */
export interface SearchQuery {
  limit?: number | undefined;
  /** Id of a message: only what stands before it, such as `next` of the answer before. */
  before?: string | undefined;
}

/** What a search found, the newest first. */
export interface SearchPage<T extends Timestamps = 'number'> {
  thread: string;
  messages: Message<T>[];
  /** `before` of the next call; `null` at the beginning of the thread. */
  next: string | null;
}

/** The versions of a message, the oldest first. */
export interface MessageVersions<T extends Timestamps = 'number'> {
  id: string;
  versions: Message<T>[];
}

/** The reactions of a message. */
export interface MessageReactions {
  id: string;
  reactions: ReactionInput[];
}

/** What happened to a thread, with the state at the time of reading. */
export interface ThreadEvent<T extends Timestamps = 'number'> {
  /** Place in the log of the thread, ascending; `after` goes on behind it. */
  seq: number;
  /** `reset`: something was missed, read the thread anew. */
  kind: 'message' | 'edit' | 'reaction' | 'delete' | 'thread' | 'reset';
  thread: string;
  /** In Unix nanoseconds; 0 for `reset`. */
  at: Timestamp<T>;
  /** The message, for `message`, `edit`, `reaction` and `delete`. */
  message?: Message<T>;
  /** The thread, for `thread`. */
  state?: Thread<T>;
}
