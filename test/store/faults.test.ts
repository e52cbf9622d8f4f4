/** Real faults of real disks: full, read-only, failing at the system call. */
import { spawnSync } from 'node:child_process';
import { chmodSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { checkFolder } from '../../src/store/check.ts';
import { scratchFolder } from '../support/process.ts';
import { missing, startChild } from './support/child.ts';
import { openStore, reread, until } from './support/open.ts';

const run = (command: string, ...args: string[]): number | null => spawnSync(command, args, { stdio: 'ignore' }).status;

/** A file system of its own, gone after the test; undefined when this user may not mount one. */
function mounted(...options: string[]): string | undefined {
  const folder = scratchFolder();
  if (missing('a file system of its own', 'mount', ...options, folder)) return undefined;
  onTestFinished(() => {
    run('umount', '-l', folder);
  });
  return folder;
}

describe('a full disk', () => {
  it('refuses writes with STORE_FULL while reads go on, and takes them again when there is room', async (test) => {
    const disk = mounted('-t', 'tmpfs', '-o', 'size=6m', 'tmpfs');
    if (disk === undefined) return test.skip();
    const folder = join(disk, 'data');
    const { store, clock, timers } = await openStore({ folder, level: 'sync' });
    const told: (string | undefined)[] = [];
    store.onFlushed((_flushed, error) => told.push(error?.code));
    let n = 0;
    const write = async (): Promise<void> => {
      store.put('a', `k${n++}`, new Uint8Array(200_000));
      await until(() => store.flushed === store.position() || store.writable() !== undefined);
    };
    while (store.writable() === undefined && n < 100) await write();
    expect(n).toBeLessThan(60);
    expect(store.writable()).toMatchObject({ code: 'STORE_FULL', status: 507 });
    expect(told.at(-1)).toBe('STORE_FULL');
    expect(store.flushed).toBeLessThan(store.position());
    const certain = store.flushed;
    for (let i = 0; i < 3; i++) {
      clock.advance(1_000);
      timers.run();
      await until(() => store.stats().failures === i + 2);
    }
    expect(store.flushed).toBe(certain); // trying again is not succeeding
    run('mount', '-o', 'remount,size=60m', disk);
    clock.advance(1_000);
    timers.run();
    await until(() => store.writable() === undefined);
    expect(store.flushed).toBe(store.position());
    await write();
    await store.close();
    expect((await checkFolder(folder)).damages).toEqual([]);
    expect((await reread({ folder })).rows.get('a')?.size).toBe(n);
  });

  it('is named at start, in one line, for new data as for old', async (test) => {
    const disk = mounted('-t', 'tmpfs', '-o', 'size=1m', 'tmpfs');
    if (disk === undefined) return test.skip();
    const fill = join(disk, 'fill');
    const { store, folder } = await openStore({ folder: join(disk, 'old') });
    await store.close();
    run('sh', '-c', `cat /dev/zero > ${fill}`);
    for (const name of [folder, join(disk, 'new')])
      await expect(openStore({ folder: name })).rejects.toMatchObject({
        code: 'UNUSABLE',
        message: `the data folder ${name} cannot be used: the disk is full`,
      });
    run('rm', fill);
    expect((await reread({ folder })).snapshot()).toEqual({});
  });
});

describe('a read-only folder', () => {
  it('is named at start', async (test) => {
    const { store, folder } = await openStore();
    await store.close();
    const expected = /^the data folder .* cannot be used: (it is read-only|this user may not write there)$/;
    if (process.getuid?.() !== 0) {
      chmodSync(folder, 0o500);
      onTestFinished(() => chmodSync(folder, 0o700));
      await expect(openStore({ folder })).rejects.toThrow(expected);
      return;
    }
    const target = mounted('--bind', folder);
    if (target === undefined || run('mount', '-o', 'remount,ro,bind', target) !== 0) return test.skip();
    await expect(openStore({ folder: target })).rejects.toThrow(expected);
  });
});

describe('a system call that fails', () => {
  it('is never taken for one that worked: nothing is acknowledged until a new transaction is on disk', async (test) => {
    if (missing('faults in system calls', 'strace', '-o', '/dev/null', 'true')) return test.skip();
    const faults = ['fdatasync:error=EIO:when=6', 'pwrite64:error=EIO:when=9', 'writev:error=ENOSPC:when=5..6'];
    await Promise.all(faults.map(survives));
  });

  async function survives(fault: string): Promise<void> {
    const folder = scratchFolder();
    const call = fault.split(':')[0] as string;
    const strace = ['strace', '-f', '-q', '-o', '/dev/null', '-e', `trace=${call}`, '-e', `inject=${fault}`];
    const child = startChild('writer.ts', [folder, 'sync', '0'], strace, { UV_THREADPOOL_SIZE: '1' });
    await child.says('refused');
    await child.says('written again');
    const text = await child.kill();
    expect(text).toMatch(/refused (READ_ONLY|STORE_FULL)/);
    // between the failure and the recovery nothing was acknowledged
    expect(text.slice(text.indexOf('refused'), text.indexOf('written again'))).not.toContain('ack');
    const acks = [...text.matchAll(/^ack (\d+) /gm)].map((match) => Number(match[1]));
    expect((await checkFolder(folder)).damages).toEqual([]);
    const rows = [...((await reread({ folder })).rows.get('a') ?? [])];
    const numbers = rows.map(([, value]) => (value as [string, number])[1]);
    expect(Math.max(...numbers)).toBeGreaterThanOrEqual(acks.at(-1) ?? 0);
  }

  it('comes after the acknowledgement never: the pages are flushed, then the page that names them, then it is said', async (test) => {
    if (missing('a look at system calls', 'strace', '-o', '/dev/null', 'true')) return test.skip();
    const folder = scratchFolder();
    const trace = join(scratchFolder(), 'trace');
    const strace = ['strace', '-f', '-q', '-s', '40', '-o', trace, '-e', 'trace=openat,fdatasync,pwrite64,write'];
    const child = startChild('writer.ts', [folder, 'sync', '0'], strace);
    await child.says('commit 20\n');
    await child.kill();
    const metas = new Set<string>();
    let [flushed, committed, said] = [false, 0, 0];
    for (const line of readFileSync(trace, 'utf8').split('\n')) {
      const opened = /openat\(.*data\.mdb(?:\.new)?".*O_DSYNC.* = (\d+)$/.exec(line);
      if (opened !== null) metas.add(opened[1] as string);
      if (/fdatasync(\(\d+| resumed>)\) += 0$/.test(line)) flushed = true;
      const meta = /pwrite64\((\d+), .*, 128, (40|4136)/.exec(line);
      if (meta !== null) {
        expect(metas.has(meta[1] as string), line).toBe(true);
        expect(flushed, line).toBe(true);
        flushed = false;
        committed++;
      }
      const ack = /write\(1, "commit (\d+)/.exec(line);
      if (ack !== null) {
        said++;
        expect(committed).toBeGreaterThanOrEqual(Number(ack[1]));
      }
    }
    expect(said).toBeGreaterThanOrEqual(20);
  });
});
