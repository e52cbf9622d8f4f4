/**
 * A row becomes a function: permission, writability, run, count. Every face calls the same function.
 *
 * Invariant: no call reaches an engine but through `execute`, so no face can forget a permission check, a refusal while
 * the store cannot write, or a metric. Schemas are the faces' matter: `execute` takes input that was read by one.
 */
import { CommandError } from '../core/errors.ts';
import type { Caller } from './access.ts';
import type { Context } from './context.ts';
import type { Command, Emit, PushCommand, Stream } from './define.ts';

/** What `execute` reports about each call; the numbers are the command's slot. */
export interface Meter {
  /** One call ended; `ok` is false when it was refused or failed. */
  count(slot: number, ok: boolean): void;
  /** A sampled call took `ms` milliseconds. */
  time(slot: number, ms: number): void;
}

/** What commands need to know of the store before they change anything. */
export interface WriteGuard {
  /** The error to refuse writes with at present, or `undefined` when they may go on. */
  refusal(): CommandError | undefined;
}

/** A compiled row. */
export interface Executable {
  readonly command: Command;
  /** Position in the table: the index into metric arrays. */
  readonly slot: number;
  /** Runs the command as `context.session` at `context.now`; throws `CommandError`. */
  execute(context: Context, input: unknown): unknown;
}

/** A compiled push row. */
export interface Opener {
  readonly command: PushCommand;
  readonly slot: number;
  /** Opens the stream as `context.session` at `context.now`; throws `CommandError`. */
  open(context: Context, input: unknown, emit: Emit): Stream;
}

/** The whole table, compiled. */
export interface Table {
  /** Every row that answers once, also under its aliases. */
  readonly calls: ReadonlyMap<string, Executable>;
  /** Every push row. */
  readonly pushes: ReadonlyMap<string, Opener>;
}

/** One call in `SAMPLE` is timed: two clock reads cost more than most commands (DESIGN.md section 6). */
const SAMPLE = 16;

/** Compiles the whole table. Fails on a name or id that stands twice. */
export function compile(
  rows: readonly Command[],
  pushRows: readonly PushCommand[],
  meter: Meter,
  writes: WriteGuard,
): Table {
  const names = new Set<string>();
  const ids = new Set<number>();
  const claim = (row: Command | PushCommand, aliases: readonly string[] = []): void => {
    if (ids.has(row.id)) throw new Error(`command id ${row.id} stands twice`);
    ids.add(row.id);
    for (const name of [row.name, ...aliases]) {
      if (names.has(name)) throw new Error(`command ${name} stands twice`);
      names.add(name);
    }
  };
  const calls = new Map<string, Executable>();
  const pushes = new Map<string, Opener>();
  for (const [slot, row] of rows.entries()) {
    claim(row, row.aliases);
    const executable = { command: row, slot, execute: executor(row, slot, meter, writes) };
    for (const name of [row.name, ...(row.aliases ?? [])]) calls.set(name, executable);
  }
  for (const [index, row] of pushRows.entries()) {
    claim(row);
    const slot = rows.length + index;
    pushes.set(row.name, { command: row, slot, open: opener(row, slot, meter) });
  }
  return { calls, pushes };
}

function opener(row: PushCommand, slot: number, meter: Meter): Opener['open'] {
  return (context, input, emit) => {
    try {
      if (!context.session.admin) authorize(row, context.session, input as Record<string, unknown>);
      const stream = row.open(context, input as Record<string, unknown>, emit);
      meter.count(slot, true);
      return stream;
    } catch (error) {
      meter.count(slot, false);
      throw error;
    }
  };
}

function executor(row: Command, slot: number, meter: Meter, writes: WriteGuard): Executable['execute'] {
  const changes = row.effect === 'write';
  let turn = slot; // spread, so that not every command samples the same request
  const attempt = (context: Context, input: Record<string, unknown>): unknown => {
    if (!context.session.admin) authorize(row, context.session, input);
    if (changes) {
      const refusal = writes.refusal();
      if (refusal !== undefined) throw refusal;
    }
    return row.run(context, input);
  };
  return (context, input) => {
    const started = ++turn % SAMPLE === 0 ? context.clock.monotonic() : 0;
    let output: unknown;
    try {
      output = attempt(context, input as Record<string, unknown>);
    } catch (error) {
      meter.count(slot, false);
      throw error;
    }
    if (output instanceof Promise) return counted(output, slot, meter);
    meter.count(slot, true);
    if (started !== 0) meter.time(slot, context.clock.monotonic() - started);
    return output;
  };
}

async function counted(output: Promise<unknown>, slot: number, meter: Meter): Promise<unknown> {
  try {
    const value = await output;
    meter.count(slot, true);
    return value;
  } catch (error) {
    meter.count(slot, false);
    throw error;
  }
}

function authorize(row: Command | PushCommand, caller: Caller, input: Record<string, unknown>): void {
  const resource = row.resource(input);
  if (typeof resource === 'string') demand(caller, row.access, resource);
  else for (const one of resource) demand(caller, row.access, one);
  if (row.effect === 'push') return;
  for (const need of row.also?.(input) ?? []) demand(caller, need.action, need.resource);
}

function demand(caller: Caller, action: Command['access'], resource: string): void {
  if (!caller.allows(action, resource)) throw new CommandError('FORBIDDEN', { resource, action });
}
