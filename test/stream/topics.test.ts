import { describe, expect, it } from 'vitest';
import { LIMITS } from '../../src/core/limits.ts';
import type { RetentionPolicy, TopicRead } from '../../src/stream/types.ts';
import { refusal, topicRig } from './rig.ts';

const offsets = (read: TopicRead): number[] => read.events.map(({ offset }) => offset);

/** A topic `t` of one partition. */
function single(retention?: RetentionPolicy, options?: Parameters<typeof topicRig>[0]) {
  const rig = topicRig(options);
  rig.engine.create('t', { partitions: 1, retention }, rig.now);
  const publish = (times = 1, data = '1'): void => {
    for (let i = 0; i < times; i++) rig.engine.publish('t', 'e', data, undefined, undefined, rig.now);
  };
  return { rig, engine: rig.engine, publish };
}

describe('a topic', () => {
  it('has three partitions and a replication factor of one unless told otherwise', () => {
    const { engine, now } = topicRig();
    expect(engine.create('t', {}, now)).toMatchObject({ partitions: 3, replicationFactor: 1, segmentBytes: null });
    expect(engine.create('u', { partitions: 5, replicationFactor: 3, segmentBytes: 1024n }, now)).toMatchObject({
      partitions: 5,
      replicationFactor: 3,
      segmentBytes: 1024n,
    });
    expect(engine.stats('t', now)).toHaveLength(3);
    expect(engine.info('u').partitions).toBe(5);
    expect(engine.list()).toEqual(['t', 'u']);
  });

  it('is created once, and keeps what it was created with', () => {
    const { engine, now } = topicRig();
    engine.create('t', {}, now);
    expect(refusal(() => engine.create('t', { partitions: 1 }, now))).toBe("Invalid request: Topic 't' already exists");
    expect(engine.stats('t', now)).toHaveLength(3);
  });

  it('refuses no partitions and absurdly many', () => {
    const { engine, now } = topicRig();
    for (const partitions of [0, LIMITS.partitions + 1, 1e12, 18446744073709551615n])
      expect(refusal(() => engine.create('t', { partitions }, now))).toBe(
        'Invalid value: num_partitions must be from 1 to 1024',
      );
    expect(engine.create('t', { partitions: LIMITS.partitions }, now).partitions).toBe(1024);
  });

  it('refuses more partitions than the server has in all', () => {
    const { engine, now } = topicRig();
    for (let i = 0; i < 97; i++) engine.create(`t${i}`, { partitions: 1024 }, now);
    expect(refusal(() => engine.create('more', { partitions: 1024 }, now))).toBe(
      'Quota exceeded: topics may have 100000 partitions in all',
    );
    engine.delete('t0');
    expect(engine.create('more', { partitions: 1024 }, now).partitions).toBe(1024);
    expect(engine.totals()).toMatchObject({ topics: 97, partitions: 97 * 1024 });
  });

  it('is unknown before it is created and after it was deleted, and so are partitions it does not have', () => {
    const { engine, now } = topicRig();
    const unknown = "Invalid request: Topic 't' not found";
    expect(refusal(() => engine.consume('t', 99, 0, 1))).toBe(unknown);
    expect(refusal(() => engine.publish('t', 'e', '1', undefined, undefined, now))).toBe(unknown);
    engine.create('t', {}, now);
    for (const partition of [3, 99, 18446744073709, 18446744073709551615n])
      expect(refusal(() => engine.consume('t', partition, 0, 1))).toBe(
        `Invalid request: Partition ${partition} not found`,
      );
    engine.delete('t');
    for (const work of [() => engine.delete('t'), () => engine.stats('t', now), () => engine.info('t')])
      expect(refusal(work)).toBe(unknown);
    expect([engine.endOffset('t', 0), engine.earliestOffset('t', 0)]).toEqual([undefined, undefined]);
  });

  it('refuses a name that is too long', () => {
    const { engine, now } = topicRig();
    expect(refusal(() => engine.create('é'.repeat(513), {}, now))).toBe(
      'Invalid value: topic must have at most 1024 bytes',
    );
    engine.create('é'.repeat(512), {}, now);
  });

  it('chooses the partition of a key by its CRC-32', () => {
    const { engine, now } = topicRig();
    engine.create('t', {}, now);
    engine.create('many', { partitions: 64 }, now);
    const where = (topic: string, key: string) => engine.publish(topic, 'e', '1', key, undefined, now).partition;
    expect(['user-42', 'order-7', '', 'user-42'].map((key) => where('t', key))).toEqual([1, 2, 0, 1]);
    expect(['user-42', 'order-7', '', 'é'].map((key) => where('many', key))).toEqual([51, 26, 0, 62]);
  });

  it('gives an event without a key to the partition with the fewest, the first of several', () => {
    const { engine, now } = topicRig();
    engine.create('t', {}, now);
    const publish = (key?: string | null) => engine.publish('t', 'e', '1', key, undefined, now);
    publish('');
    publish('');
    expect([publish(), publish(), publish(null), publish(), publish()].map(({ partition }) => partition)).toEqual([
      1, 2, 1, 2, 0,
    ]);
  });

  it('counts the fewest by what is buffered, not by what was published', () => {
    const { engine, now } = topicRig();
    engine.create('t', { partitions: 2, retention: { maxMessages: 1 } }, now);
    const publish = (key?: string) => engine.publish('t', 'e', '1', key, undefined, now).partition;
    expect([publish('order-7'), publish('order-7'), publish(), publish(), publish()]).toEqual([0, 0, 1, 0, 0]);
  });

  it('numbers each partition from 0 and answers events with key, metadata and size', () => {
    const { engine, now } = topicRig();
    engine.create('orders', {}, now);
    engine.publish('orders', 'order.new', '{}', 'aé', undefined, now);
    const { partition } = engine.publish('orders', 'e', '"x"', 'aé', { k: 'v' }, now + 1);
    const { events, nextOffset } = engine.consume('orders', partition, 0, 100);
    expect(events).toMatchObject([
      { offset: 0, partition, key: 'aé', event: 'order.new', data: '{}', metadata: {}, size: 20, timestamp: now },
      { offset: 1, partition, key: 'aé', event: 'e', data: '"x"', metadata: { k: 'v' }, size: 15 },
    ]);
    expect(nextOffset).toBe(2);
    expect(engine.stats('orders', now)[partition]).toMatchObject({ messageCount: 2, maxOffset: 1, totalBytes: 35 });
  });

  it('reads from an offset up to a limit of at most a thousand', () => {
    const { engine, publish } = single();
    publish(1200);
    expect(engine.consume('t', 0, 0, 1e9).events).toHaveLength(1000);
    expect(offsets(engine.consume('t', 0, 1, 2))).toEqual([1, 2]);
    expect(engine.consume('t', 0, 5, 0)).toEqual({ events: [], nextOffset: 5 });
    const huge = 18446744073709551615n;
    expect(engine.consume('t', 0, huge, huge)).toEqual({ events: [], nextOffset: huge });
  });

  it('resumes at the oldest event below retention and says where that is', () => {
    const { engine, publish } = single({ maxMessages: 2 });
    publish(5);
    const read = engine.consume('t', 0, 1, 10);
    expect([offsets(read), read.nextOffset, read.earliestOffset]).toEqual([[3, 4], 5, 3]);
    expect(engine.consume('t', 0, 3, 10)).not.toHaveProperty('earliestOffset');
    expect(engine.consume('t', 0, 'earliest', 10)).not.toHaveProperty('earliestOffset');
    expect(offsets(engine.consume('t', 0, 'earliest', 10))).toEqual([3, 4]);
    expect(engine.consume('t', 0, 'latest', 10)).toEqual({ events: [], nextOffset: 5 });
  });
});

