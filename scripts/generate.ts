/**
 * Writes what is made from the code: the reference pages, the OpenAPI document, the settings page and example file.
 * With `--check` it writes nothing and fails when a committed file differs.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { COMMANDS } from '../src/commands/index.ts';
import { PUSHES } from '../src/commands/live.ts';
import { openapi } from '../src/faces/openapi.ts';
import { errorPage, referencePages } from '../src/faces/reference.ts';
import { exampleYaml, settingsMarkdown } from '../src/server/settings-docs.ts';
import { VERSION } from '../src/server/version.ts';
import { clientFiles } from './client-files.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = 'docs/reference';
const files = new Map<string, string>([
  ...[...referencePages([...COMMANDS, ...PUSHES])].map(([name, text]) => [`${folder}/${name}`, text] as const),
  [`${folder}/errors.md`, errorPage()],
  [`${folder}/settings.md`, settingsMarkdown()],
  [`${folder}/openapi.json`, `${JSON.stringify(openapi(COMMANDS, PUSHES, VERSION), null, 1)}\n`],
  ['config.example.yaml', exampleYaml()],
  ...clientFiles(COMMANDS, PUSHES),
]);

const check = process.argv.includes('--check');
const stale: string[] = [];
for (const [name, text] of files) {
  const path = join(root, name);
  if (existsSync(path) && readFileSync(path, 'utf8') === text) continue;
  stale.push(name);
  if (check) continue;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}
for (const name of existsSync(join(root, folder)) ? readdirSync(join(root, folder)) : []) {
  if (files.has(`${folder}/${name}`)) continue;
  stale.push(`${folder}/${name}`);
  if (!check) rmSync(join(root, folder, name));
}
if (check && stale.length > 0) {
  console.error(`generated files are not current, run npm run generate: ${stale.join(', ')}`);
  process.exitCode = 1;
}
