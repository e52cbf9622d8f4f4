/**
 * One full-duplex socket: many calls in flight, and subscriptions beside them.
 *
 * Invariant: every call is settled exactly once: by its answer, its time-out, its signal, or the end of the socket.
 */
import type { Method } from './commands.ts';
import { SynapdError } from './errors.ts';
import { aborted, damaged, late, lost, refused } from './failures.ts';
import type { Ask } from './http.ts';
import { parse, stringify } from './json.ts';
import type { Settings, WebSocketLike } from './options.ts';
import { onAbort } from './signals.ts';

/** The server takes no larger message on a socket. */
const LARGEST_BYTES = 2 * 1024 * 1024;
/** Silence after which the connection is tested. */
const SILENCE_MS = 30_000;

interface Waiting {
  readonly ask: Ask;
  resolve(payload: unknown): void;
  reject(error: SynapdError): void;
  readonly timer: ReturnType<typeof setTimeout>;
  readonly forget: () => void;
}

/** Where the items of a subscription go. */
export interface Listener {
  item(item: unknown): void;
  /** It has ended by itself. */
  end(error: SynapdError): void;
}

interface Listening {
  readonly method: Method;
  readonly listener: Listener;
}

/** What the server sends. */
type Received = {
  id?: unknown;
  success?: unknown;
  payload?: unknown;
  error?: unknown;
  code?: unknown;
  event?: unknown;
  end?: unknown;
} | null;

/** What `unsubscribe` can be refused with: nothing of its own. */
const UNSUBSCRIBE: Method = { effect: 'read', errors: [] };

export class Connection {
  readonly #settings: Settings;
  readonly #ws: WebSocketLike;
  readonly #waiting = new Map<number, Waiting>();
  readonly #listening = new Map<number, Listening>();
  readonly #ended: (error: SynapdError) => void;
  readonly #heartbeat: ReturnType<typeof setInterval>;
  #heard = true;
  #count = 0;
  #over = false;

