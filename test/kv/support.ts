/** Engines of key-value tests, with every port in the test's hands. */
import { seededIds } from '../../src/core/ids.ts';
import { KvEngine } from '../../src/kv/engine.ts';
import type { KvOptions } from '../../src/kv/types.ts';
import type { WatchEnvelope, WatchPort } from '../../src/kv/watch.ts';
import { FakeAlarm, FakeClock } from '../support/clock.ts';
import { RecordingStore } from '../support/recorder.ts';

/** A watcher port whose audience is a test on the topic. */
export class Audience implements WatchPort {
  active = false;
  heard: { topic: string; payload: WatchEnvelope | string }[] = [];
  asked = 0;
  #reaches: (topic: string) => boolean = () => false;

  /** From now on every topic that passes the test reaches somebody. */
  watch(reaches: (topic: string) => boolean): void {
    this.active = true;
    this.#reaches = reaches;
  }

  leave(): void {
    this.active = false;
  }

  watched(topic: string): boolean {
    this.asked++;
    return this.#reaches(topic);
  }

  publish(topic: string, payload: WatchEnvelope | string): void {
    this.heard.push({ topic, payload });
  }

  /** What was heard since the last call, envelopes only by their payload. */
  take(): (WatchEnvelope | string)[] {
    const heard = this.heard.map(({ payload }) => payload);
    this.heard = [];
    return heard;
  }
}

export class Bench {
  readonly clock = new FakeClock();
  readonly alarm = new FakeAlarm();
  readonly store = new RecordingStore();
  readonly audience = new Audience();
  readonly ids = seededIds(7);
  readonly options: KvOptions;
  engine: KvEngine;

  constructor(options: KvOptions = {}) {
    this.options = options;
    this.engine = this.#make();
  }

  get now(): number {
    return this.clock.time;
  }

  /** Moves the clock and rings the alarm each time it is due on the way. */
  advance(ms: number): void {
    const end = this.clock.time + ms;
    while (this.alarm.at <= end) {
      this.clock.time = Math.max(this.clock.time, this.alarm.at);
      this.alarm.at = Number.POSITIVE_INFINITY;
      this.engine.tick(this.now);
    }
    this.clock.time = end;
  }

  /** Goes on with a new engine made of what was recorded. */
  restart(): void {
    this.alarm.at = Number.POSITIVE_INFINITY;
    this.engine = this.#make();
    this.store.restoreInto(this.engine, this.now);
  }

  /** Everything that lives, by key. */
  keys(pattern?: string, prefix?: string, limit?: number): string[] {
    const listing = this.engine.list({ pattern, prefix, limit });
    while (listing.step(this.now)) {}
    return listing.keys.sort();
  }

  #make(): KvEngine {
    const { store, alarm, ids, audience } = this;
    return new KvEngine({ store, alarm, ids, watch: audience }, this.options);
  }
}

/** The code and text of the refusal of `call`, `undefined` when it succeeded. */
export function refusal(call: () => unknown): string | undefined {
  try {
    call();
  } catch (error) {
    return (error as Error).message;
  }
  return undefined;
}
