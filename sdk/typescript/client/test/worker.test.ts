/** The worker: handles, settles, renews, stops; and what it does while the server is away. */
import { expect, it } from 'vitest';
import { type Message, Reject, type Synapd, type Worker } from '../src/index.ts';
import { connect, fresh, Lasting, sharedServer, until } from './support/server.ts';
import { type Answer, hangUp, payload, refusal, stub } from './support/stub.ts';

const server = sharedServer();

async function filled(client: Synapd, count: number, settings: object = {}): Promise<string> {
  const queue = fresh('jobs');
  await client.queue.create({ name: queue, ...settings });
  const messages = Array.from({ length: count }, (_, n) => ({ payload: String(n) }));
  if (count > 0) await client.queue.publishBatch({ queue, messages });
  return queue;
}

/** Lets a worker work until something is true. */
async function working(worker: Worker, holds: () => boolean | Promise<boolean>, ms?: number): Promise<void> {
  const running = worker.run();
  await Promise.race([until(holds, ms), running]);
  await worker.stop();
  await running;
}

it.each(['http', 'socket'] as const)('each message is handled once and confirmed, over %s', async (transport) => {
  const client = connect(server.url, { transport });
  const queue = await filled(client, 50);
  const seen: number[] = [];
  const worker = client.queue.worker(queue, (message) => seen.push(message.json<number>()), { concurrency: 4 });
  await working(worker, () => worker.acked === 50);
  expect(seen.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, n) => n));
  expect([worker.acked, worker.nacked, worker.lost]).toEqual([50, 0, 0]);
  expect(await client.queue.stats({ queue })).toMatchObject({ acked: 50, consumers: 0 });
});

it('a message whose handler throws comes back, and a rejected one is dead', async () => {
  const client = connect(server.url);
  const queue = await filled(client, 2);
  const attempts: string[] = [];
  const told: unknown[] = [];
  const handler = (message: Message): void => {
    attempts.push(message.text());
    if (message.text() === '0') throw new Reject('hopeless');
    if (message.retryCount === 0) throw new Error('not yet');
  };
  const worker = client.queue.worker(queue, handler, { onError: (error) => told.push(String(error)) });
  await working(worker, () => worker.acked === 1 && worker.nacked === 2);
  expect(attempts).toEqual(['0', '1', '1']);
  expect(told).toEqual(['Reject: hopeless', 'Error: not yet']);
  const { messages } = await client.queue.dead.list({ queue });
  expect(messages.map(({ payload }) => Buffer.from(payload).toString())).toEqual(['0']);
});

it('a handler that takes longer than the lease keeps its message', async () => {
  const client = connect(server.url);
  const queue = await filled(client, 3, { ack_deadline_secs: 1 });
  const retries: number[] = [];
  const handler = async (message: Message): Promise<void> => {
    await new Promise((resolve) => setTimeout(resolve, 2_200)); // longer than two leases: that is what is tested
    retries.push(message.retryCount);
  };
  const worker = client.queue.worker(queue, handler, { concurrency: 3 });
  await working(worker, () => worker.acked === 3);
  expect(retries).toEqual([0, 0, 0]);
});

it('a lease that cannot be renewed is lost: the handler is told, and nothing is confirmed', async () => {
  const client = connect(server.url);
  const queue = await filled(client, 1, { ack_deadline_secs: 1 });
  const reasons: unknown[] = [];
  const worker = client.queue.worker(queue, async (message, { signal }) => {
    if (message.retryCount > 0) return;
    await client.queue.ack({ queue, message_id: message.id }); // somebody else settled it
    await client.queue.publish({ queue, payload: 'next' });
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
    reasons.push(signal.reason);
  });
  await working(worker, () => reasons.length === 1);
  expect(String(reasons[0])).toContain('lease');
  expect(worker.lost).toBeGreaterThan(0);
});

