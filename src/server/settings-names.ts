/**
 * What a setting is called: as a flag and as a variable. One rule for all of them.
 */
import type { Row } from './settings-kinds.ts';

/** The flag of a setting without its dashes; `undefined` for lists, maps and secrets, which others could read off the process list. */
export function flagName(path: string, row: Row<unknown>): string | undefined {
  if (row.flag === false || row.secret === true || row.kind.form === 'structure') return undefined;
  return row.flag ?? path.replaceAll(/[._]/g, '-');
}

/** The variables of a setting, the first that is set wins: the name of its flag and its path, after SYNAPD and after SYNAP. */
export function variables(path: string, row: Row<unknown>): string[] {
  const names = [flagName(path, row) ?? path, path].map((name) => name.replaceAll(/[.-]/g, '_').toUpperCase());
  return [...new Set(['SYNAPD', 'SYNAP'].flatMap((prefix) => names.map((name) => `${prefix}_${name}`)))];
}

/** The variables that name the settings file. */
export const CONFIG_VARIABLES = [
  'SYNAPD_CONFIG',
  'SYNAPD_CONFIG_PATH',
  'SYNAP_CONFIG',
  'SYNAP_CONFIG_PATH',
  'PROGRESSDB_CONFIG',
  'PROGRESSDB_SERVER_CONFIG',
];

/** The file that is read when it is there and no other one is named; the second is where ProgressDB looks. */
export const CONFIG_FILE = 'config.yml';
export const CONFIG_FILES: readonly string[] = [CONFIG_FILE, 'config.yaml'];

/** The known name that `name` most likely stands for; `undefined` when none is near. */
export function nearest(name: string, known: Iterable<string>): string | undefined {
  let best: string | undefined;
  let least = Math.min(3, Math.floor(name.length / 2)) + 1;
  for (const candidate of known) {
    const edits = distance(name, candidate);
    if (edits < least) [best, least] = [candidate, edits];
  }
  return best;
}

/** Insertions, deletions, replacements and swaps of neighbours between two short texts. */
function distance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 3) return 4;
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let edits = Math.min((last[j] as number) + 1, (row[j - 1] as number) + 1, (last[j - 1] as number) + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        edits = Math.min(edits, (before[j - 2] as number) + 1);
      row.push(edits);
    }
    before = last;
    last = row;
  }
  return last[b.length] as number;
}
