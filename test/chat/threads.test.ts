import { describe, expect, it } from 'vitest';
import { LIMITS } from '../../src/core/limits.ts';
import { admin, adminAs, as, backend, refusal, run, signed, World } from './support.ts';

const titles = (page: { threads: readonly { title: string }[] }): string[] => page.threads.map(({ title }) => title);

describe('a thread', () => {
  it('gets an id, a slug and one time for both of its times', () => {
    const { engine, clock } = new World();
    const thread = engine.createThread(as('ana'), { title: 'Trip plan!' }, clock.time);
    expect(thread).toEqual({
      id: 'thread-1790000000000000000-1',
      title: 'Trip plan!',
      author: 'ana',
      slug: 'trip-plan-thread-1790000000000000000-1',
      created: 1790000000000000000n,
      updated: 1790000000000000000n,
      deleted: false,
      deletedAt: 0n,
      metadata: '',
      keyId: '',
    });
    expect(engine.thread(as('ana'), thread.id)).toEqual(thread);
  });

  it('without a title is numbered by the threads that are stored, deleted ones included', () => {
    const world = new World();
    expect(world.thread('ana', '').title).toBe('New Thread #1');
    const second = world.thread('bob', '');
    world.engine.deleteThread(as('bob'), second.id, world.now);
    world.thread('ana', 'Named');
    expect(world.thread('ana', '').title).toBe('New Thread #4');
  });

  it('keeps metadata as JSON, replaces it, and clears it by null (R22)', () => {
    const world = new World();
    const { id } = world.engine.createThread(as('ana'), { title: 'x', metadata: { b: 1, a: ['<'] } }, world.now);
    expect(world.engine.thread(as('ana'), id).metadata).toBe('{"a":["\\u003c"],"b":1}');
    world.engine.updateThread(as('ana'), id, { title: 'y' }, world.now);
    expect(world.restart().engine.thread(as('ana'), id).metadata).toBe('{"a":["\\u003c"],"b":1}');
    world.engine.updateThread(as('ana'), id, { metadata: { c: 2 } }, world.now);
    expect(world.engine.thread(as('ana'), id).metadata).toBe('{"c":2}');
    world.engine.updateThread(as('ana'), id, { metadata: null }, world.now);
    expect(world.engine.thread(as('ana'), id).metadata).toBe('');
    const large = { text: 'x'.repeat(LIMITS.chatMetadataBytes) };
    expect(refusal(() => world.engine.updateThread(as('ana'), id, { metadata: large }, world.now))).toBe(
      '400 metadata too long',
    );
  });

  it('is renamed with its slug, and its update time moves even when nothing changes', () => {
    const world = new World();
    const { id, updated } = world.thread('ana', 'Old name');
    const renamed = world.engine.updateThread(as('ana'), id, { title: 'New name!' }, world.now);
    expect(renamed).toMatchObject({ title: 'New name!', slug: `new-name-${id}` });
    const untouched = world.engine.updateThread(as('ana'), id, { title: '' }, world.now);
    expect(untouched).toMatchObject({ title: 'New name!', created: updated });
    expect(untouched.updated > renamed.updated && renamed.updated > updated).toBe(true);
  });

  it('is deleted once, leaves one tombstone, and can still be renamed without coming back', () => {
    const world = new World();
    const { id } = world.thread();
    world.engine.deleteThread(as('ana'), id, world.now);
    world.engine.deleteThread(as('ana'), id, world.now);
    world.engine.deleteThread(adminAs('root'), id, world.now);
    expect(world.engine.messages(admin, id, { includeDeleted: true }).messages).toMatchObject([
      { author: 'ana', role: '', body: '{"_event":"thread_deleted","by":"ana"}', deleted: true },
    ]);
    const renamed = world.engine.updateThread(as('ana'), id, { title: 'Ghost' }, world.now);
    expect(renamed).toMatchObject({ title: 'Ghost', deleted: true });
    expect(refusal(() => world.engine.thread(as('ana'), id))).toBe('404 thread not found');
    expect(world.engine.thread(admin, id)).toEqual(renamed);
  });

  it('has a title of a thousand characters whole, and none beyond the cap', () => {
    const world = new World();
    const title = 'long '.repeat(200);
    expect(world.thread('ana', title).title).toBe(title);
    expect(refusal(() => world.thread('ana', 'x'.repeat(LIMITS.chatTitleBytes + 1)))).toBe('400 title too long');
  });

  it('is nobody’s without an author', () => {
    const world = new World();
    expect(refusal(() => world.engine.createThread(backend, {}, world.now))).toBe(
      '400 author required for backend requests',
    );
  });
});

