/** The examples run, each as a program of its own, and do what they say. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { root } from '../../../../test/support/process.ts';
import { fresh, sharedServer } from './support/server.ts';

const folder = join(root, 'sdk', 'typescript', 'examples');
const server = sharedServer();

/** Runs an example to its end; gives its lines. */
async function run(name: string, args: readonly string[] = [], typed = ''): Promise<string[]> {
  const child = spawn(process.execPath, ['--import', 'tsx', join(folder, name), server.url, ...args], { cwd: root });
  let output = '';
  let complaints = '';
  child.stdout.on('data', (chunk) => (output += chunk));
  child.stderr.on('data', (chunk) => (complaints += chunk));
  child.stdin.end(typed);
  const [code] = (await once(child, 'close')) as [number];
  expect([code, complaints]).toEqual([0, '']);
  return output.trimEnd().split('\n');
}

it('every example is run', () => {
  expect(readdirSync(folder).sort()).toEqual(['chat.ts', 'counter.ts', 'dashboard.ts', 'job-worker.ts']);
});

it('the job worker', async () => {
  const lines = await run('job-worker.ts');
  const resized = Array.from({ length: 9 }, (_, number) => `resized ${number}.png to 640`);
  expect(lines.slice(0, -1).toSorted()).toEqual(resized);
  expect(lines.at(-1)).toBe('done 9, given up 1');
});

it('the chat', async () => {
  const room = fresh('kitchen');
  const ana = ['ana: hello', 'ana: anybody?', 'ana: (left)'];
  expect(await run('chat.ts', [room, 'ana'], 'hello\nanybody?\n')).toEqual(ana);
  expect(await run('chat.ts', [room, 'bob'], 'me\n')).toEqual([...ana, 'bob: me', 'bob: (left)']);
});

it('the counter', async () => {
  expect(await run('counter.ts', ['add', '5'])).toEqual(['5 after 1 events']);
  expect(await run('counter.ts', ['add', '2'])).toEqual(['7 after 2 events']);
  expect(await run('counter.ts', ['reset'])).toEqual(['0 after 3 events']);
  expect(await run('counter.ts', ['add'])).toEqual(['1 after 4 events']);
  expect(await run('counter.ts')).toEqual(['1 after 4 events']);
});

it('the dashboard', async () => {
  const lines = await run('dashboard.ts', ['20']);
  expect(lines.length).toBeGreaterThanOrEqual(20);
  expect(lines.some((line) => line.includes('load = '))).toBe(true);
  expect(lines.some((line) => line.includes('disk ! 9'))).toBe(true);
});
