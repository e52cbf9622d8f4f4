import { describe, expect, it } from 'vitest';
import { readPath } from '../../src/chat/paths.ts';
import { LIMITS } from '../../src/core/limits.ts';
import { admin, adminAs, as, backend, bodies, refusal, signed, World } from './support.ts';

describe('a new message', () => {
  it('gets an id, the role user and the time', () => {
    const world = new World();
    const { id: thread } = world.thread();
    const message = world.engine.createMessage(as('ana'), thread, { body: { text: 'hello' } }, world.clock.time);
    expect(message).toEqual({
      id: `msg-1790000000001000001-1`,
      thread,
      author: 'ana',
      role: 'user',
      ts: 1790000000001000001n,
      body: '{"text":"hello"}',
      replyTo: '',
      deleted: false,
      reactions: [],
      version: 1,
    });
    expect(world.engine.message(as('ana'), thread, message.id)).toEqual(message);
  });

  it('keeps every field that a client may set', () => {
    const world = new World();
    const { id } = world.thread();
    const message = world.post(id, 'ana', {
      body: 'x',
      role: 'assistant',
      ts: -(2n ** 63n),
      replyTo: 'msg-of-nobody',
      deleted: true,
      reactions: { bob: 'like', ana: '👍' },
    });
    expect(message).toMatchObject({
      role: 'assistant',
      ts: -(2n ** 63n),
      replyTo: 'msg-of-nobody',
      deleted: true,
      reactions: [
        { id: 'ana', reaction: '👍' },
        { id: 'bob', reaction: 'like' },
      ],
    });
    expect(world.engine.messages(as('ana'), id, {}).messages).toEqual([]);
    for (const { engine } of [world, world.restart()]) {
      expect(engine.messages(as('ana'), id, { includeDeleted: true }).messages).toEqual([message]);
    }
  });

  it.each(['', 0, false, [], {}, [null, { a: 'é' }]])('may have the body %j', (body) => {
    const world = new World();
    expect(JSON.parse(world.post(world.thread().id, 'ana', { body }).body)).toEqual(body);
  });

  it('needs a body, after the thread was looked at', () => {
    const world = new World();
    const { id } = world.thread();
    expect(refusal(() => world.post(id, 'ana', {}))).toBe('400 body is required');
    expect(refusal(() => world.post(id, 'ana', { body: null }))).toBe('400 body is required');
    expect(refusal(() => world.post('bad id', 'ana', {}))).toBe('404 thread not found');
    world.engine.deleteThread(as('ana'), id, world.now);
    expect(refusal(() => world.post(id, 'ana', {}))).toBe('403 thread deleted');
  });

  it('obeys the rules of the settings, which see it as it will be (R26)', () => {
    const path = (text: string) => ({ text, path: readPath(text) ?? [] });
    const world = new World({
      rules: {
        required: [path('id'), path('thread'), path('body.text')],
        types: [{ at: path('ts'), type: 'number' }],
        maxLengths: [],
        enums: [{ at: path('role'), values: ['user'] }],
        whenThen: [],
      },
    });
    const message = world.post('', 'ana', { body: { text: 'x' } });
    expect(refusal(() => world.post(message.thread, 'ana', { body: 1, role: 'x' }))).toBe(
      '400 required path missing: body.text; invalid enum at role',
    );
    expect(refusal(() => world.post('', 'ana', {}))).toBe('400 body is required; required path missing: body.text');
    const edit = (patch: object) => () => world.engine.editMessage(as('ana'), undefined, message.id, patch, world.now);
    expect(refusal(edit({ role: 'robot' }))).toBe('400 invalid enum at role');
    expect(refusal(edit({ body: {} }))).toBe('400 required path missing: body.text');
    expect(refusal(edit({ role: 'user' }))).toBe('no refusal');
  });

  it.each([
    [{ body: 1, role: 'x'.repeat(1025) }, '400 role too long'],
    [{ body: 1, replyTo: 'x'.repeat(1025) }, '400 reply_to too long'],
    [{ body: 1, reactions: { ['x'.repeat(1025)]: 'y' } }, '400 reaction id too long'],
    [{ body: 1, ts: 2n ** 63n }, '400 ts out of range'],
  ])('is bounded in what it says (%#)', (input, text) => {
    const world = new World();
    expect(refusal(() => world.post(world.thread().id, 'ana', input))).toBe(text);
  });
});