it('an aborted worker settles what it has in hand and takes no more', async () => {
  const client = connect(server.url);
  const queue = await filled(client, 2);
  const controller = new AbortController();
  let finish: (() => void) | undefined;
  const worker = client.queue.worker(queue, () => new Promise<void>((resolve) => (finish = resolve)), controller);
  const running = worker.run();
  await until(() => finish !== undefined);
  controller.abort();
  finish?.();
  await running;
  expect(await client.queue.stats({ queue })).toMatchObject({ acked: 1, depth: 1, consumers: 0 });
});

it('what waiting cannot mend ends the worker', async () => {
  const { url } = await stub(refusal('Unauthorized: no'));
  await expect(
    connect(url)
      .queue.worker('q', () => {})
      .run(),
  ).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
  expect(() => connect(url).queue.worker('q', () => {}, { concurrency: 0 })).toThrow('concurrency');
});

it('a worker waits for a queue that is not there yet', async () => {
  const client = connect(server.url);
  const queue = fresh('later');
  const seen: string[] = [];
  const worker = client.queue.worker(queue, (message) => seen.push(message.text()));
  const running = worker.run();
  await client.queue.create({ name: queue });
  await client.queue.publish({ queue, payload: 'x' });
  await until(() => seen.length === 1);
  await worker.stop();
  await running;
});

const MESSAGE = { id: '1', payload: [1], priority: 5, retry_count: 0, max_retries: 3, headers: {}, timestamp: 1 };
const DETAIL = payload({ config: { ack_deadline_secs: 30 } });
const once = (...then: readonly Answer[]): readonly Answer[] => [payload({ messages: [MESSAGE] }), DETAIL, ...then];
const EMPTY = payload({ messages: [] });

it('a confirmation whose answer was lost counts when the message is gone', async () => {
  const { url } = await stub(...once(hangUp, refusal('Message not found: 1'), EMPTY));
  const controller = new AbortController();
  const worker = connect(url).queue.worker('q', () => controller.abort(), { signal: controller.signal });
  await worker.run();
  expect([worker.acked, worker.lost]).toEqual([1, 0]);
});

it('giving back is not repeated when its answer was lost', async () => {
  const server = await stub(...once(hangUp, EMPTY));
  const controller = new AbortController();
  const handler = (): never => {
    controller.abort();
    throw new Error('no');
  };
  const worker = connect(server.url).queue.worker('q', handler, { signal: controller.signal });
  await worker.run();
  expect(worker.lost).toBe(1);
  expect(server.asked.filter(({ envelope }) => envelope.command === 'queue.nack')).toHaveLength(1);
});

it.each(['http', 'socket'] as const)(
  'a worker outlives its server and loses and doubles nothing, over %s',
  async (transport) => {
    const deadlineMs = 4_000;
    const total = 100;
    const lasting = new Lasting();
    await lasting.start();
    const client = connect(lasting.url, { transport, retries: 20 });
    const queue = await filled(client, total, { ack_deadline_secs: deadlineMs / 1000 });
    const handled = new Map<string, number[]>();
    const handler = async (message: Message): Promise<void> => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      handled.set(message.text(), [...(handled.get(message.text()) ?? []), Date.now()]);
    };
    const worker = client.queue.worker(queue, handler, { concurrency: 3 });
    const running = worker.run();
    for (const at of [20, 60]) {
      await until(() => handled.size >= at);
      await lasting.kill();
      await lasting.start();
    }
    await until(() => handled.size === total, 40_000);
    await worker.stop();
    await running;
    await until(async () => (await client.queue.detail({ queue })).in_flight === 0);
    expect(await client.queue.detail({ queue })).toMatchObject({ ready: 0, dead: 0 });
    for (const times of handled.values())
      for (let i = 1; i < times.length; i++)
        expect((times[i] as number) - (times[i - 1] as number)).toBeGreaterThan(deadlineMs - 500);
    await lasting.kill();
  },
  60_000,
);
