/**
 * Data keys of threads, and the bodies sealed under them.
 *
 * Invariant: a body's record names the data key that opens it, and that key's record, wrapped under a master key,
 * stands in the store before the first record that needs it and goes after the last. Data keys are clear in memory
 * only, and so are bodies: encryption is of what lies on disk.
 */
import { RawJson } from '../core/json.ts';
import type { Plain, Store } from '../core/ports.ts';
import { jsonText } from './json-text.ts';
import { type MasterKey, MasterKeys } from './master-keys.ts';
import type { Nanos } from './nanos.ts';
import { type FieldPath, reach, readPath, replaceAt, valueAt } from './paths.ts';
import { recordKey } from './record-key.ts';
import { KEY_BYTES, place, type Random, seal, unseal } from './sealing.ts';
import type { Thread } from './thread.ts';
import type { EncryptionOptions } from './types.ts';

/** Records `<thread number><key number>`: `{ id, kek, wrapped }`. */
export const THREAD_KEYS = 'chat.thread-keys';

/** A data key of one thread. */
export interface ThreadKey {
  /** Number within the thread, from 1 on. */
  readonly no: number;
  readonly id: string;
  /** The master key it is wrapped under. */
  masterId: string;
  wrapped: Uint8Array;
  readonly clear: Uint8Array;
  /** How many records are sealed under it. */
  uses: number;
}

/** A body as it is stated to the store: the JSON text itself when it is clear. */
export type BodyRecord =
  | string
  | { readonly key: number; readonly sealed: Uint8Array }
  /** `body` has `null` where the parts were; a part is its path and its sealed text. */
  | { readonly key: number; readonly body: string; readonly parts: readonly (readonly [string[], Uint8Array])[] };

export class Keyring {
  readonly masters: MasterKeys;
  readonly #store: Store;
  readonly #random: Random;
  readonly #nanos: Nanos;
  readonly #enabled: boolean;
  readonly #fields: readonly FieldPath[];
  #encrypted = 0;

  constructor(store: Store, random: Random, nanos: Nanos, options: EncryptionOptions | undefined) {
    this.#store = store;
    this.#random = random;
    this.#nanos = nanos;
    this.masters = new MasterKeys(store, random, options?.masterKeys ?? []);
    this.#enabled = options?.enabled ?? false;
    this.#fields = options?.fields ?? [];
  }

  /** Whether there is a master key to work with. */
  get available(): boolean {
    return this.masters.current !== undefined;
  }

  /** Whether new threads are encrypted. */
  get enabled(): boolean {
    return this.#enabled && this.available;
  }

  /** How many threads have data keys. */
  get encrypted(): number {
    return this.#encrypted;
  }

