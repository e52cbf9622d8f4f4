/** What each level promises, on a disk that forgets, fails and stalls. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CommandError } from '../../src/core/errors.ts';
import { LIMITS } from '../../src/core/limits.ts';
import type { Level } from '../../src/store/durable.ts';
import { FORMAT_TABLE } from '../../src/store/format.ts';
import { Walk } from '../../src/store/walk.ts';
import { runs, seed } from '../support/seed.ts';
import { ForgetfulDisk, type Tables } from './support/forgetful.ts';
import { type Opened, openStore, turn } from './support/open.ts';
import { Toy } from './support/toy.ts';

interface OnDisk extends Opened {
  readonly disk: ForgetfulDisk;
}

async function onDisk(level: Level, flushMs = 50): Promise<OnDisk> {
  const disk = new ForgetfulDisk();
  const opened = await openStore({ backend: disk, level, flushMs });
  opened.store.urgent(); // the record about the format goes out of the way
  await settle();
  return { ...opened, disk };
}

/** Lets everything happen that needs no clock and no disk. */
async function settle(): Promise<void> {
  for (let i = 0; i < 4; i++) await turn();
}

/** The disk as it would be after a power cut at this moment. */
function powerCut({ disk }: { disk: ForgetfulDisk }): ForgetfulDisk {
  const image = new ForgetfulDisk();
  image.durable = new Map([...(disk.durable as Tables)].map(([name, rows]) => [name, new Map(rows)]));
  return image;
}

/** What an engine would get back from a disk. */
async function whatIsOn(disk: ForgetfulDisk): Promise<Toy> {
  const toy = new Toy('a', 'b');
  const source = disk.read();
  const walk = new Walk(source);
  for (const table of source.tables)
    await walk.table(table, (key, value) => {
      if (table.name !== FORMAT_TABLE) toy.put(table.name, key, value);
    });
  expect(walk.damages).toEqual([]);
  return toy;
}

/** What would come back after a power cut at this moment; the store goes on. */
const afterPowerCut = (opened: OnDisk): Promise<Toy> => whatIsOn(powerCut(opened));

describe('level sync', () => {
  it('flushes at the end of the turn, and everyone who waits shares one flush', async () => {
    const opened = await onDisk('sync');
    const { store, disk } = opened;
    const seen: number[] = [];
    store.onFlushed((flushed) => seen.push(flushed));
    const before = disk.commits;
    disk.slow = true;
    store.put('a', 'first', 1);
    const first = store.position();
    await settle();
    for (let i = 0; i < 100; i++) {
      store.put('a', `writer ${i}`, i);
      await turn(); // each in a turn of its own, while the first flush is under way
    }
    expect(store.flushed).toBe(first - 1);
    disk.land();
    await settle();
    expect(store.flushed).toBe(first);
    disk.land();
    await settle();
    expect(store.flushed).toBe(store.position());
    expect(disk.commits - before).toBe(2);
    expect(seen).toEqual([first, store.position()]);
    expect((await afterPowerCut(opened)).rows.get('a')?.size).toBe(101);
  });

  it('never writes half of a turn', async () => {
    const opened = await onDisk('sync');
    opened.disk.slow = true;
    opened.store.put('a', 'x', 1);
    await settle();
    opened.store.put('a', 'from', 0);
    opened.store.put('b', 'to', 100);
    opened.disk.land();
    opened.disk.slow = false;
    await settle();
    const back = await afterPowerCut(opened);
    expect(back.snapshot()).toEqual({
      a: [
        ['from', 0],
        ['x', 1],
      ],
      b: [['to', 100]],
    });
  });
});

describe('level batch', () => {
  it('writes nothing before its time and everything when it has come', async () => {
    const { store, disk, clock, timers } = await onDisk('batch', 50);
    const before = disk.commits;
    store.put('a', 'k', 1);
    clock.advance(49);
    timers.run();
    await settle();
    expect(disk.commits).toBe(before);
    expect(store.stats().behindMs).toBe(49);
    clock.advance(1);
    timers.run();
    await settle();
    expect(disk.commits).toBe(before + 1);
    expect(store.flushed).toBe(store.position());
    expect(store.stats().behindMs).toBe(0);
    await store.close();
  });

  it('lets one request ask for more', async () => {
    const { store, disk } = await onDisk('batch', 50);
    const before = disk.commits;
    store.put('a', 'k', 1);
    const position = store.urgent();
    expect(position).toBe(store.position());
    expect(store.flushed).toBeLessThan(position);
    await settle();
    expect(disk.commits).toBe(before + 1);
    expect(store.flushed).toBe(position);
    expect(store.urgent()).toBe(store.flushed); // nothing is left to wait for
    await store.close();
  });

  it('does not wait for the clock when much has gathered', async () => {
    const { store, disk } = await onDisk('batch', 1_000_000);
    const before = disk.commits;
    for (let i = 0; i < 3_000; i++) store.put('a', `k${i}`, i);
    await settle();
    expect(disk.commits).toBe(before + 1);
    store.put('a', 'large', 'x'.repeat(5_000_000));
    await settle();
    expect(disk.commits).toBe(before + 2);
    await store.close();
  });

  it('keeps only the last word about a key', async () => {
    const opened = await onDisk('batch');
    const { store } = opened;
    for (let i = 0; i < 1_000; i++) store.put('a', 'counter', i);
    store.put('a', 'gone', 1);
    store.remove('a', 'gone');
    store.put('b', 'before', 1);
    store.clear('b');
    store.put('b', 'after', 2);
    expect(store.stats().backlogRecords).toBe(3);
    store.urgent();
    await settle();
    expect(store.stats().backlogRecords).toBe(0);
    expect(store.stats().backlogBytes).toBe(0);
    expect((await afterPowerCut(opened)).snapshot()).toEqual({ a: [['counter', 999]], b: [['after', 2]] });
  });
});

