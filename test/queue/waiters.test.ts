import { beforeEach, describe, expect, test } from 'vitest';
import { LIMITS } from '../../src/core/limits.ts';
import type { SubscribeOptions, Subscription, Waiter } from '../../src/queue/types.ts';
import { Bench, bytes, text } from './support.ts';

let bench: Bench;
/** What was delivered, as `who:text`; an empty answer as `who:`. */
let log: string[];
/** Ids by text. */
let ids: Map<string, string>;
beforeEach(() => {
  bench = new Bench();
  log = [];
  ids = new Map();
  bench.engine.create('q', undefined, bench.now);
});

function wait(who: string, ms = 1_000, max = 1, queue = 'q'): Waiter {
  return bench.engine.wait(queue, who, max, bench.now + ms, (got) => log.push(`${who}:${got.map(text)}`), bench.now);
}
function subscribe(who: string, options: SubscribeOptions = {}, queue = 'q'): Subscription {
  return bench.engine.subscribe(queue, who, options, (delivery) => log.push(`${who}:${text(delivery)}`), bench.now);
}
function send(name: string, queue = 'q'): string {
  const id = bench.publish(queue, name);
  ids.set(name, id);
  return id;
}
const ack = (name: string, queue = 'q'): void => bench.engine.ack(queue, ids.get(name) ?? '', bench.now);

describe('waiting for one answer', () => {
  test('is answered before the call returns when a message is ready', () => {
    send('a');
    const waiter = wait('w');
    expect(log).toEqual(['w:a']);
    expect(waiter.waiting).toBe(false);
    expect(bench.engine.stats('q')).toMatchObject({ consumed: 1, consumers: 1 });
  });

  test('is answered the moment a message arrives, in arrival order of the waiters', () => {
    wait('1');
    wait('2');
    wait('3');
    send('a');
    send('b');
    expect(log).toEqual(['1:a', '2:b']);
    bench.sound();
  });

  test('is answered with nothing at its deadline', () => {
    const waiter = wait('w', 50);
    bench.advance(49);
    expect(log).toEqual([]);
    bench.advance(1);
    expect(log).toEqual(['w:']);
    expect(waiter.waiting).toBe(false);
    send('a');
    expect(log).toEqual(['w:']);
    expect(bench.engine.totals().waiters).toBe(0);
    bench.sound();
  });

  test('a deadline that is over is answered at once, with a message if there is one', () => {
    wait('w', 0);
    send('a');
    wait('w', 0);
    expect(log).toEqual(['w:', 'w:a']);
  });

  test('waits no longer than the cap', () => {
    wait('w', 10 * LIMITS.waitMs);
    bench.advance(LIMITS.waitMs);
    expect(log).toEqual(['w:']);
  });

  test('a cancelled waiter is never answered and gives its place to the next', () => {
    const first = wait('1');
    wait('2');
    first.cancel();
    first.cancel();
    send('a');
    bench.advance(2_000);
    expect(log).toEqual(['2:a']);
    expect(first.waiting).toBe(false);
    bench.sound();
  });

  test('takes as much as is ready, up to its maximum', () => {
    wait('w', 1_000, 3);
    bench.engine.publishBatch(
      'q',
      ['a', 'b', 'c', 'd'].map((name) => ({ payload: bytes(name) })),
      bench.now,
    );
    expect(log).toEqual(['w:a,b,c']);
    expect(bench.engine.stats('q').depth).toBe(1);
  });

  test('a batch is offered as a whole, the most urgent first', () => {
    wait('w');
    bench.engine.publishBatch(
      'q',
      [
        { payload: bytes('idle'), priority: 0 },
        { payload: bytes('urgent'), priority: 9 },
      ],
      bench.now,
    );
    expect(log).toEqual(['w:urgent']);
  });

  test('an unknown queue may be waited on and starts delivering when it is created', () => {
    wait('w', 1_000, 1, 'new');
    bench.engine.create('new', undefined, bench.now);
    send('a', 'new');
    expect(log).toEqual(['w:a']);
    wait('w', 10, 1, 'never');
    bench.advance(10);
    expect(log).toEqual(['w:a', 'w:']);
    bench.sound();
  });

  test('gets what comes back: by nack, by deadline, by the end of a delay, by replay', () => {
    send('a');
    bench.consume('q', 'holder');
    wait('w');
    bench.engine.nack('q', ids.get('a') ?? '', true, bench.now);
    expect(log).toEqual(['w:a']);
    wait('v', 60_000);
    bench.advance(30_000);
    expect(log).toEqual(['w:a', 'v:a']);
    wait('u');
    bench.publish('q', 'b', { delayMs: 10 });
    bench.advance(10);
    expect(log).toEqual(['w:a', 'v:a', 'u:b']);
    bench.engine.nack('q', ids.get('a') ?? '', false, bench.now);
    wait('t');
    bench.engine.deadReplayAll('q', 1, bench.now);
    expect(log).toEqual(['w:a', 'v:a', 'u:b', 't:a']);
  });

  test('what is over goes to those who wait before a later caller gets at it', () => {
    send('a');
    bench.consume('q', 'dead');
    wait('w', 60_000);
    bench.clock.advance(30_000); // the timer is late
    expect(bench.consume('q', 'latecomer')).toBeUndefined();
    expect(log).toEqual(['w:a']);
  });

  test('refuses a maximum or a name out of range and more waiters than the cap', () => {
    expect(() => wait('w', 1, 0)).toThrow('max must be from 1 to 1000');
    expect(() => wait('w'.repeat(1_025))).toThrow('consumer id');
    expect(() => wait('w', 1, 1, 'q'.repeat(1_025))).toThrow('queue name');
    expect(() => subscribe('w', { prefetch: -1 })).toThrow('prefetch');
    for (let i = 0; i < LIMITS.waiters; i++) wait('w');
    expect(() => wait('w')).toThrow('at most 10000 consumers may wait');
    expect(() => subscribe('w')).toThrow('at most 10000 consumers may wait');
  });
});

