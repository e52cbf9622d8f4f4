/**
 * Removing for good what was deleted long enough ago (progressdb.md 5.6, section 10, 21).
 *
 * Invariant: a thread or message goes only when its deletion is older than the period at the start of the run; a run
 * works in slices and says in the audit trail what it did. An interrupted run loses nothing: what it began is finished
 * after a restart, the rest is left to the next run. No lease file: the data folder has one server.
 */
import { LIMITS } from '../core/limits.ts';
import type { Audit } from './audit.ts';
import { type Cron, readCron } from './cron.ts';
import type { Messages } from './messages.ts';
import type { Nanos } from './nanos.ts';
import type { Thread } from './thread.ts';
import type { Threads } from './threads.ts';
import type { DeletionPlace } from './types.ts';
import type { Pace } from './upkeep.ts';
import type { Writer } from './writer.ts';

/** What is kept how long. */
export interface RetentionPolicy {
  /** Whether runs happen by themselves. */
  readonly enabled: boolean;
  readonly cron: Cron;
  /** How long deleted threads stay, in milliseconds. */
  readonly periodMs: number;
  /** How long deleted messages of other threads stay, in milliseconds. */
  readonly messagePeriodMs: number;
  /** Runs look and tell, but remove nothing. */
  readonly dryRun: boolean;
  /** No run begins by itself for the time being. */
  readonly paused: boolean;
  /** Records of one slice, at most `LIMITS.chatSlice`. */
  readonly batchSize: number;
  /** Milliseconds between two slices. */
  readonly batchSleepMs: number;
}

/** The reference's defaults: off; 30 days, looked at every night at two. */
export const DEFAULT_RETENTION: RetentionPolicy = {
  enabled: false,
  cron: readCron('0 2 * * *') as Cron,
  periodMs: 30 * 24 * 3600 * 1000,
  messagePeriodMs: 30 * 24 * 3600 * 1000,
  dryRun: false,
  paused: false,
  batchSize: LIMITS.chatSlice,
  batchSleepMs: 0,
};

/** How fast a policy lets things be removed. */
export function paceOf(policy: RetentionPolicy): Pace {
  return {
    records: Math.max(1, Math.min(policy.batchSize, LIMITS.chatSlice)),
    sleepMs: Math.max(0, policy.batchSleepMs),
  };
}

/** What a run did or, on a dry run, would have done. */
export interface RetentionReport {
  readonly run: string;
  readonly dryRun: boolean;
  readonly threads: number;
  readonly messages: number;
}

/** A length of time ago, in nanoseconds. */
const before = (now: number, ms: number): bigint => BigInt(Math.floor(now - ms)) * 1_000_000n;

const BEGINNING: DeletionPlace = { at: -1n, no: 0 };

interface Run {
  readonly id: string;
  readonly started: number;
  /** Threads and messages that were deleted at or before these moments go. */
  readonly cutoff: bigint;
  readonly messageCutoff: bigint;
  readonly dryRun: boolean;
  threads: number;
  messages: number;
  /** How far a dry run has looked, through the threads and then through the messages. */
  phase: 'threads' | 'messages';
  position: DeletionPlace;
}

/** What retention works on. */
export interface RetentionShelves {
  readonly threads: Threads;
  readonly messages: Messages;
  readonly writer: Writer;
  readonly nanos: Nanos;
  readonly audit: Audit;
}

export class Retention {
  readonly #on: RetentionShelves;
  readonly #policy: RetentionPolicy;
  readonly #pace: Pace;
  readonly #purge: (thread: Thread) => void;
  #run: Run | undefined;
  #last: RetentionReport | undefined;
  #due = Number.POSITIVE_INFINITY;
  #runs = 0;

  /** `purge` makes a thread invisible and sees to its records. */
  constructor(shelves: RetentionShelves, policy: RetentionPolicy, purge: (thread: Thread) => void) {
    this.#on = shelves;
    this.#policy = policy;
    this.#pace = paceOf(policy);
    this.#purge = purge;
  }

  /** When there is something to do next. */
  get due(): number {
    return this.#due;
  }

