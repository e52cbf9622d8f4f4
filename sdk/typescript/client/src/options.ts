/**
 * What a client, a call and a subscription can be told, read and checked once.
 */

/** Of a client. */
export interface ClientOptions {
  /** An API key of the server. Over HTTP it goes in the `Authorization` header, over the socket in the query. */
  readonly apiKey?: string | undefined;
  /** A user of the server; with `password`. Over the socket only where `WebSocket` takes headers: not in browsers. */
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** How calls travel: each as a request (the default), or all on one socket. Subscriptions always use the socket. */
  readonly transport?: 'http' | 'socket' | undefined;
  /** Milliseconds for an answer, and for a connection; default 10,000. Waits that a call asks for come on top. */
  readonly timeout?: number | undefined;
  /** Further attempts after a failure that may pass; default 4, 0 for none. */
  readonly retries?: number | undefined;
  /** Closes the client when it is aborted. */
  readonly signal?: AbortSignal | undefined;
  /** Instead of the global one. */
  readonly fetch?: typeof globalThis.fetch | undefined;
  /** Instead of the global one, which Node has from version 22 on; before, pass the one of the package `ws`. */
  readonly WebSocket?: WebSocketConstructor | undefined;
  /** Speaks msgpack on the socket instead of JSON, such as `{ encode: pack, decode: unpack }` of msgpackr. */
  readonly codec?: Codec | undefined;
  /** Headers for every request, such as those that a proxy wants. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** Of one call. */
export interface CallOptions {
  /** Gives the call up. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds for each attempt, instead of the client's. */
  readonly timeout?: number | undefined;
  /** Instead of the client's. */
  readonly retries?: number | undefined;
}

/** Of one subscription. */
export interface ListenOptions {
  /** Ends the subscription, as `break` does. */
  readonly signal?: AbortSignal | undefined;
  /** Items that may wait to be asked for; default 1,024. */
  readonly buffer?: number | undefined;
}

/** Values to bytes and back. */
export interface Codec {
  encode(value: unknown): Uint8Array;
  decode(bytes: Uint8Array): unknown;
}

/** As much of a WebSocket as is used. */
export interface WebSocketLike {
  binaryType: string;
  onopen: ((event: never) => unknown) | null;
  onmessage: ((event: never) => unknown) | null;
  onerror: ((event: never) => unknown) | null;
  onclose: ((event: never) => unknown) | null;
  send(data: string | Uint8Array): void;
  close(code?: number, reason?: string): void;
}

/** Makes one; the second argument is only given where headers are needed. */
export type WebSocketConstructor = new (url: string, options?: never) => WebSocketLike;

/** What the parts of a client share. */
export interface Settings {
  /** Without a slash at its end. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly socketUrl: string;
  /** Headers without which a socket is refused. */
  readonly socketHeaders: Readonly<Record<string, string>> | undefined;
  readonly timeout: number;
  readonly retries: number;
  readonly fetch: typeof globalThis.fetch;
  readonly WebSocket: WebSocketConstructor | undefined;
  readonly codec: Codec | undefined;
}

/** Checks the options; throws `TypeError` for what can never work. */
export function settings(url: string, options: ClientOptions): Settings {
  const base = address(url);
  const { timeout = 10_000, retries = 4, apiKey } = options;
  if (!(timeout > 0)) throw new TypeError('timeout must be a number of milliseconds above 0');
  if (!(Number.isInteger(retries) && retries >= 0)) throw new TypeError('retries must be 0 or more');
  const fetch = options.fetch ?? globalThis.fetch;
  if (typeof fetch !== 'function') throw new TypeError('there is no global fetch here; pass one as options.fetch');
  const credentials = authorization(options);
  const headers = { ...options.headers, ...(credentials === undefined ? {} : { authorization: credentials }) };
  const query = apiKey === undefined ? '' : `?api_key=${encodeURIComponent(apiKey)}`;
  const needed = apiKey === undefined ? headers : options.headers;
  return {
    url: base,
    headers: { ...headers, 'content-type': 'application/json' },
    socketUrl: `${base.replace(/^http/, 'ws')}/ws${query}`,
    socketHeaders: needed === undefined || Object.keys(needed).length === 0 ? undefined : needed,
    timeout,
    retries,
    fetch,
    WebSocket: options.WebSocket ?? (globalThis.WebSocket as WebSocketConstructor | undefined),
    codec: options.codec,
  };
}

function address(url: string): string {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    throw new TypeError(`url must be like http://localhost:15500, not ${JSON.stringify(url)}`);
  }
  if (parsed.protocol !== 'http:' && parsed.protocol !== 'https:')
    throw new TypeError(`url must begin with http:// or https://, not ${parsed.protocol}`);
  if (parsed.username !== '' || parsed.password !== '')
    throw new TypeError('give credentials as options.username and options.password, not in the url');
  if (parsed.search !== '' || parsed.hash !== '') throw new TypeError('url must not have a query or a fragment');
  return `${parsed.origin}${parsed.pathname.replace(/\/+$/, '')}`;
}

function authorization({ apiKey, username, password }: ClientOptions): string | undefined {
  if (apiKey !== undefined) {
    if (username !== undefined || password !== undefined)
      throw new TypeError('give either apiKey, or username and password, not both');
    if (!/^[!-~]+$/.test(apiKey)) throw new TypeError('apiKey must be printable ASCII without blanks');
    return `Bearer ${apiKey}`;
  }
  if (username === undefined && password === undefined) return undefined;
  if (username === undefined || password === undefined) throw new TypeError('username and password belong together');
  if (username.includes(':')) throw new TypeError('username must not contain a colon');
  const bytes = new TextEncoder().encode(`${username}:${password}`);
  return `Basic ${btoa(String.fromCharCode(...bytes))}`;
}
