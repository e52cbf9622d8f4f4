/**
 * Changes as bytes, ready to be written: a list of steps over a few slabs of bytes, in place of an object per record.
 *
 * Invariant: steps are complete. Whoever writes a transaction writes all of its steps, in order, or none.
 */
import type { Clock } from '../core/clock.ts';
import type { Plain } from '../core/ports.ts';
import { sliced } from '../core/slices.ts';
import { type Changes, REMOVED, type TableChanges } from './changes.ts';
import type { Encoder } from './codec.ts';
import { encodeKey, encodeValue, type RawRecord, tableSeed } from './records.ts';

/** Whoever can write a transaction. Keys and values are ranges of `bytes`, which stay as they are until it is on disk. */
export interface Writer {
  clear(table: string): void;
  put(table: string, bytes: Buffer, keyStart: number, keyEnd: number, valueEnd: number): void;
  remove(table: string, bytes: Buffer, keyStart: number, keyEnd: number): void;
}

/** Numbers of a step: slab, begin of the key, end of the key, end of the value. */
const STEP = 4;
/** In place of the end of a value: the key is removed. */
const REMOVE = -1;
/** In place of a slab: every record of the table goes. */
const CLEAR = -1;
/** Records that are encoded between two looks at the clock. */
const RECORDS_PER_LOOK = 64;

interface TableSteps {
  readonly table: string;
  readonly steps: number[];
}

export class Transaction {
  records = 0;
  bytes = 0;
  readonly #tables: TableSteps[] = [];
  readonly #slabs: Buffer[] = [];
  readonly #encoder: Encoder;

  /** Fills the slab of `encoder`, which must not be used again before this is written. */
  constructor(encoder: Encoder) {
    encoder.reset();
    this.#encoder = encoder;
  }

  /** The tables it writes to. */
  get tables(): readonly string[] {
    return this.#tables.map(({ table }) => table);
  }

  /**
   * Adds all changes, in slices of at most 2 ms; without a promise when one slice is enough. Throws a `TypeError` that
   * names the table and the key when a value is not plain data.
   */
  encode(changes: Changes, clock: Clock): void | Promise<void> {
    const steps = this.#encode(changes);
    return sliced(clock, () => steps.next().done !== true);
  }

  /** Adds one record. */
  put(table: string, key: string, value: Plain): void {
    const encoder = this.#encoder;
    const length = encodeKey(encoder, key);
    encodeValue(encoder, tableSeed(table), key, value);
    this.#step(this.#stepsOf(table), length, encoder.at - encoder.start - length);
  }

  /** Adds a record as it stands in another file. */
  copy(table: string, raw: RawRecord): void {
    const encoder = this.#encoder;
    encoder.begin();
    const key = raw.keyEnd - raw.keyStart;
    const value = raw.valueEnd - raw.valueStart;
    encoder.room(key + value);
    raw.page.copy(encoder.bytes, encoder.start, raw.keyStart, raw.keyEnd);
    raw.value.copy(encoder.bytes, encoder.start + key, raw.valueStart, raw.valueEnd);
    encoder.at = encoder.start + key + value;
    this.#step(this.#stepsOf(table), key, value);
  }

  /** Hands every step to `writer`. */
  write(writer: Writer): void {
    for (const { table, steps } of this.#tables)
      for (let i = 0; i < steps.length; i += STEP) {
        const slab = steps[i] as number;
        if (slab === CLEAR) {
          writer.clear(table);
          continue;
        }
        const bytes = this.#slabs[slab] as Buffer;
        const keyStart = steps[i + 1] as number;
        const keyEnd = steps[i + 2] as number;
        const valueEnd = steps[i + 3] as number;
        if (valueEnd === REMOVE) writer.remove(table, bytes, keyStart, keyEnd);
        else writer.put(table, bytes, keyStart, keyEnd, valueEnd);
      }
  }

  *#encode(changes: Changes): Generator<void, void> {
    for (const table of changes.tables.values()) yield* this.#encodeTable(table);
  }

  *#encodeTable({ table, cleared, rows }: TableChanges): Generator<void, void> {
    const encoder = this.#encoder;
    const steps = this.#stepsOf(table);
    const seed = tableSeed(table);
    if (cleared) steps.push(CLEAR, 0, 0, 0);
    let until = RECORDS_PER_LOOK;
    for (const [key, value] of rows) {
      const length = encodeKey(encoder, key);
      if (value !== REMOVED) {
        try {
          encodeValue(encoder, seed, key, value as Plain);
        } catch (error) {
          throw new TypeError(`the record '${key.slice(0, 100)}' of '${table}' cannot be stored: ${String(error)}`);
        }
      }
      this.#step(steps, length, value === REMOVED ? REMOVE : encoder.at - encoder.start - length);
      if (--until === 0) {
        until = RECORDS_PER_LOOK;
        yield;
      }
    }
  }

  #stepsOf(table: string): number[] {
    const last = this.#tables.at(-1);
    if (last?.table === table) return last.steps;
    const steps: number[] = [];
    this.#tables.push({ table, steps });
    return steps;
  }

  #step(steps: number[], key: number, value: number): void {
    const { bytes, start } = this.#encoder;
    if (this.#slabs.at(-1) !== bytes) this.#slabs.push(bytes);
    steps.push(this.#slabs.length - 1, start, start + key, value === REMOVE ? REMOVE : start + key + value);
    this.records++;
    this.bytes += key + Math.max(0, value);
  }
}
