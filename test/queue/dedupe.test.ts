import { beforeEach, expect, test } from 'vitest';
import { type KeyEntry, KeyWindow } from '../../src/queue/key-window.ts';
import { ShardedMap } from '../../src/queue/sharded-map.ts';
import { RecordingStore } from '../support/recorder.ts';
import { Bench, bytes } from './support.ts';

let bench: Bench;
beforeEach(() => {
  bench = new Bench({ dedupeMs: 10_000 });
  bench.clock.advance(300); // between two whole seconds, on which keys are forgotten
  bench.engine.create('q', undefined, bench.now);
});

test('a second publish with the same key answers the first id and stores nothing', () => {
  const first = bench.publish('q', 'a', { messageKey: 'k' });
  expect(bench.publish('q', 'b', { messageKey: 'k' })).toBe(first);
  expect(bench.publish('q', 'b', { messageKey: 'other' })).not.toBe(first);
  expect(bench.engine.stats('q')).toMatchObject({ depth: 2, published: 2 });
  expect(bench.engine.detail('q', bench.now)).toMatchObject({ duplicates: 1, keys: 2 });
});

test('the key is remembered for the window, counted from the first publish, to the millisecond', () => {
  const first = bench.publish('q', 'a', { messageKey: 'k' });
  bench.advance(9_999);
  expect(bench.publish('q', 'b', { messageKey: 'k' })).toBe(first);
  bench.advance(1);
  expect(bench.publish('q', 'c', { messageKey: 'k' })).not.toBe(first);
});

test('the key outlives its message and a restart', () => {
  const first = bench.publish('q', 'a', { messageKey: 'k' });
  bench.consume('q');
  bench.engine.ack('q', first, bench.now);
  bench.restart();
  expect(bench.publish('q', 'b', { messageKey: 'k' })).toBe(first);
  expect(bench.engine.stats('q').depth).toBe(0);
  bench.advance(11_000);
  expect(bench.store.snapshot()['queue.key']).toBeUndefined();
  expect(bench.engine.detail('q', bench.now).keys).toBe(0);
});

test('a key taken anew in the same second as it expired is not forgotten with its former entry', () => {
  bench.publish('q', 'a', { messageKey: 'k' });
  bench.clock.advance(10_000);
  const second = bench.publish('q', 'b', { messageKey: 'k' });
  bench.advance(2_000);
  expect(bench.publish('q', 'c', { messageKey: 'k' })).toBe(second);
  bench.restart();
  expect(bench.publish('q', 'c', { messageKey: 'k' })).toBe(second);
});

test('keys are forgotten in the order they came, also after a restart', () => {
  bench.publish('q', 'a', { messageKey: 'z' });
  bench.advance(5_000);
  bench.publish('q', 'b', { messageKey: 'a' });
  bench.restart();
  bench.advance(6_000);
  expect(bench.engine.detail('q', bench.now).keys).toBe(1);
  expect(Object.keys(bench.store.snapshot()['queue.key'] ?? {})).toEqual(['1:a']);
});

test('keys belong to their queue, and a window of 0 remembers none', () => {
  bench.engine.create('other', undefined, bench.now);
  bench.engine.create('off', { dedupeMs: 0 }, bench.now);
  const first = bench.publish('q', 'a', { messageKey: 'k' });
  expect(bench.publish('other', 'a', { messageKey: 'k' })).not.toBe(first);
  const batch = ['a', 'b'].map((name) => ({ payload: bytes(name), messageKey: 'k' }));
  expect(new Set(bench.engine.publishBatch('off', batch, bench.now)).size).toBe(2);
  expect(bench.store.snapshot()['queue.key']).toMatchObject({ '1:k': expect.anything(), '2:k': expect.anything() });
});

test('a duplicate is answered although the queue is full', () => {
  bench.engine.create('small', { maxDepth: 1 }, bench.now);
  const first = bench.publish('small', 'a', { messageKey: 'k' });
  expect(bench.publish('small', 'a', { messageKey: 'k' })).toBe(first);
  expect(() => bench.publish('small', 'b', { messageKey: 'l' })).toThrow('full');
  expect(() => bench.publish('small', 'b', { messageKey: 'l' })).toThrow('full');
});

test('a batch finds duplicates of older messages and of its own, and they need no room', () => {
  bench.engine.create('small', { maxDepth: 2 }, bench.now);
  const first = bench.publish('small', 'a', { messageKey: 'k' });
  const [again, fresh, twin] = bench.engine.publishBatch(
    'small',
    ['k', 'l', 'l'].map((messageKey) => ({ payload: bytes('x'), messageKey })),
    bench.now,
  );
  expect(again).toBe(first);
  expect(twin).toBe(fresh);
  expect(bench.engine.stats('small').depth).toBe(2);
});

test('a delayed message with a key is delayed once', () => {
  const first = bench.publish('q', 'a', { messageKey: 'k', delayMs: 100 });
  expect(bench.publish('q', 'a', { messageKey: 'k' })).toBe(first);
  expect(bench.engine.detail('q', bench.now)).toMatchObject({ delayed: 1, ready: 0 });
});

test('the number of keys is bounded: the oldest is forgotten early', () => {
  const store = new RecordingStore();
  const window = new KeyWindow(store, new ShardedMap<KeyEntry>(), 1, 60_000, 100);
  for (let i = 0; i <= 100; i++) window.add(`key ${i}`, String(i), bench.now);
  expect(window.size).toBe(100);
  expect(window.find('key 0', bench.now)).toBeUndefined();
  expect(window.find('key 1', bench.now)).toBe('1');
  expect(window.find('key 100', bench.now)).toBe('100');
  expect(store.tables.get('queue.key')?.size).toBe(100);
});