describe('the list of threads', () => {
  it('has those of the actor in the order of creation, deleted ones for admins only', () => {
    const world = new World();
    for (const title of ['one', 'two', 'three']) world.thread('ana', title);
    const gone = world.thread('ana', 'goes');
    world.thread('bob', 'theirs');
    world.engine.deleteThread(as('ana'), gone.id, world.now);
    expect(titles(run(world.engine.threads(as('ana'), {})))).toEqual(['one', 'two', 'three']);
    expect(titles(run(world.engine.threads(adminAs('ana'), {})))).toEqual(['one', 'two', 'three', 'goes']);
    expect(titles(run(world.engine.threads(signed('bob'), {})))).toEqual(['theirs']);
    expect(titles(run(world.engine.threads(as('nobody'), {})))).toEqual([]);
    expect(titles(run(world.engine.allThreads({})))).toEqual(['one', 'two', 'three', 'goes', 'theirs']);
  });

  it('is filtered by a part of the title in any case and script', () => {
    const world = new World();
    for (const title of ['École de Paris', '日本語の勉強', 'ПРИВЕТ мир']) world.thread('ana', title);
    const found = (title: string): string[] => titles(run(world.engine.threads(as('ana'), { title })));
    expect(found('éCOLE')).toEqual(['École de Paris']);
    expect(found('本語')).toEqual(['日本語の勉強']);
    expect(found('привет')).toEqual(['ПРИВЕТ мир']);
    expect(found('nothing')).toEqual([]);
  });

  it('is filtered by the exact slug, together with the title', () => {
    const world = new World();
    const one = world.thread('ana', 'same');
    const two = world.thread('ana', 'same');
    const found = (query: object): string[] => run(world.engine.threads(as('ana'), query)).threads.map(({ id }) => id);
    expect(found({ slug: `same-${one.id}` })).toEqual([one.id]);
    expect(found({ slug: two.slug, title: 'SAM' })).toEqual([two.id]);
    expect(found({ slug: two.slug, title: 'other' })).toEqual([]);
    expect(found({ slug: 'same' })).toEqual([]);
    expect(found({ slug: `other-${one.id}` })).toEqual([]);
    expect(run(world.engine.threads(as('bob'), { slug: one.slug })).threads).toEqual([]);
    world.post('with-dashes-in.it', 'ana');
    world.engine.updateThread(as('ana'), 'with-dashes-in.it', { title: 'my title' }, world.now);
    expect(found({ slug: 'my-title-with-dashes-in.it' })).toEqual(['with-dashes-in.it']);
  });

  it('is paged by cursors in both directions', () => {
    const world = new World();
    const ids = Array.from({ length: 600 }, (_, i) => world.thread(i % 3 === 0 ? 'bob' : 'ana', `t${i}`).id);
    const mine = ids.filter((_, i) => i % 3 !== 0);
    const page = (query: object): { ids: string[]; more: boolean } => {
      const { threads, more } = run(world.engine.threads(as('ana'), query));
      return { ids: threads.map(({ id }) => id), more };
    };
    expect(page({})).toEqual({ ids: mine, more: false });
    expect(page({ limit: 3 })).toEqual({ ids: mine.slice(0, 3), more: true });
    expect(page({ limit: 3, after: mine[2] })).toEqual({ ids: mine.slice(3, 6), more: true });
    expect(page({ limit: 3, before: mine[100] })).toEqual({ ids: mine.slice(97, 100), more: true });
    expect(page({ before: mine[2], after: mine[0] })).toEqual({ ids: [mine[1]], more: false });
    expect(page({ after: mine[399] })).toEqual({ ids: [], more: false });
    expect(page({ title: 'T599', limit: 1 })).toEqual({ ids: [ids[599]], more: false });
    expect(page({ limit: 0 }).ids).toEqual([]);
    expect(refusal(() => run(world.engine.threads(as('ana'), { after: 'nonsense' })))).toBe('400 invalid cursor');
  });
});
