import fc from 'fast-check';
import { expect, it } from 'vitest';
import { runs, seed } from '../support/seed.ts';
import { groupRig, refusal } from './rig.ts';

const STRATEGIES = ['round_robin', 'range', 'sticky'] as const;

interface NaiveMember {
  id: string;
  timeout: number;
  seen: number;
  partitions: number[];
}

/** A group as the sheet words it: every step looks at every member and every partition. */
class NaiveGroup {
  members: NaiveMember[] = [];
  commits = new Map<number, number>();
  generation = 0;
  readonly partitions: number;
  readonly strategy: (typeof STRATEGIES)[number];
  readonly timeout: number;
  constructor(partitions: number, strategy: (typeof STRATEGIES)[number], timeout: number) {
    this.partitions = partitions;
    this.strategy = strategy;
    this.timeout = timeout;
  }

  rebalance(now: number): void {
    this.generation++;
    this.members = this.members.filter(({ seen, timeout }) => now - seen < timeout);
    const { members, partitions } = this;
    const n = members.length;
    if (n === 0) return;
    if (this.strategy === 'round_robin') {
      for (const [m, member] of members.entries())
        member.partitions = Array.from({ length: partitions }, (_, p) => p).filter((p) => p % n === m);
    } else if (this.strategy === 'range') {
      let next = 0;
      for (const [m, member] of members.entries()) {
        const share = Math.floor(partitions / n) + (m < partitions % n ? 1 : 0);
        member.partitions = Array.from({ length: share }, () => next++);
      }
    } else {
      const orphans = Array.from({ length: partitions }, (_, p) => p).filter(
        (p) => !members.some((member) => member.partitions.includes(p)),
      );
      for (const [i, p] of orphans.entries()) members[i % n]?.partitions.push(p);
      const floor = Math.floor(partitions / n);
      for (const member of members)
        while (member.partitions.length > floor + 1) {
          const moved = member.partitions.pop() as number;
          const fewest = Math.min(...members.map((other) => other.partitions.length));
          const to =
            members.find((other) => other.partitions.length < floor) ??
            members.find((other) => other.partitions.length === fewest);
          to?.partitions.push(moved);
        }
    }
  }

  /** The timer: a member goes a second and a half after its timeout, together with all that are past theirs. */
  pass(until: number): void {
    for (;;) {
      const due = Math.min(...this.members.map(({ seen, timeout }) => seen + timeout + 1500));
      if (due > until) return;
      this.rebalance(due);
    }
  }
}

const group = fc.constantFrom('g', 'h');
const which = fc.nat(6);
const step = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('create' as const),
      group,
      partitions: fc.nat(9),
      strategy: fc.constantFrom(...STRATEGIES),
      secs: fc.constantFrom(undefined, 0, 5, 60),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('join' as const), group, secs: fc.constantFrom(undefined, 0, 1, 10, 60) }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('leave' as const), group, which }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('heartbeat' as const), group, which }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('commit' as const),
      group,
      which,
      partition: fc.nat(10),
      offset: fc.nat(100),
      behind: fc.constantFrom(undefined, 0, 0, 1),
    }),
  },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 40_000 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('delete' as const), group }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const) }) },
);

it('groups answer like the sheet under any history, restarts included', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 20, maxLength: 120 }), (steps) => {
      const rig = groupRig();
      const groups = new Map<string, NaiveGroup>();
      for (const one of steps) {
        const { engine } = rig;
        const model = 'group' in one ? groups.get(one.group) : undefined;
        const member = model !== undefined && 'which' in one ? model.members[one.which] : undefined;
        if (one.do === 'pass') {
          rig.pass(one.ms);
          for (const naive of groups.values()) naive.pass(rig.now);
        } else if (one.do === 'restart') {
          rig.restart();
          for (const naive of groups.values()) {
            if (naive.members.length > 0) naive.generation++;
            naive.members = [];
          }
        } else if (one.do === 'create') {
          const refused = refusal(() =>
            engine.create(
              one.group,
              { topic: 't', partitionCount: one.partitions, strategy: one.strategy, sessionTimeoutSecs: one.secs },
              rig.now,
            ),
          );
          expect(refused === 'no refusal').toBe(model === undefined);
          if (model === undefined)
            groups.set(one.group, new NaiveGroup(one.partitions, one.strategy, (one.secs || 30) * 1000));
        } else if (model === undefined) {
          expect(refusal(() => engine.lag(one.group))).toContain('not found');
        } else if (one.do === 'delete') {
          engine.delete(one.group);
          groups.delete(one.group);
        } else if (one.do === 'join') {
          const id = engine.join(one.group, one.secs, rig.now);
          const timeout = one.secs === undefined ? model.timeout : one.secs * 1000;
          model.members.push({ id, timeout, seen: rig.now, partitions: [] });
          model.rebalance(rig.now);
        } else if (one.do === 'leave') {
          const refused = refusal(() => engine.leave(one.group, member?.id ?? 'nobody', rig.now));
          expect(refused === 'no refusal').toBe(member !== undefined);
          if (member === undefined) continue;
          model.members.splice(one.which, 1);
          model.rebalance(rig.now);
        } else if (one.do === 'heartbeat') {
          const refused = refusal(() => engine.heartbeat(one.group, member?.id ?? 'nobody', rig.now));
          expect(refused === 'no refusal').toBe(member !== undefined);
          if (member !== undefined) member.seen = rig.now;
        } else {
          const generation = model.generation - (one.behind ?? 0);
          const fence = one.behind === undefined ? undefined : { generation, member: member?.id ?? 'nobody' };
          const refused = refusal(() => engine.commit(one.group, one.partition, one.offset, fence));
          const fits = member !== undefined && one.behind === 0 && one.partition < model.partitions;
          expect(refused === 'no refusal').toBe(fence === undefined || fits);
          if (refused === 'no refusal') model.commits.set(one.partition, one.offset);
        }

        expect(rig.engine.check()).toEqual([]);
        for (const [name, naive] of groups) {
          expect(rig.engine.stats(name, rig.now)).toMatchObject({
            generation: naive.generation,
            memberCount: naive.members.length,
            committedPartitions: naive.commits.size,
            state: naive.members.length === 0 ? 'Empty' : 'Stable',
          });
          for (const { id, partitions } of naive.members) expect(rig.engine.assignment(name, id)).toEqual(partitions);
          for (let partition = 0; partition <= 10; partition++)
            expect(rig.engine.offset(name, partition)).toBe(naive.commits.get(partition));
        }
      }
    }),
    { seed, numRuns: runs(250) },
  );
});
