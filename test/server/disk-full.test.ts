/** A full disk as clients and operators meet it: refusals, reads that go on, and service that returns by itself. */
import { execFileSync, spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { scratchFolder, startServer } from '../support/process.ts';

const folder = scratchFolder();
const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=12m', 'tmpfs', folder]).status === 0;
if (!mounted) console.warn('a small tmpfs cannot be mounted here: the full disk is only tested below the store');
afterAll(() => {
  if (mounted) execFileSync('umount', ['-l', folder]);
});

describe.skipIf(!mounted)('while the disk is full', () => {
  it('writes are refused with 507, reads go on, readiness says so, and service returns when there is room', async () => {
    const ballast = join(folder, 'ballast');
    writeFileSync(ballast, Buffer.alloc(4 * 1024 * 1024, 1));
    const args = ['--data-dir', join(folder, 'data'), '--durability', 'sync', '--log-level', 'off'];
    const server = await startServer(args);
    const set = (key: string): Promise<Response> =>
      fetch(`${server.base}/kv/set`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ key, value: 'x'.repeat(60_000) }),
      });
    const ready = async (): Promise<number> => (await fetch(`${server.base}/ready`)).status;
    const acknowledged: string[] = [];
    let refusal: { code: number; error: string } | undefined;
    for (let i = 0; i < 300 && refusal === undefined; i++) {
      const answer = await set(`k${i}`);
      if (answer.ok) acknowledged.push(`k${i}`);
      else refusal = (await answer.json()) as { code: number; error: string };
    }
    expect(refusal).toEqual({ code: 507, error: expect.stringMatching(/^Storage is full: /) });
    expect(acknowledged.length).toBeGreaterThan(5);
    expect((await set('refused')).status).toBe(507);
    expect((await fetch(`${server.base}/kv/get/${acknowledged[0]}`)).status).toBe(200);
    expect(await ready()).toBe(503);

    rmSync(ballast);
    await expect.poll(async () => (await set('after')).status, { timeout: 20_000, interval: 200 }).toBe(200);
    expect(await ready()).toBe(200);
    await server.stop('SIGKILL');
    const again = await startServer(args);
    for (const key of [...acknowledged, 'after'])
      expect([key, ((await (await fetch(`${again.base}/kv/get/${key}`)).json()) as string).length]).toEqual([
        key,
        60_000,
      ]);
    expect(await again.stop()).toBe(0);
  });
});
