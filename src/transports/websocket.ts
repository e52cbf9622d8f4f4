/**
 * WebSockets on uWebSockets.js: upgrade with credentials, one `Talk` per socket, bounded queues, close codes.
 *
 * Invariant: a talk is started once, right after its upgrade, and closed once, however its socket ends; after the close
 * handler the library's socket is not touched again.
 */
import Denque from 'denque';
import type { Caller } from '../commands/access.ts';
import type { Context } from '../commands/context.ts';
import { CommandError } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';
import type { Timers } from '../core/timers.ts';
import type { Endpoint, Reply } from '../faces/endpoint.ts';
import { CLOSE, type Conversation, type Frame, type Talk } from '../faces/live.ts';
import { jsonFailure } from '../faces/synap-rest.ts';
import { type Flusher, type Line, Outgoing } from './outgoing.ts';
import { type Doorkeeper, presented } from './session.ts';
import type { HttpRequest, HttpResponse, TemplatedApp, us_socket_context_t, WebSocket } from './uws.ts';
import { writeReply } from './writing.ts';

/** What the transport needs of the server. */
export interface SocketPorts {
  readonly context: Context;
  readonly door: Doorkeeper;
  /** Logs what is not a `CommandError` and gives the error to show. */
  readonly fault: (error: unknown) => CommandError;
  readonly timers: Timers;
  /** One answered upgrade request, for metrics: status 101 when it became a socket. */
  readonly served: (method: string, path: string, status: number) => void;
  /** How a face shows errors of the transport itself, by path. */
  readonly failure: (path: string, error: CommandError) => Reply;
}

/** How often expired credentials are looked for, in milliseconds. */
const EXPIRY_MS = 5_000;

/** What the library collects into one write; beyond that it copies everything once more. */
const CORK_BYTES = 16 * 1024 - 1;
/** Bytes in front of a frame at most. */
const HEADER_BYTES = 10;

/** What an upgrade request must carry, in the order in which it is tested (synap-core.md 1.4). */
const HANDSHAKE: readonly (readonly [header: string, fits: RegExp, refusal: string])[] = [
  ['connection', /(?:^|,)\s*upgrade\s*(?:,|$)/i, "Connection header did not include 'upgrade'"],
  ['upgrade', /^websocket$/i, "`Upgrade` header did not include 'websocket'"],
  ['sec-websocket-version', /^13$/, "`Sec-WebSocket-Version` header did not include '13'"],
  ['sec-websocket-key', /^.{24}$/, '`Sec-WebSocket-Key` header missing'],
];

/** Throws `BAD_HANDSHAKE` for the first of these header values that does not fit. */
function checkHandshake(value: (index: number, header: string) => string): void {
  for (const [i, [header, fits, refusal]] of HANDSHAKE.entries())
    if (!fits.test(value(i, header))) throw new CommandError('BAD_HANDSHAKE', { detail: refusal });
}

interface Attached {
  readonly socket: Socket;
}

export class Sockets {
  readonly #ports: SocketPorts;
  readonly #flusher: Flusher;
  readonly #open = new Set<Socket>();
  /** Those whose credentials end at a time. */
  readonly #expiring = new Set<Socket>();
  readonly #endSweep: () => void;
  #leaving: string | undefined;

