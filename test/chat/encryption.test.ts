import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { masterKeyId, place, seal, unseal } from '../../src/chat/sealing.ts';
import type { ChatOptions } from '../../src/chat/types.ts';
import type { RecordingStore } from '../support/recorder.ts';
import { admin, as, backend, bodies, contents, JournalStore, onDisk, refusal, run, World } from './support.ts';

const K0 = Buffer.alloc(32, 1);
const K1 = Buffer.alloc(32, 2);
const K2 = Buffer.alloc(32, 3);
const HEX1 = K1.toString('hex');
const HEX2 = K2.toString('hex');

const encrypted = (...masterKeys: Uint8Array[]): ChatOptions => ({
  encryption: { enabled: true, masterKeys, fields: [] },
});
const PLAIN: ChatOptions = {};

/** Two threads with all kinds of versions, `secret` in every body. */
function fill(world: World): string[] {
  return ['ana', 'bob'].map((author) => {
    const { id } = world.thread(author);
    const first = world.post(id, author, { body: { text: 'secret one', n: 1 } });
    world.post(id, 'carol', { body: 'secret two', deleted: true });
    world.engine.editMessage(as(author), id, first.id, { body: { text: 'secret edited' } }, world.now);
    world.engine.react(backend, id, first.id, { id: 'x', reaction: 'like' }, world.now);
    world.engine.deleteMessage(as(author), id, first.id, world.now);
    return id;
  });
}

const reopened = (store: RecordingStore, options: ChatOptions): World => {
  const world = new World(options, store);
  store.restoreInto(world.engine, world.clock.time);
  return world;
};

describe('a sealed value', () => {
  it('opens under its key and at its place only, and not when a bit was flipped', () => {
    const key = randomBytes(32);
    const sealed = seal(key, 'text', place('body', 't', 'm', 1), randomBytes);
    expect(unseal(key, sealed, place('body', 't', 'm', 1))?.toString()).toBe('text');
    expect(unseal(randomBytes(32), sealed, place('body', 't', 'm', 1))).toBeUndefined();
    for (const other of [
      place('body', 't', 'm', 2),
      place('body', 't', 'n', 1),
      place('body', 'tm', '', 1),
      place('thread-key', 't', 'm', 1),
    ]) {
      expect(unseal(key, sealed, other)).toBeUndefined();
    }
    for (let at = 0; at < sealed.length; at++) {
      const flipped = Uint8Array.from(sealed, (byte, i) => (i === at ? byte ^ 1 : byte));
      expect(unseal(key, flipped, place('body', 't', 'm', 1))).toBeUndefined();
      expect(unseal(key, sealed.subarray(0, at), place('body', 't', 'm', 1))).toBeUndefined();
    }
    expect(seal(key, 'text', 'x', randomBytes)).not.toEqual(seal(key, 'text', 'x', randomBytes));
  });
});

