/**
 * Consumer groups and the commands of topics and groups: what the reference lacks (synap-core.md 9, items 16, 32).
 */
import { describe, expect, it } from 'vitest';
import { hosted, ID, refusal } from './support.ts';

const user = hosted();

const create = (group: string, more: object = {}): Promise<unknown> =>
  user.put(`/consumer-groups/${group}`, { topic: 't', partition_count: 2, ...more });
const join = async (group: string, more: object = {}): Promise<string> =>
  ((await user.put(`/consumer-groups/${group}/join`, more)) as { member_id: string }).member_id;
const stats = (group: string): Promise<unknown> => user.get(`/consumer-groups/${group}/stats`);
const commit = (group: string, more: object): ReturnType<typeof user.post> =>
  user.post(`/consumer-groups/${group}/offsets/commit`, { partition_id: 0, offset: 5, ...more });

describe('a commit', () => {
  it('with a generation is checked for generation, membership and partition, and a refused one stores nothing', async () => {
    await create('fenced');
    const member_id = await join('fenced');
    const other = await join('fenced');
    const generation = 2;
    expect((await commit('fenced', { generation, member_id })).body).toEqual({
      offset: 5,
      partition_id: 0,
      success: true,
    });
    expect(await commit('fenced', { generation: 1, member_id, offset: 9 })).toEqual(
      refusal(400, 'Invalid request: Generation 1 is not current; the group is at 2'),
    );
    expect(await commit('fenced', { generation, member_id: 'nobody', offset: 9 })).toEqual(
      refusal(400, 'Invalid request: Member nobody not found in group'),
    );
    // a generation alone says nothing of membership, and is checked for what it says
    expect((await commit('fenced', { generation, offset: 5 })).status).toBe(200);
    expect((await commit('fenced', { generation: 3, offset: 9 })).status).toBe(400);
    expect(await commit('fenced', { generation, member_id, partition_id: 2, offset: 9 })).toEqual(
      refusal(400, 'Invalid request: Partition 2 not found'),
    );
    await user.request('DELETE', `/consumer-groups/fenced/members/${other}/leave`);
    expect((await commit('fenced', { generation, member_id, offset: 9 })).status).toBe(400);
    expect(await user.get('/consumer-groups/fenced/offsets/0')).toMatchObject({ offset: 5 });
    expect(await user.get('/consumer-groups/fenced/offsets/2')).toMatchObject({ offset: null });
    expect(await stats('fenced')).toMatchObject({ committed_partitions: 1, generation: 3 });
  });

  it('without a generation is stored as sent, as the reference does', async () => {
    await create('loose');
    for (const more of [{ offset: 7 }, { offset: 3 }, { offset: 8, member_id: 'nobody' }])
      expect((await commit('loose', more)).status).toBe(200);
    expect((await commit('loose', { partition_id: 99 })).status).toBe(200);
    expect(await user.get('/consumer-groups/loose/offsets/0')).toMatchObject({ offset: 8 });
    expect(await user.get('/consumer-groups/loose/offsets/99')).toMatchObject({ offset: 5 });
  });
});