describe('the prefetch limit of a queue', () => {
  beforeEach(() => void bench.engine.create('p', { prefetch: 1 }, bench.now));

  test('keeps a waiter back until its consumer gives a message up, and others pass', () => {
    send('held', 'p');
    bench.consume('p', 'busy');
    wait('busy', 1_000, 1, 'p');
    wait('idle', 1_000, 1, 'p');
    send('a', 'p');
    send('b', 'p');
    expect(log).toEqual(['idle:a']);
    expect(bench.engine.detail('p', bench.now)).toMatchObject({ ready: 1, waiting: 0, held: 1 });
    ack('held', 'p');
    expect(log).toEqual(['idle:a', 'busy:b']);
    bench.sound();
  });

  test('a waiter that was kept back has kept its place in line', () => {
    send('held', 'p');
    bench.consume('p', 'busy');
    wait('busy', 1_000, 1, 'p');
    send('a', 'p'); // finds the waiter at its limit
    wait('idle', 1_000, 1, 'p');
    expect(log).toEqual(['idle:a']);
    wait('idle too', 1_000, 1, 'p');
    ack('held', 'p');
    send('b', 'p');
    expect(log).toEqual(['idle:a', 'busy:b']);
  });

  test('when a waiter that could go on leaves, another of its consumer stands in', () => {
    send('held', 'p');
    bench.consume('p', 'busy');
    const first = wait('busy', 1_000, 1, 'p');
    wait('busy', 1_000, 1, 'p');
    send('a', 'p');
    bench.consume('p', 'idle');
    ack('held', 'p'); // the first may go on, the second is still kept back
    bench.sound();
    first.cancel();
    bench.sound();
    send('b', 'p');
    expect(log).toEqual(['busy:b']);
  });

  test('a waiter that is kept back times out and can be cancelled', () => {
    send('held', 'p');
    bench.consume('p', 'busy');
    wait('busy', 10, 1, 'p');
    const other = wait('busy', 10_000, 1, 'p');
    send('a', 'p');
    bench.advance(10);
    expect(log).toEqual(['busy:']);
    other.cancel();
    bench.sound();
    expect(bench.engine.totals().waiters).toBe(0);
  });

  test('a waiter that was kept back goes on waiting when its queue is deleted', () => {
    send('held', 'p');
    bench.consume('p', 'busy');
    wait('busy', 1_000, 1, 'p');
    send('a', 'p');
    bench.engine.delete('p', bench.now);
    bench.sound();
    bench.engine.create('p', { prefetch: 1 }, bench.now);
    send('b', 'p');
    expect(log).toEqual(['busy:b']);
    bench.sound();
  });
});

