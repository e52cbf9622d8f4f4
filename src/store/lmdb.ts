/**
 * The durable store: states what engines state to a folder on disk, and fills engines from it.
 *
 * Invariant: one process has the folder, from `open` to `close`; nothing is written before everything on disk was read
 * and verified; what is on disk is the state of one moment across all tables.
 */
import { type Clock, systemClock } from '../core/clock.ts';
import type { CommandError } from '../core/errors.ts';
import { type Engine, type Log, type Plain, silent } from '../core/ports.ts';
import type { Backend, Source } from './backend.ts';
import { type CopyProgress, copyOut } from './backup.ts';
import { Encoder } from './codec.ts';
import { type AlarmSource, Committer } from './committer.ts';
import type {
  BackupReport,
  Damage,
  DurableStore,
  FlushListener,
  Level,
  Progress,
  RestoreReport,
  StoreStats,
} from './durable.ts';
import { StoreError } from './errors.ts';
import { prepareDataFolder } from './folder.ts';
import {
  currentVersion,
  currentVersions,
  FORMAT_KEY,
  FORMAT_TABLE,
  FORMATS,
  type Formats,
  formatRecord,
  readFormat,
} from './format.ts';
import { LmdbBackend } from './lmdb-backend.ts';
import { FolderLock } from './lock.ts';
import { type Restored, restore } from './restore.ts';
import { salvage } from './salvage.ts';
import { Transaction } from './transaction.ts';
import { damagedError, Walk } from './walk.ts';

/** Milliseconds after which a change is written at level `batch`: what a power cut may cost, besides the write itself. */
const FLUSH_MS = 50;
/** Milliseconds between two lines of the log about a restore that takes long. */
const LOG_MS = 1_000;

export interface LmdbStoreOptions {
  /** The data folder; it is made when it is missing. */
  readonly folder: string;
  readonly timers: AlarmSource;
  /** `batch` unless said otherwise. */
  readonly level?: Level;
  /** Longest wait of level `batch` before a flush begins, in milliseconds; 50 unless said otherwise. */
  readonly flushMs?: number;
  /** What to do about damaged records: refuse to start (the default), or start without them. */
  readonly damaged?: 'refuse' | 'skip';
  readonly clock?: Clock;
  readonly log?: Log;
  /** How tables have changed; the ones of this server unless a test says otherwise. */
  readonly formats?: Formats;
  /** What lies below; lmdb unless a test puts something else there. */
  readonly backend?: Backend;
}

export class LmdbStore implements DurableStore {
  readonly level: Level;
  readonly #folder: string;
  readonly #backend: Backend;
  readonly #committer: Committer;
  readonly #formats: Formats;
  readonly #lock: FolderLock;
  readonly #skipped: readonly Damage[];
  readonly #clock: Clock;
  readonly #timers: AlarmSource;
  readonly #log: Log;
  #source: Source | undefined;
  #state: 'loading' | 'open' | 'closed' = 'loading';

