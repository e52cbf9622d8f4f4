/**
 * Calls over HTTP: each one is a request to the command endpoint.
 *
 * Invariant: what is given back is the payload of an answer that names this very request; all else is an error.
 */
import type { Method } from './commands.ts';
import { aborted, closed, damaged, failed, foreign, late, lost, refused, unreachable } from './failures.ts';
import { parse, stringify } from './json.ts';
import type { Settings } from './options.ts';
import { onAbort } from './signals.ts';

/** A call, as both transports take it. */
export interface Ask {
  readonly name: string;
  readonly method: Method;
  readonly payload: object;
  /** Milliseconds. */
  readonly timeout: number;
  readonly signal: AbortSignal | undefined;
}

/** An envelope, as far as it can be trusted. */
type Envelope = { success?: unknown; request_id?: unknown; payload?: unknown; error?: unknown } | null;

export class Http {
  readonly #settings: Settings;
  readonly #endpoint: string;
  readonly #open = new Set<AbortController>();
  #closed = false;
  #count = 0;

  constructor(settings: Settings) {
    this.#settings = settings;
    this.#endpoint = `${settings.url}/api/v1/command`;
  }

  /** The payload of the answer to a command. */
  async call(ask: Ask): Promise<unknown> {
    const { name, method } = ask;
    const id = String(++this.#count);
    const body = `{"command":"${name}","request_id":"${id}","payload":${stringify(ask.payload)}}`;
    const { status, headers, text } = await this.#send(this.#endpoint, 'POST', body, ask);
    const { url } = this.#settings;
    if (status !== 200) throw failed(name, url, method, status, headers, text);
    const envelope = this.#parsed(ask, status, headers, text) as Envelope;
    if (envelope?.request_id === id) {
      if (envelope.success === true && envelope.payload !== undefined) return envelope.payload;
      if (envelope.success === false && typeof envelope.error === 'string') throw refused(envelope.error, method);
    }
    throw damaged(name, url, status, false);
  }

  /** The body that a route of REST answers. */
  async route(path: string, verb: 'GET' | 'POST', ask: Ask): Promise<unknown> {
    const body = verb === 'GET' ? undefined : stringify(ask.payload);
    const { url } = this.#settings;
    const { status, headers, text } = await this.#send(url + path, verb, body, ask);
    if (status !== 200) throw failed(ask.name, url, ask.method, status, headers, text);
    const answer = this.#parsed(ask, status, headers, text);
    if (typeof answer !== 'object' || answer === null) throw damaged(ask.name, url, status, false);
    return answer;
  }

  /** Gives up what is under way. */
  close(): void {
    this.#closed = true;
    for (const controller of this.#open) controller.abort();
  }

  #parsed({ name }: Ask, status: number, headers: Headers, text: string): unknown {
    try {
      return parse(text);
    } catch {
      const { url } = this.#settings;
      if (headers.get('content-type')?.startsWith('application/json')) throw damaged(name, url, status, true);
      throw foreign(name, url, status, headers, text);
    }
  }

  async #send(
    url: string,
    verb: string,
    body: string | undefined,
    { name, timeout, signal }: Ask,
  ): Promise<{ status: number; headers: Headers; text: string }> {
    const { fetch, headers } = this.#settings;
    if (this.#closed) throw closed(name);
    if (signal?.aborted) throw aborted(name, signal, false);
    const controller = new AbortController();
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      controller.abort();
    }, timeout);
    const forget = signal === undefined ? undefined : onAbort(signal, () => controller.abort());
    this.#open.add(controller);
    try {
      const init: RequestInit = { method: verb, headers: headers as Record<string, string>, signal: controller.signal };
      if (body !== undefined) init.body = body;
      const response = await fetch(url, init);
      return { status: response.status, headers: response.headers, text: await response.text() };
    } catch (cause) {
      const base = this.#settings.url;
      if (timedOut) throw late(name, base, timeout);
      if (signal?.aborted) throw aborted(name, signal);
      if (this.#closed) throw closed(name, true);
      throw neverSent(cause) ? unreachable(name, base, cause) : lost(name, base, cause);
    } finally {
      clearTimeout(timer);
      forget?.();
      this.#open.delete(controller);
    }
  }
}

/** Failures of a connection that never came to be, as Node, Bun and Deno tell them; browsers do not. */
const NEVER_SENT =
  /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|UND_ERR_CONNECT_TIMEOUT|ConnectionRefused|ERR_TLS_.*|CERT_.*|DEPTH_ZERO_.*|SELF_SIGNED_.*|UNABLE_TO_.*)$/;

/** Whether this failure of `fetch` says that nothing was sent. */
export function neverSent(error: unknown): boolean {
  for (let at = error, depth = 0; typeof at === 'object' && at !== null && depth < 4; depth++) {
    const { code, cause } = at as { code?: unknown; cause?: unknown };
    if (typeof code === 'string' && NEVER_SENT.test(code)) return true;
    at = cause;
  }
  return false;
}