describe('an edit', () => {
  const edited = (patch: object, input: object = { body: { text: 'v1' } }) => {
    const world = new World();
    const { id: thread } = world.thread();
    const { id } = world.post(thread, 'ana', input);
    const message = world.engine.editMessage(as('ana'), thread, id, patch, world.now);
    return { world, thread, id, message };
  };

  it('keeps what it does not name (R7)', () => {
    const full = { body: 'v1', role: 'tool', replyTo: 'msg-x', reactions: { bob: 'like' } };
    expect(edited({ body: 'v2' }, full).message).toMatchObject({
      role: 'tool',
      body: '"v2"',
      replyTo: 'msg-x',
      reactions: [{ id: 'bob', reaction: 'like' }],
    });
    expect(edited({}, full).message).toMatchObject({ body: '"v1"', role: 'tool' });
  });

  it('clears by null what may be cleared, and by what is empty', () => {
    const full = { body: 'v1', role: 'tool', replyTo: 'msg-x', reactions: { bob: 'like' } };
    const cleared = { role: '', replyTo: '', reactions: [], body: '"v1"' };
    expect(edited({ role: null, replyTo: null, reactions: null }, full).message).toMatchObject(cleared);
    expect(edited({ role: '', replyTo: '', reactions: {} }, full).message).toMatchObject(cleared);
    expect(refusal(() => edited({ body: null }, full))).toBe('400 body is required');
  });

  it('has the time of the server and is later than what it replaces (R8)', () => {
    const past = edited({ body: 'v2' }, { body: 'v1', ts: 5n });
    expect(past.message.ts).toBe(BigInt(past.world.clock.time) * 1_000_000n);
    const future = edited({ body: 'v2' }, { body: 'v1', ts: 9_000_000_000_000_000_000n });
    expect(future.message.ts).toBe(9_000_000_000_000_000_001n);
    expect(edited({ body: 'v2' }, { body: 'v1', ts: 2n ** 63n - 1n }).message.ts).toBe(2n ** 63n - 1n);
  });

  it('brings a deleted message back, unless it says deleted', () => {
    const { world, thread, id } = edited({ deleted: true });
    expect(world.engine.messages(as('ana'), thread, {}).messages).toEqual([]);
    world.engine.editMessage(as('ana'), thread, id, { body: 'v2' }, world.now);
    expect(bodies(world.engine.messages(as('ana'), thread, {}))).toEqual(['v2']);
    expect(world.engine.check()).toEqual([]);
  });

  it('is a version, and so is everything else that changes a message', () => {
    const { world, thread, id } = edited({ body: 'v2' });
    world.engine.react(backend, thread, id, { id: 'bob', reaction: 'like' }, world.now);
    world.engine.deleteMessage(as('ana'), thread, id, world.now);
    const { versions } = world.engine.versions(backend, thread, id);
    expect(versions.map(({ body, deleted, reactions, version }) => [body, deleted, reactions.length, version])).toEqual(
      [
        ['{"text":"v1"}', false, 0, 1],
        ['"v2"', false, 0, 2],
        ['"v2"', false, 1, 3],
        ['"v2"', true, 1, 4],
      ],
    );
    expect(world.restart().engine.versions(backend, thread, id).versions).toEqual(versions);
    expect(world.engine.versions(backend, thread, id, { after: 2, limit: 1 })).toEqual({
      id,
      versions: [versions[2]],
      more: true,
    });
  });
});

