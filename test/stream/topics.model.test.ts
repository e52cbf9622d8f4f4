import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { RetentionPolicy } from '../../src/stream/types.ts';
import { runs, seed } from '../support/seed.ts';
import { topicRig } from './rig.ts';

/** Time goes in steps of ten seconds, so that a sweep, which may be a second late, is never late at a step. */
const STEP = 10_000;

/** CRC-32 bit by bit, as the standard defines it. */
function crc32(text: string): number {
  let crc = 0xffffffff;
  for (const byte of Buffer.from(text)) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return (crc ^ 0xffffffff) >>> 0;
}

interface NaiveEvent {
  offset: number;
  data: string;
  key: string | null;
  at: number;
  size: number;
}

class NaiveTopic {
  readonly partitions: { events: NaiveEvent[]; next: number }[];
  readonly policy: RetentionPolicy;
  constructor(count: number, policy: RetentionPolicy) {
    this.partitions = Array.from({ length: count }, () => ({ events: [], next: 0 }));
    this.policy = policy;
  }

  choose(key: string | null): number {
    if (key !== null) return crc32(key) % this.partitions.length;
    const counts = this.partitions.map(({ events }) => events.length);
    return counts.indexOf(Math.min(...counts));
  }

  trim(now: number): void {
    const { retentionSecs, maxBytes, maxMessages } = this.policy;
    for (const { events } of this.partitions) {
      const over = (): boolean =>
        (Boolean(retentionSecs) && (events[0] as NaiveEvent).at <= now - Number(retentionSecs) * 1000) ||
        (Boolean(maxBytes) && events.reduce((sum, { size }) => sum + size, 0) > Number(maxBytes)) ||
        (Boolean(maxMessages) && events.length > Number(maxMessages));
      while (events.length > 0 && over()) events.shift();
    }
  }
}

const topic = fc.constantFrom('a', 'bé');
const policy = fc.record({
  retentionSecs: fc.constantFrom(undefined, null, 0, 20, 300),
  maxBytes: fc.constantFrom(undefined, null, 0, 25n, 120),
  maxMessages: fc.constantFrom(undefined, null, 0, 1, 5),
});
const step = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('create' as const),
      topic,
      partitions: fc.integer({ min: 1, max: 5 }),
      policy: fc.option(policy, { nil: undefined }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('delete' as const), topic }) },
  {
    weight: 12,
    arbitrary: fc.record({
      do: fc.constant('publish' as const),
      topic,
      key: fc.option(fc.constantFrom('', 'k', 'key-2', 'é', 'ключ')),
      length: fc.nat(40),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('consume' as const),
      topic,
      partition: fc.nat(4),
      from: fc.oneof(fc.integer({ min: -3, max: 10 }), fc.constantFrom('earliest' as const, 'latest' as const)),
      limit: fc.nat(8),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('pass' as const), steps: fc.integer({ min: 1, max: 40 }) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('restart' as const) }) },
);

it('topics answer like plain arrays under any history, restarts included', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 20, maxLength: 120 }), (steps) => {
      const rig = topicRig({ retentionSecs: 100 });
      const topics = new Map<string, NaiveTopic>();
      for (const one of steps) {
        const { engine } = rig;
        const model = 'topic' in one ? topics.get(one.topic) : undefined;
        if (one.do === 'pass') {
          rig.pass(one.steps * STEP);
          for (const naive of topics.values()) naive.trim(rig.now);
        } else if (one.do === 'restart') {
          rig.restart();
        } else if (one.do === 'create') {
          const create = () => engine.create(one.topic, { partitions: one.partitions, retention: one.policy }, rig.now);
          if (model !== undefined) expect(create).toThrow('already exists');
          else {
            expect(create().partitions).toBe(one.partitions);
            topics.set(one.topic, new NaiveTopic(one.partitions, one.policy ?? { retentionSecs: 100 }));
          }
        } else if (model === undefined) {
          expect(() => engine.stats(one.topic, rig.now)).toThrow('not found');
        } else if (one.do === 'delete') {
          engine.delete(one.topic);
          topics.delete(one.topic);
        } else if (one.do === 'publish') {
          const number = model.choose(one.key);
          const partition = model.partitions[number] as NaiveTopic['partitions'][0];
          const data = `"${'x'.repeat(one.length)}"`;
          expect(engine.publish(one.topic, 'e', data, one.key, undefined, rig.now)).toEqual({
            partition: number,
            offset: partition.next,
          });
          const size = Buffer.byteLength(data + (one.key ?? '') + one.topic) + 1;
          partition.events.push({ offset: partition.next++, data, key: one.key, at: rig.now, size });
          model.trim(rig.now);
        } else {
          const partition = model.partitions[one.partition];
          if (partition === undefined) {
            expect(() => engine.consume(one.topic, one.partition, one.from, one.limit)).toThrow(
              `Partition ${one.partition} not found`,
            );
            continue;
          }
          const base = partition.events[0]?.offset ?? partition.next;
          const from = typeof one.from === 'number' ? Math.max(0, base + one.from) : one.from;
          const start = from === 'earliest' ? base : from === 'latest' ? partition.next : from;
          const expected = partition.events.filter(({ offset }) => offset >= start).slice(0, one.limit);
          const { events, ...rest } = engine.consume(one.topic, one.partition, from, one.limit);
          expect(events.map(({ offset, data, key, size }) => ({ offset, data, key, size }))).toEqual(
            expected.map(({ offset, data, key, size }) => ({ offset, data, key, size })),
          );
          const nextOffset = (expected.at(-1)?.offset ?? start - 1) + 1;
          expect(rest).toEqual(start < base ? { nextOffset, earliestOffset: base } : { nextOffset });
        }

        expect(rig.engine.check()).toEqual([]);
        expect(rig.engine.list().sort()).toEqual([...topics.keys()].sort());
        for (const [name, naive] of topics) {
          expect(rig.engine.stats(name, rig.now)).toMatchObject(
            naive.partitions.map(({ events, next }, partition) => ({
              partition,
              messageCount: events.length,
              minOffset: events[0]?.offset ?? next,
              maxOffset: events.at(-1)?.offset ?? 0,
              totalBytes: events.reduce((sum, { size }) => sum + size, 0),
            })),
          );
          for (const [partition, { next }] of naive.partitions.entries())
            expect(rig.engine.endOffset(name, partition)).toBe(next);
        }
      }
    }),
    { seed, numRuns: runs(250) },
  );
});
