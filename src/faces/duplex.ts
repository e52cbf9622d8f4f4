/**
 * `/ws`: the whole table on one socket, many requests in flight, subscriptions pushed beside the answers.
 *
 * A message is `{id, command, payload}` (and `durability: "sync"` to be answered only from disk), as JSON text or msgpack, and is answered in kind with `{id, success, payload,
 * error, code}`, in any order. A push row is answered with its hello, then sends `{id, event}`, and `{id, end}` when it
 * ends by itself; `unsubscribe` with `{id: <that id>}` ends it. Commands are the ones of `POST /api/v1/command`, their
 * other names and shapes included; but a member of the wrong type is refused, where that endpoint takes it as absent.
 *
 * Invariant: every readable request gets exactly one answer while the socket lives; an id is in use by one request or
 * subscription at a time; answers to writes leave when the gate lets them.
 */
import { Buffer } from 'node:buffer';
import type { Executable, Opener, Table } from '../commands/compile.ts';
import type { Context } from '../commands/context.ts';
import type { Emit, Item, Items, Stream } from '../commands/define.ts';
import type { Clock } from '../core/clock.ts';
import { CommandError, invalidRequest } from '../core/errors.ts';
import { print } from '../core/json.ts';
import { LIMITS } from '../core/limits.ts';
import { isObject, strict } from './decode.ts';
import { type Conversation, Frame, framesOf, itemText, type Peer, SLOT, type Talk, textFrame } from './live.ts';

/** The gate, as far as it matters here. */
interface Writes {
  readonly waits: boolean;
  position(): number;
  hold(release: (error: CommandError | undefined) => void): void;
}

/** What the face needs of the server. */
export interface DuplexPorts {
  readonly table: Table;
  /** Logs what is not a `CommandError` and gives the error to show. */
  readonly fault: (error: unknown) => CommandError;
  readonly gate?: Writes | undefined;
  readonly clock: Clock;
  /** JSON bytes to a value; throws `CommandError`. */
  readonly parse: (bytes: Uint8Array) => unknown;
  /** msgpack bytes to a value and back; throws `CommandError`. */
  readonly unpacked: (bytes: Uint8Array) => unknown;
  readonly packed: (value: unknown) => Uint8Array;
}

type Id = string | number | bigint;
type Members = Record<string, unknown>;

/** The conversation. */
export function duplex(ports: DuplexPorts): Conversation {
  const calls = new Map([...ports.table.calls].map(([name, executable]) => [name, entry(executable)]));
  const pushes = new Map(
    [...ports.table.pushes].map(([name, opener]) => [name, { opener, read: exactly(opener.command.input) }]),
  );
  const rows: Rows = { calls, pushes };
  return { path: '/ws', open: () => new Duplex(ports, rows) };
}

interface Rows {
  readonly calls: ReadonlyMap<string, (context: Context, payload: Members) => Called>;
  readonly pushes: ReadonlyMap<string, { readonly opener: Opener; readonly read: (payload: Members) => unknown }>;
}

/** What a call gave, and how it is shown. */
interface Called {
  readonly output: unknown;
  show(output: unknown): unknown;
}

function entry({ command, execute }: Executable): (context: Context, payload: Members) => Called {
  const form = command.envelope ?? {};
  const read = exactly(command.input);
  const demanded = Object.entries(form.require ?? {});
  const { reply } = form;
  return (context, payload) => {
    const prepared = form.prepare === undefined ? payload : form.prepare(payload);
    for (const [field, text] of demanded)
      if (prepared[field] == null) invalidRequest(typeof text === 'string' ? text : `Missing '${field}' field`);
    const input = read(prepared);
    return {
      output: execute(context, input),
      show: reply === undefined ? (output) => output : (output) => reply(output, input as never),
    };
  };
}

/** Reads strictly; what does not fit is an invalid request, whatever the encoding. */
function exactly(schema: Executable['command']['input']): (payload: Members) => unknown {
  const read = strict(schema, []);
  return (payload) => {
    try {
      return read(payload);
    } catch (error) {
      if (error instanceof CommandError && error.code === 'BAD_SHAPE') invalidRequest(String(error.holes['detail']));
      throw error;
    }
  };
}

/** How the events of one subscription are written. */
interface Events {
  /** Subscriptions with the same key are sent the same frames. */
  readonly key: string;
  readonly frame: (item: Item) => Frame;
}

