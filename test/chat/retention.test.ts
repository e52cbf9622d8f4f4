import { describe, expect, it } from 'vitest';
import { readCron } from '../../src/chat/cron.ts';
import type { RetentionPolicy } from '../../src/chat/retention.ts';
import type { ChatOptions } from '../../src/chat/types.ts';
import { adminAs, as, backend, bodies, contents, JournalStore, refusal, run, signed, World } from './support.ts';

const DAY = 86_400_000;
const policy = (parts: Partial<RetentionPolicy> = {}): ChatOptions => ({
  retention: {
    enabled: true,
    cron: readCron('0 2 * * *') as NonNullable<ReturnType<typeof readCron>>,
    periodMs: 30 * DAY,
    messagePeriodMs: 30 * DAY,
    dryRun: false,
    paused: false,
    batchSize: 100,
    batchSleepMs: 0,
    ...parts,
  },
});

/** A deleted thread, a deleted message in a live thread, and what stays. */
const stage = (options: ChatOptions = policy(), store = new JournalStore()) => {
  const world = new World(options, store);
  const gone = world.thread('ana', 'goes').id;
  for (let i = 0; i < 5; i++) world.post(gone, 'bob', `old ${i}`);
  const live = world.thread('ana', 'stays').id;
  const dropped = world.post(live, 'carol', 'drops').id;
  world.post(live, 'bob', 'stays');
  world.engine.deleteThread(as('ana'), gone, world.now);
  world.engine.deleteMessage(as('carol'), live, dropped, world.now);
  return { world, engine: world.engine, store, gone, live, dropped };
};

