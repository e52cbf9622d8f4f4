/**
 * Random commands against a naive model of threads and messages, with restarts in between.
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { ChatOptions, MessageQuery, MessageView } from '../../src/chat/types.ts';
import { runs, seed } from '../support/seed.ts';
import { admin, adminAs, as, contents, refusal, run, signed, World } from './support.ts';

interface ModelVersion {
  body: string;
  role: string;
  deleted: boolean;
  ts: bigint;
  reactions: Record<string, string>;
}
interface ModelMessage {
  id: string;
  author: string;
  versions: ModelVersion[];
}
interface ModelThread {
  id: string;
  author: string;
  deleted: boolean;
  messages: ModelMessage[];
}
interface State {
  world: World;
  readonly threads: ModelThread[];
}

const USERS = ['ana', 'bob', 'carol'];
const newest = (message: ModelMessage): ModelVersion => message.versions[message.versions.length - 1] as ModelVersion;
const pick = <T>(items: readonly T[], at: number): T | undefined => items[at % Math.max(1, items.length)];
const knows = (thread: ModelThread, user: string): boolean =>
  user === thread.author || thread.messages.some((message) => message.author === user && message.id !== '');

function shown(message: ModelMessage): object {
  const { body, role, deleted, ts, reactions } = newest(message);
  const sorted = Object.entries(reactions).sort(([a], [b]) => (a < b ? -1 : 1));
  const list = sorted.map(([id, reaction]) => ({ id, reaction }));
  return { id: message.id, author: message.author, body: JSON.stringify(body), role, deleted, ts, reactions: list };
}

/** What a list must answer: the last `limit` of those that are seen, in the asked order. */
function listed(thread: ModelThread, query: MessageQuery): object[] {
  const all = thread.messages.filter((message) => query.includeDeleted || !newest(message).deleted);
  if (query.sortBy === 'ts') {
    const order = new Map(all.map((message, at) => [message, at]));
    all.sort((a, b) => {
      const x = newest(a).ts;
      const y = newest(b).ts;
      return x < y ? -1 : x > y ? 1 : (order.get(a) ?? 0) - (order.get(b) ?? 0);
    });
  }
  let found = all;
  if (query.after !== undefined) found = found.slice(found.findIndex((message) => message.id === query.after) + 1);
  if (query.before !== undefined)
    found = found.slice(
      0,
      found.findIndex((message) => message.id === query.before),
    );
  const limit = query.limit ?? found.length;
  found = query.after === undefined ? found.slice(Math.max(0, found.length - limit)) : found.slice(0, limit);
  return found.map(shown);
}

const strip = ({ id, author, body, role, deleted, ts, reactions }: MessageView): object => ({
  id,
  author,
  body,
  role,
  deleted,
  ts,
  reactions,
});

type Step = (state: State) => void;
const at = fc.nat(50);
const user = fc.constantFrom(...USERS);

const makeThread = user.map<Step>((author) => ({ world, threads }) => {
  const view = world.thread(author, '');
  expect(view.title).toBe(`New Thread #${threads.length + 1}`);
  threads.push({ id: view.id, author, deleted: false, messages: [] });
});

const post = fc
  .record({
    thread: at,
    user,
    front: fc.boolean(),
    ts: fc.constantFrom(0n, 5n, -7n, 2n ** 62n),
    deleted: fc.boolean(),
    reacted: fc.boolean(),
  })
  .map<Step>(({ thread: t, user: who, front, ts, deleted, reacted }) => ({ world, threads }) => {
    const thread = pick(threads, t);
    if (thread === undefined) return;
    const body = `${who} ${world.clock.time}`;
    const input = { body, ts, deleted, ...(reacted ? { reactions: { [who]: 'own', zed: 'other' } } : {}) };
    let view: MessageView | undefined;
    const text = refusal(
      () => (view = world.engine.createMessage(front ? signed(who) : as(who), thread.id, input, world.now)),
    );
    const expected = thread.deleted
      ? '403 thread deleted'
      : front && !knows(thread, who)
        ? '403 author does not match thread'
        : 'no refusal';
    expect(text).toBe(expected);
    if (view === undefined) return;
    const reactions: Record<string, string> = !reacted ? {} : front ? { [who]: 'own' } : { [who]: 'own', zed: 'other' };
    const version = { body, role: 'user', deleted, ts: ts === 0n ? view.ts : ts, reactions };
    thread.messages.push({ id: view.id, author: who, versions: [version] });
    expect(strip(view)).toEqual(shown(thread.messages[thread.messages.length - 1] as ModelMessage));
  });

