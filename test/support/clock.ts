/** A clock that tests move by hand, and an alarm that remembers when it would ring. */
import type { Clock } from '../../src/core/clock.ts';
import type { Alarm } from '../../src/core/ports.ts';

export class FakeClock implements Clock {
  time: number;
  constructor(start = 1_790_000_000_000) {
    this.time = start;
  }
  now(): number {
    return this.time;
  }
  monotonic(): number {
    return this.time;
  }
  advance(ms: number): number {
    this.time += ms;
    return this.time;
  }
}

export class FakeAlarm implements Alarm {
  at = Number.POSITIVE_INFINITY;
  set(at: number): void {
    this.at = at;
  }
}
