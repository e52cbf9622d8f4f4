/**
 * What admins do with keys (progressdb.md 3.9; section 10, 12 to 15).
 *
 * Invariant: each call is a walk that may stop anywhere without harm: every thread is whole between two steps, and the
 * same call again goes on. Answers and audit entries name keys and never show wrapped ones.
 */
import { CommandError } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';
import type { Audit } from './audit.ts';
import type { Keyring } from './keyring.ts';
import { KEY_BYTES, type Random, readHexKey } from './sealing.ts';
import type { Thread } from './thread.ts';
import type { Threads } from './threads.ts';
import type { Walk } from './types.ts';
import type { Upkeep } from './upkeep.ts';

/** Which threads a call is about. */
export type ThreadChoice = { readonly all: true } | { readonly ids: readonly string[] };

/** How it went with one data key, or with one thread. */
export interface KeyOutcome {
  readonly status: 'ok' | 'error';
  readonly kekId?: string;
  readonly keyId?: string;
  readonly error?: string;
}

/** Outcomes by key id or thread id, at most `LIMITS.chatKeyThreads`; `done` counts them all. */
export interface KeyOutcomes {
  readonly outcomes: ReadonlyMap<string, KeyOutcome>;
  readonly done: number;
}

/** What the calls work on. */
export interface KeyShelves {
  readonly threads: Threads;
  readonly keyring: Keyring;
  readonly upkeep: Upkeep;
  readonly audit: Audit;
  readonly random: Random;
}

export class KeyAdmin {
  readonly #on: KeyShelves;

  constructor(shelves: KeyShelves) {
    this.#on = shelves;
  }

  /** A fresh master key in hexadecimal. It is not taken into use. */
  generate(now: number): string {
    this.#on.audit.add('admin_generate_kek', {}, now);
    return Buffer.from(this.#on.random(KEY_BYTES)).toString('hex');
  }

  /**
   * Gives a thread a new data key and brings everything under it; goes on with a rotation that was interrupted.
   * Errors: CHAT_NO_KMS, CHAT_THREAD_NOT_FOUND.
   */
  rotate(id: string, now: number): Walk<{ readonly newKey: string }> {
    const { keyring, threads, upkeep, audit } = this.#on;
    if (!keyring.available) throw new CommandError('CHAT_NO_KMS');
    const thread = threads.get(id);
    if (thread === undefined) throw new CommandError('CHAT_THREAD_NOT_FOUND');
    const resumed = upkeep.isResealing(thread);
    const newKey = (resumed ? thread.key : undefined) ?? keyring.addKey(thread, now);
    if (!resumed) upkeep.reseal(thread);
    audit.add('admin_rotate_thread_dek', { thread: id, new_key: newKey.id, resumed }, now);
    return { step: () => upkeep.stepReseal(thread), result: () => ({ newKey: newKey.id }) };
  }

  /**
   * Wraps the data keys of threads under a new master key, which is the current one from the first moment on.
   * Errors: CHAT_NO_THREADS, CHAT_NO_THREAD_KEYS, CHAT_BAD_KEK, CHAT_INVALID.
   */
  rewrap(choice: ThreadChoice, kekHex: string, now: number): Walk<KeyOutcomes> {
    const { keyring, threads, audit } = this.#on;
    this.#mustChoose(choice);
    const some = 'all' in choice ? keyring.encrypted > 0 : choice.ids.some((id) => threads.get(id)?.key !== undefined);
    if (!some) throw new CommandError('CHAT_NO_THREAD_KEYS');
    const key = readHexKey(kekHex.trim());
    if (key === undefined) throw new CommandError('CHAT_BAD_KEK');
    const master = keyring.masters.adopt(key);
    audit.add('admin_rewrap_deks', { ...describe(choice), kek: master.id }, now);
    return new EachThread(threads, choice, (_, thread, tell) => {
      if (thread === undefined) return false;
      for (const dataKey of thread.keys) {
        keyring.rewrap(thread, dataKey, master);
        tell(dataKey.id, { status: 'ok', kekId: master.id });
      }
      return false;
    });
  }

  /**
   * Encrypts what threads hold in clear; threads that have a key keep it. Trouble with one thread is told in its
   * outcome. Errors: CHAT_NO_THREADS, CHAT_INVALID.
   */
  encryptExisting(choice: ThreadChoice, now: number): Walk<KeyOutcomes> {
    const { keyring, threads, upkeep, audit } = this.#on;
    this.#mustChoose(choice);
    audit.add('admin_encrypt_existing', describe(choice), now);
    return new EachThread(threads, choice, (id, thread, tell) => {
      if (thread === undefined) {
        tell(id, { status: 'error', error: 'thread not found' });
        return false;
      }
      if (!keyring.available) {
        tell(id, { status: 'error', error: 'create DEK failed: no kms provider registered' });
        return false;
      }
      if (thread.key === undefined) {
        keyring.addKey(thread, now);
        upkeep.reseal(thread);
      }
      if (upkeep.stepReseal(thread)) return true;
      tell(id, { status: 'ok', keyId: thread.key?.id ?? '' });
      return false;
    });
  }

  #mustChoose(choice: ThreadChoice): void {
    if ('all' in choice ? this.#on.threads.size === 0 : choice.ids.length === 0)
      throw new CommandError('CHAT_NO_THREADS');
    if ('ids' in choice && choice.ids.length > LIMITS.chatKeyThreads) {
      throw new CommandError('CHAT_INVALID', { detail: `at most ${LIMITS.chatKeyThreads} threads` });
    }
  }
}

const describe = (choice: ThreadChoice): { all: true } | { threads: number } =>
  'all' in choice ? { all: true } : { threads: choice.ids.length };

/** Does something with one thread after another, each once. `work` answers `true` to be called again for the same one. */
class EachThread implements Walk<KeyOutcomes> {
  readonly #threads: Threads;
  readonly #ids: string[] | undefined;
  readonly #work: (id: string, thread: Thread | undefined, tell: (id: string, outcome: KeyOutcome) => void) => boolean;
  readonly #outcomes = new Map<string, KeyOutcome>();
  #position = 0;
  #done = 0;

  constructor(
    threads: Threads,
    choice: ThreadChoice,
    work: (id: string, thread: Thread | undefined, tell: (id: string, outcome: KeyOutcome) => void) => boolean,
  ) {
    this.#threads = threads;
    this.#ids = 'all' in choice ? undefined : [...new Set(choice.ids)];
    this.#work = work;
  }

  step(): boolean {
    const next = this.#next();
    if (next === undefined) return false;
    const again = this.#work(next.id, next.thread, (id, outcome) => {
      this.#done++;
      if (this.#outcomes.size < LIMITS.chatKeyThreads) this.#outcomes.set(id, outcome);
    });
    if (!again) this.#position = next.position;
    return true;
  }

  result(): KeyOutcomes {
    return { outcomes: this.#outcomes, done: this.#done };
  }

  #next(): { id: string; thread: Thread | undefined; position: number } | undefined {
    if (this.#ids === undefined) {
      const thread = this.#threads.above(this.#position, 1)[0];
      return thread === undefined ? undefined : { id: thread.id, thread, position: thread.no };
    }
    const id = this.#ids[this.#position];
    return id === undefined ? undefined : { id, thread: this.#threads.get(id), position: this.#position + 1 };
  }
}
