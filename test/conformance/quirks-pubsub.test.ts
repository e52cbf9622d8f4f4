/**
 * Pub/sub, where ours answers better than the recordings (synap-core.md 8.1-16, -17, 9-21).
 */
import { describe, expect, it } from 'vitest';
import { hosted, ID, SECONDS } from './support.ts';

const user = hosted();

const matched = async (topic: string): Promise<number> =>
  (await user.run<{ subscribers_matched: number }>('pubsub.publish', { topic, payload: 1 })).subscribers_matched;

describe('a subscriber_id that is sent', () => {
  const me = { subscriber_id: 'me', subscription_count: 1, topics: ['a'] };

  it('is used and echoed on both faces, and is the one to unsubscribe', async () => {
    expect(await user.run('pubsub.subscribe', { topics: ['a'], subscriber_id: 'me' })).toEqual(me);
    expect(await user.run('pubsub.unsubscribe', { subscriber_id: 'me' })).toEqual({ unsubscribed: 1 });
    expect(await user.put('/pubsub/subscribe', { topics: ['a'], subscriber_id: 'me' })).toEqual(me);
    expect(await matched('a')).toBe(1);
    expect(await user.put('/pubsub/unsubscribe', { subscriber_id: 'me' })).toEqual({ unsubscribed: 1 });
    expect(await matched('a')).toBe(0);
  });

  it('is added to by a second subscribe under it', async () => {
    await user.run('pubsub.subscribe', { topics: ['b'], subscriber_id: 'twice' });
    await user.put('/pubsub/subscribe', { topics: ['c.*'], subscriber_id: 'twice' });
    expect([await matched('b'), await matched('c.d')]).toEqual([1, 1]);
    expect(await user.run('pubsub.unsubscribe', { subscriber_id: 'twice' })).toEqual({ unsubscribed: 2 });
  });

  it('and is empty, null or no text is answered with a new id', async () => {
    const seen = new Set<string>();
    for (const subscriber_id of ['', null, 5, ['me'], {}]) {
      for (const answer of [
        await user.run('pubsub.subscribe', { topics: ['d'], subscriber_id }),
        await user.put('/pubsub/subscribe', { topics: ['d'], subscriber_id }),
      ]) {
        expect(answer).toEqual({ subscriber_id: ID, subscription_count: 1, topics: ['d'] });
        seen.add((answer as { subscriber_id: string }).subscriber_id);
      }
    }
    expect(seen.size).toBe(10);
    expect(await matched('d')).toBe(10);
  });
});

describe('the frame of a message', () => {
  it('carries headers as metadata, and the priority; metadata wins over headers', async () => {
    const client = await user.open('/pubsub/ws?topics=f');
    expect(await client.take(1)).toEqual([
      { type: 'connected', subscriber_id: ID, topics: ['f'], subscription_count: 1 },
    ]);
    const [headers, metadata] = [{ a: 'x' }, { m: 'y' }];
    const frame = { type: 'message', message_id: ID, topic: 'f', payload: 1, metadata: null, timestamp: SECONDS };
    const sent: [object, object][] = [
      [
        { headers, priority: 7 },
        { metadata: headers, priority: 7 },
      ],
      [{ headers, metadata }, { metadata }],
      [
        { headers, metadata: null, priority: 0 },
        { metadata: headers, priority: 0 },
      ],
      [{ priority: null }, {}],
      [{ priority: 'high' }, {}],
      [{ headers: null }, {}],
    ];
    for (const [more, shown] of sent) {
      await user.run('pubsub.publish', { topic: 'f', payload: 1, ...more });
      await user.put('/pubsub/f/publish', { payload: 1, ...more });
      const expected = { ...frame, ...shown };
      expect([more, ...(await client.take(2))]).toEqual([more, expected, expected]);
    }
    await client.close();
  });
});

describe('refusals of the routes', () => {
  const many = 'Invalid value: Pattern can only contain one # wildcard';
  const place = 'Invalid value: # wildcard must be at the end of pattern';

  it('keep status 200 and carry the code that says what happened', async () => {
    expect(await user.put('/pubsub/subscribe', { topics: ['a.#.b'] })).toEqual({ code: 400, error: place });
    expect(await user.put('/pubsub/subscribe', { topics: ['a.#.#'] })).toEqual({ code: 400, error: many });
    expect(await user.get('/pubsub/none/info')).toEqual({ code: 404, error: 'Topic not found' });
  });

  it('keep error alone in frames', async () => {
    for (const [topics, error] of [
      ['a.%23.b', place],
      ['a.%23.%23', many],
    ] as const) {
      const client = await user.open(`/pubsub/ws?topics=${topics}`);
      expect(await client.take(1)).toEqual([{ error }]);
      await client.end();
    }
  });
});
