/**
 * Rooms and groups, where ours answers better than the recordings (synap-core.md 8.1-12, -13, -15, 9-15).
 */
import { describe, expect, it } from 'vitest';
import { inProcess } from '../support/in-process.ts';
import { hosted, ID, refusal, SECONDS } from './support.ts';

const user = hosted();

const read = (room: string, from_offset?: number): Promise<unknown> =>
  user.run('stream.consume', { room, subscriber_id: 's', from_offset });

const MILLISECONDS = expect.toSatisfy((time: number) => Number.isInteger(time) && time > 1.6e12 && time < 2.4e12);

describe('max_events of a room', () => {
  it('is obeyed from the creation of the room on', async () => {
    await user.run('stream.create', { room: 'one', max_events: 1 });
    await user.run('stream.publish', { room: 'one', event: 'a', data: 1 });
    await user.run('stream.publish', { room: 'one', event: 'b', data: 2 });
    const gone = 'Invalid request: Stream offset 0 out of range; earliest retained offset is 1';
    expect(await user.refused('stream.consume', { room: 'one', subscriber_id: 's' })).toBe(gone);
    expect(await user.request('GET', '/stream/one/consume/s')).toEqual(refusal(400, gone));
    const stats = {
      name: 'one',
      message_count: 1,
      min_offset: 1,
      max_offset: 1,
      subscriber_count: 0,
      total_published: 2,
      total_consumed: 0,
      dropped: 0,
      created_at: MILLISECONDS,
      generation: MILLISECONDS,
    };
    expect(await user.run('stream.stats', { room: 'one' })).toEqual(stats);
    expect(await user.get('/stream/one/stats')).toEqual(stats);
    expect(await read('one', 1)).toEqual({
      events: [{ id: ID, offset: 1, room: 'one', event: 'b', data: [50], timestamp: SECONDS, metadata: {} }],
      next_offset: 2,
    });
  });

  it('is obeyed by stream.get_or_create for a room it makes; a room that exists keeps its size', async () => {
    const fill = async (room: string): Promise<unknown> => {
      for (let i = 0; i < 3; i++) await user.run('stream.publish', { room, event: 'e', data: i });
      return user.run('stream.stats', { room });
    };
    await user.run('stream.get_or_create', { room: 'two', max_events: 2 });
    expect(await user.run('stream.get_or_create', { room: 'two', max_events: 1 })).toMatchObject({ created: false });
    expect(await fill('two')).toMatchObject({ message_count: 2, min_offset: 1 });
    await user.run('stream.create', { room: 'big' });
    await user.run('stream.get_or_create', { room: 'big', max_events: 1 });
    expect(await fill('big')).toMatchObject({ message_count: 3, min_offset: 0 });
  });

  it('is the default when it is 0, null or of a wrong type', async () => {
    for (const [name, max_events] of Object.entries({ zero: 0, nil: null, text: '1', half: 1.5, minus: -1 })) {
      const room = `size-${name}`;
      await user.run('stream.create', { room, max_events });
      for (let i = 0; i < 2; i++) await user.run('stream.publish', { room, event: 'e', data: i });
      expect([name, await read(room)]).toMatchObject([name, { next_offset: 2, events: [{}, {}] }]);
    }
  });
});

describe('time and bytes of a room', () => {
  it('are obeyed from the creation of the room on, over REST and commands', async () => {
    await user.run('stream.create', { room: 'few', max_bytes: 6, retention_secs: 86_400 });
    await user.request('POST', '/stream/small?max_bytes=6&retention_secs=0&max_events=x');
    await user.request('PUT', '/stream/little?max_bytes=6');
    for (const room of ['few', 'small', 'little']) {
      for (let i = 0; i < 9; i++) await user.run('stream.publish', { room, event: 'e', data: i });
      expect([room, await user.run('stream.stats', { room })]).toMatchObject([room, { message_count: 3 }]);
    }
  });

  it('end an event by the clock', async () => {
    const { command, rest, clock, timers } = inProcess();
    await command('stream.create', { room: 'brief', retention_secs: 60 });
    await rest('PUT', '/stream/lasting?retention_secs=0');
    for (const room of ['brief', 'lasting']) await command('stream.publish', { room, event: 'e', data: 1 });
    clock.advance(100 * 24 * 3_600_000);
    timers.run();
    expect((await rest('GET', '/stream/brief/stats')).body).toMatchObject({ message_count: 0, min_offset: 1 });
    expect((await rest('GET', '/stream/lasting/stats')).body).toMatchObject({ message_count: 1 });
  });
});

describe('what rooms and topics keep unless they say otherwise', () => {
  it('is in the settings, as is what all of them together may take', async () => {
    const { command, clock, timers } = inProcess([], {
      SYNAPD_STREAM_MAX_EVENTS: '2',
      SYNAPD_STREAM_RETENTION_SECS: '60',
      SYNAPD_STREAM_MAX_MEMORY_MB: '1',
      SYNAPD_TOPIC_RETENTION_SECS: '120',
      SYNAPD_TOPIC_MAX_MEMORY_MB: '2',
    });
    const room = 'r';
    const topic = 't';
    await command('stream.create', { room });
    await command('topic.create', { topic, num_partitions: 1 });
    const toRoom = (data: unknown) => command('stream.publish', { room, event: 'e', data });
    const toTopic = (data: unknown) => command('topic.publish', { topic, event_type: 'e', data });
    for (let i = 0; i < 3; i++) await toRoom(i);
    const count = async () =>
      ((await command('stream.stats', { room })).payload as { message_count: number }).message_count;
    expect(await count()).toBe(2);
    expect((await toRoom('x'.repeat(1_048_576))).error).toBe('Memory limit exceeded');
    expect((await toTopic('x'.repeat(1_048_576))).success).toBe(true);
    expect((await toTopic('x'.repeat(1_048_576))).error).toBe('Memory limit exceeded');
    const held = async () =>
      ((await command('topic.stats', { topic })).payload as { partitions: { message_count: number }[] }).partitions[0]
        ?.message_count;
    clock.advance(60_000);
    timers.run();
    expect([await count(), await held()]).toEqual([0, 1]);
    clock.advance(60_000);
    timers.run();
    expect(await held()).toBe(0);
  });
});

