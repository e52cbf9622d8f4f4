/** A queue engine on a clock moved by hand, whose alarm rings when the clock passes it, and that can be restarted. */
import { expect } from 'vitest';
import { seededIds } from '../../src/core/ids.ts';
import { QueueEngine } from '../../src/queue/engine.ts';
import type { Delivery, QueueSettings } from '../../src/queue/types.ts';
import { FakeAlarm, FakeClock } from '../support/clock.ts';
import { RecordingStore } from '../support/recorder.ts';

export class Bench {
  readonly clock = new FakeClock();
  readonly alarm = new FakeAlarm();
  readonly store = new RecordingStore();
  readonly #ids = seededIds(7);
  readonly #defaults: QueueSettings;
  engine: QueueEngine;

  constructor(defaults: QueueSettings = {}) {
    this.#defaults = defaults;
    this.engine = this.#make();
  }

  get now(): number {
    return this.clock.time;
  }

  /** Moves the clock; the alarm rings at each time it was set for on the way. */
  advance(ms: number): void {
    const end = this.clock.time + ms;
    for (let rings = 0; this.alarm.at <= end; rings++) {
      if (rings > 100_000) throw new Error('the alarm does not stop ringing');
      this.clock.time = Math.max(this.clock.time, this.alarm.at);
      this.alarm.at = Number.POSITIVE_INFINITY;
      this.engine.tick(this.clock.time);
    }
    this.clock.time = end;
  }

  /** Throws the engine away and builds another one from what was stored. */
  restart(): void {
    this.alarm.at = Number.POSITIVE_INFINITY;
    this.engine = this.#make();
    this.store.restoreInto(this.engine, this.now);
  }

  publish(queue: string, text: string, options: Parameters<QueueEngine['publish']>[2] = {}): string {
    return this.engine.publish(queue, bytes(text), options, this.now);
  }

  consume(queue: string, consumer = 'w'): Delivery | undefined {
    return this.engine.consume(queue, consumer, this.now);
  }

  /** Consumes until there is nothing left; answers the texts. */
  drain(queue: string, consumer = 'w'): string[] {
    const texts: string[] = [];
    for (let d = this.consume(queue, consumer); d !== undefined; d = this.consume(queue, consumer)) texts.push(text(d));
    return texts;
  }

  sound(): void {
    expect(this.engine.check()).toEqual([]);
  }

  #make(): QueueEngine {
    return new QueueEngine({ store: this.store, alarm: this.alarm, ids: this.#ids }, this.#defaults);
  }
}

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
export const text = (delivery: { readonly payload: Uint8Array } | undefined): string =>
  delivery === undefined ? '(nothing)' : new TextDecoder().decode(delivery.payload);
