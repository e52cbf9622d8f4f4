/**
 * A settings file: YAML to values by path, each with the line it stands on.
 *
 * Invariant: what is not understood is said, with its line; nothing is dropped silently.
 */
import { type Document, isMap, isScalar, LineCounter, parseDocument } from 'yaml';
import type { Row } from './settings-kinds.ts';
import { nearest } from './settings-names.ts';
import { TABLE, WITHOUT_EFFECT } from './settings-table.ts';

/** A value as somebody gave it, and where: `flag --port`, `environment SYNAPD_PORT`, `file config.yml line 3`. */
export interface Given {
  readonly source: string;
  readonly value: unknown;
  /** Where inside a structure something stands: members and positions below the value. */
  readonly within?: (path: readonly PropertyKey[]) => string;
}

/** What a file says. */
export interface FileContents {
  readonly values: ReadonlyMap<string, Given>;
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}

type Path = readonly (string | number)[];

/** Paths of the table and of its aliases, and the blocks they stand in. */
const same = (path: string, row: Row<unknown>): string[] => [
  path,
  ...(row.also ?? []),
  ...Object.keys(row.reshaped ?? {}),
];
const places = new Set(Object.entries(TABLE).flatMap(([path, row]) => [...same(path, row), ...(row.opposite ?? [])]));
const texts = new Set(
  Object.entries(TABLE).flatMap(([path, row]) => (row.kind.form === 'text' ? same(path, row) : [])),
);
const blocks = new Set(
  [...places].flatMap((path) => path.split('.').map((_, i, parts) => parts.slice(0, i).join('.'))),
);

/** Reads the text of the file called `name`. */
export function readSettingsFile(name: string, text: string): FileContents {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, merge: true });
  const values = new Map<string, Given>();
  const problems = document.errors.map(
    (error) => `file ${name} line ${lines.linePos(error.pos[0]).line}: not valid YAML: ${firstLine(error.message)}`,
  );
  const warnings: string[] = [];
  const nothing = { values, problems, warnings };
  if (problems.length > 0) return nothing;
  let root: unknown;
  try {
    root = document.toJS();
  } catch (error) {
    problems.push(`file ${name}: not valid YAML: ${firstLine((error as Error).message)}`);
    return nothing;
  }
  const at = (path: Path): string => {
    const line = lineOf(document, lines, path);
    return `file ${name}${line === undefined ? '' : ` line ${line}`}`;
  };

  const walk = (block: Record<string, unknown>, path: Path): void => {
    for (const [key, value] of Object.entries(block)) {
      const here = [...path, key];
      const dotted = here.join('.');
      if (value === null) continue; // a key without a value says nothing
      if (places.has(dotted)) {
        const within = (below: readonly PropertyKey[]): string => at([...here, ...(below as Path)]);
        values.set(dotted, { source: at(here), value: asWritten(document, here, dotted, value), within });
      } else if (WITHOUT_EFFECT.has(dotted) && !blocks.has(dotted)) {
        withoutEffect(dotted, value, here);
      } else if (blocks.has(dotted)) {
        if (isBlock(value)) walk(value, here);
        else problems.push(`${at(here)}: ${dotted} must be a block of settings`);
      } else {
        unknown(dotted, here);
      }
    }
  };

  const withoutEffect = (dotted: string, value: unknown, here: Path): void => {
    if (isBlock(value) && value['enabled'] === false) return;
    warnings.push(`${at(here)}: ${dotted} changes nothing: ${WITHOUT_EFFECT.get(dotted)}`);
  };

  const unknown = (dotted: string, here: Path): void => {
    const [top = ''] = dotted.split('.');
    const reason = WITHOUT_EFFECT.get(top);
    if (reason !== undefined) {
      const block = (root as Record<string, unknown>)[top];
      if (isBlock(block) && block['enabled'] === false) return;
      // one warning for the whole block, however much of it has no effect
      const warning = `${at([top])}: ${top} changes nothing but where the settings page says so: ${reason}`;
      if (!warnings.includes(warning)) warnings.push(warning);
      return;
    }
    const guess = nearest(dotted, [...places, ...blocks]) ?? namesake(dotted);
    const hint = guess === undefined ? '' : `; did you mean ${guess}?`;
    warnings.push(`${at(here)}: there is no setting ${dotted}, it is ignored${hint}`);
  };

  if (isBlock(root)) walk(root, []);
  else if (root !== null && root !== undefined) problems.push(`file ${name}: must be a block of settings`);
  return nothing;
}

/** Texts that look like numbers are wanted as they were written: `0123` is not 123. */
function asWritten(document: Document, path: Path, dotted: string, value: unknown): unknown {
  if (typeof value === 'string' || !texts.has(dotted)) return value;
  const node = document.getIn(path, true);
  return isScalar(node) && node.source !== undefined ? node.source : value;
}

/** The only setting whose last name is this one, wherever it stands. */
function namesake(dotted: string): string | undefined {
  const last = dotted.slice(dotted.lastIndexOf('.') + 1);
  const found = [...places].filter((place) => place === last || place.endsWith(`.${last}`));
  return found.length === 1 ? found[0] : undefined;
}

function lineOf(document: Document, lines: LineCounter, path: Path): number | undefined {
  const parent = path.length > 1 ? document.getIn(path.slice(0, -1), true) : document.contents;
  const key = path.at(-1);
  const pair = isMap(parent)
    ? parent.items.find((item) => isScalar(item.key) && String(item.key.value) === key)
    : undefined;
  const node = pair?.key ?? document.getIn(path, true);
  const range = (node as { range?: readonly number[] } | undefined)?.range;
  if (range !== undefined) return lines.linePos(range[0] as number).line;
  return path.length > 1 ? lineOf(document, lines, path.slice(0, -1)) : undefined;
}

const isBlock = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const firstLine = (text: string): string => text.split('\n')[0] as string;
