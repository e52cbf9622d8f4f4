/** The data folder: who has it, what it is, and copies of it. */
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Plain } from '../../src/core/ports.ts';
import { restoreBackup } from '../../src/store/backup.ts';
import { checkFolder } from '../../src/store/check.ts';
import { FORMAT_KEY, FORMAT_TABLE, type Formats } from '../../src/store/format.ts';
import { scratchFolder } from '../support/process.ts';
import { missing, startChild } from './support/child.ts';
import { openStore, reread, turn, until } from './support/open.ts';

describe('the lock', () => {
  it('keeps a second process out, names the first, and is gone with it however it ends', async () => {
    const folder = scratchFolder();
    const child = startChild('writer.ts', [folder, 'batch', '0']);
    await child.says('ready');
    await expect(openStore({ folder })).rejects.toMatchObject({
      code: 'LOCKED',
      message: `the data folder ${folder} is in use by process ${child.process.pid}; one server at a time can have it`,
    });
    await expect(checkFolder(folder)).rejects.toMatchObject({ code: 'LOCKED' });
    await child.kill();
    const { store } = await openStore({ folder });
    await store.close();
  });

  it('keeps this process from itself', async () => {
    const first = await openStore();
    await expect(openStore({ folder: first.folder })).rejects.toMatchObject({ code: 'LOCKED' });
    first.store.put('a', 'k', 1);
    await first.store.close();
    const second = await openStore({ folder: first.folder });
    await second.store.close();
  });

  it('is not fooled by process numbers: two containers may both have a process 1', async (test) => {
    const unshare = ['unshare', '--pid', '--fork', '--kill-child'];
    if (missing('process numbers of containers', 'unshare', '--pid', '--fork', 'true')) return test.skip();
    const folder = scratchFolder();
    const first = startChild('writer.ts', [folder, 'batch', '0'], unshare);
    await first.says('ready');
    const second = startChild('writer.ts', [folder, 'batch', '0'], unshare);
    await second.says('in use by process 1;');
    await second.kill();
    await first.kill();
    await (await openStore({ folder })).store.close();
  });

  it('is given back when a start is refused', async () => {
    const folder = scratchFolder();
    writeFileSync(join(folder, 'data.mdb'), 'x'.repeat(9_000));
    for (let i = 0; i < 2; i++) await expect(openStore({ folder })).rejects.toMatchObject({ code: 'NOT_A_STORE' });
  });
});

describe('formats', () => {
  /** A made-up table: numbers at first, then pairs, then pairs under a longer key. */
  const upgrades = [
    (key: string, value: Plain) => [[key, [value as number, 'new']] as const],
    (key: string, value: Plain) => (key === 'drop' ? [] : [[`${key.length}:${key}`, value] as const]),
  ];
  const at = (version: number): Formats => ({ a: { upgrades: upgrades.slice(0, version - 1) } });

  async function written(formats: Formats): Promise<string> {
    const { store, folder } = await openStore({ formats });
    for (const key of ['zz', 'yyy', 'x', 'drop']) store.put('a', key, 7);
    store.put('b', 'other', 1);
    await store.close();
    return folder;
  }

  it('are brought up to date once, in order, in one transaction', async () => {
    const folder = await written(at(1));
    const { store, toy } = await openStore({ folder, formats: at(3), level: 'none' });
    expect(store.flushed).toBe(store.position()); // before anything is served
    expect(toy.order).toEqual(['a 1:x', 'a 2:zz', 'a 3:yyy', 'b other']);
    expect(toy.rows.get('a')?.get('1:x')).toEqual([7, 'new']);
    const expected = toy.snapshot();
    await store.close();
    expect((await checkFolder(folder)).tables).toEqual([
      { table: 'a', version: 3, records: 3 },
      { table: 'b', version: 1, records: 1 },
    ]);
    const again = await openStore({ folder, formats: at(3) });
    expect(again.toy.snapshot()).toEqual(expected);
    expect(again.store.position()).toBe(0); // nothing was left to do
    await again.store.close();
  });

  it('that are newer are refused, and nothing is touched', async () => {
    const folder = await written(at(3));
    const before = readFileSync(join(folder, 'data.mdb'));
    await expect(openStore({ folder, formats: at(2) })).rejects.toMatchObject({
      code: 'NEWER_FORMAT',
      message:
        "table 'a' is of format 3, this server knows 2: it was written by a newer version, which must be used to read it",
    });
    await expect(openStore({ folder, formats: {} })).rejects.toMatchObject({ code: 'NEWER_FORMAT' });
    expect(readFileSync(join(folder, 'data.mdb')).equals(before)).toBe(true);
    const stranger = await openStore({ folder, formats: {}, tables: ['b'] }); // what nobody owns is nobody's business
    await stranger.store.close();
    expect((await reread({ folder, formats: at(3) })).rows.get('a')?.size).toBe(4);
  });

  it('of the whole that are newer, or senseless, are refused as well', async () => {
    for (const [record, code] of [
      [{ version: 2, tables: {} }, 'NEWER_FORMAT'],
      [{ version: 'one' }, 'DAMAGED'],
      [null, 'DAMAGED'],
    ] as [Plain, string][]) {
      const { store, folder } = await openStore();
      store.put(FORMAT_TABLE, FORMAT_KEY, record);
      await store.close();
      await expect(openStore({ folder })).rejects.toMatchObject({ code });
      if (code === 'NEWER_FORMAT') await expect(checkFolder(folder)).rejects.toMatchObject({ code });
    }
    const { store, folder } = await openStore();
    store.remove(FORMAT_TABLE, FORMAT_KEY);
    await store.close();
    await expect(openStore({ folder })).rejects.toMatchObject({ code: 'DAMAGED' });
    expect((await checkFolder(folder)).damages).toEqual([
      { table: FORMAT_TABLE, key: FORMAT_KEY, reason: 'the record is missing' },
    ]);
  });
});

