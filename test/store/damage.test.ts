/** Bits that flip and files that end early: found and named, or harmless, never served. */
import { createHash } from 'node:crypto';
import { closeSync, openSync, readdirSync, readFileSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Plain } from '../../src/core/ports.ts';
import type { Source } from '../../src/store/backend.ts';
import { checkFolder } from '../../src/store/check.ts';
import { StoreError } from '../../src/store/errors.ts';
import { FORMAT_TABLE } from '../../src/store/format.ts';
import { LmdbBackend } from '../../src/store/lmdb-backend.ts';
import { PageFile } from '../../src/store/page-file.ts';
import { HEADER, META_FREE, META_TXN, NODE, type Tree, u64 } from '../../src/store/page-layout.ts';
import { Walk } from '../../src/store/walk.ts';
import { scratchFolder } from '../support/process.ts';
import { runs, seed } from '../support/seed.ts';
import { openStore, reread, turn, until } from './support/open.ts';

/** Places that are tried beside those that are always tried. */
const FLIPS = runs(600);

let folder: string;
let file: string;
let sound: Buffer;
/** What the newest transaction holds, and digests of it and of those before it. */
let newest: Map<string, Plain>;
const states: string[] = [];

beforeAll(async () => {
  const opened = await openStore({ level: 'sync' });
  const { store } = opened;
  folder = opened.folder;
  file = join(folder, 'data.mdb');
  const model = new Map<string, Plain>();
  const flush = async (): Promise<void> => {
    await turn();
    await until(() => store.flushed === store.position());
    states.unshift(digest(model));
    newest = new Map(model);
  };
  let value = 0;
  const put = (key: string, size: number): void => {
    const text = `${value++} `.padEnd(size, 'x');
    store.put('a', key, [text, null]);
    model.set(key, [text, null]);
  };
  for (let round = 0; round < 6; round++) {
    for (let i = 0; i < 150; i++) put(`key ${(i * 7 + round * 31) % 400}`, 20 + ((i * 37) % 200));
    put(`large ${round}`, 9_000);
    put(`${'long'.repeat(600)} ${round}`, 10);
    if (round === 3) for (let i = 0; i < 40; i++) remove(`key ${i}`);
    await flush();
  }
  function remove(key: string): void {
    store.remove('a', key);
    model.delete(key);
  }
  await store.close();
  sound = readFileSync(file);
});

/** Stands for everything in a table; records themselves would fill the screen when a test fails. */
function digest(rows: Map<string, Plain> = new Map()): string {
  const sorted = [...rows].sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash('md5').update(JSON.stringify(sorted)).digest('hex');
}

/** What a start would make of the file: it finds damage, or reads this. */
async function outcome(): Promise<string> {
  let source: Source;
  try {
    source = new LmdbBackend(folder).read();
  } catch (error) {
    expect(error).toBeInstanceOf(StoreError);
    return 'found';
  }
  const walk = new Walk(source);
  const rows = new Map<string, Plain>();
  let format = false;
  for (const table of source.tables)
    await walk.table(table, (key, value) => {
      if (table.name === 'a') rows.set(key, value);
      else if (table.name === FORMAT_TABLE) format = true;
      else throw new Error('no such table'); // its checksums cannot have matched
    });
  walk.finish();
  source.close();
  for (const { table, reason } of walk.damages) expect(table.length * reason.length).toBeGreaterThan(0);
  return walk.damaged > 0 || !format ? 'found' : digest(rows);
}

function flipped(bit: number): Buffer {
  const bytes = Buffer.from(sound);
  bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7));
  return bytes;
}

describe('a flipped bit', () => {
  it('is found, or changes nothing, wherever it is', async () => {
    const pages = sound.length / 4096;
    const places: number[] = [];
    // every fifth bit of what the two first pages say, the heads of all pages, and places anywhere
    for (const page of [0, 1]) for (let bit = page; bit < 168 * 8; bit += 5) places.push(page * 4096 * 8 + bit);
    for (let page = 2; page < pages; page++) places.push(page * 4096 * 8 + ((page * 29) % (32 * 8)));
    let state = seed;
    for (let i = 0; i < FLIPS; i++) {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      places.push(Math.floor((state / 2 ** 32) * sound.length * 8));
    }
    const counts = { found: 0, harmless: 0, older: 0 };
    const fd = openSync(file, 'r+');
    let writable = 40;
    for (const bit of places) {
      const at = bit >> 3;
      writeSync(fd, Uint8Array.of((sound[at] as number) ^ (1 << (bit & 7))), 0, 1, at);
      const result = await outcome();
      if (result !== 'found' && writable-- > 0) await isWritable(bit);
      writeSync(fd, sound, at, 1, at);
      if (result === 'found') counts.found++;
      else if (result === states[0]) counts.harmless++;
      else {
        expect(result, `bit ${bit % 8} of byte ${bit >> 3}`).toBe(states[1]); // the newest transaction is unreadable
        counts.older++;
      }
    }
    closeSync(fd);
    expect(counts.found).toBeGreaterThan(places.length / 4);
    expect(counts.older).toBeLessThan(places.length / 50);
  }, 120_000);
});