describe('a standing subscription', () => {
  test('gets what is ready, most urgent first, and then what comes, without acks', () => {
    bench.publish('q', 'idle', { priority: 1 });
    bench.publish('q', 'urgent', { priority: 9 });
    subscribe('w');
    send('a');
    expect(log).toEqual(['w:urgent', 'w:idle', 'w:a']);
    expect(bench.engine.stats('q')).toMatchObject({ consumed: 3, consumers: 1 });
  });

  test('subscriptions take turns', () => {
    subscribe('1');
    subscribe('2');
    for (const name of ['a', 'b', 'c', 'd']) send(name);
    expect(log).toEqual(['1:a', '2:b', '1:c', '2:d']);
  });

  test("obeys the queue's prefetch limit and goes on when a message is acknowledged", () => {
    bench.engine.create('p', { prefetch: 1 }, bench.now);
    subscribe('w', {}, 'p');
    send('a', 'p');
    send('b', 'p');
    expect(log).toEqual(['w:a']);
    ack('a', 'p');
    expect(log).toEqual(['w:a', 'w:b']);
    bench.sound();
  });

  test('obeys its own prefetch limit, which counts its own messages only', () => {
    bench.publish('q', 'of another');
    bench.consume('q', 'w');
    subscribe('w', { prefetch: 2 });
    for (const name of ['a', 'b', 'c']) send(name);
    expect(log).toEqual(['w:a', 'w:b']);
    expect(bench.engine.explain('q', ids.get('c') ?? '', bench.now).why).toContain('as it asked for');
    ack('b');
    expect(log).toEqual(['w:a', 'w:b', 'w:c']);
    bench.sound();
  });

  test('takes nothing while it is paused, and what is ready when it resumes', () => {
    const subscription = subscribe('w');
    subscription.pause();
    subscription.pause();
    send('a');
    expect(log).toEqual([]);
    expect(bench.engine.detail('q', bench.now)).toMatchObject({ waiting: 0, held: 1, subscriptions: 1 });
    subscription.resume(bench.now);
    subscription.resume(bench.now);
    expect(log).toEqual(['w:a']);
    bench.sound();
  });

  test('may pause itself inside a delivery', () => {
    const subscription: Subscription = bench.engine.subscribe(
      'q',
      'w',
      {},
      (delivery) => {
        log.push(text(delivery));
        if (log.length === 2) subscription.pause();
      },
      bench.now,
    );
    bench.engine.publishBatch(
      'q',
      ['a', 'b', 'c'].map((name) => ({ payload: bytes(name) })),
      bench.now,
    );
    expect(log).toEqual(['a', 'b']);
    subscription.resume(bench.now);
    expect(log).toEqual(['a', 'b', 'c']);
  });

  test('a closing one gives back at once what it holds, and only that, in order', () => {
    bench.publish('q', 'fetched');
    bench.consume('q', 'w');
    const closing = subscribe('w');
    const staying = subscribe('w');
    for (const name of ['a', 'b', 'c', 'd']) send(name);
    ack('c');
    closing.close(bench.now);
    closing.close(bench.now);
    expect(log).toEqual(['w:a', 'w:b', 'w:c', 'w:d', 'w:a']);
    expect(bench.engine.stats('q')).toMatchObject({ nacked: 1, acked: 1, depth: 0, consumed: 6 });
    staying.close(bench.now);
    expect(bench.drain('q', 'next')).toEqual(['b', 'd', 'a']);
    expect(bench.engine.explain('q', ids.get('a') ?? '', bench.now).retryCount).toBe(2);
    bench.sound();
  });

  test('closing may use up the retries of a message', () => {
    const subscription = subscribe('w');
    bench.publish('q', 'a', { maxRetries: 0 });
    subscription.close(bench.now);
    expect(bench.engine.stats('q')).toMatchObject({ depth: 0, nacked: 1, deadLettered: 1 });
  });

  test('a closing one that holds very much gives it back in slices', () => {
    const subscription = bench.engine.subscribe('q', 'w', {}, () => {}, bench.now);
    for (let i = 0; i < 2_500; i++) send(String(i));
    subscription.close(bench.now);
    expect(bench.engine.stats('q').depth).toBe(1_000);
    bench.engine.ack('q', ids.get('2400') ?? '', bench.now);
    bench.advance(3);
    expect(bench.engine.stats('q')).toMatchObject({ depth: 2_499, consumers: 0 });
    bench.sound();
  });

  test('a closed one gives nothing back of a queue that was deleted meanwhile', () => {
    const subscription = bench.engine.subscribe('q', 'w', {}, () => {}, bench.now);
    for (let i = 0; i < 2_500; i++) send(String(i));
    subscription.close(bench.now);
    bench.engine.delete('q', bench.now);
    bench.advance(10);
    expect(bench.store.snapshot()).toEqual({});
    bench.sound();
  });

  test('outlives its queue and delivers from the next of the same name', () => {
    const subscription = subscribe('w', { prefetch: 1 });
    send('a');
    bench.engine.delete('q', bench.now);
    bench.engine.create('q', undefined, bench.now);
    bench.sound();
    send('b');
    expect(log).toEqual(['w:a', 'w:b']);
    subscription.close(bench.now);
    expect(bench.drain('q')).toEqual(['b']);
    bench.sound();
  });

  test('a lease that runs out frees its place', () => {
    subscribe('w', { prefetch: 1 });
    send('a');
    send('b');
    bench.advance(30_000);
    expect(log).toEqual(['w:a', 'w:b']);
    bench.sound();
  });

  test('waiters for one answer and subscriptions stand in the same line', () => {
    wait('one');
    subscribe('all');
    wait('two');
    for (const name of ['a', 'b', 'c', 'd']) send(name);
    expect(log).toEqual(['one:a', 'all:b', 'two:c', 'all:d']);
  });
});

