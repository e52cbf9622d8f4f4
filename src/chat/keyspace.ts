/**
 * The storage keys of the reference, for its admin calls and viewer (progressdb.md 3.9, 5.4).
 *
 * Invariant: keys are made up from threads and versions when they are asked for, in the order of their bytes; a page
 * costs what it holds. Encrypted bodies show as envelopes, so that who may list keys does not read texts.
 */
import { Buffer } from 'node:buffer';
import type { Keyring } from './keyring.ts';
import { type Message, Version, versionView } from './message.ts';
import type { Messages } from './messages.ts';
import { pageLimit } from './pages.ts';
import { afterVersion, NO_REACTIONS } from './reactions.ts';
import { type Change, type Thread, threadView } from './thread.ts';
import type { Threads } from './threads.ts';
import type { Actor, MessageView, ThreadView } from './types.ts';

/** Some keys; `more` says whether others follow. */
export interface KeyPage {
  readonly keys: string[];
  readonly more: boolean;
}

/** What stands under a key: a thread, or a version of a message. */
export type KeyValue = { readonly thread: ThreadView } | { readonly message: MessageView };

const ADMIN: Actor = { role: 'admin', user: '' };
/** Threads or messages fetched at a time. */
const BATCH = 64;

/** Time and place in the log, as they end a key. */
const suffixOf = ({ at, seq }: Change): string => `${String(at).padStart(20, '0')}-${String(seq).padStart(6, '0')}`;

export class Keyspace {
  readonly #threads: Threads;
  readonly #messages: Messages;
  readonly #keyring: Keyring;

  constructor(threads: Threads, messages: Messages, keyring: Keyring) {
    this.#threads = threads;
    this.#messages = messages;
    this.#keyring = keyring;
  }

  /** Keys that begin with `prefix`, behind the key `after`. */
  list(prefix: string, after: string, limit: number | undefined): KeyPage {
    const most = pageLimit(limit);
    const keys: string[] = [];
    // a bound is the lowest text that may be listed: the prefix itself, or just behind `after`
    const bound = after >= prefix ? `${after}\0` : prefix;
    for (const key of this.#from(bound)) {
      if (!key.startsWith(prefix)) return { keys, more: false };
      if (keys.length >= most) return { keys, more: true };
      keys.push(key);
    }
    return { keys, more: false };
  }

  /** What stands under a key; `undefined` when nothing does. */
  value(key: string): KeyValue | undefined {
    const head = /^thread:([^:]+):meta$/.exec(key)?.[1];
    if (head !== undefined) {
      const thread = this.#threads.get(head);
      return thread === undefined ? undefined : { thread: threadView(thread, ADMIN) };
    }
    const [, kind, id = '', seq = ''] = /^(thread|version:msg):([^:]+):(?:msg:)?\d{20}-(\d{6,})$/.exec(key) ?? [];
    if (kind === undefined) return undefined;
    const thread = kind === 'thread' ? this.#threads.get(id) : this.#messages.get(id)?.thread;
    const change = thread?.log.up(
      thread.log.seek((other) => other.seq < Number(seq)),
      1,
    )[0];
    if (thread === undefined || !(change instanceof Version)) return undefined;
    const names = [
      `thread:${thread.id}:msg:${suffixOf(change)}`,
      `version:msg:${change.message.id}:${suffixOf(change)}`,
    ];
    return names.includes(key) ? { message: this.#shown(change) } : undefined;
  }

  *#from(bound: string): Generator<string> {
    if (bound < 'thread;') yield* this.#ofThreads(bound);
    yield* this.#ofVersions(bound);
  }

  *#ofThreads(bound: string): Generator<string> {
    let passed = bound;
    for (;;) {
      // a thread matters when the end of its keys is behind the bound
      const threads = this.#threads.byKey((prefix) => `${prefix}msg;` <= passed, BATCH);
      for (const thread of threads) yield* this.#ofThread(thread, bound);
      const last = threads[threads.length - 1];
      if (last === undefined) return;
      passed = `thread:${last.id}:msg;`;
    }
  }

  *#ofThread(thread: Thread, bound: string): Generator<string> {
    const meta = `thread:${thread.id}:meta`;
    if (meta >= bound) yield meta;
    const prefix = `thread:${thread.id}:msg:`;
    let place = thread.log.seek((change) => prefix + suffixOf(change) < bound);
    for (;;) {
      const batch = thread.log.up(place, BATCH);
      for (const change of batch) {
        const key = change instanceof Version ? prefix + suffixOf(change) : '';
        if (key >= bound) yield key;
      }
      const last = batch[batch.length - 1];
      if (last === undefined) return;
      place = thread.log.seek((change) => change.seq <= last.seq);
    }
  }

  *#ofVersions(bound: string): Generator<string> {
    let reached = (id: string): boolean => `version:msg:${id};` > bound;
    for (;;) {
      const messages = this.#messages.byId(reached, BATCH);
      for (const message of messages) {
        if (message.thread.purging) continue;
        const prefix = `version:msg:${message.id}:`;
        for (let at = 0; at < message.count; at++) {
          const key = prefix + suffixOf(message.at(at) as Version);
          if (key >= bound) yield key;
        }
      }
      const last = messages[messages.length - 1];
      if (last === undefined) return;
      reached = (id) => id > last.id;
    }
  }

  #shown(version: Version): MessageView {
    const { message } = version;
    const view = versionView(version, reactionsAt(message, version));
    const record = this.#keyring.seal(message.thread, message.id, version.seq, version.body);
    if (typeof record === 'string') return view;
    return { ...view, body: 'sealed' in record ? envelope(record.sealed) : this.#keyring.showParts(record, envelope) };
  }
}

/** What the reference puts in the place of an encrypted value. */
const envelope = (sealed: Uint8Array): string => `{"_enc":"gcm","v":"${Buffer.from(sealed).toString('base64')}"}`;

function reactionsAt(message: Message, version: Version): typeof NO_REACTIONS {
  let reactions = NO_REACTIONS;
  for (let at = 0; at < message.count; at++) {
    const one = message.at(at) as Version;
    reactions = afterVersion(reactions, one.reacted);
    if (one === version) break;
  }
  return reactions;
}
