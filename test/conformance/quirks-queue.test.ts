/**
 * Queues, where ours answers better than the recordings (synap-core.md 8.1-6 to -9, 9-18).
 */
import { describe, expect, it } from 'vitest';
import { counters, hosted, ID, type Message, refusal, SECONDS, SIX_NULLS } from './support.ts';

const user = hosted();

/** Publishes by command and gives the id. */
const publish = async (queue: string, payload: unknown, more: object = {}): Promise<string> =>
  (await user.run<{ message_id: string }>('queue.publish', { queue, payload, ...more })).message_id;

/** Consumes by command. */
const consume = async (queue: string): Promise<Message | null> =>
  (await user.run<{ message: Message | null }>('queue.consume', { queue, consumer_id: 'w' })).message;

const textOf = (message: Message | null): string => Buffer.from(message?.payload ?? []).toString();

describe('queue.create', () => {
  const depthOf = async (name: string): Promise<number> =>
    (await user.run<{ config: { max_depth: number } }>('queue.detail', { queue: name })).config.max_depth;

  it('obeys settings that stand beside the name', async () => {
    await user.run('queue.create', { name: 'flat', max_depth: 1 });
    await publish('flat', [1]);
    expect(await user.refused('queue.publish', { queue: 'flat', payload: [2] })).toBe('Queue is full: flat');
  });

  it('prefers a setting inside config to the same one outside', async () => {
    await user.run('queue.create', { name: 'both', max_depth: 1, config: { max_depth: 2 } });
    await publish('both', [1]);
    await publish('both', [2]);
    expect(await user.refused('queue.publish', { queue: 'both', payload: [3] })).toBe('Queue is full: both');
    await user.run('queue.create', { name: 'zero', max_depth: 1, config: { max_depth: 0 } });
    expect(await user.refused('queue.publish', { queue: 'zero', payload: [1] })).toBe('Queue is full: zero');
  });

  it('takes 0, null and wrong types outside config for absent', async () => {
    for (const [name, max_depth] of Object.entries({ z: 0, n: null, t: '1', f: 1.5, a: [1], m: -1 })) {
      await user.run('queue.create', { name: `absent-${name}`, max_depth });
      expect([name, await depthOf(`absent-${name}`)]).toEqual([name, 100_000]);
    }
  });

  it('obeys each of the five settings outside config', async () => {
    const settings = {
      max_depth: 7,
      ack_deadline_secs: 9,
      default_max_retries: 2,
      default_priority: 8,
      prefetch_limit: 4,
    };
    await user.run('queue.create', { name: 'five', ...settings });
    expect(await user.run('queue.detail', { queue: 'five' })).toMatchObject({ config: settings });
  });
});

describe('queue.publish', () => {
  it('takes text, objects and numbers as payload, and stores the UTF-8 of their text', async () => {
    await user.run('queue.create', { name: 'any' });
    await publish('any', 'text');
    await publish('any', { a: 1 });
    await publish('any', 5);
    expect(await user.run('queue.stats', { queue: 'any' })).toEqual(counters({ published: 3, depth: 3 }));
    expect([textOf(await consume('any')), textOf(await consume('any')), textOf(await consume('any'))]).toEqual([
      'text',
      '{"a":1}',
      '5',
    ]);
    await publish('any', 'größe');
    expect((await consume('any'))?.payload).toEqual([...Buffer.from('größe')]);
  });

  it('takes true, false and "" too, and only null for no payload', async () => {
    await user.run('queue.create', { name: 'scalars' });
    for (const payload of [true, false, '']) {
      await publish('scalars', payload);
      expect(textOf(await consume('scalars'))).toBe(String(payload));
    }
    const missing = "Invalid request: Missing 'payload' field";
    expect(await user.refused('queue.publish', { queue: 'scalars', payload: null })).toBe(missing);
    expect(await user.refused('queue.publish', { queue: 'scalars' })).toBe(missing);
    expect(await user.run('queue.stats', { queue: 'scalars' })).toMatchObject({ published: 3 });
  });

  it('takes nothing but an array of bytes over REST', async () => {
    await user.put('/queue/bytes', {});
    for (const payload of ['text', { a: 1 }, 5, true, null, undefined, [256], [-1], [1.5], ['1']])
      expect(await user.post('/queue/bytes/publish', { payload })).toEqual(
        refusal(422, /^Failed to deserialize the JSON body into the target type: /),
      );
    expect(await user.get('/queue/bytes/stats')).toEqual(counters());
  });
});

