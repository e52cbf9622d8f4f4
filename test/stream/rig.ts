/** A stream engine with everything around it in the test's hands. */
import { CommandError } from '../../src/core/errors.ts';
import { seededIds } from '../../src/core/ids.ts';
import type { Engine } from '../../src/core/ports.ts';
import { GroupEngine } from '../../src/stream/groups.ts';
import { RoomEngine, type RoomOptions } from '../../src/stream/rooms.ts';
import { TopicEngine, type TopicOptions } from '../../src/stream/topics.ts';
import type { RoomEvent, RoomSink, TopicEnds } from '../../src/stream/types.ts';
import { FakeAlarm, FakeClock } from '../support/clock.ts';
import { RecordingStore } from '../support/recorder.ts';

export class Rig<E extends Engine> {
  readonly clock = new FakeClock();
  readonly store = new RecordingStore();
  readonly ids = seededIds(7);
  alarm = new FakeAlarm();
  engine: E;
  readonly #build: (rig: Rig<E>) => E;

  constructor(build: (rig: Rig<E>) => E) {
    this.#build = build;
    this.engine = build(this);
  }

  get now(): number {
    return this.clock.time;
  }

  /** Lets time pass, ringing the alarm whenever it is due. */
  pass(ms: number): void {
    const end = this.clock.time + ms;
    while (this.alarm.at <= end) {
      this.clock.time = Math.max(this.clock.time, this.alarm.at);
      this.alarm.at = Number.POSITIVE_INFINITY;
      this.engine.tick(this.clock.time);
    }
    this.clock.time = end;
  }

  /** A new process on the same records. */
  restart(): E {
    this.alarm = new FakeAlarm();
    this.engine = this.#build(this);
    this.store.restoreInto(this.engine, this.clock.time);
    return this.engine;
  }
}

export const roomRig = (options?: RoomOptions): Rig<RoomEngine> =>
  new Rig(({ store, ids, alarm }) => new RoomEngine({ store, ids, alarm }, options));

export const topicRig = (options?: TopicOptions): Rig<TopicEngine> =>
  new Rig(({ store, ids, alarm }) => new TopicEngine({ store, ids, alarm }, options));

const NO_TOPICS: TopicEnds = { earliestOffset: () => undefined, endOffset: () => undefined };

export const groupRig = (topics: TopicEnds = NO_TOPICS): Rig<GroupEngine> =>
  new Rig(({ store, ids, alarm }) => new GroupEngine({ store, ids, alarm, topics }));

/** The text of the refusal that `work` meets. */
export function refusal(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof CommandError) return error.message;
    throw error;
  }
  return 'no refusal';
}

/** A sink that remembers what it got, and takes at most `appetite` events before it says stop. */
export class Listener implements RoomSink {
  readonly offsets: number[] = [];
  readonly events: RoomEvent[] = [];
  ended: string | undefined;
  appetite: number;

  constructor(appetite = Number.POSITIVE_INFINITY) {
    this.appetite = appetite;
  }

  event(event: RoomEvent): boolean {
    this.offsets.push(event.offset);
    this.events.push(event);
    return --this.appetite > 0;
  }

  error(error: CommandError): void {
    if (this.ended !== undefined) throw new Error('a subscription ended twice');
    this.ended = error.message;
  }
}
