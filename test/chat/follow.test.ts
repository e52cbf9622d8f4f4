import { describe, expect, it } from 'vitest';
import type { Follower } from '../../src/chat/feed.ts';
import { LIMITS } from '../../src/core/limits.ts';
import { admin, as, backend, refusal, signed, World } from './support.ts';

/** Reads all there is, as `kind seq`. */
const drain = (follower: Follower): string[] => {
  const seen: string[] = [];
  for (let batch = follower.read(3); batch.length > 0; batch = follower.read(3)) {
    for (const { kind, seq } of batch) seen.push(`${kind} ${seq}`);
  }
  return seen;
};

const changes = (world: World, thread: string): string => {
  const { id } = world.post(thread);
  world.engine.editMessage(as('ana'), thread, id, { body: 'v2' }, world.now);
  world.engine.react(backend, thread, id, { id: 'bob', reaction: 'like' }, world.now);
  world.engine.updateThread(as('ana'), thread, { title: 'Renamed' }, world.now);
  world.engine.deleteMessage(as('ana'), thread, id, world.now);
  return id;
};

describe('a live thread', () => {
  it('tells every change where it happens, with the state that it led to', () => {
    const world = new World();
    const { id: thread } = world.thread();
    const id = changes(world, thread);
    expect(world.events.map(({ thread: of, event }) => [of, event.kind, event.seq])).toEqual([
      [thread, 'message', 1],
      [thread, 'edit', 2],
      [thread, 'reaction', 3],
      [thread, 'thread', 4],
      [thread, 'delete', 5],
    ]);
    expect(world.events[1]?.event.message).toMatchObject({ id, body: '"v2"', version: 2 });
    expect(world.events[2]?.event.message?.reactions).toEqual([{ id: 'bob', reaction: 'like' }]);
    expect(world.events[3]?.event).toMatchObject({ message: undefined, state: { title: 'Renamed', keyId: '' } });
    expect(world.events[4]?.event.message?.deleted).toBe(true);
    world.engine.deleteThread(as('ana'), thread, world.now);
    expect(world.events[5]?.event).toMatchObject({ kind: 'thread', state: { deleted: true } });
    expect(world.events).toHaveLength(6);
  });

  it('wakes a follower once, who then pulls at its own pace', () => {
    const world = new World();
    const { id: thread } = world.thread();
    world.post(thread);
    let woken = 0;
    const follower = world.engine.follow(as('ana'), thread, undefined, () => woken++);
    expect(drain(follower)).toEqual([]);
    changes(world, thread);
    expect(woken).toBe(1);
    expect(follower.read(2).map(({ seq }) => seq)).toEqual([2, 3]);
    world.post(thread);
    expect(woken).toBe(1);
    expect(drain(follower)).toEqual(['reaction 4', 'thread 5', 'delete 6', 'message 7']);
    world.post(thread);
    expect(woken).toBe(2);
    follower.close();
    world.post(thread);
    expect(woken).toBe(2);
    expect(world.engine.stats().watchers).toBe(0);
    follower.close();
    expect(world.engine.stats().watchers).toBe(0);
  });

  it('can be gone on with after any event, also over a restart', () => {
    const world = new World();
    const { id: thread } = world.thread();
    changes(world, thread);
    const all = ['message 1', 'edit 2', 'reaction 3', 'thread 4', 'delete 5'];
    const again = world.restart();
    for (let after = 0; after <= 5; after++) {
      for (const { engine } of [world, again]) {
        const follower = engine.follow(as('ana'), thread, after, () => {});
        expect(drain(follower)).toEqual(all.slice(after));
        follower.close();
      }
    }
    world.engine.updateThread(as('ana'), thread, { title: 'a' }, world.now);
    world.engine.updateThread(as('ana'), thread, { title: 'b' }, world.now);
    expect(drain(world.engine.follow(as('ana'), thread, 5, () => {}))).toEqual(['thread 6', 'thread 7']);
    expect(drain(world.restart().engine.follow(as('ana'), thread, 5, () => {}))).toEqual(['thread 7']);
  });

  it('says reset to whoever is too far behind or comes from elsewhere', () => {
    const world = new World();
    const { id: thread } = world.thread();
    for (let i = 0; i < LIMITS.chatReplay + 5; i++) world.post(thread);
    const last = LIMITS.chatReplay + 5;
    const read = (after: number) => drain(world.engine.follow(as('ana'), thread, after, () => {}));
    expect(read(4)).toEqual([`reset ${last}`]);
    expect(read(5)).toHaveLength(LIMITS.chatReplay);
    expect(read(last + 1)).toEqual([`reset ${last}`]);
    const follower = world.engine.follow(as('ana'), thread, 1, () => {});
    expect(drain(follower)).toEqual([`reset ${last}`]);
    world.post(thread);
    expect(drain(follower)).toEqual([`message ${last + 1}`]);
  });

  it('ends with the thread, for admins with its purge', () => {
    const world = new World();
    const { id: thread } = world.thread();
    const reader = world.engine.follow(signed('ana'), thread, undefined, () => {});
    const keeper = world.engine.follow(admin, thread, undefined, () => {});
    world.engine.deleteThread(as('ana'), thread, world.now);
    expect(reader.ended).toBeUndefined();
    expect(drain(reader)).toEqual(['thread 1']);
    expect([reader.ended, keeper.ended]).toEqual(['CHAT_THREAD_NOT_FOUND', undefined]);
    expect(drain(keeper)).toEqual(['thread 1']);
    let woken = 0;
    const waiting = world.engine.follow(admin, thread, undefined, () => woken++);
    expect(drain(waiting)).toEqual([]);
    world.clock.advance(31 * 86_400_000);
    for (const walk = world.engine.runRetention(world.now); walk.step(); );
    expect([keeper.ended, waiting.ended, woken]).toEqual(['CHAT_THREAD_NOT_FOUND', 'CHAT_THREAD_NOT_FOUND', 1]);
    expect(drain(waiting)).toEqual([]);
  });

  it('is followed by those only who may read it, as many as there is room for', () => {
    const world = new World();
    const { id: thread } = world.thread();
    expect(refusal(() => world.engine.follow(signed('eve'), thread, undefined, () => {}))).toMatch(/^403/);
    expect(refusal(() => world.engine.follow(backend, 'nowhere', undefined, () => {}))).toBe('404 thread not found');
    const followers = Array.from({ length: LIMITS.chatWatchers }, () =>
      world.engine.follow(backend, thread, undefined, () => {}),
    );
    expect(refusal(() => world.engine.follow(backend, thread, undefined, () => {}))).toMatch(/^507/);
    followers[0]?.close();
    expect(refusal(() => world.engine.follow(backend, thread, undefined, () => {}))).toBe('no refusal');
  });
});
