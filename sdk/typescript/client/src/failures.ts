/**
 * What went wrong on the way, as errors that say what to do.
 */

import { REFUSALS, type Refusal, type RefusalCode } from './codes.ts';
import type { Method } from './commands.ts';
import { SynapdError } from './errors.ts';

const TABLE: Readonly<Record<string, Refusal>> = REFUSALS;
const CREDENTIALS = 'Pass apiKey, or username and password, to the client.';

/** Words of a refusal, ready to be compared. */
interface Words {
  readonly code: RefusalCode;
  readonly pattern: RegExp;
  /** Characters that are no hole: of two that match, the one with more of them is meant. */
  readonly weight: number;
}

let words: readonly Words[] | undefined;

function allWords(): readonly Words[] {
  return (words ??= Object.entries(TABLE).flatMap(([code, { text, restText }]) =>
    [text, restText].flatMap((known) => {
      if (known === undefined) return [];
      const parts = known.split(/\{\w+\}/);
      const pattern = new RegExp(`^${parts.map((part) => part.replace(/[^\w ]/g, '\\$&')).join('[\\s\\S]*')}$`);
      return [{ code: code as RefusalCode, pattern, weight: parts.join('').length }];
    }),
  ));
}

/** The code that belongs to the server's words: of this status if one is given, rather one that the method names. */
export function codeOf(text: string, method: Method | undefined, status?: number): RefusalCode | undefined {
  let best: Words | undefined;
  let rank = -1;
  for (const one of allWords()) {
    if (!one.pattern.test(text)) continue;
    const named = method?.errors.includes(one.code) === true;
    if (one.weight === 0 && !named) continue;
    const of = TABLE[one.code]?.status === status ? 2 : 0;
    const value = one.weight * 4 + of + (named ? 1 : 0);
    if (value > rank) [best, rank] = [one, value];
  }
  return best?.code;
}

/** What the server refused. `code`: where it says it; else it is told by the words. */
export function refused(
  detail: string,
  method: Method | undefined,
  said: { readonly code?: string | undefined; readonly status?: number; readonly retryAfter?: number | undefined } = {},
): SynapdError {
  const known = said.code !== undefined && said.code in TABLE ? (said.code as RefusalCode) : undefined;
  const code = known ?? codeOf(detail, method, said.status);
  const row = code === undefined ? undefined : TABLE[code];
  const advice = code === 'UNAUTHORIZED' ? CREDENTIALS : row?.about;
  return new SynapdError(code ?? 'REFUSED', advice === undefined ? detail : `${ended(detail)} ${advice}`, {
    status: said.status ?? row?.status ?? 400,
    detail,
    retryable: row?.retryable,
    unknown: code === 'INTERNAL' || code === 'READ_ONLY',
    retryAfter: said.retryAfter,
  });
}

const ended = (text: string): string => (/[.!?]$/.test(text) ? text : `${text}.`);

/** There was no connection. */
export function unreachable(what: string, url: string, cause: unknown): SynapdError {
  return new SynapdError(
    'UNREACHABLE',
    `Cannot reach ${url} for ${what}${because(cause)}. Check that the server runs there and that the url is right.`,
    { retryable: true, cause },
  );
}

/** The connection broke, or nobody knows whether there was one. */
export function lost(what: string, url: string, cause: unknown): SynapdError {
  return new SynapdError(
    'CONNECTION_LOST',
    `The connection to ${url} failed before ${what} was answered in full${because(cause)}; whether it took effect is unknown. Check that the server runs there, and what stands between.`,
    { retryable: true, unknown: true, cause },
  );
}

/** No answer in time. */
export function late(what: string, url: string, ms: number, sent = true): SynapdError {
  return new SynapdError(
    'TIMEOUT',
    sent
      ? `${url} did not answer ${what} within ${ms} ms; whether it took effect is unknown. Raise timeout, or see what keeps the server busy.`
      : `There was no connection to ${url} for ${what} within ${ms} ms. Check that the server runs there and that the url is right.`,
    { retryable: true, unknown: sent },
  );
}

/** The caller gave up. */
export function aborted(what: string, signal: AbortSignal, sent = true): SynapdError {
  return new SynapdError('ABORTED', `${what} was aborted${because(signal.reason)}.`, {
    unknown: sent,
    cause: signal.reason,
  });
}

/** The client was closed. */
export function closed(what: string, sent = false): SynapdError {
  return new SynapdError('CLOSED', `${what}: the client was closed. Make a new one.`, { unknown: sent });
}

/** JSON that ends too early, or is no answer to what was asked. */
export function damaged(what: string, url: string, status: number, cut: boolean): SynapdError {
  return new SynapdError(
    'BAD_ANSWER',
    cut
      ? `${url} answered ${what} with JSON that ends too early or is damaged; whether it took effect is unknown. Look at what stands between.`
      : `${url} answered ${what} with JSON that is no answer to it. Check that the url is that of a synapd server, and that nothing in between caches.`,
    { status, retryable: cut, unknown: true },
  );
}

/** An answer that no server of ours gives: of a proxy, or of something else at this address. */
export function foreign(what: string, url: string, status: number, headers: Headers, body: string): SynapdError {
  const kind = headers.get('content-type')?.split(';')[0] || 'no content type';
  const start = body.slice(0, 80).trim();
  const away = status === 502 || status === 503 || status === 504;
  const advice =
    status === 401
      ? `Credentials are missing or wrong. ${CREDENTIALS}`
      : away
        ? 'A proxy in between cannot reach the server; see whether it runs.'
        : 'Check the url, and what stands between.';
  const shown = start === '' ? '' : ` It begins: ${JSON.stringify(start)}.`;
  return new SynapdError(
    'BAD_ANSWER',
    `${url} answered ${what} with status ${status} and ${kind} instead of JSON.${shown} ${advice}`,
    {
      status,
      retryable: away,
      unknown: status !== 401 && status !== 404 && status !== 405,
      retryAfter: wait(headers),
    },
  );
}

/** An HTTP status other than 200. */
export function failed(
  what: string,
  url: string,
  method: Method | undefined,
  status: number,
  headers: Headers,
  body: string,
): SynapdError {
  const detail = saidIn(body);
  if (detail === undefined) return foreign(what, url, status, headers, body);
  if (status === 404 && detail.startsWith('Not found:'))
    return new SynapdError('NOT_FOUND', `${ended(detail)} Is ${url} the address of a synapd server?`, {
      status,
      detail,
    });
  return refused(detail, method, { status, retryAfter: wait(headers) });
}

/** The text of an error body, when it is one. */
function saidIn(body: string): string | undefined {
  try {
    const parsed: unknown = JSON.parse(body);
    const text = (parsed as { error?: unknown } | null)?.error;
    return typeof text === 'string' ? text : undefined;
  } catch {
    return undefined;
  }
}

function wait(headers: Headers): number | undefined {
  const seconds = headers.get('retry-after');
  return seconds !== null && /^\d+(\.\d+)?$/.test(seconds.trim()) ? Number(seconds) * 1000 : undefined;
}

/** What the platform says, as far as it helps. */
function because(cause: unknown): string {
  const inner = (cause as { cause?: unknown } | null | undefined)?.cause ?? cause;
  const { code, message } = (inner ?? {}) as { code?: unknown; message?: unknown };
  const text = typeof message === 'string' && message !== '' ? message : code;
  return typeof text === 'string' && text !== '' ? `: ${text.replace(/\.$/, '')}` : '';
}
