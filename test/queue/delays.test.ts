import { beforeEach, expect, test } from 'vitest';
import { Bench } from './support.ts';

let bench: Bench;
beforeEach(() => {
  bench = new Bench();
  bench.engine.create('q', { maxDepth: 3 }, bench.now);
});

test('a delayed message becomes ready at its millisecond, whether the timer came or not', () => {
  bench.publish('q', 'a', { delayMs: 100 });
  bench.clock.advance(99);
  expect(bench.consume('q')).toBeUndefined();
  bench.clock.advance(1);
  expect(bench.consume('q')).toMatchObject({ retryCount: 0, createdAt: bench.now - 100 });
});

test('the alarm is set for the soonest delay and is moved by a sooner one', () => {
  bench.publish('q', 'a', { delayMs: 100 });
  expect(bench.alarm.at).toBe(bench.now + 100);
  bench.publish('q', 'b', { delayMs: 50 });
  expect(bench.alarm.at).toBe(bench.now + 50);
  bench.advance(50);
  expect(bench.alarm.at).toBe(bench.now + 50);
});

test('delayed messages come in the order they are due, equal ones in the order they were sent, also after a restart', () => {
  bench.engine.create('wide', undefined, bench.now);
  for (const [name, delayMs] of [
    ['c', 200],
    ['a', 100],
    ['d', 200],
    ['b', 100],
    ['e', 200],
  ] as const)
    bench.publish('wide', name, { delayMs });
  bench.restart();
  bench.advance(200);
  expect(bench.drain('wide').join('')).toBe('abcde');
});

test('a delayed message waits behind what became ready before it', () => {
  bench.publish('q', 'delayed', { delayMs: 100 });
  bench.advance(50);
  bench.publish('q', 'sent later');
  bench.advance(50);
  expect(bench.drain('q')).toEqual(['sent later', 'delayed']);
});

test('delayed messages are no depth, have a cap of their own, and become ready beyond the depth limit', () => {
  for (const name of ['a', 'b', 'c']) bench.publish('q', name, { delayMs: 10 });
  expect(bench.engine.stats('q')).toMatchObject({ depth: 0, published: 3 });
  expect(() => bench.publish('q', 'd', { delayMs: 10 })).toThrow('Queue is full: q');
  for (const name of ['e', 'f', 'g']) bench.publish('q', name);
  expect(() => bench.publish('q', 'h')).toThrow('Queue is full: q');
  bench.advance(10);
  expect(bench.engine.stats('q').depth).toBe(6);
});

test('a delay of 0 is none', () => {
  bench.publish('q', 'a', { delayMs: 0 });
  expect(bench.engine.stats('q').depth).toBe(1);
});

test('a delayed message cannot be acknowledged, given back or extended', () => {
  const id = bench.publish('q', 'a', { delayMs: 10 });
  expect(() => bench.engine.ack('q', id, bench.now)).toThrow('Message not found');
  expect(() => bench.engine.nack('q', id, true, bench.now)).toThrow('Message not found');
  expect(() => bench.engine.extend('q', id, 10, bench.now)).toThrow('Message not found');
  bench.sound();
});

test('a delay that ended while the server was down ends at the start', () => {
  bench.publish('q', 'a', { delayMs: 100 });
  bench.clock.advance(5_000);
  bench.restart();
  bench.advance(0);
  expect(bench.engine.stats('q').depth).toBe(1);
  bench.sound();
});
