/**
 * Long work in slices, so that no walk over a large collection holds the event loop.
 */
import type { Clock } from './clock.ts';

/** How long one slice may run, in milliseconds (DESIGN.md: at most 2 ms). */
export const SLICE_MS = 2;

/**
 * Runs `step` again and again until it answers `false`, letting other work in after each slice of `SLICE_MS`.
 * Answers at once, without a promise, when the work fits into the first slice.
 */
export function sliced(clock: Clock, step: () => boolean): void | Promise<void> {
  if (!slice(clock, step)) return;
  return new Promise((resolve, reject) => {
    const next = (): void => {
      try {
        if (slice(clock, step)) setImmediate(next);
        else resolve();
      } catch (error) {
        reject(error);
      }
    };
    setImmediate(next);
  });
}

function slice(clock: Clock, step: () => boolean): boolean {
  const end = clock.monotonic() + SLICE_MS;
  while (step()) if (clock.monotonic() >= end) return true;
  return false;
}
