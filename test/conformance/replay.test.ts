/**
 * The referee: recorded conversations played against the built server, deviations that are argued aside.
 *
 * The recordings live beside the checkout (`../shared/conformance`, or where CONFORMANCE points); a checkout without
 * them says so and skips, except in CI.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { freePort, main, root } from '../support/process.ts';

const folder = process.env['CONFORMANCE'] ?? join(root, '..', 'shared', 'conformance');
const present = existsSync(join(folder, 'replay.mjs'));
if (!present && process.env['CI'] === 'true')
  throw new Error('the recorded conversations are missing: set CONFORMANCE');
if (!present)
  console.warn('recorded conversations not found beside this checkout; skipped (set CONFORMANCE to their folder)');

type Deviations = Record<string, Record<string, { clause: string; why: string; ours: string }>>;
const read = (path: string): Deviations =>
  existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Deviations) : {};
const shared = read(join(folder, 'deviations.json'));
const own = read(join(root, 'test', 'conformance', 'deviations.json'));

/** Files of the families that exist, and the profile each wants. */
const FILES: Record<string, string> = {
  'envelope-and-http.json': 'default',
  'hardening.json': 'default',
  'key-management.json': 'default',
  'kv-command.json': 'default',
  'kv-rest.json': 'default',
  'queue-rest.json': 'default',
  'queue-command.json': 'default',
  'stream-rest.json': 'default',
  'stream-command.json': 'default',
  'topics.json': 'default',
  'consumer-groups.json': 'default',
  'pubsub-rest.json': 'default',
  'pubsub-command.json': 'default',
  'websocket.json': 'default',
  'progressdb-threads.json': 'progressdb',
  'progressdb-messages.json': 'progressdb',
  'progressdb-versions-reactions.json': 'progressdb',
  'progressdb-auth.json': 'progressdb',
  'progressdb-admin.json': 'progressdb',
  'progressdb-target.json': 'progressdb',
};

async function replay(file: string, profile: string): Promise<{ failed: Map<string, string>; passed: number }> {
  const base = `http://127.0.0.1:${await freePort()}`;
  const config = join(root, 'test', 'conformance', 'profiles', `${profile}.yaml`);
  const command = `${process.execPath} ${main} --config ${config} --port ${new URL(base).port}`;
  const child = spawn(
    process.execPath,
    [
      '--experimental-websocket',
      '--no-warnings',
      join(folder, 'replay.mjs'),
      '--base',
      base,
      '--spawn',
      command,
      join(folder, 'cases', file),
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let output = '';
  child.stdout.on('data', (chunk) => (output += chunk));
  child.stderr.on('data', (chunk) => (output += chunk));
  await once(child, 'close');
  const failed = new Map<string, string>();
  let name = '';
  for (const line of output.split('\n')) {
    const found = /^FAIL \S+ › (.*)$/.exec(line);
    if (found !== null) failed.set((name = found[1] as string), '');
    else if (line.startsWith('     ')) failed.set(name, `${failed.get(name) ?? ''}\n${line}`);
  }
  const counted = /^(\d+) passed, (\d+) failed$/m.exec(output);
  if (counted === null) throw new Error(`the replay did not end: ${output.slice(-2000)}`);
  return { failed, passed: Number(counted[1]) };
}

describe.skipIf(!present)('recorded conversations', () => {
  for (const [file, profile] of Object.entries(FILES))
    it(`${file} is answered as recorded, argued deviations aside`, { timeout: 300_000 }, async () => {
      const argued = { ...shared[file], ...own[file] };
      const { failed, passed } = await replay(file, profile);
      const unexpected = [...failed].filter(([name]) => !(name in argued)).map(([name, why]) => `${name}${why}`);
      const needless = Object.keys(argued).filter((name) => !failed.has(name));
      expect(unexpected).toEqual([]);
      expect(needless, 'deviations that are listed, but the recording passes').toEqual([]);
      expect(passed).toBeGreaterThan(0);
    });
});