  constructor(ports: SocketPorts, flusher: Flusher) {
    this.#ports = ports;
    this.#flusher = flusher;
    this.#endSweep = ports.timers.every(EXPIRY_MS, (now) => {
      for (const socket of this.#expiring) socket.expire(now);
    });
  }

  /** Sockets that are open. */
  get count(): number {
    return this.#open.size;
  }

  /** What requests without an upgrade find at these paths: the refusal, and so also `Allow` for other methods. */
  endpoints(conversations: readonly Conversation[]): Endpoint[] {
    return conversations.map(({ path }) => ({
      method: 'GET',
      path,
      body: 'none',
      headers: HANDSHAKE.map(([header]) => header),
      failure: jsonFailure,
      answer(_context, _params, _query, headers) {
        checkHandshake((i) => (headers as readonly string[])[i] ?? '');
        // every header is right, so the library found another fault with the path
        throw new CommandError('BAD_PATH', { detail: 'a name is empty' });
      },
    }));
  }

  /** Mounts the conversations. Call once, before listening. */
  mount(app: TemplatedApp, conversations: readonly Conversation[]): void {
    for (const conversation of conversations)
      app.ws<Attached>(conversation.path, {
        // a message somewhat over the cap can still be refused with a code; far over it the library drops the line
        maxPayloadLength: 2 * LIMITS.socketMessageBytes,
        maxBackpressure: 0, // none of the library's: a frame it dropped would be missing without a trace
        idleTimeout: LIMITS.socketIdleSeconds,
        sendPingsAutomatically: true,
        compression: 0,
        upgrade: (response, request, context) => this.#upgrade(conversation, response, request, context),
        open: (ws) => ws.getUserData().socket.opened(ws),
        message: (ws, message, binary) => ws.getUserData().socket.message(message, binary),
        drain: (ws) => ws.getUserData().socket.drained(),
        close: (ws) => ws.getUserData().socket.closed(),
      });
  }

  /** Closes every socket with 1001, and those that open from now on too. */
  closeAll(reason: string): void {
    this.#leaving = reason;
    this.#endSweep();
    for (const socket of this.#open) socket.leave(reason);
  }

  /** @internal */
  opened(socket: Socket): void {
    this.#open.add(socket);
    const { expiresAt = Number.POSITIVE_INFINITY, revocable } = socket.caller;
    if (expiresAt !== Number.POSITIVE_INFINITY || revocable === true) this.#expiring.add(socket);
    if (this.#leaving !== undefined) socket.leave(this.#leaving);
  }

  /** @internal */
  closed(socket: Socket): void {
    this.#open.delete(socket);
    this.#expiring.delete(socket);
  }

  /** Credentials, then the upgrade headers, then the query, then the row's own permission check (1.5-5, 7-3). */
  #upgrade(
    conversation: Conversation,
    response: HttpResponse,
    request: HttpRequest,
    socketContext: us_socket_context_t,
  ): void {
    const { door } = this.#ports;
    const count = conversation.path.split('/:').length - 1;
    const asked: Asked = {
      conversation,
      response,
      socketContext,
      url: request.getUrl(),
      params: Array.from({ length: count }, (_, i) => request.getParameter(i) ?? ''),
      query: request.getQuery() ?? '',
      headers: HANDSHAKE.map(([header]) => request.getHeader(header)),
      extensions: request.getHeader('sec-websocket-extensions'),
    };
    const who = door.everyone ?? door.admit(presented(request, response));
    if (!(who instanceof Promise)) return this.#decide(asked, who);
    let aborted = false;
    response.onAborted(() => {
      aborted = true;
    });
    who
      .then(
        (caller) => () => this.#decide(asked, caller),
        (error: unknown) => () => this.#refuse(asked, error),
      )
      .then((act) => {
        if (!aborted) response.cork(act);
      });
  }

  #decide(asked: Asked, caller: Caller | undefined): void {
    const { context, failure, served } = this.#ports;
    const { conversation, response } = asked;
    if (caller === undefined) {
      const error = new CommandError('UNAUTHORIZED', { detail: 'valid credentials required' });
      served('GET', conversation.path, 401);
      return writeReply(response, { ...failure(asked.url, error), headers: [['WWW-Authenticate', 'Bearer']] });
    }
    let talk: Talk;
    try {
      checkHandshake((i) => asked.headers[i] ?? '');
      context.session = caller;
      context.now = context.clock.now();
      talk = conversation.open(context, asked.params, asked.query);
    } catch (error) {
      return this.#refuse(asked, error);
    }
    served('GET', conversation.path, 101);
    const socket = new Socket(this, this.#ports, this.#flusher, caller, talk);
    const key = asked.headers[3] ?? '';
    // no subprotocol and no extension is ever chosen (section 7)
    response.upgrade<Attached>({ socket }, key, '', asked.extensions, asked.socketContext);
  }

  #refuse(asked: Asked, error: unknown): void {
    const reply = jsonFailure(error instanceof CommandError ? error : this.#ports.fault(error));
    this.#ports.served('GET', asked.conversation.path, reply.status);
    writeReply(asked.response, reply);
  }
}

/** What is still needed of an upgrade request once its handler has returned. */
interface Asked {
  readonly conversation: Conversation;
  readonly response: HttpResponse;
  readonly socketContext: us_socket_context_t;
  readonly url: string;
  readonly params: readonly string[];
  readonly query: string;
  readonly headers: readonly string[];
  readonly extensions: string;
}

class Socket implements Line {
  readonly caller: Caller;
  readonly #sockets: Sockets;
  readonly #ports: SocketPorts;
  readonly #talk: Talk;
  readonly #outgoing: Outgoing;
  #ws: WebSocket<Attached> | undefined;
  #slow = false;
  /** Messages that came while too much waited for their sender; mostly there are none. */
  #parked: Denque<{ readonly message: Uint8Array; readonly binary: boolean }> | undefined;
  #parkedBytes = 0;
  /** Whether the library took everything of the last write at once. */
  #taken = true;

