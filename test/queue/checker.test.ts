/**
 * Random schedules with consumers that die, are slow, or lie, with sockets that close and servers that restart: nothing
 * is lost, made up, held twice, or delivered again without a reason.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Delivery, Subscription } from '../../src/queue/types.ts';
import { runs, seed } from '../support/seed.ts';
import { Checker } from './checker.ts';
import { Bench, bytes } from './support.ts';

const ms = fc.constantFrom(0, 1, 10, 500, 999, 1_000, 2_500);
const step = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      do: fc.constant('send' as const),
      count: fc.integer({ min: 1, max: 4 }),
      priority: fc.nat(9),
      maxRetries: fc.nat(3),
      delayMs: fc.constantFrom(0, 0, 0, 700),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('honest' as const), max: fc.integer({ min: 1, max: 3 }) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('slow' as const), after: ms }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('dead' as const), max: fc.integer({ min: 1, max: 3 }) }) },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('lie' as const),
      act: fc.constantFrom('ack' as const, 'ack' as const, 'reject' as const, 'requeue' as const, 'extend' as const),
      nth: fc.nat(1_000),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('wait' as const), ms }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('open' as const), prefetch: fc.nat(3) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom('close' as const, 'pause' as const, 'resume' as const, 'socket acks' as const),
      nth: fc.nat(100),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('replay' as const), limit: fc.integer({ min: 1, max: 3 }) }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('time' as const), ms }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('lag' as const), ms }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('restart' as const) }) },
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

class World {
  readonly bench = new Bench();
  readonly checker = new Checker();
  readonly ids: string[] = [];
  sockets: { readonly name: string; readonly handle: Subscription }[] = [];
  /** Acks that slow consumers will send, and when. */
  pending: { readonly at: number; readonly id: string }[] = [];
  /** Deliveries whose publish was not answered yet: a waiter may be served inside it. */
  #early: { readonly delivery: Delivery; readonly to: string; readonly now: number }[] = [];
  #sent = 0;
  #names = 0;

  constructor(prefetch: number) {
    this.bench.engine.create('q', { ackDeadlineSecs: 1, prefetch, maxDepth: 1_000 }, this.bench.now);
  }

  seen(delivery: Delivery, to: string): void {
    this.#early.push({ delivery, to, now: this.bench.now });
  }

  run(s: Step): void {
    const { bench, checker } = this;
    const { engine, now } = bench;
    switch (s.do) {
      case 'send': {
        const texts = Array.from({ length: s.count }, () => `message ${this.#sent++}`);
        const ids = engine.publishBatch(
          'q',
          texts.map((text) => ({ ...s, payload: bytes(text) })),
          now,
        );
        for (const [i, id] of ids.entries()) checker.published(id, texts[i] ?? '');
        this.ids.push(...ids);
        break;
      }
      case 'honest':
        for (const delivery of engine.consumeBatch('q', 'honest', s.max, now)) {
          this.seen(delivery, 'honest');
          this.settle();
          this.ack(delivery.id);
        }
        break;
      case 'slow': {
        const delivery = engine.consume('q', 'slow', now);
        if (delivery === undefined) break;
        this.seen(delivery, 'slow');
        this.pending.push({ at: now + s.after, id: delivery.id });
        break;
      }
      case 'dead':
        for (const delivery of engine.consumeBatch('q', 'dead', s.max, now)) this.seen(delivery, 'dead');
        break;
      case 'lie':
        this.lie(s.act, this.ids[s.nth % Math.max(1, this.ids.length)] ?? 'no such id');
        break;
      case 'wait': {
        const to = `waiter ${this.#names++}`;
        engine.wait('q', to, 2, now + s.ms, (got) => got.forEach((delivery) => void this.seen(delivery, to)), now);
        break;
      }
      case 'open': {
        const name = `socket ${this.#names++}`;
        const take = (delivery: Delivery): void => this.seen(delivery, name);
        this.sockets.push({ name, handle: engine.subscribe('q', name, { prefetch: s.prefetch }, take, now) });
        break;
      }
      case 'close':
      case 'pause':
      case 'resume':
      case 'socket acks':
        this.socket(s.do, s.nth);
        break;
      case 'replay': {
        const { letters } = engine.deadList('q', 0, s.limit);
        for (const { id } of letters) checker.dead(id, now);
        const { replayed } = engine.deadReplay(
          'q',
          letters.map(({ id }) => id),
          now,
        );
        for (const id of replayed) checker.replayed(id);
        break;
      }
      case 'time':
        this.time(s.ms);
        break;
      case 'lag':
        bench.clock.advance(s.ms);
        break;
      case 'restart':
        bench.restart();
        this.sockets = [];
        break;
    }
    this.settle();
    bench.sound();
  }

  /** Tells the checker of deliveries, after the publish that may have caused them. */
  settle(): void {
    for (const { delivery, to, now } of this.#early.splice(0)) this.checker.delivered(delivery, to, now);
  }

  ack(id: string): void {
    this.checker.acked(
      id,
      succeeds(() => this.bench.engine.ack('q', id, this.bench.now)),
      this.bench.now,
    );
  }

  lie(act: 'ack' | 'reject' | 'requeue' | 'extend', id: string): void {
    const { checker } = this;
    const { engine, now } = this.bench;
    // what is over is ended by any call; its redeliveries must be known before the outcome of this one is judged
    succeeds(() => engine.explain('q', id, now));
    this.settle();
    if (act === 'ack') {
      this.ack(id);
      this.settle();
      this.ack(id);
    } else if (act === 'extend') {
      let deadline: number | undefined;
      succeeds(() => (deadline = engine.extend('q', id, 1_500, now)));
      checker.extended(id, deadline, now);
    } else {
      const requeue = act === 'requeue';
      checker.nacked(
        id,
        succeeds(() => engine.nack('q', id, requeue, now)),
        requeue,
        now,
      );
    }
  }

  socket(what: 'close' | 'pause' | 'resume' | 'socket acks', nth: number): void {
    const socket = this.sockets[nth % Math.max(1, this.sockets.length)];
    if (socket === undefined) return;
    const { now } = this.bench;
    if (what === 'pause') socket.handle.pause();
    else if (what === 'resume') socket.handle.resume(now);
    else if (what === 'close') {
      this.checker.returned(this.checker.heldBy(socket.name), now);
      socket.handle.close(now);
      this.sockets = this.sockets.filter((other) => other !== socket);
    } else {
      for (const id of this.checker.heldBy(socket.name)) {
        this.lie('ack', id);
        this.settle();
      }
    }
  }

  /** Lets time pass, with the timer in time, and slow consumers acknowledging when they meant to. */
  time(ms: number): void {
    const end = this.bench.now + ms;
    this.pending.sort((a, b) => a.at - b.at);
    for (let next = this.pending[0]; next !== undefined && next.at <= end; next = this.pending[0]) {
      this.pending.shift();
      this.bench.advance(Math.max(0, next.at - this.bench.now));
      this.settle();
      this.lie('ack', next.id);
      this.settle();
    }
    this.bench.advance(Math.max(0, end - this.bench.now));
  }

  /** Everybody leaves; one good consumer takes the rest. */
  finish(): string[] {
    for (const { name, handle } of this.sockets) {
      this.checker.returned(this.checker.heldBy(name), this.bench.now);
      handle.close(this.bench.now);
      this.settle();
    }
    this.bench.advance(120_000);
    this.settle();
    const { engine } = this.bench;
    for (;;) {
      const delivery = engine.consume('q', 'good', this.bench.now);
      if (delivery === undefined) break;
      this.seen(delivery, 'good');
      this.settle();
      this.ack(delivery.id);
    }
    for (const { id } of engine.deadList('q', 0, 1_000).letters) this.checker.dead(id, this.bench.now);
    return this.checker.finish();
  }
}

