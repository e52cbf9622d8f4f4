/**
 * What a publish looks at does not grow with the number of subscriptions that have nothing to do with its topic. Counted
 * in nodes and glob paths visited, which do not depend on the machine.
 */
import { describe, expect, test } from 'vitest';
import { seededIds } from '../../src/core/ids.ts';
import { LIMITS } from '../../src/core/limits.ts';
import { PubSubEngine } from '../../src/pubsub/engine.ts';

/** An engine with the patterns `pattern(0)` to `pattern(count - 1)`. */
function filled(count: number, pattern: (n: number) => string): PubSubEngine {
  const engine = new PubSubEngine(seededIds(1), LIMITS);
  for (let i = 0; i < count; i += 100)
    engine.subscribe(
      Array.from({ length: 100 }, (_, k) => pattern(i + k)),
      {},
      0,
    );
  return engine;
}

/** What one publish to a topic not published to before visits; it must match `matched` subscribers. */
function cost(engine: PubSubEngine, topic: string, matched: number): number {
  const before = engine.visited;
  expect(engine.publish(topic, null, null, undefined, 0).subscribersMatched).toBe(matched);
  return engine.visited - before;
}

describe('a publish visits as much among a hundred patterns as among thirty thousand', () => {
  test.each<[string, (n: number) => string, string, number]>([
    ['literal levels', (n) => `user.${n}.#`, 'user.42.x.y', 1],
    ['a star before a literal level', (n) => `*.${n}`, 'user.42', 1],
    ['stars after a literal level', (n) => `u${n}.*.*`, 'u42.x.y', 1],
    ['globs by their start', (n) => `user:${n}:*`, 'user:42:x', 1],
    ['globs by their end', (n) => `*:${n}`, 'user:42', 1],
    ['globs with the same start by their end', (n) => `user:*:${n}`, 'user:x:42', 1],
    ['globs with the same start and end by what is between', (n) => `s*-${n}-*t`, 's..-42-..t'.replaceAll('.', '_'), 1],
    ['globs by their second piece between', (n) => `*a*-${n}-*`, 'xax-42-x', 1],
    ['key watchers', (n) => `__watch@0__:user:${n}:*`, '__watch@0__:user:42:x', 1],
    ['globs, where none matches', (n) => `user:${n}:*`, 'order:42:x', 0],
  ])('of %s', (_, pattern, topic, matched) => {
    const few = filled(100, pattern);
    const many = filled(30_000, pattern);
    const visited = cost(few, topic, matched);
    expect(cost(many, topic, matched)).toBe(visited);
    expect(visited).toBeLessThan(12);
  });
});

test('a publish to an exact topic visits nothing, whatever else is subscribed to exactly', () => {
  const engine = filled(30_000, (n) => `user.${n}`);
  expect(cost(engine, 'user.42', 1)).toBe(0);
});

test('a topic within the bounds visits a bounded number of nodes, however its levels could be read', () => {
  // every pattern of two kinds of levels, six deep: all agree with the topic, and only those are visited
  const engine = filled(100, (n) => `z${n}.*`);
  for (let bits = 0; bits < 64; bits++) {
    const levels = Array.from({ length: 6 }, (_, i) => ((bits >> i) & 1 ? 'a' : '*'));
    engine.subscribe([`${levels.join('.')}.nothing.#`], {}, 0);
  }
  expect(cost(engine, `${'a.'.repeat(6)}a`, 0)).toBe(1 + 2 + 4 + 8 + 16 + 32 + 64);
});

test('the longest topic against the most twisted glob is read once', () => {
  const engine = new PubSubEngine(seededIds(1), LIMITS);
  const stars = `${'*a'.repeat(16_000)}*b`;
  engine.subscribe([stars, `${stars}*`], {}, 0);
  const topic = 'a'.repeat(LIMITS.topicBytes - 1);
  expect(cost(engine, topic, 0)).toBeLessThan(40_000);
  expect(cost(engine, `${topic}b`, 1)).toBeLessThan(40_000);
});
