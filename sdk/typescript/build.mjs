/**
 * Builds the package of the current folder: `src` to `dist/esm` (ES modules) and `dist/cjs` (CommonJS), each with its types.
 * Invariant: both halves come from the same sources in one run; an old `dist` never survives a build.
 */
import { spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc');
rmSync('dist', { recursive: true, force: true });
const halves = [
  ['esm', ['--module', 'esnext']],
  ['cjs', ['--module', 'commonjs']],
];
for (const [folder, options] of halves) {
  const done = spawnSync(
    process.execPath,
    [tsc, '-p', 'tsconfig.json', '--noEmit', 'false', '--outDir', `dist/${folder}`, ...options],
    { stdio: 'inherit' },
  );
  if (done.status !== 0) process.exit(done.status ?? 1);
}
writeFileSync('dist/cjs/package.json', '{ "type": "commonjs" }\n');
