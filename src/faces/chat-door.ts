/**
 * The door of the chat face (progressdb.md 2.1, 2.3, 4; R27, R28, R31, R32).
 *
 * Invariant: every request passes in the same order: CORS, preflight, address, key, scope, rate, path, method, signature.
 * A refused caller learns nothing about routes, and guessing keys costs like any other request.
 */
import { Buffer } from 'node:buffer';
import type { Caller } from '../commands/access.ts';
import { CommandError } from '../core/errors.ts';
import { chatFailure } from './chat-text.ts';
import type { Admission, Asked, Reply, Territory } from './endpoint.ts';
import { formDecode } from './query.ts';
import { allowed, Router } from './router.ts';

/** The classes of a key. */
export interface Classes {
  readonly backend: boolean;
  readonly frontend: boolean;
  readonly admin: boolean;
}

/** What the door is made of. */
export interface Locks {
  /** Whether any address may call, so that nobody has to ask for it. */
  readonly anywhere: boolean;
  /** Whether an address may call at all. */
  allows(address: string): boolean;
  /** The classes of a key; `undefined` when nobody has it. */
  classes(key: string): Classes | undefined;
  /** Whether signatures can be checked. */
  readonly signing: boolean;
  verify(user: string, signature: string): boolean;
  /** The signature of a user under a key. */
  sign(key: string, user: string): string;
  /** Takes one request of a caller: 0, or the seconds after which to come again. */
  take(caller: string): number;
  /** Whether pages of an origin may call. */
  welcomes(origin: string): boolean;
  /** Whether signed users need no key. */
  readonly keyless: boolean;
}

/** Who a request of the chat face comes from, and what its headers say that the routes of its method ask about. */
export interface Guest extends Caller {
  readonly classes: Classes;
  /** The key as it was presented where signing reads it; empty when only the door can read it. */
  readonly key: string;
  /** The user whose signature was verified; empty when there was none. */
  readonly signed: string;
  /** X-User-ID. */
  readonly user: string;
  /** X-Identity of a POST. */
  readonly identity: string;
  /** Idempotency-Key of a POST. */
  readonly once: string;
  /** Last-Event-ID of a GET. */
  readonly lastEvent: string;
}

/** Which routes a door opens to. */
export type Wing = 'user' | 'sign' | 'admin' | 'metrics' | 'probe' | 'page';

const NOBODY: Classes = { backend: false, frontend: false, admin: false };
const CORS: readonly (readonly [string, string])[] = [
  ['vary', 'Origin'],
  ['access-control-allow-methods', 'GET,POST,PUT,DELETE,PATCH,OPTIONS'],
  ['access-control-max-age', '600'],
  ['access-control-allow-headers', 'Authorization,Content-Type,X-API-Key,X-User-ID,X-User-Signature,Idempotency-Key'],
  ['access-control-expose-headers', 'X-Role-Name,Retry-After'],
];
const NONE: readonly (readonly [string, string])[] = [];
const SCOPE = /^\/v1\/(?:messages$|threads)/;
const TERRITORY = /^\/(?:v1|admin|docs|viewer)(?:\/|$)|^\/(?:healthz|readyz|openapi\.yaml)$/;
const ESCAPED = /%2[ef]/i;
const BEYOND_ASCII = /[\x80-\xff]/;
const PUBLIC = /^\/(?:docs|viewer)(?:\/|$)|^\/openapi\.yaml$/;

export class ChatDoor implements Territory {
  readonly #locks: Locks;
  readonly #routes = new Router<true>();

  constructor(locks: Locks) {
    this.#locks = locks;
  }

  /** Tells the door of a route, for 405. */
  knows(method: string, path: string): void {
    this.#routes.add(method, path, true);
  }

  owns(path: string): boolean {
    return TERRITORY.test(path);
  }

  stray(asked: Asked): Admission & { readonly who: Reply } {
    const headers = this.#cors(asked);
    if (asked.method === 'OPTIONS') return { headers, who: { status: 204, body: '' } };
    const refused = PUBLIC.test(asked.path) ? undefined : this.#enter(asked).refused;
    return { headers, who: refused ?? cleaned(asked) ?? this.#nowhere(asked) };
  }

  /** Lets a request to a route in, or not. */
  admit(asked: Asked, wing: Wing): Admission {
    const headers = this.#cors(asked);
    return { headers, who: this.#admitted(asked, wing) };
  }

  #admitted(asked: Asked, wing: Wing): Guest | Reply {
    const get = asked.method === 'GET';
    if (get && (wing === 'page' || wing === 'probe')) {
      return this.#welcome(asked) ? guest(NOBODY, '', '', '', asked) : failure('FORBIDDEN');
    }
    const { refused, classes, key } = this.#enter(asked);
    if (refused !== undefined) return refused;
    const elsewhere = cleaned(asked);
    if (elsewhere !== undefined) return elsewhere;
    if (asked.method === 'HEAD' && wing !== 'metrics' && wing !== 'probe') return this.#nowhere(asked);
    if (wing === 'sign') return guest(classes, signingKey(asked), '', '', asked);
    if (wing !== 'user') return guest(classes, key, '', '', asked);
    return this.#identify(asked, classes, key);
  }

  /** To ask for the address costs as much as reading a whole message, so it is asked for only where it counts. */
  #welcome(asked: Asked): boolean {
    return this.#locks.anywhere || this.#locks.allows(asked.address());
  }

