/**
 * What ours answers instead, where a recording of the Synap family is deviated from: the `ours` of each entry of the
 * list of deviations, step by step.
 */
import { describe, expect, it } from 'vitest';
import { counters, hosted, ID, type Message, SIX_NULLS } from './support.ts';

const user = hosted();

/** The six recorded members of a message over REST; ours has more (synap-core.md 8.1-9). */
const six = (payload: number[], priority = 5, retry_count = 0): object => ({
  message_id: ID,
  payload,
  priority,
  retry_count,
  max_retries: 3,
  headers: {},
});

/** The same in a command. */
const recorded = (payload: number[]): object => {
  const { message_id: id, ...rest } = six(payload) as Record<string, unknown>;
  return { message: expect.objectContaining({ id, ...rest }) };
};

describe('queue-command: queue.publish skips payload items that are no unsigned integers and truncates the rest', () => {
  it('is refused instead, and nothing is stored', async () => {
    await user.run('queue.create', { name: 'items' });
    const error = "Invalid request: 'payload' items must be integers from 0 to 255";
    const payload = [1, 'x', 2.5, -1, null, 256, 511, true, [3]];
    expect(await user.refused('queue.publish', { queue: 'items', payload })).toBe(error);
    expect(await user.run('queue.consume', { queue: 'items', consumer_id: 'w1' })).toEqual({ message: null });
    const raw =
      '{"command":"queue.publish","request_id":"q","payload":{"queue":"items","payload":[1.0,18446744073709551615]}}';
    expect(await user.put('/api/v1/command', raw)).toEqual({ success: false, request_id: 'q', payload: null, error });
    expect(await user.run('queue.consume', { queue: 'items', consumer_id: 'w1' })).toEqual({ message: null });
  });

  it('is refused for each kind of item by itself', async () => {
    for (const item of ['"x"', '"1"', '2.5', '-1', 'null', '256', '511', 'true', '[3]', '{}', '1.0', '1e1', '-0.0']) {
      const raw = `{"command":"queue.publish","request_id":"q","payload":{"queue":"items","payload":[7,${item}]}}`;
      expect([item, await user.put('/api/v1/command', raw)]).toMatchObject([item, { success: false }]);
    }
    expect(await user.run('queue.stats', { queue: 'items' })).toEqual(counters());
  });
});

describe('queue-command: queue.nack with requeue false discards', () => {
  it('answers as recorded, and the message can be listed, read and replayed from the dead letters', async () => {
    expect(await user.run('queue.create', { name: 'given-up' })).toEqual({ success: true });
    const sent = await user.run<{ message_id: string }>('queue.publish', { queue: 'given-up', payload: [1] });
    const id = sent.message_id;
    const consume = { queue: 'given-up', consumer_id: 'w1' };
    expect(await user.run('queue.consume', consume)).toEqual(recorded([1]));
    expect(await user.run('queue.nack', { queue: 'given-up', message_id: id, requeue: false })).toEqual({
      success: true,
    });
    expect(await user.run('queue.consume', consume)).toEqual({ message: null });
    expect(await user.run('queue.stats', { queue: 'given-up' })).toEqual(
      counters({ consumed: 1, dead_lettered: 1, nacked: 1, published: 1 }),
    );
    const letter = { id, payload: [1], priority: 5, reason: 'rejected', consumer_id: 'w1' };
    expect(await user.run('queue.dead.list', { queue: 'given-up' })).toMatchObject({ messages: [letter], next: null });
    expect(await user.run('queue.dead.read', { queue: 'given-up', message_id: id })).toMatchObject({ message: letter });
    expect(await user.run('queue.dead.replay', { queue: 'given-up', message_ids: [id] })).toEqual({
      replayed: [id],
      missing: [],
      remaining: 0,
    });
    const { message } = await user.run<{ message: Message }>('queue.consume', consume);
    expect(message).toMatchObject({ id, payload: [1], retry_count: 0 });
  });
});

describe('queue-rest: nack without requeue discards the message silently', () => {
  it('answers as recorded, and the message can be listed, read and replayed from the dead letters', async () => {
    expect(await user.put('/queue/silent', {})).toEqual({ queue: 'silent', success: true });
    const { message_id } = (await user.put('/queue/silent/publish', { payload: [1] })) as { message_id: string };
    expect(await user.get('/queue/silent/consume/w1')).toMatchObject(six([1]));
    expect(await user.put('/queue/silent/nack', { message_id, requeue: false })).toEqual({ success: true });
    expect(await user.get('/queue/silent/consume/w1')).toEqual(SIX_NULLS);
    expect(await user.get('/queue/silent/stats')).toEqual(
      counters({ consumed: 1, dead_lettered: 1, nacked: 1, published: 1 }),
    );
    const letter = { id: message_id, payload: [1], reason: 'rejected' };
    expect(await user.get('/queue/silent/dead')).toMatchObject({ messages: [letter] });
    expect(await user.get(`/queue/silent/dead/${message_id}`)).toMatchObject({ message: letter });
    expect(await user.put('/queue/silent/dead/replay', {})).toMatchObject({ replayed: [message_id] });
    expect(await user.get('/queue/silent/consume/w1')).toMatchObject({ ...six([1]), message_id });
  });
});