function succeeds(call: () => unknown): boolean {
  try {
    call();
    return true;
  } catch {
    return false;
  }
}

test('nothing is lost, made up, held twice or delivered again without a reason', () => {
  fc.assert(
    fc.property(fc.nat(3), fc.array(step, { minLength: 10, maxLength: 120, size: 'max' }), (prefetch, steps) => {
      const world = new World(prefetch);
      for (const s of steps) {
        world.run(s);
        expect(world.checker.problems).toEqual([]);
      }
      expect(world.finish()).toEqual([]);
      world.bench.sound();
      const { published, acked, depth, consumers } = world.bench.engine.stats('q');
      const { dead } = world.bench.engine.detail('q', world.bench.now);
      expect({ depth, consumers, kept: acked + dead }).toEqual({ depth: 0, consumers: 0, kept: published });
    }),
    { seed, numRuns: runs(200) },
  );
});

test('the checker sees a loss, an invention, a double hold, a wrong ack and a redelivery without a reason', () => {
  const sight = { id: 'a', retryCount: 0, deadline: 10, payload: bytes('x') };
  const history = (tell: (checker: Checker) => void): string[] => {
    const checker = new Checker();
    checker.published('a', 'x');
    tell(checker);
    return checker.finish();
  };
  expect(history((c) => c.delivered(sight, 'w', 0))).toEqual(['lost: a']);
  expect(history((c) => c.delivered({ ...sight, id: 'b' }, 'w', 0))).toContain('unexpected: b was never published');
  expect(
    history((c) => {
      c.delivered(sight, 'w', 0);
      c.delivered(sight, 'v', 9);
    }),
  ).toContain('duplicated: a went to v while w held it until 10');
  expect(
    history((c) => {
      c.delivered(sight, 'w', 0);
      c.acked('a', true, 10);
    }),
  ).toContain('the ack of a was accepted although it is not held');
  expect(
    history((c) => {
      c.delivered(sight, 'w', 0);
      c.acked('a', true, 9);
      c.delivered({ ...sight, deadline: 30 }, 'w', 20);
    }),
  ).toEqual(['duplicated: a was delivered although it is acked']);
  expect(history((c) => c.delivered({ ...sight, payload: bytes('y') }, 'w', 0))).toContain(
    'unexpected: a has another payload',
  );
});
