import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Running, root, scratchFolder } from '../../../../test/support/process.ts';
import { KEYS, profileServer } from './profile.ts';

const run = promisify(execFile);
// compilers and npm take their time on a machine that does other things too
vi.setConfig({ testTimeout: 120_000 });
const packageFolder = join(root, 'sdk/typescript/progressdb');
const bin = (name: string): string => join(root, 'node_modules/.bin', name);

/** The block "Quickstart" of the page. */
const QUICKSTART = `
import ProgressDB from '@progressdb/node'
const db = ProgressDB({ baseUrl: 'https://api.example.com', apiKey: process.env.PROGRESSDB_KEY })

// Sign a user id (backend-only)
const { signature } = await db.signUser('user-123')

// Create thread (backend must provide author)
const thread = await db.createThread({ title: 'General' }, 'service-account')

// Create message (backend must provide author)
const msg = await db.createMessage({ thread: thread.id, body: { text: 'hello' } }, 'service-account')
`;
/** The same with the import line in CommonJS, where nothing waits at the top. */
const REQUIRED = `
const ProgressDB = require('@progressdb/node')
async function main() {${QUICKSTART.replace(/^import.*$/m, '')} show(ProgressDB, signature, thread, msg) }
main()
`;
const SHOW = 'function show(P, ...made) { console.log(JSON.stringify([typeof P, P.name, ...made])) }\n';

let server: Running;
let tarball: string;
let project: string;

/** The environment of a program in the project. */
const env = (): NodeJS.ProcessEnv => ({ ...process.env, PROGRESSDB_KEY: KEYS.backend });

/** A project that has the packed package under a name, as npm would install the alias. */
async function install(name: string): Promise<string> {
  const folder = scratchFolder();
  const home = join(folder, 'node_modules', name);
  mkdirSync(home, { recursive: true });
  await run('tar', ['-xzf', tarball, '-C', home, '--strip-components', '1']);
  for (const needed of ['react', 'react-dom', 'scheduler', '@types', 'csstype', 'undici-types']) {
    symlinkSync(join(root, 'node_modules', needed), join(folder, 'node_modules', needed));
  }
  return folder;
}

/** Runs a text as a file of the project, with the address of the server in place of the page's. */
async function program(name: string, text: string): Promise<unknown[]> {
  writeFileSync(join(project, name), text.replace('https://api.example.com', server.base));
  const { stdout } = await run(process.execPath, [name], { cwd: project, env: env() });
  return JSON.parse(stdout) as unknown[];
}

/** What the compiler says about files of the project; empty when nothing. */
async function compile(files: Record<string, string>, ...options: string[]): Promise<string> {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(project, name), text);
  const flags = ['--noEmit', '--strict', '--skipLibCheck', 'false', '--target', 'es2022', '--lib', 'es2022,dom'];
  try {
    await run(bin('tsc'), [...flags, '--types', 'node', ...options, ...Object.keys(files)], { cwd: project });
    return '';
  } catch (error) {
    return (error as { stdout: string }).stdout;
  }
}

beforeAll(async () => {
  server = await profileServer();
  const folder = scratchFolder();
  const { stdout } = await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], {
    cwd: packageFolder,
  });
  const packed: unknown = JSON.parse(stdout);
  const [first] = Object.values(packed as object) as { filename: string }[];
  tarball = join(folder, first?.filename ?? '');
  project = await install('@progressdb/node');
});
afterAll(() => server.stop());

const MADE = [
  'function',
  'ProgressDB',
  expect.stringMatching(/^[0-9a-f]{64}$/),
  expect.objectContaining({ title: 'General', author: 'service-account' }),
  expect.objectContaining({ body: { text: 'hello' }, author: 'service-account' }),
];

describe('installed under the documented name, the page runs as written', () => {
  it('through npm itself', async () => {
    const folder = scratchFolder();
    cpSync(tarball, join(folder, 'packed.tgz'));
    const dependencies = { '@progressdb/node': 'file:packed.tgz' };
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, dependencies }));
    await run('npm', ['install', '--offline', '--ignore-scripts', '--no-audit', '--no-fund', '--omit=optional'], {
      cwd: folder,
    });
    const { stdout } = await run(process.execPath, ['-p', "require('@progressdb/node').name"], { cwd: folder });
    expect(stdout.trim()).toBe('ProgressDB');
  });

  it('as an ES module', async () => {
    expect(await program('quickstart.mjs', `${QUICKSTART}${SHOW}show(ProgressDB, signature, thread, msg)`)).toEqual(
      MADE,
    );
  });

  it('in CommonJS, by the function itself and by its default', async () => {
    expect(await program('quickstart.cjs', SHOW + REQUIRED)).toEqual(MADE);
    const byDefault = REQUIRED.replace("require('@progressdb/node')", "require('@progressdb/node').default");
    expect(await program('default.cjs', SHOW + byDefault)).toEqual(MADE);
  });

  it('with new as without', async () => {
    const text = QUICKSTART.replace('= ProgressDB(', '= new ProgressDB(');
    expect(await program('new.mjs', `${text}${SHOW}show(ProgressDB, signature, thread, msg)`)).toEqual(MADE);
  });

  it('with its other exports, in both kinds of module', async () => {
    const names = ['ApiError', 'BackendClient', 'FrontendClient', 'ProgressDB', 'ProgressDBClient', 'default'];
    const show = '; console.log(JSON.stringify(Object.keys(all).sort()))';
    expect(await program('names.mjs', `import * as all from '@progressdb/node'${show}`)).toEqual(names);
    expect(await program('names.cjs', `const all = require('@progressdb/node')${show}`)).toEqual(names);
    const hooks = ['ProgressDBClient', 'ProgressDBProvider', 'default', 'useMessage', 'useMessages'];
    const more = ['useProgressClient', 'useReactions', 'useThreads', 'useUserSignature'];
    expect(await program('react.mjs', `import * as all from '@progressdb/node/react'${show}`)).toEqual([
      ...hooks,
      ...more,
    ]);
    expect(await program('react.cjs', `const all = require('@progressdb/node/react')${show}`)).toEqual([
      ...hooks,
      ...more,
    ]);
  });
});

