/**
 * Bodies that may be larger than what the client reads.
 *
 * Invariant: of a large body the library never holds more than the socket takes; the rest waits here, one body per
 * connection. Without that a client that pipelines requests for a large value and reads nothing fills the memory: the
 * library serves every request of a chunk before it looks at the socket again. A client that goes on sending while its
 * answer is stuck is cut off by the library.
 */
import type { HttpResponse } from './uws.ts';

/** Bytes from which on a body is sent as the socket takes it. Below, one chunk of pipelined requests costs some 50 MB at most. */
export const STREAMED_BYTES = 4_096;

/**
 * Sends `bytes` as the socket takes them; `true` when all of it is on its way, else `done` is called once that is so.
 * The caller has to have an abort handler attached. Must be called corked.
 */
export function sendLarge(response: HttpResponse, bytes: Uint8Array, done: () => void): boolean {
  const start = response.getWriteOffset();
  const [, all] = response.tryEnd(bytes, bytes.length);
  if (all) return true;
  response.onWritable((offset) => {
    const [taken, ended] = response.tryEnd(bytes.subarray(offset - start), bytes.length);
    if (ended) done();
    return taken || ended;
  });
  return false;
}
