import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CommandError } from '../../src/core/errors.ts';
import { seededIds } from '../../src/core/ids.ts';
import type { Plain, Store } from '../../src/core/ports.ts';
import { RoomEngine } from '../../src/stream/rooms.ts';
import { TopicEngine } from '../../src/stream/topics.ts';
import type { RoomEvent, RoomSubscription, TopicEvent, Wait } from '../../src/stream/types.ts';
import { FakeAlarm, FakeClock } from '../support/clock.ts';
import { RecordingStore } from '../support/recorder.ts';
import { runs, seed } from '../support/seed.ts';
import { History } from './history.ts';

describe('the checker', () => {
  const log = 'r@1';
  const written = (): History => {
    const history = new History();
    for (const [offset, value] of ['a', 'b', 'c'].entries()) history.acked(log, offset, value);
    return history;
  };
  const all = new Map([
    [0, 'a'],
    [1, 'b'],
    [2, 'c'],
  ]);

  it('finds nothing in a sound history', () => {
    const history = written();
    for (const [offset, value] of all) history.polled('x', log, offset, value);
    history.moved('x');
    history.polled('x', log, 0, 'a');
    history.drained(log, 0, 3, all);
    expect(history.anomalies()).toEqual([]);
  });

  it.each<[string, (history: History) => void]>([
    ['lost write', (history) => history.drained(log, 0, 3, new Map([...all].slice(0, 2)))],
    ['lost write', (history) => history.drained(log, 2, 2, new Map())],
    ['duplicate', (history) => history.polled('x', log, 3, 'a')],
    ['inconsistent offsets', (history) => history.polled('x', log, 0, 'z')],
    ['unexpected', (history) => history.polled('x', log, 9, 'z')],
    ['non-monotonic send', (history) => history.acked(log, 1, 'z')],
    [
      'non-monotonic poll',
      (history) => {
        history.polled('x', log, 1, 'b');
        history.polled('x', log, 1, 'b');
      },
    ],
    [
      'poll skip',
      (history) => {
        history.polled('x', log, 0, 'a');
        history.polled('x', log, 2, 'c');
      },
    ],
  ])('finds a %s', (name, act) => {
    const history = written();
    act(history);
    expect(history.anomalies().some((found) => found.startsWith(name))).toBe(true);
  });
});

/**
 * A disk that keeps nothing before it is flushed. What clients are told waits for the flush as well, as replies do at
 * the server's gate, so a crash loses both and nobody has seen what is gone.
 */
class Disk implements Store {
  flushed = new RecordingStore();
  #waiting: (() => void)[] = [];

  put(table: string, key: string, value: Plain): void {
    this.afterFlush(() => this.flushed.put(table, key, value));
  }

  remove(table: string, key: string): void {
    this.afterFlush(() => this.flushed.remove(table, key));
  }

  clear(table: string): void {
    this.afterFlush(() => this.flushed.clear(table));
  }

  afterFlush(tell: () => void): void {
    this.#waiting.push(tell);
  }

  flush(): void {
    for (const tell of this.#waiting.splice(0)) tell();
  }

  crash(): void {
    this.#waiting = [];
  }
}

/** Time, disk and history around an engine that crashes. */
class World {
  readonly disk = new Disk();
  readonly history = new History();
  readonly clock = new FakeClock();
  readonly ids = seededIds(3);
  alarm = new FakeAlarm();
  values = 0;

  pass(engine: RoomEngine | TopicEngine, ms: number): void {
    const end = this.clock.time + ms;
    while (this.alarm.at <= end) {
      this.clock.time = Math.max(this.clock.time, this.alarm.at);
      this.alarm.at = Number.POSITIVE_INFINITY;
      engine.tick(this.clock.time);
    }
    this.clock.time = end;
  }
}

/** Where a client is: as it goes along, and as it believes after the last flush, which is what it knows after a crash. */
interface Place {
  readonly log: string;
  readonly next: number | 'earliest';
}

/** A client that reads a room by polling, by waiting or by a socket, one at a time. */
class RoomReader {
  #at: Place = { log: '', next: 'earliest' };
  #believed = this.#at;
  #socket: RoomSubscription | undefined;
  #wait: Wait | undefined;
  #appetite = 0;
  readonly #world: World;
  readonly #room: string;
  readonly #id: string;