describe('level none', () => {
  it('writes all the same, later', async () => {
    const { store, disk, clock, timers } = await onDisk('none');
    const before = disk.commits;
    store.put('a', 'k', 1);
    clock.advance(999);
    timers.run();
    await settle();
    expect(disk.commits).toBe(before);
    clock.advance(1);
    timers.run();
    await settle();
    expect(disk.commits).toBe(before + 1);
    await store.close();
  });
});

describe('a disk that fails', () => {
  const noSpace = Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
  const broken = Object.assign(new Error('Input/output error'), { code: 5 });

  it('ends every wait with an error, refuses writes with the right code, and is written to again by itself', async () => {
    for (const [error, code, status] of [
      [noSpace, 'STORE_FULL', 507],
      [broken, 'READ_ONLY', 503],
    ] as const) {
      const opened = await onDisk('sync');
      const { store, disk, clock, timers } = opened;
      const heard: [number, CommandError | undefined][] = [];
      store.onFlushed((flushed, refusal) => heard.push([flushed, refusal]));
      store.put('a', 'before', 1);
      await settle();
      const sound = store.flushed;
      disk.fault = { error, kept: false };
      store.put('a', 'lost?', 2);
      await settle();
      expect(store.flushed).toBe(sound);
      expect(heard.map(([flushed, refusal]) => [flushed, refusal?.code])).toEqual([
        [sound, undefined],
        [sound, code],
      ]);
      expect(store.writable()).toMatchObject({ code, status });
      expect(store.stats()).toMatchObject({ state: 'failing', failures: 1 });
      store.put('a', 'by a timer', 3); // what no client asked for still happens
      await settle();
      clock.advance(1_000);
      timers.run(); // an attempt that fails as well
      await settle();
      expect(store.stats()).toMatchObject({ state: 'failing', failures: 2 });
      expect(store.flushed).toBe(sound);
      expect((await afterPowerCut(opened)).rows.get('a')?.size).toBe(1);
      disk.fault = undefined;
      clock.advance(1_000);
      timers.run();
      await settle();
      expect(store.writable()).toBeUndefined();
      expect(store.stats()).toMatchObject({ state: 'ok', reason: '' });
      expect(store.flushed).toBe(store.position());
      expect((await afterPowerCut(opened)).snapshot()).toEqual({
        a: [
          ['before', 1],
          ['by a timer', 3],
          ['lost?', 2],
        ],
      });
    }
  });

  it('forgets nothing that happens while it fails', async () => {
    const opened = await onDisk('sync');
    const { store, disk } = opened;
    disk.slow = true;
    disk.fault = { error: broken, kept: true }; // it reaches the disk, but nobody can know
    store.put('a', 'under way', 1);
    store.put('b', 'under way', 1);
    await settle();
    store.put('a', 'meanwhile', 2);
    store.clear('b');
    store.put('b', 'after', 3);
    disk.land();
    await settle();
    expect(store.writable()).toBeDefined();
    store.remove('a', 'under way');
    disk.slow = false;
    disk.fault = undefined;
    await store.close();
    expect((await afterPowerCut(opened)).snapshot()).toEqual({ a: [['meanwhile', 2]], b: [['after', 3]] });
  });

  it('closes with an error that says how much could not be written', async () => {
    const { store, disk } = await onDisk('sync');
    disk.fault = { error: broken, kept: false };
    store.put('a', 'k', 1);
    store.put('a', 'l', 1);
    await settle();
    await expect(store.close()).rejects.toThrow('the last 2 changes could not be written');
  });

  it('gets one more chance when the store is closed', async () => {
    const opened = await onDisk('sync');
    opened.disk.fault = { error: broken, kept: false };
    opened.store.put('a', 'k', 1);
    await settle();
    opened.disk.fault = undefined;
    await opened.store.close();
    expect((await afterPowerCut(opened)).snapshot()).toEqual({ a: [['k', 1]] });
  });

  it('is not asked to hold what is no data: that is named, and nothing after it is acknowledged', async () => {
    const { store, clock, timers } = await onDisk('sync');
    const before = store.flushed;
    store.put('a', 'bad', (() => 1) as never);
    await settle();
    expect(store.writable()?.message).toContain("the record 'bad' of 'a' cannot be stored");
    expect(store.flushed).toBe(before);
    store.remove('a', 'bad');
    clock.advance(1_000);
    timers.run();
    await settle();
    expect(store.writable()).toBeUndefined();
    await store.close();
  });
});

