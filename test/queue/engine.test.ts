import { beforeEach, describe, expect, test } from 'vitest';
import { LIMITS } from '../../src/core/limits.ts';
import { Bench, bytes, text } from './support.ts';

let bench: Bench;
beforeEach(() => {
  bench = new Bench();
});

const ZERO = { depth: 0, consumers: 0, published: 0, consumed: 0, acked: 0, nacked: 0, deadLettered: 0 };

describe('create', () => {
  test('is idempotent and never changes the settings of a queue', () => {
    expect(bench.engine.create('q', { maxDepth: 1 }, bench.now)).toBe(true);
    expect(bench.engine.create('q', { maxDepth: 5 }, bench.now)).toBe(false);
    bench.publish('q', 'a');
    expect(() => bench.publish('q', 'b')).toThrow('Queue is full: q');
    expect(bench.engine.list()).toEqual(['q']);
  });

  test('takes what is absent from the defaults of the server, member by member', () => {
    bench = new Bench({ maxRetries: 7, ackDeadlineSecs: 11 });
    bench.engine.create('q', { priority: 8, maxDepth: undefined }, bench.now);
    expect(bench.engine.detail('q', bench.now).config).toEqual({
      maxDepth: 100_000,
      ackDeadlineSecs: 11,
      maxRetries: 7,
      priority: 8,
      prefetch: 0,
      dedupeMs: 300_000,
      sync: false,
    });
  });

  test('keeps priorities over 9 as 9, a deadline of 0 as 1 second, and the largest numbers of the wire', () => {
    const most = 2 ** 64;
    bench.engine.create(
      'q',
      { priority: 255, ackDeadlineSecs: 0, maxDepth: most, prefetch: most, maxRetries: 2 ** 32 - 1 },
      bench.now,
    );
    const { config } = bench.engine.detail('q', bench.now);
    expect(config).toMatchObject({ priority: 9, ackDeadlineSecs: 1, maxDepth: Number.MAX_SAFE_INTEGER });
    bench.engine.create('slow', { ackDeadlineSecs: most }, bench.now);
    bench.publish('slow', 'a');
    expect(bench.consume('slow')?.deadline).toBe(Number.MAX_SAFE_INTEGER);
    bench.sound();
  });

  test('refuses settings that are no whole numbers, a window over a day, and names over the cap', () => {
    expect(() => bench.engine.create('q', { maxDepth: 1.5 }, bench.now)).toThrow('max_depth must be a whole number');
    expect(() => bench.engine.create('q', { prefetch: -1 }, bench.now)).toThrow('Invalid value');
    expect(() => bench.engine.create('q', { maxRetries: Number.NaN }, bench.now)).toThrow('Invalid value');
    expect(() => bench.engine.create('q', { dedupeMs: LIMITS.dedupeMs + 1 }, bench.now)).toThrow('dedupe window');
    expect(() => bench.engine.create('é'.repeat(513), undefined, bench.now)).toThrow('at most 1024 bytes');
    expect(bench.engine.list()).toEqual([]);
    expect(bench.engine.create('é'.repeat(512), undefined, bench.now)).toBe(true);
  });
});

