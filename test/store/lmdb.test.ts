/** The store on a real disk. */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { byBytes } from '../../src/core/json.ts';
import type { Log, Plain } from '../../src/core/ports.ts';
import { silent } from '../../src/core/ports.ts';
import { checkFolder } from '../../src/store/check.ts';
import { LmdbStore } from '../../src/store/lmdb.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { scratchFolder } from '../support/process.ts';
import { RecordingStore } from '../support/recorder.ts';
import { runs, seed } from '../support/seed.ts';
import { NOW, openStore, reread, turn, until } from './support/open.ts';
import { Toy } from './support/toy.ts';

describe('recovery', () => {
  it('gives engines what a recording of the same statements gives them', async () => {
    const key = fc.oneof(
      fc.constantFrom('', '\0', 'a\0b', '\ud800', '\udc00\ud800', '￿', '😀', 'k'.repeat(1_899), '€'.repeat(700)),
      fc.string({ unit: 'binary', maxLength: 8 }),
    );
    const value: fc.Arbitrary<Plain> = fc.oneof(
      fc.tuple(fc.string({ unit: 'binary' }), fc.constantFrom(null, NOW)),
      fc.record({ n: fc.integer(), list: fc.array(fc.bigInt()), bytes: fc.uint8Array() }),
      fc.constantFrom('x'.repeat(3_000), 'y'.repeat(100_000)),
    ) as fc.Arbitrary<Plain>;
    const statement = fc.oneof(
      { arbitrary: fc.tuple(fc.constant('put' as const), fc.constantFrom('a', 'b'), key, value), weight: 6 },
      { arbitrary: fc.tuple(fc.constant('remove' as const), fc.constantFrom('a', 'b'), key, value), weight: 2 },
      { arbitrary: fc.tuple(fc.constant('clear' as const), fc.constantFrom('a', 'b'), key, value), weight: 1 },
      { arbitrary: fc.tuple(fc.constant('turn' as const), fc.constantFrom('a', 'b'), key, value), weight: 2 },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(statement, { maxLength: 60 }), async (statements) => {
        const { store, folder } = await openStore({ level: 'sync' });
        const recording = new RecordingStore();
        for (const [what, table, k, v] of statements) {
          if (what === 'turn') await turn();
          for (const to of [store, recording]) {
            if (what === 'put') to.put(table, k, v);
            else if (what === 'remove') to.remove(table, k);
            else if (what === 'clear') to.clear(table);
          }
        }
        await store.close();
        const expected = new Toy('a', 'b');
        recording.restoreInto(expected, NOW);
        const found = await reread({ folder });
        expect(found.snapshot()).toStrictEqual(expected.snapshot());
        expect(found.restoredAt).toBe(NOW);
        expect((await checkFolder(folder)).sound).toBe(true);
      }),
      { seed, numRuns: runs(25) },
    );
  });

  it('hands over the tables in the order of the engines, and keys in the order of their bytes', async () => {
    const { store, folder } = await openStore({ tables: ['z', 'a', 'm'] });
    const keys = ['b', 'a', '', 'ä', 'zz', '￿', '😀', 'a\0', 'long'.repeat(475)]; // the last has 1,900 bytes
    for (const table of ['a', 'm', 'z']) for (const key of keys) store.put(table, key, 1);
    await store.close();
    const { order } = await reread({ folder, tables: ['z', 'a', 'm'] });
    const sorted = [...keys].sort(byBytes);
    expect(order).toEqual(['z', 'a', 'm'].flatMap((table) => sorted.map((key) => `${table} ${key}`)));
  });

  it('leaves tables alone that no engine owns, and says so', async () => {
    const first = await openStore({ tables: ['a', 'later'] });
    first.store.put('a', 'k', 1);
    for (let i = 0; i < 3; i++) first.store.put('later', `k${i}`, i);
    await first.store.close();
    const warnings: string[] = [];
    const log: Log = { ...silent, warn: (_fields, text) => warnings.push(text) };
    const store = await LmdbStore.open({ folder: first.folder, timers: first.timers, log });
    const report = await store.restoreInto([new Toy('a')], NOW);
    await store.close();
    expect(report).toMatchObject({ records: 4, skipped: [], unknown: [{ table: 'later', records: 3 }] });
    expect(warnings.join()).toContain("table 'later'");
    expect((await reread({ folder: first.folder, tables: ['a', 'later'] })).rows.get('later')?.size).toBe(3);
  });

  it('includes what engines state while they come back', async () => {
    const { store, folder } = await openStore();
    store.put('a', 'expired', 1);
    await store.close();
    const again = await LmdbStore.open({ folder, timers: (await openStore()).timers });
    class Reaper extends Toy {
      override restored(): void {
        again.remove('a', 'expired');
        again.put('a', 'trace', 2);
      }
    }
    await again.restoreInto([new Reaper('a', 'b')], NOW);
    await expect(again.restoreInto([], NOW)).rejects.toThrow('restores once');
    await again.close();
    expect((await reread({ folder })).snapshot()).toEqual({ a: [['trace', 2]] });
  });

  it('reports how far it is', async () => {
    const { store, folder, timers } = await openStore();
    for (let i = 0; i < 20_000; i++) store.put('a', `k${i}`, i);
    await store.close();
    const again = await LmdbStore.open({ folder, timers });
    const steps: number[] = [];
    const report = await again.restoreInto([new Toy('a', 'b')], NOW, ({ table, records, total }) => {
      expect([table, total]).toEqual(['a', 20_001]); // the record about the format is one as well
      steps.push(records);
    });
    await again.close();
    expect(report.records).toBe(20_000);
    expect(report.bytes).toBeGreaterThan(200_000);
    expect(steps).toEqual([8_192, 16_384, 20_000]);
  });
});