describe('a backup', () => {
  it('is the state of one moment, taken while the server writes, and can be checked and restored', async () => {
    const { store, folder, timers, clock } = await openStore({ level: 'sync' });
    const round = (n: number): void => {
      for (let i = 0; i < 40; i++) store.put('a', `k${i}`, n);
      store.put('b', 'round', n);
      store.put('b', `payload ${n % 8}`, 'x'.repeat(400_000));
    };
    let n = 0;
    for (; n < 8; n++) {
      round(n);
      await turn();
    }
    const target = join(scratchFolder(), 'backup');
    const progress: [number, number][] = [];
    let done = false;
    const backup = store
      .backup(target, (bytes, total) => progress.push([bytes, total]))
      .finally(() => {
        done = true;
      });
    while (!done) {
      round(n++);
      await turn();
      clock.advance(200);
      timers.run();
    }
    const report = await backup;
    expect(report.bytes).toBe(statSync(join(target, 'data.mdb')).size);
    expect(progress.at(-1)).toEqual([report.bytes, report.bytes]);
    expect(readdirSync(target)).toEqual(['data.mdb']);
    for (const own of [join(folder, 'data.mdb'), target, join(target, 'data.mdb')])
      expect(statSync(own).mode & 0o077, own).toBe(0); // nobody else's business
    const checked = await checkFolder(target);
    expect(checked.damages).toEqual([]);
    expect(readdirSync(target)).toEqual(['data.mdb']); // checking leaves nothing behind
    const restored = join(scratchFolder(), 'restored');
    const copied: number[] = [];
    expect((await restoreBackup(target, restored, { copy: (bytes) => copied.push(bytes) })).records).toBe(
      checked.records,
    );
    expect(copied.at(-1)).toBe(report.bytes);
    const { rows } = await reread({ folder: restored });
    const moment = rows.get('b')?.get('round') as number;
    expect(moment).toBeGreaterThanOrEqual(7);
    expect(new Set(rows.get('a')?.values())).toEqual(new Set([moment]));
    await until(() => store.flushed === store.position());
    await store.close();
    expect((await checkFolder(folder)).damages).toEqual([]);
  });

  it('never overwrites anything', async () => {
    const { store } = await openStore();
    const target = scratchFolder();
    await store.backup(join(target, 'one'));
    await expect(store.backup(join(target, 'one'))).rejects.toMatchObject({ code: 'NOT_EMPTY' });
    writeFileSync(join(target, 'file'), '');
    await expect(store.backup(join(target, 'file'))).rejects.toMatchObject({ code: 'UNUSABLE' });
    mkdirSync(join(target, 'two'));
    writeFileSync(join(target, 'two', 'mine'), 'precious');
    await expect(restoreBackup(join(target, 'one'), join(target, 'two'))).rejects.toMatchObject({ code: 'NOT_EMPTY' });
    expect(readdirSync(join(target, 'two'))).toEqual(['mine']);
    await store.close();
    await expect(store.backup(join(target, 'three'))).rejects.toMatchObject({ code: 'NOTHING_STORED' });
  });

  it('is not restored when it is damaged, and not found where there is none', async () => {
    const { store } = await openStore();
    for (let i = 0; i < 100; i++) store.put('a', `k${i}`, 'x'.repeat(100));
    const target = scratchFolder();
    await store.backup(join(target, 'backup'));
    await store.close();
    const file = join(target, 'backup', 'data.mdb');
    const bytes = readFileSync(file);
    bytes[bytes.lastIndexOf('xxxx')] = 0;
    writeFileSync(file, bytes);
    await expect(restoreBackup(join(target, 'backup'), join(target, 'new'))).rejects.toMatchObject({ code: 'DAMAGED' });
    expect(existsSync(join(target, 'new'))).toBe(false);
    await expect(restoreBackup(target, join(target, 'new'))).rejects.toMatchObject({ code: 'NOTHING_STORED' });
  });
});
