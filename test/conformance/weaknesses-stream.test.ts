/**
 * Rooms and topics: what the reference does badly and ours does well (synap-core.md 9, items 2, 3, 4, 11, 13, 14, 22).
 */
import { describe, expect, it } from 'vitest';
import { hosted, refusal } from './support.ts';

const user = hosted();

interface Read {
  readonly events: readonly { readonly offset: number }[];
  readonly next_offset: number;
}

const offsets = ({ events }: Read): number[] => events.map((event) => event.offset);
const alive = async (): Promise<void> => expect(await user.get('/health')).toMatchObject({ status: 'healthy' });

describe('a number of partitions (9-2)', () => {
  it('of 0, or beyond the cap, is refused for a topic, and a publish to it finds no topic', async () => {
    for (const number of ['0', '1025', '4294967296', '18446744073709551615']) {
      expect(await user.post('/topics/absurd', `{"num_partitions":${number}}`)).toEqual(
        refusal(400, /^Invalid value: /),
      );
      expect(await user.post('/topics/absurd/publish', { event_type: 'e', data: 1 })).toEqual(
        refusal(400, "Invalid request: Topic 'absurd' not found"),
      );
    }
    expect(await user.put('/topics/widest', { num_partitions: 1024 })).toMatchObject({ num_partitions: 1024 });
    expect(await user.put('/topics/narrowest', { num_partitions: 1 })).toMatchObject({ num_partitions: 1 });
    await alive();
  });

  it('beyond the cap is refused for a group, where 0 is allowed', async () => {
    for (const number of ['1025', '18446744073709551615'])
      expect(await user.post('/consumer-groups/absurd', `{"topic":"t","partition_count":${number}}`)).toEqual(
        refusal(400, /^Invalid value: /),
      );
    expect(await user.put('/consumer-groups/none', { topic: 't', partition_count: 0 })).toMatchObject({
      success: true,
    });
    expect(await user.put('/consumer-groups/none/join', {})).toMatchObject({ group_id: 'none' });
  });
});

describe('collections (9-3)', () => {
  it('are capped: topics have 100,000 partitions in all, and a deleted topic makes room', async () => {
    const made: string[] = [];
    for (let i = 0; i < 100; i++) {
      const { success } = (await user.post(`/topics/many-${i}`, { num_partitions: 1024 })).body as { success?: true };
      if (success !== true) break;
      made.push(`many-${i}`);
    }
    expect(made.length).toBeLessThan(98);
    expect(await user.post('/topics/one-more', { num_partitions: 1024 })).toEqual(refusal(507, /^Quota exceeded: /));
    expect(await user.refused('topic.create', { topic: 'one-more', num_partitions: 1024 })).toMatch(
      /^Quota exceeded: .*100000 partitions/,
    );
    await user.request('DELETE', `/topics/${made[0]}`);
    expect((await user.post('/topics/one-more', { num_partitions: 1024 })).status).toBe(200);
    for (const topic of [...made.slice(1), 'one-more']) await user.request('DELETE', `/topics/${topic}`);
  });
});

describe('a read of a room (9-4)', () => {
  it('answers 10,000 events at most, whatever the limit says', async () => {
    const many = 10_001;
    await user.run('stream.create', { room: 'long', max_events: many });
    const client = await user.open('/ws');
    for (let from = 0; from < many; from += 5_000) {
      const count = Math.min(5_000, many - from);
      for (let id = 0; id < count; id++)
        client.send({ id, command: 'stream.publish', payload: { room: 'long', event: 'e', data: id } });
      await client.take(count);
    }
    await client.close();
    for (const limit of [many, Number.MAX_SAFE_INTEGER]) {
      const read = await user.run<Read>('stream.consume', { room: 'long', subscriber_id: 's', limit });
      expect([read.events.length, read.next_offset]).toEqual([10_000, 10_000]);
    }
    const rest = (await user.get(`/stream/long/consume/s?from_offset=10000&limit=${many}`)) as Read;
    expect([offsets(rest), rest.next_offset]).toEqual([[10_000], many]);
  });
});

