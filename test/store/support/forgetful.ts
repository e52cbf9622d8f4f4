/**
 * A disk in memory that does what disks do at their worst: it forgets what was not flushed, fails before or after the
 * change has reached it, and takes as long as it likes.
 */
import type { Backend, RecordCursor, Source, StoredTable } from '../../../src/store/backend.ts';
import type { Damage } from '../../../src/store/durable.ts';
import type { Transaction, Writer } from '../../../src/store/transaction.ts';

export type Tables = Map<string, Map<string, Buffer>>;

const copyOf = (tables: Tables): Tables => new Map([...tables].map(([name, rows]) => [name, new Map(rows)]));

/** What happens to the next commits: they succeed when told to, or fail with this error, having been kept or not. */
export interface Fault {
  readonly error: unknown;
  readonly kept: boolean;
}

export class ForgetfulDisk implements Backend {
  /** What would be there after a power cut. */
  durable: Tables | undefined;
  commits = 0;
  /** While set, every commit and every opening fails this way. */
  fault: Fault | undefined;
  /** While set, commits wait until `land` is called. */
  slow = false;
  waiting: (() => void) | undefined;
  #writing = false;
  #opened = false;

  exists(): boolean {
    return this.durable !== undefined;
  }

  async create(transaction: Transaction): Promise<void> {
    this.durable = new Map();
    apply(this.durable, transaction);
  }

  read(): Source {
    return new MemorySource(this.durable as Tables);
  }

  open(): void {
    if (this.fault !== undefined) throw this.fault.error;
    this.#opened = true;
  }

  async commit(transaction: Transaction): Promise<void> {
    if (!this.#opened || this.#writing) throw new Error('a commit at the wrong time');
    this.#writing = true;
    const next = copyOf(this.durable as Tables);
    apply(next, transaction);
    if (this.slow)
      await new Promise<void>((resolve) => {
        this.waiting = resolve;
      });
    this.waiting = undefined;
    this.#writing = false;
    const { fault } = this;
    if (fault === undefined || fault.kept) this.durable = next;
    if (fault !== undefined) {
      this.#opened = false;
      throw fault.error;
    }
    this.commits++;
  }

  /** Lets the commit that waits reach the disk, or fail. */
  land(): void {
    this.waiting?.();
  }

  async copy(): Promise<void> {}

  async close(): Promise<void> {
    this.#opened = false;
  }

  sizes(): { mapBytes: number; fileBytes: number } {
    return { mapBytes: 0, fileBytes: 0 };
  }
}

function apply(tables: Tables, transaction: Transaction): void {
  const rowsOf = (table: string): Map<string, Buffer> => {
    let rows = tables.get(table);
    if (rows === undefined) tables.set(table, (rows = new Map()));
    return rows;
  };
  const writer: Writer = {
    clear: (table) => rowsOf(table).clear(),
    put: (table, bytes, keyStart, keyEnd, valueEnd) =>
      rowsOf(table).set(bytes.toString('hex', keyStart, keyEnd), Buffer.from(bytes.subarray(keyEnd, valueEnd))),
    remove: (table, bytes, keyStart, keyEnd) => rowsOf(table).delete(bytes.toString('hex', keyStart, keyEnd)),
  };
  transaction.write(writer);
}

class MemorySource implements Source {
  readonly #data: Tables;

  constructor(data: Tables) {
    this.#data = data;
  }

  get tables(): readonly StoredTable[] {
    return [...this.#data].map(([name, rows]) => ({ name, entries: rows.size }));
  }

  cursor(table: StoredTable): RecordCursor {
    const rows = [...(this.#data.get(table.name) as Map<string, Buffer>)].sort(([a], [b]) => (a < b ? -1 : 1));
    const empty: Buffer = Buffer.alloc(0);
    const cursor = { page: empty, keyStart: 0, keyEnd: 0, value: empty, valueStart: 0, valueEnd: 0 };
    return Object.assign(cursor, {
      next(): boolean {
        const row = rows.shift();
        if (row === undefined) return false;
        cursor.page = Buffer.from(row[0], 'hex');
        cursor.keyEnd = cursor.page.length;
        cursor.value = row[1];
        cursor.valueEnd = row[1].length;
        return true;
      },
    });
  }

  verdict(): { damages: readonly Damage[]; count: number } {
    return { damages: [], count: 0 };
  }

  close(): void {}
}
