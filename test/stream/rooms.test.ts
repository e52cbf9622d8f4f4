import { describe, expect, it } from 'vitest';
import { LIMITS } from '../../src/core/limits.ts';
import type { RoomRead } from '../../src/stream/types.ts';
import { refusal, roomRig } from './rig.ts';

const offsets = (read: RoomRead): number[] => read.events.map(({ offset }) => offset);

/** A room `r` with `count` events. */
function filled(count: number, maxEvents?: number, options?: Parameters<typeof roomRig>[0]) {
  const rig = roomRig(options);
  rig.engine.create('r', { maxEvents }, rig.now);
  for (let i = 0; i < count; i++) rig.engine.publish('r', 'e', String(i), undefined, rig.now);
  return rig;
}

describe('a room', () => {
  it('is created once, and get-or-create says whether it did', () => {
    const { engine, now } = roomRig();
    expect(engine.getOrCreate('r', {}, now)).toBe(true);
    expect(engine.getOrCreate('r', {}, now)).toBe(false);
    expect(refusal(() => engine.create('r', {}, now))).toBe("Invalid request: Room 'r' already exists");
    expect(engine.list()).toEqual(['r']);
  });

  it('is not made by a publish, and unknown to every operation before it is created', () => {
    const { engine, now } = roomRig();
    const reply = { answer: () => {}, refuse: () => {} };
    const sink = { event: () => true, error: () => {} };
    for (const work of [
      () => engine.publish('r', 'e', '1', undefined, now),
      () => engine.consume('r', 's', 0, 10, now),
      () => engine.wait('r', 's', 0, 10, now + 1000, reply, now),
      () => engine.subscribe('r', 's', 0, sink, now),
      () => engine.stats('r'),
      () => engine.delete('r'),
    ])
      expect(refusal(work)).toBe("Invalid request: Room 'r' not found");
  });

  it('numbers events from 0 and answers them as they were published', () => {
    const { engine, now } = roomRig();
    engine.create('r', {}, now);
    expect(engine.publish('r', 'a', '{"x":1}', { k: 'v' }, now)).toBe(0);
    expect(engine.publish('r', 'b', '2', undefined, now + 5)).toBe(1);
    const { events, nextOffset } = engine.consume('r', 's', 0, 100, now);
    expect(nextOffset).toBe(2);
    expect(events).toMatchObject([
      { offset: 0, event: 'a', data: '{"x":1}', metadata: { k: 'v' }, timestamp: now },
      { offset: 1, event: 'b', data: '2', metadata: {}, timestamp: now + 5 },
    ]);
    expect(events[0]?.id).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    expect(events[0]?.id).not.toBe(events[1]?.id);
  });

  it('reads from an offset up to a limit and says where to go on', () => {
    const { engine, now } = filled(3);
    const read = (from: number, limit: number) => {
      const answer = engine.consume('r', 's', from, limit, now);
      return [offsets(answer), answer.nextOffset];
    };
    expect(read(0, 2)).toEqual([[0, 1], 2]);
    expect(read(2, 5)).toEqual([[2], 3]);
    expect(read(1, 0)).toEqual([[], 1]);
    expect(read(3, 9)).toEqual([[], 3]);
    expect(read(7, 9)).toEqual([[], 7]);
  });

  it('echoes the largest u64 and takes any limit', () => {
    const { engine, now } = filled(2);
    const huge = 18446744073709551615n;
    expect(engine.consume('r', 's', huge, huge, now)).toEqual({ events: [], nextOffset: huge });
    expect(offsets(engine.consume('r', 's', 0, huge, now))).toEqual([0, 1]);
  });

  it('reads at most the cap of events and of bytes at once', () => {
    const { engine, now } = roomRig({ maxEvents: 0 });
    engine.create('r', {}, now);
    for (let i = 0; i <= LIMITS.roomRead; i++) engine.publish('r', 'e', '1', undefined, now);
    expect(engine.consume('r', 's', 0, 1e9, now).events).toHaveLength(LIMITS.roomRead);
    engine.create('big', {}, now);
    const mega = `"${'x'.repeat(1024 * 1024)}"`;
    for (let i = 0; i < 20; i++) engine.publish('big', 'e', mega, undefined, now);
    expect(engine.consume('big', 's', 0, 20, now).events).toHaveLength(LIMITS.readBytes / (1024 * 1024));
  });

  it('reads from the earliest and the latest event by name', () => {
    const { engine, now } = filled(5, 3);
    expect(offsets(engine.consume('r', 's', 'earliest', 10, now))).toEqual([2, 3, 4]);
    expect(engine.consume('r', 's', 'latest', 10, now)).toEqual({ events: [], nextOffset: 5 });
  });

  it('counts subscribers, what they took, and everything published', () => {
    const { engine, now } = filled(2);
    engine.consume('r', 's1', 0, 100, now);
    engine.consume('r', 's2', 0, 100, now);
    engine.consume('r', 's1', 1, 100, now);
    engine.consume('r', 's3', 2, 100, now);
    expect(engine.stats('r')).toEqual({
      name: 'r',
      messageCount: 2,
      minOffset: 0,
      maxOffset: 1,
      subscriberCount: 3,
      totalPublished: 2,
      totalConsumed: 5,
      dropped: 0,
      createdAt: now,
      generation: now,
    });
  });

  it('refuses names that are too long', () => {
    const { engine, now } = filled(1);
    expect(refusal(() => engine.create('x'.repeat(1025), {}, now))).toContain('room must have at most 1024 bytes');
    expect(refusal(() => engine.consume('r', 'x'.repeat(1025), 0, 1, now))).toBe(
      'Invalid value: subscriber_id must have at most 1024 bytes',
    );
    expect(engine.stats('r')).toMatchObject({ subscriberCount: 0, totalConsumed: 0 });
  });

  it('counts nothing and nobody for a read that failed', () => {
    const { engine, now } = filled(3, 1);
    expect(refusal(() => engine.consume('r', 's', 0, 10, now))).toBe(
      'Invalid request: Stream offset 0 out of range; earliest retained offset is 2',
    );
    expect(engine.stats('r')).toMatchObject({ subscriberCount: 0, totalConsumed: 0 });
  });

  it('gets a larger generation each time it is created, also in one millisecond and when the clock was set back', () => {
    const { engine, now } = roomRig();
    const generations: number[] = [];
    for (const at of [now, now, now - 5000, now + 10]) {
      engine.create('r', {}, at);
      generations.push(engine.stats('r').generation);
      engine.publish('r', 'e', '1', undefined, at);
      engine.delete('r');
    }
    expect(generations).toEqual([now, now + 1, now + 2, now + 10]);
  });

  it('starts at offset 0 again when it is created again', () => {
    const rig = filled(3);
    rig.engine.delete('r');
    rig.engine.create('r', {}, rig.now);
    expect(rig.engine.publish('r', 'e', '1', undefined, rig.now)).toBe(0);
    rig.pass(10);
    expect(offsets(rig.engine.consume('r', 's', 0, 10, rig.now))).toEqual([0]);
    expect(rig.engine.check()).toEqual([]);
  });

  it('refuses to exceed the number of rooms', () => {
    const { engine, now } = roomRig();
    for (let i = 0; i < LIMITS.rooms; i++) engine.create(`r${i}`, {}, now);
    expect(refusal(() => engine.create('more', {}, now))).toBe('Quota exceeded: 100000 rooms exist');
    engine.delete('r0');
    expect(engine.getOrCreate('more', {}, now)).toBe(true);
  });
});