const onMessage = (
  act: (state: State, thread: ModelThread, message: ModelMessage, who: string) => void,
): fc.Arbitrary<Step> =>
  fc.record({ t: at, m: at, who: user }).map(({ t, m, who }) => (state) => {
    const thread = pick(state.threads, t);
    const message = thread === undefined ? undefined : pick(thread.messages, m);
    if (thread !== undefined && message !== undefined) act(state, thread, message, who);
  });

/** The next version in the model, with the time that the engine gave it. */
const follow = (message: ModelMessage, change: Partial<ModelVersion>, ts: bigint): void => {
  expect(ts > newest(message).ts).toBe(true);
  message.versions.push({ ...newest(message), reactions: { ...newest(message).reactions }, ...change, ts });
};

const edit = onMessage(({ world }, thread, message, who) => {
  const body = `edited ${world.clock.time}`;
  const text = refusal(() => {
    const view = world.engine.editMessage(signed(who), thread.id, message.id, { body, role: who }, world.now);
    follow(message, { body, role: who, deleted: false }, view.ts);
  });
  expect(text).toBe(
    thread.deleted ? '403 thread deleted' : who === message.author ? 'no refusal' : '403 author does not match',
  );
});

const remove = onMessage(({ world }, thread, message, who) => {
  const text = refusal(() => world.engine.deleteMessage(as(who), thread.id, message.id, world.now));
  expect(text).toBe(who === message.author ? 'no refusal' : '403 author does not match');
  if (text !== 'no refusal' || newest(message).deleted) return;
  follow(message, { deleted: true }, world.engine.message(admin, undefined, message.id).ts);
});

const react = onMessage(({ world }, thread, message, who) => {
  const before = newest(message).reactions;
  const take = before[who] !== undefined && world.clock.time % 2 === 0;
  const reaction = `r${world.clock.time % 3}`;
  const text = refusal(() => {
    if (take) world.engine.unreact(as('anybody'), thread.id, message.id, who, world.now);
    else world.engine.react(adminAs(''), thread.id, message.id, { id: who, reaction }, world.now);
  });
  expect(text).toBe(take && thread.deleted ? '403 thread deleted' : 'no refusal');
  if (text !== 'no refusal' || (!take && before[who] === reaction)) return;
  const { [who]: _, ...rest } = before;
  follow(
    message,
    { reactions: take ? rest : { ...rest, [who]: reaction } },
    world.engine.message(admin, undefined, message.id).ts,
  );
});

const deleteThread = fc.record({ t: at, who: user }).map<Step>(({ t, who }) => ({ world, threads }) => {
  const thread = pick(threads, t);
  if (thread === undefined || t % 5 !== 0) return;
  const text = refusal(() => world.engine.deleteThread(signed(who), thread.id, world.now));
  expect(text).toBe(who === thread.author ? 'no refusal' : '403 author does not match');
  if (text !== 'no refusal' || thread.deleted) return;
  thread.deleted = true;
  const [tombstone] = world.engine.messages(admin, thread.id, { includeDeleted: true, limit: 1 }).messages;
  const { id = '', ts = 0n } = tombstone ?? {};
  const version = { body: '', role: '', deleted: true, ts, reactions: {} };
  thread.messages.push({ id, author: '\0tombstone', versions: [version] });
});

