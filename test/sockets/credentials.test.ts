import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Accounts } from '../../src/auth/accounts.ts';
import type { Permission } from '../../src/auth/permissions.ts';
import { systemClock } from '../../src/core/clock.ts';
import { FakeClock } from '../support/clock.ts';
import { eventually, type LiveServer, liveServer, refusedUpgrade, stopAll } from '../support/live.ts';

const key = (name: string, permissions: Permission[], expiresAt = Number.POSITIVE_INFINITY) => ({
  name,
  key: `key-${name}`,
  admin: name === 'root',
  permissions,
  expiresAt,
});

let server: LiveServer;
/** A session that ends while its socket is open. */
const ending = { admin: false, allows: () => true, expiresAt: Number.POSITIVE_INFINITY };
beforeAll(async () => {
  const accounts = await Accounts.open(
    {
      enabled: true,
      required: true,
      users: [
        {
          name: 'ann',
          password: 'a long password',
          admin: false,
          roles: [],
          permissions: [{ resource: 'pubsub:news', action: 'read' }],
        },
      ],
      keys: [
        key('root', []),
        key('reader', [
          { resource: 'pubsub:news.*', action: 'read' },
          { resource: 'kv:public:*', action: 'read' },
          { resource: 'stream:open', action: 'read' },
        ]),
        key('worker', [{ resource: 'queue:jobs', action: 'read' }]),
        key('looker', [{ resource: 'pubsub:*', action: 'read' }]),
      ],
      cost: { n: 16, r: 8, p: 1 },
    },
    systemClock,
  );
  server = await liveServer({
    door: {
      everyone: undefined,
      admit: (presented) => (presented.apiKey === 'ending' ? ending : accounts.admit(presented)),
    },
  });
});
afterAll(() => {
  stopAll();
  expect(server.faults).toEqual([]);
});

const as = (name: string): Record<string, string> => ({ authorization: `Bearer key-${name}` });

describe('an upgrade', () => {
  it('is refused with 401 without credentials, before anything else is looked at', async () => {
    for (const path of ['/ws', '/kv/ws', '/pubsub/ws?topics=a.%23.%23', '/queue/q/ws/w', '/stream/r/ws/s']) {
      const refusal = await refusedUpgrade(server, path);
      expect(refusal).toMatchObject({ status: 401, body: { code: 401 } });
      expect(refusal.headers['www-authenticate']).toBe('Bearer');
    }
    expect(await refusedUpgrade(server, '/ws', as('nobody'))).toMatchObject({ status: 401 });
  });

  it('takes a key from a header or from the query, and a password', async () => {
    for (const [path, headers] of [
      ['/pubsub/ws?topics=news.a', as('reader')],
      ['/pubsub/ws?topics=news.a&api_key=key-reader', {}],
      ['/pubsub/ws?topics=news', { authorization: `Basic ${Buffer.from('ann:a long password').toString('base64')}` }],
    ] as const) {
      const client = await server.open(path, headers);
      expect(await client.take(1)).toMatchObject([{ type: 'connected' }]);
      await client.close();
    }
    const wrong = { authorization: `Basic ${Buffer.from('ann:another password').toString('base64')}` };
    expect(await refusedUpgrade(server, '/pubsub/ws?topics=news', wrong)).toMatchObject({ status: 401 });
  });

  it.each([
    ['/pubsub/ws?topics=news.a,other', 'pubsub:other'],
    ['/pubsub/ws?topics=news.a.%23,news.%23', 'pubsub:news'],
    ['/pubsub/ws?topics=%23', 'pubsub:#'],
    ['/kv/ws?keys=public:a,secret', 'kv:secret'],
    ['/stream/closed/ws/s', 'stream:closed'],
    ['/queue/jobs/ws/w', 'queue:jobs'],
    ['/pubsub/sse?topics=other', 'pubsub:other'],
    ['/kv/sse?keys=secret', 'kv:secret'],
    ['/stream/closed/sse', 'stream:closed'],
  ])('to %s is refused with 403 for want of read on %s', async (path, resource) => {
    const error = `Forbidden: Insufficient permissions for resource: ${resource}, action: read`;
    expect(await refusedUpgrade(server, path, as('reader'))).toMatchObject({ status: 403, body: { code: 403, error } });
  });

  it('does not show values of keys to who may only read topics', async () => {
    for (const topic of ['__watch@0__:secret', '__watch*', '__keyevent@0__:set', '__%23'])
      expect(await refusedUpgrade(server, `/pubsub/ws?topics=${topic}`, as('looker')), topic).toMatchObject({
        status: 403,
      });
  });
});

