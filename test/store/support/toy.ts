/** An engine without behaviour: it holds its records, and writes down in which order they came back. */
import type { Engine, Plain, Store } from '../../../src/core/ports.ts';

export class Toy implements Engine, Store {
  readonly tables: readonly string[];
  readonly rows = new Map<string, Map<string, Plain>>();
  readonly order: string[] = [];
  restoredAt: number | undefined;

  constructor(...tables: string[]) {
    this.tables = tables;
  }

  put(table: string, key: string, value: Plain): void {
    this.#table(table).set(key, value);
  }

  remove(table: string, key: string): void {
    this.#table(table).delete(key);
  }

  clear(table: string): void {
    this.#table(table).clear();
  }

  restore(table: string, key: string, value: Plain): void {
    this.order.push(`${table} ${key}`);
    this.put(table, key, value);
  }

  restored(now: number): void {
    this.restoredAt = now;
  }

  tick(): void {}
  nextDeadline(): number {
    return Number.POSITIVE_INFINITY;
  }
  check(): string[] {
    return [];
  }

  #table(table: string): Map<string, Plain> {
    let rows = this.rows.get(table);
    if (rows === undefined) this.rows.set(table, (rows = new Map()));
    return rows;
  }

  /** Everything it holds, for comparing. */
  snapshot(): Record<string, [string, Plain][]> {
    return Object.fromEntries(
      [...this.rows]
        .filter(([, rows]) => rows.size > 0)
        .map(([table, rows]): [string, [string, Plain][]] => [table, [...rows].sort(([a], [b]) => (a < b ? -1 : 1))])
        .sort(([a], [b]) => (a < b ? -1 : 1)),
    );
  }
}