  /** What the last finished run did. */
  get last(): RetentionReport | undefined {
    return this.#last;
  }

  /** Waits for the next time of the schedule. */
  schedule(now: number): void {
    const { enabled, paused, cron } = this.#policy;
    this.#due = enabled && !paused ? cron.next(now) : Number.POSITIVE_INFINITY;
  }

  /** Begins a run, unless one is under way. */
  begin(now: number): void {
    if (this.#run !== undefined) return;
    const { dryRun, periodMs, messagePeriodMs } = this.#policy;
    const id = `retention-${this.#on.nanos.next(now)}-${++this.#runs}`;
    const [cutoff, messageCutoff] = [before(now, periodMs), before(now, messagePeriodMs)];
    const counts = { threads: 0, messages: 0 };
    this.#run = { id, started: now, cutoff, messageCutoff, dryRun, ...counts, phase: 'threads', position: BEGINNING };
    const periods = { period_ms: periodMs, message_period_ms: messagePeriodMs };
    this.#on.audit.add('retention_audit_header', { run: id, dry_run: dryRun, ...periods }, now);
    this.#due = now;
  }

  /** Does a slice of what is due. */
  tick(now: number): void {
    if (now < this.#due) return;
    if (this.#run === undefined) this.begin(now);
    if (this.step(now)) this.#due = now + this.#pace.sleepMs;
  }

  /** Does a slice of the run under way; `false` once none is. */
  step(now: number): boolean {
    const run = this.#run;
    if (run === undefined) return false;
    if (run.dryRun ? this.#look(run, now) : this.#remove(run, now)) return true;
    this.#last = { run: run.id, dryRun: run.dryRun, threads: run.threads, messages: run.messages };
    const fields = { run: run.id, dry_run: run.dryRun, threads: run.threads, messages: run.messages };
    this.#on.audit.add('retention_audit_footer', { ...fields, ms: now - run.started }, now);
    this.#run = undefined;
    this.schedule(now);
    return false;
  }

  /** Removes a slice; `false` when nothing is left to remove. */
  #remove(run: Run, now: number): boolean {
    for (let left = this.#pace.records; left > 0; left--) {
      const thread = this.#on.threads.oldestDeleted();
      if (thread === undefined || thread.deletedAt > run.cutoff) break;
      this.#note(run, thread, now);
      this.#purge(thread);
      left -= 4; // a thread costs its audit entry, its head and its keys as well
    }
    const threads = this.#on.threads.oldestDeleted();
    if (threads !== undefined && threads.deletedAt <= run.cutoff) return true;
    for (let left = this.#pace.records; left > 0; ) {
      const message = this.#on.messages.oldestDeleted();
      if (message === undefined || message.newest.at > run.messageCutoff) return false;
      left -= message.count;
      run.messages++;
      this.#on.writer.purgeMessage(message);
    }
    return true;
  }

  /** Looks at a slice; `false` when all was seen. */
  #look(run: Run, now: number): boolean {
    if (run.phase === 'threads') {
      const threads = this.#on.threads.deletedAfter(run.position, this.#pace.records);
      for (const thread of threads) {
        if (thread.deletedAt > run.cutoff) break;
        run.position = { at: thread.deletedAt, no: thread.no };
        this.#note(run, thread, now);
      }
      if (run.position.at !== threads[threads.length - 1]?.deletedAt) {
        run.phase = 'messages';
        run.position = BEGINNING;
      }
      return true;
    }
    const messages = this.#on.messages.deletedAfter(run.position, this.#pace.records);
    for (const message of messages) {
      if (message.newest.at > run.messageCutoff) return false;
      run.position = { at: message.newest.at, no: message.no };
      const { deletedAt } = message.thread;
      if (deletedAt === 0n || deletedAt > run.cutoff) run.messages++; // else it is counted with its thread
    }
    return messages.length === this.#pace.records;
  }

  #note(run: Run, thread: Thread, now: number): void {
    run.threads++;
    const fields = { run: run.id, thread: thread.id, messages: thread.messages, deleted_at: thread.deletedAt };
    this.#on.audit.add('retention_audit_item', { ...fields, dry_run: run.dryRun }, now);
  }
}
