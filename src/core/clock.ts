/**
 * Time as a value. Nothing else in the tree reads the system clock; engines are handed `now`.
 */

/** Where time comes from: `now` in Unix milliseconds, `monotonic` in milliseconds with a fraction that never go back. */
export interface Clock {
  now(): number;
  monotonic(): number;
}

/** The clock of the machine. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
};
