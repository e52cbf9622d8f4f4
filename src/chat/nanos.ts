/**
 * Nanoseconds that only go forward: the milliseconds of the clock and a count of the moments within one.
 *
 * Invariant: every `next` is greater than all before it and than everything `seen`, whatever the clock does.
 */

const PER_MS = 1_000_000;

export class Nanos {
  #ms = 0;
  #within = 0;

  /** The next moment at `now` (Unix milliseconds). */
  next(now: number): bigint {
    if (now > this.#ms) {
      this.#ms = now;
      this.#within = 0;
    } else if (++this.#within === PER_MS) {
      this.#ms++;
      this.#within = 0;
    }
    return BigInt(this.#ms) * 1_000_000n + BigInt(this.#within);
  }

  /** Makes sure that what comes next is later than `moment`. */
  seen(moment: bigint): void {
    const ms = Number(moment / 1_000_000n);
    const within = Number(moment % 1_000_000n);
    if (ms < this.#ms || (ms === this.#ms && within <= this.#within)) return;
    this.#ms = ms;
    this.#within = within;
  }
}
