/**
 * What a face that keeps talking offers to a transport, without sockets: frames out, messages in.
 *
 * Invariant: a talk is started once and closed once; after that nothing is sent through its peer.
 */
import { Buffer } from 'node:buffer';
import type { Opener } from '../commands/compile.ts';
import type { Context } from '../commands/context.ts';
import type { Emit, Item, Items, Stream } from '../commands/define.ts';
import type { CommandError } from '../core/errors.ts';
import { print } from '../core/json.ts';

/** Bytes that are sent as one piece; the same object serves all who receive it. */
export class Frame {
  readonly bytes: Uint8Array;
  readonly binary: boolean;
  /** Bytes it has; a plain field, since it is read for every receiver. */
  readonly size: number;

  constructor(bytes: Uint8Array, binary: boolean) {
    this.bytes = bytes;
    this.binary = binary;
    this.size = bytes.byteLength;
  }
}

/** A text frame. */
export function textFrame(text: string): Frame {
  return new Frame(Buffer.from(text, 'utf8'), false);
}

/** Frames that go out one behind the other; the same object serves all who receive them. */
export class Frames {
  readonly list: readonly Frame[];
  /** Bytes they have together. */
  readonly size: number;

  constructor(list: readonly Frame[]) {
    this.list = list;
    this.size = list.reduce((size, frame) => size + frame.size, 0);
  }
}

/** The other end, as a face sees it. */
export interface Peer {
  /** Puts a frame on its way. `false`: the receiver is behind, wait for `drained` if you can. */
  send(frame: Frame): boolean;
  /** As `send`, for several at once. */
  sendAll(frames: Frames): boolean;
  /** Ends the conversation after what was sent, with a WebSocket close code. */
  close(code: number, reason: string): void;
}

/** One conversation under way. The transport sets `context.session` and `context.now` before `receive`. */
export interface Talk {
  start(peer: Peer, now: number): void;
  /** A message of the client; `bytes` are only valid during the call. */
  receive(context: Context, bytes: Uint8Array, binary: boolean): void;
  /** The receiver has caught up after `send` answered `false`. */
  drained(now: number): void;
  /** The peer is gone; `slow`: because it did not read fast enough. */
  closed(now: number, slow: boolean): void;
}

/** A WebSocket route. */
export interface Conversation {
  /** Path with `:name` for parameters. */
  readonly path: string;
  /** Opens a talk for `context.session`. Throws `CommandError` to refuse before the upgrade. */
  open(context: Context, params: readonly string[], query: string): Talk;
}

/** WebSocket close codes that are used here. */
export const CLOSE = { normal: 1000, leaving: 1001, refused: 1008, tooBig: 1009, fault: 1011 } as const;

/** Where each face keeps its encoding of an item (`Item.frames`). */
export const SLOT = { conversation: 0, text: 1, packed: 2, event: 3 } as const;

/** The JSON text of an item, made once. */
export function itemText(item: Item): string {
  return (item.frames[SLOT.text] ??= print(item.value)) as string;
}

/** The frames of items, made once for all receivers that show them alike: those with the same key. */
export function framesOf(items: Items, key: unknown, frame: (item: Item) => Frame): Frames {
  const made = items.shown(key) as Frames | undefined;
  if (made !== undefined) return made;
  const frames = new Frames(items.list.map(frame));
  items.show(key, frames);
  return frames;
}

/** How a stream is shown to its receiver. */
export interface Dress {
  hello(value: Readonly<Record<string, unknown>>): Frame;
  item(item: Item): Frame;
  /** The stream has ended by itself; `undefined` shows nothing. */
  end(error: CommandError): Frame;
}

/** A talk that is one stream. */
export class Listening implements Talk, Emit {
  readonly #dress: Dress;
  readonly #receive: Talk['receive'] | undefined;
  #stream: Stream | undefined;
  #peer: Peer | undefined;
  #behind = false;

  /** Opens the stream; throws what the row refuses with. Without `receive`, messages of the client are ignored. */
  constructor(opener: Opener, context: Context, input: unknown, dress: Dress, receive?: Talk['receive']) {
    this.#dress = dress;
    this.#receive = receive;
    this.#stream = opener.open(context, input, this);
  }

  start(peer: Peer, now: number): void {
    this.#peer = peer;
    if (this.#stream === undefined) return;
    peer.send(this.#dress.hello(this.#stream.hello));
    this.#stream.resume(now);
  }

  item(item: Item): boolean {
    const keepsUp = this.#peer?.send(this.#dress.item(item)) ?? false;
    if (!keepsUp) this.#behind = true;
    return keepsUp;
  }

  items(items: Items): void {
    this.#peer?.sendAll(framesOf(items, this.#dress, this.#dress.item));
  }

  end(error: CommandError): void {
    this.#stream = undefined;
    this.#peer?.send(this.#dress.end(error));
    this.#peer?.close(CLOSE.normal, '');
  }

  receive(context: Context, bytes: Uint8Array, binary: boolean): void {
    this.#receive?.(context, bytes, binary);
  }

  drained(now: number): void {
    if (!this.#behind) return;
    this.#behind = false;
    this.#stream?.resume(now);
  }

  closed(now: number, slow: boolean): void {
    const stream = this.#stream;
    this.#stream = undefined;
    stream?.close(now, slow);
  }
}

/** A talk that was refused once it could only be said in frames: says so and ends. */
export class Refused implements Talk {
  readonly #frames: readonly Frame[];

  constructor(frames: readonly Frame[]) {
    this.#frames = frames;
  }

  start(peer: Peer): void {
    for (const frame of this.#frames) peer.send(frame);
    peer.close(CLOSE.refused, '');
  }

  receive(): void {}
  drained(): void {}
  closed(): void {}
}
