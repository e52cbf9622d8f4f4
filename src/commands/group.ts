/**
 * Commands of consumer groups (synap-core.md 5.2, 9-16, 9-32).
 */
import * as z from 'zod';
import { command } from './define.ts';
import { Done, U64 } from './schemas.ts';

const group = (p: { group_id: string }): string => `stream:${p.group_id}`;
const GroupId = z.string().meta({ description: 'Name of the group.' });
const MemberId = z.string().meta({ description: 'Id of the member, as `group.join` answered it.' });
const MEMBER = '5f1d2b9e-0c3a-4e55-9a4b-2f6f0d1c7e10';
const made = [{ command: 'group.create', input: { group_id: 'g1', topic: 'orders', partition_count: 3 } }];
const joined = [...made, { command: 'group.join', input: { group_id: 'g1' }, save: { member: 'member_id' } }];

export const groupList = command({
  name: 'group.list',
  id: 320,
  since: '0.1.0',
  summary: 'The names of all consumer groups.',
  access: 'read',
  resource: () => 'stream:*',
  effect: 'read',
  input: z.object({}),
  output: z.object({ count: z.int(), groups: z.array(z.string()) }),
  errors: [],
  rest: { route: 'GET /consumer-groups' },
  example: { before: made, input: {}, output: { count: 1, groups: ['g1'] } },
  run({ groups }) {
    const names = groups.list();
    return { count: names.length, groups: names };
  },
});

export const groupCreate = command({
  name: 'group.create',
  id: 321,
  since: '0.1.0',
  summary: 'Make a consumer group over the partitions of a topic, which need not exist yet.',
  access: 'configure',
  resource: group,
  effect: 'write',
  input: z.object({
    group_id: GroupId,
    topic: z.string(),
    partition_count: U64,
    strategy: z.string().nullish().meta({ description: '`round_robin` (default), `range` or `sticky`.' }),
    session_timeout_secs: U64.nullish().meta({ description: 'For members that name none; default 30, as is 0.' }),
  }),
  output: z.object({ group_id: z.string(), success: Done, topic: z.string() }),
  errors: ['GROUP_EXISTS', 'INVALID_REQUEST', 'INVALID_VALUE', 'LIMIT_REACHED'],
  rest: { route: 'POST /consumer-groups/:group_id', body: '*' },
  example: {
    input: { group_id: 'g1', topic: 'orders', partition_count: 3 },
    output: { group_id: 'g1', success: true, topic: 'orders' },
  },
  run({ groups, now }, p) {
    groups.create(
      p.group_id,
      {
        topic: p.topic,
        partitionCount: p.partition_count,
        strategy: p.strategy,
        sessionTimeoutSecs: p.session_timeout_secs,
      },
      now,
    );
    return { group_id: p.group_id, success: true as const, topic: p.topic };
  },
});

export const groupDelete = command({
  name: 'group.delete',
  id: 322,
  since: '0.1.0',
  summary: 'Delete a group with its members and offsets.',
  access: 'delete',
  resource: group,
  effect: 'write',
  input: z.object({ group_id: GroupId }),
  output: z.object({ deleted: z.string(), success: Done }),
  errors: ['GROUP_NOT_FOUND'],
  rest: { route: 'DELETE /consumer-groups/:group_id' },
  example: { before: made, input: { group_id: 'g1' }, output: { deleted: 'g1', success: true } },
  run({ groups }, p) {
    groups.delete(p.group_id);
    return { deleted: p.group_id, success: true as const };
  },
});

export const groupJoin = command({
  name: 'group.join',
  id: 323,
  since: '0.1.0',
  summary: 'Join a group; partitions are assigned anew before the answer.',
  access: 'read',
  resource: group,
  effect: 'write',
  input: z.object({ group_id: GroupId, session_timeout_secs: U64.nullish() }),
  output: z.object({ group_id: z.string(), member_id: z.string() }),
  errors: ['GROUP_NOT_FOUND', 'LIMIT_REACHED'],
  rest: { route: 'POST /consumer-groups/:group_id/join', body: '*' },
  example: { before: made, input: { group_id: 'g1' }, output: { group_id: 'g1', member_id: MEMBER } },
  run: ({ groups, now }, p) => ({
    group_id: p.group_id,
    member_id: groups.join(p.group_id, p.session_timeout_secs, now),
  }),
});