describe('encryption at rest', () => {
  it('keeps bodies and keys off the disk and loses nothing over a restart', () => {
    const world = new World(encrypted(K0));
    fill(world);
    const disk = onDisk(world.store);
    expect(disk).not.toContain('secret');
    expect(disk).not.toContain(K0.toString('base64').slice(0, 20));
    const again = world.restart();
    expect(contents(again.engine)).toEqual(contents(world.engine));
    expect(again.engine.check()).toEqual([]);
    expect(world.engine.stats().encryptedThreads).toBe(2);
  });

  it('of fields hides these fields only, and takes no body for an envelope', () => {
    const fields = [['text'], ['parts', '*', 'alt'], ['parts', '0', 'alt']];
    const options = { encryption: { enabled: true, masterKeys: [K0], fields } };
    const world = new World(options);
    const { id } = world.thread();
    const sent = [
      { text: 'secret', open: 'public', parts: [{ alt: 'secret a', n: 1 }, { alt: 'secret b' }, {}] },
      { text: { _enc: 'gcm', v: 'AAAA' }, open: 'public' },
      { text: null, parts: 'public' },
      'public',
      { _enc: 'gcm', v: 'AAAA' },
    ];
    for (const body of sent) world.post(id, 'ana', { body });
    const disk = onDisk(world.store);
    expect(disk).not.toContain('secret');
    expect(disk).toContain('public');
    const again = world.restart();
    expect(bodies(again.engine.messages(as('ana'), id, {}))).toEqual(sent);
    expect(contents(again.engine)).toEqual(contents(world.engine));
    // another policy reads what was written under this one
    expect(contents(world.restart(encrypted(K0)).engine)).toEqual(contents(world.engine));
  });

  it('shows no key to readers, only its name to admins, and envelopes under storage keys', () => {
    const world = new World(encrypted(K0));
    const [id = ''] = fill(world);
    expect(world.engine.thread(as('ana'), id).keyId).toBe('');
    world.engine.updateThread(as('ana'), id, { title: 'x' }, world.now);
    expect(world.events.at(-1)?.event.state).toMatchObject({ title: 'x', keyId: '' });
    const { keyId } = world.engine.thread(admin, id);
    expect(keyId).toMatch(/^k_\d{19}$/);
    for (const key of world.engine.keys('').keys) {
      const value = world.engine.keyValue(key);
      if ('message' in value) expect(value.message.body).toMatch(/^\{"_enc":"gcm","v":"[A-Za-z0-9+/]+=*"\}$/);
      else expect(Object.keys(value.thread)).not.toContain('wrapped');
    }
    const fields = { encryption: { enabled: true, masterKeys: [K0], fields: [['text']] } };
    const partly = new World(fields);
    const { thread, id: message } = partly.post(partly.thread().id, 'ana', { body: { text: 'secret', open: 1 } });
    const [key = ''] = partly.engine.keys(`version:msg:${message}`).keys;
    expect(partly.engine.keyValue(key)).toMatchObject({
      message: { thread, body: expect.stringMatching(/^\{"open":1,"text":\{"_enc":"gcm","v":"[^"]+"\}\}$/) },
    });
  });

  it('refuses to start without the master key, or with another one, and touches nothing', () => {
    const world = new World(encrypted(K0));
    fill(world);
    const before = world.store.snapshot();
    for (const options of [PLAIN, encrypted(K1)]) {
      expect(() => reopened(world.store, options)).toThrow(new RegExp(masterKeyId(K0)));
    }
    expect(world.store.snapshot()).toEqual(before);
    expect(contents(reopened(world.store, encrypted(K1, K0)).engine)).toEqual(contents(world.engine));
  });

  it('does not take a record that was moved elsewhere', () => {
    const world = new World(encrypted(K0));
    const { id } = world.thread();
    world.post(id, 'ana', 'one');
    world.post(id, 'ana', 'two');
    const rows = world.store.tables.get('chat.versions') as Map<string, { body: unknown }>;
    const [first, second] = [...rows.values()] as [{ body: unknown }, { body: unknown }];
    [first.body, second.body] = [second.body, first.body];
    expect(() => reopened(world.store, encrypted(K0))).toThrow(/does not open/);
  });

  it('stays with a thread that has it when new threads get none', () => {
    const world = new World(encrypted(K0));
    const [id = ''] = fill(world);
    const later = world.restart({ encryption: { enabled: false, masterKeys: [K0], fields: [] } });
    later.post(id, 'ana', 'secret three');
    later.post(later.thread().id, 'ana', 'open');
    expect(onDisk(later.store)).not.toContain('secret');
    expect(onDisk(later.store)).toContain('open');
  });
});

describe('encrypting what is there', () => {
  it('covers every version, twice does no harm, and new threads too', () => {
    const world = new World();
    const [id = ''] = fill(world);
    const before = contents(world.engine);
    expect(onDisk(world.store)).toContain('secret');
    const later = world.restart(encrypted(K0));
    for (let again = 0; again < 2; again++) {
      const { outcomes, done } = run(later.engine.encryptExisting({ all: true }, later.now));
      expect(done).toBe(2);
      expect(outcomes.get(id)).toEqual({ status: 'ok', keyId: later.engine.thread(admin, id).keyId });
    }
    expect(onDisk(later.store)).not.toContain('secret');
    expect(contents(later.engine)).toEqual(before);
    expect(contents(later.restart().engine)).toEqual(before);
    expect(later.engine.stats()).toMatchObject({ encryptedThreads: 2, pending: 0 });
  });

  it('tells trouble per thread and refuses to work on nothing', () => {
    const world = new World();
    const { id } = world.thread();
    const ids = { ids: [id, 'nowhere', id] };
    const { outcomes } = run(world.engine.encryptExisting(ids, world.now));
    expect(Object.fromEntries(outcomes)).toEqual({
      [id]: { status: 'error', error: 'create DEK failed: no kms provider registered' },
      nowhere: { status: 'error', error: 'thread not found' },
    });
    expect(refusal(() => world.engine.encryptExisting({ ids: [] }, world.now))).toBe('400 no threads specified');
    expect(refusal(() => new World().engine.encryptExisting({ all: true }, 0))).toBe('400 no threads specified');
    expect(refusal(() => world.engine.rotateThreadKey(id, world.now))).toBe('500 no kms provider registered');
    expect(refusal(() => world.engine.rewrapKeys({ all: true }, HEX1, world.now))).toBe(
      '400 no key mappings found for provided threads',
    );
    expect(refusal(() => new World().engine.rewrapKeys({ all: true }, HEX1, 0))).toBe('400 no threads specified');
  });

  it('interrupted after any change loses nothing, and ticks finish it after the restart', () => {
    const store = new JournalStore();
    const world = new World(PLAIN, store);
    fill(world);
    const before = contents(world.engine);
    const start = store.length;
    const later = reopened(store, encrypted(K0));
    run(later.engine.encryptExisting({ all: true }, later.now));
    expect(store.length).toBeGreaterThan(start + 6);
    for (let count = start; count <= store.length; count++) {
      const crashed = reopened(store.after(count), encrypted(K0));
      expect(contents(crashed.engine)).toEqual(before);
      crashed.settle();
      run(crashed.engine.encryptExisting({ all: true }, crashed.now));
      expect(onDisk(crashed.store)).not.toContain('secret');
      expect(contents(crashed.restart().engine)).toEqual(before);
      expect(crashed.engine.check()).toEqual([]);
    }
  });
});

describe('rotating the key of a thread', () => {
  it('interrupted after any change loses nothing, goes on by itself, and leaves one key', () => {
    const store = new JournalStore();
    const world = new World(encrypted(K0), store);
    const [id = ''] = fill(world);
    const before = contents(world.engine);
    const start = store.length;
    const { newKey } = run(world.engine.rotateThreadKey(id, world.now));
    expect(world.engine.thread(admin, id).keyId).toBe(newKey);
    expect(store.length).toBeGreaterThan(start + 4);
    for (let count = start; count <= store.length; count++) {
      const crashed = reopened(store.after(count), encrypted(K0));
      expect(contents(crashed.engine)).toEqual(before);
      crashed.post(id, 'ana', 'secret late');
      crashed.settle();
      expect(crashed.engine.check()).toEqual([]);
      expect(crashed.engine.stats().pending).toBe(0);
      const rows = [...(crashed.store.tables.get('chat.thread-keys') ?? [])].filter(([key]) =>
        key.startsWith('00000001'),
      );
      expect(rows).toHaveLength(1);
      expect(onDisk(crashed.store)).not.toContain('secret');
      expect(contents(crashed.restart().engine)).toEqual(contents(crashed.engine));
    }
  });

  it('rewrites every version, and goes on with what was interrupted instead of starting over', () => {
    const world = new World(encrypted(K0));
    const [id = ''] = fill(world);
    const versions = () =>
      [...(world.store.tables.get('chat.versions') ?? [])].map(
        ([, row]) => (row as { body?: { sealed: Uint8Array } }).body,
      );
    const before = versions();
    const first = world.engine.rotateThreadKey(id, world.now);
    const second = world.engine.rotateThreadKey(id, world.now);
    expect(run(second)).toEqual(run(first));
    versions().forEach((body, at) => {
      if (at < 5 && body !== undefined) expect(body).not.toEqual(before[at]);
      else expect(body).toEqual(before[at]);
    });
    expect(run(world.engine.rotateThreadKey(id, world.now)).newKey).not.toBe(run(first).newKey);
    expect(refusal(() => world.engine.rotateThreadKey('nowhere', world.now))).toBe('404 thread not found');
  });

  it('keeps fields fields', () => {
    const options = { encryption: { enabled: true, masterKeys: [K0], fields: [['text']] } };
    const world = new World(options);
    const { id } = world.thread();
    world.post(id, 'ana', { body: { text: 'secret', open: 'public' } });
    run(world.engine.rotateThreadKey(id, world.now));
    expect(onDisk(world.store)).toContain('public');
    expect(onDisk(world.store)).not.toContain('secret');
    expect(contents(world.restart().engine)).toEqual(contents(world.engine));
  });

  it('works while messages are written, deleted and brought back', () => {
    const world = new World(encrypted(K0));
    const { id } = world.thread();
    const ids = Array.from({ length: 600 }, (_, i) => world.post(id, 'ana', `secret ${i}`).id);
    const walk = world.engine.rotateThreadKey(id, world.now);
    for (let i = 0; walk.step(); i++) {
      world.post(id, 'ana', 'secret new');
      world.engine.deleteMessage(as('ana'), id, ids[i * 90] as string, world.now);
      world.engine.editMessage(as('ana'), id, ids[i * 90 + 300] as string, { body: 'secret edit' }, world.now);
    }
    expect(world.engine.check()).toEqual([]);
    expect(world.store.tables.get('chat.thread-keys')?.size).toBe(1);
    expect(contents(world.restart().engine)).toEqual(contents(world.engine));
  });
});

describe('wrapping keys under a new master key', () => {
  it('interrupted after any change loses nothing with either key in the settings', () => {
    const store = new JournalStore();
    const world = new World(encrypted(K0), store);
    const [id = ''] = fill(world);
    const before = contents(world.engine);
    const start = store.length;
    const { outcomes, done } = run(world.engine.rewrapKeys({ all: true }, HEX1, world.now));
    expect(done).toBe(2);
    expect(outcomes.get(world.engine.thread(admin, id).keyId)).toEqual({ status: 'ok', kekId: masterKeyId(K1) });
    for (let count = start; count <= store.length; count++) {
      const old = reopened(store.after(count), encrypted(K0));
      expect(contents(old.engine)).toEqual(before);
      if (count === start) continue; // nothing was done yet: the new key is unknown
      const next = reopened(store.after(count), encrypted(K1));
      expect(contents(next.engine)).toEqual(before);
      run(old.engine.rewrapKeys({ all: true }, HEX1, old.now));
      expect(contents(reopened(old.store, encrypted(K1)).engine)).toEqual(before);
    }
  });

  it('makes it the one that new threads use, also after a restart with the old settings', () => {
    const world = new World(encrypted(K0));
    fill(world);
    run(world.engine.rewrapKeys({ all: true }, HEX1, world.now));
    world.post(world.thread().id);
    const old = world.restart();
    old.post(old.thread().id);
    const keks = [...(old.store.tables.get('chat.thread-keys')?.values() ?? [])].map(
      (row) => (row as { kek: string }).kek,
    );
    expect(new Set(keks)).toEqual(new Set([masterKeyId(K1)]));
  });

  it('leaves nothing that the old key opens once the settings name the new one', () => {
    const world = new World(encrypted(K0));
    fill(world);
    run(world.engine.rewrapKeys({ all: true }, HEX1, world.now));
    const before = contents(world.engine);
    const moved = reopened(world.store, encrypted(K1));
    expect(contents(moved.engine)).toEqual(before);
    expect(() => reopened(world.store, encrypted(K0))).toThrow(new RegExp(masterKeyId(K1)));
    expect(contents(reopened(world.store, encrypted(K1)).engine)).toEqual(before);
  });

  it('of some threads leaves the others readable, through two changes of the key', () => {
    const world = new World(encrypted(K0));
    const [id = '', other = ''] = fill(world);
    const before = contents(world.engine);
    run(world.engine.rewrapKeys({ ids: [id] }, HEX1, world.now));
    run(world.engine.rewrapKeys({ ids: [id] }, HEX2, world.now));
    for (const key of [K0, K1, K2]) {
      const copy = new World(encrypted(key), world.store);
      // a restart may tidy: look at copies only
      const frozen = structuredClone(world.store.tables);
      world.store.restoreInto(copy.engine, copy.clock.time);
      expect(contents(copy.engine)).toEqual(before);
      world.store.tables.clear();
      for (const [table, rows] of frozen) world.store.tables.set(table, rows);
    }
    expect(refusal(() => world.engine.rewrapKeys({ ids: [other] }, 'abc', world.now))).toBe('400 invalid new_kek_hex');
    expect(refusal(() => world.engine.rewrapKeys({ ids: ['nowhere'] }, HEX1, world.now))).toMatch(
      /^400 no key mappings/,
    );
  });
});

describe('a generated master key', () => {
  it('is fresh, of 32 bytes, and noted without being kept', () => {
    const world = new World();
    const one = world.engine.generateMasterKey(world.now);
    expect(one).toMatch(/^[0-9a-f]{64}$/);
    expect(world.engine.generateMasterKey(world.now)).not.toBe(one);
    expect(world.engine.audit(9).map(({ event }) => event)).toEqual(['admin_generate_kek', 'admin_generate_kek']);
    expect(onDisk(world.store)).not.toContain(one);
  });
});
