/**
 * Queues: what the reference does badly and ours does well (synap-core.md 9, items 17, 25, 31).
 */
import { describe, expect, it } from 'vitest';
import { counters, hosted, type Message, refusal } from './support.ts';

const user = hosted();

const publish = async (queue: string, payload: number, priority: number): Promise<string> =>
  (await user.run<{ message_id: string }>('queue.publish', { queue, payload: [payload], priority })).message_id;
const consume = async (queue: string, consumer_id = 'w', wait_ms = 0): Promise<Message | null> =>
  (await user.run<{ message: Message | null }>('queue.consume', { queue, consumer_id, wait_ms })).message;
const drained = async (queue: string): Promise<(number | undefined)[]> => {
  const seen = [];
  for (let next = await consume(queue); next !== null; next = await consume(queue)) seen.push(next.payload[0]);
  return seen;
};

describe('a message that is given back', () => {
  it('goes to the tail of its own priority', async () => {
    await user.run('queue.create', { name: 'tail' });
    const urgent = await publish('tail', 1, 9);
    await publish('tail', 2, 9);
    await publish('tail', 3, 5);
    await publish('tail', 4, 1);
    expect(await consume('tail')).toMatchObject({ id: urgent });
    await user.put('/queue/tail/nack', { message_id: urgent, requeue: true });
    expect(await drained('tail')).toEqual([2, 1, 3, 4]);
  });

  it('without requeue is a dead letter at once, though it has retries left', async () => {
    await user.run('queue.create', { name: 'rejected' });
    const id = await publish('rejected', 1, 5);
    await consume('rejected', 'somebody');
    await user.put('/queue/rejected/nack', { message_id: id, requeue: false });
    expect(await user.get('/queue/rejected/stats')).toEqual(
      counters({ published: 1, consumed: 1, nacked: 1, dead_lettered: 1 }),
    );
    expect(await user.get('/queue/rejected/dead')).toMatchObject({
      messages: [{ id, payload: [1], retry_count: 1, max_retries: 3, reason: 'rejected', consumer_id: 'somebody' }],
      next: null,
    });
  });

  it('more often than it may is a dead letter that can be read, replayed and purged', async () => {
    await user.run('queue.create', { name: 'tired', config: { default_max_retries: 1 } });
    const id = await publish('tired', 1, 5);
    for (let i = 0; i < 2; i++) {
      await consume('tired');
      await user.run('queue.nack', { queue: 'tired', message_id: id });
    }
    expect(await consume('tired')).toBeNull();
    expect(await user.get(`/queue/tired/dead/${id}`)).toMatchObject({ message: { id, reason: 'retries_exhausted' } });
    expect(await user.run('queue.explain', { queue: 'tired', message_id: id })).toMatchObject({ state: 'dead' });
    expect(await user.put('/queue/tired/dead/replay', { message_ids: [id, 'none'] })).toEqual({
      replayed: [id],
      missing: ['none'],
      remaining: 0,
    });
    expect(await consume('tired')).toMatchObject({ id, retry_count: 0 });
    await user.run('queue.nack', { queue: 'tired', message_id: id, requeue: false });
    expect(await user.run('queue.dead.purge', { queue: 'tired' })).toEqual({ purged: 1 });
    expect(await user.get('/queue/tired/dead')).toEqual({ messages: [], next: null });
  });
});

describe('a socket that goes', () => {
  it('gives back what it holds at once, in front of what is less urgent, and counts it as nacked', async () => {
    await user.run('queue.create', { name: 'gone', config: { prefetch_limit: 2, default_max_retries: 0 } });
    const [a, b] = [await publish('gone', 1, 9), await publish('gone', 2, 9)];
    await publish('gone', 3, 1);
    const client = await user.open('/queue/gone/ws/w1');
    await client.take(3);
    client.send({ command: 'ack', message_id: a });
    await client.take(1);
    client.ws.terminate();
    // max_retries 0: what the socket held has failed for good
    await expect
      .poll(() => user.get('/queue/gone/stats'), { interval: 10, timeout: 5_000 })
      .toEqual(counters({ published: 3, consumed: 3, acked: 1, nacked: 2, dead_lettered: 2 }));
    expect(await user.get('/queue/gone/dead')).toMatchObject({ messages: [{ id: b }, { payload: [3] }] });
  });
});

describe('ack_deadline_secs 0', () => {
  it('counts as one second', async () => {
    await user.put('/queue/hasty', { ack_deadline_secs: 0 });
    const before = Date.now();
    const id = await publish('hasty', 1, 5);
    const first = await consume('hasty');
    expect((first?.deadline ?? 0) * 1000).toBeGreaterThanOrEqual(Math.floor(before / 1000) * 1000 + 1000);
    expect(await consume('hasty', 'w', 5_000)).toMatchObject({ id, retry_count: 1 });
    expect(Date.now() - before).toBeGreaterThanOrEqual(1000);
  });
});

describe('an ack', () => {
  it('may come from anybody, for the clients send no consumer', async () => {
    await user.run('queue.create', { name: 'anybody' });
    const id = await publish('anybody', 1, 5);
    await consume('anybody', 'w1');
    expect(await user.put('/queue/anybody/ack', { message_id: id, consumer_id: 'w2' })).toEqual({ success: true });
    expect(await user.post('/queue/anybody/ack', { message_id: id })).toEqual(refusal(404, `Message not found: ${id}`));
    expect(await user.get('/queue/anybody/stats')).toEqual(counters({ published: 1, consumed: 1, acked: 1 }));
  });
});

describe('arrivals', () => {
  it('reach a queue socket and a room socket as they come, not at ten a second (9-26)', async () => {
    await user.put('/queue/swift', {});
    await user.post('/stream/swift');
    const queue = await user.open('/queue/swift/ws/w');
    const room = await user.open('/stream/swift/ws/s');
    await Promise.all([queue.take(1), room.take(1)]);
    const since = Date.now();
    for (let i = 0; i < 50; i++) {
      await user.put('/queue/swift/publish', { payload: [i] });
      await user.put('/stream/swift/publish', { event: 'e', data: i });
      expect(await queue.take(1)).toMatchObject([{ payload: [i] }]);
      expect(await room.take(1)).toMatchObject([{ offset: i, data: i }]);
    }
    expect(Date.now() - since, 'a poll each 100 ms needs 5 s').toBeLessThan(4_000);
    await Promise.all([queue.close(), room.close()]);
  });
});