  constructor(world: World, room: string, id: string) {
    this.#world = world;
    this.#room = room;
    this.#id = id;
  }

  /** Its connection is lost with the server; what was not flushed was never heard. */
  crashed(): void {
    this.#socket = undefined;
    this.#wait = undefined;
    this.#at = this.#believed;
  }

  /** Ends what it has open. */
  leave(): void {
    this.#wait?.cancel();
    this.#socket?.close(this.#world.clock.now());
    this.#socket = undefined;
    this.#wait = undefined;
  }

  poll(engine: RoomEngine, limit: number): void {
    this.leave();
    this.#try(engine, (now) => this.#take(engine.consume(this.#room, this.#id, this.#at.next, limit, now).events));
  }

  wait(engine: RoomEngine): void {
    this.leave();
    const reply = {
      answer: ({ events }: { events: readonly RoomEvent[] }) => this.#take(events),
      refuse: (error: CommandError) => this.#refused(error),
    };
    this.#try(engine, (now) => {
      this.#wait = engine.wait(this.#room, this.#id, this.#at.next, 3, now + 20_000, reply, now);
    });
  }

  socket(engine: RoomEngine, appetite: number): void {
    this.#wait?.cancel();
    this.#appetite = appetite;
    const sink = {
      event: (event: RoomEvent) => {
        this.#take([event]);
        return --this.#appetite > 0;
      },
      error: (error: CommandError) => this.#refused(error),
    };
    this.#try(engine, (now) => {
      this.#socket ??= engine.subscribe(this.#room, this.#id, this.#at.next, sink, now);
      this.#socket.resume(now);
    });
  }

  /** Does something with the room, after a look whether it is still the one it knew. */
  #try(engine: RoomEngine, work: (now: number) => void): void {
    const log = `${this.#room}@${engine.stats(this.#room).generation}`;
    if (this.#at.log !== log) this.#jump({ log, next: 'earliest' });
    try {
      work(this.#world.clock.now());
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      this.#refused(error);
    }
  }

  #jump(place: Place): void {
    this.#at = place;
    this.#world.disk.afterFlush(() => {
      this.#believed = place;
      this.#world.history.moved(this.#id);
    });
  }

  #take(events: readonly RoomEvent[]): void {
    for (const { offset, data } of events) {
      const place = { log: this.#at.log, next: offset + 1 };
      this.#at = place;
      this.#world.disk.afterFlush(() => {
        this.#believed = place;
        this.#world.history.polled(this.#id, place.log, offset, data);
      });
    }
  }

  #refused(error: CommandError): void {
    this.#socket = undefined;
    if (error.code === 'OFFSET_OUT_OF_RANGE') this.#jump({ ...this.#at, next: Number(error.holes['earliest']) });
  }
}

const readers = fc.nat(5);
const roomStep = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      do: fc.constant('publish' as const),
      room: fc.nat(1),
      count: fc.integer({ min: 1, max: 6 }),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('poll' as const), reader: readers, limit: fc.nat(5) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('wait' as const), reader: readers }) },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('socket' as const),
      reader: readers,
      appetite: fc.integer({ min: 1, max: 30 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('close' as const), reader: readers }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('recreate' as const), room: fc.nat(1) }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.constantFrom(1, 500, 30_000, 400_000, 4_000_000) }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('flush' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('crash' as const) }) },
);