describe('metadata of an event', () => {
  it('comes back as it was sent, across both faces, and is {} when none was', async () => {
    const metadata = { x: 'y', '': 'empty name' };
    await user.run('stream.create', { room: 'm' });
    await user.run('stream.publish', { room: 'm', event: 'a', data: 1, metadata });
    await user.put('/stream/m/publish', { event: 'b', data: 2, metadata });
    await user.run('stream.publish', { room: 'm', event: 'c', data: 3 });
    await user.put('/stream/m/publish', { event: 'd', data: 4 });
    const shown = async (answer: Promise<unknown>): Promise<unknown[]> =>
      ((await answer) as { events: { metadata: unknown }[] }).events.map((event) => event.metadata);
    const all = [metadata, metadata, {}, {}];
    expect(await shown(read('m'))).toEqual(all);
    expect(await shown(user.get('/stream/m/consume/s'))).toEqual(all);
  });

  it('that is no text is skipped by the command and refused with 422 by REST', async () => {
    await user.run('stream.create', { room: 'mixed' });
    const metadata = { x: 'y', n: 1, l: ['y'], z: null };
    await user.run('stream.publish', { room: 'mixed', event: 'a', data: 1, metadata });
    expect(await user.post('/stream/mixed/publish', { event: 'b', data: 2, metadata })).toEqual(
      refusal(422, /^Failed to deserialize the JSON body into the target type: /),
    );
    expect(await read('mixed')).toMatchObject({ events: [{ event: 'a' }], next_offset: 1 });
    expect(((await read('mixed')) as { events: object[] }).events[0]).toHaveProperty('metadata', { x: 'y' });
  });
});

describe('stream.stats', () => {
  it('takes key for the room, unless room is text', async () => {
    await user.run('stream.create', { room: 'k1' });
    await user.run('stream.create', { room: 'k2' });
    const ten = await user.run<object>('stream.stats', { key: 'k1' });
    expect(ten).toMatchObject({ name: 'k1' });
    expect(Object.keys(ten)).toHaveLength(10);
    expect(await user.run('stream.stats', { key: 'k1', room: 'k2' })).toMatchObject({ name: 'k2' });
    expect(await user.run('stream.stats', { key: 'k1', room: 5 })).toMatchObject({ name: 'k1' });
    for (const payload of [{}, { key: 5 }, { key: null, room: null }])
      expect(await user.refused('stream.stats', payload)).toBe("Invalid request: Missing 'room' field");
  });
});

describe('sticky assignment', () => {
  const join = async (group: string): Promise<string> =>
    (await user.run<{ member_id: string }>('group.join', { group_id: group })).member_id;
  const shares = (group: string, members: readonly string[]): Promise<number[][]> =>
    Promise.all(
      members.map(async (member) => {
        const path = `/consumer-groups/${group}/members/${member}/assignment`;
        return ((await user.get(path)) as { partitions: number[] }).partitions;
      }),
    );

  it('gives three members of four partitions [0,1], [3] and [2], every time', async () => {
    for (let i = 0; i < 5; i++) {
      const group = `four-${i}`;
      await user.put(`/consumer-groups/${group}`, { topic: 't', partition_count: 4, strategy: 'sticky' });
      const members = [await join(group), await join(group), await join(group)];
      expect(await shares(group, members)).toEqual([[0, 1], [3], [2]]);
    }
  });

  it('leaves no partition without an owner, whoever joins and whoever leaves, while there is a member', async () => {
    for (const partitions of [4, 5, 7]) {
      const group = `owned-${partitions}`;
      await user.put(`/consumer-groups/${group}`, { topic: 't', partition_count: partitions, strategy: 'sticky' });
      const all = Array.from({ length: partitions }, (_, partition) => partition);
      const members: string[] = [];
      const owned = async (): Promise<number[]> => (await shares(group, members)).flat().sort((a, b) => a - b);
      for (let joined = 1; joined <= 6; joined++) {
        members.push(await join(group));
        expect([joined, await owned()]).toEqual([joined, all]);
      }
      for (const leaver of [1, 3, 0, 2, 0]) {
        const [member] = members.splice(leaver, 1);
        const left = await user.request('DELETE', `/consumer-groups/${group}/members/${member}/leave`);
        expect([left.status, leaver, await owned()]).toEqual([200, leaver, all]);
      }
    }
  });

  it('is the same every time under the other strategies too: members count in the order of joining', async () => {
    for (const [strategy, expected] of [
      ['round_robin', [[0, 3], [1, 4], [2]]],
      ['range', [[0, 1], [2, 3], [4]]],
    ] as const)
      for (let i = 0; i < 3; i++) {
        const group = `${strategy}-${i}`;
        await user.put(`/consumer-groups/${group}`, { topic: 't', partition_count: 5, strategy });
        const members = [await join(group), await join(group), await join(group)];
        expect(await shares(group, members)).toEqual(expected);
      }
  });
});