describe('the session of a member', () => {
  it('ends between one and two seconds after its timeout, without anybody asking, and its partitions go on', async () => {
    await create('dying', { session_timeout_secs: 1 });
    const stays = await join('dying', { session_timeout_secs: 60 });
    const since = Date.now();
    const goes = await join('dying');
    expect(await stats('dying')).toMatchObject({ member_count: 2, generation: 2 });
    await expect.poll(() => stats('dying'), { interval: 20, timeout: 10_000 }).toMatchObject({ member_count: 1 });
    const took = Date.now() - since;
    expect(took).toBeGreaterThanOrEqual(2_000);
    expect(took, 'timeout of the group 1 s, and at most 2 s more').toBeLessThan(4_000);
    expect(await user.get(`/consumer-groups/dying/members/${stays}/assignment`)).toMatchObject({ partitions: [0, 1] });
    expect(await user.post(`/consumer-groups/dying/members/${goes}/heartbeat`)).toEqual(
      refusal(400, `Invalid request: Member ${goes} not found in group`),
    );
  });

  it('ends at the next join once it is past its timeout, and a heartbeat before that revives it', async () => {
    await create('revived', { session_timeout_secs: 1 });
    const [asleep, awake] = [await join('revived'), await join('revived')];
    const since = Date.now();
    const path = `/consumer-groups/revived/members/${awake}/heartbeat`;
    await expect
      .poll(
        async () => {
          expect(await user.put(path, undefined)).toEqual({ success: true });
          return Date.now() - since;
        },
        { interval: 50, timeout: 10_000 },
      )
      .toBeGreaterThan(1_000);
    const joined = await join('revived', { session_timeout_secs: 60 });
    expect(await stats('revived')).toMatchObject({ member_count: 2 });
    const gone = await user.request('GET', `/consumer-groups/revived/members/${asleep}/assignment`);
    expect(gone).toEqual(refusal(400, `Invalid request: Member ${asleep} not found`));
    for (const member of [awake, joined])
      expect(await user.get(`/consumer-groups/revived/members/${member}/assignment`)).toMatchObject({
        partitions: [expect.any(Number)],
      });
  });

  it('lasts thirty seconds where the group says 0 or nothing', async () => {
    await create('zero', { session_timeout_secs: 0 });
    const member = await join('zero');
    expect(await stats('zero')).toMatchObject({ member_count: 1, state: 'Stable' });
    expect(await user.get(`/consumer-groups/zero/members/${member}/assignment`)).toMatchObject({ partitions: [0, 1] });
  });
});

describe('a group', () => {
  it('can be deleted, once', async () => {
    await create('old');
    expect(await user.request('DELETE', '/consumer-groups/old')).toMatchObject({
      status: 200,
      body: { deleted: 'old', success: true },
    });
    const unknown = "Invalid request: Consumer group 'old' not found";
    expect(await user.request('DELETE', '/consumer-groups/old')).toEqual(refusal(400, unknown));
    expect(await user.refused('group.delete', { group_id: 'old' })).toBe(unknown);
  });

  it('tells how far it is behind, on both faces, and nothing of it in its eight members of statistics', async () => {
    await user.put('/topics/lagging', { num_partitions: 2 });
    for (let i = 0; i < 3; i++) await user.put('/topics/lagging/publish', { event_type: 'e', data: i, key: 'user-42' });
    await create('behind', { topic: 'lagging' });
    const path = '/consumer-groups/behind/lag';
    const before = (await user.get(path)) as { partitions: { end: number }[]; total: number };
    const busy = before.partitions.findIndex(({ end }) => end === 3);
    expect([busy >= 0, before.total]).toEqual([true, 3]);
    await commit('behind', { partition_id: busy, offset: 2 });
    const lag = {
      group_id: 'behind',
      topic: 'lagging',
      total: 1,
      partitions: [0, 1].map((partition_id) =>
        partition_id === busy
          ? { partition_id, committed: 2, end: 3, lag: 1 }
          : { partition_id, committed: null, end: 0, lag: 0 },
      ),
    };
    expect(await user.get(path)).toEqual(lag);
    expect(await user.run('group.lag', { group_id: 'behind' })).toEqual(lag);
    expect(await stats('behind')).toEqual({
      committed_partitions: 1,
      generation: 0,
      group_id: 'behind',
      last_rebalance_secs: expect.any(Number),
      member_count: 0,
      partition_count: 2,
      state: 'Empty',
      topic: 'lagging',
    });
  });
});