describe('headers of a message', () => {
  const headers = { a: 'x', 'b-c': '' };

  it('that came over REST reach consumers on both faces, and are {} when none were sent', async () => {
    await user.put('/queue/h-rest', {});
    for (let i = 0; i < 2; i++) await user.put('/queue/h-rest/publish', { payload: [i], headers });
    await user.put('/queue/h-rest/publish', { payload: [2] });
    expect(await user.get('/queue/h-rest/consume/w')).toMatchObject({ headers });
    expect(await consume('h-rest')).toMatchObject({ headers });
    expect(await user.get('/queue/h-rest/consume/w')).toHaveProperty('headers', {});
  });

  it('that came in a command reach consumers on both faces, and are {} when none were sent', async () => {
    await user.run('queue.create', { name: 'h-command' });
    for (let i = 0; i < 2; i++) await publish('h-command', [i], { headers });
    await publish('h-command', [2]);
    expect(await user.get('/queue/h-command/consume/w')).toMatchObject({ headers });
    expect(await consume('h-command')).toMatchObject({ headers });
    expect(await consume('h-command')).toHaveProperty('headers', {});
  });

  it('reach the frames of a socket', async () => {
    await user.put('/queue/h-socket', {});
    await user.put('/queue/h-socket/publish', { payload: [1], headers });
    await publish('h-socket', [2]);
    const client = await user.open('/queue/h-socket/ws/w');
    const [, first, second] = await client.take(3);
    expect([first, second]).toMatchObject([{ type: 'message', headers }, { type: 'message' }]);
    expect(second).toHaveProperty('headers', {});
    await client.close();
  });

  it('that are no text are skipped by the command and refused with 422 by REST', async () => {
    await user.run('queue.create', { name: 'h-mixed' });
    await publish('h-mixed', [1], { headers: { a: 'x', b: 1, c: null, d: ['x'] } });
    expect(await consume('h-mixed')).toHaveProperty('headers', { a: 'x' });
    await publish('h-mixed', [2], { headers: 'none' });
    expect(await consume('h-mixed')).toHaveProperty('headers', {});
    const answer = await user.post('/queue/h-mixed/publish', { payload: [1], headers: { a: 'x', b: 1 } });
    expect(answer).toEqual(refusal(422, /^Failed to deserialize the JSON body into the target type: /));
    expect(await user.get('/queue/h-mixed/stats')).toMatchObject({ published: 2 });
  });
});

describe('a consumed message', () => {
  const now = (): number => Math.floor(Date.now() / 1000);

  it('has timestamp, retries and deadline beside its six members, on both faces', async () => {
    const from = now();
    await user.put('/queue/nine', { ack_deadline_secs: 20 });
    for (const i of [1, 2]) await user.put('/queue/nine/publish', { payload: [i] });
    const rest = await user.get('/queue/nine/consume/w');
    const command = await consume('nine');
    const nine = {
      priority: 5,
      retry_count: 0,
      max_retries: 3,
      headers: {},
      timestamp: SECONDS,
      retries: 0,
      deadline: SECONDS,
    };
    expect(rest).toEqual({ message_id: ID, payload: [1], ...nine });
    expect(command).toEqual({ id: ID, payload: [2], ...nine });
    for (const { timestamp, deadline } of [rest, command] as { timestamp: number; deadline: number }[]) {
      expect(timestamp).toBeGreaterThanOrEqual(from);
      expect(timestamp).toBeLessThanOrEqual(now());
      expect(deadline).toBeGreaterThanOrEqual(from + 20);
      expect(deadline).toBeLessThanOrEqual(now() + 20);
    }
  });

  it('counts its retries under both names, and keeps its time of creation', async () => {
    await user.put('/queue/again', {});
    const id = await publish('again', [1]);
    const first = (await consume('again')) as unknown as { timestamp: number };
    await user.run('queue.nack', { queue: 'again', message_id: id });
    expect(await consume('again')).toMatchObject({ id, retry_count: 1, retries: 1, timestamp: first.timestamp });
  });

  it('that is not there is exactly six nulls over REST and one in commands', async () => {
    await user.put('/queue/hollow', {});
    for (const queue of ['hollow', 'unknown']) {
      expect(await user.get(`/queue/${queue}/consume/w`)).toEqual(SIX_NULLS);
      expect(await user.run('queue.consume', { queue, consumer_id: 'w' })).toEqual({ message: null });
    }
  });
});

describe('a queue that is made over REST', () => {
  it('obeys default_priority and default_max_retries though no other setting comes with them', async () => {
    await user.put('/queue/lone', { default_priority: 8, default_max_retries: 0 });
    await user.put('/queue/lone/publish', { payload: [1] });
    expect(await user.get('/queue/lone/consume/w')).toMatchObject({ priority: 8, max_retries: 0 });
    await user.put('/queue/lone-retries', { default_max_retries: 1 });
    await user.put('/queue/lone-retries/publish', { payload: [1] });
    expect(await user.get('/queue/lone-retries/consume/w')).toMatchObject({ priority: 5, max_retries: 1 });
  });

  describe('on a server with defaults of its own', () => {
    const own = hosted('--queue-default-priority', '2', '--queue-default-max-retries', '7', '--queue-max-depth', '2');

    it('takes from them what is not sent, over both faces', async () => {
      await own.put('/queue/a', { default_priority: 8 });
      await own.put('/queue/b', { max_depth: 1 });
      await own.put('/queue/c', {});
      await own.run('queue.create', { name: 'd', config: { default_max_retries: 0 } });
      const seen = await Promise.all(
        ['a', 'b', 'c', 'd'].map(async (queue) => {
          const { config } = await own.run<{ config: Record<string, number> }>('queue.detail', { queue });
          return [config['default_priority'], config['default_max_retries'], config['max_depth']];
        }),
      );
      expect(seen).toEqual([
        [8, 7, 2],
        [2, 7, 1],
        [2, 7, 2],
        [2, 0, 2],
      ]);
    });
  });
});