describe('queue-rest: an expired message goes to the tail', () => {
  it('of its own priority instead, so that the urgent one comes first again', async () => {
    expect(await user.put('/queue/expired', { ack_deadline_secs: 0 })).toEqual({ queue: 'expired', success: true });
    const urgent = (await user.put('/queue/expired/publish', { payload: [9], priority: 9 })) as { message_id: string };
    const other = (await user.put('/queue/expired/publish', { payload: [1], priority: 1 })) as { message_id: string };
    expect(await user.get('/queue/expired/consume/w1')).toMatchObject({ ...six([9], 9), ...urgent });
    await expect
      .poll(() => user.get('/queue/expired/stats'), { interval: 20, timeout: 5_000 })
      .toMatchObject({
        depth: 2,
        nacked: 1,
      });
    expect(await user.get('/queue/expired/consume/w1')).toMatchObject({ ...six([9], 9, 1), ...urgent });
    expect(await user.get('/queue/expired/consume/w1')).toMatchObject({ ...six([1], 1), ...other });
  });
});

describe('topics: there are no topic commands', () => {
  it('is no longer so, under these names; others are still unknown', async () => {
    expect(await user.run('topic.create', { topic: 't' })).toEqual({
      num_partitions: 3,
      replication_factor: 1,
      success: true,
      topic: 't',
    });
    expect(await user.refused('partition.publish', { topic: 't' })).toBe('Unknown command: partition.publish');
    expect(await user.refused('consumer_group.create', { group_id: 't' })).toBe(
      'Unknown command: consumer_group.create',
    );
  });
});

describe('websocket: queue socket', () => {
  const connected = (queue: string): object => ({ type: 'connected', queue, consumer_id: 'w1' });
  const frame = (payload: number[]): object => ({
    type: 'message',
    message_id: ID,
    payload,
    priority: 5,
    retry_count: 0,
    created_at: expect.any(Number),
    headers: {},
  });

  it('nack without requeue discards: answers as recorded, and the message is a dead letter', async () => {
    await user.put('/queue/ws-nack', { prefetch_limit: 1 });
    await user.put('/queue/ws-nack/publish', { payload: [1] });
    await user.put('/queue/ws-nack/publish', { payload: [2] });
    const client = await user.open('/queue/ws-nack/ws/w1');
    const [hello, first] = await client.take(2);
    expect([hello, first]).toEqual([connected('ws-nack'), frame([1])]);
    const { message_id } = first as { message_id: string };
    client.send({ command: 'nack', message_id, requeue: false });
    expect(await client.take(1)).toEqual([frame([2])]);
    expect(await user.get('/queue/ws-nack/stats')).toEqual(
      counters({ consumed: 2, consumers: 1, dead_lettered: 1, nacked: 1, published: 2 }),
    );
    expect(await user.get('/queue/ws-nack/dead')).toMatchObject({ messages: [{ id: message_id, payload: [1] }] });
    await client.close();
  });

  it('closing keeps messages pending: gives back what it holds instead, at once', async () => {
    await user.put('/queue/ws-close', {});
    const sent = await user.put('/queue/ws-close/publish', { payload: [7] });
    const client = await user.open('/queue/ws-close/ws/w1');
    expect(await client.take(2)).toEqual([connected('ws-close'), frame([7])]);
    await client.close();
    const again = await user.get('/queue/ws-close/consume/w2?wait_ms=5000');
    expect(again).toMatchObject({ ...six([7], 5, 1), ...(sent as object) });
    expect(await user.get('/queue/ws-close/stats')).toEqual(
      counters({ consumed: 2, consumers: 1, nacked: 1, published: 1 }),
    );
  });
});

describe('envelope-and-http: a known member twice answers 422', () => {
  it('is taken with the last value of the repeated member instead', async () => {
    const done = (key: string): object => ({ success: true, key, written: true });
    expect(await user.put('/kv/set', '{"key":"k1","key":"k2","value":1}')).toEqual(done('k2'));
    expect(await user.get('/kv/get/k1')).toEqual({ error: 'Key not found' });
    expect(await user.put('/kv/set', '{"key":"k3","value":1,"value":2}')).toEqual(done('k3'));
    expect(await user.get('/kv/get/k3')).toBe('2');
    expect(await user.put('/kv/set', '{"key":"k3","value":3,"nx":true,"nx":false}')).toEqual(done('k3'));
    expect(await user.get('/kv/get/k3')).toBe('3');
    const raw = '{"command":"kv.del","command":"kv.get","request_id":"q","payload":{"key":"k1","key":"k3"}}';
    expect(await user.put('/api/v1/command', raw)).toEqual({
      success: true,
      request_id: 'q',
      payload: '3',
      error: null,
    });
  });
});