describe('retention of a room', () => {
  it('honours max_events: what nobody has to read goes with the next publish', () => {
    const { engine, now } = filled(2, 1);
    expect(refusal(() => engine.consume('r', 's', 0, 10, now))).toBe(
      'Invalid request: Stream offset 0 out of range; earliest retained offset is 1',
    );
    expect(engine.stats('r')).toMatchObject({
      messageCount: 1,
      minOffset: 1,
      maxOffset: 1,
      subscriberCount: 0,
      totalPublished: 2,
      totalConsumed: 0,
      dropped: 0,
    });
    expect(engine.consume('r', 's', 1, 10, now).nextOffset).toBe(2);
  });

  it('keeps the size of a room that exists, and takes 0 for the default', () => {
    const { engine, now } = roomRig({ maxEvents: 2 });
    engine.create('r', { maxEvents: 1 }, now);
    engine.getOrCreate('r', { maxEvents: 100 }, now);
    engine.create('zero', { maxEvents: 0 }, now);
    for (const room of ['r', 'zero']) for (let i = 0; i < 5; i++) engine.publish(room, 'e', '1', undefined, now);
    expect([engine.stats('r').messageCount, engine.stats('zero').messageCount]).toEqual([1, 2]);
  });

  it('keeps what the slowest subscriber has not read, up to ten times the size, and counts what it lost then', () => {
    const { engine, now } = filled(0, 3);
    engine.consume('r', 'slow', 0, 1, now);
    engine.consume('r', 'fast', 0, 1, now);
    for (let i = 0; i < 30; i++) engine.publish('r', 'e', '1', undefined, now);
    engine.consume('r', 'fast', 0, 100, now);
    expect(engine.stats('r')).toMatchObject({ messageCount: 30, minOffset: 0, dropped: 0 });
    engine.publish('r', 'e', '1', undefined, now);
    engine.publish('r', 'e', '1', undefined, now);
    expect(engine.stats('r')).toMatchObject({ messageCount: 30, minOffset: 2, dropped: 2 });
    expect(refusal(() => engine.consume('r', 'slow', 0, 1, now))).toContain('earliest retained offset is 2');
    engine.consume('r', 'slow', 2, 100, now);
    engine.publish('r', 'e', '1', undefined, now);
    expect(engine.stats('r')).toMatchObject({ messageCount: 3, minOffset: 30, dropped: 2 });
  });

  it('holds back again what a subscriber rewinds to', () => {
    const { engine, now } = filled(3, 3);
    engine.consume('r', 's', 0, 100, now);
    engine.consume('r', 's', 1, 1, now);
    for (let i = 0; i < 5; i++) engine.publish('r', 'e', '1', undefined, now);
    expect(engine.stats('r').minOffset).toBe(2);
  });

  it('forgets a subscriber that never came back, which then holds back nothing', () => {
    const rig = filled(0, 3, { retentionSecs: 0 });
    const { engine } = rig;
    engine.consume('r', 'dead', 0, 1, rig.now);
    for (let i = 0; i < 10; i++) engine.publish('r', 'e', '1', undefined, rig.now);
    engine.consume('r', 'dead', 2, 1, rig.now);
    rig.pass(LIMITS.subscriberIdleMs - 1);
    engine.consume('r', 'alive', 0, 8, rig.now);
    expect(engine.stats('r')).toMatchObject({ messageCount: 10, subscriberCount: 2 });
    rig.pass(1000);
    expect(engine.stats('r')).toMatchObject({ messageCount: 3, minOffset: 7, subscriberCount: 1, totalConsumed: 9 });
    expect(engine.check()).toEqual([]);
    expect(rig.restart().stats('r')).toMatchObject({ subscriberCount: 1, totalConsumed: 9 });
  });

  it('drops events at exactly the retention age, by the clock alone', () => {
    const rig = filled(1);
    rig.pass(600_000);
    rig.engine.publish('r', 'e', '1', undefined, rig.now);
    rig.pass(2_999_999);
    expect(rig.engine.stats('r').messageCount).toBe(2);
    rig.pass(1);
    expect(rig.engine.stats('r')).toMatchObject({ messageCount: 1, minOffset: 1, maxOffset: 1, dropped: 0 });
  });

  it('drops by age at a publish without waiting for the clock', () => {
    const rig = filled(3);
    rig.clock.advance(3_600_000);
    rig.engine.publish('r', 'e', '1', undefined, rig.now);
    expect(rig.engine.stats('r')).toMatchObject({ messageCount: 1, minOffset: 3 });
  });

  it('goes on where it was when age has emptied it', () => {
    const rig = filled(5);
    rig.pass(3_600_000);
    const { engine } = rig;
    expect(engine.stats('r')).toMatchObject({ messageCount: 0, minOffset: 5, maxOffset: 0, totalPublished: 5 });
    expect(refusal(() => engine.consume('r', 's', 0, 10, rig.now))).toContain('earliest retained offset is 5');
    expect(engine.consume('r', 's', 5, 10, rig.now).nextOffset).toBe(5);
    expect(engine.publish('r', 'e', '1', undefined, rig.now)).toBe(5);
    expect(offsets(engine.consume('r', 's', 5, 10, rig.now))).toEqual([5]);
  });

  it('keeps everything when its limits are 0', () => {
    const rig = filled(20_000, 0, { maxEvents: 0, retentionSecs: 0, roomBytes: 0 });
    rig.pass(100 * 24 * 3_600_000);
    expect(rig.engine.stats('r').messageCount).toBe(20_000);
    expect(rig.engine.nextDeadline()).toBe(Number.POSITIVE_INFINITY);
  });

  it('keeps events for its own time, or for ever, also after a restart', () => {
    const rig = roomRig();
    rig.engine.create('short', { retentionSecs: 60 }, rig.now);
    rig.engine.create('long', { retentionSecs: 0 }, rig.now);
    rig.engine.create('usual', {}, rig.now);
    for (const room of rig.engine.list()) rig.engine.publish(room, 'e', '1', undefined, rig.now);
    const counts = () => ['short', 'long', 'usual'].map((room) => rig.engine.stats(room).messageCount);
    rig.pass(59_999);
    expect(counts()).toEqual([1, 1, 1]);
    rig.restart();
    rig.pass(1);
    expect(counts()).toEqual([0, 1, 1]);
    rig.pass(100 * 24 * 3_600_000);
    expect(counts()).toEqual([0, 1, 0]);
    rig.engine.publish('short', 'e', '1', undefined, rig.now);
    rig.pass(60_000);
    expect(counts()).toEqual([0, 1, 0]);
    expect(rig.engine.check()).toEqual([]);
  });

  it('keeps its own number of bytes, but never more than the server lets a room have', () => {
    const rig = roomRig({ roomBytes: 100 });
    rig.engine.create('small', { maxBytes: 10 }, rig.now);
    rig.engine.create('greedy', { maxBytes: 1_000 }, rig.now);
    rig.restart();
    for (const room of rig.engine.list()) {
      for (let i = 0; i < 100; i++) rig.engine.publish(room, 'e', '1', undefined, rig.now);
      rig.engine.getOrCreate(room, { maxBytes: 40 }, rig.now);
    }
    expect(rig.engine.stats('small').messageCount).toBe(5);
    expect(rig.engine.stats('greedy').messageCount).toBe(50);
    expect(rig.engine.check()).toEqual([]);
  });

  it('reads records of rooms from before they had limits of time and bytes', () => {
    const rig = roomRig({ maxEvents: 1 });
    const record = { generation: 5, createdAt: 1, maxEvents: 3, next: 0, dropped: 0, forgotten: 0 };
    rig.engine.restore('room', 'old', record);
    rig.engine.restored(rig.now);
    for (let i = 0; i < 9; i++) rig.engine.publish('old', 'e', '1', undefined, rig.now);
    expect(rig.engine.stats('old')).toMatchObject({ messageCount: 3, generation: 5 });
    rig.pass(3_600_000);
    expect(rig.engine.stats('old').messageCount).toBe(0);
  });

  it('keeps no more bytes than it may, whoever has still to read them', () => {
    const { engine, now } = filled(0, undefined, { roomBytes: 100 });
    engine.consume('r', 's', 0, 1, now);
    for (let i = 0; i < 5; i++) engine.publish('r', 'e', `"${'x'.repeat(27)}"`, undefined, now);
    expect(engine.stats('r')).toMatchObject({ messageCount: 3, dropped: 2 });
    engine.publish('r', 'e', `"${'x'.repeat(200)}"`, undefined, now);
    expect(engine.stats('r')).toMatchObject({ messageCount: 0, minOffset: 6, dropped: 6 });
    expect(engine.check()).toEqual([]);
  });

  it('refuses a publish beyond the bytes of all rooms', () => {
    const { engine, now } = roomRig({ maxBytes: 50 });
    engine.create('a', {}, now);
    engine.create('b', {}, now);
    engine.publish('a', 'e', `"${'x'.repeat(27)}"`, undefined, now);
    expect(refusal(() => engine.publish('b', 'e', `"${'x'.repeat(27)}"`, undefined, now))).toBe(
      'Memory limit exceeded',
    );
    engine.delete('a');
    expect(engine.publish('b', 'e', `"${'x'.repeat(27)}"`, undefined, now)).toBe(0);
  });

  it('makes room by age before it refuses', () => {
    const { engine, now } = filled(3, undefined, { retentionSecs: 1, maxBytes: 6 });
    expect(refusal(() => engine.publish('r', 'e', '1', undefined, now + 999))).toBe('Memory limit exceeded');
    expect(engine.publish('r', 'e', '1', undefined, now + 1000)).toBe(3);
    expect(engine.totals()).toMatchObject({ events: 1, bytes: 2 });
  });

  it('forgets the one that was silent, not the one that came first', () => {
    const rig = filled(1, 3, { retentionSecs: 0 });
    const { engine } = rig;
    engine.consume('r', 'first', 0, 1, rig.now);
    engine.consume('r', 'silent', 0, 1, rig.now);
    rig.pass(LIMITS.subscriberIdleMs - 1000);
    engine.consume('r', 'first', 1, 1, rig.now);
    rig.pass(1000);
    expect(engine.stats('r').subscriberCount).toBe(1);
    engine.consume('r', 'first', 1, 1, rig.now);
    expect(engine.stats('r').subscriberCount).toBe(1);
  });

  it('drops what has aged in slices, and what aged one by one in batches', () => {
    const rig = filled(9000, 0, { maxEvents: 0 });
    rig.clock.advance(3_600_000);
    rig.engine.tick(rig.now);
    expect(rig.engine.stats('r').messageCount).toBe(7000);
    rig.pass(10);
    expect(rig.engine.stats('r').messageCount).toBe(0);
    for (let i = 0; i < 3000; i++) {
      rig.clock.advance(1);
      rig.engine.publish('r', 'e', '1', undefined, rig.now);
    }
    let ticks = 0;
    const tick = rig.engine.tick.bind(rig.engine);
    rig.engine.tick = (now) => {
      ticks++;
      tick(now);
    };
    rig.pass(3_601_000);
    expect(rig.engine.stats('r').messageCount).toBe(0);
    expect(ticks).toBeLessThan(8);
  });

  it('forgets the longest idle subscriber when there are too many', () => {
    const { engine, now } = filled(1);
    for (let i = 0; i < LIMITS.subscribers; i++) engine.consume('r', `s${i}`, 0, 1, now);
    engine.consume('r', 's0', 0, 0, now);
    engine.consume('r', 'more', 0, 1, now);
    expect(engine.stats('r')).toMatchObject({
      subscriberCount: LIMITS.subscribers,
      totalConsumed: LIMITS.subscribers + 1,
    });
    engine.consume('r', 's0', 0, 0, now);
    expect(engine.stats('r').subscriberCount).toBe(LIMITS.subscribers);
    engine.consume('r', 's1', 0, 0, now);
    expect(engine.check()).toEqual([]);
  });
});

