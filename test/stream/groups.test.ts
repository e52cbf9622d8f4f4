import { describe, expect, it } from 'vitest';
import { LIMITS } from '../../src/core/limits.ts';
import type { TopicEnds } from '../../src/stream/types.ts';
import { groupRig, refusal } from './rig.ts';

/** A group `g` of `partitionCount` partitions. */
function group(
  partitionCount = 3,
  config: { strategy?: string; sessionTimeoutSecs?: number } = {},
  topics?: TopicEnds,
) {
  const rig = groupRig(topics);
  rig.engine.create('g', { topic: 't', partitionCount, ...config }, rig.now);
  const join = (secs?: number): string => rig.engine.join('g', secs, rig.now);
  return { rig, engine: rig.engine, join };
}

/** A topic `t` of two partitions: events 5 to 9 in the first, none yet in the second. */
const TOPIC: TopicEnds = {
  earliestOffset: (topic, partition) => (topic === 't' ? [5, 0][partition] : undefined),
  endOffset: (topic, partition) => (topic === 't' ? [10, 0][partition] : undefined),
};

describe('a consumer group', () => {
  it('begins empty at generation 0', () => {
    const { rig, engine } = group();
    rig.clock.advance(2500);
    expect(engine.stats('g', rig.now)).toEqual({
      topic: 't',
      partitionCount: 3,
      memberCount: 0,
      committedPartitions: 0,
      generation: 0,
      state: 'Empty',
      lastRebalanceSecs: 2,
    });
    expect(engine.list()).toEqual(['g']);
  });

  it('takes the three strategies and no other, and says so before it says that it exists', () => {
    const { engine, now } = groupRig();
    for (const strategy of ['round_robin', 'range', 'sticky', null, undefined])
      engine.create(`g-${strategy}`, { topic: 't', partitionCount: 3, strategy }, now);
    for (const strategy of ['RoundRobin', '', 'x'])
      expect(refusal(() => engine.create('g-sticky', { topic: 't', partitionCount: 3, strategy }, now))).toBe(
        'Invalid request: Invalid assignment strategy',
      );
    expect(refusal(() => engine.create('g-sticky', { topic: 't', partitionCount: 3 }, now))).toBe(
      "Invalid request: Consumer group 'g-sticky' already exists",
    );
  });

  it('may have no partitions, but not absurdly many', () => {
    const { engine, join } = group(0);
    expect(engine.assignment('g', join())).toEqual([]);
    for (const partitionCount of [1025, 18446744073709551615n])
      expect(refusal(() => engine.create('h', { topic: 't', partitionCount }, 0))).toBe(
        'Invalid value: partition_count must be at most 1024',
      );
  });

  it('is unknown to every operation before it is created and after it was deleted', () => {
    const { rig, engine, join } = group();
    const member = join();
    engine.commit('g', 0, 5, undefined);
    engine.delete('g');
    for (const work of [
      () => join(),
      () => engine.leave('g', member, rig.now),
      () => engine.heartbeat('g', member, rig.now),
      () => engine.assignment('g', member),
      () => engine.commit('g', 0, 1, undefined),
      () => engine.offset('g', 0),
      () => engine.reset('g', 0, undefined),
      () => engine.stats('g', rig.now),
      () => engine.lag('g'),
      () => engine.delete('g'),
    ])
      expect(refusal(work)).toBe("Invalid request: Consumer group 'g' not found");
    engine.create('g', { topic: 't', partitionCount: 3 }, rig.now);
    expect(engine.offset('g', 0)).toBeUndefined();
    expect(rig.restart().offset('g', 0)).toBeUndefined();
    rig.pass(100_000);
    expect(engine.check()).toEqual([]);
  });

  it('rebalances at each join and leave, and a generation later everything is owned', () => {
    const { rig, engine, join } = group(4);
    const a = join();
    expect(engine.assignment('g', a)).toEqual([0, 1, 2, 3]);
    const b = join();
    expect([engine.assignment('g', a), engine.assignment('g', b)]).toEqual([
      [0, 2],
      [1, 3],
    ]);
    rig.clock.advance(5000);
    engine.leave('g', a, rig.now);
    expect(engine.assignment('g', b)).toEqual([0, 1, 2, 3]);
    expect(engine.stats('g', rig.now)).toMatchObject({ generation: 3, memberCount: 1, lastRebalanceSecs: 0 });
    engine.leave('g', b, rig.now);
    rig.clock.advance(3000);
    expect(engine.stats('g', rig.now)).toMatchObject({ generation: 4, state: 'Empty', lastRebalanceSecs: 3 });
  });

  it('counts the last rebalance from the last one that left somebody', () => {
    const { rig, engine, join } = group();
    const a = join();
    rig.clock.advance(4000);
    engine.leave('g', a, rig.now);
    expect(engine.stats('g', rig.now)).toMatchObject({ generation: 2, lastRebalanceSecs: 4 });
  });

  it('keeps sticky partitions where they are', () => {
    const { engine, join } = group(4, { strategy: 'sticky' });
    const members = [join(), join(), join()];
    expect(members.map((id) => engine.assignment('g', id))).toEqual([[0, 1], [3], [2]]);
  });

  it('knows a member that left no longer', () => {
    const { rig, engine, join } = group();
    const a = join();
    engine.leave('g', a, rig.now);
    expect(refusal(() => engine.assignment('g', a))).toBe(`Invalid request: Member ${a} not found`);
    expect(refusal(() => engine.heartbeat('g', a, rig.now))).toBe(`Invalid request: Member ${a} not found in group`);
    expect(refusal(() => engine.leave('g', a, rig.now))).toBe(`Invalid request: Member ${a} not found in group`);
    expect(join()).not.toBe(a);
  });
});