describe('the commands of topics and groups (9-32)', () => {
  /** Without the seconds since something happened, which may change between two answers. */
  const timeless = (answer: unknown): unknown =>
    JSON.parse(JSON.stringify(answer), (name, value) => (/^last_/.test(name) ? 'seconds' : value));

  it('have the fields of the REST body and path, and answer the REST body', async () => {
    const topic = 'orders';
    expect(await user.run('topic.create', { topic, num_partitions: 3, replication_factor: 2 })).toEqual({
      num_partitions: 3,
      replication_factor: 2,
      success: true,
      topic,
    });
    expect(await user.run('topic.list')).toEqual(await user.get('/topics'));
    const sent = { event_type: 'order.new', data: { id: 7 }, key: 'user-42' };
    expect(await user.run('topic.publish', { topic, ...sent })).toEqual({ offset: 0, partition_id: 1, topic });
    expect(await user.put('/topics/orders/publish', sent)).toEqual({ offset: 1, partition_id: 1, topic });
    const read = await user.run('topic.consume', { topic, partition_id: 1, from_offset: 0, limit: 5 });
    expect(read).toMatchObject({ count: 2, next_offset: 2, partition_id: 1, topic });
    expect(read).toEqual(await user.put('/topics/orders/partitions/1/consume', { from_offset: 0, limit: 5 }));
    expect(timeless(await user.run('topic.stats', { topic }))).toEqual(
      timeless(await user.get('/topics/orders/stats')),
    );

    const group = { group_id: 'g' };
    expect(await user.run('group.create', { ...group, topic, partition_count: 3, strategy: 'range' })).toEqual({
      ...group,
      success: true,
      topic,
    });
    expect(await user.run('group.list')).toEqual(await user.get('/consumer-groups'));
    const { member_id } = await user.run<{ member_id: string }>('group.join', group);
    expect(member_id).toEqual(ID);
    const member = { ...group, member_id };
    expect(await user.run('group.assignment', member)).toEqual({ ...member, partitions: [0, 1, 2] });
    expect(await user.run('group.heartbeat', member)).toEqual({ success: true });
    const committed = { partition_id: 1, offset: 2 };
    expect(await user.run('group.commit', { ...group, ...committed })).toEqual({ ...committed, success: true });
    expect(await user.run('group.offset', { ...group, partition_id: 1 })).toEqual({ ...group, ...committed });
    expect(timeless(await user.run('group.stats', group))).toEqual(
      timeless(await user.get('/consumer-groups/g/stats')),
    );
    expect(await user.run('group.lag', group)).toMatchObject({ total: 0 });
    expect(await user.run('group.leave', member)).toEqual({ member_id, success: true });
    expect(await user.run('group.delete', group)).toEqual({ deleted: 'g', success: true });
    expect(await user.run('topic.delete', { topic })).toEqual({ deleted: topic, success: true });
  });

  it('refuse with the REST texts, and name the field that is missing', async () => {
    const calls: [string, string[], string][] = [
      ['topic.delete', ['topic'], "Topic 'x' not found"],
      ['topic.stats', ['topic'], "Topic 'x' not found"],
      ['topic.publish', ['topic', 'event_type', 'data'], "Topic 'x' not found"],
      ['topic.consume', ['topic', 'partition_id'], "Topic 'x' not found"],
      ['group.join', ['group_id'], "Consumer group 'x' not found"],
      ['group.leave', ['group_id', 'member_id'], "Consumer group 'x' not found"],
      ['group.assignment', ['group_id', 'member_id'], "Consumer group 'x' not found"],
      ['group.heartbeat', ['group_id', 'member_id'], "Consumer group 'x' not found"],
      ['group.commit', ['group_id', 'partition_id', 'offset'], "Consumer group 'x' not found"],
      ['group.offset', ['group_id', 'partition_id'], "Consumer group 'x' not found"],
      ['group.stats', ['group_id'], "Consumer group 'x' not found"],
      ['group.lag', ['group_id'], "Consumer group 'x' not found"],
      ['group.delete', ['group_id'], "Consumer group 'x' not found"],
    ];
    for (const [command, fields, text] of calls) {
      const full = Object.fromEntries(fields.map((field) => [field, /partition_id|offset/.test(field) ? 1 : 'x']));
      expect([command, await user.refused(command, full)]).toEqual([command, `Invalid request: ${text}`]);
      for (const field of fields)
        expect(await user.refused(command, { ...full, [field]: undefined })).toBe(
          `Invalid request: Missing '${field}' field`,
        );
    }
    await user.put('/topics/twice', {});
    await create('twice');
    expect(await user.refused('topic.create', { topic: 'twice' })).toBe(
      "Invalid request: Topic 'twice' already exists",
    );
    const again = { group_id: 'twice', topic: 't', partition_count: 1 };
    expect(await user.refused('group.create', again)).toBe("Invalid request: Consumer group 'twice' already exists");
    expect(await user.refused('group.create', { ...again, strategy: 'other' })).toBe(
      'Invalid request: Invalid assignment strategy',
    );
  });
});
