/**
 * What happens to a thread, as it happens: a subscription that keeps itself alive.
 *
 * Invariant: an event is given out once and in order; what a broken connection missed is made up for by the place behind
 * which the next one goes on, or by a `reset`. When the subscription has ended, no connection and no timer of it is left.
 */
import { ApiError, late, lost, unexpected } from './errors.ts';
import { parseExact } from './json.ts';
import { NOBODY, path, query, type Who } from './request.ts';
import { type ServerEvent, SseParser } from './sse.ts';
import { backoff, pause, type Transport } from './transport.ts';
import type { ThreadEvent, Timestamp, Timestamps } from './types.ts';

/** The longest pause between two tries to reconnect, in milliseconds. */
const LONGEST_PAUSE_MS = 5_000;
/** Milliseconds of silence after which a connection counts as dead; the server says something every 15 s. */
const SILENCE_MS = 45_000;

/** Tells who listens; when that was `refused`, anew if there is another proof. */
export type Credentials = (refused: boolean) => Promise<Who | undefined>;

const STREAM = { accept: 'text/event-stream' };

interface Connection {
  readonly reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly stop: AbortController;
  readonly parser: SseParser;
}

/**
 * The events of one thread. Iterate over it with `for await`; leaving the loop, `close()` and the signal end it.
 *
 * The first connection is tried as often as a call is. Afterwards it reconnects for as long as it takes, and throws
 * `ApiError` only for what another try cannot mend. It is over by itself when the thread is deleted.
 */
export class ThreadEvents<T extends Timestamps = 'number'> implements AsyncIterableIterator<ThreadEvent<T>> {
  readonly #transport: Transport;
  readonly #thread: string;
  readonly #credentials: Credentials;
  readonly #signals: readonly AbortSignal[];
  /** Aborted when the subscription has ended. */
  readonly #end = new AbortController();
  /** `seq` of the last event that has arrived. */
  #position: number | undefined;
  #connection: Connection | undefined;
  /** Events that have arrived; those before `#given` were given out. */
  #ready: ThreadEvent<T>[] = [];
  #given = 0;
  #listening = false;
  #established = false;
  #failures = 0;
  #reconnects = 0;
  #turn: Promise<unknown> = Promise.resolve();

  /** @internal Made by `threadEvents` of a client. */
  constructor(
    transport: Transport,
    thread: string,
    after: number | undefined,
    signal: AbortSignal | undefined,
    credentials: Credentials,
  ) {
    this.#transport = transport;
    this.#thread = thread;
    this.#position = after;
    this.#credentials = credentials;
    this.#signals = [signal, transport.settings.signal].filter((one) => one !== undefined);
    for (const one of this.#signals) one.addEventListener('abort', this.#abandon);
  }

  /** How often the connection was lost and made anew. */
  get reconnects(): number {
    return this.#reconnects;
  }

  /** Waits until the server listens: what happens from then on is given out. Without it, the first `next` connects. */
  open(): Promise<this> {
    return this.#inTurn(async () => {
      while (!this.#listening && !this.#ended()) await this.#step();
      return this;
    });
  }

