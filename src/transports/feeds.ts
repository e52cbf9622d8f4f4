/**
 * Answers that go on: the frames of a talk over plain HTTP, as long as the client stays.
 *
 * Invariant: a response is written to only until its abort handler has run; what waits for a slow client is bounded as
 * for a socket (outgoing.ts).
 */
import { Buffer } from 'node:buffer';
import type { Caller } from '../commands/access.ts';
import type { Clock } from '../core/clock.ts';
import { LIMITS } from '../core/limits.ts';
import type { Timers } from '../core/timers.ts';
import type { Feed, Reply } from '../faces/endpoint.ts';
import { CLOSE, Frame } from '../faces/live.ts';
import { type Flusher, type Line, Outgoing } from './outgoing.ts';
import type { HttpResponse } from './uws.ts';

/** Milliseconds between two heartbeats: proxies give up after 30 to 60 seconds of silence. */
const HEARTBEAT_MS = 15_000;

const CORS = [['access-control-allow-origin', '*']] as const;

export class Feeds {
  readonly #open = new Set<Running>();
  readonly #clock: Clock;
  readonly #flusher: Flusher;
  readonly #fault: (error: unknown) => void;
  readonly #endHeartbeat: () => void;
  #leaving: string | undefined;

  constructor(clock: Clock, timers: Timers, flusher: Flusher, fault: (error: unknown) => void) {
    this.#clock = clock;
    this.#flusher = flusher;
    this.#fault = fault;
    this.#endHeartbeat = timers.every(HEARTBEAT_MS, (now) => {
      for (const running of this.#open) running.beat(now);
    });
  }

  /** Feeds that are open. */
  get count(): number {
    return this.#open.size;
  }

  /** Begins a feed for `caller`, whose credentials it does not outlive by more than a heartbeat; only its head when `headOnly`. */
  open(response: HttpResponse, feed: Feed, caller: Caller, headOnly: boolean, own?: Reply['headers']): void {
    if (headOnly) {
      feed.talk.closed(this.#clock.now(), false);
      response.cork(() => {
        head(response, feed, own);
        response.endWithoutBody();
      });
      return;
    }
    const running = new Running(response, feed, caller, this.#clock, this.#flusher, (error) => {
      this.#open.delete(running);
      if (error !== undefined) this.#fault(error);
    });
    this.#open.add(running);
    running.start(own);
    if (this.#leaving !== undefined) running.leave(this.#leaving);
  }

  /** Ends every feed, and those that open from now on too. */
  closeAll(reason: string): void {
    this.#leaving = reason;
    this.#endHeartbeat();
    for (const running of this.#open) running.leave(reason);
  }
}

function head(response: HttpResponse, feed: Feed, own: Reply['headers']): void {
  for (const [name, value] of own ?? CORS) response.writeHeader(name, value);
  response
    .writeHeader('content-type', feed.type)
    .writeHeader('cache-control', 'no-store')
    .writeHeader('x-accel-buffering', 'no'); // proxies of that family would collect events
}

/** One feed and its client. */
class Running implements Line {
  readonly #response: HttpResponse;
  readonly #feed: Feed;
  readonly #caller: Caller;
  readonly #clock: Clock;
  readonly #outgoing: Outgoing;
  readonly #ended: (error?: unknown) => void;
  /** Bytes of the last write that the library could not pass on; it does not tell how many are left. */
  #held = 0;
  #slow = false;
  #over = false;

  constructor(
    response: HttpResponse,
    feed: Feed,
    caller: Caller,
    clock: Clock,
    flusher: Flusher,
    ended: (error?: unknown) => void,
  ) {
    this.#response = response;
    this.#feed = feed;
    this.#caller = caller;
    this.#clock = clock;
    this.#outgoing = new Outgoing(flusher, this);
    this.#ended = ended;
  }

  start(own: Reply['headers']): void {
    this.#response.onAborted(() => this.#end());
    this.#response.onWritable(() => {
      this.#held = 0;
      this.#guarded(() => this.#outgoing.drained());
      return true;
    });
    this.#response.cork(() => head(this.#response, this.#feed, own));
    this.#guarded(() => this.#feed.talk.start(this.#outgoing, this.#clock.now()));
  }

  beat(now: number): void {
    if (now >= (this.#caller.expiresAt ?? Number.POSITIVE_INFINITY)) this.leave('the credentials have expired');
    else if (this.#outgoing.waiting === 0) this.#outgoing.send(new Frame(this.#feed.heartbeat, false));
  }

  leave(reason: string): void {
    this.#outgoing.close(CLOSE.leaving, reason);
  }

  /** Writes up to the low-water mark in one piece, so that what the library may hold back stays known. */
  write(frames: readonly Frame[], from: number): number {
    const pieces: Uint8Array[] = [];
    let size = 0;
    for (let at = from; at < frames.length && size < LIMITS.socketLowWaterBytes; at++) {
      const frame = frames[at] as Frame;
      pieces.push(frame.bytes);
      size += frame.size;
    }
    this.#response.cork(() => {
      if (!this.#response.write(pieces.length === 1 ? (pieces[0] as Uint8Array) : Buffer.concat(pieces, size)))
        this.#held = size;
    });
    return pieces.length;
  }

  held(): number {
    return this.#held;
  }

  finish(_code: number, _reason: string, slow: boolean): void {
    if (this.#over) return;
    this.#slow = slow;
    // a client that does not read would never see a proper end
    if (slow) this.#response.close();
    else this.#response.cork(() => this.#response.end());
    this.#end();
  }

  caughtUp(): void {
    this.#feed.talk.drained(this.#clock.now());
  }

  /** A fault of ours ends this feed and no other. */
  #guarded(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!this.#over) this.#response.close(); // runs the abort handler
      this.#ended(error);
    }
  }

  #end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#outgoing.lost();
    try {
      this.#feed.talk.closed(this.#clock.now(), this.#slow);
      this.#ended();
    } catch (error) {
      this.#ended(error);
    }
  }
}
