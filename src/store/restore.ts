/**
 * Fills engines from disk.
 *
 * Invariant: engines get every record of their tables once, in the order that `Engine.restore` promises, in the form
 * that this server writes; what is not theirs is verified and left alone.
 */
import { byBytes } from '../core/json.ts';
import type { Engine, Plain } from '../core/ports.ts';
import type { Source, StoredTable } from './backend.ts';
import type { Progress } from './durable.ts';
import { FORMAT_TABLE, type Formats, type Upgrade, upgradesFor } from './format.ts';
import { Walk } from './walk.ts';

/** Records of a table that was written by an older server, as this one writes them. */
interface UpgradedTable {
  readonly table: string;
  readonly rows: readonly (readonly [key: string, value: Plain])[];
}

/** What came back. */
export interface Restored {
  readonly walk: Walk;
  readonly unknown: readonly { readonly table: string; readonly records: number }[];
  readonly upgraded: readonly UpgradedTable[];
}

/**
 * Hands every record to the engine that owns its table. Does not call `restored`. Throws `StoreError` `NEWER_FORMAT`
 * before the first record; damages are in the walk that it answers.
 */
export async function restore(
  source: Source,
  engines: readonly Engine[],
  versions: ReadonlyMap<string, number>,
  formats: Formats,
  progress: (progress: Progress) => void,
): Promise<Restored> {
  const stored = new Map<string, StoredTable>(source.tables.map((table) => [table.name, table]));
  const plan = engines.flatMap((engine) =>
    engine.tables.map((table) => ({ engine, table, upgrades: upgradesFor(table, versions.get(table) ?? 1, formats) })),
  );
  const walk = new Walk(source, progress);
  const upgraded: UpgradedTable[] = [];
  for (const { engine, table, upgrades } of plan) {
    const found = stored.get(table);
    stored.delete(table);
    if (found === undefined) continue;
    if (upgrades.length === 0) await walk.table(found, (key, value) => engine.restore(table, key, value));
    else {
      const rows: [string, Plain][] = [];
      await walk.table(found, (key, value) => {
        rows.push(...upgrade(upgrades, key, value));
      });
      rows.sort(([a], [b]) => byBytes(a, b));
      for (const [key, value] of rows) engine.restore(table, key, value);
      upgraded.push({ table, rows });
    }
  }
  stored.delete(FORMAT_TABLE);
  const unknown: { table: string; records: number }[] = [];
  for (const table of stored.values()) unknown.push({ table: table.name, records: await walk.table(table, () => {}) });
  walk.finish();
  return { walk, unknown, upgraded };
}

function upgrade(upgrades: readonly Upgrade[], key: string, value: Plain): [string, Plain][] {
  let rows: [string, Plain][] = [[key, value]];
  for (const step of upgrades) rows = rows.flatMap(([k, v]) => step(k, v).map(([k2, v2]): [string, Plain] => [k2, v2]));
  return rows;
}
