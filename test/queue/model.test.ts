/** Random operations on the engine and on the naive model: the same answers, deliveries and counters after each step. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { QueueConfig, Subscription, Waiter } from '../../src/queue/types.ts';
import { runs, seed } from '../support/seed.ts';
import { Model, type ModelParty, ModelQueue } from './model.ts';
import { Bench, bytes } from './support.ts';

const CONFIGS: QueueConfig[] = [
  { maxDepth: 6, ackDeadlineSecs: 2, maxRetries: 1, priority: 5, prefetch: 0, dedupeMs: 3_000, sync: false },
  { maxDepth: 50, ackDeadlineSecs: 1, maxRetries: 2, priority: 0, prefetch: 2, dedupeMs: 500, sync: false },
  { maxDepth: 50, ackDeadlineSecs: 3, maxRetries: 0, priority: 9, prefetch: 1, dedupeMs: 60_000, sync: false },
];

const optional = <T>(arb: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(arb, { nil: undefined, freq: 2 });
const queue = fc.constantFrom('a', 'a', 'a', 'b');
const consumer = fc.constantFrom('u', 'v', 'w');
const nth = fc.nat(1_000);
const options = fc.record({
  priority: optional(fc.constantFrom(0, 1, 9, 255)),
  maxRetries: optional(fc.nat(2)),
  delayMs: optional(fc.constantFrom(0, 500, 1_000, 1_500)),
  messageKey: optional(fc.constantFrom('k', 'l')),
});
const step = fc.oneof(
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('create' as const), queue, config: fc.nat(CONFIGS.length - 1) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('delete' as const), queue }) },
  { weight: 12, arbitrary: fc.record({ do: fc.constant('publish' as const), queue, options }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('publishBatch' as const),
      queue,
      batch: fc.array(options, { maxLength: 5 }),
    }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('consume' as const), queue, consumer }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('consumeBatch' as const),
      queue,
      consumer,
      max: fc.integer({ min: 1, max: 4 }),
    }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('ack' as const), queue, nth }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('ackBatch' as const), queue, many: fc.array(nth, { maxLength: 4 }) }),
  },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('nack' as const), queue, nth, requeue: fc.boolean() }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('extend' as const), queue, nth, ms: fc.constantFrom(1, 500, 1_000, 5_000) }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('explain' as const), queue, nth }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('wait' as const),
      queue,
      consumer,
      max: fc.integer({ min: 1, max: 3 }),
      ms: fc.constantFrom(0, 500, 1_000, 5_000),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('cancel' as const), nth }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('subscribe' as const), queue, consumer, credit: fc.nat(2) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('pause' as const), nth }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('resume' as const), nth }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('close' as const), nth }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('purge' as const), queue }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('deadPurge' as const), queue }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('deadReplay' as const), queue, many: fc.array(nth, { maxLength: 3 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('deadReplayAll' as const), queue, limit: fc.integer({ min: 1, max: 3 }) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('advance' as const), ms: fc.constantFrom(0, 1, 499, 500, 1_000, 4_000) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('lag' as const), ms: fc.constantFrom(1, 500, 1_000, 4_000) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('restart' as const) }) },
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

class Pair {
  readonly bench = new Bench();
  readonly model = new Model();
  readonly ids: string[] = [];
  readonly log: { queue: string; to: string; ids: string[] }[] = [];
  readonly parties: { handle: Waiter | Subscription; twin: ModelParty }[] = [];

  id(nth: number): string {
    return this.ids[nth % Math.max(1, this.ids.length)] ?? 'none yet';
  }

  party(nth: number, standing: boolean): { handle: Waiter | Subscription; twin: ModelParty } | undefined {
    const some = this.parties.filter(({ twin }) => twin.standing === standing);
    return some[nth % Math.max(1, some.length)];
  }

  run(s: Step): void {
    const { bench, model } = this;
    const { engine, now } = bench;
    if ('queue' in s && s.do !== 'create' && s.do !== 'delete') {
      const q = model.queues.get(s.queue);
      if (q === undefined && s.do !== 'wait' && s.do !== 'subscribe') {
        this.#unknown(s.queue, s.do);
        return;
      }
      if (q !== undefined) {
        model.expire(q, now);
        model.offer(s.queue, now);
      }
    }
    const q = 'queue' in s ? (model.queues.get(s.queue) as ModelQueue) : (undefined as never);
    switch (s.do) {
      case 'create': {
        const config = CONFIGS[s.config] as QueueConfig;
        expect(engine.create(s.queue, config, now)).toBe(q === undefined);
        if (q === undefined) model.queues.set(s.queue, new ModelQueue(config));
        break;
      }
      case 'delete': {
        expect(engine.delete(s.queue, now)).toBe(q !== undefined);
        const full = model.parties.filter(
          (p) => p.name === s.queue && p.credit > 0 && model.held(p).length >= p.credit,
        );
        model.queues.delete(s.queue);
        if (q !== undefined) for (const party of full) model.enter(party);
        break;
      }
      case 'publish': {
        const id = answer(() => engine.publish(s.queue, bytes('x'), s.options, now));
        if (model.publish(q, id, s.options, now) === 'full') expect(id).toBe(`Queue is full: ${s.queue}`);
        else if (!this.ids.includes(id)) this.ids.push(id);
        else expect(q.keys.find(({ key, until }) => key === s.options.messageKey && until > now)?.id).toBe(id);
        break;
      }
      case 'publishBatch': {
        const batch = s.batch.map((options) => ({ ...options, payload: bytes('x') }));
        const fresh = batch.filter(
          ({ messageKey }, i) =>
            messageKey === undefined ||
            (q.keys.every(({ key, until }) => key !== messageKey || until <= now) &&
              batch.findIndex((other) => other.messageKey === messageKey) === i),
        );
        const delayed = fresh.filter(({ delayMs = 0 }) => delayMs > 0).length;
        const full =
          (delayed > 0 && q.delayed.length + delayed > q.config.maxDepth) ||
          (fresh.length > delayed && q.ready.length + fresh.length - delayed > q.config.maxDepth);
        if (full) {
          expect(() => engine.publishBatch(s.queue, batch, now)).toThrow(`Queue is full: ${s.queue}`);
          break;
        }
        const ids = engine.publishBatch(s.queue, batch, now);
        expect(ids.map((id, i) => model.publish(q, id, batch[i] ?? {}, now))).toEqual(ids);
        for (const id of ids) if (!this.ids.includes(id)) this.ids.push(id);
        break;
      }
      case 'consume':
        expect(engine.consume(s.queue, s.consumer, now)?.id).toBe(model.take(q, s.consumer, 1, undefined, now)[0]?.id);
        break;
      case 'consumeBatch':
        expect(engine.consumeBatch(s.queue, s.consumer, s.max, now).map(brief)).toEqual(
          model.take(q, s.consumer, s.max, undefined, now).map(brief),
        );
        break;
      case 'ack': {
        const id = this.id(s.nth);
        const item = model.leased(q, id, now);
        expect(answer(() => engine.ack(s.queue, id, now))).toBe(item ? undefined : `Message not found: ${id}`);
        if (item !== undefined) model.ack(q, item);
        break;
      }
      case 'ackBatch': {
        const ids = s.many.map((n) => this.id(n));
        const missing = ids.filter((id) => {
          const item = model.leased(q, id, now);
          if (item !== undefined) model.ack(q, item);
          return item === undefined;
        });
        expect(engine.ackBatch(s.queue, ids, now)).toEqual({ acked: ids.length - missing.length, missing });
        break;
      }
      case 'nack': {
        const id = this.id(s.nth);
        const item = model.leased(q, id, now);
        const missing = `Message not found: ${id}`;
        expect(answer(() => engine.nack(s.queue, id, s.requeue, now))).toBe(item ? undefined : missing);
        if (item !== undefined) model.fail(q, item, s.requeue);
        break;
      }
      case 'extend': {
        const id = this.id(s.nth);
        const item = model.leased(q, id, now);
        expect(answer(() => engine.extend(s.queue, id, s.ms, now))).toBe(
          item ? now + s.ms : `Message not found: ${id}`,
        );
        if (item !== undefined) model.extend(item, now + s.ms);
        break;
      }
      case 'explain':
        this.#explain(s.queue, this.id(s.nth));
        break;
      case 'wait': {
        const twin = this.#join(s.queue, s.consumer, s.max, 0, now + s.ms, false);
        const log = (got: { readonly id: string }[]): void =>
          void this.log.push({ queue: s.queue, to: s.consumer, ids: got.map(({ id }) => id) });
        const handle = engine.wait(s.queue, s.consumer, s.max, now + s.ms, log, now);
        model.offer(s.queue, now);
        if (s.ms === 0) {
          if (model.parties.includes(twin)) this.#send(twin);
        }
        expect(handle.waiting).toBe(model.parties.includes(twin));
        this.parties.push({ handle, twin });
        break;
      }
      case 'subscribe': {
        const twin = this.#join(s.queue, s.consumer, 1, s.credit, Number.POSITIVE_INFINITY, true);
        const log = ({ id }: { readonly id: string }): void =>
          void this.log.push({ queue: s.queue, to: s.consumer, ids: [id] });
        const handle = engine.subscribe(s.queue, s.consumer, { prefetch: s.credit }, log, now);
        this.parties.push({ handle, twin });
        break;
      }
      case 'cancel': {
        const party = this.party(s.nth, false);
        (party?.handle as Waiter | undefined)?.cancel();
        model.parties = model.parties.filter((other) => other !== party?.twin);
        break;
      }
      case 'pause':
      case 'resume':
      case 'close':
        this.#steer(s.do, s.nth);
        break;
      case 'purge':
        expect(engine.purge(s.queue, now)).toBe(q.ready.length);
        q.ready = [];
        break;
      case 'deadPurge':
        expect(engine.deadPurge(s.queue, now)).toBe(q.dead.length);
        q.dead = [];
        break;
      case 'deadReplay':
      case 'deadReplayAll': {
        const ids =
          s.do === 'deadReplay' ? s.many.map((n) => this.id(n)) : q.dead.slice(0, s.limit).map(({ id }) => id);
        const replayed: string[] = [];
        const missing: string[] = [];
        for (const id of ids) {
          const item = q.dead.find((other) => other.id === id);
          if (item !== undefined) model.revive(q, item);
          (item === undefined ? missing : replayed).push(id);
        }
        expect(
          s.do === 'deadReplay' ? engine.deadReplay(s.queue, ids, now) : engine.deadReplayAll(s.queue, s.limit, now),
        ).toEqual({ replayed, missing, remaining: q.dead.length });
        break;
      }
      case 'advance': {
        const end = now + s.ms;
        for (let next = model.next(); next <= end; next = model.next()) model.tick(Math.max(next, now));
        bench.advance(s.ms);
        break;
      }
      case 'lag':
        bench.clock.advance(s.ms);
        break;
      case 'restart':
        bench.restart();
        model.parties = [];
        this.parties.length = 0;
        for (const { out } of model.queues.values()) for (const item of out) item.owner = undefined;
        break;
    }
    if ('queue' in s) model.offer(s.queue, now);
  }

  /** Everything that can be seen from outside is the same, and the engine is sound. */
  compare(): void {
    const { bench, model } = this;
    this.log.sort(byQueue);
    model.log.sort(byQueue);
    expect(this.log).toEqual(model.log);
    this.log.length = 0;
    model.log.length = 0;
    expect(new Set(bench.engine.list())).toEqual(new Set(model.queues.keys()));
    for (const [name, q] of model.queues) {
      expect(bench.engine.stats(name)).toEqual({
        depth: q.ready.length,
        consumers: new Set(q.out.map(({ consumer }) => consumer)).size,
        ...q.count,
      });
      const { ready, inFlight, delayed, dead } = bench.engine.detail(name, bench.now);
      expect([ready, inFlight, delayed, dead]).toEqual([q.ready, q.out, q.delayed, q.dead].map(({ length }) => length));
      const { letters } = bench.engine.deadList(name, 0, 1_000);
      expect(letters.map(({ id, reason, consumer }) => [id, reason, consumer])).toEqual(
        q.dead.map(({ id, reason, consumer }) => [id, reason, consumer]),
      );
    }
    expect(bench.engine.totals().waiters).toBe(model.parties.length);
    bench.sound();
  }

  #join(name: string, consumer: string, max: number, credit: number, until: number, standing: boolean): ModelParty {
    const twin: ModelParty = { name, consumer, max, credit, until, standing, paused: false, ticket: 0 };
    this.model.enter(twin);
    this.model.parties.push(twin);
    return twin;
  }

  #send(twin: ModelParty): void {
    this.model.parties = this.model.parties.filter((other) => other !== twin);
    this.model.log.push({ queue: twin.name, to: twin.consumer, ids: [] });
  }

  #steer(what: 'pause' | 'resume' | 'close', nth: number): void {
    const party = this.party(nth, true);
    if (party === undefined) return;
    const { model, bench } = this;
    const { now } = bench;
    const { twin } = party;
    const handle = party.handle as Subscription;
    const q = model.queues.get(twin.name);
    if (what === 'pause') {
      handle.pause();
      twin.paused = true;
    } else if (what === 'resume') {
      handle.resume(now);
      if (!twin.paused) return;
      if (q !== undefined) model.expire(q, now);
      twin.paused = false;
      model.enter(twin);
      model.offer(twin.name, now);
    } else {
      handle.close(now);
      this.parties.splice(this.parties.indexOf(party), 1);
      model.parties = model.parties.filter((other) => other !== twin);
      for (const item of model.held(twin)) {
        model.fail(q as ModelQueue, item, true);
        model.offer(twin.name, now);
      }
    }
  }

  #unknown(name: string, what: string): void {
    const { engine, now } = this.bench;
    if (what === 'consume') expect(engine.consume(name, 'w', now)).toBeUndefined();
    else expect(() => engine.ack(name, 'x', now)).toThrow(`Queue not found: ${name}`);
  }

  #explain(name: string, id: string): void {
    const { bench, model } = this;
    const q = model.queues.get(name) as ModelQueue;
    const places = { ready: q.ready, in_flight: q.out, delayed: q.delayed, dead: q.dead };
    const found = Object.entries(places).flatMap(([state, items]) =>
      items.filter((item) => item.id === id).map((item) => ({ state, item })),
    )[0];
    if (found === undefined) {
      expect(() => bench.engine.explain(name, id, bench.now)).toThrow(`Message not found: ${id}`);
      return;
    }
    const { state, item } = found;
    const timed = state === 'in_flight' || state === 'delayed';
    expect(bench.engine.explain(name, id, bench.now)).toMatchObject({
      state,
      retryCount: item.retryCount,
      maxRetries: item.maxRetries,
      priority: item.priority,
      deadline: timed ? item.due : undefined,
      holder: state === 'in_flight' || state === 'dead' ? item.consumer : undefined,
    });
  }
}

/** What a call answers: its value, or the text of its refusal. */
function answer<T>(call: () => T): T | string {
  try {
    return call();
  } catch (error) {
    return (error as Error).message;
  }
}

const brief = ({ id, retryCount }: { readonly id: string; readonly retryCount: number }): unknown => [id, retryCount];

/** Queues do not affect one another, so only the order within each counts; empty answers have none. */
function byQueue(
  a: { queue: string; to: string; ids: string[] },
  b: { queue: string; to: string; ids: string[] },
): number {
  return (
    a.queue.localeCompare(b.queue) ||
    Math.min(b.ids.length, 1) - Math.min(a.ids.length, 1) ||
    (a.ids.length === 0 ? a.to.localeCompare(b.to) : 0)
  );
}

test('the engine does what the model does, over restarts, late timers and closing sockets', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 5, maxLength: 80, size: 'max' }), (steps) => {
      const pair = new Pair();
      pair.run({ do: 'create', queue: 'a', config: 0 });
      for (const s of steps) {
        pair.run(s);
        pair.compare();
      }
    }),
    { seed, numRuns: runs(300) },
  );
});
