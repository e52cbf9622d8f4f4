/** The package as it is published: what tools say of it, and that both kinds of modules can load it. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort, root } from '../../../../test/support/process.ts';

const run = promisify(execFile);
const folder = fileURLToPath(new URL('..', import.meta.url));
const tool = (name: string): string => join(root, 'node_modules', '.bin', name);
let scratch = '';

beforeAll(() => {
  // beside the package, so that its name and those of its examples are found
  scratch = mkdtempSync(join(folder, '.test-'));
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

it('passes publint', async () => {
  const { stdout } = await run(tool('publint'), ['run', '--strict', '--pack', 'npm'], { cwd: folder });
  expect(stdout).toContain('All good!');
});

it('has the right types for every way of resolving modules', async () => {
  const { stdout } = await run(tool('attw'), ['--pack', '.', '--format', 'json'], { cwd: folder, maxBuffer: 1e8 });
  const { problems } = JSON.parse(stdout) as { problems?: object };
  expect(problems ?? {}).toEqual({});
}, 60_000);

const works = (port: number): string => `
  if (typeof Synapd !== 'function') throw new Error('no class');
  const client = new Synapd('http://127.0.0.1:${port}', { retries: 0 });
  client.kv.get({ key: 'a' }).catch((error) => console.log(error instanceof SynapdError, error.code));
`;

it.each([
  ['import', 'works.mjs', `import { Synapd, SynapdError } from 'synapd-client';`],
  ['require', 'works.cjs', `const { Synapd, SynapdError } = require('synapd-client');`],
])('can be loaded by %s', async (_, name, text) => {
  writeFileSync(join(scratch, name), text + works(await freePort()));
  const { stdout } = await run(process.execPath, [join(scratch, name)]);
  expect(stdout.trim()).toBe('true UNREACHABLE');
});

it('needs nothing else', () => {
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Record<string, unknown>;
  expect([manifest['dependencies'], manifest['peerDependencies']]).toEqual([undefined, undefined]);
});

describe('its page', () => {
  it('has blocks of code that compile against what is published', async () => {
    const page = readFileSync(join(folder, 'README.md'), 'utf8');
    const blocks = [...page.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, block]) => block as string);
    expect(blocks.length).toBeGreaterThan(4);
    const files = blocks.map((block, i) => {
      const path = join(scratch, `block-${i}.mts`);
      writeFileSync(path, block.includes('export ') ? block : `${block}\nexport {};\n`);
      return path;
    });
    const options = '--ignoreConfig --noEmit --strict --skipLibCheck --target es2022 --module nodenext --types node';
    await run(tool('tsc'), [...options.split(' '), ...files], { cwd: scratch }).catch((error: { stdout: string }) => {
      throw new Error(error.stdout);
    });
  }, 60_000);
});
