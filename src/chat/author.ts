/**
 * In whose name a request acts (progressdb.md 4.3).
 *
 * Invariant: a verified signature is binding, whatever else the request names; without one, only callers with a secret
 * key may name somebody.
 */
import { CommandError } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';
import type { Role } from './types.ts';

/** Where a request may name an author; empty texts when absent. */
export interface NamedAuthors {
  /** The user whose signature was verified, or `''`. */
  readonly signed: string;
  /** The member `author` of the body, where the call looks at it; not trimmed. */
  readonly body: string;
  /** X-User-ID, trimmed. */
  readonly header: string;
  /** The query parameter `author`, trimmed. */
  readonly query: string;
}

/**
 * The author of a request. Errors: CHAT_AUTHOR_CONFLICT when somebody signed names another one, CHAT_AUTHOR_REQUIRED,
 * CHAT_AUTHOR_TOO_LONG, CHAT_SIGNATURE_MISSING for a frontend caller that did not sign.
 */
export function resolveAuthor(role: Role, named: NamedAuthors): string {
  const { signed, body, header, query } = named;
  if (signed !== '') {
    if (query !== '' && query !== signed) throw conflict('query param');
    if (header !== '' && header !== signed) throw conflict('header');
    if (body !== '' && body !== signed) throw conflict('body author');
    if (Buffer.byteLength(signed) > LIMITS.chatNameBytes) throw new CommandError('CHAT_AUTHOR_TOO_LONG');
    return signed;
  }
  if (role === 'frontend') throw new CommandError('CHAT_SIGNATURE_MISSING');
  const author = body || header || query;
  if (author === '') throw new CommandError('CHAT_AUTHOR_REQUIRED');
  if (author.length > LIMITS.chatAuthorBytes || Buffer.byteLength(author) > LIMITS.chatAuthorBytes) {
    throw new CommandError('CHAT_AUTHOR_TOO_LONG');
  }
  return author;
}

/** Refuses an edit whose body names another author than the one that acts (progressdb.md 3.6). */
export function mustKeepAuthor(author: string, body: string): void {
  if (body !== '' && body !== author) throw new CommandError('CHAT_AUTHOR_CHANGED');
}

const conflict = (place: string): CommandError => new CommandError('CHAT_AUTHOR_CONFLICT', { place });