it('rooms show none of the Kafka anomalies to slow and waiting readers and sockets, through crashes and retention', () => {
  fc.assert(
    fc.property(fc.array(roomStep, { minLength: 50, maxLength: 200 }), (steps) => {
      const world = new World();
      const { disk, history, clock, ids } = world;
      const build = (): RoomEngine => {
        const options = { maxEvents: 4, retentionSecs: 300, roomBytes: 300 };
        world.alarm = new FakeAlarm();
        return new RoomEngine({ store: disk, ids, alarm: world.alarm }, options);
      };
      const rooms = ['a', 'b'];
      const clients = Array.from({ length: 6 }, (_, i) => new RoomReader(world, rooms[i % 2] as string, `reader-${i}`));
      let engine = build();
      for (const room of rooms) engine.create(room, {}, clock.now());
      disk.flush();
      for (const one of steps) {
        const client = 'reader' in one ? (clients[one.reader] as RoomReader) : undefined;
        const room = 'room' in one ? (rooms[one.room] as string) : '';
        if (one.do === 'publish') {
          const log = `${room}@${engine.stats(room).generation}`;
          for (let i = 0; i < one.count; i++) {
            const value = `${world.values++}`;
            const offset = engine.publish(room, 'e', value, undefined, clock.now());
            disk.afterFlush(() => history.acked(log, offset, value));
          }
        } else if (one.do === 'poll') client?.poll(engine, one.limit);
        else if (one.do === 'wait') client?.wait(engine);
        else if (one.do === 'socket') client?.socket(engine, one.appetite);
        else if (one.do === 'close') client?.leave();
        else if (one.do === 'recreate') {
          engine.delete(room);
          engine.create(room, {}, clock.now());
        } else if (one.do === 'pass') world.pass(engine, one.ms);
        else if (one.do === 'flush') disk.flush();
        else {
          disk.crash();
          for (const each of clients) each.crashed();
          engine = build();
          disk.flushed.restoreInto(engine, clock.now());
        }
        expect(engine.check()).toEqual([]);
      }
      disk.flush();
      for (const room of engine.list()) {
        const { generation, minOffset, totalPublished } = engine.stats(room);
        const { events } = engine.consume(room, 'drain', 'earliest', 1000, clock.now());
        const values = new Map(events.map(({ offset, data }) => [offset, data]));
        history.drained(`${room}@${generation}`, minOffset, totalPublished, values);
      }
      expect(history.anomalies()).toEqual([]);
    }),
    { seed, numRuns: runs(150) },
  );
});

const topicStep = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      do: fc.constant('publish' as const),
      key: fc.option(fc.constantFrom('', 'k', 'key-2')),
      count: fc.integer({ min: 1, max: 6 }),
    }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('poll' as const), reader: readers, limit: fc.nat(5) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('recreate' as const) }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.constantFrom(1, 500, 30_000, 400_000) }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('flush' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('crash' as const) }) },
);

it('topics show none of the Kafka anomalies to readers of their partitions, through crashes and retention', () => {
  fc.assert(
    fc.property(fc.array(topicStep, { minLength: 50, maxLength: 200 }), (steps) => {
      const world = new World();
      const { disk, history, clock, ids } = world;
      const build = (): TopicEngine => {
        world.alarm = new FakeAlarm();
        return new TopicEngine({ store: disk, ids, alarm: world.alarm });
      };
      const create = (): void => {
        const retention = { retentionSecs: 300, maxMessages: 6, maxBytes: 60 };
        engine.create('t', { partitions: 3, retention }, clock.now());
      };
      const nameOf = (partition: number): string => `t@${engine.info('t').generation}/${partition}`;
      /** Where each reader is, and where it will believe to be after the next flush. */
      const clients = Array.from({ length: 6 }, (_, i) => ({
        id: `reader-${i}`,
        partition: i % 3,
        log: '',
        next: 0,
        given: 0,
      }));
      let engine = build();
      create();
      disk.flush();
      for (const one of steps) {
        if (one.do === 'publish') {
          for (let i = 0; i < one.count; i++) {
            const value = `${world.values++}`;
            const { partition, offset } = engine.publish('t', 'e', value, one.key, undefined, clock.now());
            const log = nameOf(partition);
            disk.afterFlush(() => history.acked(log, offset, value));
          }
        } else if (one.do === 'poll') {
          const client = clients[one.reader] as (typeof clients)[0];
          const log = nameOf(client.partition);
          if (client.log !== log) client.given = 0;
          const read = engine.consume('t', client.partition, client.given, one.limit);
          const told = read.earliestOffset !== undefined || client.log !== log;
          client.given = Number(read.nextOffset);
          const { given } = client;
          disk.afterFlush(() => {
            if (told) history.moved(client.id);
            client.log = log;
            client.next = given;
            for (const { offset, data } of read.events as readonly TopicEvent[])
              history.polled(client.id, log, offset, data);
          });
          disk.flush(); // a reader that has not heard yet cannot ask again
        } else if (one.do === 'recreate') {
          engine.delete('t');
          create();
        } else if (one.do === 'pass') world.pass(engine, one.ms);
        else if (one.do === 'flush') disk.flush();
        else {
          disk.crash();
          for (const client of clients) client.given = client.next;
          engine = build();
          disk.flushed.restoreInto(engine, clock.now());
        }
        expect(engine.check()).toEqual([]);
      }
      disk.flush();
      for (const { partition, minOffset } of engine.stats('t', clock.now())) {
        const { events } = engine.consume('t', partition, 'earliest', 1000);
        const values = new Map(events.map(({ offset, data }) => [offset, data]));
        history.drained(nameOf(partition), minOffset, engine.endOffset('t', partition) as number, values);
      }
      expect(history.anomalies()).toEqual([]);
    }),
    { seed, numRuns: runs(150) },
  );
});