describe('retention of a topic', () => {
  it('keeps at most so many events, bytes or seconds, exactly at each publish', () => {
    const counted = single({ maxMessages: 3 });
    counted.publish(10);
    expect(counted.engine.stats('t', counted.rig.now)[0]).toMatchObject({
      messageCount: 3,
      minOffset: 7,
      maxOffset: 9,
    });
    const sized = single({ maxBytes: 10n });
    sized.publish(10);
    expect(sized.engine.stats('t', sized.rig.now)[0]).toMatchObject({ messageCount: 3, totalBytes: 9 });
    const timed = single({ retentionSecs: 60 });
    timed.publish(2);
    timed.rig.clock.advance(60_000);
    timed.publish(1);
    expect(timed.engine.stats('t', timed.rig.now)[0]).toMatchObject({ messageCount: 1, minOffset: 2 });
  });

  it('combines limits, the tightest rules', () => {
    const { engine, rig, publish } = single({ retentionSecs: 60, maxBytes: 1000, maxMessages: 5 });
    publish(10);
    expect(engine.stats('t', rig.now)[0]?.messageCount).toBe(5);
    publish(1, `"${'x'.repeat(986)}"`);
    expect(engine.stats('t', rig.now)[0]).toMatchObject({ messageCount: 4, totalBytes: 999 });
    rig.pass(60_000);
    expect(engine.stats('t', rig.now)[0]?.messageCount).toBe(0);
  });

  it('takes 0, null and nothing for unlimited', () => {
    for (const retention of [{}, { retentionSecs: 0 }, { maxMessages: 0, maxBytes: 0 }, { maxBytes: null }]) {
      const { engine, rig, publish } = single(retention);
      publish(10);
      rig.pass(365 * 24 * 3_600_000);
      publish(1);
      expect(engine.stats('t', rig.now)[0]?.messageCount).toBe(11);
    }
  });

  it('keeps an hour when no policy was named', () => {
    const { engine, rig, publish } = single();
    publish(1);
    rig.pass(3_599_999);
    expect(engine.stats('t', rig.now)[0]?.messageCount).toBe(1);
    rig.pass(1);
    expect(engine.stats('t', rig.now)[0]).toMatchObject({ messageCount: 0, minOffset: 1, maxOffset: 0 });
  });

  it('goes on where it was when a partition was emptied, also after a restart', () => {
    const { engine, rig, publish } = single({ maxBytes: 50 });
    publish(3);
    publish(1, `"${'x'.repeat(100)}"`);
    expect(engine.stats('t', rig.now)[0]).toMatchObject({ messageCount: 0, minOffset: 4, totalBytes: 0 });
    expect(engine.consume('t', 0, 0, 10)).toEqual({ events: [], nextOffset: 0, earliestOffset: 4 });
    const again = rig.restart();
    expect(again.publish('t', 'e', '1', undefined, undefined, rig.now)).toEqual({ partition: 0, offset: 4 });
    expect(again.check()).toEqual([]);
  });

  it('says how many seconds ago it was applied', () => {
    const { engine, rig, publish } = single();
    rig.clock.advance(4999);
    expect(engine.stats('t', rig.now)[0]?.lastCompaction).toBe(4);
    publish();
    expect(engine.stats('t', rig.now)[0]?.lastCompaction).toBe(0);
  });

  it('refuses a publish beyond the bytes of all topics, and makes room by age first', () => {
    const { engine, rig, publish } = single({ retentionSecs: 1 }, { maxBytes: 10 });
    publish(3);
    expect(refusal(() => publish())).toBe('Memory limit exceeded');
    rig.clock.advance(1000);
    publish();
    expect(engine.totals()).toMatchObject({ events: 1, bytes: 3 });
  });
});

