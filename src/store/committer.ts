/**
 * Gathers what engines state and writes it: one transaction at a time, everything that was stated since the one before
 * shares the next (group commit).
 *
 * Invariant: a transaction holds all changes up to one position between two turns of the event loop and none after it,
 * and is written only after the one before is on disk. After a failure everything that is not known to be on disk is
 * kept, written again as one new transaction until that succeeds, and nothing of it counts as flushed before.
 */
import type { Clock } from '../core/clock.ts';
import { CommandError } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';
import type { Alarm, Log, Plain } from '../core/ports.ts';
import type { Backend } from './backend.ts';
import { Changes } from './changes.ts';
import { Encoder } from './codec.ts';
import { refusal } from './disk-error.ts';
import type { FlushListener, Level } from './durable.ts';
import { Transaction } from './transaction.ts';

/** Changes after which a flush begins at the end of the turn, whatever the level: one is written in a few milliseconds. */
const FLUSH_RECORDS = 2_048;
const FLUSH_BYTES = 4 * 1024 * 1024;
/** Milliseconds after which level `none` writes. */
const NONE_FLUSH_MS = 1_000;
/** Milliseconds between two attempts while writing fails. */
const RETRY_MS = 1_000;

/** Whoever rings alarms: `core/timers.ts`. */
export interface AlarmSource {
  alarm(ring: (now: number) => void): Alarm;
}

interface CommitterOptions {
  readonly backend: Backend;
  readonly folder: string;
  readonly level: Level;
  /** Longest wait of level `batch` before a flush begins, in milliseconds. */
  readonly flushMs: number;
  readonly clock: Clock;
  readonly timers: AlarmSource;
  readonly log: Log;
}