describe('frames', () => {
  it('of a queue socket are checked one by one', async () => {
    server.run('queue.create', { name: 'jobs' });
    server.run('queue.create', { name: 'other' });
    server.run('queue.publish', { queue: 'jobs', payload: [1] });
    const client = await server.open('/queue/jobs/ws/w', as('worker'));
    const [, message] = (await client.take(2)) as { message_id: string }[];
    const { allows } = ending;
    client.send({ command: 'ack', message_id: message?.message_id });
    await eventually(() => server.context.queues.stats('jobs').acked === 1);
    await client.close();

    // a session that may listen, and then may not acknowledge
    server.run('queue.publish', { queue: 'jobs', payload: [2] });
    const other = await server.open('/queue/jobs/ws/w', { 'x-api-key': 'ending' });
    const [, second] = (await other.take(2)) as { message_id: string }[];
    ending.allows = () => false;
    other.send({ command: 'ack', message_id: second?.message_id });
    other.ws.ping();
    await new Promise((resolve) => other.ws.once('pong', resolve));
    expect(server.context.queues.stats('jobs').acked).toBe(1);
    ending.allows = allows;
    await other.close();
  });

  it('of /ws are checked one by one, with the session of the socket', async () => {
    const client = await server.open('/ws', as('worker'));
    const code = async (request: Record<string, unknown>): Promise<unknown> => {
      client.send(request);
      const [answer] = (await client.take(1)) as { code: unknown }[];
      return answer?.code;
    };
    expect(await code({ id: 1, command: 'queue.stats', payload: { queue: 'jobs' } })).toBeNull();
    expect(await code({ id: 2, command: 'queue.stats', payload: { queue: 'other' } })).toBe('FORBIDDEN');
    expect(await code({ id: 3, command: 'queue.listen', payload: { queue: 'other', consumer_id: 'w' } })).toBe(
      'FORBIDDEN',
    );
    expect(await code({ id: 4, command: 'kv.set', payload: { key: 'k', value: 1 } })).toBe('FORBIDDEN');
    expect(await code({ id: 5, command: 'pubsub.listen', payload: { topics: ['a'] } })).toBe('FORBIDDEN');
    await client.close();
  });

  it('need not come: expired credentials are looked for', async () => {
    const clock = new FakeClock();
    const expiring = { admin: false, allows: () => true, expiresAt: clock.now() + 60_000 };
    const watched = await liveServer({ clock, door: { everyone: undefined, admit: () => expiring } });
    const client = await watched.open('/pubsub/ws?topics=a');
    await client.take(1);
    const events = await fetch(`${watched.base}/pubsub/sse?topics=b`);
    clock.advance(59_000);
    watched.timers.run();
    watched.run('pubsub.publish', { topic: 'a', payload: 1 });
    expect(await client.take(1)).toMatchObject([{ payload: 1 }]);
    clock.advance(6_000);
    watched.timers.run();
    expect(await client.end()).toMatchObject({ code: 1008 });
    clock.advance(15_000);
    watched.timers.run();
    expect(await events.text()).toMatch(/^event: connected\n/);
    expect(watched.live.counts).toEqual({ sockets: 0, feeds: 0 });
  });

  it('that come once the credentials have expired end the socket', async () => {
    const client = await server.open('/ws', { 'x-api-key': 'ending' });
    ending.expiresAt = systemClock.now();
    client.send({ id: 1, command: 'kv.exists', payload: { key: 'k' } });
    expect(await client.end()).toEqual({ code: 1008, reason: 'the credentials have expired' });
    ending.expiresAt = Number.POSITIVE_INFINITY;
  });
});
