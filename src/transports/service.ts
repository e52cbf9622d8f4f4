/**
 * One request at its endpoint: credentials, content type, body, and the call whose answer goes to `Replies`.
 *
 * Invariant: nothing of a request is looked at before its caller is known (synap-core.md 1.5-5), and an endpoint is
 * called at most once for it.
 */
import type { Caller } from '../commands/access.ts';
import type { Context } from '../commands/context.ts';
import { CommandError } from '../core/errors.ts';
import type { Answer, Endpoint, Feed, Reply, Territory } from '../faces/endpoint.ts';
import { decodeText, parseJson } from '../wire/json.ts';
import { asked, begin, type Exchange } from './exchange.ts';
import type { Feeds } from './feeds.ts';
import type { Gate } from './gate.ts';
import type { Replies, ReplyPorts } from './replies.ts';
import { gather, receive } from './request-body.ts';
import { type Doorkeeper, presented } from './session.ts';
import type { HttpRequest, HttpResponse } from './uws.ts';

const JSON_TYPE = /^application\/(?:json|[^\s;/]+\+json)\s*(?:;|$)/i;

/** What the transport needs of the server. */
export interface HttpPorts extends ReplyPorts {
  readonly context: Context;
  readonly door: Doorkeeper;
  /** Where answers to writes wait for the disk; absent in a server that keeps nothing. */
  readonly gate?: Gate | undefined;
  /** Where answers that go on are kept; absent in a server whose endpoints have none. */
  readonly feeds?: Feeds | undefined;
  /** Bytes a body may have. */
  readonly bodyBytes: number;
  /** Paths with a door of their own. */
  readonly territory?: Territory | undefined;
  /** How a face shows errors of the transport itself, by path (401, 404, 405 and the like). */
  readonly failure: (path: string, error: CommandError) => Reply;
}

/** Serves requests whose endpoint is known. */
export class Service {
  readonly #ports: HttpPorts;
  readonly #replies: Replies;

  constructor(ports: HttpPorts, replies: Replies) {
    this.#ports = ports;
    this.#replies = replies;
  }

  /** Serves one request. Credentials first: a refused caller learns nothing about routes (1.5-5). */
  admit(
    response: HttpResponse,
    request: HttpRequest,
    method: string,
    endpoint: Endpoint,
    params: readonly string[],
  ): void {
    const { door } = this.#ports;
    if (endpoint.admit !== undefined)
      return this.#admitOwn(response, request, method, endpoint, endpoint.admit, params);
    const exchange = begin(response, request, method, endpoint.path, undefined);
    const query = endpoint.query === false ? '' : (request.getQuery() ?? '');
    const fits = endpoint.body === 'json' ? isJson(request.getHeader('content-type')) : endpoint.body === 'bytes';
    if (door.everyone !== undefined || endpoint.open === true)
      return this.#proceed(exchange, endpoint, door.everyone ?? NOBODY, params, query, fits);
    const who = door.admit(presented(request, response));
    if (!(who instanceof Promise)) {
      if (who === undefined) return this.#refuse(exchange, request.getUrl());
      return this.#proceed(exchange, endpoint, who, params, query, fits);
    }
    // a body that arrives meanwhile is gathered; the library would drop it
    const path = request.getUrl();
    this.#replies.defer(exchange);
    const body = fits ? gather(exchange, this.#ports.bodyBytes) : undefined;
    who.then(
      (caller) => {
        if (exchange.aborted) return;
        if (caller === undefined) return this.#refuse(exchange, path);
        if (body === undefined) return this.#proceed(exchange, endpoint, caller, params, query, fits);
        body.then((bytes) => this.#answerBytes(exchange, endpoint, caller, params, query, bytes));
      },
      (error: unknown) => this.#replies.fail(exchange, endpoint, error),
    );
  }

  /** A route with a door of its own. */
  #admitOwn(
    response: HttpResponse,
    request: HttpRequest,
    method: string,
    endpoint: Endpoint,
    admit: NonNullable<Endpoint['admit']>,
    params: readonly string[],
  ): void {
    const question = asked(response, request, method);
    const { headers, who } = admit(question);
    const exchange = begin(response, request, method, endpoint.path, headers);
    if ('status' in who) return this.#replies.send(exchange, who);
    this.#proceed(exchange, endpoint, who, params, question.query, true);
  }

  #refuse(exchange: Exchange, path: string): void {
    const reply = this.#ports.failure(path, new CommandError('UNAUTHORIZED', { detail: 'valid credentials required' }));
    this.#replies.send(exchange, { ...reply, headers: [['WWW-Authenticate', 'Bearer']] });
  }

