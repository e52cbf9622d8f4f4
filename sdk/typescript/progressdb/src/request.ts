/**
 * What a request is made of: paths, queries and headers.
 *
 * Invariant: an id names one segment of a path, whatever is in it; a user goes into a header as the bytes that the server
 * signs and compares, or not at all.
 */

import type { UserSignature } from './types.ts';

/** Headers of a request, names in lower case. */
export type HeaderMap = Readonly<Record<string, string>>;

/** No headers. */
export const NO_HEADERS: HeaderMap = {};

/** A path below `/v1`. Throws `TypeError` for ids that would name something else. */
export function path(...segments: string[]): string {
  let text = '/v1';
  for (const segment of segments) {
    if (typeof segment !== 'string' || segment === '' || segment === '.' || segment === '..') {
      throw new TypeError(`an id must be text, and not empty, "." or ".."; got ${JSON.stringify(segment)}`);
    }
    text += `/${encodeURIComponent(segment)}`;
  }
  return text;
}

/** A query with what is given of it. */
export function query(parameters: Readonly<Record<string, string | number | boolean | undefined>>): string {
  let text = '';
  for (const name in parameters) {
    const value = parameters[name];
    if (value !== undefined) text += `${text === '' ? '?' : '&'}${name}=${encodeURIComponent(value)}`;
  }
  return text;
}

/** A header value as it is. Throws `TypeError` for what a header would not carry so. */
export function headerValue(name: string, value: string): string {
  if (typeof value !== 'string' || value === '' || value !== value.trim() || hasControls(value)) {
    throw new TypeError(`${name} must be text without control characters and without blanks around it`);
  }
  if (/^[\x20-\x7e]*$/.test(value)) return value;
  // UTF-8, one character for each byte, which is what fetch takes and the server signs and compares
  let bytes = '';
  for (const byte of new TextEncoder().encode(value)) bytes += String.fromCharCode(byte);
  return bytes;
}

/** In whose name a call acts: headers, and what is added to the query. */
export interface Who {
  readonly headers: HeaderMap;
  readonly query: string;
}

/** Nobody. */
export const NOBODY: Who = { headers: NO_HEADERS, query: '' };

/** HTTP servers may take bytes beyond ASCII away from the ends of a value, and this one reads RFC 8187. */
const FRAGILE = /^[^\x20-\x7e]|[^\x20-\x7e]$|^utf-8'/i;

/** The author that a backend names. What a header may lose goes into the query, which servers of ProgressDB read too. */
export function author(name: string): Who {
  const value = headerValue('author', name);
  return FRAGILE.test(name)
    ? { headers: NO_HEADERS, query: query({ author: name }).slice(1) }
    : { headers: { 'x-user-id': value }, query: '' };
}

/** A signed user, which only headers tell. What a header may lose is written as RFC 8187 has it. */
export function user({ userId, signature }: UserSignature): Who {
  const value = headerValue('userId', userId);
  const escaped = (): string => `UTF-8''${encodeURIComponent(userId).replace(/['()*]/g, escapeByte)}`;
  const headers = {
    'x-user-id': FRAGILE.test(userId) ? escaped() : value,
    'x-user-signature': headerValue('signature', signature),
  };
  return { headers, query: '' };
}

const escapeByte = (character: string): string => `%${character.charCodeAt(0).toString(16).toUpperCase()}`;

function hasControls(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code < 0x20 || code === 0x7f) return true;
  }
  return false;
}

/** A key that stands for one request however often it is sent. */
export function onceKey(): string {
  const source = globalThis.crypto as Crypto | undefined; // Node 18 has it behind a flag only
  if (source?.randomUUID !== undefined) return source.randomUUID();
  const words = new Uint32Array(4);
  if (source === undefined) for (let at = 0; at < 4; at++) words[at] = Math.random() * 2 ** 32;
  else source.getRandomValues(words);
  return [...words].map((word) => word.toString(16).padStart(8, '0')).join('');
}
