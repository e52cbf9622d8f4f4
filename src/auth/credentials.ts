/**
 * Reads credentials out of what a request carries, by the order and rules of synap-operations.md 1.2, plus `X-API-Key`.
 *
 * Invariant: what is malformed is never taken for "none", since "none" may be let in as nobody.
 */
import { Buffer } from 'node:buffer';

/** Where a request may carry credentials; empty texts when absent. Header values are without surrounding spaces. */
export interface Presented {
  readonly authorization: string;
  /** The value of `X-API-Key`. */
  readonly apiKey: string;
  /** The raw query string, without the question mark. */
  readonly query: string;
  /** The address of the peer as text; only valid during the call that was handed this. */
  readonly address?: () => string;
}

/** What a request shows of itself. `decoded` is the key of a query with its percent escapes resolved, where it has any. */
export type Credentials =
  | { readonly kind: 'none' }
  | { readonly kind: 'malformed' }
  | { readonly kind: 'key'; readonly key: string; readonly decoded?: string }
  | { readonly kind: 'basic'; readonly name: string; readonly password: string };

const NONE: Credentials = { kind: 'none' };
const MALFORMED: Credentials = { kind: 'malformed' };
const BEARER = 'Bearer ';
const BASIC = 'Basic ';
const QUERY = 'api_key=';

/**
 * `Authorization` first; then `X-API-Key`; then the query, which is only looked at without an `Authorization` header.
 * Scheme words are case-sensitive, other schemes and empty keys count as "none".
 */
export function readCredentials(presented: Presented): Credentials {
  const { authorization, apiKey, query } = presented;
  if (authorization.startsWith(BEARER)) {
    const key = authorization.slice(BEARER.length).trim();
    if (key !== '') return { kind: 'key', key };
  } else if (authorization.startsWith(BASIC)) {
    return readBasic(authorization.slice(BASIC.length).trim());
  }
  const given = apiKey.trim();
  if (given !== '') return { kind: 'key', key: given };
  return authorization === '' && query !== '' ? readQuery(query) : NONE;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Standard alphabet with padding, UTF-8, split at the first colon, so that passwords may have colons. */
function readBasic(encoded: string): Credentials {
  const bytes = Buffer.from(encoded, 'base64');
  if (bytes.toString('base64') !== encoded) return MALFORMED; // Node skips what is not base64, and knows other alphabets
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch {
    return MALFORMED;
  }
  const colon = text.indexOf(':');
  return colon < 0 ? MALFORMED : { kind: 'basic', name: text.slice(0, colon), password: text.slice(colon + 1) };
}

/** The first pair of this name wins, and an empty value is no key. */
function readQuery(query: string): Credentials {
  for (let at = 0; at >= 0; ) {
    if (query.startsWith(QUERY, at)) {
      const end = query.indexOf('&', at);
      const key = query.slice(at + QUERY.length, end < 0 ? undefined : end);
      return key === '' ? NONE : withDecoded(key);
    }
    const next = query.indexOf('&', at);
    at = next < 0 ? -1 : next + 1;
  }
  return NONE;
}

/** The reference takes the value raw; a client that escapes it properly is understood too. */
function withDecoded(key: string): Credentials {
  if (!key.includes('%')) return { kind: 'key', key };
  try {
    return { kind: 'key', key, decoded: decodeURIComponent(key) };
  } catch {
    return { kind: 'key', key };
  }
}