describe('publish and consume', () => {
  beforeEach(() => void bench.engine.create('q', undefined, bench.now));

  test('a message comes as it was sent, with its defaults and its deadline', () => {
    const id = bench.publish('q', 'job', { headers: { a: 'x' } });
    bench.advance(5);
    expect(bench.consume('q')).toEqual({
      id,
      payload: bytes('job'),
      priority: 5,
      retryCount: 0,
      maxRetries: 3,
      headers: { a: 'x' },
      createdAt: bench.now - 5,
      deadline: bench.now + 30_000,
    });
    expect(bench.consume('q')).toBeUndefined();
  });

  test('an empty payload is a message, and headers are empty when none were sent', () => {
    bench.publish('q', '');
    expect(bench.consume('q')).toMatchObject({ payload: new Uint8Array(0), headers: {} });
  });

  test('the highest priority comes first, and first in first out inside a priority', () => {
    for (const [name, priority] of [
      ['a', 1],
      ['b', 9],
      ['c', 5],
      ['d', 200],
      ['e', 0],
      ['f', 1],
    ] as const)
      bench.publish('q', name, { priority });
    expect(bench.drain('q').join('')).toBe('bdcafe');
  });

  test('priorities over 9 are stored as 9', () => {
    bench.publish('q', 'a', { priority: 255 });
    expect(bench.consume('q')?.priority).toBe(9);
  });

  test('what makes no sense is refused and stores nothing', () => {
    expect(() => bench.publish('none', 'a')).toThrow('Queue not found: none');
    expect(() => bench.publish('q', 'a', { priority: -1 })).toThrow('priority must be a whole number');
    expect(() => bench.publish('q', 'a', { maxRetries: 0.5 })).toThrow('max_retries');
    expect(() => bench.publish('q', 'a', { delayMs: LIMITS.delayMs + 1 })).toThrow('delay_ms');
    expect(() => bench.publish('q', 'a', { messageKey: 'k'.repeat(1_025) })).toThrow('message_key');
    expect(() => bench.engine.consume('q', 'w'.repeat(1_025), bench.now)).toThrow('consumer id');
    expect(bench.engine.stats('q')).toEqual(ZERO);
  });

  test('an unknown queue has nothing to consume', () => {
    expect(bench.consume('none')).toBeUndefined();
    expect(bench.engine.consumeBatch('none', 'w', 10, bench.now)).toEqual([]);
  });

  test('the depth limit counts ready messages only, and a requeue ignores it', () => {
    bench.engine.create('small', { maxDepth: 1 }, bench.now);
    bench.publish('small', 'a');
    expect(() => bench.publish('small', 'b')).toThrow('Queue is full: small');
    const a = bench.consume('small');
    bench.publish('small', 'b');
    bench.engine.nack('small', a?.id ?? '', true, bench.now);
    expect(bench.engine.stats('small').depth).toBe(2);
    expect(() => bench.publish('small', 'c')).toThrow('Queue is full: small');
  });

  test('a depth limit of 0 refuses every message, a delayed one too', () => {
    bench.engine.create('zero', { maxDepth: 0 }, bench.now);
    expect(() => bench.publish('zero', 'a')).toThrow('Queue is full: zero');
    expect(() => bench.publish('zero', 'a', { delayMs: 1 })).toThrow('Queue is full: zero');
  });

  test('a prefetch limit holds a consumer back until it acknowledges or gives back', () => {
    bench.engine.create('p', { prefetch: 2 }, bench.now);
    for (const name of ['a', 'b', 'c', 'd', 'e']) bench.publish('p', name);
    const a = bench.consume('p');
    const b = bench.consume('p');
    expect(bench.consume('p')).toBeUndefined();
    expect(text(bench.consume('p', 'other'))).toBe('c');
    bench.engine.ack('p', a?.id ?? '', bench.now);
    expect(text(bench.consume('p'))).toBe('d');
    bench.engine.nack('p', b?.id ?? '', true, bench.now);
    expect(text(bench.consume('p'))).toBe('e');
    expect(bench.consume('p')).toBeUndefined();
    bench.sound();
  });

  test('batches publish all or nothing and consume up to the limit', () => {
    bench.engine.create('b', { maxDepth: 3, prefetch: 2 }, bench.now);
    const batch = ['a', 'b', 'c'].map((name) => ({ payload: bytes(name) }));
    expect(() => bench.engine.publishBatch('b', [...batch, { payload: bytes('d') }], bench.now)).toThrow('full');
    expect(() =>
      bench.engine.publishBatch('b', [...batch.slice(1), { payload: bytes('d'), priority: -1 }], bench.now),
    ).toThrow('priority');
    expect(bench.engine.stats('b')).toEqual(ZERO);
    const ids = bench.engine.publishBatch('b', batch, bench.now);
    expect(new Set(ids).size).toBe(3);
    expect(bench.engine.consumeBatch('b', 'w', 3, bench.now).map(text)).toEqual(['a', 'b']);
    expect(bench.engine.consumeBatch('b', 'v', 3, bench.now).map(text)).toEqual(['c']);
    expect(bench.engine.ackBatch('b', [ids[2], ids[0], 'nope', ids[0]].map(String), bench.now)).toEqual({
      acked: 2,
      missing: ['nope', String(ids[0])],
    });
    expect(() => bench.engine.publishBatch('b', new Array(1_001).fill(batch[0]), bench.now)).toThrow('1 to 1000');
    expect(() => bench.engine.ackBatch('b', new Array(1_001).fill('x'), bench.now)).toThrow('1 to 1000');
    expect(() => bench.engine.consumeBatch('b', 'w', 0, bench.now)).toThrow('1 to 1000');
    bench.sound();
  });
});