/** How one encoding writes what this face says. */
interface Encoding {
  success(id: Id, payload: unknown): Frame;
  failure(id: Id | null, error: CommandError): Frame;
  /** How the events of one subscription are written; the item is encoded once for all of them. */
  events(id: Id): Events;
  end(id: Id, error: CommandError): Frame;
}

const JSON_TEXT: Encoding = {
  success: (id, payload) =>
    textFrame(`{"id":${print(id)},"success":true,"payload":${print(payload)},"error":null,"code":null}`),
  failure: (id, error) =>
    textFrame(print({ id, success: false, payload: null, error: error.message, code: error.code })),
  events(id) {
    const front = `{"id":${print(id)},"event":`;
    return { key: front, frame: (item) => textFrame(`${front}${itemText(item)}}`) };
  },
  end: (id, error) => textFrame(print({ id, end: { error: error.message, code: error.code } })),
};

function msgpack(packed: (value: unknown) => Uint8Array): Encoding {
  const frame = (value: unknown): Frame => new Frame(packed(value), true);
  return {
    success: (id, payload) => frame({ id, success: true, payload, error: null, code: null }),
    failure: (id, error) => frame({ id, success: false, payload: null, error: error.message, code: error.code }),
    events(id) {
      // a map of two, its first member and the name of the second; the item follows as it is
      const front = Buffer.concat([Buffer.of(0x82), packed('id'), packed(id), packed('event')]);
      return {
        key: front.toString('latin1'),
        frame: (item) => {
          const bytes = (item.frames[SLOT.packed] ??= packed(item.value)) as Uint8Array;
          return new Frame(Buffer.concat([front, bytes]), true);
        },
      };
    },
    end: (id, error) => frame({ id, end: { error: error.message, code: error.code } }),
  };
}

class Duplex implements Talk {
  readonly #ports: DuplexPorts;
  readonly #rows: Rows;
  readonly #msgpack: Encoding;
  #peer: Peer | undefined;
  /** Requests that wait for their answer, with the way to give them up; and subscriptions. */
  readonly #waiting = new Map<Id, (() => void) | undefined>();
  readonly #subscriptions = new Map<Id, Subscription>();

  constructor(ports: DuplexPorts, rows: Rows) {
    this.#ports = ports;
    this.#rows = rows;
    this.#msgpack = msgpack(ports.packed);
  }

  start(peer: Peer): void {
    this.#peer = peer;
  }

  receive(context: Context, bytes: Uint8Array, binary: boolean): void {
    const encoding = binary ? this.#msgpack : JSON_TEXT;
    let id: Id | null = null;
    try {
      // the bytes are the library's; what is decoded from msgpack may keep a view of them
      const message = binary ? this.#ports.unpacked(bytes.slice()) : this.#ports.parse(bytes);
      if (!isObject(message)) return invalidRequest('a message is an object with id, command and payload');
      id = idOf(message);
      const { command, payload } = message;
      if (typeof command !== 'string') return invalidRequest("Missing 'command' field");
      const fields = payload === undefined || payload === null ? {} : payload;
      if (!isObject(fields)) return invalidRequest("'payload' must be an object");
      if (command === 'unsubscribe') return this.#unsubscribe(context, encoding, id, fields);
      if (this.#waiting.has(id) || this.#subscriptions.has(id)) return invalidRequest('the id is in use');
      if (this.#waiting.size + this.#subscriptions.size >= LIMITS.socketInFlight)
        throw new CommandError('LIMIT_REACHED', {
          detail: `${LIMITS.socketInFlight} requests in flight on one socket`,
        });
      const push = this.#rows.pushes.get(command);
      if (push !== undefined) return this.#subscribe(context, encoding, id, push.opener, push.read(fields));
      const call = this.#rows.calls.get(command);
      if (call === undefined) throw new CommandError('UNKNOWN_COMMAND', { command: command.slice(0, 200) });
      context.sync = message['durability'] === 'sync';
      this.#call(context, encoding, id, call, fields);
    } catch (error) {
      this.#fail(encoding, id, error);
    }
  }

  drained(now: number): void {
    for (const subscription of this.#subscriptions.values()) subscription.resume(now);
  }

  closed(now: number, slow: boolean): void {
    this.#peer = undefined;
    for (const cancel of this.#waiting.values()) cancel?.();
    this.#waiting.clear();
    for (const subscription of this.#subscriptions.values()) subscription.close(now, slow);
    this.#subscriptions.clear();
  }

  #call(
    context: Context,
    encoding: Encoding,
    id: Id,
    call: (context: Context, payload: Members) => Called,
    payload: Members,
  ): void {
    const { gate } = this.#ports;
    const before = gate?.position();
    const { output, show } = call(context, payload);
    if (output instanceof Promise) {
      const waits = gate !== undefined && (gate.waits || context.sync);
      this.#waiting.set(id, context.cancel);
      context.cancel = undefined;
      output.then(
        (value) => {
          if (waits && gate.position() !== before) this.#hold(gate, encoding, id, () => show(value));
          else this.#settled(id, () => this.#answer(encoding, id, () => show(value)));
        },
        (error: unknown) => this.#settled(id, () => this.#fail(encoding, id, error)),
      );
      return;
    }
    if (gate === undefined || !(gate.waits || context.sync) || gate.position() === before)
      return this.#answer(encoding, id, () => show(output));
    this.#waiting.set(id, undefined);
    this.#hold(gate, encoding, id, () => show(output));
  }

  /** Answers once what was written so far is on disk. */
  #hold(gate: Writes, encoding: Encoding, id: Id, payload: () => unknown): void {
    gate.hold((error) =>
      this.#settled(id, () =>
        error === undefined ? this.#answer(encoding, id, payload) : this.#fail(encoding, id, error),
      ),
    );
  }

  /** The answer of a request that waited; nothing when the socket has gone meanwhile. */
  #settled(id: Id, answer: () => void): void {
    if (this.#waiting.delete(id)) answer();
  }

  #answer(encoding: Encoding, id: Id, payload: () => unknown): void {
    let frame: Frame;
    try {
      frame = encoding.success(id, payload());
    } catch (error) {
      return this.#fail(encoding, id, error);
    }
    this.#peer?.send(frame);
  }

  #fail(encoding: Encoding, id: Id | null, error: unknown): void {
    this.#peer?.send(encoding.failure(id, error instanceof CommandError ? error : this.#ports.fault(error)));
  }