describe('retention of a topic (9-11)', () => {
  const partition = async (topic: string): Promise<Record<string, number> | undefined> =>
    ((await user.get(`/topics/${topic}/stats`)) as { partitions: Record<string, number>[] }).partitions[0];
  const fill = async (topic: string, retention_policy: object, events = 5): Promise<void> => {
    await user.put(`/topics/${topic}`, { num_partitions: 1, retention_policy });
    for (let i = 0; i < events; i++) await user.put(`/topics/${topic}/publish`, { event_type: 'e', data: i });
  };

  it('is kept exactly at each publish', async () => {
    await fill('three', { type: 'Messages', max_messages: 3 });
    expect(await partition('three')).toMatchObject({ message_count: 3, min_offset: 2, max_offset: 4 });
    await fill('sized', { type: 'Size', max_bytes: 21 }); // data, topic and event type: 7 bytes each
    expect(await partition('sized')).toMatchObject({ message_count: 3, total_bytes: 21, min_offset: 2 });
    await fill('both', { type: 'Combined', max_messages: 4, max_bytes: 12 });
    expect(await partition('both')).toMatchObject({ message_count: 2, total_bytes: 12, min_offset: 3 });
  });

  it('of 0 is no limit, for every policy', async () => {
    for (const [name, policy] of Object.entries({
      time: { type: 'Time', retention_secs: 0 },
      size: { type: 'Size', max_bytes: 0 },
      messages: { type: 'Messages', max_messages: 0 },
      combined: { type: 'Combined', retention_secs: 0, max_bytes: 0, max_messages: 0 },
    })) {
      await fill(`zero-${name}`, policy);
      expect([name, await partition(`zero-${name}`)]).toMatchObject([name, { message_count: 5, min_offset: 0 }]);
    }
  });

  it('by time takes the old ones at the next publish, and readers at the tail go on', async () => {
    await fill('brief', { type: 'Time', retention_secs: 1 }, 2);
    let sent = 2;
    await expect
      .poll(
        async () => {
          await user.put('/topics/brief/publish', { event_type: 'e', data: sent++ });
          return (await partition('brief'))?.['min_offset'];
        },
        { interval: 100, timeout: 10_000 },
      )
      .toBeGreaterThanOrEqual(2);
    const read = await user.run<Read>('topic.consume', { topic: 'brief', partition_id: 0, from_offset: sent - 1 });
    expect([offsets(read), read.next_offset]).toEqual([[sent - 1], sent]);
  });
});

describe('where a read begins (9-13, 9-14)', () => {
  it('may be earliest or latest in a room whose first events are gone; 0 keeps its error', async () => {
    await user.run('stream.create', { room: 'short', max_events: 2 });
    for (let i = 0; i < 5; i++) await user.run('stream.publish', { room: 'short', event: 'e', data: i });
    const gone = 'Invalid request: Stream offset 0 out of range; earliest retained offset is 3';
    expect(await user.request('GET', '/stream/short/consume/s')).toEqual(refusal(400, gone));
    for (const [from, seen] of [
      ['earliest', [3, 4]],
      ['latest', []],
    ] as const) {
      const rest = (await user.get(`/stream/short/consume/s?from_offset=${from}`)) as Read;
      const command = await user.run<Read>('stream.consume', { room: 'short', subscriber_id: 's', from_offset: from });
      expect([offsets(rest), rest.next_offset]).toEqual([seen, 5]);
      expect([offsets(command), command.next_offset]).toEqual([seen, 5]);
    }
  });

  it('is told by earliest_offset when it lay below what a partition keeps, and only then', async () => {
    await user.put('/topics/kept', { num_partitions: 1, retention_policy: { type: 'Messages', max_messages: 2 } });
    for (let i = 0; i < 5; i++) await user.put('/topics/kept/publish', { event_type: 'e', data: i });
    for (const [from_offset, seen, more] of [
      [0, [3, 4], { earliest_offset: 3 }],
      [2, [3, 4], { earliest_offset: 3 }],
      [3, [3, 4], {}],
      [4, [4], {}],
      [5, [], {}],
      ['earliest', [3, 4], {}],
    ] as const) {
      const answers = [
        await user.put('/topics/kept/partitions/0/consume', { from_offset }),
        await user.run('topic.consume', { topic: 'kept', partition_id: 0, from_offset }),
      ] as (Read & object)[];
      for (const { events, ...rest } of answers)
        expect([from_offset, events.map((event) => event.offset), rest]).toEqual([
          from_offset,
          seen,
          { count: seen.length, next_offset: 5, partition_id: 0, topic: 'kept', ...more },
        ]);
    }
  });
});

describe('what is not there (9-22)', () => {
  it('is 400 for rooms, topics, partitions, groups and members, and 404 for queues', async () => {
    await user.put('/topics/there', {});
    await user.put('/consumer-groups/there', { topic: 't', partition_count: 1 });
    for (const [path, status, text] of [
      ['/stream/none/stats', 400, "Invalid request: Room 'none' not found"],
      ['/topics/none/stats', 400, "Invalid request: Topic 'none' not found"],
      ['/consumer-groups/none-such/stats', 400, "Invalid request: Consumer group 'none-such' not found"],
      ['/consumer-groups/there/members/m/assignment', 400, 'Invalid request: Member m not found'],
      ['/queue/none/stats', 404, 'Queue not found: none'],
    ] as const)
      expect(await user.request('GET', path)).toEqual(refusal(status, text));
    expect(await user.post('/topics/there/partitions/9/consume', {})).toEqual(
      refusal(400, 'Invalid request: Partition 9 not found'),
    );
  });
});
