/**
 * The body of a request, as its chunks come in.
 *
 * Invariant: `done` is called at most once, and never after the client is gone; beyond the cap nothing is kept.
 */
import { Buffer } from 'node:buffer';
import type { Exchange } from './exchange.ts';

/** Hands over the whole body, valid only during the call; `undefined` as soon as it is larger than `cap` bytes. */
export function receive(exchange: Exchange, cap: number, done: (bytes: Uint8Array | undefined) => void): void {
  const { response } = exchange;
  let parts: Buffer[] | undefined;
  let size = 0;
  let ended = false;
  // a deferred exchange has a handler that also settles it, and the library keeps only the last one
  if (!exchange.late)
    response.onAborted(() => {
      exchange.aborted = true;
    });
  response.onData((chunk, last) => {
    if (ended || exchange.aborted) return;
    size += chunk.byteLength;
    if (size > cap) {
      ended = true;
      done(undefined);
    } else if (last) {
      ended = true;
      if (parts === undefined) return done(Buffer.from(chunk));
      parts.push(Buffer.from(chunk));
      done(Buffer.concat(parts, size));
    } else {
      parts ??= [];
      parts.push(Buffer.from(chunk.slice(0))); // the library takes its memory back after this call
    }
  });
}

/** A copy of the whole body, for a request that cannot be answered yet; `undefined` when it is larger than `cap` bytes. */
export function gather(exchange: Exchange, cap: number): Promise<Uint8Array | undefined> {
  return new Promise((resolve) =>
    receive(exchange, cap, (bytes) => resolve(bytes === undefined ? undefined : Buffer.from(bytes))),
  );
}
