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

/** What somebody wants a version to say. */
export interface Draft {
  /** `0n`: the time of writing. */
  readonly ts: bigint;
  readonly kind: ChangeKind;
  readonly role: string;
  readonly body: string;
  readonly replyTo: string;
  readonly deleted: boolean;
  readonly reacted: Reacted;
}

export class Version {
  readonly message: Message;
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
  /** The key under which its record is encrypted; `undefined` when it is clear or has no body of its own. */
  key: ThreadKey | undefined;

  constructor(message: Message, seq: number, at: bigint, draft: Draft, key: ThreadKey | undefined) {
    this.message = message;
    this.seq = seq;
    this.at = at;
    this.ts = draft.ts === 0n ? at : draft.ts;
    this.kind = draft.kind;
    this.role = draft.role;
    this.body = draft.body;
    this.replyTo = draft.replyTo;
    this.deleted = draft.deleted;
    this.reacted = draft.reacted;
    this.key = key;
  }
}

/** Who a new thread or message is: known before there is one, since rules may want to see it. */
export interface Identity {
  readonly id: string;
  readonly no: number;
  /** When it was made, in nanoseconds. */
  readonly at: bigint;
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
  reactions: readonly Reaction[];

  constructor(identity: Identity, thread: Thread, author: string, tombstone: boolean, seq: number, first: Draft) {
    this.no = identity.no;
    this.id = identity.id;
    this.thread = thread;
    this.author = author;
    this.tombstone = tombstone;
    this.reactions = afterVersion(NO_REACTIONS, first.reacted);
    this.newest = new Version(this, seq, identity.at, first, undefined);
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
  append(seq: number, at: bigint, draft: Draft, key: ThreadKey | undefined): void {
    if (this.older === undefined) this.older = [this.newest];
    else this.older.push(this.newest);
    this.newest = new Version(this, seq, at, draft, key);
    this.reactions = afterVersion(this.reactions, draft.reacted);
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