describe('a callback that calls the engine', () => {
  test('may acknowledge, publish and wait again, and nothing is lost or given out of order', () => {
    const again = (): void => {
      bench.engine.wait(
        'q',
        'w',
        1,
        bench.now + 1_000,
        ([delivery]) => {
          if (delivery === undefined) return;
          log.push(text(delivery));
          bench.engine.ack('q', delivery.id, bench.now);
          if (log.length < 5) send(`${text(delivery)}'`);
          again();
        },
        bench.now,
      );
    };
    again();
    send('a');
    expect(log).toEqual(['a', "a'", "a''", "a'''", "a''''"]);
    expect(bench.engine.stats('q')).toMatchObject({ depth: 0, acked: 5, consumers: 0 });
    bench.sound();
  });

  test('may make a chain of any length without nesting', () => {
    let taken = 0;
    bench.engine.subscribe(
      'q',
      'w',
      {},
      ({ id }) => {
        bench.engine.ack('q', id, bench.now);
        if (++taken < 20_000) bench.publish('q', 'x');
      },
      bench.now,
    );
    bench.publish('q', 'x');
    expect(taken).toBe(20_000);
  });

  test('may delete the queue', () => {
    subscribe('all');
    bench.engine.wait('q', 'w', 1, bench.now + 1_000, () => void bench.engine.delete('q', bench.now), bench.now);
    bench.engine.publishBatch(
      'q',
      ['a', 'b', 'c'].map((name) => ({ payload: bytes(name) })),
      bench.now,
    );
    expect(bench.engine.list()).toEqual([]);
    expect(log).toEqual(['all:a']);
    bench.sound();
  });

  test('may close another subscription', () => {
    const first = subscribe('1');
    bench.engine.subscribe(
      'q',
      '2',
      {},
      (delivery) => {
        log.push(`2:${text(delivery)}`);
        first.close(bench.now);
      },
      bench.now,
    );
    bench.engine.publishBatch(
      'q',
      ['a', 'b', 'c'].map((name) => ({ payload: bytes(name) })),
      bench.now,
    );
    expect(log).toEqual(['1:a', '2:b', '2:c', '2:a']);
    bench.sound();
  });
});
