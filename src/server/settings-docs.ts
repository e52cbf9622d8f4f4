/**
 * The settings page and the example file, made from the table.
 */
import { stringify } from 'yaml';
import { FOREIGN_FLAGS } from './settings-foreign.ts';
import type { Row } from './settings-kinds.ts';
import { CONFIG_FILE, CONFIG_FILES, flagName, variables } from './settings-names.ts';
import { GROUPS, WITHOUT_EFFECT } from './settings-table.ts';

/** `docs/reference/settings.md`. */
export function settingsMarkdown(): string {
  const parts = [
    '# Settings',
    'This page is generated from the table of settings; `synapd --help` prints the same.',
    [
      'Every setting can be given in four places. Flags go before environment variables, those before the settings file,',
      `and that before the default. The file is YAML: \`--config FILE\`, or else \`${CONFIG_FILES.join('` or `')}\` in the working`,
      'directory if it is there. Variables may also stand in `.env` there. `synapd --check-config` says whether the settings',
      'are valid, and starts nothing.',
    ].join('\n'),
    [
      'In YAML a dot is a level: `server.port` is `port` in the block `server`. The variable named below may also be',
      'spelled with the path of the setting (`SYNAPD_SERVER_PORT`), and each of the two with `SYNAP_` in front. Booleans',
      'are true/false, 1/0, yes/no or on/off; lists in variables are YAML or JSON. Secrets have no flag, since other users',
      'of the machine could read it.',
    ].join('\n'),
  ];
  for (const { title, rows } of GROUPS) {
    const lines = Object.entries(rows).map(([path, row]: [string, Row<unknown>]) => {
      const names = [flagName(path, row), variables(path, row)[0]].map((name, i) =>
        name === undefined ? '' : `\`${i === 0 ? '--' : ''}${name}\``,
      );
      const unit = row.unit === undefined ? '' : ` (${row.unit})`;
      const value = `${row.kind.allowed}${unit}`;
      return `| \`${path}\` | ${names.join(' | ')} | ${shown(row.default)} | ${value} | ${row.about} |`;
    });
    parts.push(
      `## ${title}`,
      [
        '| setting | flag | variable | default | value | meaning |',
        '| --- | --- | --- | --- | --- | --- |',
        ...lines,
      ].join('\n'),
    );
  }
  const aliases = GROUPS.flatMap(({ rows }) =>
    Object.entries(rows).flatMap(([path, row]: [string, Row<unknown>]) => [
      ...(row.also ?? []).map((place) => `| \`${place}\` | means \`${path}\` |`),
      ...Object.keys(row.reshaped ?? {}).map((place) => `| \`${place}\` | means \`${path}\`, in its own form |`),
      ...(row.opposite ?? []).map((place) => `| \`${place}\` | means the opposite of \`${path}\` |`),
      ...Object.keys(row.foreign ?? {}).map(
        (name) => `| \`${name}\` (environment) | means \`${path}\`, when nothing else in the environment does |`,
      ),
    ]),
  );
  const inert = [...WITHOUT_EFFECT].map(([path, reason]) => `| \`${path}\` | changes nothing: ${reason} |`);
  const flags = FOREIGN_FLAGS.map(({ name, about }) => `| \`--${name}\` (flag) | ${about} |`);
  parts.push(
    "## Other names, and other keys of Synap's and ProgressDB's files",
    'A block that is switched off (`enabled: false`) is accepted silently; anything else without effect is named at start.',
    ['| key | here |', '| --- | --- |', ...flags, ...aliases, ...inert].join('\n'),
  );
  return `${parts.join('\n\n')}\n`;
}

/** `config.example.yaml`: every setting with its default; those that have none are commented out. */
export function exampleYaml(): string {
  const lines = [
    `# Every setting of synapd with its default. Copy what you change to ${CONFIG_FILE}, or name your file with --config.`,
    '# This file is generated from the table of settings.',
  ];
  let before: readonly string[] = [];
  for (const { rows } of GROUPS)
    for (const [path, row] of Object.entries(rows) as [string, Row<unknown>][]) {
      const parts = path.split('.');
      const block = parts.slice(0, -1);
      let same = 0;
      while (same < block.length && block[same] === before[same]) same++;
      if (same === 0) lines.push('');
      for (const [depth, name] of block.entries()) if (depth >= same) lines.push(`${'  '.repeat(depth)}${name}:`);
      lines.push(...entry(path, row).map((line) => `${'  '.repeat(block.length)}${line}`));
      before = block;
    }
  return `${lines.join('\n')}\n`;
}

/** One setting: what it means, then its key. */
function entry(path: string, row: Row<unknown>): string[] {
  const key = path.slice(path.lastIndexOf('.') + 1);
  const names = [flagName(path, row), variables(path, row)[0]].map((name, i) =>
    name === undefined ? '' : i === 0 ? `--${name}` : name,
  );
  const about = [`# ${row.about}`, `# ${[row.kind.allowed, row.unit, ...names].filter(Boolean).join('; ')}`];
  if (row.example === undefined) return [...about, `${key}: ${stringify(row.default).trimEnd()}`];
  const example = row.example.includes('\n')
    ? [`${key}:`, ...row.example.split('\n').map((line) => `  ${line}`)]
    : [`${key}: ${row.example}`];
  return [...about, ...example.map((line) => `# ${line}`)];
}

function shown(value: unknown): string {
  // the default of a structure is an empty one
  return value === '' || typeof value === 'object' ? 'none' : `\`${String(value)}\``;
}
