/**
 * Pub/sub and the shape of the API: what the reference does badly and ours does well (synap-core.md 9, items 3, 5, 19,
 * 21, 28, 31, 33, 34; 23 and 29 stand in quirks-http).
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { scratchFolder } from '../support/process.ts';
import { hosted, refusal } from './support.ts';

const user = hosted();

const keys = (answer: unknown): string[] => Object.keys(answer as object).sort();

describe('a subscribe with a bad pattern (9-28)', () => {
  it('subscribes to none of its topics, on either face', async () => {
    const subscribe = { topics: ['good', 'good.*', 'a.#.b'], subscriber_id: 'half' };
    const error = 'Invalid value: # wildcard must be at the end of pattern';
    const before = await user.get('/pubsub/stats');
    expect(await user.put('/pubsub/subscribe', subscribe)).toEqual({ code: 400, error });
    expect(await user.refused('pubsub.subscribe', subscribe)).toBe(error);
    expect(await user.get('/pubsub/stats')).toEqual(before);
    expect(await user.run('pubsub.publish', { topic: 'good', payload: 1 })).toMatchObject({ subscribers_matched: 0 });
    expect(await user.run('pubsub.unsubscribe', { subscriber_id: 'half' })).toEqual({ unsubscribed: 0 });
  });
});

describe('subscriptions without a connection (9-3)', () => {
  it('are capped for each subscriber, and a call that would pass the cap adds nothing', async () => {
    const call = (from: number, count: number): Promise<unknown> =>
      user.put('/pubsub/subscribe', {
        subscriber_id: 'greedy',
        topics: Array.from({ length: count }, (_, i) => `g${from + i}`),
      });
    expect(await call(0, 10_001)).toMatchObject({ code: 400, error: expect.stringMatching(/^Invalid value: .*10000/) });
    await call(0, 10_000);
    await call(10_000, 10_000);
    expect(await call(20_000, 2)).toMatchObject({ code: 507, error: expect.stringMatching(/^Quota exceeded: /) });
    expect(await user.run('pubsub.publish', { topic: 'g20000', payload: 1 })).toMatchObject({ subscribers_matched: 0 });
    expect(await user.run('pubsub.unsubscribe', { subscriber_id: 'greedy' })).toEqual({ unsubscribed: 20_000 });
  });

  it('leave their topics listed when they end', async () => {
    await user.run('pubsub.subscribe', { topics: ['left'], subscriber_id: 'leaver' });
    await user.run('pubsub.unsubscribe', { subscriber_id: 'leaver' });
    const { topics } = await user.run<{ topics: string[] }>('pubsub.topics');
    expect(topics).toContain('left');
    expect(await user.get('/pubsub/left/info')).toMatchObject({ topic: 'left', subscriber_count: 0 });
  });
});

describe('topics of the server itself (9-19)', () => {
  it('do not reach those who subscribed to everything without naming them', async () => {
    const all = await user.open('/pubsub/ws?topics=%23,*,*.*');
    const watch = await user.open('/kv/ws?keys=secret.*');
    await Promise.all([all.take(1), watch.take(1)]);
    await user.run('kv.set', { key: 'secret.1', value: 'v' });
    expect(await watch.take(1)).toMatchObject([{ payload: { key: 'secret.1', event: 'set' } }]);
    await user.run('pubsub.publish', { topic: 'open', payload: 'seen' });
    expect(await all.take(1)).toMatchObject([{ topic: 'open', payload: 'seen' }]);
    await Promise.all([all.close(), watch.close()]);
  });
});

describe('failures with status 200 (9-21)', () => {
  it('of a missing key and of an empty range carry error alone', async () => {
    expect(await user.get('/kv/get/nobody')).toEqual({ error: 'Key not found' });
    const empty = { error: 'Key not found or range empty' };
    expect(await user.get('/kv/nobody/getrange?start=0&end=1')).toEqual(empty);
    await user.run('kv.set', { key: 'short', value: 'ab' });
    expect(await user.get('/kv/short/getrange?start=5&end=9')).toEqual(empty);
  });

  it('of pub/sub tell a missing permission by code 403, while requests that cannot be read keep their status', async () => {
    expect(await user.post('/pubsub/subscribe', { topics: 'a' })).toEqual(refusal(422, /./));
    expect(await user.post('/pubsub/t/publish', {})).toEqual(refusal(422, /./));
    expect(await user.post('/pubsub/subscribe', 'nope')).toEqual(refusal(400, /^Failed to parse/));
    expect(await user.post('/pubsub/subscribe')).toEqual(refusal(415, /^Expected request/));
    expect(await user.request('GET', '/pubsub/%FF/info')).toEqual(refusal(400, /^Invalid URL: /));
  });

  describe('on a server with accounts', () => {
    const file = join(scratchFolder(), 'accounts.yaml');
    writeFileSync(
      file,
      'auth:\n  enabled: true\n  require_auth: true\n  api_keys:\n    - name: reader\n      key: reader-key\n      permissions:\n        - { resource: "pubsub:open", action: read }\n',
    );
    const own = hosted('--config', file);
    const headers = { 'content-type': 'application/json', authorization: 'Bearer reader-key' };

    it('a missing permission is 200 with code 403 on pub/sub routes, and 403 elsewhere', async () => {
      const forbidden = (resource: string, action: string): object => ({
        code: 403,
        error: `Forbidden: Insufficient permissions for resource: ${resource}, action: ${action}`,
      });
      expect(await own.post('/pubsub/subscribe', { topics: ['open'] }, headers)).toMatchObject({
        status: 200,
        body: { topics: ['open'] },
      });
      expect(await own.post('/pubsub/subscribe', { topics: ['open', 'closed'] }, headers)).toMatchObject({
        status: 200,
        body: { code: 403, error: 'Insufficient permissions for topic: closed' },
      });
      expect(await own.post('/pubsub/open/publish', { payload: 1 }, headers)).toMatchObject({
        status: 200,
        body: { code: 403, error: 'Insufficient permissions for topic: open' },
      });
      expect(await own.post('/kv/set', { key: 'k', value: 1 }, headers)).toMatchObject({
        status: 403,
        body: forbidden('kv:k', 'write'),
      });
    });

    it('a caller nobody knows is 401 before 404, in JSON, and /health is open', async () => {
      expect(await own.request('GET', '/nope')).toEqual(refusal(401, /^Unauthorized: /));
      expect(await own.request('GET', '/kv/get/k')).toEqual(refusal(401, /^Unauthorized: /));
      expect(await own.request('GET', '/kv/get/k', undefined, { authorization: 'Bearer other' })).toEqual(
        refusal(401, /^Unauthorized: /),
      );
      expect(await own.get('/health')).toMatchObject({ status: 'healthy' });
    });
  });
});

describe('answers (9-31)', () => {
  it('of statistics carry the recorded members and no others', async () => {
    await user.put('/queue/q', {});
    await user.post('/stream/r');
    await user.put('/topics/t', { num_partitions: 1 });
    await user.put('/consumer-groups/g', { topic: 't', partition_count: 1 });
    const sevenOfQueue = ['acked', 'consumed', 'consumers', 'dead_lettered', 'depth', 'nacked', 'published'];
    const tenOfRoom =
      'created_at dropped generation max_offset message_count min_offset name subscriber_count total_consumed total_published';
    const eightOfGroup =
      'committed_partitions generation group_id last_rebalance_secs member_count partition_count state topic';
    const sevenOfPartition = 'last_compaction max_offset message_count min_offset partition_id topic total_bytes';
    for (const [rest, command, payload, members] of [
      ['/queue/q/stats', 'queue.stats', { queue: 'q' }, sevenOfQueue.join(' ')],
      ['/stream/r/stats', 'stream.stats', { room: 'r' }, tenOfRoom],
      ['/consumer-groups/g/stats', 'group.stats', { group_id: 'g' }, eightOfGroup],
      ['/topics/t/stats', 'topic.stats', { topic: 't' }, 'partitions topic'],
      ['/kv/stats', 'kv.stats', {}, 'hit_rate operations total_keys total_memory_bytes'],
      [
        '/pubsub/stats',
        'pubsub.stats',
        {},
        'messages_delivered messages_published slow_consumers_dropped total_subscribers total_topics total_wildcard_subscriptions',
      ],
    ] as const)
      expect([rest, keys(await user.get(rest)), keys(await user.run(command, payload))]).toEqual([
        rest,
        members.split(' '),
        members.split(' '),
      ]);
    const { partitions } = (await user.get('/topics/t/stats')) as { partitions: object[] };
    expect(keys(partitions[0])).toEqual(sevenOfPartition.split(' '));
  });

  it('of events carry the recorded members and no others', async () => {
    await user.put('/stream/r/publish', { event: 'e', data: 1 });
    await user.put('/topics/t/publish', { event_type: 'e', data: 1 });
    const [room, topic] = [
      (await user.get('/stream/r/consume/s')) as { events: object[] },
      (await user.put('/topics/t/partitions/0/consume', {})) as { events: object[] },
    ];
    expect(keys(room)).toEqual(['events', 'next_offset']);
    expect(keys(room.events[0])).toEqual('data event id metadata offset room timestamp'.split(' '));
    expect(keys(topic)).toEqual('count events next_offset partition_id topic'.split(' '));
    expect(keys(topic.events[0])).toEqual(
      'data event_type id key metadata offset partition_id size_bytes timestamp topic'.split(' '),
    );
  });
});

describe('paths of this face (9-33)', () => {
  it('are not cleaned: a doubled or a lone slash is 404, and every OPTIONS is 200', async () => {
    for (const path of ['/', '//health', '/health/', '/kv//get/k', '/nope'])
      expect([path, await user.request('GET', path)]).toEqual([path, refusal(404, /./)]);
    for (const path of ['/', '//health', '/kv/set', '/nope', '/api/v1/command']) {
      const answer = await user.request('OPTIONS', path);
      expect([path, answer.status, answer.text]).toEqual([path, 200, '']);
      expect(answer.headers.get('access-control-allow-origin')).toBe('*');
    }
  });
});

describe('a member that stands twice (9-34)', () => {
  it('counts with its last value, at every depth', async () => {
    await user.put('/kv/set', '{"key":"deep","value":{"a":1,"a":{"b":1,"b":2}}}');
    expect(await user.get('/kv/get/deep')).toBe('{"a":{"b":2}}');
    await user.put('/kv/set', '{"key":"exact","value":{"a":1.0,"a":9223372036854775807}}');
    expect(await user.get('/kv/get/exact')).toBe('{"a":9223372036854775807}');
    await user.put('/queue/last', '{"max_depth":5,"max_depth":1}');
    await user.put('/queue/last/publish', '{"payload":[1],"payload":[2]}');
    expect(await user.get('/queue/last/consume/w')).toMatchObject({ payload: [2] });
    expect(await user.get('/queue/last/detail')).toMatchObject({ config: { max_depth: 1 } });
  });

  it('under two spellings is 422', async () => {
    const answer = await user.post('/pubsub/t/publish', { payload: 1, data: 2 });
    expect(answer).toEqual(refusal(422, /^Failed to deserialize the JSON body into the target type: /));
    expect(await user.put('/pubsub/t/publish', { data: 2 })).toMatchObject({ topic: 't' });
  });
});