describe('a read that waits', () => {
  function waiting(rig: ReturnType<typeof roomRig>, from: number | 'latest', ms = 1000) {
    const seen: (number[] | string)[] = [];
    const wait = rig.engine.wait(
      'r',
      's',
      from,
      10,
      rig.now + ms,
      { answer: (read) => seen.push(offsets(read)), refuse: (error) => seen.push(error.message) },
      rig.now,
    );
    return { seen, wait };
  }

  it('is answered at once when something is there', () => {
    const rig = filled(2);
    expect(waiting(rig, 1).seen).toEqual([[1]]);
    expect(rig.engine.totals().waiting).toBe(0);
  });

  it('is answered the moment the event is published', () => {
    const rig = filled(1);
    const { seen } = waiting(rig, 'latest');
    const ahead = waiting(rig, 3);
    expect(seen).toEqual([]);
    rig.engine.publish('r', 'e', '1', undefined, rig.now);
    expect([seen, ahead.seen]).toEqual([[[1]], []]);
    rig.engine.publish('r', 'e', '1', undefined, rig.now);
    rig.engine.publish('r', 'e', '1', undefined, rig.now);
    expect([seen, ahead.seen]).toEqual([[[1]], [[3]]]);
    expect(rig.engine.stats('r')).toMatchObject({ totalConsumed: 2, subscriberCount: 1 });
  });

  it('is answered with nothing at its deadline', () => {
    const rig = filled(1);
    const { seen } = waiting(rig, 1, 500);
    rig.pass(499);
    expect(seen).toEqual([]);
    rig.pass(1);
    expect(seen).toEqual([[]]);
    rig.engine.publish('r', 'e', '1', undefined, rig.now);
    expect(seen).toEqual([[]]);
  });

  it('waits no longer than a minute, whatever it asks for', () => {
    const rig = filled(1);
    const { seen } = waiting(rig, 1, Number.POSITIVE_INFINITY);
    rig.pass(LIMITS.waitMs - 1);
    expect(seen).toEqual([]);
    rig.pass(1);
    expect(seen).toEqual([[]]);
  });

  it('is refused when the room is deleted', () => {
    const rig = filled(1);
    const { seen } = waiting(rig, 1);
    rig.engine.delete('r');
    expect(seen).toEqual(["Invalid request: Room 'r' not found"]);
    expect(rig.engine.totals().waiting).toBe(0);
  });

  it('is never answered after it was cancelled', () => {
    const rig = filled(1);
    const { seen, wait } = waiting(rig, 1);
    wait.cancel();
    wait.cancel();
    rig.engine.publish('r', 'e', '1', undefined, rig.now);
    rig.pass(5000);
    expect(seen).toEqual([]);
    expect(rig.engine.check()).toEqual([]);
  });

  it('gets its event although the room keeps only the newest', () => {
    const rig = filled(1, 1);
    const first = waiting(rig, 1);
    const second: number[][] = [];
    rig.engine.wait(
      'r',
      'republisher',
      1,
      10,
      rig.now + 1000,
      {
        answer: (read) => {
          second.push(offsets(read));
          rig.engine.publish('r', 'e', '"from within"', undefined, rig.now);
        },
        refuse: () => {},
      },
      rig.now,
    );
    const third = waiting(rig, 1);
    rig.engine.publish('r', 'e', '1', undefined, rig.now);
    expect([first.seen[0], second[0], third.seen[0]].map((got) => got?.[0])).toEqual([1, 1, 1]);
    expect(rig.engine.stats('r')).toMatchObject({ messageCount: 1, minOffset: 2 });
  });

  it('is refused beyond the number that may wait', () => {
    const rig = filled(0);
    for (let i = 0; i < LIMITS.waiters; i++) waiting(rig, 0);
    expect(refusal(() => waiting(rig, 0))).toBe('Quota exceeded: 10000 reads wait here already');
    rig.pass(2000);
    expect(rig.engine.totals().waiting).toBe(0);
    expect(rig.engine.check()).toEqual([]);
  });
});