describe('a disk that is slow', () => {
  it('makes writes be refused rather than memory grow for ever', async () => {
    const { store, disk } = await onDisk('batch');
    disk.slow = true;
    store.put('a', 'x', 1);
    store.urgent();
    await settle();
    const piece = 'x'.repeat(1024 * 1024);
    const fits = Math.floor(LIMITS.storeBacklogBytes / (2 * piece.length));
    for (let i = 0; i < fits - 1; i++) store.put('a', `k${i}`, piece);
    expect(store.writable()).toBeUndefined();
    store.put('a', 'one more', piece);
    store.put('a', 'and one', piece);
    expect(store.writable()).toMatchObject({ code: 'UNAVAILABLE' });
    store.clear('a');
    disk.slow = false;
    disk.land();
    await settle();
    expect(store.writable()).toBeUndefined();
    await store.close();
  });
});

/** What may happen next in a history. */
type Step =
  | { do: 'put'; table: string; key: string; value: number }
  | { do: 'remove'; table: string; key: string }
  | { do: 'clear'; table: string }
  | { do: 'urgent' | 'turn' | 'flush interval' | 'land' | 'heal' }
  | { do: 'break'; kept: boolean };

const table = fc.constantFrom('a', 'b');
const key = fc.constantFrom('', '1', '2', '3', '4');
const step: fc.Arbitrary<Step> = fc.oneof(
  { arbitrary: fc.record({ do: fc.constant('put' as const), table, key, value: fc.nat({ max: 99 }) }), weight: 8 },
  { arbitrary: fc.record({ do: fc.constant('remove' as const), table, key }), weight: 3 },
  { arbitrary: fc.record({ do: fc.constant('clear' as const), table }), weight: 1 },
  { arbitrary: fc.record({ do: fc.constantFrom('urgent' as const, 'heal' as const) }), weight: 1 },
  {
    arbitrary: fc.record({ do: fc.constantFrom('turn' as const, 'flush interval' as const, 'land' as const) }),
    weight: 3,
  },
  { arbitrary: fc.record({ do: fc.constant('break' as const), kept: fc.boolean() }), weight: 1 },
);

describe('any history', () => {
  it('leaves after a power cut exactly a prefix of itself, with all that was said to be on disk', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('sync' as const, 'batch' as const),
        fc.array(step, { maxLength: 60 }),
        async (level, steps) => {
          const opened = await onDisk(level);
          const { store, disk, clock, timers } = opened;
          disk.slow = true;
          const model = new Toy('a', 'b');
          // what every position looks like, and whether a turn ended there
          const history = new Map([[store.position(), JSON.stringify(model.snapshot())]]);
          const turnEnds = new Set([store.position()]);
          let promised = store.flushed;
          store.onFlushed((flushed) => {
            expect(flushed).toBeGreaterThanOrEqual(promised);
            promised = flushed;
          });
          for (const next of steps) {
            switch (next.do) {
              case 'put':
                store.put(next.table, next.key, next.value);
                model.put(next.table, next.key, next.value);
                break;
              case 'remove':
                store.remove(next.table, next.key);
                model.remove(next.table, next.key);
                break;
              case 'clear':
                store.clear(next.table);
                model.clear(next.table);
                break;
              case 'urgent':
                store.urgent();
                break;
              case 'break':
                disk.fault = { error: new Error('broken'), kept: next.kept };
                break;
              case 'heal':
                disk.fault = undefined;
                break;
              case 'land':
                disk.land();
                break;
              case 'flush interval':
                clock.advance(1_000);
                timers.run();
                break;
              case 'turn':
                break;
            }
            history.set(store.position(), JSON.stringify(model.snapshot()));
            if (next.do === 'turn' || next.do === 'land' || next.do === 'flush interval') {
              turnEnds.add(store.position());
              await settle();
            }
          }
          const image = powerCut(opened);
          const certain = promised;
          disk.fault = undefined;
          disk.slow = false;
          disk.land();
          await store.close();
          // whatever had failed, everything is there in the end
          expect((await whatIsOn(disk)).snapshot()).toEqual(model.snapshot());
          const back = JSON.stringify((await whatIsOn(image)).snapshot());
          const possible = [...turnEnds].filter((position) => position >= certain && history.get(position) === back);
          expect(possible, `${back} is no state between ${certain} and ${store.position()}`).not.toEqual([]);
        },
      ),
      { seed, numRuns: runs(120) },
    );
  });
});