describe('sessions', () => {
  it('end at the timer between one and two seconds after the timeout, and free the partitions', () => {
    const { rig, engine, join } = group(3);
    const dead = join(10);
    const alive = join(3600);
    rig.pass(11_000);
    expect(engine.assignment('g', dead)).toEqual([0, 2]);
    rig.pass(1000);
    expect(refusal(() => engine.assignment('g', dead))).toContain('not found');
    expect(engine.assignment('g', alive)).toEqual([0, 1, 2]);
    expect(engine.stats('g', rig.now)).toMatchObject({ generation: 3, memberCount: 1 });
  });

  it('go on by heartbeats, also by one within the first second after the timeout', () => {
    const { rig, engine, join } = group();
    const a = join(1);
    for (let i = 0; i < 20; i++) {
      rig.pass(1999);
      engine.heartbeat('g', a, rig.now);
    }
    expect(engine.stats('g', rig.now)).toMatchObject({ memberCount: 1, generation: 1 });
    rig.pass(3000);
    expect(refusal(() => engine.heartbeat('g', a, rig.now))).toContain('not found in group');
    expect(engine.stats('g', rig.now)).toMatchObject({ state: 'Empty', generation: 2 });
  });

  it('end at the next join or leave as soon as the timeout has passed', () => {
    const { rig, engine, join } = group();
    const a = join(1);
    rig.pass(999);
    const b = join();
    expect(engine.stats('g', rig.now).memberCount).toBe(2);
    rig.pass(1);
    const c = join();
    expect(refusal(() => engine.assignment('g', a))).toContain('not found');
    expect([engine.assignment('g', b), engine.assignment('g', c)]).toEqual([[0, 2], [1]]);
  });

  it('last as long as the group says when the join says nothing, and 30 seconds when nobody does', () => {
    for (const [sessionTimeoutSecs, secs] of [
      [5, 5],
      [0, 30],
      [undefined, 30],
    ] as const) {
      const { rig, engine, join } = group(3, sessionTimeoutSecs === undefined ? {} : { sessionTimeoutSecs });
      join();
      rig.pass(secs * 1000 + 999);
      expect(engine.stats('g', rig.now).memberCount).toBe(1);
      rig.pass(1001);
      expect(engine.stats('g', rig.now).memberCount).toBe(0);
    }
  });

  it('of no time at all are over within the join, which succeeds', () => {
    const { rig, engine, join } = group();
    const a = join(0);
    expect(engine.stats('g', rig.now)).toMatchObject({ generation: 1, memberCount: 0, state: 'Empty' });
    expect(refusal(() => engine.assignment('g', a))).toBe(`Invalid request: Member ${a} not found`);
    expect(engine.check()).toEqual([]);
    rig.pass(5000);
    expect(engine.stats('g', rig.now).generation).toBe(1);
  });

  it('that end together cost one rebalance', () => {
    const { rig, engine, join } = group();
    for (let i = 0; i < 5; i++) join(10);
    rig.pass(12_000);
    expect(engine.stats('g', rig.now)).toMatchObject({ memberCount: 0, generation: 6 });
  });

  it('are not more than a group may have', () => {
    const { engine, join } = group(1);
    for (let i = 0; i < LIMITS.members; i++) engine.join('g', 10, 0);
    expect(refusal(() => join())).toBe('Quota exceeded: a consumer group has 2000 members');
    expect(engine.totals()).toEqual({ groups: 1, members: LIMITS.members });
  });
});

