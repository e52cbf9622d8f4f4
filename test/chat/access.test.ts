import { describe, expect, it } from 'vitest';
import { mustKeepAuthor, type NamedAuthors, resolveAuthor } from '../../src/chat/author.ts';
import type { Actor, ChatOptions } from '../../src/chat/types.ts';
import { admin, adminAs, as, backend, bodies, refusal, run, signed, World } from './support.ts';

/** A thread of ana's with a message of hers and one of bob's. */
const stage = (options: ChatOptions = {}) => {
  const world = new World(options);
  const { id: thread } = world.thread('ana');
  const mine = world.post(thread, 'ana', 'from ana').id;
  const his = world.post(thread, 'bob', 'from bob').id;
  return { world, engine: world.engine, thread, mine, his };
};

const NOT_AUTHOR = '403 author does not match';

describe('who may see and change a thread (R17, R18)', () => {
  it.each<[string, Actor, string]>([
    ['the author with a backend key', as('ana'), 'no refusal'],
    ['the author who signed', signed('ana'), 'no refusal'],
    ['an admin who names nobody', admin, 'no refusal'],
    ['an admin who names somebody else', adminAs('root'), 'no refusal'],
    ['a participant', as('bob'), NOT_AUTHOR],
    ['a stranger who signed', signed('eve'), NOT_AUTHOR],
    ['somebody of another letter case', as('Ana'), NOT_AUTHOR],
    ['a backend that names nobody', backend, NOT_AUTHOR],
  ])('%s', (_, actor, text) => {
    const { world, engine, thread } = stage();
    expect(refusal(() => engine.thread(actor, thread))).toBe(text);
    expect(refusal(() => engine.updateThread(actor, thread, { title: 'x' }, world.now))).toBe(text);
    expect(engine.thread(admin, thread).author).toBe('ana');
    if (actor.user !== '') expect(refusal(() => engine.deleteThread(actor, thread, world.now))).toBe(text);
  });

  it('a missing thread is not found for anybody', () => {
    const { world, engine } = stage();
    for (const actor of [as('ana'), admin, signed('ana')]) {
      expect(refusal(() => engine.thread(actor, 'nowhere'))).toBe('404 thread not found');
      expect(refusal(() => engine.updateThread(actor, 'nowhere', {}, world.now))).toBe('404 thread not found');
    }
    expect(refusal(() => engine.deleteThread(as('ana'), 'nowhere', world.now))).toBe('404 thread not found');
  });
});

describe('who makes threads by posting (R11)', () => {
  it('anybody, under an id that is free and well formed', () => {
    const { world, engine } = stage();
    const message = world.engine.createMessage(signed('eve'), 'mine-1', { body: 1 }, world.now);
    expect(message.thread).toBe('mine-1');
    expect(engine.thread(signed('eve'), 'mine-1')).toMatchObject({
      author: 'eve',
      title: 'New Thread #2',
      slug: 'new-thread-2-mine-1',
    });
    expect(world.engine.createMessage(adminAs('ana'), 'room.x_1', { body: 1 }, world.now).thread).toBe('room.x_1');
    expect(engine.createMessage(signed('eve'), '', { body: 1 }, world.now).thread).toMatch(/^thread-\d{19}-\d+$/);
  });

  it.each(['bad id', 'a:msg:0', 'é', 'x'.repeat(257), 'a/b', 'thread-1790000000000000000-7'])(
    'nobody, under %j',
    (id) => {
      const { world } = stage();
      for (const actor of [as('ana'), signed('ana'), adminAs('ana')]) {
        expect(refusal(() => world.engine.createMessage(actor, id, { body: 1 }, world.now))).toBe(
          '404 thread not found',
        );
      }
      expect(world.engine.stats().threads).toBe(1);
    },
  );

  it('nobody, when it is switched off', () => {
    const { world } = stage({ autoCreate: false });
    expect(refusal(() => world.post('free'))).toBe('404 thread not found');
    expect(refusal(() => world.post(''))).toBe('no refusal');
  });
});

