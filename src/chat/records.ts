/**
 * Threads and versions as records of the store, and back.
 *
 * Invariant: a record holds nothing that follows from another one: no slug, no counts, and no body that is that of
 * the version before.
 */
import type { Plain } from '../core/ports.ts';
import type { BodyRecord } from './keyring.ts';
import type { Message, Version, VersionParts } from './message.ts';
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

/** The record of a version. `body` is absent when the version before has the same. */
export function versionRecord(message: Message, version: Version, body: BodyRecord | undefined): Plain {
  const first = message.at(0) === version;
  const { reacted } = version;
  const record: VersionRecord = {
    ...(first ? { id: message.id, author: message.author } : { of: message.no }),
    ...(first && message.tombstone ? { tombstone: true } : {}),
    kind: version.kind,
    at: version.at,
    ...(version.ts === version.at ? {} : { ts: version.ts }),
    ...(version.role === '' ? {} : { role: version.role }),
    ...(version.replyTo === '' ? {} : { replyTo: version.replyTo }),
    ...(version.deleted ? { deleted: true } : {}),
    ...reactedRecord(reacted),
    ...(body === undefined ? {} : { body }),
  };
  return record as unknown as Plain;
}

function reactedRecord(reacted: Reacted): Pick<VersionRecord, 'reaction' | 'reactions'> {
  if (reacted === undefined) return {};
  if ('id' in reacted) return { reaction: [reacted.id, reacted.reaction] };
  return { reactions: reacted.map(({ id, reaction }) => [id, reaction]) };
}

/** What a record says about its version, the body aside. */
export function readVersion(seq: number, record: VersionRecord, body: string): VersionParts {
  const at = BigInt(record.at);
  return {
    seq,
    at,
    ts: record.ts === undefined ? at : BigInt(record.ts),
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
