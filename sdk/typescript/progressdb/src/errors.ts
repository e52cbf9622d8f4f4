/**
 * The one error of this package, and what it says about each kind of failure.
 *
 * Invariant: whatever is no answer to the call that was made becomes an `ApiError` whose message says what to do; none of
 * them holds a key.
 */
import type { Json } from './types.ts';

/** What is known about a failure besides its status and body. */
export interface ApiErrorDetails {
  /** What helps. */
  advice?: string;
  /** Whether a later try may succeed. */
  transient?: boolean;
  /** Seconds after which the server asks to come again. */
  retryAfter?: number | undefined;
  cause?: unknown;
}

/** A call that did not succeed. */
export class ApiError extends Error {
  override readonly name: string = 'ApiError';
  /** The HTTP status; 0 when there was no answer, or not all of it. */
  readonly status: number;
  /** What the server said: an object where it was JSON, else text; `null` without an answer. */
  readonly body: Json;
  /** Whether a later try may succeed; the tries that `maxRetries` allows are over already. */
  readonly transient: boolean;
  /** Seconds after which the server asks to come again, if it does. */
  readonly retryAfter: number | undefined;

  constructor(status: number, body: Json = null, details: ApiErrorDetails = {}) {
    super(`API error ${status}${said(body)}${details.advice ? `. ${details.advice}` : ''}`, { cause: details.cause });
    this.status = status;
    this.body = body;
    this.transient = details.transient ?? false;
    this.retryAfter = details.retryAfter;
  }
}

/** The beginning of what a body says. */
function said(body: unknown): string {
  if (body === null || body === undefined) return '';
  const own = typeof body === 'object' ? (body as { error?: unknown }).error : undefined;
  const text = typeof own === 'string' ? own : typeof body === 'string' ? body : JSON.stringify(body);
  const start = text.replace(/\s+/g, ' ').trim();
  return start === '' ? '' : `: ${start.length > 120 ? `${start.slice(0, 120)}...` : start}`;
}

const BY_TEXT: Readonly<Record<string, string>> = {
  unauthorized: 'Pass an apiKey that the server knows; if it comes from the environment, see whether it is set.',
  'missing signature headers': 'Call signUser in your backend, and pass the userId and signature that it gives.',
  'invalid signature': 'Sign the user anew: the signature has expired, or the key that made it is gone.',
  'author required for backend requests': 'Pass the author in whose name the call acts.',
};

const BY_STATUS: Readonly<Record<number, string>> = {
  401: 'Pass an apiKey that the server knows, or a signed user.',
  403: 'Use a key, or an author, that may do this: signing takes a backend key, admin calls take an admin key.',
  404: 'Check the id and the baseUrl; what had this id may have been deleted.',
  413: 'Send less at once.',
  429: 'Send more slowly, or raise the rate limit of the server.',
  502: 'A proxy in between cannot reach the server; see whether it runs.',
  503: 'The server is starting, stopping or overloaded; try again later.',
  504: 'A proxy in between got no answer from the server in time.',
  507: 'The server has no room: delete something, or raise the limit that is named.',
};

/** What helps against a refusal. */
function advice(status: number, body: unknown): string {
  const text = typeof body === 'object' && body !== null ? (body as { error?: unknown }).error : undefined;
  return (typeof text === 'string' ? BY_TEXT[text] : undefined) ?? BY_STATUS[status] ?? '';
}

/** An answer that refuses the call. */
export function refused(method: string, response: Response, body: unknown): ApiError {
  const { status } = response;
  return new ApiError(status, body, {
    advice: advice(status, body),
    transient: status === 429 || (status >= 502 && status <= 504) || (status === 500 && method === 'GET'),
    retryAfter: seconds(response.headers.get('retry-after')),
  });
}

/** An answer that sends the call elsewhere, which is not followed, so that keys go to one server only. */
export function redirected(what: string, response: Response): ApiError {
  const target = response.headers.get('location');
  return new ApiError(response.status, null, {
    advice: `${what} is redirected${target === null ? '' : ` to ${target}`}. Give the address it leads to as baseUrl.`,
  });
}

/** An answer of success that is not JSON. */
export function foreign(what: string, response: Response, text: string): ApiError {
  const type = response.headers.get('content-type')?.split(';')[0]?.trim() || 'no content type';
  const json = type.endsWith('json');
  return new ApiError(response.status, text, {
    advice: json
      ? `The JSON that answers ${what} is damaged or ends too early; see what stands between.`
      : `That is ${type}, where the JSON that answers ${what} was to be: check baseUrl, and what stands between.`,
    transient: json,
  });
}

/** An answer in JSON that is not what the call answers. */
export function unexpected(what: string, body: unknown): ApiError {
  return new ApiError(200, body, {
    advice: `That is not what ${what} answers: check baseUrl, and the versions of server and SDK.`,
  });
}

/** No answer, or not all of one that had `begun`. */
export function lost(what: string, baseUrl: string, begun: boolean, cause: unknown): ApiError {
  const reason = reasonOf(cause);
  const browser = typeof document === 'undefined' ? '' : ', and that it allows the origin of this page';
  return new ApiError(0, null, {
    advice: begun
      ? `The connection to ${baseUrl} broke before ${what} was answered in full: ${reason}.`
      : `Cannot reach ${baseUrl} for ${what}: ${reason}. Check that the server runs there and that baseUrl is right${browser}.`,
    transient: true,
    cause,
  });
}

/** No answer in time. */
export function late(what: string, baseUrl: string, timeoutMs: number): ApiError {
  return new ApiError(0, null, {
    advice: `${baseUrl} did not answer ${what} within ${timeoutMs} ms. Raise timeoutMs, or see what keeps the server busy.`,
    transient: true,
  });
}

/** The innermost reason that runtimes give for a failed fetch. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (!(cause instanceof Error)) return String(cause);
  const { code } = cause as { code?: unknown };
  return cause.message || (typeof code === 'string' ? code : cause.name);
}

/** Seconds of a Retry-After, which is a number or a date. */
function seconds(header: string | null): number | undefined {
  if (header === null || header.trim() === '') return undefined;
  const wait = Number(header);
  if (Number.isFinite(wait)) return Math.max(0, wait);
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, (date - Date.now()) / 1000);
}