const list = fc
  .record({
    t: at,
    who: user,
    limit: fc.option(fc.nat(6)),
    byTs: fc.boolean(),
    all: fc.boolean(),
    before: fc.option(at),
    after: fc.option(at),
  })
  .map<Step>(({ t, who, limit, byTs, all, before, after }) => ({ world, threads }) => {
    const thread = pick(threads, t);
    if (thread === undefined) return;
    const seen = thread.messages.filter((message) => all || !newest(message).deleted);
    const cursor = (place: number | null): string | undefined => (place === null ? undefined : pick(seen, place)?.id);
    const from = cursor(after);
    const to = cursor(before);
    const query: MessageQuery = {
      includeDeleted: all,
      sortBy: byTs ? 'ts' : 'created',
      ...(limit === null ? {} : { limit }),
      ...(from === undefined ? {} : { after: from }),
      ...(to === undefined ? {} : { before: to }),
    };
    const order = listed(thread, { includeDeleted: all, sortBy: byTs ? 'ts' : 'created' }).map(
      (one) => (one as { id: string }).id,
    );
    if (from !== undefined && to !== undefined && order.indexOf(from) >= order.indexOf(to)) return;
    const plain = (messages: readonly MessageView[]) =>
      messages.map((view) =>
        view.role === '' && view.body.includes('_event')
          ? { ...strip(view), author: '\0tombstone', body: '""' }
          : strip(view),
      );
    expect(plain(world.engine.messages(admin, thread.id, query).messages)).toEqual(listed(thread, query));
    const text = refusal(() => world.engine.messages(signed(who), thread.id, query));
    expect(text).toBe(
      thread.deleted
        ? '404 thread not found'
        : knows(thread, who)
          ? 'no refusal'
          : '403 author not found in any message in this thread',
    );
  });

const history = onMessage(({ world }, thread, message) => {
  const { versions } = world.engine.versions(admin, thread.id, message.id);
  expect(
    versions.map(({ role, deleted, ts, reactions }) => ({
      role,
      deleted,
      ts,
      reactions: Object.fromEntries(reactions.map((one) => [one.id, one.reaction])),
    })),
  ).toEqual(message.versions.map(({ role, deleted, ts, reactions }) => ({ role, deleted, ts, reactions })));
});

const restart = fc.constant<Step>((state) => {
  const before = contents(state.world.engine);
  state.world = state.world.restart();
  state.world.settle();
  expect(contents(state.world.engine)).toEqual(before);
});

const rotate = at.map<Step>((t) => ({ world, threads }) => {
  const thread = pick(threads, t);
  if (thread !== undefined) refusal(() => run(world.engine.rotateThreadKey(thread.id, world.now)));
});

const time = fc.nat(3).map<Step>(
  (ms) =>
    ({ world }) =>
      void world.clock.advance(ms - 1),
);

const steps = fc.array(
  fc.oneof(
    makeThread,
    post,
    post,
    post,
    edit,
    edit,
    remove,
    react,
    react,
    deleteThread,
    list,
    list,
    history,
    restart,
    rotate,
    time,
  ),
  {
    minLength: 20,
    maxLength: 80,
  },
);

it.each<[string, ChatOptions]>([
  ['in clear', {}],
  ['encrypted', { encryption: { enabled: true, masterKeys: [Buffer.alloc(32, 5)], fields: [] } }],
])('the engine answers like a naive one, over restarts, %s', (_, options) => {
  fc.assert(
    fc.property(steps, (all) => {
      const state: State = { world: new World(options), threads: [] };
      makeFirst(state);
      for (const step of all) {
        step(state);
        expect(state.world.engine.check()).toEqual([]);
      }
      const { threads, messages, versions } = state.world.engine.stats();
      const every = state.threads.flatMap((thread) => thread.messages);
      expect([threads, messages, versions]).toEqual([
        state.threads.length,
        every.length,
        every.reduce((sum, message) => sum + message.versions.length, 0),
      ]);
    }),
    { seed, numRuns: runs(100) },
  );
});

function makeFirst({ world, threads }: State): void {
  const { id } = world.thread('ana', '');
  threads.push({ id, author: 'ana', deleted: false, messages: [] });
}
