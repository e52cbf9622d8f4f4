/** The Python SDK's own tests, from a fresh virtual environment against the built server. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { root } from '../support/process.ts';

const python = spawnSync('python3', ['-c', 'import venv, ensurepip']).status === 0;
if (!python && process.env['CI'] === 'true') throw new Error('python3 with venv is missing');
if (!python) console.warn('python3 with venv is not installed: the Python SDK is not tested');

describe.skipIf(!python)('the Python SDK', () => {
  it('installs into a fresh environment and passes its tests', { timeout: 600_000 }, async () => {
    const child = spawn('python3', [join(root, 'sdk', 'python', 'run-tests')], { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.on('data', (chunk) => (output += chunk));
    child.stderr.on('data', (chunk) => (output += chunk));
    const [code] = (await once(child, 'close')) as [number];
    expect(code, output.slice(-4000)).toBe(0);
    expect(output).toMatch(/\d+ passed/);
  });
});
