import fc from 'fast-check';
import { expect, it } from 'vitest';
import { LIMITS } from '../../src/core/limits.ts';
import type { RoomSubscription } from '../../src/stream/types.ts';
import { runs, seed } from '../support/seed.ts';
import { Listener, roomRig } from './rig.ts';

/** Time goes in steps of ten seconds, so that a sweep, which may be a second late, is never late at a step. */
const STEP = 10_000;
const AGE = 300_000;
const ROOM_BYTES = 400;

interface Reader {
  id: string;
  position: number;
  flowing: boolean;
  got: number[];
  sink: Listener;
  handle: RoomSubscription;
}

/** A room as a plain array, searched from end to end for every answer. */
class NaiveRoom {
  events: { offset: number; text: string; at: number; size: number }[] = [];
  next = 0;
  dropped = 0;
  consumed = 0;
  subscribers = new Map<string, { position: number; seen: number }>();
  readers: Reader[] = [];
  readonly soft: number;
  readonly age: number;
  readonly bytes: number;
  constructor(soft: number, age: number, bytes: number) {
    this.soft = soft;
    this.age = age;
    this.bytes = bytes;
  }

  get base(): number {
    return this.events[0]?.offset ?? this.next;
  }

  visit(id: string, position: number, taken: number, now: number): void {
    this.subscribers.set(id, { position, seen: now });
    this.consumed += taken;
  }

  read(from: number, limit: number) {
    return this.events.filter(({ offset }) => offset >= from).slice(0, limit);
  }

  publish(text: string, size: number, now: number): void {
    this.events.push({ offset: this.next++, text, at: now, size });
    for (const reader of this.readers) this.deliver(reader);
    this.trim(now, true);
  }

  deliver(reader: Reader): void {
    if (!reader.flowing) return;
    for (const { offset } of this.read(reader.position, 1e9)) {
      reader.got.push(offset);
      reader.position = offset + 1;
      this.consumed++;
    }
  }

  resting(): [string, { position: number; seen: number }][] {
    return [...this.subscribers].filter(([id]) => !this.readers.some((reader) => reader.id === id));
  }

  slowest(): number {
    const held = this.readers.filter(({ flowing, position }) => !flowing || position < this.next);
    return Math.min(...held.map(({ position }) => position), ...this.resting().map(([, { position }]) => position));
  }

  /** Drops what has to go; with `soft` also what may go because everyone has read it. */
  trim(now: number, soft: boolean): void {
    for (;;) {
      const oldest = this.events[0];
      if (oldest === undefined) return;
      const bytes = this.events.reduce((sum, { size }) => sum + size, 0);
      const read = oldest.offset < this.slowest();
      if (oldest.at <= now - this.age) this.events.shift();
      else if (this.events.length > 10 * this.soft || bytes > this.bytes) {
        if (!read) this.dropped++;
        this.events.shift();
      } else if (soft && this.events.length > this.soft && read) this.events.shift();
      else return;
    }
  }

  pass(now: number): void {
    for (const [id, { seen }] of this.resting()) if (seen <= now - LIMITS.subscriberIdleMs) this.subscribers.delete(id);
    this.trim(now, false);
  }
}

