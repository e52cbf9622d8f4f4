/**
 * What a command's `run` may reach. One object per server; faces set `session` and `now` before each call.
 *
 * Invariant: `run` reads `session` and `now` before it awaits anything, since the object is shared.
 */
import type { AccountBook } from '../auth/book.ts';
import type { ChatEngine } from '../chat/engine.ts';
import type { Clock } from '../core/clock.ts';
import type { KvEngine } from '../kv/engine.ts';
import type { PubSubEngine } from '../pubsub/engine.ts';
import type { QueueEngine } from '../queue/engine.ts';
import type { GroupEngine } from '../stream/groups.ts';
import type { RoomEngine } from '../stream/rooms.ts';
import type { TopicEngine } from '../stream/topics.ts';
import type { Caller } from './access.ts';

/** Settings that commands obey. */
export interface CommandSettings {
  /** Whether `kv.flushdb` and `kv.flushall` may run. */
  readonly allowFlush: boolean;
  /** Largest value in bytes that a client may set; `Infinity` when not configured. */
  readonly maxValueBytes: number;
  /** Chat has keys of its own, and nobody is asked for other credentials: only the chat face reaches it. */
  readonly chatKeyed?: boolean;
}

/** Copies of the data, written while work goes on. */
export interface Backups {
  /** The backup under way, and how many of its bytes are written. */
  readonly progress: { readonly name: string | undefined; readonly done: number; readonly total: number };
  /** Writes a backup of this name. Errors: `INVALID_REQUEST` (one is running, nothing is stored), `INVALID_VALUE` (name taken). */
  start(name: string): Promise<{ readonly bytes: number; readonly ms: number }>;
}

/** Every engine, by the name under which commands know it. */
export interface Engines {
  readonly kv: KvEngine;
  readonly queues: QueueEngine;
  readonly rooms: RoomEngine;
  readonly topics: TopicEngine;
  readonly groups: GroupEngine;
  readonly pubsub: PubSubEngine;
  readonly chat: ChatEngine;
  readonly accounts: AccountBook;
}

export interface Context extends Engines {
  readonly clock: Clock;
  readonly backups: Backups;
  readonly settings: CommandSettings;
  /** Whether a stored text is JSON by the rules of the wire. */
  readonly isJson: (text: string) => boolean;
  /** Who is calling. */
  session: Caller;
  /** Unix milliseconds of this call. */
  now: number;
  /** Set when the answer of this call has to wait until its changes are on disk, whatever the server's level. */
  sync: boolean;
  /** Set by a `run` that waits: what to do when the caller is gone before the answer. The transport takes it at once. */
  cancel: (() => void) | undefined;
}
