/**
 * Consumer groups: who reads which partition of a topic, and how far the group has come (synap-core.md 5.2).
 *
 * Invariant: while a group has members every partition is assigned to exactly one of them, and each change of members
 * raises the generation by one, which never goes back, not by a restart either. Members live by their heartbeats and are
 * volatile: a restart counts as a rebalance that left the group empty, and who was in it joins again. Configuration,
 * generation and committed offsets are durable.
 */
import { CommandError, invalidRequest, invalidValue } from '../core/errors.ts';
import { Heap, type HeapItem } from '../core/heap.ts';
import type { Ids } from '../core/ids.ts';
import { LIMITS } from '../core/limits.ts';
import type { Alarm, Engine, Plain, Store } from '../core/ports.ts';
import { assign, STRATEGIES, type Strategy } from './assign.ts';
import { checkName } from './names.ts';
import type {
  Committed,
  Fence,
  GroupConfig,
  GroupLag,
  GroupStats,
  GroupTotals,
  PartitionLag,
  TopicEnds,
  U64,
} from './types.ts';

/** What the engine asks of the world. */
export interface GroupPorts {
  readonly store: Store;
  readonly ids: Ids;
  readonly alarm: Alarm;
  readonly topics: TopicEnds;
}

/** Session timeout of a member, in seconds, where nobody says otherwise. */
const SESSION_SECS = 30;

/** A member past its timeout goes this many milliseconds later: a heartbeat within the first second revives it (9-16). */
const GRACE_MS = 1500;

/** Groups that one tick rebalances: each may have thousands of members. */
const TICK_GROUPS = 20;

type GroupRecord = {
  readonly topic: string;
  readonly partitionCount: number;
  readonly strategy: Strategy;
  readonly sessionMs: number;
  readonly generation: number;
  readonly rebalancedAt: number;
  readonly members: number;
};

interface Group {
  readonly name: string;
  readonly topic: string;
  readonly partitionCount: number;
  readonly strategy: Strategy;
  readonly sessionMs: number;
  /** In join order. */
  readonly members: Map<string, Member>;
  readonly commits: Map<string, U64>;
  generation: number;
  rebalancedAt: number;
}

/** `due` is when the timer looks at it, never later than `seen + timeoutMs + GRACE_MS`: a heartbeat moves only `seen`. */
interface Member extends HeapItem {
  readonly id: string;
  readonly group: Group;
  readonly timeoutMs: number;
  seen: number;
  partitions: readonly number[];
}

export class GroupEngine implements Engine {
  readonly tables = ['group', 'group.offset'] as const;
  readonly #ports: GroupPorts;
  readonly #groups = new Map<string, Group>();
  readonly #sessions = new Heap<Member>();
  #wakeAt = Number.POSITIVE_INFINITY;

  constructor(ports: GroupPorts) {
    this.#ports = ports;
  }