describe('the messages of a thread', () => {
  const filled = () => {
    const world = new World();
    const { id: thread } = world.thread();
    const ids = ['one', 'two', 'three', 'four'].map((body) => world.post(thread, 'ana', body).id) as [
      string,
      string,
      string,
      string,
    ];
    const list = (query = {}) => bodies(world.engine.messages(as('ana'), thread, query));
    return { world, thread, ids, list };
  };

  it('stay in the order of creation, whatever happens to them (R9)', () => {
    const { world, thread, ids, list } = filled();
    world.engine.editMessage(as('ana'), thread, ids[0], { body: 'ONE' }, world.now);
    world.engine.react(backend, thread, ids[1], { id: 'bob', reaction: 'x' }, world.now);
    world.engine.deleteMessage(as('ana'), thread, ids[2], world.now);
    expect(list()).toEqual(['ONE', 'two', 'four']);
    expect(list({ includeDeleted: true })).toEqual(['ONE', 'two', 'three', 'four']);
    expect(list({ sortBy: 'ts' })).toEqual(['four', 'ONE', 'two']);
    expect(list({ sortBy: 'ts', includeDeleted: true })).toEqual(['four', 'ONE', 'two', 'three']);
  });

  it('are ordered by their own times with sort_by=ts', () => {
    const world = new World();
    const { id } = world.thread();
    for (const [body, ts] of [
      ['third', 300n],
      ['min', -(2n ** 63n)],
      ['first', 100n],
      ['max', 2n ** 63n - 1n],
      ['second', 200n],
    ] as const) {
      world.post(id, 'ana', { body, ts });
    }
    expect(bodies(world.engine.messages(as('ana'), id, { sortBy: 'ts' }))).toEqual([
      'min',
      'first',
      'second',
      'third',
      'max',
    ]);
    expect(bodies(world.engine.messages(as('ana'), id, {}))).toEqual(['third', 'min', 'first', 'max', 'second']);
  });

  it('are limited to the most recent distinct visible ones (R10)', () => {
    const { world, thread, ids, list } = filled();
    for (const body of ['a', 'b', 'c']) world.engine.editMessage(as('ana'), thread, ids[0], { body }, world.now);
    expect(list({ limit: 2 })).toEqual(['three', 'four']);
    expect(list({ limit: 4 })).toEqual(['c', 'two', 'three', 'four']);
    expect(list({ limit: 99 })).toHaveLength(4);
    expect(list({ limit: 0 })).toEqual([]);
    world.engine.deleteMessage(as('ana'), thread, ids[3], world.now);
    expect(list({ limit: 2 })).toEqual(['two', 'three']);
    expect(list({ limit: 2, includeDeleted: true })).toEqual(['three', 'four']);
  });

  it('are paged by ids, which still work when the message is gone', () => {
    const { world, thread, ids, list } = filled();
    expect(list({ before: ids[2] })).toEqual(['one', 'two']);
    expect(list({ before: ids[2], limit: 1 })).toEqual(['two']);
    expect(list({ after: ids[1] })).toEqual(['three', 'four']);
    expect(list({ after: ids[1], limit: 1 })).toEqual(['three']);
    expect(list({ after: ids[0], before: ids[3] })).toEqual(['two', 'three']);
    expect(list({ after: ids[3] })).toEqual([]);
    expect(world.engine.messages(as('ana'), thread, { limit: 2 }).more).toBe(true);
    expect(world.engine.messages(as('ana'), thread, { limit: 4 }).more).toBe(false);
    expect(world.engine.messages(as('ana'), thread, { after: ids[2], limit: 1 }).more).toBe(false);
    world.engine.deleteMessage(as('ana'), thread, ids[1], world.now);
    expect(list({ after: ids[1] })).toEqual(['three', 'four']);
    expect(list({ before: ids[2], includeDeleted: true })).toEqual(['one', 'two']);
    world.engine.editMessage(as('ana'), thread, ids[0], { body: 'ONE' }, world.now);
    expect(list({ sortBy: 'ts', before: ids[0] })).toEqual(['three', 'four']);
    expect(list({ sortBy: 'ts', after: ids[3] })).toEqual(['ONE']);
    expect(refusal(() => list({ before: 'nonsense' }))).toBe('400 invalid cursor');
    const other = world.post(world.thread().id);
    expect(refusal(() => list({ before: other.id, sortBy: 'ts' }))).toBe('400 invalid cursor');
  });

  it('come in pages of a bounded number of bytes, the nearest to the asked end first', () => {
    const world = new World();
    const { id } = world.thread();
    const body = 'x'.repeat(LIMITS.chatPageBytes / 4);
    for (let i = 0; i < 8; i++) world.post(id, 'ana', { body: `${i}${body}` });
    const page = world.engine.messages(as('ana'), id, {});
    expect(page.more).toBe(true);
    expect(page.messages.length).toBeLessThan(6);
    expect(page.messages.at(-1)?.body.startsWith('"7')).toBe(true);
  });

  it('are none in a thread that does not exist, and the thread is not there for those who signed (R13)', () => {
    const world = new World();
    expect(world.engine.messages(backend, 'nowhere', {})).toEqual({ thread: 'nowhere', messages: [], more: false });
    expect(world.engine.messages(as('ana'), 'nowhere', {}).messages).toEqual([]);
    expect(refusal(() => world.engine.messages(signed('ana'), 'nowhere', {}))).toBe('404 thread not found');
  });
});

