import { describe, expect, it } from 'vitest';
import { admin, as, backend, bodies, contents, refusal, run, World } from './support.ts';

const OPTIONS = { encryption: { enabled: true, masterKeys: [Buffer.alloc(32, 1)], fields: [] } };

/** Two threads, the second with an edited message; then records are lost, as when a store leaves damaged ones out. */
const stage = (lose: (drop: (table: string, at: number) => void) => void) => {
  const world = new World(OPTIONS);
  const first = world.post(world.thread('ana').id, 'ana', 'safe');
  const second = world.post(world.thread('bob').id, 'bob', 'v1');
  world.engine.editMessage(as('bob'), undefined, second.id, { body: 'v2' }, world.now);
  const other = world.post(second.thread, 'bob', 'other');
  lose((table, at) => {
    const rows = world.store.tables.get(table);
    rows?.delete([...rows.keys()].sort().at(at) as string);
  });
  const after = world.restart();
  expect(after.engine.check()).toEqual([]);
  expect(bodies(after.engine.messages(as('ana'), first.thread, {}))).toEqual(['safe']);
  return { world, after, first, second, other };
};

describe('a record that is lost', () => {
  it('of a thread takes its messages out of sight, and nothing new is mixed with them', () => {
    const { after, second } = stage((drop) => drop('chat.threads', -1));
    expect(refusal(() => after.engine.message(admin, undefined, second.id))).toBe('404 message not found');
    const fresh = after.thread('eve');
    after.post(fresh.id, 'eve', 'new');
    after.post(fresh.id, 'eve', 'newer');
    const again = after.restart();
    expect(bodies(again.engine.messages(as('eve'), fresh.id, {}))).toEqual(['new', 'newer']);
    expect(contents(again.engine)).toEqual(contents(after.engine));
    expect(
      [...(after.store.tables.get('chat.versions')?.keys() ?? [])].filter((key) => key.startsWith('00000002')),
    ).toHaveLength(3);
  });

  it('of a first version takes that message out of sight and no other', () => {
    const { after, second, other } = stage((drop) => drop('chat.versions', 1));
    expect(refusal(() => after.engine.message(admin, undefined, second.id))).toBe('404 message not found');
    expect(after.engine.message(backend, undefined, other.id).body).toBe('"other"');
    expect(after.post(second.thread, 'bob').version).toBe(4);
  });

  it('of a later version leaves the message as it was before', () => {
    const { after, second } = stage((drop) => drop('chat.versions', 2));
    expect(after.engine.message(backend, undefined, second.id).body).toBe('"v1"');
  });

  it('of a data key takes what only that opens out of sight, and the thread goes on', () => {
    const { after, second } = stage((drop) => drop('chat.thread-keys', -1));
    expect(after.engine.messages(backend, second.thread, {}).messages).toEqual([]);
    expect(after.post(second.thread, 'bob', 'goes on').version).toBe(4);
    run(after.engine.encryptExisting({ all: true }, after.now));
    expect(bodies(after.restart().engine.messages(backend, second.thread, {}))).toEqual(['goes on']);
  });
});
