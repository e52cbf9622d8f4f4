/**
 * One call: its tries, their time and their pauses.
 *
 * Invariant: a call ends with an answer, with an `ApiError`, or with the reason of the signal that ended it, and then no
 * timer and no listener of it is left. A create is sent again only under the idempotency key that it had.
 */
import { ApiError, foreign, late, lost, redirected, refused, unexpected } from './errors.ts';
import { parseExact, print } from './json.ts';
import { type HeaderMap, NO_HEADERS, onceKey, type Who } from './request.ts';
import type { Settings } from './settings.ts';

/** What is asked. */
export interface Ask {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  /** Sent as JSON; `undefined` and `null` are no body. */
  readonly body?: unknown;
  /** In whose name; absent: in nobody's. */
  readonly who?: Who;
  /** Headers that win over others. */
  readonly headers?: HeaderMap;
  /** Whether it must not happen twice. */
  readonly create?: boolean;
  /** Whether an answer that is not JSON is one all the same. */
  readonly text?: boolean;
}

/** Seconds of a Retry-After that are waited for; beyond, the caller decides. */
const LONGEST_ASKED_FOR = 60;

/** Milliseconds before the next try: 200, 400, 800, ... */
export const backoff = (tried: number): number => 100 * 2 ** Math.min(tried, 8);

export class Transport {
  readonly settings: Settings;

  constructor(settings: Settings) {
    this.settings = settings;
  }

  /** The answer, as `read` makes it out; `undefined` is read when there is no content. */
  async call<R>(ask: Ask, read: (answer: unknown, what: string) => R): Promise<R> {
    const { maxRetries, onceKeys, signal } = this.settings;
    const init = this.#init(ask); // once, so that all tries have the same idempotency key
    for (let tried = 1; ; tried++) {
      try {
        return read(await this.#once(ask, init), whatOf(ask));
      } catch (error) {
        if (!(error instanceof ApiError) || tried > maxRetries || !error.transient) throw error;
        // whether a lost create took effect is unknown, but one that was turned away did not
        if (ask.create && !onceKeys && error.status !== 429) throw error;
        const { retryAfter = 0 } = error;
        if (retryAfter > LONGEST_ASKED_FOR) throw error;
        await pause(Math.max(backoff(tried), retryAfter * 1000), signal);
      }
    }
  }

  /** Opens an answer of events that goes on, and gives it once its head is there. `stop` ends it at any time. */
  open(ask: Ask, stop: AbortController): Promise<Response> {
    return this.#within(ask, this.#init(ask), stop, async (response) => {
      if (response.ok && response.headers.get('content-type')?.startsWith('text/event-stream')) return response;
      const text = await response.text();
      throw response.ok ? unexpected(whatOf(ask), text) : refusal(ask, response, text);
    });
  }

  #init(ask: Ask): RequestInit {
    const { headers, onceKeys } = this.settings;
    const has = ask.body !== undefined && ask.body !== null;
    return {
      method: ask.method,
      headers: {
        accept: 'application/json',
        ...headers,
        ...(has ? { 'content-type': 'application/json' } : NO_HEADERS),
        ...(ask.create && onceKeys ? { 'idempotency-key': onceKey() } : NO_HEADERS),
        ...ask.who?.headers,
        ...ask.headers,
      },
      redirect: 'manual',
      ...(has ? { body: print(ask.body) } : {}),
    };
  }

  #once(ask: Ask, init: RequestInit): Promise<unknown> {
    return this.#within(ask, init, new AbortController(), async (response) => {
      if (response.status === 204) return undefined;
      const text = await response.text();
      if (!response.ok) throw refusal(ask, response, text);
      if (ask.text && !response.headers.get('content-type')?.includes('json')) return text;
      try {
        return this.settings.exact ? parseExact(text) : JSON.parse(text);
      } catch {
        throw foreign(whatOf(ask), response, text);
      }
    });
  }

  /** Sends a request and reads its answer, all within the time of one try. */
  async #within<R>(
    ask: Ask,
    init: RequestInit,
    stop: AbortController,
    read: (response: Response) => Promise<R>,
  ): Promise<R> {
    const { baseUrl, signal, timeoutMs, fetch: send = globalThis.fetch } = this.settings;
    if (signal?.aborted) throw signal.reason;
    let expired = false;
    let begun = false;
    const timer = setTimeout(() => {
      expired = true;
      stop.abort();
    }, timeoutMs);
    const cancel = (): void => stop.abort();
    signal?.addEventListener('abort', cancel);
    try {
      const response = await send(baseUrl + addressOf(ask), { ...init, signal: stop.signal });
      begun = true;
      return await read(response);
    } catch (error) {
      if (error instanceof ApiError) throw error;
      if (signal?.aborted) throw signal.reason;
      if (expired) throw late(whatOf(ask), baseUrl, timeoutMs);
      throw lost(whatOf(ask), baseUrl, begun, error);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', cancel);
    }
  }
}

const whatOf = ({ method, target }: Ask): string => `${method} ${target}`;

/** Path and query, with what tells in whose name it is. */
function addressOf({ target, who }: Ask): string {
  return who === undefined || who.query === '' ? target : `${target}${target.includes('?') ? '&' : '?'}${who.query}`;
}

/** The error of an answer that is no success. */
function refusal(ask: Ask, response: Response, text: string): ApiError {
  const { status, type } = response;
  if (type === 'opaqueredirect' || (status >= 300 && status < 400)) return redirected(whatOf(ask), response);
  let body: unknown = text;
  try {
    body = JSON.parse(text);
  } catch {}
  return refused(ask.method, response, body);
}

/** Waits, unless a signal is or becomes aborted: then rejects with its reason. */
export function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const end = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
      if (signal?.aborted) reject(signal.reason);
      else resolve();
    };
    const timer = setTimeout(end, ms);
    signal?.addEventListener('abort', end);
  });
}
