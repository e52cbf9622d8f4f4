/**
 * A store that keeps what engines state in memory, and gives it back as the durable one does: table by table in the
 * engine's order, keys in ascending order of their bytes. Values are copied on the way in, so that a later change of
 * a handed-over value shows as a difference.
 */
import type { Engine, Plain, Store } from '../../src/core/ports.ts';

export class RecordingStore implements Store {
  readonly tables = new Map<string, Map<string, Plain>>();
  changes = 0;

  put(table: string, key: string, value: Plain): void {
    this.changes++;
    let rows = this.tables.get(table);
    if (rows === undefined) this.tables.set(table, (rows = new Map()));
    rows.set(key, structuredClone(value) as Plain);
  }

  remove(table: string, key: string): void {
    this.changes++;
    this.tables.get(table)?.delete(key);
  }

  clear(table: string): void {
    this.changes++;
    this.tables.get(table)?.clear();
  }

  /** Fills a fresh engine with what was recorded. Fails when something was recorded under a table the engine does not own. */
  restoreInto(engine: Engine, now: number): void {
    for (const table of engine.tables) {
      const rows = [...(this.tables.get(table) ?? [])].sort(([a], [b]) =>
        Buffer.compare(Buffer.from(a), Buffer.from(b)),
      );
      for (const [key, value] of rows) engine.restore(table, key, structuredClone(value) as Plain);
    }
    engine.restored(now);
  }

  /** Everything recorded, for comparing two histories. */
  snapshot(): Record<string, Record<string, Plain>> {
    return Object.fromEntries(
      [...this.tables].filter(([, rows]) => rows.size > 0).map(([table, rows]) => [table, Object.fromEntries(rows)]),
    );
  }
}