  /** Creates a group. Errors: INVALID_REQUEST (strategy), INVALID_VALUE (partitions, names), GROUP_EXISTS, LIMIT_REACHED. */
  create(name: string, config: GroupConfig, now: number): void {
    const strategy = STRATEGIES.find((known) => known === (config.strategy ?? 'round_robin'));
    if (strategy === undefined) invalidRequest('Invalid assignment strategy');
    if (config.partitionCount > LIMITS.partitions) invalidValue(`partition_count must be at most ${LIMITS.partitions}`);
    checkName(name, 'group_id');
    checkName(config.topic, 'topic');
    if (this.#groups.has(name)) throw new CommandError('GROUP_EXISTS', { group: name });
    if (this.#groups.size >= LIMITS.groups)
      throw new CommandError('LIMIT_REACHED', { detail: `${LIMITS.groups} consumer groups exist` });
    const group: Group = {
      name,
      topic: config.topic,
      partitionCount: Number(config.partitionCount),
      strategy,
      sessionMs: (Number(config.sessionTimeoutSecs ?? 0) || SESSION_SECS) * 1000,
      members: new Map(),
      commits: new Map(),
      generation: 0,
      rebalancedAt: now,
    };
    this.#groups.set(name, group);
    this.#state(group);
  }

  /** Forgets a group with its members and offsets. Errors: GROUP_NOT_FOUND. */
  delete(name: string): void {
    const group = this.#group(name);
    this.#groups.delete(name);
    for (const member of group.members.values()) this.#sessions.remove(member);
    this.#ports.store.remove('group', name);
    for (const partition of group.commits.keys()) this.#ports.store.remove('group.offset', offsetKey(name, partition));
  }

  /**
   * Adds a member and rebalances; answers its id. Without a timeout it has the group's; with 0 it is gone at once, though
   * the call succeeds (synap-core.md 5.2-3). Errors: GROUP_NOT_FOUND, LIMIT_REACHED.
   */
  join(name: string, sessionTimeoutSecs: U64 | null | undefined, now: number): string {
    const group = this.#group(name);
    if (group.members.size >= LIMITS.members)
      throw new CommandError('LIMIT_REACHED', { detail: `a consumer group has ${LIMITS.members} members` });
    const timeoutMs =
      sessionTimeoutSecs === undefined || sessionTimeoutSecs === null
        ? group.sessionMs
        : Number(sessionTimeoutSecs) * 1000;
    const id = this.#ports.ids.uuid();
    const member: Member = {
      id,
      group,
      timeoutMs,
      seen: now,
      partitions: [],
      slot: -1,
      due: now + timeoutMs + GRACE_MS,
    };
    group.members.set(id, member);
    this.#sessions.push(member);
    this.#rebalance(group, now);
    this.#wake(member.due);
    return id;
  }

  /** Takes a member out and rebalances. Errors: GROUP_NOT_FOUND, MEMBER_NOT_IN_GROUP. */
  leave(name: string, id: string, now: number): void {
    const group = this.#group(name);
    this.#remove(this.#member(group, id));
    this.#rebalance(group, now);
  }

  /** A member lives, also one past its timeout that is still there. Errors: GROUP_NOT_FOUND, MEMBER_NOT_IN_GROUP. */
  heartbeat(name: string, id: string, now: number): void {
    this.#member(this.#group(name), id).seen = now;
  }

  /** The partitions of a member. Errors: GROUP_NOT_FOUND, MEMBER_NOT_FOUND. */
  assignment(name: string, id: string): readonly number[] {
    const member = this.#group(name).members.get(id);
    if (member === undefined) throw new CommandError('MEMBER_NOT_FOUND', { member: id });
    return member.partitions;
  }

  /**
   * Stores the offset that the group reads next in a partition: as sent, or when a generation is sent with it only if
   * that is the current one, the member belongs to it and the partition to the group (synap-core.md 5.2-7, 9-16).
   * Errors: GROUP_NOT_FOUND, LIMIT_REACHED; checked: MEMBER_NOT_IN_GROUP, STALE_GENERATION, PARTITION_NOT_FOUND.
   */
  commit(name: string, partition: U64, offset: U64, fence: Fence | undefined): void {
    const group = this.#group(name);
    if (fence !== undefined) {
      const { generation, member } = fence;
      if (member !== undefined && member !== null) this.#member(group, member);
      if (Number(generation) !== group.generation)
        throw new CommandError('STALE_GENERATION', { generation, current: group.generation });
      if (partition >= group.partitionCount) throw new CommandError('PARTITION_NOT_FOUND', { partition });
    }
    this.#commit(group, String(partition), offset);
  }

  /** The committed offset of a partition; `undefined` when there is none. Errors: GROUP_NOT_FOUND. */
  offset(name: string, partition: U64): U64 | undefined {
    return this.#group(name).commits.get(String(partition));
  }

  /**
   * Commits an offset, or where a partition now begins or ends, for one partition or for all of the group, and answers
   * what was committed. All or nothing. Errors: GROUP_NOT_FOUND, PARTITION_NOT_FOUND, TOPIC_NOT_FOUND, LIMIT_REACHED.
   */
  reset(name: string, to: U64 | 'earliest' | 'latest', partition: U64 | undefined): Committed[] {
    const group = this.#group(name);
    const committed: Committed[] = [];
    if (partition !== undefined && partition >= group.partitionCount)
      throw new CommandError('PARTITION_NOT_FOUND', { partition });
    const first = partition === undefined ? 0 : Number(partition);
    const end = partition === undefined ? group.partitionCount : first + 1;
    for (let at = first; at < end; at++) committed.push({ partition: at, offset: this.#target(group, to, at) });
    const added = committed.filter((one) => !group.commits.has(String(one.partition))).length;
    if (group.commits.size + added > LIMITS.commits) tooManyCommits();
    for (const one of committed) this.#commit(group, String(one.partition), one.offset);
    return committed;
  }

  /** The facts about a group, in constant time. Errors: GROUP_NOT_FOUND. */
  stats(name: string, now: number): GroupStats {
    const { topic, partitionCount, members, commits, generation, rebalancedAt } = this.#group(name);
    return {
      topic,
      partitionCount,
      memberCount: members.size,
      committedPartitions: commits.size,
      generation,
      state: members.size === 0 ? 'Empty' : 'Stable',
      lastRebalanceSecs: Math.max(0, Math.floor((now - rebalancedAt) / 1000)),
    };
  }

  /** How far the group is behind, partition by partition; what was never committed counts from the earliest event. Errors: GROUP_NOT_FOUND. */
  lag(name: string): GroupLag {
    const { topic, partitionCount, commits } = this.#group(name);
    const { topics } = this.#ports;
    const partitions: PartitionLag[] = [];
    let total = 0;
    for (let partition = 0; partition < partitionCount; partition++) {
      const end = topics.endOffset(topic, partition) ?? null;
      const committed = commits.get(String(partition)) ?? null;
      const earliest = topics.earliestOffset(topic, partition) ?? 0;
      const lag = end === null ? null : Math.max(0, end - Math.max(Number(committed ?? 0), earliest));
      partitions.push({ partition, committed, end, lag });
      total += lag ?? 0;
    }
    return { topic, partitions, total };
  }

  /** The names of all groups, oldest first. */
  list(): string[] {
    return [...this.#groups.keys()];
  }

  /** Running totals, in constant time. */
  totals(): GroupTotals {
    return { groups: this.#groups.size, members: this.#sessions.size };
  }

  restore(table: string, key: string, value: Plain): void {
    if (table === 'group') {
      const { members, generation, ...config } = value as GroupRecord;
      this.#groups.set(key, {
        ...config,
        name: key,
        members: new Map(),
        commits: new Map(),
        generation: members > 0 ? generation + 1 : generation,
      });
      return;
    }
    const at = key.lastIndexOf('\0');
    this.#groups.get(key.slice(0, at))?.commits.set(key.slice(at + 1), value as U64);
  }

  /** Nothing is derived: members come back by joining. */
  restored(): void {}

  tick(now: number): void {
    let groups = TICK_GROUPS;
    for (
      let member = this.#sessions.peek();
      member !== undefined && member.due <= now;
      member = this.#sessions.peek()
    ) {
      const due = member.seen + member.timeoutMs + GRACE_MS;
      if (due > now) {
        member.due = due;
        this.#sessions.moved(member);
      } else if (groups-- > 0) this.#rebalance(member.group, now);
      else break;
    }
    this.#wakeAt = Number.POSITIVE_INFINITY;
    const next = this.#sessions.peek()?.due ?? Number.POSITIVE_INFINITY;
    this.#wake(Math.max(next, now + 1));
  }

  nextDeadline(): number {
    return this.#wakeAt;
  }

  check(): string[] {
    const broken = this.#sessions.check();
    let members = 0;
    for (const group of this.#groups.values()) {
      members += group.members.size;
      const owners = new Map<number, string>();
      for (const { id, partitions, slot, due, seen, timeoutMs } of group.members.values()) {
        if (slot < 0) broken.push(`${group.name}: nobody watches the session of ${id}`);
        if (due > seen + timeoutMs + GRACE_MS) broken.push(`${group.name}: the session of ${id} ends too late`);
        for (const partition of partitions) {
          if (owners.has(partition)) broken.push(`${group.name}: partition ${partition} has two owners`);
          owners.set(partition, id);
        }
      }
      if (group.members.size > 0 && owners.size !== group.partitionCount)
        broken.push(`${group.name}: ${owners.size} of ${group.partitionCount} partitions have an owner`);
    }
    if (members !== this.#sessions.size) broken.push(`${members} members have ${this.#sessions.size} sessions`);
    if (this.#wakeAt > (this.#sessions.peek()?.due ?? Number.POSITIVE_INFINITY))
      broken.push('the alarm is set too late');
    return broken;
  }

  #group(name: string): Group {
    const group = this.#groups.get(name);
    if (group === undefined) throw new CommandError('GROUP_NOT_FOUND', { group: name });
    return group;
  }

  #member(group: Group, id: string): Member {
    const member = group.members.get(id);
    if (member === undefined) throw new CommandError('MEMBER_NOT_IN_GROUP', { member: id });
    return member;
  }

  #remove(member: Member): void {
    member.group.members.delete(member.id);
    this.#sessions.remove(member);
  }

  /** Removes who is past its timeout and shares the partitions among the rest (synap-core.md 5.2-3). */
  #rebalance(group: Group, now: number): void {
    for (const member of group.members.values()) if (member.seen <= now - member.timeoutMs) this.#remove(member);
    const members = [...group.members.values()];
    const held = members.map(({ partitions }) => partitions);
    const shares = assign(group.strategy, group.partitionCount, held);
    for (const [i, member] of members.entries()) member.partitions = shares[i] as number[];
    group.generation++;
    if (members.length > 0) group.rebalancedAt = now;
    this.#state(group);
  }

  /** Where a reset leads to in one partition. */
  #target({ topic }: Group, to: U64 | 'earliest' | 'latest', partition: number): U64 {
    if (to !== 'earliest' && to !== 'latest') return to;
    const { topics } = this.#ports;
    const offset = to === 'earliest' ? topics.earliestOffset(topic, partition) : topics.endOffset(topic, partition);
    if (offset !== undefined) return offset;
    if (topics.endOffset(topic, 0) === undefined) throw new CommandError('TOPIC_NOT_FOUND', { topic });
    throw new CommandError('PARTITION_NOT_FOUND', { partition });
  }

  #commit(group: Group, partition: string, offset: U64): void {
    if (group.commits.size >= LIMITS.commits && !group.commits.has(partition)) tooManyCommits();
    group.commits.set(partition, offset);
    this.#ports.store.put('group.offset', offsetKey(group.name, partition), offset);
  }

  /** States a group. `members` tells the next start whether somebody has lost its place. */
  #state({ name, topic, partitionCount, strategy, sessionMs, generation, rebalancedAt, members }: Group): void {
    this.#ports.store.put('group', name, {
      topic,
      partitionCount,
      strategy,
      sessionMs,
      generation,
      rebalancedAt,
      members: members.size,
    } satisfies GroupRecord);
  }

  #wake(at: number): void {
    if (at >= this.#wakeAt) return;
    this.#wakeAt = at;
    this.#ports.alarm.set(at);
  }
}

/** The key of a committed offset. Digits follow the last NUL, so a group's name may hold anything. */
function offsetKey(group: string, partition: string): string {
  return `${group}\0${partition}`;
}

function tooManyCommits(): never {
  throw new CommandError('LIMIT_REACHED', { detail: `a consumer group has ${LIMITS.commits} committed offsets` });
}