describe('a restart', () => {
  it('keeps events, offsets, counters, positions and generations', () => {
    const rig = filled(5, 3);
    const { engine } = rig;
    engine.consume('r', 's', 2, 2, rig.now);
    engine.publish('r', 'e', '"é"', { k: 'v' }, rig.now);
    const before = engine.stats('r');
    const events = engine.consume('r', 's', 4, 10, rig.now);
    rig.clock.advance(1000);
    const again = rig.restart();
    expect(again.stats('r')).toEqual({ ...before, totalConsumed: before.totalConsumed + 2 });
    expect(again.consume('r', 's', 4, 10, rig.now)).toEqual(events);
    expect(again.publish('r', 'e', '1', undefined, rig.now)).toBe(6);
    expect(again.check()).toEqual([]);
  });

  it('keeps the count of what was lost', () => {
    const rig = filled(1, 1);
    rig.engine.consume('r', 's', 0, 0, rig.now);
    for (let i = 0; i < 12; i++) rig.engine.publish('r', 'e', '1', undefined, rig.now);
    expect(rig.engine.stats('r').dropped).toBe(3);
    expect(rig.restart().stats('r').dropped).toBe(3);
  });

  it('goes on at the next offset of a room that age has emptied', () => {
    const rig = filled(5);
    rig.pass(3_600_000);
    expect(rig.restart().publish('r', 'e', '1', undefined, rig.now)).toBe(5);
  });

  it('never goes back to a generation, even if every room was deleted before it', () => {
    const rig = filled(1);
    rig.engine.delete('r');
    rig.engine.create('r', {}, rig.now);
    const { generation } = rig.engine.stats('r');
    rig.engine.delete('r');
    rig.pass(10);
    const again = rig.restart();
    again.create('r', {}, rig.now - 60_000);
    expect(again.stats('r').generation).toBe(generation + 1);
  });

  it('removes the records of a deleted room by itself', () => {
    const rig = filled(100);
    for (let i = 0; i < 50; i++) rig.engine.consume('r', `s${i}`, 0, 1, rig.now);
    rig.engine.delete('r');
    rig.pass(0);
    for (const table of ['room', 'room.event', 'room.subscriber']) expect(rig.store.tables.get(table)?.size).toBe(0);
    expect(rig.engine.nextDeadline()).toBe(Number.POSITIVE_INFINITY);
  });

  it('removes what a deleted room has left behind, however early the process died', () => {
    const rig = filled(3000);
    rig.engine.consume('r', 's', 0, 1, rig.now);
    rig.engine.delete('r');
    expect(rig.store.tables.get('room.event')?.size).toBe(3000);
    rig.pass(0);
    expect(rig.store.tables.get('room.event')?.size).toBe(1000);
    rig.restart();
    rig.engine.create('r', {}, rig.now);
    rig.engine.publish('r', 'e', '"new"', undefined, rig.now);
    rig.pass(10);
    expect(rig.store.tables.get('room.event')?.size).toBe(1);
    expect(rig.store.tables.get('room.subscriber')?.size).toBe(0);
    expect(rig.restart().consume('r', 's', 0, 10, rig.now).events).toMatchObject([{ data: '"new"' }]);
  });

  it('does not take the time of a stop for the silence of a subscriber', () => {
    const rig = filled(0, 3, { retentionSecs: 0 });
    rig.engine.consume('r', 's', 0, 1, rig.now);
    for (let i = 0; i < 10; i++) rig.engine.publish('r', 'e', '1', undefined, rig.now);
    rig.clock.advance(10 * LIMITS.subscriberIdleMs);
    rig.restart();
    rig.pass(LIMITS.subscriberIdleMs - 1);
    expect(offsets(rig.engine.consume('r', 's', 0, 1, rig.now))).toEqual([0]);
  });

  it('ages what became too old while the process was away', () => {
    const rig = filled(10);
    rig.clock.advance(3_600_000);
    rig.restart();
    rig.pass(0);
    expect(rig.engine.stats('r')).toMatchObject({ messageCount: 0, minOffset: 10 });
  });

  it('writes nothing for a poll that finds nothing new', () => {
    const rig = filled(2);
    rig.engine.consume('r', 's', 0, 10, rig.now);
    rig.engine.consume('r', 's', 2, 10, rig.now);
    const { changes } = rig.store;
    for (let i = 0; i < 100; i++) rig.engine.consume('r', 's', 2, 10, rig.now + i);
    expect(rig.store.changes).toBe(changes);
  });
});
