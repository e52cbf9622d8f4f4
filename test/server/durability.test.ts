/** Durability as clients and operators meet it: levels, backups, the data folder, the gauge of what a power cut may cost. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Running, runMain, scratchFolder, startServer } from '../support/process.ts';

async function command(
  server: Running,
  name: string,
  payload: unknown,
  more: object = {},
): Promise<Record<string, unknown>> {
  const answer = await fetch(`${server.base}/api/v1/command`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ command: name, request_id: 'd', payload, ...more }),
  });
  const {
    success,
    payload: result,
    error,
  } = (await answer.json()) as { success: boolean; payload: unknown; error: string };
  if (!success) throw new Error(error);
  return result as Record<string, unknown>;
}

/** Level `none` writes at its own pace, so only what asked for the disk has to survive a kill right after its answer. */
const lazy = (folder: string): string[] => ['--data-dir', folder, '--durability', 'batch', '--flush-ms-max', '60000'];

describe('a write that was answered from disk survives a kill', () => {
  it('when the request asked for it', async () => {
    const folder = scratchFolder();
    const server = await startServer(lazy(folder));
    await command(server, 'kv.set', { key: 'k', value: 'v' }, { durability: 'sync' });
    await server.stop('SIGKILL');
    const again = await startServer(lazy(folder));
    expect(await command(again, 'kv.get', { key: 'k' })).toBe('v');
    await again.stop();
  });

  it('when its queue or topic is made so', async () => {
    const folder = scratchFolder();
    const server = await startServer(lazy(folder));
    await command(server, 'queue.create', { name: 'q', config: { durability: 'sync' } });
    await command(server, 'topic.create', { topic: 't', durability: 'sync' });
    const { message_id: id } = await command(server, 'queue.publish', { queue: 'q', payload: 'hello' });
    await command(server, 'topic.publish', { topic: 't', event_type: 'e', data: 1 });
    await server.stop('SIGKILL');
    const again = await startServer(lazy(folder));
    expect(await command(again, 'queue.stats', { queue: 'q' })).toMatchObject({ depth: 1 });
    const { message } = await command(again, 'queue.consume', { queue: 'q', consumer_id: 'w' });
    expect((message as { id: string }).id).toBe(id);
    const { partitions } = (await command(again, 'topic.stats', { topic: 't' })) as {
      partitions: { message_count: number }[];
    };
    expect(partitions.reduce((sum, one) => sum + one.message_count, 0)).toBe(1);
    await again.stop();
  });

  it('and every write does after a stop that was asked for', async () => {
    const folder = scratchFolder();
    const server = await startServer(lazy(folder));
    await command(server, 'kv.set', { key: 'k', value: 'v', ttl: 1000 });
    await command(server, 'stream.create', { room: 'r' });
    await command(server, 'stream.publish', { room: 'r', event: 'e', data: { n: 1 } });
    expect(await server.stop()).toBe(0);
    const again = await startServer(lazy(folder));
    expect((await command(again, 'kv.ttl', { key: 'k' }))['ttl']).toBeGreaterThan(900);
    expect(await command(again, 'stream.publish', { room: 'r', event: 'e', data: 2 })).toEqual({
      offset: 1,
      room: 'r',
    });
    await again.stop();
  });
});

describe('the data folder', () => {
  it('belongs to one process at a time, and a kill frees it', async () => {
    const folder = scratchFolder();
    const server = await startServer(['--data-dir', folder]);
    const second = await runMain(['--port', '0', '--data-dir', folder]);
    expect([second.code, second.output]).toEqual([
      1,
      expect.stringMatching(/^synapd: the data folder .* is in use by process \d+/m),
    ]);
    await server.stop('SIGKILL');
    const third = await startServer(['--data-dir', folder]);
    expect(await third.stop()).toBe(0);
  });

  it('is not touched by a server that keeps everything in memory, which says so', async () => {
    const folder = join(scratchFolder(), 'data');
    const server = await startServer(['--memory', '--data-dir', folder]);
    expect(server.output.text).toContain('in memory only');
    expect(await (await fetch(`${server.base}/ready`)).json()).toMatchObject({ ready: true, durability: 'memory' });
    const snapshot = await fetch(`${server.base}/snapshot`, { method: 'POST' });
    expect([snapshot.status, await snapshot.json()]).toEqual([
      400,
      { code: 400, error: 'Invalid request: Persistence is disabled' },
    ]);
    await server.stop();
    expect(existsSync(folder)).toBe(false);
  });
});

describe('a backup', () => {
  it('of a running server is sound, and a data folder made of it has the state of that moment', async () => {
    const folder = scratchFolder();
    const backups = scratchFolder();
    const server = await startServer(['--data-dir', folder, '--backup-dir', backups]);
    for (let i = 0; i < 100; i++) await command(server, 'kv.set', { key: `k${i}`, value: i });
    const made = await runMain(['backup', 'first', '--url', server.base]);
    expect([made.code, made.output]).toEqual([0, expect.stringMatching(/^wrote the backup first: \d+ bytes/)]);
    await command(server, 'kv.set', { key: 'later', value: 1 });
    const snapshot = await fetch(`${server.base}/snapshot`, { method: 'POST' });
    expect(await snapshot.json()).toMatchObject({ success: true, message: 'Snapshot triggered successfully' });
    const twice = await runMain(['backup', 'first', '--url', server.base]);
    expect([twice.code, twice.output]).toEqual([1, expect.stringContaining('a backup named first exists')]);
    await expect(command(server, 'server.backup', { name: '../outside' })).rejects.toThrow('Invalid value');
    await server.stop();

    const checked = await runMain(['check', join(backups, 'first')]);
    expect([checked.code, checked.output]).toEqual([0, expect.stringContaining('is sound: 10')]);
    const restored = join(scratchFolder(), 'restored');
    expect((await runMain(['restore', join(backups, 'first'), restored])).code).toBe(0);
    const again = await startServer(['--data-dir', restored]);
    expect(await command(again, 'kv.dbsize', {})).toEqual({ size: 100 });
    await again.stop();
    const refused = await runMain(['restore', join(backups, 'first'), restored]);
    expect(refused.code).toBe(1);
  });
});