  /** The next event; `done` when the subscription is over. */
  next(): Promise<IteratorResult<ThreadEvent<T>, undefined>> {
    return this.#inTurn(async () => {
      while (this.#given === this.#ready.length && !this.#ended()) {
        this.#forget();
        await this.#step();
      }
      const value = this.#ready[this.#given];
      if (value !== undefined) this.#given++;
      return value === undefined ? { done: true, value } : { done: false, value };
    });
  }

  /** Ends it. */
  async return(): Promise<IteratorResult<ThreadEvent<T>, undefined>> {
    this.close();
    return { done: true, value: undefined };
  }

  /** Ends it, from wherever it is called; what has arrived and was not given out is forgotten. */
  close(): void {
    this.#forget();
    this.#finish();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #finish(): void {
    for (const one of this.#signals) one.removeEventListener('abort', this.#abandon);
    this.#end.abort();
    this.#drop();
  }

  readonly #abandon = (): void => this.close();

  #forget(): void {
    this.#ready = [];
    this.#given = 0;
  }

  /** Whether nothing more will arrive. Throws the reason of the signal that ended it. */
  #ended(): boolean {
    for (const one of this.#signals) if (one.aborted) throw one.reason;
    return this.#end.signal.aborted;
  }

  /** One after the other, in the order in which they were asked for. */
  #inTurn<R>(work: () => Promise<R>): Promise<R> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => undefined);
    return done;
  }

  /** Connects or receives; after a failure that may pass, pauses. */
  async #step(): Promise<void> {
    try {
      if (this.#connection === undefined) await this.#connect();
      else await this.#receive(this.#connection);
    } catch (error) {
      this.#drop();
      if (this.#end.signal.aborted) return;
      if (!(error instanceof ApiError) || !this.#mends(error)) {
        this.#finish();
        throw error;
      }
      this.#failures++;
      // spread out, since a server that comes back is met by all its subscribers at once
      const wait = Math.min(backoff(this.#failures), LONGEST_PAUSE_MS) * (0.5 + Math.random() / 2);
      await pause(Math.max(wait, (error.retryAfter ?? 0) * 1000), this.#end.signal).catch(() => undefined);
    }
  }

  #mends({ transient, status }: ApiError): boolean {
    if (!this.#established) return transient && this.#failures < this.#transport.settings.maxRetries;
    return transient || status >= 500;
  }

  async #connect(): Promise<void> {
    // in the query and not as Last-Event-ID, a header that pages of another origin may not send
    const target = `${path('threads', this.#thread, 'events')}${query({ after: this.#position })}`;
    const stop = new AbortController();
    const halt = (): void => stop.abort();
    this.#end.signal.addEventListener('abort', halt);
    try {
      const response = await this.#opened(target, stop);
      if (response.body === null) throw unexpected(`GET ${target}`, null);
      this.#connection = { reader: response.body.getReader(), stop, parser: new SseParser() };
    } finally {
      this.#end.signal.removeEventListener('abort', halt);
    }
    if (this.#end.signal.aborted) this.#drop();
  }

  async #opened(target: string, stop: AbortController): Promise<Response> {
    const open = (who: Who = NOBODY): Promise<Response> =>
      this.#transport.open({ method: 'GET', target, who, headers: STREAM }, stop);
    try {
      return await open(await this.#credentials(false));
    } catch (error) {
      const fresh = error instanceof ApiError && error.status === 401 ? await this.#credentials(true) : undefined;
      if (fresh === undefined) throw error;
      return await open(fresh);
    }
  }

  /** Waits for the next piece and keeps the events in it. */
  async #receive({ reader, stop, parser }: Connection): Promise<void> {
    const { baseUrl, timeoutMs } = this.#transport.settings;
    const silence = this.#listening ? SILENCE_MS : timeoutMs;
    let dead = false;
    const timer = setTimeout(() => {
      dead = true;
      stop.abort();
    }, silence);
    try {
      const { done, value } = await reader.read();
      if (done) throw new Error('the server ended it');
      for (const event of parser.feed(value)) this.#take(event);
    } catch (error) {
      if (error instanceof ApiError) throw error;
      throw dead ? late(`the events of ${this.#thread}`, baseUrl, silence) : this.#broken(error);
    } finally {
      clearTimeout(timer);
    }
  }

  #take({ name, data }: ServerEvent): void {
    if (this.#end.signal.aborted) return;
    const said = this.#read(data);
    if (name === 'connected') this.#connected();
    else if (name === 'end') {
      const text = (said as unknown as { error?: unknown }).error;
      // any other reason is told by the status when connecting anew
      if (text !== 'thread not found') throw this.#broken(text);
      this.#finish();
    } else {
      this.#position = said.seq;
      this.#ready.push(said);
    }
  }

  #connected(): void {
    if (this.#established) {
      this.#reconnects++;
      // nothing had arrived, so that there is no place to go on from
      if (this.#position === undefined) this.#ready.push(this.#reset());
    }
    this.#listening = true;
    this.#established = true;
    this.#failures = 0;
  }

  #broken(cause: unknown): ApiError {
    return lost(`the events of ${this.#thread}`, this.#transport.settings.baseUrl, true, cause);
  }

  #reset(): ThreadEvent<T> {
    const at = (this.#transport.settings.exact ? 0n : 0) as Timestamp<T>;
    return { seq: 0, kind: 'reset', thread: this.#thread, at };
  }

  #read(data: string): ThreadEvent<T> {
    try {
      return (this.#transport.settings.exact ? parseExact(data) : JSON.parse(data)) as ThreadEvent<T>;
    } catch {
      throw unexpected(`the events of ${this.#thread}`, data);
    }
  }

  #drop(): void {
    const connection = this.#connection;
    this.#connection = undefined;
    this.#listening = false;
    connection?.stop.abort();
  }
}