  /** Takes over a socket that is open. `ended` is called once, after all that waited was refused. */
  constructor(settings: Settings, ws: WebSocketLike, ended: (error: SynapdError) => void) {
    this.#settings = settings;
    this.#ws = ws;
    this.#ended = ended;
    ws.binaryType = 'arraybuffer';
    ws.onmessage = ({ data }: { data: unknown }) => this.#receive(data);
    ws.onerror = () => {};
    ws.onclose = ({ code, reason }: { code: number; reason: string }) =>
      this.end(new Error(`the socket was closed with ${code}${reason === '' ? '' : `, ${reason}`}`));
    this.#heartbeat = setInterval(() => this.#test(), SILENCE_MS);
    (this.#heartbeat as { unref?: () => void }).unref?.();
  }

  /** Calls and subscriptions there are. */
  get load(): number {
    return this.#waiting.size + this.#listening.size;
  }

  /** The payload of the answer to a command. */
  call(ask: Ask): Promise<unknown> {
    return this.#ask(++this.#count, ask);
  }

  /** Subscribes; the greeting comes first, then items. */
  async listen(ask: Ask, listener: Listener, began: (id: number) => void): Promise<unknown> {
    const id = ++this.#count;
    this.#listening.set(id, { method: ask.method, listener });
    began(id);
    try {
      return await this.#ask(id, ask);
    } catch (error) {
      // after a time-out the server may think that it listens
      if (this.#listening.has(id)) this.unlisten(id);
      throw error;
    }
  }

  /** Ends a subscription; nothing more of it is handed on. */
  unlisten(id: number): void {
    if (!this.#listening.delete(id) || this.#over) return;
    const { timeout } = this.#settings;
    this.call({ name: 'unsubscribe', method: UNSUBSCRIBE, payload: { id }, timeout, signal: undefined }).catch(
      () => {},
    );
  }

  /** Ends the socket, and with it whatever waits. */
  end(cause: unknown): void {
    if (this.#over) return;
    this.#over = true;
    clearInterval(this.#heartbeat);
    this.#ws.onmessage = null;
    this.#ws.onclose = null;
    try {
      this.#ws.close(1000);
    } catch {
      // it is closed already
    }
    this.#listening.clear();
    for (const [id, { ask, reject }] of this.#waiting) {
      this.#settled(id);
      reject(cause instanceof SynapdError ? cause : lost(ask.name, this.#settings.url, cause));
    }
    this.#ended(cause instanceof SynapdError ? cause : lost('the socket', this.#settings.url, cause));
  }

  #ask(id: number, ask: Ask): Promise<unknown> {
    const { name, timeout, signal } = ask;
    return new Promise((resolve, reject) => {
      if (this.#over) return reject(lost(name, this.#settings.url, new Error('the socket was closed')));
      if (signal?.aborted) return reject(aborted(name, signal, false));
      const frame = this.#frame(id, ask);
      const timer = setTimeout(() => this.#give(id)?.reject(late(name, this.#settings.url, timeout)), timeout);
      const forget = onAbort(signal, () => this.#give(id)?.reject(aborted(name, signal as AbortSignal)));
      this.#waiting.set(id, { ask, resolve, reject, timer, forget });
      try {
        this.#ws.send(frame);
      } catch (error) {
        this.end(error);
      }
    });
  }

  #frame(id: number, { name, payload }: Ask): string | Uint8Array {
    const { codec } = this.#settings;
    const frame =
      codec === undefined
        ? `{"id":${id},"command":"${name}","payload":${stringify(payload)}}`
        : codec.encode({ id, command: name, payload: present(payload) });
    const size = frame.length * 3 > LARGEST_BYTES && typeof frame === 'string' ? utf8Length(frame) : frame.length;
    if (size > LARGEST_BYTES)
      throw new SynapdError(
        'BODY_TOO_LARGE',
        `${name} has ${size} bytes, and a socket takes ${LARGEST_BYTES}. Send less at once, or use transport: 'http'.`,
        { status: 413 },
      );
    return frame;
  }

  #receive(data: unknown): void {
    this.#heard = true;
    let message: Received;
    try {
      message = this.#decoded(data);
    } catch {
      return this.end(damaged('the socket', this.#settings.url, 200, true));
    }
    const id = message?.id;
    if (typeof id !== 'number' || message === null) return;
    if (message.event !== undefined) return this.#listening.get(id)?.listener.item(message.event);
    if (message.end !== undefined) return this.#finished(id, message.end);
    const waiting = this.#give(id);
    if (waiting === undefined) return; // it was given up
    const { ask, resolve, reject } = waiting;
    if (message.success === true && message.payload !== undefined) resolve(message.payload);
    else if (message.success === false && typeof message.error === 'string') {
      this.#listening.delete(id);
      reject(refused(message.error, ask.method, { code: text(message.code) }));
    } else reject(damaged(ask.name, this.#settings.url, 200, false));
  }

  #decoded(data: unknown): Received {
    if (typeof data === 'string') return parse(data) as Received;
    const { codec } = this.#settings;
    if (codec === undefined) throw new TypeError('a binary message without a codec');
    return codec.decode(new Uint8Array(data as ArrayBuffer)) as Received;
  }

  #finished(id: number, end: unknown): void {
    const listening = this.#listening.get(id);
    if (listening === undefined) return;
    this.#listening.delete(id);
    const { error, code } = end as { error?: unknown; code?: unknown };
    listening.listener.end(refused(String(error), listening.method, { code: text(code) }));
  }

  /** Takes a call out of those that wait. */
  #give(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    this.#settled(id);
    return waiting;
  }

  #settled(id: number): void {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return;
    this.#waiting.delete(id);
    clearTimeout(waiting.timer);
    waiting.forget();
  }

  /** A connection that is dead does not say so: after silence it has to prove that it lives. */
  #test(): void {
    if (this.#heard) {
      this.#heard = false;
      return;
    }
    const { timeout } = this.#settings;
    this.call({ name: 'unsubscribe', method: UNSUBSCRIBE, payload: { id: 0 }, timeout, signal: undefined }).catch(
      (error: unknown) => this.end(error),
    );
  }
}

const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

/** msgpack has no `undefined`; JSON leaves such members out. */
function present(payload: object): object {
  return Object.fromEntries(Object.entries(payload).filter(([, value]) => value !== undefined));
}

const utf8Length = (text: string): number => new TextEncoder().encode(text).length;
