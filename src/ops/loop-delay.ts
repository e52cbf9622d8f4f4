/**
 * How late the event loop is: the longest and the usual delay of the last seconds.
 *
 * Invariant: readings are of whole windows, so that two readers (metrics and readiness) see the same and neither resets
 * the other.
 */
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import type { Timers } from '../core/timers.ts';

/** Delays in milliseconds. */
export interface Delays {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** Milliseconds between two probes of the loop; what is recorded includes them. */
const RESOLUTION_MS = 10;
/** Milliseconds of one window. */
const WINDOW_MS = 5_000;

export class LoopDelay {
  readonly #histogram: IntervalHistogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  readonly #end: () => void;
  #last: Delays = { p50: 0, p99: 0, max: 0 };

  /** Measures until `close`. */
  constructor(timers: Timers) {
    this.#histogram.enable();
    this.#end = timers.every(WINDOW_MS, () => this.#turn());
  }

  /** The last whole window; zeros during the first one. */
  get delays(): Delays {
    return this.#last;
  }

  close(): void {
    this.#end();
    this.#histogram.disable();
  }

  #turn(): void {
    const histogram = this.#histogram;
    const late = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e6 - RESOLUTION_MS);
    this.#last =
      histogram.count === 0
        ? { p50: WINDOW_MS, p99: WINDOW_MS, max: WINDOW_MS } // not one probe in the whole window
        : { p50: late(histogram.percentile(50)), p99: late(histogram.percentile(99)), max: late(histogram.max) };
    histogram.reset();
  }
}