/** A file that was found to be sound is one that lmdb can work with, too. */
async function isWritable(bit: number): Promise<void> {
  const target = scratchFolder();
  writeFileSync(join(target, 'data.mdb'), flipped(bit));
  const { store } = await openStore({ folder: target });
  for (let i = 0; i < 50; i++) store.put('a', `new ${i}`, 'x'.repeat(1_000));
  await store.close();
  expect((await checkFolder(target)).damages).toEqual([]);
}

describe('a page that lies', () => {
  /** What a start makes of the file after this change. */
  async function outcomeOf(edit: (bytes: Buffer) => void): Promise<string> {
    const bytes = Buffer.from(sound);
    edit(bytes);
    writeFileSync(file, bytes);
    const result = await outcome();
    writeFileSync(file, sound);
    return result;
  }

  const nodeAt = (page: number, index: number): number => page + HEADER + sound.readUInt16LE(page + HEADER + 2 * index);

  /** Where the pages of the table are: its root, which is a branch, and the leaves below. */
  function pagesOf(table: string): { root: number; leaves: number[]; children: number; entries: number } {
    const pages = new PageFile(file);
    const tree = pages.tables.find(({ name }) => name === table) as Tree;
    pages.close();
    expect(tree.depth).toBe(2);
    const root = tree.root * 4096;
    const children = sound.readUInt16LE(root + 20) >> 1;
    const leaves = Array.from({ length: children }, (_, i) => sound.readUInt32LE(nodeAt(root, i)) * 4096);
    return { root, leaves, children, entries: tree.entries };
  }

  it('about where its children are is found', async () => {
    const { root, children } = pagesOf('a');
    const pages = sound.length / 4096;
    for (let child = 0; child < children; child++)
      for (let page = child % 9; page < pages + 2; page += 9) {
        const node = nodeAt(root, child);
        if (sound.readUInt32LE(node) === page) continue;
        const result = await outcomeOf((bytes) => bytes.writeUInt32LE(page, node));
        expect(result, `child ${child} at page ${page}`).toBe('found');
      }
  });

  it('is found even when it leads to what a child was before, with the same keys and good checksums', async () => {
    const { root, leaves } = pagesOf('a');
    const shape = (page: number): string =>
      Array.from({ length: sound.readUInt16LE(page + 20) >> 1 }, (_, i) => {
        const node = nodeAt(page, i);
        return sound.toString('latin1', node + NODE, node + NODE + sound.readUInt16LE(node + 6));
      }).join();
    let earlier = 0;
    for (const [child, leaf] of leaves.entries())
      for (let page = 2 * 4096; page < sound.length; page += 4096) {
        const kind = sound.readUInt16LE(page + 18);
        if (page === leaf || kind !== 2 || u64(sound, page) * 4096 !== page || shape(page) !== shape(leaf)) continue;
        earlier++;
        const node = nodeAt(root, child);
        expect(await outcomeOf((bytes) => bytes.writeUInt32LE(page / 4096, node))).toBe('found');
      }
    expect(earlier).toBeGreaterThan(0);
  });

  it('about itself is found', async () => {
    const { root, leaves } = pagesOf('a');
    for (const page of [root, leaves[0] as number, leaves.at(-1) as number])
      for (const [at, value] of [
        [0, 5],
        [8, 999],
        [18, 0],
        [18, 3],
        [20, 0],
        [20, 4_000],
        [22, 0],
        [22, 4_090],
        [22, sound.readUInt16LE(page + 22) - 2],
        [HEADER, 1],
        [HEADER, 4_095],
        [HEADER, sound.readUInt16LE(page + HEADER + 2)],
      ] as const)
        expect(await outcomeOf((bytes) => bytes.writeUInt16LE(value, page + at)), `${value} at ${at}`).toBe('found');
  });

  it('about how much a table holds is found', async () => {
    const { root, leaves, entries } = pagesOf('a');
    const number = Buffer.alloc(8);
    number.writeUInt32LE(root / 4096);
    // the record of the table ends with its root; one of its copies is the one that is read
    let most = 0;
    for (let at = sound.indexOf(number); at >= 0; at = sound.indexOf(number, at + 1)) {
      if (u64(sound, at - 8) !== entries || u64(sound, at - 24) !== leaves.length) continue;
      let found = 0;
      for (const before of [8, 16, 24, 32]) {
        const result = await outcomeOf((bytes) =>
          bytes.writeUInt32LE(bytes.readUInt32LE(at - before) + 1, at - before),
        );
        if (result === 'found') found++;
        else expect(result).toBe(states[0]);
      }
      most = Math.max(most, found);
    }
    expect(most).toBe(4);
  });

  it('about which keys are below it is found, or does no harm to those who write', async () => {
    const { root, children } = pagesOf('a');
    let found = 0;
    for (let child = 1; child < children; child++) {
      const node = nodeAt(root, child);
      const last = node + NODE + sound.readUInt16LE(node + 6) - 1;
      const bytes = Buffer.from(sound);
      bytes.writeUInt8(sound.readUInt8(last) ^ 0x08, last);
      writeFileSync(file, bytes);
      if ((await outcome()) === 'found') {
        found++;
        continue;
      }
      const target = scratchFolder();
      writeFileSync(join(target, 'data.mdb'), bytes);
      const { store } = await openStore({ folder: target });
      const rows = new Map([...newest].map(([key]): [string, Plain] => [key, `new ${key}`]));
      for (const [key, value] of rows) store.put('a', key, value);
      await store.close();
      expect((await checkFolder(target)).damages).toEqual([]);
      expect(digest((await reread({ folder: target })).rows.get('a'))).toBe(digest(rows));
    }
    writeFileSync(file, sound);
    expect(found).toBeGreaterThan(0);
  });

  it('about what is free is found', async () => {
    const { leaves } = pagesOf('a');
    const newer = u64(sound, META_TXN) > u64(sound, 4096 + META_TXN) ? 0 : 4096;
    const list = u64(sound, newer + META_FREE + 40) * 4096;
    expect(sound.readUInt16LE(list + 18)).toBe(2);
    // an entry is a count and then numbers of pages, or of runs of pages behind their length
    for (let index = 0; index < sound.readUInt16LE(list + 20) >> 1; index++) {
      const first = nodeAt(list, index) + NODE + 8;
      const last = first + 8 * u64(sound, first);
      const result = await outcomeOf((bytes) => bytes.writeUInt32LE((leaves[0] as number) / 4096, last));
      expect(result).toBe('found');
      expect(await outcomeOf((bytes) => bytes.writeUInt32LE(5_000, last))).toBe('found');
      expect(await outcomeOf((bytes) => bytes.writeUInt32LE(70_000, first))).toBe('found');
    }
  });
});

