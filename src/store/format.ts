/**
 * What the data on disk looks like: one record says which version each table is written in.
 *
 * Invariant: data of a version that is not known here is refused, never guessed at. How to change a table is written in
 * DESIGN.md, "Changing a format".
 */
import type { Plain } from '../core/ports.ts';
import { StoreError } from './errors.ts';

/** The table of the record about tables; those of engines do not begin with '@'. */
export const FORMAT_TABLE = '@format';
export const FORMAT_KEY = 'store';

/** The version of everything that is common to all tables: how keys, values and this record are written. */
const STORE_VERSION = 1;

/**
 * Turns a record of one version of a table into records of the next: usually one, none when it is no longer needed.
 * Must not depend on anything but its arguments.
 */
export type Upgrade = (key: string, value: Plain) => readonly (readonly [key: string, value: Plain])[];

/** A table whose records are no longer as they were at first: `upgrades[i]` leads from version i + 1 to i + 2. */
interface TableFormat {
  readonly upgrades: readonly Upgrade[];
}

/** Formats by table. */
export type Formats = Readonly<Record<string, TableFormat>>;

/** Tables that were changed since the first release. All others are at version 1. */
export const FORMATS: Formats = {};

/** The version in which this server writes a table. */
export function currentVersion(formats: Formats, table: string): number {
  return 1 + (formats[table]?.upgrades.length ?? 0);
}

/** The versions of all tables that are not at version 1. */
export function currentVersions(formats: Formats): Map<string, number> {
  return new Map(Object.keys(formats).map((table) => [table, currentVersion(formats, table)]));
}

/** The record about a data folder in which these tables have these versions. */
export function formatRecord(versions: ReadonlyMap<string, number>): Plain {
  return { version: STORE_VERSION, tables: Object.fromEntries(versions) };
}

/**
 * The versions of the tables on disk. Throws `StoreError` `NEWER_FORMAT` when the data as a whole is newer than this
 * server, and `DAMAGED` when the record makes no sense.
 */
export function readFormat(record: Plain): Map<string, number> {
  const { version, tables } = (record ?? {}) as { version?: unknown; tables?: unknown };
  if (typeof version !== 'number' || typeof tables !== 'object' || tables === null)
    throw new StoreError('DAMAGED', 'the record about the format of the data makes no sense');
  if (version > STORE_VERSION) throw newer(`the data is of format ${version}`, STORE_VERSION);
  return new Map(Object.entries(tables as Record<string, number>));
}

/**
 * The upgrades that a table needs, oldest first; none when it is as this server writes it. Throws `StoreError`
 * `NEWER_FORMAT`.
 */
export function upgradesFor(table: string, version: number, formats: Formats): readonly Upgrade[] {
  const known = currentVersion(formats, table);
  if (version > known) throw newer(`table '${table}' is of format ${version}`, known);
  return formats[table]?.upgrades.slice(version - 1) ?? [];
}

function newer(what: string, known: number): StoreError {
  return new StoreError(
    'NEWER_FORMAT',
    `${what}, this server knows ${known}: it was written by a newer version, which must be used to read it`,
  );
}
