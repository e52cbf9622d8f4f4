/**
 * The options of both clients, and what they come to.
 */
import { headerValue } from './request.ts';
import type { Timestamps } from './types.ts';

/** Options that both clients have. */
export interface CommonOptions<T extends Timestamps = Timestamps> {
  /** Milliseconds that one try may take until its answer is complete. Default 10,000. */
  timeoutMs?: number | undefined;
  /** Further tries of a call that failed for a reason that may pass. Default 2. */
  maxRetries?: number | undefined;
  /** Ends all calls of the client when it is aborted; they reject with its reason. */
  signal?: AbortSignal | undefined;
  /** Used instead of the global `fetch`. */
  fetch?: typeof fetch | undefined;
  /** `bigint` reads timestamps exactly. Default `number`, as documented, which rounds to 256 ns. */
  timestamps?: T | undefined;
}

/** Checked options. */
export interface Settings {
  readonly baseUrl: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly maxRetries: number;
  readonly signal: AbortSignal | undefined;
  readonly fetch: typeof fetch | undefined;
  readonly exact: boolean;
  /** Whether creates carry an idempotency key; without one they are sent once. */
  readonly onceKeys: boolean;
}

/** The longest that timers of all runtimes can wait. */
const LONGEST_MS = 2 ** 31 - 1;

/** Throws `TypeError` for options that can never work. */
export function settings(
  options: CommonOptions,
  baseUrl: string,
  headers: Readonly<Record<string, string>>,
  onceKeys: boolean,
): Settings {
  const { timeoutMs = 10_000, maxRetries = 2, signal, timestamps } = options;
  if (!(timeoutMs > 0 && timeoutMs <= LONGEST_MS)) {
    throw new TypeError(`timeoutMs must be a number of milliseconds above 0 and below 2^31; got ${timeoutMs}`);
  }
  if (!(Number.isInteger(maxRetries) && maxRetries >= 0)) {
    throw new TypeError(`maxRetries must be an integer of 0 or more; got ${maxRetries}`);
  }
  return {
    baseUrl: baseUrl.endsWith('/') ? baseUrl.slice(0, -1) : baseUrl,
    headers,
    timeoutMs,
    maxRetries,
    signal,
    fetch: options.fetch,
    exact: timestamps === 'bigint',
    onceKeys,
  };
}

/** An absolute address. Throws `TypeError`. */
export function absolute(baseUrl: string): string {
  let url: URL | undefined;
  try {
    url = new URL(baseUrl);
  } catch {}
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:') || url.search || url.hash) {
    throw new TypeError(
      `baseUrl must be an address such as https://api.example.com, without a query; got ${JSON.stringify(baseUrl)}`,
    );
  }
  return baseUrl;
}

/** A key as a header value. Throws `TypeError`, without the key. */
export function keyValue(apiKey: string): string {
  if (!/^[\x21-\x7e]+$/.test(apiKey)) throw new TypeError('apiKey must be printable ASCII without blanks');
  return headerValue('apiKey', apiKey);
}