describe('retention', () => {
  it('removes threads and messages that were deleted long enough ago, and all that belonged to them', () => {
    const { world, engine, store, gone, live, dropped } = stage();
    world.clock.advance(30 * DAY - 1000);
    expect(run(engine.runRetention(world.now))).toMatchObject({ threads: 0, messages: 0 });
    world.clock.advance(1000);
    expect(run(engine.runRetention(world.now))).toMatchObject({ dryRun: false, threads: 1, messages: 1 });
    expect(refusal(() => engine.thread(adminAs('x'), gone))).toBe('404 thread not found');
    expect(refusal(() => engine.message(backend, undefined, dropped))).toBe('404 message not found');
    expect(bodies(engine.messages(as('ana'), live, { includeDeleted: true }))).toEqual(['stays']);
    expect(engine.stats()).toMatchObject({ threads: 1, messages: 1, versions: 1, deletedMessages: 0, pending: 0 });
    expect(engine.check()).toEqual([]);
    expect(Object.keys(store.snapshot()['chat.versions'] ?? {})).toHaveLength(1);
    expect(Object.keys(store.snapshot()['chat.threads'] ?? {})).toHaveLength(1);
    expect(contents(world.restart().engine)).toEqual(contents(engine));
    // who wrote nothing any more takes no part any more
    expect(refusal(() => engine.messages(signed('carol'), live, {}))).toMatch(/^403/);
  });

  it('keeps deleted messages of live threads for a time of their own', () => {
    const { world, engine, gone, live, dropped } = stage(policy({ messagePeriodMs: 2 * DAY }));
    world.clock.advance(2 * DAY);
    expect(run(engine.runRetention(world.now))).toMatchObject({ threads: 0, messages: 1 });
    expect(refusal(() => engine.message(backend, live, dropped))).toBe('404 message not found');
    expect(engine.thread(adminAs('x'), gone).deleted).toBe(true);
    world.clock.advance(28 * DAY);
    expect(run(engine.runRetention(world.now))).toMatchObject({ threads: 1, messages: 0 });
  });

  it('comes by itself at the time of its schedule, and not when it is off or paused', () => {
    for (const [options, left] of [
      [policy(), 1],
      [policy({ enabled: false }), 2],
      [policy({ paused: true }), 2],
    ] as const) {
      const { world, engine } = stage(options);
      world.clock.time = Date.parse('2026-12-31T01:59:59Z');
      const later = world.restart();
      later.settle();
      expect(later.engine.stats().threads).toBe(2);
      later.clock.advance(1000);
      later.settle();
      expect(later.engine.stats().threads).toBe(left);
      expect(later.alarm.at).toBe(later.engine.nextDeadline());
      if (left === 1) expect(later.engine.nextDeadline()).toBe(Date.parse('2027-01-01T02:00:00Z'));
      expect(engine.stats().threads).toBe(2);
    }
  });

  it('only looks and tells on a dry run', () => {
    const { world, engine } = stage(policy({ dryRun: true, batchSize: 1 }));
    world.clock.advance(31 * DAY);
    const before = contents(engine);
    expect(run(engine.runRetention(world.now))).toMatchObject({ dryRun: true, threads: 1, messages: 1 });
    expect(contents(engine)).toEqual(before);
    expect(engine.audit(1)[0]).toMatchObject({
      event: 'retention_audit_footer',
      fields: { dry_run: true, threads: 1 },
    });
  });

  it('leaves an audit trail, which outlives a restart', () => {
    const { world, engine, gone } = stage();
    world.clock.advance(31 * DAY);
    const { run: id } = run(engine.runRetention(world.now));
    const trail = engine.audit(10);
    expect(trail.map(({ event, no }) => [event, no])).toEqual([
      ['retention_audit_footer', 3],
      ['retention_audit_item', 2],
      ['retention_audit_header', 1],
    ]);
    expect(trail[1]?.fields).toMatchObject({ run: id, thread: gone, messages: 6 });
    const again = world.restart().engine;
    expect(again.audit(10)).toEqual(trail);
    run(again.runRetention(world.now));
    expect(again.audit(10).map(({ no }) => no)).toEqual([5, 4, 3, 2, 1]);
    expect(world.restart().engine.audit(10)).toEqual(again.audit(10));
  });

  it('works in slices with the pause that it is given', () => {
    const { world } = stage(policy({ batchSize: 2, batchSleepMs: 500 }));
    world.clock.time = Date.parse('2026-12-31T01:59:59Z');
    const later = world.restart();
    let slices = 0;
    for (; later.engine.nextDeadline() < later.clock.time + DAY / 2; slices++) {
      later.clock.time = Math.max(later.clock.time, later.engine.nextDeadline());
      later.engine.tick(later.clock.time);
    }
    expect(slices).toBeGreaterThan(4);
    expect(later.clock.time).toBeGreaterThan(Date.parse('2026-12-31T02:00:01Z'));
    expect(later.engine.stats()).toMatchObject({ threads: 1, messages: 1, pending: 0 });
  });

  it('interrupted after any change brings nothing back and leaves nothing behind', () => {
    const { world, engine, store, live } = stage(policy({ batchSize: 2 }));
    world.clock.advance(31 * DAY);
    const start = store.length;
    run(engine.runRetention(world.clock.time));
    const after = contents(engine);
    for (let count = start; count <= store.length; count++) {
      const crashed = new World(world.options, store.after(count));
      crashed.clock.time = world.clock.time;
      crashed.store.restoreInto(crashed.engine, crashed.clock.time);
      expect(crashed.engine.check()).toEqual([]);
      crashed.settle();
      run(crashed.engine.runRetention(crashed.clock.time));
      expect(contents(crashed.engine)).toEqual(after);
      // a message goes as a whole with its turn; should it not, what is left of it is not read
      expect(Object.keys(crashed.store.snapshot()['chat.versions'] ?? {}).length).toBeLessThan(3);
      const message = crashed.post(live, 'ana');
      expect(crashed.engine.message(as('ana'), live, message.id)).toEqual(message);
      expect(crashed.restart().engine.check()).toEqual([]);
    }
  });

  it('takes the keys of a thread first, so that what is left of it cannot be read', () => {
    const encryption = { enabled: true, masterKeys: [Buffer.alloc(32, 1)], fields: [] };
    const { world, engine, store } = stage({ ...policy(), encryption });
    world.clock.advance(31 * DAY);
    const walk = engine.runRetention(world.now);
    walk.step();
    expect(Object.keys(store.snapshot()['chat.versions'] ?? {}).length).toBeGreaterThan(6);
    expect(Object.keys(store.snapshot()['chat.thread-keys'] ?? {})).toHaveLength(1);
    const crashed = world.restart();
    crashed.settle();
    expect(Object.keys(crashed.store.snapshot()['chat.versions'] ?? {})).toHaveLength(1);
  });

  it('hides a thread from the first slice on, and goes on for as many as it takes', () => {
    const { world, engine } = stage(policy({ batchSize: 1 }));
    const { id } = world.thread('dave');
    const message = world.post(id, 'dave').id;
    engine.deleteThread(as('dave'), id, world.now);
    world.clock.advance(31 * DAY);
    const walk = engine.runRetention(world.now);
    let steps = 0;
    for (; walk.step(); steps++) {
      if (refusal(() => engine.thread(adminAs('x'), id)) === 'no refusal') continue;
      expect(refusal(() => engine.message(backend, undefined, message))).toBe('404 message not found');
      expect(engine.keys('').keys.filter((key) => key.includes(id) || key.includes(message))).toEqual([]);
    }
    expect(steps).toBeGreaterThan(8);
    expect(engine.stats()).toMatchObject({ threads: 1, messages: 1 });
  });

  it('leaves those in a thread who wrote something else there', () => {
    const { world, engine, live } = stage();
    world.post(live, 'carol', 'still here');
    world.clock.advance(31 * DAY);
    expect(run(engine.runRetention(world.now)).messages).toBe(1);
    expect(bodies(engine.messages(signed('carol'), live, {}))).toEqual(['stays', 'still here']);
    expect(engine.check()).toEqual([]);
  });

  it('does not give numbers again that followers have seen', () => {
    const { world, engine, live, dropped } = stage();
    const { version } = world.post(live, 'dave', 'last');
    const last = engine.messages(as('ana'), live, { limit: 1 }).messages[0]?.id as string;
    engine.deleteMessage(as('dave'), live, last, world.now);
    world.clock.advance(31 * DAY);
    run(engine.runRetention(world.now));
    const again = world.restart();
    expect(again.post(live).version).toBeGreaterThan(version + 1);
    expect(again.post(live).id).not.toBe(dropped);
  });
});