export class Committer {
  position = 0;
  flushed = 0;
  commits = 0;
  failures = 0;
  lastCommitMs = 0;
  /** Why nothing can be written at present. */
  failing: CommandError | undefined;
  readonly #options: CommitterOptions;
  readonly #interval: number;
  readonly #encoder = new Encoder();
  readonly #listeners: FlushListener[] = [];
  readonly #flushAlarm: Alarm;
  readonly #retryAlarm: Alarm;
  readonly #endTurn = (): void => {
    this.#scheduled = false;
    this.#due = true;
    this.#pump();
  };
  /** Stated, and in no transaction yet. */
  #open = new Changes();
  /** In the transaction that is being written. */
  #writing: Changes | undefined;
  #write: Promise<void> | undefined;
  /** When the oldest change of each of the two was stated, by the monotonic clock. */
  #openSince = 0;
  #writingSince = 0;
  #scheduled = false;
  /** A transaction is being written, or a backend that failed is being closed. */
  #busy = false;
  /** What is open is to be written as soon as the transaction before is. */
  #due = false;
  #started = false;
  #stopped = false;

  constructor(options: CommitterOptions) {
    this.#options = options;
    this.#interval = options.level === 'none' ? NONE_FLUSH_MS : options.flushMs;
    this.#flushAlarm = options.timers.alarm(() => {
      this.#due = true;
      this.#pump();
    });
    this.#retryAlarm = options.timers.alarm(() => this.#retry());
  }

  put(table: string, key: string, value: Plain): void {
    if (this.#stopped) return;
    const first = this.#open.empty;
    this.#open.put(table, key, value);
    this.#stated(first);
  }

  remove(table: string, key: string): void {
    if (this.#stopped) return;
    const first = this.#open.empty;
    this.#open.remove(table, key);
    this.#stated(first);
  }

  clear(table: string): void {
    if (this.#stopped) return;
    const first = this.#open.empty;
    this.#open.clear(table);
    this.#stated(first);
  }

  onFlushed(listener: FlushListener): void {
    this.#listeners.push(listener);
  }

  urgent(): number {
    if (!this.#open.empty) this.#flushSoon();
    return this.position;
  }

  writable(): CommandError | undefined {
    if (this.failing !== undefined) return this.failing;
    if (this.#stopped) return new CommandError('UNAVAILABLE', { detail: 'the store is closed' });
    if (this.records > LIMITS.storeBacklogRecords || this.bytes > LIMITS.storeBacklogBytes)
      return new CommandError('UNAVAILABLE', {
        detail: `the disk is slower than the writes, ${this.records} changes wait for it`,
      });
    return undefined;
  }

  /** Changes that are not on disk, and what they take. */
  get records(): number {
    return this.#open.records + (this.#writing?.records ?? 0);
  }

  get bytes(): number {
    return this.#open.bytes + (this.#writing?.bytes ?? 0);
  }

  /** Milliseconds for which the oldest change that is not on disk has been waiting. */
  get behindMs(): number {
    const since = this.#writing !== undefined ? this.#writingSince : this.#open.empty ? undefined : this.#openSince;
    return since === undefined ? 0 : this.#options.clock.monotonic() - since;
  }

  /** Begins to write; what was stated before waits for it. */
  start(): void {
    this.#started = true;
    this.#pump();
  }

  /** Waits until everything stated so far is on disk. Rejects with the refusal that clients get when that fails. */
  async drain(): Promise<void> {
    const target = this.position;
    while (this.flushed < target) {
      if (this.failing !== undefined) throw this.failing;
      this.#due = true;
      this.#pump();
      await this.#write;
    }
  }

  /** Writes everything, trying once more when writing fails at present, and then takes no more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#flushAlarm.set(Number.POSITIVE_INFINITY);
    this.#retryAlarm.set(Number.POSITIVE_INFINITY);
    await this.#write;
    if (!this.#started) return;
    if (this.failing !== undefined) {
      this.#retry();
      await this.#write;
    }
    try {
      await this.drain();
    } finally {
      this.#retryAlarm.set(Number.POSITIVE_INFINITY);
    }
  }

  #stated(first: boolean): void {
    this.position++;
    const { clock, level } = this.#options;
    if (first) {
      this.#openSince = clock.monotonic();
      if (level === 'sync') this.#flushSoon();
      else if (this.failing === undefined) this.#flushAlarm.set(clock.now() + this.#interval);
    }
    if (this.#open.records >= FLUSH_RECORDS || this.#open.bytes >= FLUSH_BYTES) this.#flushSoon();
  }

  /** At the end of the turn, so that the changes of one request are never torn apart. */
  #flushSoon(): void {
    if (this.#scheduled || this.failing !== undefined) return;
    this.#scheduled = true;
    setImmediate(this.#endTurn);
  }

  #pump(): void {
    if (!this.#started || !this.#due || this.#busy || this.failing !== undefined) return;
    if (this.#open.empty) {
      this.#due = false;
      return;
    }
    this.#write = this.#commit(false);
  }

  /** Writes all that is open; on the way out of a failure through a backend that was opened anew. Never rejects. */
  async #commit(reopen: boolean): Promise<void> {
    const { backend, clock } = this.#options;
    const changes = this.#open;
    const upTo = this.position;
    this.#busy = true;
    this.#writing = changes;
    this.#writingSince = this.#openSince;
    this.#open = new Changes();
    this.#due = false;
    this.#flushAlarm.set(Number.POSITIVE_INFINITY);
    const began = clock.monotonic();
    try {
      if (reopen) backend.open();
      const transaction = new Transaction(this.#encoder);
      const encoding = transaction.encode(changes, clock);
      if (encoding !== undefined) await encoding;
      await backend.commit(transaction);
    } catch (error) {
      this.#failed(changes, error);
      await this.#close();
      this.#busy = false;
      return;
    }
    this.#busy = false;
    this.#landed(upTo, clock.monotonic() - began);
  }

  async #close(): Promise<void> {
    try {
      await this.#options.backend.close();
    } catch (error) {
      this.#options.log.error({ err: error }, 'the data file could not be closed after a failure');
    }
  }

  #landed(upTo: number, ms: number): void {
    const { log } = this.#options;
    this.flushed = upTo;
    this.#writing = undefined;
    this.commits++;
    this.lastCommitMs = ms;
    if (this.failing !== undefined) {
      this.failing = undefined;
      log.info({ position: upTo, ms: Math.round(ms) }, 'the store writes again');
      this.#due = true;
    }
    this.#tell(undefined);
    this.#pump();
  }

  #failed(changes: Changes, error: unknown): void {
    const { clock, folder, log } = this.#options;
    changes.absorb(this.#open);
    this.#open = changes;
    this.#openSince = this.#writingSince;
    this.#writing = undefined;
    this.failures++;
    const before = this.failing;
    this.failing = refusal(error, folder);
    if (before?.message !== this.failing.message)
      log.error({ err: error, waiting: this.records }, `the store cannot write: ${this.failing.message}`);
    this.#retryAlarm.set(clock.now() + RETRY_MS);
    this.#tell(this.failing);
  }

  #retry(): void {
    if (!this.#busy) this.#write = this.#commit(true);
    else this.#retryAlarm.set(this.#options.clock.now() + RETRY_MS);
  }

  #tell(error: CommandError | undefined): void {
    for (const listener of this.#listeners) listener(this.flushed, error);
  }
}