  /** @internal */
  private constructor(options: LmdbStoreOptions, backend: Backend, lock: FolderLock, skipped: readonly Damage[]) {
    this.level = options.level ?? 'batch';
    this.#folder = options.folder;
    this.#backend = backend;
    this.#formats = options.formats ?? FORMATS;
    this.#lock = lock;
    this.#skipped = skipped;
    this.#clock = options.clock ?? systemClock;
    this.#timers = options.timers;
    this.#log = options.log ?? silent;
    this.#committer = new Committer({
      backend,
      folder: options.folder,
      level: this.level,
      flushMs: options.flushMs ?? FLUSH_MS,
      clock: this.#clock,
      timers: options.timers,
      log: this.#log,
    });
    this.#source = backend.read();
  }

  /**
   * Takes the data folder. Throws `StoreError`: `UNUSABLE`, `LOCKED`, `NOT_A_STORE`, and `DAMAGED` when the file as a
   * whole makes no sense. Call `restoreInto` next; only then is anything written.
   */
  static async open(options: LmdbStoreOptions): Promise<LmdbStore> {
    const { folder } = options;
    const formats = options.formats ?? FORMATS;
    prepareDataFolder(folder);
    const lock = new FolderLock(folder);
    try {
      const backend = options.backend ?? new LmdbBackend(folder);
      let skipped: readonly Damage[] = [];
      if (!backend.exists()) {
        const first = new Transaction(new Encoder());
        first.put(FORMAT_TABLE, FORMAT_KEY, formatRecord(currentVersions(formats)));
        await backend.create(first);
      } else if (options.damaged === 'skip' && options.backend === undefined)
        skipped = await salvage(folder, formats, options.log ?? silent);
      return new LmdbStore(options, backend, lock, skipped);
    } catch (error) {
      await lock.release();
      throw unusable(folder, error);
    }
  }

  put(table: string, key: string, value: Plain): void {
    this.#committer.put(table, key, value);
  }

  remove(table: string, key: string): void {
    this.#committer.remove(table, key);
  }

  clear(table: string): void {
    this.#committer.clear(table);
  }

  position(): number {
    return this.#committer.position;
  }

  get flushed(): number {
    return this.#committer.flushed;
  }

  onFlushed(listener: FlushListener): void {
    this.#committer.onFlushed(listener);
  }

  urgent(): number {
    return this.#committer.urgent();
  }

  writable(): CommandError | undefined {
    return this.#committer.writable();
  }

  async restoreInto(
    engines: readonly Engine[],
    now: number,
    progress?: (progress: Progress) => void,
  ): Promise<RestoreReport> {
    const source = this.#source;
    if (source === undefined) throw new Error('a store restores once, before anything else');
    const began = this.#clock.monotonic();
    try {
      const versions = await readVersions(source);
      const restored = await restore(source, engines, versions, this.#formats, this.#watch(progress));
      if (restored.walk.damaged > 0) throw damagedError(this.#folder, restored.walk.damages, restored.walk.damaged);
      for (const engine of engines) engine.restored(now);
      try {
        this.#backend.open();
      } catch (error) {
        throw unusable(this.#folder, error);
      }
      await this.#begin(engines, versions, restored);
      return this.#report(restored, began);
    } finally {
      source.close();
      this.#source = undefined;
    }
  }

  /** Logs how far a restore has come, a line a second. */
  #watch(progress: ((progress: Progress) => void) | undefined): (progress: Progress) => void {
    let next = this.#clock.monotonic() + LOG_MS;
    return (state) => {
      progress?.(state);
      if (this.#clock.monotonic() < next) return;
      next = this.#clock.monotonic() + LOG_MS;
      this.#log.info({ ...state }, `restoring: ${state.records} of ${state.total} records`);
    };
  }

  /** Begins to write: first what an upgrade has changed, and which versions the tables have now, in one transaction. */
  async #begin(engines: readonly Engine[], before: Map<string, number>, { upgraded }: Restored): Promise<void> {
    const committer = this.#committer;
    const after = new Map(before);
    for (const table of engines.flatMap((engine) => engine.tables))
      after.set(table, currentVersion(this.#formats, table));
    const changed = [...after].some(([table, version]) => before.get(table) !== version);
    for (const { table, rows } of upgraded) {
      committer.clear(table);
      for (const [key, value] of rows) committer.put(table, key, value);
      this.#log.info({ table, records: rows.length }, `table '${table}' was brought to format ${after.get(table)}`);
    }
    if (changed) committer.put(FORMAT_TABLE, FORMAT_KEY, formatRecord(after));
    this.#state = 'open';
    committer.start();
    if (upgraded.length > 0) await committer.drain();
  }

  #report({ walk, unknown }: Restored, began: number): RestoreReport {
    const { records, bytes } = walk;
    const ms = this.#clock.monotonic() - began;
    for (const { table, records } of unknown)
      this.#log.warn({ table, records }, `table '${table}' is of no family that is loaded; it is left as it is`);
    this.#log.info({ records, bytes, ms: Math.round(ms) }, `restored ${records} records in ${Math.round(ms)} ms`);
    return { records, bytes, ms, skipped: this.#skipped, unknown };
  }

  stats(): StoreStats {
    const committer = this.#committer;
    return {
      level: this.level,
      state: this.#state === 'closed' ? 'closed' : committer.failing === undefined ? 'ok' : 'failing',
      reason: committer.failing?.message ?? '',
      position: committer.position,
      flushed: committer.flushed,
      backlogRecords: committer.records,
      backlogBytes: committer.bytes,
      behindMs: committer.behindMs,
      commits: committer.commits,
      failures: committer.failures,
      lastCommitMs: committer.lastCommitMs,
      ...this.#backend.sizes(),
    };
  }

  async backup(folder: string, progress?: CopyProgress): Promise<BackupReport> {
    if (this.#state !== 'open')
      throw new StoreError('NOTHING_STORED', 'the store is not open: there is nothing to back up');
    const began = this.#clock.monotonic();
    await this.#committer.drain();
    const position = this.#committer.flushed;
    const bytes = await copyOut(this.#backend, folder, this.#timers, this.#clock.now(), progress);
    return { folder, bytes, position, ms: this.#clock.monotonic() - began };
  }

  async close(): Promise<void> {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    try {
      await this.#committer.stop();
    } catch (error) {
      const lost = this.#committer.position - this.#committer.flushed;
      this.#log.error({ err: error, lost }, `the last ${lost} changes could not be written`);
      throw new StoreError('UNUSABLE', `the last ${lost} changes could not be written`, [], error);
    } finally {
      this.#source?.close();
      await this.#backend.close();
      await this.#lock.release();
    }
  }
}

/** What the disk says, in one clear line. */
function unusable(folder: string, error: unknown): StoreError {
  if (error instanceof StoreError) return error;
  return new StoreError('UNUSABLE', `the data folder ${folder} cannot be used: ${(error as Error).message}`, [], error);
}

/** The versions of the tables, read from their own record. */
async function readVersions(source: Source): Promise<Map<string, number>> {
  const table = source.tables.find(({ name }) => name === FORMAT_TABLE);
  let record: Plain | undefined;
  if (table !== undefined)
    await new Walk(source).table(table, (key, value) => {
      if (key === FORMAT_KEY) record = value;
    });
  if (record === undefined) throw new StoreError('DAMAGED', 'the record about the format of the data is missing');
  return readFormat(record);
}
