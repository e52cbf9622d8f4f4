import { describe, expect, it } from 'vitest';
import { LIMITS } from '../../src/core/limits.ts';
import { as, backend, bodies, refusal, run, World } from './support.ts';

const once = (key: string, scope = 'backend ana') => ({ scope, key });

describe('an idempotency key (R3)', () => {
  it('makes one message of a repeated post, which is answered as it was', () => {
    const world = new World();
    const { id } = world.thread();
    const post = (key: string, body = 'once') =>
      world.engine.createMessage(as('ana'), id, { body }, world.now, once(key));
    const first = post('k');
    world.engine.editMessage(as('ana'), id, first.id, { body: 'edited' }, world.now);
    expect(post('k')).toEqual(first);
    expect(post('other').id).not.toBe(first.id);
    expect(bodies(world.engine.messages(as('ana'), id, {}))).toEqual(['edited', 'once']);
    const again = world.restart();
    expect(again.engine.createMessage(as('ana'), id, { body: 'once' }, again.now, once('k'))).toEqual(first);
  });

  it('makes one thread of a repeated creation', () => {
    const world = new World();
    const make = () => world.engine.createThread(as('ana'), { title: 'once' }, world.now, once('k'));
    expect(make()).toEqual(make());
    expect(run(world.engine.threads(as('ana'), {})).threads).toHaveLength(1);
  });

  it('makes one thread of a repeated first message', () => {
    const world = new World();
    const post = () => world.engine.createMessage(as('ana'), '', { body: 1 }, world.now, once('k'));
    expect(post()).toEqual(post());
    expect(world.engine.stats()).toMatchObject({ threads: 1, messages: 1 });
  });

  it('is of one caller', () => {
    const world = new World();
    const { id } = world.thread();
    const post = (scope: string) => world.engine.createMessage(as('ana'), id, { body: 1 }, world.now, once('k', scope));
    expect(post('a').id).not.toBe(post('b').id);
  });

  it('does not stand for another request, nor for one that was refused', () => {
    const world = new World();
    const { id } = world.thread();
    const post =
      (body: unknown, thread = id) =>
      () =>
        world.engine.createMessage(as('ana'), thread, { body }, world.now, once('k'));
    expect(refusal(post(null))).toBe('400 body is required');
    post('x')();
    expect(refusal(post('y'))).toBe('409 idempotency key was used for another request');
    expect(refusal(post('x', 'elsewhere'))).toMatch(/^409/);
    expect(refusal(() => world.engine.createThread(as('ana'), {}, world.now, once('k')))).toMatch(/^409/);
    expect(refusal(() => world.engine.createThread(as('ana'), {}, world.now, once('k'.repeat(256))))).toMatch(/^400/);
  });

  it('is forgotten after a day, by itself', () => {
    const world = new World();
    const { id } = world.thread();
    const post = () => world.engine.createMessage(as('ana'), id, { body: 1 }, world.clock.time, once('k'));
    const first = post();
    expect(world.alarm.at).toBe(world.clock.time + LIMITS.chatOnceMs);
    world.clock.advance(LIMITS.chatOnceMs - 1);
    expect(post().id).toBe(first.id);
    world.clock.advance(1);
    world.settle();
    expect(world.store.snapshot()['chat.once']).toBeUndefined();
    expect(post().id).not.toBe(first.id);
    expect(world.engine.check()).toEqual([]);
  });

  it('stands for nothing when what it made is gone', () => {
    const world = new World();
    const { id } = world.thread();
    const post = () => world.engine.createMessage(as('ana'), id, { body: 1 }, world.now, once('k'));
    const first = post();
    world.engine.deleteMessage(as('ana'), id, first.id, world.now);
    expect(post()).toEqual(first);
    world.clock.advance(LIMITS.chatOnceMs / 2);
    expect(refusal(() => world.engine.message(backend, undefined, first.id))).toBe('no refusal');
  });
});
