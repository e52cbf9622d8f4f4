/**
 * The socket of a client: made when it is needed, made anew when it breaks, left when nobody needs it.
 *
 * Invariant: there is at most one connection; while there are feeds there is one, or one is being made.
 */
import { Connection } from './connection.ts';
import { SynapdError } from './errors.ts';
import { aborted, closed, failed, late, unreachable } from './failures.ts';
import type { Ask } from './http.ts';
import type { Settings, WebSocketLike } from './options.ts';
import { backoff } from './retry.ts';
import { onAbort, pause } from './signals.ts';

/** A subscription, as the link sees it. */
export interface Feed {
  /** There is a connection: subscribe. */
  connected(connection: Connection): void;
  /** The connection is gone. */
  disconnected(): void;
  /** An attempt to connect failed. A feed that gives up detaches itself. */
  unconnected(error: SynapdError): void;
}

/** How an attempt ended. */
interface Handshake {
  readonly opened: WebSocketLike;
  readonly failure: unknown;
}

export class Link {
  readonly #settings: Settings;
  readonly #stays: boolean;
  readonly #feeds = new Set<Feed>();
  readonly #life = new AbortController();
  #connection: Connection | undefined;
  #opening: Promise<Connection> | undefined;
  #keeping = false;

  /** `stays`: the socket is kept when no feed needs it, because calls do. */
  constructor(settings: Settings, stays: boolean) {
    this.#settings = settings;
    this.#stays = stays;
  }

  /** The payload of the answer to a command. */
  async call(ask: Ask): Promise<unknown> {
    const connection = this.#connection ?? (await this.#opened(ask));
    return connection.call(ask);
  }

  attach(feed: Feed): void {
    this.#feeds.add(feed);
    if (this.#connection !== undefined) feed.connected(this.#connection);
    else this.#keep();
  }

  detach(feed: Feed): void {
    this.#feeds.delete(feed);
    this.#leave();
  }

  /** Ends everything, for good. */
  close(): void {
    const over = closed('the socket', true);
    this.#life.abort();
    for (const feed of this.#feeds) feed.unconnected(over);
    this.#connection?.end(over);
  }

  /** Closes a socket that nobody needs. */
  #leave(): void {
    if (this.#stays || this.#feeds.size > 0) return;
    // what ended the last feed may still be on its way
    setTimeout(() => {
      if (this.#feeds.size === 0) this.#connection?.end(closed('the socket'));
    }, 0);
  }

  /** Connects for as long as there are feeds and no connection. */
  async #keep(): Promise<void> {
    if (this.#keeping) return;
    this.#keeping = true;
    for (let attempt = 0; this.#feeds.size > 0 && this.#connection === undefined; attempt++) {
      try {
        await this.#connect();
      } catch (error) {
        for (const feed of this.#feeds) feed.unconnected(error as SynapdError);
        if (this.#feeds.size > 0) await pause(backoff(attempt), this.#life.signal);
      }
    }
    this.#keeping = false;
  }

  /** A connection, within the time of the call and as long as its signal allows. */
  #opened({ name, timeout, signal }: Ask): Promise<Connection> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(aborted(name, signal, false));
      const timer = setTimeout(() => settle(() => reject(late(name, this.#settings.url, timeout, false))), timeout);
      const forget = onAbort(signal, () => settle(() => reject(aborted(name, signal as AbortSignal, false))));
      const settle = (then: () => void): void => {
        clearTimeout(timer);
        forget();
        then();
      };
      this.#connect().then(
        (connection) => settle(() => resolve(connection)),
        (error: unknown) => settle(() => reject(error)),
      );
    });
  }

  #connect(): Promise<Connection> {
    if (this.#connection !== undefined) return Promise.resolve(this.#connection);
    return (this.#opening ??= this.#open().finally(() => {
      this.#opening = undefined;
    }));
  }

  async #open(): Promise<Connection> {
    if (this.#life.signal.aborted) throw closed('the socket');
    const ws = await this.#handshake();
    if (this.#life.signal.aborted) {
      ws.close(1000);
      throw closed('the socket');
    }
    const connection: Connection = new Connection(this.#settings, ws, () => {
      if (this.#connection === connection) this.#connection = undefined;
      for (const feed of this.#feeds) feed.disconnected();
      if (!this.#life.signal.aborted) this.#keep();
    });
    this.#connection = connection;
    for (const feed of this.#feeds) feed.connected(connection);
    return connection;
  }

  async #handshake(): Promise<WebSocketLike> {
    const { WebSocket, socketUrl, socketHeaders, timeout, url } = this.#settings;
    if (WebSocket === undefined)
      throw new TypeError('there is no global WebSocket here; pass the one of the package ws as options.WebSocket');
    const { opened, failure } = await new Promise<Handshake>((resolve) => {
      const ws =
        socketHeaders === undefined
          ? new WebSocket(socketUrl)
          : new WebSocket(socketUrl, { headers: socketHeaders } as never);
      const settle = (failure?: unknown): void => {
        clearTimeout(timer);
        forget();
        resolve({ opened: ws, failure });
      };
      const timer = setTimeout(() => settle(new Error(`no connection within ${timeout} ms`)), timeout);
      const forget = onAbort(this.#life.signal, () => settle(closed('the socket')));
      ws.onopen = () => settle();
      ws.onerror = (event: { error?: unknown }) => settle(event.error ?? new Error('the handshake failed'));
      ws.onclose = () => settle(new Error('the handshake failed'));
    });
    if (failure === undefined) return opened;
    opened.close();
    throw failure instanceof SynapdError ? failure : await this.#diagnosed(failure, url);
  }

  /** A socket does not say why it could not be opened; a plain request to the same address does. */
  async #diagnosed(failure: unknown, url: string): Promise<SynapdError> {
    const { fetch, headers, timeout } = this.#settings;
    const controller = new AbortController();
    const timer = setTimeout(() => controller.abort(), timeout);
    try {
      const answer = await fetch(`${url}/ws`, {
        headers: headers as Record<string, string>,
        signal: controller.signal,
      });
      const text = await answer.text();
      const isOurs = answer.status === 400 && /upgrade/i.test(text);
      if (!isOurs) return failed('the socket', url, undefined, answer.status, answer.headers, text);
      return new SynapdError(
        'UNREACHABLE',
        `The server at ${url} is there, but no socket can be opened: ${(failure as Error).message}. See whether what stands between lets WebSockets pass, and whether this WebSocket takes headers if there is a password.`,
        { retryable: true, cause: failure },
      );
    } catch (cause) {
      return unreachable('the socket', url, cause);
    } finally {
      clearTimeout(timer);
    }
  }
}
