/** What a kill in the middle of writing leaves at the levels `batch` and `sync` (the long version for `sync`: test/crash). */
import { expect, it } from 'vitest';
import { type Running, scratchFolder, startServer } from '../support/process.ts';

const KEYS = { PROGRESSDB_API_BACKEND_KEYS: 'backend' };
const start = (folder: string, level: string): Promise<Running> => {
  const rate = ['--security-rate-limit-rps', '1000000', '--security-rate-limit-burst', '1000000'];
  return startServer(['--data-dir', folder, '--durability', level, '--check-data', ...rate], KEYS);
};

async function call(server: Running, method: string, path: string, body?: unknown, once?: string): Promise<unknown> {
  const answer = await fetch(`${server.base}${path}`, {
    method,
    headers: { 'X-API-Key': 'backend', 'X-User-ID': 'ana', ...(once === undefined ? {} : { 'Idempotency-Key': once }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
  return JSON.parse(text) as unknown;
}

/** Messages of the thread, each a number, in the order that they were written in. */
async function numbers(server: Running): Promise<number[]> {
  const { messages } = (await call(server, 'GET', '/v1/threads/t/messages')) as { messages: { body: number }[] };
  return messages.map(({ body }) => body);
}

/** Posts ascending numbers one after the other until the server is gone, and gives those that were acknowledged. */
async function pour(server: Running, from: number, kill: number): Promise<number[]> {
  const acknowledged: number[] = [];
  for (let n = from; ; n++) {
    try {
      await call(server, 'POST', '/v1/messages', { thread: 't', body: n }, `once-${n}`);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // fetch failed
      return acknowledged;
    }
    acknowledged.push(n);
    if (acknowledged.length === kill) server.child.kill('SIGKILL');
  }
}

it('level batch: what is there is a beginning of what was written, and writing goes on behind it', async () => {
  const folder = scratchFolder();
  let written: number[] = [];
  for (const kill of [30, 300, 0]) {
    const server = await start(folder, 'batch');
    const found = await numbers(server);
    expect(found).toEqual(written.slice(0, found.length));
    if (kill === 0) {
      expect(found.length).toBeGreaterThan(0);
      expect(await server.stop()).toBe(0);
      return;
    }
    const acknowledged = await pour(server, found.length, kill);
    await server.stop('SIGKILL');
    // the one that was under way may be there, too
    written = [...found, ...acknowledged, found.length + acknowledged.length];
  }
}, 60_000);

it('level sync: nothing acknowledged is lost, and a repeated post is still the same one', async () => {
  const folder = scratchFolder();
  const server = await start(folder, 'sync');
  const acknowledged = await pour(server, 0, 100);
  await server.stop('SIGKILL');
  const again = await start(folder, 'sync');
  const before = await numbers(again);
  expect(before.slice(0, acknowledged.length)).toEqual(acknowledged);
  for (const n of acknowledged.slice(-5))
    await call(again, 'POST', '/v1/messages', { thread: 't', body: n }, `once-${n}`);
  expect(await numbers(again)).toEqual(before);
  await expect(call(again, 'POST', '/v1/messages', { thread: 't', body: 'other' }, 'once-0')).rejects.toThrow(
    /: 4\d\d /,
  );
  expect(await again.stop()).toBe(0);
}, 60_000);