  /** Address, key, scope and rate. */
  #enter(asked: Asked): { readonly refused: Reply | undefined; readonly classes: Classes; readonly key: string } {
    const locks = this.#locks;
    if (!this.#welcome(asked)) return { refused: failure('FORBIDDEN'), classes: NOBODY, key: '' };
    const key = presentedKey(asked);
    const classes = key === '' ? undefined : locks.classes(key);
    const known = classes !== undefined;
    const signed =
      !known &&
      locks.keyless &&
      SCOPE.test(asked.path) &&
      asked.header('x-user-id') !== '' &&
      asked.header('x-user-signature') !== '';
    const inScope = known ? classes.backend || classes.admin || SCOPE.test(asked.path) : true;
    const wait = locks.take(known ? `key ${key}` : `address ${asked.address()}`);
    const refused =
      wait > 0
        ? { ...failure('CHAT_RATE_LIMITED'), headers: [['Retry-After', String(wait)]] as const }
        : !known && !signed
          ? failure('UNAUTHORIZED')
          : inScope
            ? undefined
            : failure('FORBIDDEN');
    return { refused, classes: classes ?? NOBODY, key };
  }

  /** The signature, which frontends and callers without a key need and others may send (4.2). */
  #identify(asked: Asked, classes: Classes, key: string): Guest | Reply {
    const user = said(asked, 'x-user-id');
    const signature = asked.header('x-user-signature').trim();
    const trusted = classes.backend || classes.admin;
    if (signature === '') {
      return trusted ? guest(classes, key, '', user, asked) : failure('CHAT_SIGNATURE_MISSING');
    }
    if (user === '') return failure('CHAT_SIGNATURE_MISSING');
    if (!this.#locks.signing) return failure('CHAT_NO_SIGNERS');
    if (!this.#locks.verify(user, signature)) return failure('CHAT_SIGNATURE_INVALID');
    return guest(classes, key, user, user, asked);
  }

  #nowhere({ method, path }: Asked): Reply {
    const found = this.#routes.find(path);
    if (found === undefined || /%2f/i.test(path)) return failure('NOT_FOUND');
    const methods = allowed(found.node).replace(',HEAD', '');
    if (found.node.methods.has(method)) return failure('NOT_FOUND');
    const reply = chatFailure(new CommandError('METHOD_NOT_ALLOWED', { method }));
    return { ...reply, headers: [['Allow', methods]] };
  }

  #cors(asked: Asked): Admission['headers'] {
    const origin = asked.header('origin');
    if (origin === '' || !this.#locks.welcomes(origin)) return NONE;
    return [['access-control-allow-origin', origin], ...CORS];
  }
}

const failure = (code: ConstructorParameters<typeof CommandError>[0]): Reply => chatFailure(new CommandError(code));

function guest(classes: Classes, key: string, signed: string, user: string, asked: Asked): Guest {
  const { admin } = classes;
  const { method } = asked;
  return {
    admin,
    allows: admin ? anything : anythingButAdmin,
    classes,
    key,
    signed,
    user,
    // each header costs a call into the library, so none is read that routes of the method have no use for
    identity: method === 'POST' ? said(asked, 'x-identity') : '',
    once: method === 'POST' ? asked.header('idempotency-key') : '',
    lastEvent: method === 'GET' ? asked.header('last-event-id') : '',
  };
}

/** What a key may do is decided by the wing it is in; commands about users are held to `actor`. */
const anything = (): boolean => true;
const anythingButAdmin: Caller['allows'] = (action) => action !== 'admin';

/**
 * A name in a header: UTF-8 (4.2), which the transport reads as latin1. The library also takes bytes beyond ASCII away
 * from the ends of a value as if they were blanks, so that names which begin or end with such a letter may be sent as
 * RFC 8187 has it, `UTF-8''zo%C3%AB`.
 */
function said(asked: Asked, name: string): string {
  const value = asked.header(name).trim();
  const escaped = /^utf-8'[\w-]*'(.*)$/i.exec(value);
  if (escaped !== null) return formDecode((escaped[1] as string).replaceAll('+', '%2B'));
  return BEYOND_ASCII.test(value) ? Buffer.from(value, 'latin1').toString('utf8') : value;
}

/** The key that the door reads: the scheme in any letter case (4.1). */
function presentedKey(asked: Asked): string {
  const authorization = asked.header('authorization');
  if (authorization === '') return asked.header('x-api-key').trim();
  const bearer = /^bearer\s+(.*)$/i.exec(authorization.trim())?.[1]?.trim() ?? '';
  return bearer === '' ? asked.header('x-api-key').trim() : bearer;
}

/** The key that signing reads (3.2). */
function signingKey(asked: Asked): string {
  const authorization = asked.header('authorization');
  if (/^[Bb]earer /.test(authorization)) return authorization.slice('Bearer '.length).trim();
  return authorization === '' ? asked.header('x-api-key') : '';
}

/** The way to the path that is meant, for paths that are not clean, in escapes neither (2.1). */
function cleaned({ method, path, query }: Asked): Reply | undefined {
  const plain = ESCAPED.test(path) ? path.replaceAll(/%2e/gi, '.').replaceAll(/%2f/gi, '/') : path;
  let to = plain;
  if (path === '/docs' || path === '/viewer') to = `${path}/`;
  else if (plain.includes('//') || plain.includes('/.')) {
    const parts: string[] = [];
    for (const part of plain.split('/')) {
      if (part === '..') parts.pop();
      else if (part !== '' && part !== '.') parts.push(part);
    }
    to = `/${parts.join('/')}${plain.endsWith('/') && parts.length > 0 ? '/' : ''}`;
  }
  if (to === plain) return undefined;
  const target = query === '' ? to : `${to}?${query}`;
  const shown = target
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&#34;');
  const get = method === 'GET' || method === 'HEAD';
  return {
    status: 307,
    ...(get ? { type: 'text/html; charset=utf-8' } : {}),
    body: get ? `<a href="${shown}">Temporary Redirect</a>.\n\n` : '',
    headers: [['Location', target]],
  };
}
