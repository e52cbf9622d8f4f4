/**
 * The table: every command there is. A command that does not stand here does not exist on any wire.
 */
import type { Command } from './define.ts';
import * as kv from './kv.ts';
import * as kvKeys from './kv-keys.ts';

/** All rows that answer once, in the order of their families. */
export const COMMANDS: readonly Command[] = [...Object.values(kv), ...Object.values(kvKeys)].sort((a, b) => a.id - b.id);