/** Remembers every change in order, and after how many of them each operation was complete. */
class Journal implements Store {
  readonly changes: ((store: Store) => void)[] = [];

  put(table: string, key: string, value: Plain): void {
    const copy = structuredClone(value) as Plain;
    this.changes.push((store) => store.put(table, key, copy));
  }

  remove(table: string, key: string): void {
    this.changes.push((store) => store.remove(table, key));
  }

  clear(table: string): void {
    this.changes.push((store) => store.clear(table));
  }
}

it('a crash between any two changes leaves whole logs that go on behind everything that was complete', () => {
  fc.assert(
    fc.property(fc.array(roomStep, { minLength: 20, maxLength: 60 }), (steps) => {
      const journal = new Journal();
      const clock = new FakeClock();
      const ids = seededIds(5);
      const options = { maxEvents: 2, retentionSecs: 300, roomBytes: 40 };
      const alarm = new FakeAlarm();
      const engine = new RoomEngine({ store: journal, ids, alarm }, options);
      const rooms = ['a', 'b'];
      const complete: { changes: number; next: Map<string, number> }[] = [];
      const done = (): void => {
        const next = new Map(
          engine.list().map((room) => {
            const { generation, totalPublished } = engine.stats(room);
            return [`${room}@${generation}`, totalPublished] as const;
          }),
        );
        complete.push({ changes: journal.changes.length, next });
      };
      for (const room of rooms) engine.create(room, {}, clock.now());
      for (const one of steps) {
        const room = 'room' in one ? (rooms[one.room] as string) : 'a';
        if (one.do === 'publish') {
          for (let i = 0; i < one.count; i++) {
            engine.publish(room, 'e', 'x'.repeat(i * 12), undefined, clock.now());
            done();
          }
        } else if (one.do === 'poll') engine.consume(room, `s${one.reader}`, 'earliest', one.limit, clock.now());
        else if (one.do === 'recreate') {
          engine.delete(room);
          engine.create(room, {}, clock.now());
        } else if (one.do === 'pass') {
          clock.advance(one.ms);
          engine.tick(clock.now());
        }
        done();
      }

      const store = new RecordingStore();
      let at = 0;
      for (const [count, change] of journal.changes.entries()) {
        change(store);
        while (at + 1 < complete.length && (complete[at + 1]?.changes ?? 0) <= count + 1) at++;
        const again = new RoomEngine({ store: new RecordingStore(), ids, alarm: new FakeAlarm() }, options);
        store.restoreInto(again, clock.now());
        // Limits are applied after the change that made them necessary, so a crash in between may leave too much.
        expect(again.check().filter((broken) => !broken.includes('limit'))).toEqual([]);
        if ((complete[at]?.changes ?? 0) > count + 1) continue;
        for (const room of again.list()) {
          const { generation, totalPublished } = again.stats(room);
          expect(totalPublished).toBeGreaterThanOrEqual(complete[at]?.next.get(`${room}@${generation}`) ?? 0);
        }
      }
    }),
    { seed, numRuns: runs(40) },
  );
});