describe('the types', () => {
  const USE = `
    import ProgressDB, { ApiError, BackendClient, FrontendClient, ProgressDB as Named } from '@progressdb/node';
    import type { Message, ProgressDBOptions, ReactionInput, SDKOptions, Thread } from '@progressdb/node';
    import Provider, { useMessages } from '@progressdb/node/react';
    const options: ProgressDBOptions = { baseUrl: 'http://a', apiKey: 'k' };
    const one: BackendClient = new ProgressDB(options);
    const two: BackendClient<'bigint'> = Named({ baseUrl: 'http://a', timestamps: 'bigint' });
    export const calls = async (): Promise<[Thread, Message<'bigint'>]> =>
      [await one.getThread('t', 'a'), await two.getMessage('m')];
    export const more = (input: ReactionInput, sdk: SDKOptions): [string, FrontendClient] =>
      [input.reaction, new FrontendClient({ ...sdk, timestamps: 'number' })];
    export const failed = (error: unknown): number => (error instanceof ApiError ? error.status : 0);
    export const hooks = [Provider, useMessages];
  `;
  const WRONG =
    "import ProgressDB from '@progressdb/node'; ProgressDB({ baseUrl: 1 }); ProgressDB({ baseUrl: '' }).no();";

  it('fit the page, and what else is exported, in ES modules and in CommonJS', async () => {
    const strict = ['--exactOptionalPropertyTypes', '--noUncheckedIndexedAccess'];
    const files = {
      'page.mts': `${QUICKSTART}export { signature, msg }`,
      'use.mts': USE,
      'use.cts': USE,
      'page.cts':
        "import ProgressDB = require('@progressdb/node'); export const db: ProgressDB.BackendClient = ProgressDB({ baseUrl: '' });",
    };
    expect(await compile(files, '--module', 'nodenext', ...strict)).toBe('');
    expect(await compile({ 'use.ts': USE }, '--module', 'esnext', '--moduleResolution', 'bundler')).toBe('');
  });

  it('fit the examples of the README', async () => {
    symlinkSync(join(project, 'node_modules/@progressdb/node'), join(project, 'node_modules/synapd-progressdb'));
    const blocks = readFileSync(join(packageFolder, 'README.md'), 'utf8').matchAll(/```ts\n([\s\S]*?)```/g);
    const files = Object.fromEntries([...blocks].map(([, text], at) => [`readme${at}.mts`, text ?? '']));
    expect(Object.keys(files)).toHaveLength(4);
    expect(await compile(files, '--module', 'nodenext')).toBe('');
  });

  it('refuse what is wrong', async () => {
    const said = await compile({ 'wrong.mts': WRONG, 'wrong.cts': WRONG }, '--module', 'nodenext');
    expect(said.match(/error TS/g)).toHaveLength(4);
  });

  it('name the same in CommonJS as in ES modules', () => {
    const names = (path: string, pattern: RegExp): string[] =>
      [
        ...new Set(
          [...readFileSync(join(packageFolder, path), 'utf8').matchAll(pattern)].map(([, name]) => name ?? ''),
        ),
      ].sort();
    const exported = readFileSync(join(packageFolder, 'src/index.ts'), 'utf8')
      .replace(/\/\*[\s\S]*?\*\//g, '')
      .matchAll(/export (?:type )?\{([^}]*)\}/g);
    const all = [...exported]
      .flatMap(([, list]) => (list ?? '').split(','))
      .map((name) => name.trim().split(' as ').at(-1) ?? '')
      .filter((name) => name !== '' && name !== 'default' && name !== 'ProgressDB');
    expect(names('commonjs/index.d.cts', /^ {2}type (\w+)/gm)).toEqual([...new Set(all)].sort());
  });
});

describe('the package', () => {
  it('is as bundlers, runtimes and compilers want it', async () => {
    const lint = await run(bin('publint'), [tarball, '--strict'], { cwd: packageFolder });
    expect(lint.stdout).toContain('All good!');
    const types = await run(bin('attw'), [tarball], { cwd: packageFolder });
    expect(types.stdout).toContain('No problems found');
  });

  it('has a reference that fits it', async () => {
    await run(process.execPath, ['reference.mjs', '--check'], { cwd: packageFolder });
  });

  it('needs nothing but what all runtimes have', () => {
    const manifest = JSON.parse(readFileSync(join(packageFolder, 'package.json'), 'utf8')) as object;
    expect(manifest).not.toHaveProperty('dependencies');
  });
});
