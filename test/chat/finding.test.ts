import { describe, expect, it } from 'vitest';
import { LIMITS } from '../../src/core/limits.ts';
import { admin, as, backend, bodies, refusal, run, signed, World } from './support.ts';

describe('a search', () => {
  const filled = () => {
    const world = new World();
    const { id } = world.thread();
    for (const body of [
      { text: 'Hello World' },
      'goodbye WORLD',
      { list: [{ deep: 'a <b> & "c"' }], hello: 1 },
      { text: 'ΟΔΟΣ École' },
      'u003c',
      5,
    ]) {
      world.post(id, 'ana', { body });
    }
    const find = (text: string, query = {}) => bodies(run(world.engine.search(as('ana'), id, { text, ...query })));
    return { world, id, find };
  };

  it('finds words in any case in the texts of bodies, the newest first', () => {
    const { find } = filled();
    expect(find('world')).toEqual(['goodbye WORLD', { text: 'Hello World' }]);
    expect(find('WORLD hello')).toEqual([{ text: 'Hello World' }]);
    expect(find('<B>')).toHaveLength(1);
    expect(find('"C" &')).toHaveLength(1);
    expect(find('οδος école')).toHaveLength(1);
  });

  it('looks neither at names of members nor at how texts are written', () => {
    const { find } = filled();
    expect(find('deep')).toEqual([]);
    expect(find('003c')).toEqual(['u003c']);
    expect(find('hello')).toHaveLength(1);
    expect(find('nothing')).toEqual([]);
  });

  it('sees the newest versions of what is visible', () => {
    const { world, id, find } = filled();
    const [first, second] = world.engine.messages(as('ana'), id, {}).messages;
    world.engine.editMessage(as('ana'), id, first?.id ?? '', { body: 'changed' }, world.now);
    world.engine.deleteMessage(as('ana'), id, second?.id ?? '', world.now);
    expect(find('world')).toEqual([]);
    expect(find('changed')).toEqual(['changed']);
  });

  it('goes on where it stopped', () => {
    const world = new World();
    const { id } = world.thread();
    for (let i = 0; i < 700; i++) world.post(id, 'ana', i % 100 === 0 ? `hit ${i}` : 'miss');
    const seen: unknown[] = [];
    let before: string | undefined;
    for (let calls = 1; ; calls++) {
      const page = run(world.engine.search(as('ana'), id, { text: 'hit', limit: 3, ...(before ? { before } : {}) }));
      seen.push(...bodies(page));
      if (page.next === '') {
        expect(calls).toBe(3);
        break;
      }
      before = page.next;
    }
    expect(seen).toEqual(['hit 600', 'hit 500', 'hit 400', 'hit 300', 'hit 200', 'hit 100', 'hit 0']);
  });

  it('says when it has come to the beginning', () => {
    const { find, world, id } = filled();
    const { next } = run(world.engine.search(as('ana'), id, { text: 'hello', limit: 1 }));
    expect(next).toBe('');
    expect(run(world.engine.search(as('ana'), id, { text: 'world', limit: 1 })).next).not.toBe('');
    expect(find('world', { limit: 0 })).toEqual([]);
  });

  it('refuses what it cannot look for', () => {
    const { find, world } = filled();
    expect(refusal(() => find(' '))).toBe('400 search text is required');
    expect(refusal(() => find('x'.repeat(1025)))).toBe('400 search text too long');
    expect(refusal(() => find('a b c d e f g h i j k l m n o p q'))).toBe('400 too many words');
    expect(refusal(() => find('x', { before: 'nonsense' }))).toBe('400 invalid cursor');
    expect(run(world.engine.search(backend, 'nowhere', { text: 'x' })).messages).toEqual([]);
    expect(refusal(() => world.engine.search(signed('a'), 'nowhere', { text: 'x' }))).toBe('404 thread not found');
  });
});

describe('storage keys', () => {
  const filled = () => {
    const world = new World();
    const one = world.post('b', 'ana', 'one');
    world.post('a', 'ana', 'two');
    world.post('a.b', 'ana', 'three');
    const { id } = world.thread();
    world.post(id);
    world.engine.updateThread(as('ana'), 'b', { title: 'x' }, world.now);
    world.engine.editMessage(as('ana'), 'b', one.id, { body: 'one again' }, world.now);
    return { world, one, id, all: world.engine.keys('').keys };
  };

  it('are one for each thread and two for each version, in the order of their bytes', () => {
    const { all, one, id } = filled();
    expect(all).toEqual([...all].sort());
    expect(all).toHaveLength(4 + 2 * 5);
    expect(all.slice(0, 2)).toEqual(['thread:a.b:meta', expect.stringMatching(/^thread:a\.b:msg:0179\d{16}-000001$/)]);
    expect(all.filter((key) => key.startsWith('thread:b:'))).toEqual([
      'thread:b:meta',
      expect.stringMatching(/-000001$/),
      expect.stringMatching(/-000003$/),
    ]);
    expect(all.filter((key) => key.includes(one.id))).toHaveLength(2);
    expect(all).toContain(`thread:${id}:meta`);
  });

  it('are listed by any prefix and paged behind any key', () => {
    const { world, all, one } = filled();
    const prefixes = [
      'thread:',
      'thread:a',
      'thread:a:',
      'thread:a.',
      'thread:b:me',
      'thread:b:msg:0',
      'version',
      `version:msg:${one.id}`,
      `version:msg:${one.id}:0`,
      'version:msg:msg-1',
      'x',
      'a',
      'thread:zz',
      all[3] ?? '',
    ];
    for (const prefix of prefixes) {
      const expected = all.filter((key) => key.startsWith(prefix));
      expect(world.engine.keys(prefix)).toEqual({ keys: expected, more: false });
      for (const [at, key] of ['', ...all, 'zzz'].entries()) {
        const behind = expected.filter((other) => other > key);
        expect(world.engine.keys(prefix, key, 2), `${prefix} ${at}`).toEqual({
          keys: behind.slice(0, 2),
          more: behind.length > 2,
        });
      }
    }
  });

  it('lead to what they stand for', () => {
    const { world, all, one } = filled();
    for (const key of all) {
      const value = world.engine.keyValue(key);
      if (key.endsWith(':meta')) expect(value).toEqual({ thread: world.engine.thread(admin, key.split(':')[1] ?? '') });
      else expect('message' in value && value.message.version).toBe(Number(key.slice(-6)));
    }
    const [first = ''] = world.engine.keys(`version:msg:${one.id}`).keys;
    expect(world.engine.keyValue(first)).toEqual({ message: one });
    const wrong = [
      'nothing',
      'thread:nowhere:meta',
      `${first}0`,
      first.replace('-000001', '-000002'),
      first.replace('msg-', 'msg-9'),
    ];
    for (const key of wrong) expect(refusal(() => world.engine.keyValue(key))).toBe('404 pebble: not found');
  });

  it('of many threads and messages are found without looking at all of them', () => {
    const world = new World();
    for (let i = 0; i < 300; i++) world.post(`t${1000 + i}`);
    const page = world.engine.keys('', 'thread:t1150:meta', 3);
    expect(page.more).toBe(true);
    expect(page.keys.map((key) => key.split(':')[1])).toEqual(['t1150', 't1151', 't1151']);
    expect(world.engine.keys('version:').keys).toHaveLength(300);
    expect(LIMITS.chatPage).toBeGreaterThan(600);
  });
});
