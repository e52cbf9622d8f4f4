/**
 * Frames on their way to receivers that may be slow.
 *
 * Frames are collected while handlers run and written once they have returned, one receiver after the other
 * (measured.md finding 2: writing to many sockets inside a handler costs forty times as much).
 * Invariant: for one receiver no more than `socketBacklogBytes` and one frame wait, and they leave in the order in which
 * they were sent; a receiver above that is closed with 1008, and nothing that waits for it is kept.
 */
import { LIMITS } from '../core/limits.ts';
import { CLOSE, type Frame, type Frames, type Peer } from '../faces/live.ts';

const CAP: number = LIMITS.socketBacklogBytes;
const LOW_WATER: number = LIMITS.socketLowWaterBytes;

const NOTHING: readonly Frame[] = [];

/** Collects the receivers that have something to write, and writes for all of them at the end of the turn. */
export class Flusher {
  readonly #fault: (error: unknown) => void;
  /** Hands over what was held back for the end of the turn. */
  readonly #first: () => void;
  #dirty: Outgoing[] = [];
  #scheduled = false;

  /** `fault` is told of what a write throws; `first` is called before writing, and may send. */
  constructor(fault: (error: unknown) => void, first: () => void) {
    this.#fault = fault;
    this.#first = first;
  }

  add(outgoing: Outgoing): void {
    this.#dirty.push(outgoing);
    this.due();
  }

  /** There will be something to write at the end of the turn. */
  due(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(this.#run);
  }

  /** Writes for all of them now. */
  flush(): void {
    try {
      this.#first();
    } catch (error) {
      this.#fault(error);
    }
    const dirty = this.#dirty;
    this.#dirty = []; // who becomes dirty meanwhile has to wait for the next turn
    for (const outgoing of dirty) {
      try {
        outgoing.flush();
      } catch (error) {
        this.#fault(error);
      }
    }
  }

  readonly #run = (): void => {
    this.#scheduled = false;
    this.flush();
  };
}

/** What is written through, and told, by one receiver's queue. */
export interface Line {
  /** Writes at least one of the frames from `from` on, in order. Answers how many. */
  write(frames: readonly Frame[], from: number): number;
  /** Bytes the library has taken and not yet handed to the system; 0: ready for more. */
  held(): number;
  /** Everything is written, or given up: close. */
  finish(code: number, reason: string, slow: boolean): void;
  /** The receiver has caught up after `send` answered `false`. */
  caughtUp(): void;
}

export class Outgoing implements Peer {
  readonly #flusher: Flusher;
  readonly #line: Line;
  /** What waits, from `#head` on. While `#shared` it is the list of others too, and not changed. */
  #frames: readonly Frame[] = NOTHING;
  #shared = true;
  #head = 0;
  /** Bytes of the frames that wait here. */
  #bytes = 0;
  /** Bytes the library held back when it was last asked; above 0 nothing is written until it has drained. */
  #held = 0;
  #dirty = false;
  #behind = false;
  #closing: { readonly code: number; readonly reason: string; readonly slow: boolean } | undefined;
  #gone = false;
  /** Nothing more is taken: it is closing, or gone. */
  #shut = false;

  constructor(flusher: Flusher, line: Line) {
    this.#flusher = flusher;
    this.#line = line;
  }

  /** Bytes that wait for this receiver. */
  get waiting(): number {
    return this.#bytes + this.#held;
  }

  send(frame: Frame): boolean {
    if (this.#shut) return false;
    const before = this.#bytes + this.#held;
    if (before > CAP) return this.overflow();
    if (this.#shared) this.#own();
    (this.#frames as Frame[]).push(frame);
    this.#bytes += frame.size;
    if (!this.#dirty) this.#mark();
    if (before + frame.size <= LOW_WATER) return true;
    this.#behind = true;
    return false;
  }

  sendAll(frames: Frames): boolean {
    if (this.#bytes > 0 || this.#held + frames.size > LOW_WATER) {
      let keepsUp = true;
      for (const frame of frames.list) keepsUp = this.send(frame);
      return keepsUp;
    }
    if (this.#shut) return false;
    // nothing waits: the list itself can, whoever else holds it
    this.#frames = frames.list;
    this.#shared = true;
    this.#bytes = frames.size;
    if (!this.#dirty) this.#mark();
    return true;
  }

  close(code: number, reason: string): void {
    if (!this.#shut) this.#finish(code, reason, false);
  }

  /** The connection is gone: nothing is written any more. */
  lost(): void {
    this.#gone = true;
    this.#shut = true;
    this.#forget();
  }

  /** The library has handed some of what it held to the system. */
  drained(): void {
    if (this.#gone) return;
    this.#held = this.#line.held();
    if (this.#held <= LOW_WATER) this.#held = 0;
    this.flush();
  }

  /** Writes what waits. */
  flush(): void {
    this.#dirty = false;
    if (this.#gone) return;
    if (this.#closing?.slow === true) return this.#line.finish(this.#closing.code, this.#closing.reason, true);
    while (!this.#gone && this.#held === 0 && this.#head < this.#frames.length) this.#write();
    if (this.#gone) return;
    if (this.#closing !== undefined && this.#head >= this.#frames.length)
      return this.#line.finish(this.#closing.code, this.#closing.reason, false);
    if (this.#behind && this.waiting <= LOW_WATER) {
      this.#behind = false;
      this.#line.caughtUp();
    }
  }

  #write(): void {
    const frames = this.#frames;
    const from = this.#head;
    const written = this.#line.write(frames, from);
    if (this.#gone) return;
    this.#head = from + written;
    if (this.#head >= frames.length) {
      if (this.#shared) this.#forget();
      else {
        (frames as Frame[]).length = 0;
        this.#head = 0;
        this.#bytes = 0;
      }
    } else {
      for (let i = from; i < this.#head; i++) this.#bytes -= (frames[i] as Frame).size;
      if (this.#head > 1024) this.#own();
    }
    this.#held = this.#line.held();
  }

  #finish(code: number, reason: string, slow: boolean): void {
    this.#closing = { code, reason, slow };
    this.#shut = true;
    if (!this.#dirty) this.#mark();
  }

  /** The receiver is too far behind: it is closed, and what waits for it is given up. */
  overflow(): false {
    this.#forget();
    this.#finish(CLOSE.refused, 'the reader is too slow', true);
    return false;
  }

  #forget(): void {
    this.#frames = NOTHING;
    this.#shared = true;
    this.#head = 0;
    this.#bytes = 0;
  }

  /** A list of its own, of what still waits. */
  #own(): void {
    this.#frames = this.#frames.slice(this.#head);
    this.#shared = false;
    this.#head = 0;
  }

  #mark(): void {
    this.#dirty = true;
    this.#flusher.add(this);
  }
}