describe('ack and nack', () => {
  beforeEach(() => void bench.engine.create('q', undefined, bench.now));
  const consumed = (): string => bench.consume('q')?.id ?? '(nothing)';

  test('an acknowledged message is gone, and a second ack is refused', () => {
    bench.publish('q', 'a');
    const id = consumed();
    bench.engine.ack('q', id, bench.now);
    expect(() => bench.engine.ack('q', id, bench.now)).toThrow(`Message not found: ${id}`);
    expect(() => bench.engine.nack('q', id, true, bench.now)).toThrow(`Message not found: ${id}`);
    bench.advance(60_000);
    expect(bench.consume('q')).toBeUndefined();
    expect(bench.store.snapshot()['queue.message']).toBeUndefined();
    expect(bench.store.snapshot()['queue.state']).toBeUndefined();
  });

  test('a message taken before a restart and acknowledged after it leaves no record behind', () => {
    const id = bench.publish('q', 'a');
    bench.consume('q');
    bench.restart();
    bench.engine.ack('q', id, bench.now);
    bench.restart();
    bench.sound();
    expect(Object.keys(bench.store.snapshot()).sort()).toEqual(['queue', 'queue.count']);
    expect(bench.engine.stats('q')).toMatchObject({ depth: 0, consumed: 1, acked: 1 });
  });

  test('only a message in flight in this very queue can be acknowledged', () => {
    bench.engine.create('other', undefined, bench.now);
    const id = bench.publish('q', 'a');
    expect(() => bench.engine.ack('q', id, bench.now)).toThrow('Message not found');
    consumed();
    expect(() => bench.engine.ack('other', id, bench.now)).toThrow('Message not found');
    expect(() => bench.engine.ack('none', id, bench.now)).toThrow('Queue not found: none');
    bench.engine.ack('q', id, bench.now);
  });

  test('a requeued message goes to the tail of its own priority with a grown retry count', () => {
    bench.publish('q', 'urgent', { priority: 9 });
    bench.publish('q', 'urgent too', { priority: 9 });
    bench.publish('q', 'idle', { priority: 1 });
    bench.engine.nack('q', consumed(), true, bench.now);
    expect(text(bench.consume('q'))).toBe('urgent too');
    const again = bench.consume('q');
    expect(text(again)).toBe('urgent');
    expect(again?.retryCount).toBe(1);
    expect(bench.drain('q')).toEqual(['idle']);
  });

  test('a message is delivered at most max_retries + 1 times', () => {
    bench.publish('q', 'a', { maxRetries: 2 });
    for (const retryCount of [0, 1, 2]) {
      const delivery = bench.consume('q');
      expect(delivery?.retryCount).toBe(retryCount);
      bench.engine.nack('q', delivery?.id ?? '', true, bench.now);
    }
    expect(bench.consume('q')).toBeUndefined();
    expect(bench.engine.stats('q')).toEqual({ ...ZERO, published: 1, consumed: 3, nacked: 3, deadLettered: 1 });
  });

  test('max_retries 0 is honoured, and the largest is kept', () => {
    bench.publish('q', 'a', { maxRetries: 0 });
    bench.engine.nack('q', consumed(), true, bench.now);
    expect(bench.engine.stats('q').deadLettered).toBe(1);
    bench.publish('q', 'b', { maxRetries: 4_294_967_295 });
    expect(bench.consume('q')?.maxRetries).toBe(4_294_967_295);
  });

  test('a rejected message is a dead letter at once', () => {
    bench.publish('q', 'a');
    bench.engine.nack('q', consumed(), false, bench.now);
    expect(bench.engine.stats('q')).toEqual({ ...ZERO, published: 1, consumed: 1, nacked: 1, deadLettered: 1 });
  });
});