describe('who posts into a thread (R12)', () => {
  it('a backend or admin in any name, and those who signed when they own the thread or wrote in it', () => {
    const { world, engine, thread } = stage();
    const post = (actor: Actor) => refusal(() => engine.createMessage(actor, thread, { body: 1 }, world.now));
    expect(post(signed('eve'))).toBe('403 author does not match thread');
    expect(post(signed('ana'))).toBe('no refusal');
    expect(post(signed('bob'))).toBe('no refusal');
    expect(post(as('assistant'))).toBe('no refusal');
    expect(post(signed('assistant'))).toBe('no refusal');
    expect(post(adminAs('eve'))).toBe('no refusal');
    expect(post(signed('eve'))).toBe('no refusal');
  });

  it('anybody, when posting is open', () => {
    const { world, engine, thread } = stage({ openPosting: true });
    expect(refusal(() => engine.createMessage(signed('eve'), thread, { body: 1 }, world.now))).toBe('no refusal');
  });

  it('admins only, when the thread is deleted', () => {
    const { world, engine, thread } = stage();
    engine.deleteThread(as('ana'), thread, world.now);
    for (const actor of [as('ana'), signed('ana'), as('bob')]) {
      expect(refusal(() => engine.createMessage(actor, thread, { body: 1 }, world.now))).toBe('403 thread deleted');
    }
    expect(engine.createMessage(adminAs('ana'), thread, { body: 'late' }, world.now).body).toBe('"late"');
  });
});

describe('who lists and searches a thread (R13, R15)', () => {
  it.each<[string, Actor, string]>([
    ['the author', signed('ana'), 'no refusal'],
    ['a participant', signed('bob'), 'no refusal'],
    ['a participant through a backend', as('bob'), 'no refusal'],
    ['a backend that names nobody', backend, 'no refusal'],
    ['an admin', adminAs('root'), 'no refusal'],
    ['a stranger', signed('eve'), '403 author not found in any message in this thread'],
    ['a stranger through a backend', as('eve'), '403 author not found in any message in this thread'],
  ])('%s', (_, actor, text) => {
    const { engine, thread } = stage();
    for (const limit of [undefined, 1, 0]) {
      expect(refusal(() => engine.messages(actor, thread, limit === undefined ? {} : { limit }))).toBe(text);
    }
    expect(refusal(() => run(engine.search(actor, thread, { text: 'x' })))).toBe(text);
    expect(refusal(() => engine.follow(actor, thread, undefined, () => {}).close())).toBe(text);
  });

  it('the author, when only others wrote, and nobody else before they did', () => {
    const world = new World();
    const { id } = world.thread('ana');
    expect(refusal(() => world.engine.messages(as('bob'), id, {}))).toMatch(/^403/);
    world.post(id, 'bob', 'hello');
    expect(bodies(world.engine.messages(signed('ana'), id, {}))).toEqual(['hello']);
    expect(bodies(world.engine.messages(signed('bob'), id, {}))).toEqual(['hello']);
  });

  it('admins only, when the thread is deleted; the tombstone lets nobody in', () => {
    const { world, engine, thread } = stage();
    engine.deleteThread(adminAs('root'), thread, world.now);
    for (const actor of [as('ana'), signed('bob'), backend, signed('root')]) {
      expect(refusal(() => engine.messages(actor, thread, {}))).toBe('404 thread not found');
    }
    expect(engine.messages(admin, thread, {}).messages).toHaveLength(2);
  });
});

describe('who reads, edits and deletes a message (R14)', () => {
  it('reads: its author, the author of the thread, participants', () => {
    const { engine, thread, mine, his } = stage();
    for (const id of [mine, his]) {
      for (const actor of [as('ana'), signed('ana'), signed('bob'), admin, backend]) {
        expect(engine.message(actor, thread, id).id).toBe(id);
      }
      expect(refusal(() => engine.message(as('eve'), thread, id))).toBe(NOT_AUTHOR);
      expect(refusal(() => engine.message(signed('eve'), thread, id))).toBe(NOT_AUTHOR);
    }
  });

  it('edits: its author; deletes: its author and admins', () => {
    const { world, engine, thread, his } = stage();
    const edit = (actor: Actor) => refusal(() => engine.editMessage(actor, thread, his, { body: 'x' }, world.now));
    const remove = (actor: Actor) => refusal(() => engine.deleteMessage(actor, thread, his, world.now));
    for (const actor of [as('ana'), signed('eve'), adminAs('root'), admin, backend])
      expect(edit(actor)).toBe(NOT_AUTHOR);
    for (const actor of [as('ana'), signed('eve'), backend]) expect(remove(actor)).toBe(NOT_AUTHOR);
    for (const actor of [signed('bob'), as('bob'), adminAs('bob')]) expect(edit(actor)).toBe('no refusal');
    expect(engine.message(admin, thread, his)).toMatchObject({ author: 'bob', body: '"x"' });
    expect(remove(adminAs('root'))).toBe('no refusal');
    expect(remove(signed('bob'))).toBe('no refusal');
    expect(engine.versions(admin, thread, his).versions).toHaveLength(5);
  });

  it('not through another thread', () => {
    const { world, engine, mine } = stage();
    const other = world.thread('ana').id;
    const calls = [
      () => engine.message(as('ana'), other, mine),
      () => engine.editMessage(as('ana'), other, mine, { body: 1 }, world.now),
      () => engine.deleteMessage(as('ana'), other, mine, world.now),
      () => engine.versions(backend, other, mine),
      () => engine.reactions(backend, 'nowhere', mine),
      () => engine.react(backend, other, mine, { id: 'a', reaction: 'b' }, world.now),
      () => engine.unreact(backend, other, mine, 'a', world.now),
    ];
    for (const call of calls) expect(refusal(call)).toBe('404 message not found in thread');
    expect(engine.message(as('ana'), undefined, mine).id).toBe(mine);
  });

  it('not when it is missing, whatever the id looks like', () => {
    const { world, engine, thread } = stage();
    for (const id of [
      'msg-nowhere',
      'msg-1-1',
      'msg-1790000000000000000-99',
      '"quoted"',
      '',
      'msg-1-999999999999999',
    ]) {
      expect(refusal(() => engine.message(as('ana'), thread, id))).toBe('404 message not found');
      expect(refusal(() => engine.editMessage(as('ana'), thread, id, { body: 1 }, world.now))).toBe(
        '404 message not found',
      );
    }
    expect(engine.stats().messages).toBe(2);
  });
});