  /** `fits`: the body has a type that the endpoint reads. */
  #proceed(
    exchange: Exchange,
    endpoint: Endpoint,
    caller: Caller,
    params: readonly string[],
    query: string,
    fits: boolean,
  ): void {
    if (endpoint.body === 'none') return this.#answer(exchange, endpoint, caller, params, query, undefined);
    if (!fits) return this.#unreadable(exchange, endpoint, params, new CommandError('UNSUPPORTED_MEDIA_TYPE'));
    receive(exchange, this.#ports.bodyBytes, (bytes) =>
      this.#answerBytes(exchange, endpoint, caller, params, query, bytes),
    );
  }

  #answerBytes(
    exchange: Exchange,
    endpoint: Endpoint,
    caller: Caller,
    params: readonly string[],
    query: string,
    bytes: Uint8Array | undefined,
  ): void {
    let body: unknown;
    try {
      if (bytes === undefined) throw new CommandError('BODY_TOO_LARGE');
      body = endpoint.body === 'bytes' ? bytes : parseJson(decodeText(bytes));
    } catch (error) {
      return this.#unreadable(exchange, endpoint, params, error);
    }
    this.#answer(exchange, endpoint, caller, params, query, body);
  }

  /** A body that cannot be read, unless the path cannot be read either: that is told first (1.4). */
  #unreadable(exchange: Exchange, endpoint: Endpoint, params: readonly string[], error: unknown): void {
    try {
      endpoint.check?.(params);
    } catch (earlier) {
      return this.#replies.fail(exchange, endpoint, earlier);
    }
    this.#replies.fail(exchange, endpoint, error);
  }

  #answer(
    exchange: Exchange,
    endpoint: Endpoint,
    caller: Caller,
    params: readonly string[],
    query: string,
    body: unknown,
  ): void {
    const { context, gate } = this.#ports;
    const before = gate === undefined ? 0 : gate.position();
    let answer: Answer | Feed | Promise<Answer>;
    try {
      context.session = caller;
      context.now = context.clock.now();
      context.sync = false;
      answer = endpoint.answer(context, params, query, body);
    } catch (error) {
      return this.#replies.fail(exchange, endpoint, error);
    }
    if (typeof answer !== 'string' && 'talk' in answer) return this.#feed(exchange, caller, answer);
    if (!(answer instanceof Promise)) {
      if (gate !== undefined && (gate.waits || context.sync) && gate.position() !== before)
        return this.#replies.hold(gate, exchange, endpoint, answer);
      return this.#replies.send(exchange, answer);
    }
    const { cancel } = context;
    const waits = gate !== undefined && (gate.waits || context.sync);
    context.cancel = undefined;
    this.#replies.defer(exchange, cancel);
    answer.then(
      (later) => {
        if (waits && gate.position() !== before) this.#replies.hold(gate, exchange, endpoint, later);
        else this.#replies.send(exchange, later);
      },
      (error: unknown) => this.#replies.fail(exchange, endpoint, error),
    );
  }

  /** The answer goes on: it is no longer a request that waits. */
  #feed(exchange: Exchange, caller: Caller, feed: Feed): void {
    if (exchange.aborted) return;
    this.#replies.settle(exchange);
    this.#ports.served(exchange.method, exchange.route, 200);
    this.#ports.feeds?.open(exchange.response, feed, caller, exchange.method === 'HEAD', exchange.own);
  }
}

/** The caller of routes that are open to all while credentials are required: may do nothing else. */
const NOBODY: Caller = { admin: false, allows: () => false };

function isJson(type: string): boolean {
  return type === 'application/json' || JSON_TYPE.test(type);
}