describe('deadlines', () => {
  beforeEach(() => void bench.engine.create('q', undefined, bench.now));

  test('a message goes back at the millisecond of its deadline, not before', () => {
    const id = bench.publish('q', 'a');
    bench.consume('q');
    bench.advance(29_999);
    expect(bench.engine.stats('q')).toMatchObject({ depth: 0, consumers: 1, nacked: 0 });
    bench.advance(1);
    expect(bench.engine.stats('q')).toMatchObject({ depth: 1, consumers: 0, nacked: 1 });
    expect(bench.consume('q')).toMatchObject({ id, retryCount: 1 });
  });

  test('an ack at the deadline is refused, even before the timer came', () => {
    const id = bench.publish('q', 'a');
    bench.consume('q');
    bench.clock.advance(30_000);
    expect(() => bench.engine.ack('q', id, bench.now)).toThrow('Message not found');
    expect(bench.consume('q')?.id).toBe(id);
  });

  test('an ack after the deadline counts again once the message was redelivered', () => {
    const id = bench.publish('q', 'a');
    bench.consume('q');
    bench.advance(31_000);
    bench.consume('q', 'somebody else');
    bench.engine.ack('q', id, bench.now);
    expect(bench.engine.stats('q')).toMatchObject({ acked: 1, depth: 0, consumers: 0 });
  });

  test('a deadline of 0 seconds counts as one second', () => {
    bench.engine.create('zero', { ackDeadlineSecs: 0 }, bench.now);
    bench.publish('zero', 'a');
    bench.consume('zero');
    bench.advance(999);
    expect(bench.engine.stats('zero').depth).toBe(0);
    bench.advance(1);
    expect(bench.engine.stats('zero').depth).toBe(1);
  });

  test('an expiry with no retries left makes a dead letter', () => {
    bench.publish('q', 'a', { maxRetries: 0 });
    bench.consume('q');
    bench.advance(30_000);
    expect(bench.engine.stats('q')).toMatchObject({ depth: 0, nacked: 1, deadLettered: 1, consumers: 0 });
  });

  test('messages taken in one millisecond come back in the order they were taken', () => {
    const names = Array.from({ length: 50 }, (_, i) => String(i));
    for (const name of names) bench.publish('q', name);
    bench.engine.consumeBatch('q', 'w', 50, bench.now);
    bench.restart();
    bench.advance(30_000);
    expect(bench.drain('q')).toEqual(names);
  });

  test('of messages that end together, an extended one comes after those taken before its extension', () => {
    for (const name of ['a', 'b']) bench.publish('q', name);
    const a = bench.consume('q');
    bench.consume('q');
    bench.engine.extend('q', a?.id ?? '', 30_000, bench.now);
    bench.restart();
    bench.advance(30_000);
    expect(bench.drain('q')).toEqual(['b', 'a']);
  });

  test('more leases than one slice end together one slice at a time, and none is acknowledged late', () => {
    for (let i = 0; i < 2_500; i++) bench.publish('q', String(i));
    const ids = [1, 2, 3].flatMap(() => bench.engine.consumeBatch('q', 'w', 1_000, bench.now)).map(({ id }) => id);
    bench.clock.advance(30_000);
    bench.engine.tick(bench.now);
    expect(bench.engine.stats('q').depth).toBe(1_000);
    expect(bench.engine.nextDeadline()).toBe(bench.now + 1);
    expect(() => bench.engine.ack('q', ids.at(-1) ?? '', bench.now)).toThrow('Message not found');
    bench.advance(2);
    expect(bench.engine.stats('q')).toMatchObject({ depth: 2_500, consumers: 0 });
    bench.sound();
  });

  test('an extension moves the deadline later or sooner, counted from now', () => {
    const id = bench.publish('q', 'a');
    bench.consume('q');
    bench.advance(20_000);
    expect(bench.engine.extend('q', id, 30_000, bench.now)).toBe(bench.now + 30_000);
    bench.advance(29_999);
    expect(bench.engine.stats('q').depth).toBe(0);
    expect(bench.engine.extend('q', id, 1, bench.now)).toBe(bench.now + 1);
    bench.restart();
    bench.advance(1);
    expect(bench.engine.stats('q')).toMatchObject({ depth: 1, nacked: 1 });
    expect(() => bench.engine.extend('q', id, 1_000, bench.now)).toThrow('Message not found');
    expect(() => bench.engine.extend('q', id, 0, bench.now)).toThrow('extension must be from 1');
  });

  test('the alarm is off when there is nothing to wait for', () => {
    expect(bench.engine.nextDeadline()).toBe(Number.POSITIVE_INFINITY);
    const id = bench.publish('q', 'a');
    bench.consume('q');
    expect(bench.alarm.at).toBe(bench.now + 30_000);
    bench.engine.ack('q', id, bench.now);
    expect(bench.alarm.at).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('statistics', () => {
  test('count depth, consumers, deliveries and outcomes', () => {
    bench.engine.create('q', undefined, bench.now);
    expect(bench.engine.stats('q')).toEqual(ZERO);
    const [a, b] = ['1', '2', '3', '4'].map((name) => bench.publish('q', name));
    bench.consume('q', 'w1');
    bench.consume('q', 'w2');
    bench.consume('q', 'w2');
    expect(bench.engine.stats('q')).toEqual({ ...ZERO, depth: 1, consumers: 2, published: 4, consumed: 3 });
    bench.engine.ack('q', a ?? '', bench.now);
    bench.engine.nack('q', b ?? '', true, bench.now);
    expect(bench.engine.stats('q')).toEqual({
      depth: 2,
      consumers: 1,
      published: 4,
      consumed: 3,
      acked: 1,
      nacked: 1,
      deadLettered: 0,
    });
    expect(() => bench.engine.stats('none')).toThrow('Queue not found: none');
  });

  test('the detail of a queue and the totals of all of them', () => {
    bench.engine.create('q', { prefetch: 1 }, bench.now);
    bench.engine.create('other', undefined, bench.now);
    bench.publish('q', 'abc');
    bench.publish('q', 'de');
    bench.publish('q', 'f', { delayMs: 5_000 });
    bench.publish('other', 'gh');
    bench.consume('q');
    bench.advance(100);
    expect(bench.engine.detail('q', bench.now)).toMatchObject({
      name: 'q',
      createdAt: bench.now - 100,
      ready: 1,
      inFlight: 1,
      delayed: 1,
      dead: 0,
      bytes: 6,
      oldestReadyMs: 100,
      nextDeadline: bench.now + 4_900,
      waiting: 0,
      held: 0,
      subscriptions: 0,
    });
    expect(bench.engine.totals()).toMatchObject({
      queues: 2,
      ready: 2,
      inFlight: 1,
      delayed: 1,
      bytes: 8,
      published: 4,
    });
  });

  test('the oldest ready message is found across priorities', () => {
    bench.engine.create('q', undefined, bench.now);
    bench.publish('q', 'old and idle', { priority: 1 });
    bench.advance(50);
    bench.publish('q', 'new and urgent', { priority: 9 });
    bench.advance(10);
    expect(bench.engine.detail('q', bench.now).oldestReadyMs).toBe(60);
  });
});

describe('purge and delete', () => {
  beforeEach(() => void bench.engine.create('q', undefined, bench.now));

  test('a purge drops ready messages only and keeps the counters', () => {
    const a = bench.publish('q', 'a');
    bench.publish('q', 'b');
    bench.publish('q', 'later', { delayMs: 1_000 });
    bench.consume('q');
    expect(bench.engine.purge('q', bench.now)).toBe(1);
    expect(bench.engine.stats('q')).toEqual({ ...ZERO, published: 3, consumed: 1, consumers: 1 });
    bench.engine.nack('q', a, true, bench.now);
    bench.advance(1_000);
    expect(bench.drain('q')).toEqual(['a', 'later']);
    expect(() => bench.engine.purge('none', bench.now)).toThrow('Queue not found: none');
    bench.sound();
  });

  test('a delete drops everything, and a new queue of the name begins from nothing', () => {
    const a = bench.publish('q', 'a', { messageKey: 'k' });
    bench.publish('q', 'b');
    bench.consume('q');
    expect(bench.engine.delete('q', bench.now)).toBe(true);
    expect(bench.engine.delete('q', bench.now)).toBe(false);
    expect(bench.store.snapshot()).toEqual({});
    expect(bench.engine.nextDeadline()).toBe(Number.POSITIVE_INFINITY);
    bench.engine.create('q', { maxDepth: 3 }, bench.now);
    expect(() => bench.engine.ack('q', a, bench.now)).toThrow('Message not found');
    expect(bench.engine.stats('q')).toEqual(ZERO);
    expect(bench.publish('q', 'a', { messageKey: 'k' })).not.toBe(a);
    bench.sound();
  });

  test('a large purge or delete is over at once, and what is left of it goes in slices', () => {
    const fill = (): void => {
      for (let i = 0; i < 4_500; i++) bench.publish('q', 'x');
    };
    fill();
    const purged = bench.publish('q', 'purged');
    expect(bench.engine.purge('q', bench.now)).toBe(4_501);
    expect(() => bench.engine.explain('q', purged, bench.now)).toThrow('Message not found');
    bench.publish('q', 'kept');
    bench.sound();
    expect(Object.keys(bench.store.snapshot()['queue.message'] ?? {}).length).toBeGreaterThan(3_000);
    bench.restart(); // in the middle: what was purged must not come back
    bench.sound();
    expect(bench.drain('q')).toEqual(['kept']);
    fill();
    bench.engine.delete('q', bench.now);
    bench.engine.create('q', undefined, bench.now);
    bench.publish('q', 'of the new one');
    bench.restart();
    bench.sound();
    expect(bench.drain('q')).toEqual(['of the new one']);
    bench.advance(20);
    expect(Object.keys(bench.store.snapshot()['queue.message'] ?? {})).toHaveLength(1);
    expect(Object.keys(bench.store.snapshot()['queue.count'] ?? {})).toHaveLength(1);
  });

  test('a queue number is not used again while records of its former owner are left', () => {
    for (let i = 0; i < 3_500; i++) bench.publish('q', 'x');
    bench.engine.delete('q', bench.now);
    bench.restart();
    expect(Object.keys(bench.store.snapshot()['queue.message'] ?? {}).length).toBeGreaterThan(0);
    bench.engine.create('new', undefined, bench.now);
    bench.restart();
    expect(bench.engine.stats('new').depth).toBe(0);
    expect(bench.drain('new')).toEqual([]);
  });
});

describe('explain', () => {
  beforeEach(() => void bench.engine.create('q', { maxRetries: 1, prefetch: 1 }, bench.now));

  test('says of a ready message that nobody asks, or that all who ask are at their limit', () => {
    const id = bench.publish('q', 'a');
    expect(bench.engine.explain('q', id, bench.now)).toMatchObject({
      state: 'ready',
      attempts: 0,
      since: bench.now,
      holder: undefined,
      next: 'delivery',
      nextAt: undefined,
      why: expect.stringContaining('No consumer is waiting'),
    });
    bench.consume('q');
    const second = bench.publish('q', 'b');
    bench.engine.wait('q', 'w', 1, bench.now + 1_000, () => {}, bench.now);
    expect(bench.engine.explain('q', second, bench.now).why).toContain('as its limit allows');
  });

  test('says who holds a message until when and what happens then', () => {
    const id = bench.publish('q', 'a');
    bench.consume('q', 'me');
    bench.advance(10);
    expect(bench.engine.explain('q', id, bench.now)).toMatchObject({
      state: 'in_flight',
      holder: 'me',
      attempts: 1,
      retryCount: 0,
      since: bench.now - 10,
      deadline: bench.now + 29_990,
      next: 'requeue',
      nextAt: bench.now + 29_990,
    });
    bench.engine.nack('q', id, true, bench.now);
    bench.consume('q', 'you');
    expect(bench.engine.explain('q', id, bench.now)).toMatchObject({ holder: 'you', attempts: 2, next: 'dead_letter' });
    bench.engine.nack('q', id, true, bench.now);
    expect(bench.engine.explain('q', id, bench.now)).toMatchObject({
      state: 'dead',
      holder: 'you',
      attempts: 2,
      reason: 'retries_exhausted',
      next: 'none',
      why: expect.stringContaining('failed 2 times'),
    });
  });

  test('says when a delayed message becomes ready, and refuses what is not there', () => {
    const id = bench.publish('q', 'a', { delayMs: 500 });
    expect(bench.engine.explain('q', id, bench.now)).toMatchObject({
      state: 'delayed',
      next: 'becomes_ready',
      nextAt: bench.now + 500,
    });
    expect(() => bench.engine.explain('q', 'nope', bench.now)).toThrow('Message not found: nope');
    expect(() => bench.engine.explain('none', id, bench.now)).toThrow('Queue not found: none');
  });
});
