/**
 * Threads and versions as records of the store, and back.
 *
 * Invariant: a record holds nothing that follows from another one: no slug, no counts, and no body that is that of
 * the version before.
 */
import type { Plain } from '../core/ports.ts';
import type { BodyRecord } from './keyring.ts';
import type { Draft, Message, Version } from './message.ts';
import type { Reacted } from './reactions.ts';
import { Thread } from './thread.ts';
import type { ChangeKind } from './types.ts';

/** Records `<thread number>`: the heads of threads. */
export const THREADS = 'chat.threads';
/** Records `<thread number><place in the log>`: the versions of all messages, in the order of writing. */
export const VERSIONS = 'chat.versions';

interface ThreadRecord {
  readonly id: string;
  readonly author: string;
  readonly title: string;
  readonly created: bigint;
  readonly updated: bigint;
  readonly seq: number;
  readonly metadata?: string;
  readonly deleted?: bigint;
  readonly purging?: true;
}

/** The record of a thread's head. */
export function threadRecord(thread: Thread): Plain {
  return {
    id: thread.id,
    author: thread.author,
    title: thread.title,
    created: thread.created,
    updated: thread.updated,
    seq: thread.seq,
    ...(thread.metadata === '' ? {} : { metadata: thread.metadata }),
    ...(thread.deletedAt === 0n ? {} : { deleted: thread.deletedAt }),
    ...(thread.purging ? { purging: true } : {}),
  };
}

/** The thread of a record. */
export function readThread(no: number, value: Plain): Thread {
  const record = value as unknown as ThreadRecord;
  const { id, author, title, created, updated } = record;
  const thread = new Thread({
    no,
    id,
    author,
    title,
    created: BigInt(created),
    updated: BigInt(updated),
    metadata: record.metadata ?? '',
  });
  thread.seq = record.seq;
  thread.deletedAt = BigInt(record.deleted ?? 0n);
  thread.purging = record.purging ?? false;
  return thread;
}

/** What a version's record says. Absent members are empty; `ts` is `at` when absent. */
export interface VersionRecord {
  /** First versions only: who the message is. */
  readonly id?: string;
  readonly author?: string;
  readonly tombstone?: true;
  /** Later versions only: the number of their message. */
  readonly of?: number;
  readonly kind: ChangeKind;
  readonly at: bigint;
  readonly ts?: bigint;
  readonly role?: string;
  readonly replyTo?: string;
  readonly deleted?: true;
  /** A whole list as pairs, or the one change. */
  readonly reactions?: readonly (readonly [string, string])[];
  readonly reaction?: readonly [string, string];
  /** Absent: the body of the version before. */
  readonly body?: BodyRecord;
}

type Writable<T> = { -readonly [name in keyof T]: T[name] };

/** The record of a version. `body` is absent when the version before has the same. */
export function versionRecord(message: Message, version: Version, body: BodyRecord | undefined): Plain {
  const record: Writable<VersionRecord> = { kind: version.kind, at: version.at };
  if (message.at(0) === version) {
    record.id = message.id;
    record.author = message.author;
    if (message.tombstone) record.tombstone = true;
  } else {
    record.of = message.no;
  }
  if (version.ts !== version.at) record.ts = version.ts;
  if (version.role !== '') record.role = version.role;
  if (version.replyTo !== '') record.replyTo = version.replyTo;
  if (version.deleted) record.deleted = true;
  if (body !== undefined) record.body = body;
  const { reacted } = version;
  if (reacted !== undefined) {
    if ('id' in reacted) record.reaction = [reacted.id, reacted.reaction];
    else record.reactions = reacted.map(({ id, reaction }) => [id, reaction] as const);
  }
  return record as unknown as Plain;
}

/** What a record says about its version, the body aside. */
export function readVersion(record: VersionRecord, body: string): Draft {
  return {
    ts: BigInt(record.ts ?? 0n),
    kind: record.kind,
    role: record.role ?? '',
    body,
    replyTo: record.replyTo ?? '',
    deleted: record.deleted ?? false,
    reacted: readReacted(record),
  };
}

function readReacted(record: VersionRecord): Reacted {
  if (record.reaction !== undefined) return { id: record.reaction[0], reaction: record.reaction[1] };
  return record.reactions?.map(([id, reaction]) => ({ id, reaction }));
}