  /** Gives a thread a new data key, which is its current one from now on. There must be a master key. */
  addKey(thread: Thread, now: number): ThreadKey {
    const clear = this.#random(KEY_BYTES);
    const id = `k_${this.#nanos.next(now)}`;
    const master = this.masters.current as MasterKey;
    const wrapped = seal(master.key, clear, place('thread-key', thread.id, id, master.id), this.#random);
    const no = thread.lastKey + 1;
    const key: ThreadKey = { no, id, masterId: master.id, wrapped, clear, uses: 0 };
    this.#hold(thread, key);
    this.#state(thread, key);
    return key;
  }

  /** Wraps a data key under another master key. */
  rewrap(thread: Thread, key: ThreadKey, master: MasterKey): void {
    if (key.masterId === master.id) return;
    key.wrapped = seal(master.key, key.clear, place('thread-key', thread.id, key.id, master.id), this.#random);
    key.masterId = master.id;
    this.#state(thread, key);
  }

  /** Removes the data keys of a thread that open nothing any more, the current one aside. */
  dropUnused(thread: Thread): void {
    for (const key of thread.keys.slice(0, -1)) if (key.uses === 0) this.#drop(thread, key);
  }

  /** Removes all data keys of a thread: what is left of it on disk can never be read again. */
  dropAll(thread: Thread): void {
    for (const key of [...thread.keys]) this.#drop(thread, key);
  }

  /** A body as it goes to the store, under the current key of the thread. */
  seal(thread: Thread, messageId: string, seq: number, body: string): BodyRecord {
    const key = thread.key;
    if (key === undefined) return body;
    if (this.#fields.length === 0) {
      const sealed = seal(key.clear, body, place('body', thread.id, messageId, seq), this.#random);
      return { key: key.no, sealed };
    }
    const root: unknown = JSON.parse(body);
    const paths = outermost(this.#fields.flatMap((pattern) => reach(root, pattern)));
    if (paths.some((path) => path.length === 0)) {
      return { key: key.no, body: 'null', parts: [[[], this.#sealPart(key, thread, messageId, seq, [], body)]] };
    }
    const parts = paths.map((path) => {
      const part = this.#sealPart(key, thread, messageId, seq, path, jsonText(valueAt(root, path)));
      return [path, part] as const;
    });
    return { key: key.no, body: jsonText(paths.reduce((at, path) => replaceAt(at, path, null), root)), parts };
  }

  /** Whether the key of a record is there. If not, its number is not given to another one. */
  opens(thread: Thread, record: BodyRecord): boolean {
    if (typeof record === 'string') return true;
    thread.lastKey = Math.max(thread.lastKey, record.key);
    return thread.keys.some((key) => key.no === record.key);
  }

  /** The body of a record whose key is there, as JSON text. Throws when it does not open: then the record is not what was written. */
  open(
    thread: Thread,
    messageId: string,
    seq: number,
    record: BodyRecord,
  ): { body: string; key: ThreadKey | undefined } {
    if (typeof record === 'string') return { body: record, key: undefined };
    const key = thread.keys.find((candidate) => candidate.no === record.key);
    if (key === undefined) throw new Error(`the data key of message ${messageId} is not there`);
    if ('sealed' in record) {
      const clear = unseal(key.clear, record.sealed, place('body', thread.id, messageId, seq));
      if (clear === undefined) throw new Error(`version ${seq} of message ${messageId} does not open`);
      return { body: clear.toString('utf8'), key };
    }
    let root: unknown = JSON.parse(record.body);
    for (const [path, sealed] of record.parts) {
      const clear = unseal(key.clear, sealed, place('body', thread.id, messageId, seq, ...path));
      if (clear === undefined) throw new Error(`version ${seq} of message ${messageId} does not open`);
      root = replaceAt(root, path, JSON.parse(clear.toString('utf8')));
    }
    return { body: jsonText(root), key };
  }

  /** A partly sealed body with a text in the place of each part, as JSON text. */
  showParts(record: Extract<BodyRecord, { parts: unknown }>, show: (sealed: Uint8Array) => string): string {
    const shown = ([path, sealed]: readonly [string[], Uint8Array]) => [path, new RawJson(show(sealed))] as const;
    const root: unknown = JSON.parse(record.body);
    return jsonText(record.parts.map(shown).reduce((at, [path, text]) => replaceAt(at, path, text), root));
  }

  /** Takes a data key back. Throws when no known master key opens it: nothing may be served, and nothing overwritten. */
  restore(thread: Thread, no: number, value: Plain): void {
    const { id, kek, wrapped } = value as { id: string; kek: string; wrapped: Uint8Array };
    const master = this.masters.get(kek);
    if (master === undefined) {
      throw new Error(`thread ${thread.id} is encrypted under the master key ${kek}, which is not configured`);
    }
    const clear = unseal(master.key, wrapped, place('thread-key', thread.id, id, kek));
    if (clear === undefined) throw new Error(`data key ${id} of thread ${thread.id} does not open`);
    this.#nanos.seen(BigInt(id.slice(2)));
    this.#hold(thread, { no, id, masterId: kek, wrapped, clear, uses: 0 });
  }

  #hold(thread: Thread, key: ThreadKey): void {
    if (thread.keys.length === 0) this.#encrypted++;
    thread.lastKey = Math.max(thread.lastKey, key.no);
    thread.keys.push(key);
  }

  #sealPart(key: ThreadKey, thread: Thread, messageId: string, seq: number, path: FieldPath, text: string): Uint8Array {
    return seal(key.clear, text, place('body', thread.id, messageId, seq, ...path), this.#random);
  }

  #state(thread: Thread, key: ThreadKey): void {
    const record = { id: key.id, kek: key.masterId, wrapped: key.wrapped };
    this.#store.put(THREAD_KEYS, recordKey(thread.no, key.no), record);
  }

  #drop(thread: Thread, key: ThreadKey): void {
    thread.keys.splice(thread.keys.indexOf(key), 1);
    if (thread.keys.length === 0) this.#encrypted--;
    this.#store.remove(THREAD_KEYS, recordKey(thread.no, key.no));
  }
}

/** The part of a body that a setting names: `body`, or a path that begins with `body.`; `undefined` for anything else. */
export function readEncryptedField(text: string): FieldPath | undefined {
  const path = readPath(text);
  return path?.[0] === 'body' ? path.slice(1) : undefined;
}

/** Paths that are not below another one of them, each once. */
function outermost(paths: readonly string[][]): string[][] {
  const kept = new Set<string>();
  return [...paths]
    .sort((a, b) => a.length - b.length)
    .filter((path) => {
      for (let length = 0; length <= path.length; length++) {
        if (kept.has(JSON.stringify(path.slice(0, length)))) return false;
      }
      kept.add(JSON.stringify(path));
      return true;
    });
}