describe('the data file', () => {
  it('stays sound, and grows and is used again, over many transactions of all kinds', async () => {
    const { store, folder, timers } = await openStore({ level: 'sync' });
    const model = new Map<string, Plain>();
    let state = seed;
    const dice = (sides: number): number => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      return (state >>> 8) % sides;
    };
    for (let round = 0; round < 60; round++) {
      const changes = 1 + dice(round % 10 === 0 ? 4_000 : 200);
      for (let i = 0; i < changes; i++) {
        const key = `k${dice(6_000)}`;
        const kind = dice(100);
        if (kind < 30) {
          store.remove('a', key);
          model.delete(key);
        } else {
          const value = 'x'.repeat(dice(kind < 97 ? 300 : 60_000));
          store.put('a', key, value);
          model.set(key, value);
        }
      }
      if (round === 40) {
        store.clear('a');
        model.clear();
      }
      await turn();
      await until(() => store.flushed === store.position());
    }
    const { mapBytes, fileBytes, commits } = store.stats();
    expect(commits).toBeGreaterThanOrEqual(60);
    expect(mapBytes).toBeGreaterThanOrEqual(fileBytes);
    expect(fileBytes).toBeGreaterThan(4 * 1024 * 1024);
    await store.close();
    timers.stop();
    const report = await checkFolder(folder);
    expect(report.damages).toEqual([]);
    expect(report.tables).toEqual([{ table: 'a', version: 1, records: model.size }]);
    expect((await reread({ folder })).rows.get('a')).toEqual(model);
  });

  it('grows by a hundred megabytes without a stop', async () => {
    const { store, folder } = await openStore({ level: 'sync' });
    const piece = new Uint8Array(8 * 1024 * 1024);
    for (let i = 0; i < 14; i++) {
      piece[0] = i;
      store.put('a', `piece ${i}`, piece.slice());
      await until(() => store.flushed === store.position());
    }
    const { mapBytes, fileBytes } = store.stats();
    expect(fileBytes).toBeGreaterThan(112 * 1024 * 1024);
    expect(mapBytes).toBeGreaterThanOrEqual(fileBytes);
    await store.close();
    const back = [...((await reread({ folder })).rows.get('a') ?? [])];
    expect(back).toHaveLength(14);
    for (const [key, value] of back) expect(key).toBe(`piece ${(value as Uint8Array)[0]}`);
  });

  it('is made as a whole or not at all', async () => {
    const folder = scratchFolder();
    writeFileSync(join(folder, 'data.mdb'), ''); // a start that was cut off
    writeFileSync(join(folder, 'data.mdb.new'), 'half of something');
    const { store } = await openStore({ folder });
    store.put('a', 'k', 1);
    await store.close();
    expect(existsSync(join(folder, 'data.mdb.new'))).toBe(false);
    expect((await reread({ folder })).snapshot()).toEqual({ a: [['k', 1]] });
  });

  it('is refused when it is something else', async () => {
    const folder = scratchFolder();
    writeFileSync(join(folder, 'data.mdb'), 'x'.repeat(10_000));
    await expect(openStore({ folder })).rejects.toMatchObject({ code: 'NOT_A_STORE' });
    const file = join(scratchFolder(), 'file');
    writeFileSync(file, '');
    await expect(openStore({ folder: file })).rejects.toMatchObject({ code: 'UNUSABLE' });
    const nested = join(scratchFolder(), 'made', 'on', 'the', 'way');
    await (await openStore({ folder: nested })).store.close();
  });
});

describe('a closed store', () => {
  it('takes nothing any more, and may be closed twice', async () => {
    const { store, folder } = await openStore();
    store.put('a', 'k', 1);
    await store.close();
    store.put('a', 'late', 1);
    store.remove('a', 'k');
    store.clear('a');
    expect(store.writable()).toMatchObject({ code: 'UNAVAILABLE' });
    expect(store.stats().state).toBe('closed');
    await store.close();
    expect((await reread({ folder })).snapshot()).toEqual({ a: [['k', 1]] });
  });
});

describe('the store of a server that keeps nothing', () => {
  it('never makes anyone wait', async () => {
    const store = new MemoryStore();
    const toy = new Toy('a');
    expect(await store.restoreInto([toy], NOW)).toMatchObject({ records: 0 });
    expect(toy.restoredAt).toBe(NOW);
    store.put();
    expect([store.position(), store.urgent(), store.flushed, store.writable()]).toEqual([0, 0, 0, undefined]);
    expect(store.stats()).toMatchObject({ state: 'ok', backlogRecords: 0 });
    await expect(store.backup()).rejects.toMatchObject({ code: 'NOTHING_STORED' });
    await store.close();
  });
});