describe('a read of a partition that waits', () => {
  it('is answered by the event it waits for, by its deadline, or by the end of the topic', () => {
    const { engine, rig, publish } = single();
    const seen: string[] = [];
    const wait = (name: string, from: number | 'latest') =>
      engine.wait(
        't',
        0,
        from,
        10,
        rig.now + 100,
        {
          answer: (read) => seen.push(`${name} ${offsets(read)}`),
          refuse: (error) => seen.push(`${name} ${error.message}`),
        },
        rig.now,
      );
    wait('next', 0);
    wait('ahead', 2);
    const cancelled = wait('cancelled', 0);
    cancelled.cancel();
    publish();
    wait('there', 0);
    rig.pass(100);
    wait('last', 'latest');
    engine.delete('t');
    expect(seen).toEqual(['next 0', 'there 0', 'ahead ', "last Invalid request: Topic 't' not found"]);
    expect(engine.totals().waiting).toBe(0);
    expect(engine.check()).toEqual([]);
  });

  it('gets its event although the partition keeps only the newest', () => {
    const { engine, rig, publish } = single({ maxMessages: 1 });
    const seen: number[][] = [];
    for (let i = 0; i < 5; i++)
      engine.wait(
        't',
        0,
        0,
        1,
        rig.now + 100,
        {
          answer: (read) => {
            seen.push(offsets(read));
            if (seen.length === 1) publish(2);
          },
          refuse: () => {},
        },
        rig.now,
      );
    publish();
    expect(seen).toEqual(Array(5).fill([0]));
    expect(engine.stats('t', rig.now)[0]).toMatchObject({ messageCount: 1, minOffset: 2 });
  });

  it('may delete the topic from within its answer', () => {
    const { engine, rig, publish } = single({ maxMessages: 1 });
    publish();
    const reply = { answer: () => engine.delete('t'), refuse: () => {} };
    engine.wait('t', 0, 1, 1, rig.now + 100, reply, rig.now);
    publish();
    expect(engine.totals()).toEqual({ topics: 0, partitions: 0, events: 0, bytes: 0, waiting: 0 });
    rig.pass(10);
    expect(rig.store.tables.get('topic.event')?.size).toBe(0);
  });
});

