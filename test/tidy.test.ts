/**
 * Properties of the code that matter are tests: layering, sizes, calls that are made in one place only, no dead file.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { root } from './support/process.ts';

const ENGINES = ['kv', 'queue', 'stream', 'pubsub', 'chat', 'auth'];
/** What each folder may import, besides itself. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  core: [],
  ...Object.fromEntries(ENGINES.map((engine) => [engine, ['core']])),
  store: ['core'],
  ops: ['core'],
  wire: ['core'],
  commands: ['core', ...ENGINES],
  faces: ['core', 'commands'],
  transports: ['core', 'commands', 'faces', 'wire'],
  server: ['core', ...ENGINES, 'store', 'ops', 'commands', 'faces', 'wire', 'transports'],
  '': ['server', 'core'],
};

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory()
      ? filesBelow(join(folder, entry.name))
      : entry.name.endsWith('.ts')
        ? [join(folder, entry.name)]
        : [],
  );
}

const src = join(root, 'src');
const files = filesBelow(src).map((path) => ({ path: relative(src, path), text: readFileSync(path, 'utf8') }));
const folderOf = (path: string): string => (path.includes('/') ? (path.split('/')[0] as string) : '');
const importsOf = (file: { path: string; text: string }): string[] =>
  [...file.text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].map((match) =>
    join(dirname(file.path), match[1] as string),
  );
const code = (text: string): string => text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');

describe('the tree', () => {
  it('imports one way', () => {
    const wrong = files.flatMap((file) =>
      importsOf(file)
        .map(folderOf)
        .filter((to) => to !== folderOf(file.path) && !MAY_IMPORT[folderOf(file.path)]?.includes(to))
        .map((to) => `${file.path} imports from ${to}`),
    );
    expect(wrong).toEqual([]);
  });

  it('has a folder rule for every folder', () => {
    expect(
      [...new Set(files.map((file) => folderOf(file.path)))].filter((folder) => MAY_IMPORT[folder] === undefined),
    ).toEqual([]);
  });

  it('keeps time, timers, dice, environment and console in their one place', () => {
    const places: [RegExp, RegExp][] = [
      [/\bDate\.now\b|\bnew Date\(\)|\bperformance\.now\b/, /^core\/clock\.ts$/],
      [/\bsetTimeout\b|\bsetInterval\b/, /^core\/timers\.ts$|^server\/lifecycle\.ts$/],
      [/\bMath\.random\b|\brandomUUID\b/, /^core\/ids\.ts$/],
      [/\bprocess\.env\b/, /^server\/settings|^transports\/uws\.ts$|^main\.ts$/],
      [/\bconsole\./, /^$/],
    ];
    const wrong = files.flatMap((file) =>
      places
        .filter(([call, place]) => call.test(code(file.text)) && !place.test(file.path))
        .map(([call]) => `${file.path}: ${call}`),
    );
    expect(wrong).toEqual([]);
  });

  it('has small files that begin with what they are', () => {
    const long = files.filter((file) => file.text.split('\n').length > 500).map((file) => file.path);
    const bare = files.filter((file) => !/^(#!.*\n)?\/\*\*/.test(file.text)).map((file) => file.path);
    expect({ long, bare }).toEqual({ long: [], bare: [] });
  });

  it('has no file that nobody imports', () => {
    const imported = new Set(files.flatMap(importsOf));
    const scripts = ['bench', 'scripts', 'test'].flatMap((folder) => filesBelow(join(root, folder)));
    const outside = scripts.map((path) => readFileSync(path, 'utf8')).join('\n');
    const dead = files
      .filter((file) => file.path !== 'main.ts' && !imported.has(file.path) && !outside.includes(`src/${file.path}`))
      .map((file) => file.path);
    expect(dead).toEqual([]);
  });

  it('has no default exports and no unfinished places', () => {
    const wrong = files
      .filter((file) => /\bexport default\b|\bTODO\b|\bFIXME\b/.test(file.text))
      .map((file) => file.path);
    expect(wrong).toEqual([]);
  });
});
