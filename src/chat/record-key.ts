/**
 * Keys of records that are numbered within a thread.
 *
 * Invariant: the order of the keys' bytes is the order of the numbers, so that a table comes back thread by thread and
 * within a thread in the order of writing.
 */

const WIDTH = 8;

/** The key of one numbered thing. */
export function numberKey(no: number): string {
  return no.toString(36).padStart(WIDTH, '0');
}

/** The key of the thing `no` of thread `thread`. */
export function recordKey(thread: number, no: number): string {
  return numberKey(thread) + numberKey(no);
}

/** The two numbers of a key. */
export function readRecordKey(key: string): { thread: number; no: number } {
  return { thread: readNumberKey(key.slice(0, WIDTH)), no: readNumberKey(key.slice(WIDTH)) };
}

/** The number of a key. */
export function readNumberKey(key: string): number {
  return Number.parseInt(key, 36);
}