export const groupLeave = command({
  name: 'group.leave',
  id: 324,
  since: '0.1.0',
  summary: 'Leave a group; its partitions go to the other members.',
  access: 'read',
  resource: group,
  effect: 'write',
  input: z.object({ group_id: GroupId, member_id: MemberId }),
  output: z.object({ member_id: z.string(), success: Done }),
  errors: ['GROUP_NOT_FOUND', 'MEMBER_NOT_IN_GROUP'],
  rest: { route: 'DELETE /consumer-groups/:group_id/members/:member_id/leave' },
  example: {
    before: joined,
    input: { group_id: 'g1', member_id: '{{member}}' },
    output: { member_id: '{{member}}', success: true },
  },
  run({ groups, now }, p) {
    groups.leave(p.group_id, p.member_id, now);
    return { member_id: p.member_id, success: true as const };
  },
});

export const groupAssignment = command({
  name: 'group.assignment',
  id: 325,
  since: '0.1.0',
  summary: 'The partitions of a member.',
  access: 'read',
  resource: group,
  effect: 'read',
  input: z.object({ group_id: GroupId, member_id: MemberId }),
  output: z.object({ group_id: z.string(), member_id: z.string(), partitions: z.array(z.int()) }),
  errors: ['GROUP_NOT_FOUND', 'MEMBER_NOT_FOUND'],
  rest: { route: 'GET /consumer-groups/:group_id/members/:member_id/assignment' },
  example: {
    before: joined,
    input: { group_id: 'g1', member_id: '{{member}}' },
    output: { group_id: 'g1', member_id: '{{member}}', partitions: [0, 1, 2] },
  },
  run: ({ groups }, p) => ({
    group_id: p.group_id,
    member_id: p.member_id,
    partitions: [...groups.assignment(p.group_id, p.member_id)],
  }),
});

export const groupHeartbeat = command({
  name: 'group.heartbeat',
  id: 326,
  since: '0.1.0',
  summary: 'Say that a member lives; without it the session ends one to two seconds after its timeout.',
  access: 'read',
  resource: group,
  effect: 'write',
  input: z.object({ group_id: GroupId, member_id: MemberId }),
  output: z.object({ success: Done }),
  errors: ['GROUP_NOT_FOUND', 'MEMBER_NOT_IN_GROUP'],
  rest: { route: 'POST /consumer-groups/:group_id/members/:member_id/heartbeat' },
  example: { before: joined, input: { group_id: 'g1', member_id: '{{member}}' }, output: { success: true } },
  run({ groups, now }, p) {
    groups.heartbeat(p.group_id, p.member_id, now);
    return { success: true as const };
  },
});

export const groupCommit = command({
  name: 'group.commit',
  id: 327,
  since: '0.1.0',
  summary: 'Store the offset that the group reads next in a partition.',
  notes: 'Stored as sent, unless `generation` comes along: then generation, membership and partition are checked.',
  access: 'read',
  resource: group,
  effect: 'write',
  input: z.object({
    group_id: GroupId,
    partition_id: U64,
    offset: U64,
    generation: U64.nullish(),
    member_id: z.string().nullish(),
  }),
  output: z.object({ offset: U64, partition_id: U64, success: Done }),
  errors: ['GROUP_NOT_FOUND', 'MEMBER_NOT_IN_GROUP', 'PARTITION_NOT_FOUND', 'STALE_GENERATION', 'LIMIT_REACHED'],
  rest: { route: 'POST /consumer-groups/:group_id/offsets/commit', body: '*' },
  example: {
    before: made,
    input: { group_id: 'g1', partition_id: 0, offset: 12 },
    output: { offset: 12, partition_id: 0, success: true },
  },
  run({ groups }, p) {
    const fence = p.generation == null ? undefined : { generation: p.generation, member: p.member_id };
    groups.commit(p.group_id, p.partition_id, p.offset, fence);
    return { offset: p.offset, partition_id: p.partition_id, success: true as const };
  },
});

export const groupOffset = command({
  name: 'group.offset',
  id: 328,
  since: '0.1.0',
  summary: 'The committed offset of a partition, or null.',
  access: 'read',
  resource: group,
  effect: 'read',
  input: z.object({ group_id: GroupId, partition_id: U64 }),
  output: z.object({ group_id: z.string(), offset: U64.nullable(), partition_id: U64 }),
  errors: ['GROUP_NOT_FOUND'],
  rest: { route: 'GET /consumer-groups/:group_id/offsets/:partition_id' },
  example: {
    before: made,
    input: { group_id: 'g1', partition_id: 0 },
    output: { group_id: 'g1', offset: null, partition_id: 0 },
  },
  run: ({ groups }, p) => ({
    group_id: p.group_id,
    offset: groups.offset(p.group_id, p.partition_id) ?? null,
    partition_id: p.partition_id,
  }),
});

