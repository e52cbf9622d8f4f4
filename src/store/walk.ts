/**
 * Reads tables from disk record by record, verifying each, without holding the event loop.
 *
 * Invariant: a record is handed on only when its checksum matches; every other one is counted and named.
 */
import type { Plain } from '../core/ports.ts';
import type { Source, StoredTable } from './backend.ts';
import type { Damage, Progress } from './durable.ts';
import { StoreError } from './errors.ts';
import { type RawRecord, RecordReader, showKey, tableSeed } from './records.ts';

/** Records between two pauses in which other work gets its turn; some ten milliseconds. */
const PAUSE_RECORDS = 8_192;
/** Damages that are listed; the rest is only counted. */
const LISTED = 100;

/**
 * Takes one sound record: its key and value, and its bytes as they stand until it is done. What it throws makes the
 * record a damaged one; a promise that it answers is waited for, and its failure ends the walk.
 */
type Visit = (key: string, value: Plain, raw: RawRecord) => void | Promise<void>;

export class Walk {
  records = 0;
  bytes = 0;
  /** What cannot be believed so far, at most a hundred of it, and how much there is. */
  readonly damages: Damage[] = [];
  damaged = 0;
  readonly #source: Source;
  readonly #total: number;
  readonly #progress: ((progress: Progress) => void) | undefined;
  readonly #reader = new RecordReader();

  constructor(source: Source, progress?: (progress: Progress) => void) {
    this.#source = source;
    this.#total = source.tables.reduce((sum, table) => sum + table.entries, 0);
    this.#progress = progress;
  }

  /** Walks one table in ascending order of its keys. Answers how many records it has. */
  async table(table: StoredTable, visit: Visit): Promise<number> {
    const { name } = table;
    const cursor = this.#source.cursor(table);
    const reader = this.#reader;
    const seed = tableSeed(name);
    let records = 0;
    while (cursor.next()) {
      records++;
      this.bytes += cursor.keyEnd - cursor.keyStart + cursor.valueEnd - cursor.valueStart;
      let more: Promise<void> | undefined;
      try {
        reader.read(seed, cursor);
        more = visit(reader.key, reader.value, cursor) as Promise<void> | undefined;
      } catch (error) {
        this.#wrong({ table: name, key: showKey(cursor), reason: (error as Error).message });
      }
      if (more !== undefined) await more;
      if (records % PAUSE_RECORDS === 0) {
        this.#progress?.({ table: name, records: this.records + records, bytes: this.bytes, total: this.#total });
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
    this.records += records;
    this.#progress?.({ table: name, records: this.records, bytes: this.bytes, total: this.#total });
    return records;
  }

  /** After every table was walked: adds what is wrong below the records. */
  finish(): void {
    const { damages, count } = this.#source.verdict();
    for (const damage of damages) this.#wrong(damage);
    this.damaged += count - damages.length;
  }

  #wrong(damage: Damage): void {
    this.damaged++;
    if (this.damages.length < LISTED) this.damages.push(damage);
  }
}

/** The refusal to work with damaged data: names the first few places, and what can be done. */
export function damagedError(what: string, damages: readonly Damage[], count: number): StoreError {
  const places = damages
    .slice(0, 10)
    .map(({ table, key, reason }) => `${table}${key === '' ? '' : ` '${key}'`}: ${reason}`);
  const more = count > places.length ? `; and ${count - places.length} more` : '';
  return new StoreError('DAMAGED', `${what} is damaged in ${count} place(s): ${places.join('; ')}${more}`, damages);
}