const room = fc.constantFrom('a', 'b');
const id = fc.constantFrom('s', 't', 'u');
const step = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('create' as const),
      room,
      size: fc.integer({ min: 0, max: 4 }),
      secs: fc.constantFrom(null, 0, 100, 900),
      bytes: fc.constantFrom(undefined, 0, 150, 9_999),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('delete' as const), room }) },
  {
    weight: 12,
    arbitrary: fc.record({ do: fc.constant('publish' as const), room, length: fc.integer({ min: 0, max: 60 }) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('consume' as const),
      room,
      id,
      from: fc.oneof(fc.integer({ min: -2, max: 12 }), fc.constantFrom('earliest' as const, 'latest' as const)),
      limit: fc.integer({ min: 0, max: 9 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('subscribe' as const), room, id, back: fc.nat(4) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom('resume' as const, 'pause' as const, 'close' as const),
      room,
      which: fc.nat(5),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('pass' as const), steps: fc.integer({ min: 1, max: 40 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('pass' as const), steps: fc.constant(400) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('restart' as const) }) },
);

it('rooms answer like plain arrays under any history, restarts included', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 20, maxLength: 120 }), (steps) => {
      const rig = roomRig({ maxEvents: 3, retentionSecs: AGE / 1000, roomBytes: ROOM_BYTES });
      const rooms = new Map<string, NaiveRoom>();
      const generations = new Map<string, number>();
      for (const one of steps) {
        const { engine } = rig;
        const model = 'room' in one ? rooms.get(one.room) : undefined;
        if (one.do === 'create') {
          const limits = { maxEvents: one.size, retentionSecs: one.secs, maxBytes: one.bytes };
          expect(engine.getOrCreate(one.room, limits, rig.now)).toBe(model === undefined);
          if (model === undefined) {
            const age = one.secs === null ? AGE : one.secs * 1000 || Number.POSITIVE_INFINITY;
            rooms.set(one.room, new NaiveRoom(one.size || 3, age, Math.min(one.bytes || ROOM_BYTES, ROOM_BYTES)));
            const { generation } = engine.stats(one.room);
            for (const earlier of generations.values()) expect(generation).toBeGreaterThan(earlier);
            generations.set(one.room, generation);
          }
        } else if (one.do === 'pass') {
          rig.pass(one.steps * STEP);
          for (const naive of rooms.values()) naive.pass(rig.now);
        } else if (one.do === 'restart') {
          for (const naive of rooms.values()) {
            for (const { handle } of naive.readers) handle.close(rig.now);
            for (const { id, position } of naive.readers) naive.visit(id, position, 0, rig.now);
            naive.readers = [];
            for (const subscriber of naive.subscribers.values()) subscriber.seen = rig.now;
          }
          rig.restart();
        } else if (model === undefined) {
          expect(() => engine.stats(one.room)).toThrow('not found');
        } else if (one.do === 'delete') {
          engine.delete(one.room);
          rooms.delete(one.room);
          for (const { sink } of model.readers)
            expect(sink.ended).toBe(`Invalid request: Room '${one.room}' not found`);
        } else if (one.do === 'publish') {
          const text = `"${model.next}-${'x'.repeat(one.length)}"`;
          expect(engine.publish(one.room, 'e', text, undefined, rig.now)).toBe(model.next);
          model.publish(text, text.length + 1, rig.now);
        } else if (one.do === 'consume') {
          const from = typeof one.from === 'number' ? Math.max(0, model.base + one.from) : one.from;
          const start = from === 'earliest' ? model.base : from === 'latest' ? model.next : from;
          if (start < model.base) {
            expect(() => engine.consume(one.room, one.id, from, one.limit, rig.now)).toThrow(
              `Stream offset ${start} out of range; earliest retained offset is ${model.base}`,
            );
          } else {
            const expected = model.read(start, one.limit);
            const answer = engine.consume(one.room, one.id, from, one.limit, rig.now);
            expect(answer.events.map(({ offset, data }) => [offset, data])).toEqual(
              expected.map(({ offset, text }) => [offset, text]),
            );
            const nextOffset = expected.length > 0 ? start + expected.length : start;
            expect(answer.nextOffset).toBe(nextOffset);
            model.visit(one.id, nextOffset, expected.length, rig.now);
          }
        } else if (one.do === 'subscribe') {
          const position = Math.max(model.base, model.next - one.back);
          const sink = new Listener();
          const handle = engine.subscribe(one.room, one.id, position, sink, rig.now);
          model.visit(one.id, position, 0, rig.now);
          model.readers.push({ id: one.id, position, flowing: false, got: [], sink, handle });
        } else {
          const reader = model.readers[one.which];
          if (reader === undefined) continue;
          const lost = reader.position < model.base;
          if (one.do === 'pause') {
            reader.flowing = false;
            reader.handle.pause();
          } else if (one.do === 'resume' && !lost) {
            reader.flowing = true;
            reader.handle.resume(rig.now);
            model.deliver(reader);
          } else {
            model.readers.splice(one.which, 1);
            model.visit(reader.id, reader.position, 0, rig.now);
            if (one.do === 'resume') reader.handle.resume(rig.now);
            else reader.handle.close(rig.now);
            expect(reader.sink.ended !== undefined).toBe(one.do === 'resume');
          }
        }

        expect(rig.engine.check()).toEqual([]);
        expect(rig.engine.list().sort()).toEqual([...rooms.keys()].sort());
        for (const [name, naive] of rooms) {
          const stats = rig.engine.stats(name);
          // A sweep may, but need not, drop what everyone has read since the last publish.
          if (stats.minOffset !== naive.base) naive.trim(rig.now, true);
          expect(stats).toMatchObject({
            messageCount: naive.events.length,
            minOffset: naive.base,
            maxOffset: naive.events.length === 0 ? 0 : naive.next - 1,
            totalPublished: naive.next,
            totalConsumed: naive.consumed,
            subscriberCount: naive.subscribers.size,
            dropped: naive.dropped,
            generation: generations.get(name),
          });
          for (const { sink, got, position, handle } of naive.readers) {
            expect(sink.offsets).toEqual(got);
            expect(handle.position).toBe(position);
          }
        }
      }
    }),
    { seed, numRuns: runs(250) },
  );
});
