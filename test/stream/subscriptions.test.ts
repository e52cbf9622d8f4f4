import { describe, expect, it } from 'vitest';
import { LIMITS } from '../../src/core/limits.ts';
import type { From } from '../../src/stream/types.ts';
import { Listener, refusal, roomRig } from './rig.ts';

function filled(count: number, maxEvents?: number, options?: Parameters<typeof roomRig>[0]) {
  const rig = roomRig(options);
  rig.engine.create('r', { maxEvents }, rig.now);
  const publish = (times = 1): void => {
    for (let i = 0; i < times; i++) rig.engine.publish('r', 'e', '1', undefined, rig.now);
  };
  const subscribe = (from: From, appetite?: number, id = 's') => {
    const sink = new Listener(appetite);
    const subscription = rig.engine.subscribe('r', id, from, sink, rig.now);
    return { sink, subscription };
  };
  publish(count);
  return { rig, engine: rig.engine, publish, subscribe };
}

const upTo = (end: number, from = 0): number[] => Array.from({ length: end - from }, (_, i) => from + i);

describe('a standing subscription', () => {
  it('delivers nothing before it is resumed, then the history and every event the moment it comes', () => {
    const { rig, publish, subscribe } = filled(2);
    const { sink, subscription } = subscribe(0);
    publish();
    expect(sink.offsets).toEqual([]);
    subscription.resume(rig.now);
    expect(sink.offsets).toEqual([0, 1, 2]);
    publish();
    expect(sink.offsets).toEqual([0, 1, 2, 3]);
    expect(subscription.position).toBe(4);
  });

  it('begins where it is told: an offset, the earliest, the latest, or one ahead of the end', () => {
    const { rig, publish, subscribe } = filled(5, 3);
    const all = (['earliest', 'latest', 4, 6] as const).map((from, i) => subscribe(from, undefined, `s${i}`));
    for (const { subscription } of all) subscription.resume(rig.now);
    publish(2);
    expect(all.map(({ sink }) => sink.offsets)).toEqual([[2, 3, 4, 5, 6], [5, 6], [4, 5, 6], [6]]);
  });

  it('is refused below the earliest event', () => {
    const { subscribe } = filled(5, 3);
    expect(refusal(() => subscribe(1))).toContain('earliest retained offset is 2');
  });

  it('counts as one subscriber that takes what it is given', () => {
    const { rig, engine, publish, subscribe } = filled(0);
    for (const id of ['a', 'b']) subscribe(0, undefined, id).subscription.resume(rig.now);
    publish();
    expect(engine.stats('r')).toMatchObject({ subscriberCount: 2, totalConsumed: 2 });
  });

  it('stops behind the event at which its sink says stop, and goes on from there', () => {
    const { rig, publish, subscribe } = filled(3);
    const { sink, subscription } = subscribe(0, 2);
    subscription.resume(rig.now);
    publish();
    expect(sink.offsets).toEqual([0, 1]);
    sink.appetite = 100;
    subscription.resume(rig.now);
    publish();
    expect(sink.offsets).toEqual([0, 1, 2, 3, 4]);
  });

  it('pauses and resumes by itself, also from within a delivery', () => {
    const { rig, publish } = filled(3);
    const got: number[] = [];
    const subscription = rig.engine.subscribe(
      'r',
      's',
      0,
      {
        event: ({ offset }) => {
          got.push(offset);
          subscription.pause();
          if (offset === 0) subscription.resume(rig.now);
          return true;
        },
        error: () => {},
      },
      rig.now,
    );
    subscription.resume(rig.now);
    publish();
    expect(got).toEqual([0, 1]);
    expect(rig.engine.check()).toEqual([]);
  });

  it('catches up in batches, so that a long history holds nobody up', () => {
    const { rig, publish, subscribe } = filled(1000);
    const { sink, subscription } = subscribe(0);
    subscription.resume(rig.now);
    expect(sink.offsets).toHaveLength(256);
    publish();
    expect(sink.offsets).toHaveLength(256);
    rig.pass(10);
    expect(sink.offsets).toEqual(upTo(1001));
    publish();
    expect(sink.offsets).toEqual(upTo(1002));
  });

  it('holds back retention while it is paused or behind, and not while it is live', () => {
    const { rig, engine, publish, subscribe } = filled(0, 3);
    const { sink, subscription } = subscribe(0);
    subscription.resume(rig.now);
    publish(10);
    expect(engine.stats('r')).toMatchObject({ messageCount: 3 });
    subscription.pause();
    publish(10);
    expect(engine.stats('r')).toMatchObject({ messageCount: 10, minOffset: 10, dropped: 0 });
    subscription.resume(rig.now);
    publish();
    expect(engine.stats('r')).toMatchObject({ messageCount: 3 });
    expect(sink.offsets).toEqual(upTo(21));
  });

  it('is told when retention was faster, and ends', () => {
    const { rig, engine, publish, subscribe } = filled(0, 1);
    const { sink, subscription } = subscribe(0);
    publish(12);
    subscription.resume(rig.now);
    expect([sink.offsets, sink.ended]).toEqual([
      [],
      'Invalid request: Stream offset 0 out of range; earliest retained offset is 2',
    ]);
    publish();
    subscription.resume(rig.now);
    subscription.close(rig.now);
    expect(sink.offsets).toEqual([]);
    expect(engine.totals().subscriptions).toBe(0);
    expect(engine.check()).toEqual([]);
  });

  it('ends with an error when the room is deleted, paused or not', () => {
    const { rig, engine, subscribe } = filled(1);
    const live = subscribe(0);
    live.subscription.resume(rig.now);
    const paused = subscribe(0);
    engine.delete('r');
    for (const { sink } of [live, paused]) expect(sink.ended).toBe("Invalid request: Room 'r' not found");
    live.subscription.close(rig.now);
    expect(engine.totals()).toMatchObject({ rooms: 0, events: 0, bytes: 0, subscribers: 0, subscriptions: 0 });
    expect(engine.check()).toEqual([]);
  });

  it('leaves the room as it is when a sink deletes it from within a delivery', () => {
    const { rig, engine, publish, subscribe } = filled(1, 1);
    const other = subscribe(1, undefined, 'other');
    other.subscription.resume(rig.now);
    let ended = '';
    engine
      .subscribe(
        'r',
        's',
        1,
        {
          event: () => {
            engine.delete('r');
            engine.create('r', {}, rig.now);
            return true;
          },
          error: (error) => {
            ended = error.message;
          },
        },
        rig.now,
      )
      .resume(rig.now);
    publish();
    expect([ended, other.sink.ended]).toEqual(Array(2).fill("Invalid request: Room 'r' not found"));
    expect(engine.stats('r')).toMatchObject({ messageCount: 0, subscriberCount: 0 });
    rig.pass(10);
    expect(engine.check()).toEqual([]);
    expect(rig.restart().stats('r').messageCount).toBe(0);
  });

  it('keeps the order for everyone when a sink publishes from within a delivery', () => {
    const { rig, engine, publish, subscribe } = filled(0, 1);
    const first = subscribe(0, undefined, 'a');
    first.subscription.resume(rig.now);
    const got: number[] = [];
    let depth = 0;
    engine
      .subscribe(
        'r',
        'b',
        0,
        {
          event: ({ offset }) => {
            expect(++depth).toBe(1);
            got.push(offset);
            if (offset < 3) publish(2);
            depth--;
            return true;
          },
          error: (error) => {
            throw error;
          },
        },
        rig.now,
      )
      .resume(rig.now);
    const last = subscribe(0, undefined, 'c');
    last.subscription.resume(rig.now);
    publish();
    expect([first.sink.offsets, got, last.sink.offsets]).toEqual([upTo(7), upTo(7), upTo(7)]);
    expect(engine.stats('r').messageCount).toBe(1);
  });

  it('closes where it stands: the subscriber rests there and ages', () => {
    const { rig, engine, publish, subscribe } = filled(0, 3, { retentionSecs: 0 });
    const { subscription } = subscribe(0);
    subscription.resume(rig.now);
    publish(2);
    rig.pass(10 * LIMITS.subscriberIdleMs);
    expect(engine.stats('r').subscriberCount).toBe(1);
    subscription.close(rig.now);
    subscription.close(rig.now);
    publish(10);
    expect(engine.stats('r')).toMatchObject({ messageCount: 10, minOffset: 2 });
    rig.pass(LIMITS.subscriberIdleMs);
    expect(engine.stats('r')).toMatchObject({ messageCount: 3, subscriberCount: 0 });
    expect(engine.check()).toEqual([]);
  });

  it('shares its subscriber with others of the same id, and with reads', () => {
    const { rig, engine, publish, subscribe } = filled(3, 3);
    const one = subscribe(0);
    const two = subscribe(1);
    engine.consume('r', 's', 0, 1, rig.now);
    for (const { subscription } of [one, two]) subscription.resume(rig.now);
    publish();
    expect([one.sink.offsets, two.sink.offsets]).toEqual([upTo(4), upTo(4, 1)]);
    expect(engine.stats('r')).toMatchObject({ subscriberCount: 1, messageCount: 3, totalConsumed: 8 });
    one.subscription.close(rig.now);
    publish();
    two.subscription.close(rig.now);
    expect(engine.check()).toEqual([]);
    publish(5);
    expect(engine.stats('r')).toMatchObject({ minOffset: 5, messageCount: 5 });
  });

  it('survives a restart as a resting subscriber at the position where it was closed', () => {
    const { rig, publish, subscribe } = filled(0, 3);
    const { subscription } = subscribe(0);
    subscription.resume(rig.now);
    publish(4);
    subscription.close(rig.now);
    const engine = rig.restart();
    for (let i = 0; i < 10; i++) engine.publish('r', 'e', '1', undefined, rig.now);
    expect(engine.stats('r')).toMatchObject({ minOffset: 4, totalConsumed: 4, subscriberCount: 1 });
  });

  it('states its position now and then, so that a crash forgets at most a thousand deliveries', () => {
    const { rig, publish, subscribe } = filled(0);
    const { subscription } = subscribe(0);
    subscription.resume(rig.now);
    const { changes } = rig.store;
    publish(5000);
    expect(rig.store.changes - changes).toBe(5000 + 4);
    expect(rig.restart().stats('r').totalConsumed).toBe(4096);
  });
});