export const groupReset = command({
  name: 'group.reset',
  id: 329,
  since: '0.1.0',
  summary: 'Commit an offset, or where the partitions begin or end, for one partition or for all.',
  access: 'configure',
  resource: group,
  effect: 'write',
  input: z.object({
    group_id: GroupId,
    to: z.union([U64, z.enum(['earliest', 'latest'])]),
    partition_id: U64.nullish().meta({ description: 'Default: all partitions of the group.' }),
  }),
  output: z.object({ offsets: z.array(z.object({ partition_id: z.int(), offset: U64 })), success: Done }),
  errors: ['GROUP_NOT_FOUND', 'PARTITION_NOT_FOUND', 'TOPIC_NOT_FOUND', 'LIMIT_REACHED'],
  rest: { route: 'POST /consumer-groups/:group_id/offsets/reset', body: '*' },
  example: {
    before: made,
    input: { group_id: 'g1', to: 5, partition_id: 0 },
    output: { offsets: [{ partition_id: 0, offset: 5 }], success: true },
  },
  run: ({ groups }, p) => ({
    offsets: groups
      .reset(p.group_id, p.to, p.partition_id ?? undefined)
      .map(({ partition, offset }) => ({ partition_id: partition, offset })),
    success: true as const,
  }),
});

export const groupStats = command({
  name: 'group.stats',
  id: 330,
  since: '0.1.0',
  summary: 'The facts about a group.',
  access: 'read',
  resource: group,
  effect: 'read',
  input: z.object({ group_id: GroupId }),
  output: z.object({
    committed_partitions: z.int(),
    generation: z.int(),
    group_id: z.string(),
    last_rebalance_secs: z.int(),
    member_count: z.int(),
    partition_count: z.int(),
    state: z.enum(['Empty', 'Stable']),
    topic: z.string(),
  }),
  errors: ['GROUP_NOT_FOUND'],
  rest: { route: 'GET /consumer-groups/:group_id/stats' },
  example: {
    before: made,
    input: { group_id: 'g1' },
    output: {
      committed_partitions: 0,
      generation: 0,
      group_id: 'g1',
      last_rebalance_secs: 0,
      member_count: 0,
      partition_count: 3,
      state: 'Empty',
      topic: 'orders',
    },
  },
  run({ groups, now }, p) {
    const stats = groups.stats(p.group_id, now);
    return {
      committed_partitions: stats.committedPartitions,
      generation: stats.generation,
      group_id: p.group_id,
      last_rebalance_secs: stats.lastRebalanceSecs,
      member_count: stats.memberCount,
      partition_count: stats.partitionCount,
      state: stats.state,
      topic: stats.topic,
    };
  },
});

export const groupLag = command({
  name: 'group.lag',
  id: 331,
  since: '0.1.0',
  summary: 'How far a group is behind, partition by partition.',
  access: 'read',
  resource: group,
  effect: 'read',
  input: z.object({ group_id: GroupId }),
  output: z.object({
    group_id: z.string(),
    partitions: z.array(
      z.object({
        partition_id: z.int(),
        committed: U64.nullable(),
        end: z.int().nullable().meta({ description: 'Null when the topic has no such partition.' }),
        lag: z.int().nullable(),
      }),
    ),
    topic: z.string(),
    total: z.int(),
  }),
  errors: ['GROUP_NOT_FOUND'],
  rest: { route: 'GET /consumer-groups/:group_id/lag' },
  example: {
    before: [{ command: 'group.create', input: { group_id: 'g1', topic: 'orders', partition_count: 1 } }],
    input: { group_id: 'g1' },
    output: {
      group_id: 'g1',
      partitions: [{ partition_id: 0, committed: null, end: null, lag: null }],
      topic: 'orders',
      total: 0,
    },
  },
  run({ groups }, p) {
    const { topic, partitions, total } = groups.lag(p.group_id);
    return {
      group_id: p.group_id,
      partitions: partitions.map(({ partition, committed, end, lag }) => ({
        partition_id: partition,
        committed,
        end,
        lag,
      })),
      topic,
      total,
    };
  },
});