describe('reactions', () => {
  const reacted = () => {
    const world = new World();
    const { id: thread } = world.thread();
    const { id } = world.post(thread);
    const react = (identity: string, reaction: string) =>
      world.engine.react(backend, thread, id, { id: identity, reaction }, world.now);
    return { world, thread, id, react };
  };

  it('are one for each identity, sorted by the bytes of the identities', () => {
    const { world, thread, id, react } = reacted();
    react('user-bob', 'like');
    react('zoë 日本', ':+1:');
    react('team/alpha', 'a b <c>');
    expect(react('user-bob', 'heart').reactions).toEqual([
      { id: 'team/alpha', reaction: 'a b <c>' },
      { id: 'user-bob', reaction: 'heart' },
      { id: 'zoë 日本', reaction: ':+1:' },
    ]);
    world.engine.unreact(backend, thread, id, 'user-bob', world.now);
    expect(world.engine.reactions(backend, thread, id).map((one) => one.id)).toEqual(['team/alpha', 'zoë 日本']);
    expect(world.engine.check()).toEqual([]);
  });

  it('make no version when nothing changes', () => {
    const { world, thread, id, react } = reacted();
    react('bob', 'like');
    react('bob', 'like');
    world.engine.unreact(backend, thread, id, 'nobody', world.now);
    expect(world.engine.versions(backend, thread, id).versions).toHaveLength(2);
  });

  it('need an identity and a text, which is said before anything is looked up', () => {
    const { world, thread, react } = reacted();
    expect(refusal(() => react('', 'like'))).toBe('400 missing id or reaction');
    expect(refusal(() => react('bob', ''))).toBe('400 missing id or reaction');
    const nowhere = () => world.engine.react(backend, thread, 'msg-nowhere', { id: '', reaction: '' }, world.now);
    expect(refusal(nowhere)).toBe('400 missing id or reaction');
  });
});

describe('counts', () => {
  it('are of messages and not of versions (R19), and of threads with the deleted ones', () => {
    const world = new World();
    const { id: thread } = world.thread();
    const { id } = world.post(thread);
    world.post(thread);
    world.engine.editMessage(as('ana'), thread, id, { body: 2 }, world.now);
    world.engine.react(backend, thread, id, { id: 'b', reaction: 'x' }, world.now);
    world.engine.deleteMessage(as('ana'), thread, id, world.now);
    const gone = world.thread('bob');
    world.engine.deleteThread(adminAs('root'), gone.id, world.now);
    const stats = { threads: 2, messages: 3, versions: 6, deletedThreads: 1, deletedMessages: 1, authors: 2 };
    expect(world.engine.stats()).toMatchObject(stats);
    expect(world.restart().engine.stats()).toMatchObject(stats);
    expect(world.engine.messages(admin, gone.id, {}).messages).toEqual([]);
  });
});