  constructor(sockets: Sockets, ports: SocketPorts, flusher: Flusher, caller: Caller, talk: Talk) {
    this.#sockets = sockets;
    this.#ports = ports;
    this.caller = caller;
    this.#talk = talk;
    this.#outgoing = new Outgoing(flusher, this);
  }

  opened(ws: WebSocket<Attached>): void {
    this.#ws = ws;
    this.#sockets.opened(this);
    this.#guarded(() => this.#talk.start(this.#outgoing, this.#now()));
  }

  message(message: ArrayBuffer, binary: boolean): void {
    if (message.byteLength > LIMITS.socketMessageBytes)
      return this.#outgoing.close(CLOSE.tooBig, `a message may have ${LIMITS.socketMessageBytes} bytes`);
    if (this.#parked !== undefined || this.#outgoing.waiting > LIMITS.socketLowWaterBytes)
      return this.#park(new Uint8Array(message.slice(0)), binary); // the library takes its memory back
    this.#read(new Uint8Array(message), binary);
  }

  #read(message: Uint8Array, binary: boolean): void {
    const { context } = this.#ports;
    const now = this.#now();
    if (this.expire(now)) return;
    context.session = this.caller;
    context.now = now;
    this.#guarded(() => this.#talk.receive(context, message, binary));
  }

  /** Keeps a message until its sender has read what waits for it: whoever asks for much at once is not slow. */
  #park(message: Uint8Array, binary: boolean): void {
    this.#parked ??= new Denque();
    this.#parked.push({ message, binary });
    this.#parkedBytes += message.byteLength;
    if (this.#parked.length <= LIMITS.socketInFlight && this.#parkedBytes <= LIMITS.socketBacklogBytes) return;
    this.#forget();
    this.#outgoing.overflow();
  }

  #forget(): void {
    this.#parked = undefined;
    this.#parkedBytes = 0;
  }

  drained(): void {
    this.#taken = false; // ask the library
    this.#guarded(() => this.#outgoing.drained());
  }

  closed(): void {
    this.#ws = undefined;
    this.#forget();
    this.#outgoing.lost();
    this.#sockets.closed(this);
    try {
      this.#talk.closed(this.#now(), this.#slow);
    } catch (error) {
      this.#ports.fault(error);
    }
  }

  leave(reason: string): void {
    this.#outgoing.close(CLOSE.leaving, reason);
  }

  /** Ends the socket when its credentials have. */
  expire(now: number): boolean {
    if (this.caller.expiresAt === undefined || now < this.caller.expiresAt) return false;
    this.#outgoing.close(CLOSE.refused, 'the credentials have expired');
    return true;
  }

  write(frames: readonly Frame[], from: number): number {
    const ws = this.#ws as WebSocket<Attached>; // a queue is not written from once its line is lost
    if (frames.length - from === 1) {
      const { bytes, binary } = frames[from] as Frame;
      this.#taken = ws.send(bytes, binary) === 1;
      return 1;
    }
    let at = from;
    let room = CORK_BYTES;
    ws.cork(() => {
      while (at < frames.length) {
        const { bytes, binary, size } = frames[at] as Frame;
        room -= size + HEADER_BYTES;
        if (room < 0 && at > from) break;
        at++;
        if (ws.send(bytes, binary) !== 1) break;
      }
    });
    this.#taken = false;
    return at - from;
  }

  held(): number {
    return this.#taken || this.#ws === undefined ? 0 : this.#ws.getBufferedAmount();
  }

  finish(code: number, reason: string, slow: boolean): void {
    this.#slow = slow;
    this.#ws?.end(code, reason);
  }

  caughtUp(): void {
    this.#talk.drained(this.#now());
    while (this.#outgoing.waiting <= LIMITS.socketLowWaterBytes) {
      const next = this.#parked?.shift();
      if (next === undefined) return this.#forget();
      this.#parkedBytes -= next.message.byteLength;
      this.#read(next.message, next.binary);
    }
  }

  #now(): number {
    return this.#ports.context.clock.now();
  }

  /** A fault of ours ends this socket and no other. */
  #guarded(work: () => void): void {
    try {
      work();
    } catch (error) {
      const shown = this.#ports.fault(error);
      this.#outgoing.close(CLOSE.fault, shown.message);
    }
  }
}