describe('a file that ends early', () => {
  it('is found', async () => {
    for (let size = sound.length - 1; size > 0; size -= 3_001) {
      writeFileSync(file, sound);
      truncateSync(file, size);
      const result = await outcome();
      if (result !== 'found') expect(result).toBe(states[0]); // what was cut off was free
    }
  });
});

describe('a damaged record', () => {
  /** A byte of the value of 'key 399': in the page that is in use, not in those that it had before. */
  async function place(): Promise<number> {
    for (let at = sound.indexOf('key 399'); at >= 0; at = sound.indexOf('key 399', at + 1)) {
      writeFileSync(file, flipped(8 * (at + 20)));
      if (!(await checkFolder(folder)).sound) return at + 20;
    }
    throw new Error('the record is nowhere');
  }

  const attempt = (target: string, damaged: 'refuse' | 'skip'): Promise<unknown> =>
    openStore({ folder: target, damaged }).then(
      ({ store }) => store.close(),
      (error: unknown) => error,
    );

  it('is named, and keeps the server from starting', async () => {
    const bytes = flipped(8 * (await place()));
    writeFileSync(file, bytes);
    const report = await checkFolder(folder);
    expect(report).toMatchObject({ sound: false, damaged: 1 });
    expect(report.damages).toEqual([{ table: 'a', key: 'key 399', reason: 'its checksum does not match' }]);
    const error = (await attempt(folder, 'refuse')) as StoreError;
    expect([error.code, error.damages]).toEqual(['DAMAGED', report.damages]);
    expect(error.message).toMatch(/damaged in 1 place\(s\): a 'key 399': its checksum/);
    expect(readFileSync(file).equals(bytes)).toBe(true); // nothing was written
  });

  it('is left out when the operator says so, and the damaged file is kept', async () => {
    const target = scratchFolder();
    const bytes = flipped(8 * (await place()));
    writeFileSync(join(target, 'data.mdb'), bytes);
    const { store, toy } = await openStore({ folder: target, damaged: 'skip' });
    const expected = new Map(newest);
    expected.delete('key 399');
    expect(digest(toy.rows.get('a'))).toBe(digest(expected));
    store.put('a', 'key 399', 'again');
    await store.close();
    expect((await checkFolder(target)).damages).toEqual([]);
    expect(readdirSync(target).filter((name) => name.includes('damaged'))).toEqual(['data.mdb.damaged-1']);
    expect(readFileSync(join(target, 'data.mdb.damaged-1')).equals(bytes)).toBe(true);
    expect((await reread({ folder: target, damaged: 'skip' })).rows.get('a')?.get('key 399')).toBe('again');
  });

  it('is one of many when a whole page is lost; the rest is saved', async () => {
    const target = scratchFolder();
    const bytes = Buffer.from(sound);
    bytes.writeUInt16LE(0x7777, (((await place()) >> 12) << 12) + 18); // what kind of page it is
    writeFileSync(join(target, 'data.mdb'), bytes);
    expect(await attempt(target, 'refuse')).toMatchObject({ code: 'DAMAGED' });
    const { store, toy } = await openStore({ folder: target, damaged: 'skip' });
    await store.close();
    const saved = toy.rows.get('a') as Map<string, Plain>;
    expect(saved.size).toBeLessThan(newest.size);
    expect(saved.size).toBeGreaterThan(newest.size - 60);
    const wrong = [...saved].filter(([key, value]) => JSON.stringify(value) !== JSON.stringify(newest.get(key)));
    expect(wrong).toEqual([]);
  });
});