describe('a restart of topics', () => {
  it('keeps configuration, events and offsets', () => {
    const rig = topicRig();
    const { engine } = rig;
    engine.create(
      't',
      { partitions: 4, replicationFactor: 2, segmentBytes: 7, retention: { maxMessages: 5 } },
      rig.now,
    );
    for (let i = 0; i < 50; i++) engine.publish('t', 'e', String(i), `k${i}`, { n: String(i) }, rig.now + i);
    const stats = engine.stats('t', rig.now);
    const reads = stats.map(({ partition }) => engine.consume('t', partition, 'earliest', 100));
    const info = engine.info('t');
    const again = rig.restart();
    expect(again.stats('t', rig.now)).toEqual(stats);
    expect(stats.map(({ partition }) => again.consume('t', partition, 'earliest', 100))).toEqual(reads);
    expect(again.info('t')).toEqual(info);
    expect(again.check()).toEqual([]);
  });

  it('does not mix a topic with an earlier one of its name whose records still wait for removal', () => {
    const rig = topicRig();
    const { engine } = rig;
    engine.create('t', { partitions: 2 }, rig.now);
    for (let i = 0; i < 5000; i++) engine.publish('t', 'e', '"old"', undefined, undefined, rig.now);
    engine.delete('t');
    engine.create('t', { partitions: 1 }, rig.now);
    engine.publish('t', 'e', '"new"', undefined, undefined, rig.now);
    const again = rig.restart();
    expect(again.consume('t', 0, 0, 10).events).toMatchObject([{ offset: 0, data: '"new"' }]);
    rig.pass(100);
    expect(rig.store.tables.get('topic.event')?.size).toBe(1);
    expect(again.info('t').generation).toBe(rig.now - 100 + 1);
  });

  it('frees the memory of a deleted topic at once and its records bit by bit', () => {
    const { engine, rig, publish } = single({ retentionSecs: 10 });
    publish(1);
    rig.pass(10_000);
    publish(10_000);
    expect(rig.store.tables.get('topic.partition')?.size).toBe(1);
    engine.delete('t');
    expect(engine.totals()).toEqual({ topics: 0, partitions: 0, events: 0, bytes: 0, waiting: 0 });
    rig.pass(0);
    const left = rig.store.tables.get('topic.event')?.size ?? 0;
    expect(left).toBeGreaterThan(7000);
    rig.pass(10);
    for (const table of ['topic', 'topic.partition', 'topic.event']) expect(rig.store.tables.get(table)?.size).toBe(0);
    expect(engine.nextDeadline()).toBe(Number.POSITIVE_INFINITY);
  });
});