describe('committed offsets', () => {
  it('are stored as sent: backwards, beyond the partitions, and up to the largest u64', () => {
    const { rig, engine } = group();
    expect(engine.offset('g', 0)).toBeUndefined();
    engine.commit('g', 0, 12, undefined);
    engine.commit('g', 0, 3, undefined);
    engine.commit('g', 99, 5, undefined);
    engine.commit('g', 1, 18446744073709551615n, undefined);
    expect([0, 99, 1].map((partition) => engine.offset('g', partition))).toEqual([3, 5, 18446744073709551615n]);
    expect(engine.stats('g', rig.now).committedPartitions).toBe(3);
  });

  it('are checked when the commit names a generation', () => {
    const { rig, engine, join } = group();
    const a = join();
    engine.commit('g', 0, 1, { generation: 1, member: a });
    expect(refusal(() => engine.commit('g', 3, 1, { generation: 1, member: a }))).toBe(
      'Invalid request: Partition 3 not found',
    );
    const b = join();
    expect(refusal(() => engine.commit('g', 0, 2, { generation: 1, member: a }))).toBe(
      'Invalid request: Generation 1 is not current; the group is at 2',
    );
    engine.commit('g', 0, 2, { generation: 2n, member: b });
    engine.leave('g', b, rig.now);
    expect(refusal(() => engine.commit('g', 0, 3, { generation: 3, member: b }))).toBe(
      `Invalid request: Member ${b} not found in group`,
    );
    expect(engine.offset('g', 0)).toBe(2);
  });

  it('are not stored for any number of partitions', () => {
    const { engine } = group();
    for (let i = 0; i < LIMITS.commits; i++) engine.commit('g', i, 1, undefined);
    expect(refusal(() => engine.commit('g', LIMITS.commits, 1, undefined))).toBe(
      'Quota exceeded: a consumer group has 10000 committed offsets',
    );
    engine.commit('g', 0, 2, undefined);
    expect(refusal(() => engine.reset('g', 5, undefined))).toBe('no refusal');
  });

  it('can be reset to where partitions begin, end, or to an offset, one or all', () => {
    const { engine } = group(2, {}, TOPIC);
    expect(engine.reset('g', 'latest', undefined)).toEqual([
      { partition: 0, offset: 10 },
      { partition: 1, offset: 0 },
    ]);
    expect(engine.reset('g', 'earliest', 0)).toEqual([{ partition: 0, offset: 5 }]);
    expect(engine.reset('g', 7, 1n)).toEqual([{ partition: 1, offset: 7 }]);
    expect([engine.offset('g', 0), engine.offset('g', 1)]).toEqual([5, 7]);
  });

  it('are reset all or none, and only where there is something', () => {
    const { engine } = group(3, {}, TOPIC);
    expect(refusal(() => engine.reset('g', 'latest', undefined))).toBe('Invalid request: Partition 2 not found');
    expect(engine.offset('g', 0)).toBeUndefined();
    expect(refusal(() => engine.reset('g', 0, 3))).toBe('Invalid request: Partition 3 not found');
    expect(refusal(() => group(3).engine.reset('g', 'earliest', 0))).toBe("Invalid request: Topic 't' not found");
  });

  it('show how far the group is behind, from the earliest event where nothing was committed', () => {
    const { engine } = group(3, {}, TOPIC);
    expect(engine.lag('g')).toEqual({
      topic: 't',
      partitions: [
        { partition: 0, committed: null, end: 10, lag: 5 },
        { partition: 1, committed: null, end: 0, lag: 0 },
        { partition: 2, committed: null, end: null, lag: null },
      ],
      total: 5,
    });
    engine.commit('g', 0, 8, undefined);
    engine.commit('g', 1, 100, undefined);
    expect(engine.lag('g')).toMatchObject({ partitions: [{ committed: 8, lag: 2 }, { lag: 0 }, {}], total: 2 });
    engine.commit('g', 0, 2, undefined);
    expect(engine.lag('g').total).toBe(5);
  });
});

describe('a restart of groups', () => {
  it('keeps configuration and offsets, loses the members, and counts that as a rebalance', () => {
    const { rig, engine, join } = group(3, { strategy: 'range', sessionTimeoutSecs: 5 });
    const a = join();
    join();
    engine.commit('g', 1, 18446744073709551615n, undefined);
    rig.clock.advance(1000);
    for (let i = 0; i < 3; i++) {
      rig.restart();
      expect(rig.engine.stats('g', rig.now)).toEqual({
        topic: 't',
        partitionCount: 3,
        memberCount: 0,
        committedPartitions: 1,
        generation: 3,
        state: 'Empty',
        lastRebalanceSecs: 1,
      });
    }
    expect(rig.engine.offset('g', 1)).toBe(18446744073709551615n);
    expect(refusal(() => rig.engine.heartbeat('g', a, rig.now))).toContain('not found in group');
    const b = rig.engine.join('g', undefined, rig.now);
    rig.engine.join('g', undefined, rig.now);
    expect(rig.engine.assignment('g', b)).toEqual([0, 1]);
    expect(rig.engine.stats('g', rig.now).generation).toBe(5);
    rig.pass(7000);
    expect(rig.engine.stats('g', rig.now).memberCount).toBe(0);
  });

  it('leaves the generation of a group without members alone', () => {
    const { rig, engine, join } = group();
    engine.leave('g', join(), rig.now);
    expect(rig.restart().stats('g', rig.now).generation).toBe(2);
  });

  it('keeps groups apart whose names hold the separator of keys', () => {
    const rig = groupRig();
    const names = ['a', 'a\0', 'a\x001', ''];
    for (const name of names) rig.engine.create(name, { topic: 't', partitionCount: 3 }, rig.now);
    for (const [i, name] of names.entries()) rig.engine.commit(name, 1, i * 10, undefined);
    const again = rig.restart();
    expect(names.map((name) => again.offset(name, 1))).toEqual([0, 10, 20, 30]);
    again.delete('a');
    expect(['a\0', 'a\x001', ''].map((name) => rig.restart().offset(name, 1))).toEqual([10, 20, 30]);
  });
});
