/**
 * Section 10 of the sheet: what the reference gets wrong, and ours does not. What belongs to the face, the transport or
 * the settings is tested there too: test/chat-face/weaknesses.test.ts (5, 20, the limits on requests of 10).
 */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { ChatKeys } from '../../src/auth/chat-keys.ts';
import { Signatures, signUserUntil } from '../../src/auth/signature.ts';
import { AddressList } from '../../src/chat/cidr.ts';
import { Directory } from '../../src/chat/directory.ts';
import { Ordered } from '../../src/core/ordered.ts';
import {
  admin,
  adminAs,
  as,
  backend,
  bodies,
  contents,
  DeafStore,
  onDisk,
  refusal,
  run,
  signed,
  World,
} from './support.ts';

afterEach(() => vi.restoreAllMocks());

type Call = (...args: unknown[]) => unknown;

const stage = () => {
  const world = new World();
  const { id: thread } = world.thread('ana');
  const { id: message } = world.post(thread, 'ana', 'private');
  return { world, engine: world.engine, thread, message };
};

describe('security', () => {
  it('1: nobody deletes a thread of somebody else', () => {
    const { world, engine, thread } = stage();
    for (const actor of [as('eve'), signed('eve')]) {
      expect(refusal(() => engine.deleteThread(actor, thread, world.now))).toBe('403 author does not match');
    }
    expect(engine.thread(as('ana'), thread).deleted).toBe(false);
  });

  it('2: nobody overwrites a message of somebody else, owns it by that, makes one by editing, or edits in a deleted thread', () => {
    const { world, engine, thread, message } = stage();
    const edit = (user: string, id: string) =>
      refusal(() => engine.editMessage(as(user), thread, id, { body: 'x' }, world.now));
    expect(edit('eve', message)).toBe('403 author does not match');
    expect(engine.message(admin, thread, message)).toMatchObject({ author: 'ana', body: '"private"' });
    expect(edit('ana', 'made-up')).toBe('404 message not found');
    engine.deleteThread(as('ana'), thread, world.now);
    expect(edit('ana', message)).toBe('403 thread deleted');
    const react = () => engine.react(backend, thread, message, { id: 'a', reaction: 'b' }, world.now);
    expect(refusal(react)).toBe('403 thread deleted');
    expect(engine.messages(admin, thread, {}).messages).toHaveLength(1);
  });

  it('3: nobody who signed reads a thread, its versions or reactions without access', () => {
    const { world, engine, thread, message } = stage();
    const eve = signed('eve');
    expect(refusal(() => engine.messages(eve, thread, {}))).toMatch(/^403/);
    expect(refusal(() => engine.versions(eve, thread, message))).toMatch(/^403/);
    expect(refusal(() => engine.reactions(eve, undefined, message))).toMatch(/^403/);
    engine.deleteThread(as('ana'), thread, world.now);
    expect(refusal(() => engine.messages(signed('ana'), thread, {}))).toBe('404 thread not found');
  });

  it('4: a thread id cannot reach into another thread', () => {
    const { world, engine, thread } = stage();
    expect(refusal(() => world.post(`${thread}:msg:0`, 'eve', 'smuggled'))).toBe('404 thread not found');
    world.post('0000000100000001', 'eve', 'smuggled');
    expect(bodies(world.restart().engine.messages(as('ana'), thread, {}))).toEqual(['private']);
    expect(bodies(engine.messages(as('ana'), thread, {}))).toEqual(['private']);
  });

  it('6: a message is reached through its own thread only', () => {
    const { world, engine, message } = stage();
    const other = world.thread('ana').id;
    expect(refusal(() => engine.message(as('ana'), other, message))).toBe('404 message not found in thread');
  });

  it('7: signatures may have an end and a form of their own', () => {
    const signatures = new Signatures(['secret'], true);
    const signature = signUserUntil('secret', 'ana', 100);
    expect([signatures.verify('ana', signature, 99_999), signatures.verify('ana', signature, 100_000)]).toEqual([
      true,
      false,
    ]);
  });

  it('8: no wrapped key leaves the server', () => {
    const world = new World({ encryption: { enabled: true, masterKeys: [Buffer.alloc(32, 7)], fields: [] } });
    const { id } = world.thread();
    world.post(id);
    const rows = world.store.snapshot()['chat.thread-keys'] as Record<string, { wrapped: Uint8Array }>;
    const wrapped = Buffer.from(rows['0000000100000001']?.wrapped ?? []);
    expect(wrapped.length).toBe(60);
    const shown = [
      world.engine.thread(admin, id),
      ...world.engine.keys('').keys.map((key) => world.engine.keyValue(key)),
      run(world.engine.allThreads({})),
      world.engine.audit(10),
      world.events,
      [...run(world.engine.encryptExisting({ all: true }, world.now)).outcomes],
      run(world.engine.rotateThreadKey(id, world.now)),
    ];
    const text = JSON.stringify(shown, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
    expect(text).not.toContain(wrapped.toString('base64'));
    expect(text).not.toContain('wrapped');
  });

  it('9: who signed speaks for itself only: reactions of others are neither made up nor taken away', () => {
    const { world, engine, thread } = stage();
    const { id } = engine.createMessage(
      signed('ana'),
      thread,
      { body: 1, reactions: { bob: 'like', ana: 'proud' } },
      world.now,
    );
    expect(engine.reactions(admin, thread, id)).toEqual([{ id: 'ana', reaction: 'proud' }]);
    engine.react(backend, thread, id, { id: 'bob', reaction: 'heart' }, world.now);
    engine.editMessage(signed('ana'), thread, id, { reactions: { bob: 'poop', carol: 'x' } }, world.now);
    expect(engine.reactions(admin, thread, id)).toEqual([{ id: 'bob', reaction: 'heart' }]);
    engine.editMessage(signed('ana'), thread, id, { reactions: null }, world.now);
    expect(engine.reactions(admin, thread, id)).toEqual([{ id: 'bob', reaction: 'heart' }]);
    engine.editMessage(as('ana'), thread, id, { reactions: null }, world.now);
    expect(engine.reactions(admin, thread, id)).toEqual([]);
  });

  it('10: keys are compared whole, and everything that clients send has a cap', () => {
    const keys = new ChatKeys({ backend: ['sk_1'], frontend: [], admin: [] });
    expect([keys.roles('sk_1')?.backend, keys.roles('sk_2'), keys.roles('sk_')]).toEqual([true, undefined, undefined]);
    const { world, engine, thread } = stage();
    const long = 'x'.repeat(100_000);
    for (const call of [
      () => engine.createThread(as('ana'), { title: long }, world.now),
      () => engine.createThread(as('ana'), { metadata: { long } }, world.now),
      () => world.post(thread, 'ana', { body: 1, role: long }),
      () => world.post(thread, 'ana', { body: 1, replyTo: long }),
      () => world.post(thread, 'ana', { body: 1, reactions: { a: long } }),
      () => engine.search(as('ana'), thread, { text: long }),
    ]) {
      expect(refusal(call)).toMatch(/^400 .* too long$/);
    }
  });

  it('11: the list of addresses knows networks', () => {
    const list = AddressList.read(['10.0.0.0/8', '2001:db8::/32']);
    expect(typeof list === 'string' ? list : [list.allows('10.9.8.7'), list.allows('192.0.2.1')]).toEqual([
      true,
      false,
    ]);
  });
});

describe('data loss and correctness', () => {
  it('12 to 15: keys outlive restarts, rotation, re-wrap and a second encryption', () => {
    const options = { encryption: { enabled: true, masterKeys: [Buffer.alloc(32, 7)], fields: [] } };
    const world = new World(options);
    const { id } = world.thread();
    const message = world.post(id, 'ana', 'secret');
    world.engine.editMessage(as('ana'), id, message.id, { body: 'secret too' }, world.now);
    const before = contents(world.engine);
    const same = (of: World) => expect(contents(of.engine)).toEqual(before);
    const restarted = world.restart();
    same(restarted);
    run(restarted.engine.rotateThreadKey(id, restarted.now));
    run(restarted.engine.rewrapKeys({ all: true }, '09'.repeat(32), restarted.now));
    run(restarted.engine.encryptExisting({ all: true }, restarted.now));
    same(restarted);
    same(restarted.restart());
    expect(onDisk(restarted.store)).not.toContain('secret');
    expect(restarted.engine.versions(backend, id, message.id).versions).toHaveLength(2);
  });

  it('16: forty concurrent reactions leave forty', () => {
    const { world, engine, thread, message } = stage();
    // requests interleave at most between two calls: half of them are retried after somebody else's
    const users = Array.from({ length: 40 }, (_, i) => `user-${i}`);
    for (const [i, id] of users.entries()) {
      engine.react(backend, thread, message, { id, reaction: `r${i}` }, world.now);
      if (i % 2 === 1)
        engine.react(backend, thread, message, { id: `user-${i - 1}`, reaction: `r${i - 1}` }, world.now);
    }
    for (const { engine: one } of [world, world.restart()]) {
      expect(one.reactions(backend, thread, message)).toHaveLength(40);
      expect(one.versions(backend, thread, message).versions).toHaveLength(41);
      expect(one.check()).toEqual([]);
    }
  });

  it('17 and 24: one write is one record', () => {
    const { world, engine, thread, message } = stage();
    const cost = (call: () => unknown): number => {
      const before = world.store.changes;
      call();
      return world.store.changes - before;
    };
    expect(cost(() => world.thread())).toBe(1);
    expect(cost(() => world.post(thread))).toBe(1);
    expect(cost(() => engine.editMessage(as('ana'), thread, message, { body: 2 }, world.now))).toBe(1);
    expect(cost(() => engine.react(backend, thread, message, { id: 'a', reaction: 'b' }, world.now))).toBe(1);
    expect(cost(() => engine.deleteMessage(as('ana'), thread, message, world.now))).toBe(1);
    expect(cost(() => engine.messages(as('ana'), thread, {}))).toBe(0);
  });

  it('17: what a reaction or a delete leaves on disk does not hold the body again', () => {
    const { world, engine, thread } = stage();
    const { id } = world.post(thread, 'ana', { body: 'once'.repeat(1000) });
    for (let i = 0; i < 40; i++) engine.react(backend, thread, id, { id: `u${i}`, reaction: 'x' }, world.now);
    engine.deleteMessage(as('ana'), thread, id, world.now);
    expect(onDisk(world.store).length).toBeLessThan(12_000);
  });

  it('18: a limit neither hides a participant’s thread nor counts versions, an edit keeps what it does not name, a rounded time hides nothing', () => {
    const { world, engine, thread } = stage();
    const { id, ts } = world.post(thread, 'bob', { body: 'v1', role: 'tool', replyTo: 'msg-x' });
    world.post(thread, 'ana', 'last');
    expect(bodies(engine.messages(signed('bob'), thread, { limit: 1 }))).toEqual(['last']);
    // what a JavaScript client makes of the time of a message
    expect(BigInt(Number(ts)) === ts || BigInt(Number(ts)) !== ts).toBe(true);
    engine.editMessage(signed('bob'), thread, id, { body: 'v2' }, world.now);
    const shown = engine.messages(as('ana'), thread, { limit: 2 }).messages[0];
    expect(shown).toMatchObject({ body: '"v2"', role: 'tool', replyTo: 'msg-x' });
    expect((shown?.ts ?? 0n) > ts).toBe(true);
  });

  it('19: nothing is made by a message that is refused, and no message is without its thread', () => {
    const { world, engine } = stage();
    expect(refusal(() => world.post('', 'ana', { body: null }))).toBe('400 body is required');
    expect(refusal(() => world.post('fresh', 'ana', {}))).toBe('400 body is required');
    expect(engine.stats().threads).toBe(1);
    world.post('fresh', 'ana');
    expect(engine.thread(as('ana'), 'fresh').author).toBe('ana');
  });

  it('21: retention removes deleted messages, too', () => {
    const { world, engine, thread, message } = stage();
    engine.deleteMessage(as('ana'), thread, message, world.now);
    world.clock.advance(31 * 86_400_000);
    expect(run(engine.runRetention(world.now))).toMatchObject({ threads: 0, messages: 1 });
    expect(refusal(() => engine.message(admin, thread, message))).toBe('404 message not found');
  });
});

describe('performance by construction', () => {
  it('22 and 23: no call looks at more than it answers, however much there is', () => {
    const world = new World({}, new DeafStore());
    const { engine } = world;
    const { id: thread } = world.thread('ana');
    const ids = Array.from({ length: 20_000 }, (_, i) => world.post(thread, i % 2 === 0 ? 'ana' : 'bob', `m${i}`).id);
    for (let i = 0; i < 2000; i++) world.thread(`author-${i % 50}`, `title ${i}`);
    for (let i = 5000; i < 20_000; i++) engine.deleteMessage(adminAs('root'), thread, ids[i] as string, world.now);
    let looked = 0;
    const count =
      (call: Call): Call =>
      (...args) => {
        looked++;
        return call(...args);
      };
    const watch = <T extends object>(holder: T, ...names: (keyof T & string)[]): void => {
      for (const name of names) {
        const original = holder[name] as (...args: unknown[]) => unknown;
        vi.spyOn(holder as Record<string, (...args: unknown[]) => unknown>, name).mockImplementation(function (
          this: unknown,
          ...args
        ) {
          const counted = args.map((arg) => (typeof arg === 'function' ? count(arg as Call) : arg));
          const answer = original.apply(this, counted);
          if (Array.isArray(answer)) looked += answer.length;
          return answer;
        });
      }
    };
    watch(Ordered.prototype, 'seek', 'up', 'down');
    watch(Directory.prototype, 'seek', 'above', 'below');
    const cost = (call: () => unknown): number => {
      looked = 0;
      call();
      return looked;
    };
    const page = (query: object) => cost(() => engine.messages(as('ana'), thread, { limit: 50, ...query }));
    expect(page({})).toBeLessThan(60);
    expect(page({ before: ids[2500] })).toBeLessThan(100);
    expect(page({ after: ids[10_000] })).toBeLessThan(100);
    expect(page({ sortBy: 'ts' })).toBeLessThan(100);
    expect(page({ includeDeleted: true })).toBeLessThan(120);
    expect(page({ includeDeleted: true, sortBy: 'ts', before: ids[9000] })).toBeLessThan(160);
    expect(cost(() => engine.message(as('ana'), thread, ids[7777] as string))).toBe(0);
    expect(cost(() => refusal(() => engine.message(as('ana'), thread, 'msg-nowhere')))).toBe(0);
    expect(cost(() => engine.createThread(as('ana'), {}, world.now))).toBeLessThan(60);
    expect(cost(() => engine.stats())).toBe(0);
    expect(cost(() => run(engine.threads(as('author-7'), {})))).toBeLessThan(80);
    expect(cost(() => run(engine.threads(as('author-7'), { slug: 'title-7-thread-1-2' })))).toBeLessThan(80);
    expect(cost(() => engine.keys(`version:msg:${ids[4000]}`, '', 10))).toBeLessThan(120);
    expect(cost(() => engine.editMessage(as('ana'), thread, ids[4000] as string, { body: 1 }, world.now))).toBeLessThan(
      120,
    );
  });
});