  #subscribe(context: Context, encoding: Encoding, id: Id, opener: Opener, input: unknown): void {
    const peer = this.#peer;
    if (peer === undefined) return;
    const subscription = new Subscription(peer, encoding.events(id), (error) => {
      this.#subscriptions.delete(id);
      peer.send(encoding.end(id, error));
    });
    const hello = subscription.open(opener, context, input);
    this.#subscriptions.set(id, subscription);
    this.#answer(encoding, id, () => hello);
    subscription.begin(context.now);
  }

  #unsubscribe(context: Context, encoding: Encoding, id: Id, payload: Members): void {
    const target = idOf(payload);
    const subscription = this.#subscriptions.get(target);
    this.#subscriptions.delete(target);
    subscription?.close(context.now, false);
    this.#answer(encoding, id, () => ({ unsubscribed: subscription !== undefined }));
  }
}

function idOf(message: Members): Id {
  const { id } = message;
  if (typeof id === 'string' || typeof id === 'bigint' || (typeof id === 'number' && Number.isInteger(id))) return id;
  return invalidRequest("'id' must be a text or an integer");
}

/** One stream of a socket that has many. */
class Subscription implements Emit {
  readonly #peer: Peer;
  readonly #events: Events;
  readonly #ended: (error: CommandError) => void;
  #stream: Stream | undefined;
  #behind = false;

  constructor(peer: Peer, events: Events, ended: (error: CommandError) => void) {
    this.#peer = peer;
    this.#events = events;
    this.#ended = ended;
  }

  open(opener: Opener, context: Context, input: unknown): unknown {
    this.#stream = opener.open(context, input, this);
    return this.#stream.hello;
  }

  begin(now: number): void {
    this.#stream?.resume(now);
  }

  item(item: Item): boolean {
    const keepsUp = this.#peer.send(this.#events.frame(item));
    if (!keepsUp) this.#behind = true;
    return keepsUp;
  }

  items(items: Items): void {
    this.#peer.sendAll(framesOf(items, this.#events.key, this.#events.frame));
  }

  end(error: CommandError): void {
    this.#stream = undefined;
    this.#ended(error);
  }

  resume(now: number): void {
    if (!this.#behind) return;
    this.#behind = false;
    this.#stream?.resume(now);
  }

  close(now: number, slow: boolean): void {
    const stream = this.#stream;
    this.#stream = undefined;
    stream?.close(now, slow);
  }
}