describe('who sees versions and reactions, and reacts for whom (R16)', () => {
  it('backends and admins in any name; those who signed only with access and as themselves', () => {
    const { world, engine, thread, mine } = stage();
    const react = (actor: Actor, id: string) =>
      refusal(() => engine.react(actor, thread, mine, { id, reaction: 'like' }, world.now));
    expect(react(backend, 'carol')).toBe('no refusal');
    expect(react(as('eve'), 'carol')).toBe('no refusal');
    expect(react(signed('bob'), 'bob')).toBe('no refusal');
    expect(react(signed('ana'), 'bob')).toBe('403 reaction id does not match signed user');
    expect(react(signed('eve'), 'eve')).toBe(NOT_AUTHOR);
    expect(refusal(() => engine.unreact(signed('ana'), thread, mine, 'bob', world.now))).toMatch(/^403 reaction id/);
    expect(engine.reactions(signed('ana'), thread, mine).map(({ id }) => id)).toEqual(['bob', 'carol']);
    for (const actor of [as('eve'), backend, admin])
      expect(engine.versions(actor, thread, mine).versions).toHaveLength(3);
    expect(refusal(() => engine.versions(signed('eve'), thread, mine))).toBe(NOT_AUTHOR);
    expect(refusal(() => engine.reactions(signed('eve'), thread, mine))).toBe(NOT_AUTHOR);
  });
});

describe('the author of a request', () => {
  const named = (parts: Partial<NamedAuthors>): NamedAuthors => ({
    signed: '',
    body: '',
    header: '',
    query: '',
    ...parts,
  });

  it('is who signed, and nobody may be named beside', () => {
    expect(resolveAuthor('frontend', named({ signed: 'ana', header: 'ana', query: 'ana', body: 'ana' }))).toBe('ana');
    expect(refusal(() => resolveAuthor('backend', named({ signed: 'ana', query: 'bob', body: 'carol' })))).toBe(
      '403 author mismatch between signature and query param',
    );
    expect(refusal(() => resolveAuthor('admin', named({ signed: 'ana', body: 'bob' })))).toBe(
      '403 author mismatch between signature and body author',
    );
    expect(refusal(() => resolveAuthor('backend', named({ signed: 'ana', header: 'bob' })))).toBe(
      '403 author mismatch between signature and header',
    );
  });

  it('is named by trusted callers in the body, else the header, else the query', () => {
    expect(resolveAuthor('backend', named({ body: ' b ', header: 'h', query: 'q' }))).toBe(' b ');
    expect(resolveAuthor('admin', named({ header: 'h', query: 'q' }))).toBe('h');
    expect(resolveAuthor('backend', named({ query: 'q' }))).toBe('q');
    expect(refusal(() => resolveAuthor('backend', named({})))).toBe('400 author required for backend requests');
    expect(refusal(() => resolveAuthor('frontend', named({ header: 'h' })))).toBe('401 missing signature headers');
  });

  it('has at most 128 bytes', () => {
    expect(resolveAuthor('backend', named({ body: 'é'.repeat(64) }))).toHaveLength(64);
    for (const body of ['é'.repeat(65), '日'.repeat(43), 'a'.repeat(129)]) {
      expect(refusal(() => resolveAuthor('backend', named({ body })))).toBe('400 author too long');
    }
  });

  it('is not changed by an edit', () => {
    expect(refusal(() => mustKeepAuthor('ana', 'ana'))).toBe('no refusal');
    expect(refusal(() => mustKeepAuthor('ana', ''))).toBe('no refusal');
    expect(refusal(() => mustKeepAuthor('ana', 'bob'))).toBe('403 author in body does not match verified author');
  });
});
