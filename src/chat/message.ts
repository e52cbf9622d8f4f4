/**
 * A message and its versions.
 *
 * Invariant: versions are only ever appended; the author is the one of the first version for ever (R14). A version that
 * did not change the body holds the very text of the one before it.
 */

import type { ThreadKey } from './keyring.ts';
import { afterVersion, NO_REACTIONS, type Reacted } from './reactions.ts';
import type { Thread } from './thread.ts';
import type { ChangeKind, MessageView, Reaction } from './types.ts';

/** What one version says. */
export interface VersionParts {
  /** Number in the log of the thread. */
  readonly seq: number;
  /** When it was written, in nanoseconds; unlike `ts` always the server's. */
  readonly at: bigint;
  readonly ts: bigint;
  readonly kind: ChangeKind;
  readonly role: string;
  readonly body: string;
  readonly replyTo: string;
  readonly deleted: boolean;
  readonly reacted: Reacted;
}

export class Version {
  readonly seq: number;
  readonly at: bigint;
  readonly ts: bigint;
  readonly kind: ChangeKind;
  readonly role: string;
  readonly body: string;
  readonly replyTo: string;
  readonly deleted: boolean;
  readonly reacted: Reacted;
  readonly message: Message;
  /** The key under which its record is encrypted; `undefined` when it is clear or has no body of its own. */
  key: ThreadKey | undefined;

  constructor(message: Message, parts: VersionParts, key: ThreadKey | undefined) {
    this.seq = parts.seq;
    this.at = parts.at;
    this.ts = parts.ts;
    this.kind = parts.kind;
    this.role = parts.role;
    this.body = parts.body;
    this.replyTo = parts.replyTo;
    this.deleted = parts.deleted;
    this.reacted = parts.reacted;
    this.message = message;
    this.key = key;
  }
}

export class Message {
  /** Its number among all messages, the last part of its id. */
  readonly no: number;
  readonly id: string;
  readonly thread: Thread;
  readonly author: string;
  /** Written by the server when the thread was deleted; makes nobody a participant. */
  readonly tombstone: boolean;
  newest: Version;
  /** All versions but the newest, oldest first; `undefined` when there is one only. */
  older: Version[] | undefined = undefined;
  /** The reactions of the newest version. */
  reactions: readonly Reaction[] = NO_REACTIONS;

  constructor(
    no: number,
    id: string,
    thread: Thread,
    author: string,
    tombstone: boolean,
    first: VersionParts,
    key: ThreadKey | undefined,
  ) {
    this.no = no;
    this.id = id;
    this.thread = thread;
    this.author = author;
    this.tombstone = tombstone;
    this.newest = new Version(this, first, key);
    this.reactions = afterVersion(NO_REACTIONS, first.reacted);
  }

  /** How many versions there are. */
  get count(): number {
    return 1 + (this.older?.length ?? 0);
  }

  /** The version at a place, 0 being the first. */
  at(index: number): Version | undefined {
    const older = this.older?.length ?? 0;
    return index === older ? this.newest : this.older?.[index];
  }

  /** The version before another one; `undefined` for the first. */
  before(version: Version): Version | undefined {
    const { older } = this;
    if (older === undefined) return undefined;
    let low = 0;
    let high = older.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((older[middle]?.seq ?? 0) < version.seq) low = middle + 1;
      else high = middle;
    }
    return older[low - 1];
  }

  /** Makes a version the newest. The lists of the thread must not hold the message meanwhile. */
  append(parts: VersionParts, key: ThreadKey | undefined): Version {
    (this.older ??= []).push(this.newest);
    this.newest = new Version(this, parts, key);
    this.reactions = afterVersion(this.reactions, parts.reacted);
    return this.newest;
  }
}

const MESSAGE_ID = /^msg-\d{1,20}-(\d{1,15})$/;

/** The number in a message's id; `undefined` when it is none of this server's ids. */
export function messageNo(id: string): number | undefined {
  const found = MESSAGE_ID.exec(id)?.[1];
  return found === undefined ? undefined : Number(found);
}

/** A message as it is now. */
export function messageView(message: Message): MessageView {
  return versionView(message.newest, message.reactions);
}

/** A version as it was, with the reactions that it had. */
export function versionView(version: Version, reactions: readonly Reaction[]): MessageView {
  const { message } = version;
  return {
    id: message.id,
    thread: message.thread.id,
    author: message.author,
    role: version.role,
    ts: version.ts,
    body: version.body,
    replyTo: version.replyTo,
    deleted: version.deleted,
    reactions,
    version: version.seq,
  };
}

/** About how many bytes the JSON of a view takes. */
export function viewBytes(view: MessageView): number {
  let bytes = 160 + view.body.length + view.role.length + view.replyTo.length;
  for (const { id, reaction } of view.reactions) bytes += id.length + reaction.length + 6;
  return bytes;
}
