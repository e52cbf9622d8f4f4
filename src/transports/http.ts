/**
 * HTTP: endpoints on uWebSockets.js, by the rules of synap-core.md 1.2 to 1.7.
 *
 * Order for each request: CORS preflight, credentials, route, content type, body (capped while it streams), answer.
 * Invariant: every request gets exactly one answer, unless the client is gone; an answer that comes later is corked
 * and checked against abortion. Routes are matched by the library; what it does not match goes through `Router`, which
 * knows the same paths, so the two agree on what is 404, 405 and an empty path parameter.
 */
import { Buffer } from 'node:buffer';
import type { Caller } from '../commands/access.ts';
import type { Context } from '../commands/context.ts';
import { CommandError } from '../core/errors.ts';
import type { Answer, Asked, Endpoint, Feed, Method, Reply, Territory } from '../faces/endpoint.ts';
import { allowed, type Node, Router } from '../faces/router.ts';
import { decodeText, parseJson } from '../wire/json.ts';
import { STREAMED_BYTES, sendLarge } from './body.ts';
import type { Feeds } from './feeds.ts';
import type { Gate } from './gate.ts';
import { acceptsGzip, compressed, GZIP_MIN_BYTES } from './gzip.ts';
import { type Doorkeeper, presented } from './session.ts';
import type { HttpRequest, HttpResponse, TemplatedApp } from './uws.ts';

const METHODS: readonly Method[] = ['GET', 'POST', 'PUT', 'DELETE'];
const CORS = 'access-control-allow-origin: *';
/** Two headers in one call: each call into the library costs as much as a map lookup of ours. */
const JSON_AND_CORS = `application/json\r\n${CORS}`;
const JSON_TYPE = /^application\/(?:json|[^\s;/]+\+json)\s*(?:;|$)/i;

/** What the transport needs of the server. */
export interface HttpPorts {
  readonly context: Context;
  readonly door: Doorkeeper;
  /** Logs what is not a `CommandError` and gives the error to answer with. */
  readonly fault: (error: unknown) => CommandError;
  /** One answered request, for metrics. */
  readonly served: (method: string, path: string, status: number) => void;
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

/** One request under way: what of it is still needed once its handler has returned. */
interface Exchange {
  readonly response: HttpResponse;
  readonly method: string;
  readonly route: string;
  readonly gzip: string;
  /** Headers in place of the usual CORS header. */
  readonly own: Reply['headers'] | undefined;
  aborted: boolean;
  /** The handler has returned, so writing needs a cork. */
  late: boolean;
}

export class Http {
  readonly #ports: HttpPorts;
  readonly #router = new Router<Endpoint>();
  #pending = 0;

  constructor(ports: HttpPorts) {
    this.#ports = ports;
  }

  /** Requests that wait for an answer. */
  get pending(): number {
    return this.#pending;
  }

  /** Mounts the endpoints. Call once, before listening. */
  mount(app: TemplatedApp, endpoints: readonly Endpoint[]): void {
    const paths = new Map<string, Set<string>>();
    for (const endpoint of endpoints) {
      this.#router.add(endpoint.method, endpoint.path, endpoint);
      const methods = paths.get(endpoint.path) ?? new Set();
      paths.set(endpoint.path, methods.add(endpoint.method));
      this.#route(app, endpoint);
    }
    // a literal path without some method must not fall to a parameter route that has it (1.5-3)
    const fallback = (response: HttpResponse, request: HttpRequest): void => this.#unmatched(response, request);
    for (const [path, methods] of paths)
      for (const method of METHODS) {
        if (methods.has(method)) continue;
        this.#register(app, method, path, fallback);
        if (method === 'GET') app.head(path, fallback);
      }
    app.any('/*', fallback);
  }

  #register(app: TemplatedApp, method: Method, path: string, handler: Handler): void {
    if (method === 'GET') app.get(path, handler);
    else if (method === 'POST') app.post(path, handler);
    else if (method === 'PUT') app.put(path, handler);
    else app.del(path, handler);
  }

  #route(app: TemplatedApp, endpoint: Endpoint): void {
    const count = endpoint.path.split('/:').length - 1;
    const reads = endpoint.headers !== undefined;
    const handler =
      (method: string): Handler =>
      (response, request) => {
        const params = count === 0 ? NO_PARAMS : [request.getParameter(0) ?? ''];
        for (let i = 1; i < count; i++) (params as string[]).push(request.getParameter(i) ?? '');
        this.#admit(response, request, method, reads ? withHeaders(endpoint, request) : endpoint, params);
      };
    this.#register(app, endpoint.method, endpoint.path, handler(endpoint.method));
    if (endpoint.method === 'GET') app.head(endpoint.path, handler('HEAD'));
  }

  /** Whatever the library's own router did not match: preflights, 404, 405, and paths with an empty parameter. */
  #unmatched(response: HttpResponse, request: HttpRequest): void {
    const method = request.getMethod().toUpperCase();
    const path = request.getUrl();
    const { territory } = this.#ports;
    if (territory?.owns(path) === true) {
      const { headers, who } = territory.stray(asked(response, request, method));
      return this.#send(begin(response, request, method, '(none)', headers), who);
    }
    const found = this.#router.find(path);
    if (method === 'OPTIONS') return this.#preflight(response, found?.node);
    const endpoint = found?.node.methods.get(method === 'HEAD' ? 'GET' : method);
    if (found !== undefined && endpoint !== undefined)
      return this.#admit(response, request, method, withHeaders(endpoint, request), found.params);
    const error =
      found === undefined
        ? new CommandError('NOT_FOUND', { path: path.slice(0, 200) })
        : new CommandError('METHOD_NOT_ALLOWED', { method });
    const reply = this.#ports.failure(path, error);
    const refusal: Endpoint = {
      method: 'GET',
      path: '(none)',
      body: 'none',
      failure: () => reply,
      answer: () => (found === undefined ? reply : { ...reply, headers: [['Allow', allowed(found.node)]] }),
    };
    this.#admit(response, request, method, refusal, NO_PARAMS);
  }

  #preflight(response: HttpResponse, node: Node<Endpoint> | undefined): void {
    response
      .writeHeader('access-control-allow-origin', '*')
      .writeHeader('access-control-allow-methods', '*')
      .writeHeader('access-control-allow-headers', '*, Authorization');
    if (node !== undefined) response.writeHeader('allow', allowed(node));
    response.end();
  }

  /** Credentials first: a refused caller learns nothing about routes (1.5-5). */
  #admit(
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
    const json = endpoint.body === 'json' && isJson(request.getHeader('content-type'));
    if (door.everyone !== undefined || endpoint.open === true)
      return this.#proceed(exchange, endpoint, door.everyone ?? NOBODY, params, query, json);
    const who = door.admit(presented(request));
    if (!(who instanceof Promise)) {
      if (who === undefined) return this.#refuse(exchange, request.getUrl());
      return this.#proceed(exchange, endpoint, who, params, query, json);
    }
    // a body that arrives meanwhile is gathered; the library would drop it
    const path = request.getUrl();
    this.#defer(exchange);
    const body = endpoint.body === 'json' && json ? this.#gather(exchange) : undefined;
    who.then(
      (caller) => {
        if (exchange.aborted) return;
        if (caller === undefined) return this.#refuse(exchange, path);
        if (endpoint.body === 'none' || !json) return this.#proceed(exchange, endpoint, caller, params, query, json);
        body?.then((bytes) => this.#answerBytes(exchange, endpoint, caller, params, query, bytes));
      },
      (error: unknown) => this.#fail(exchange, endpoint, error),
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
    if ('status' in who) return this.#send(exchange, who);
    this.#proceed(exchange, endpoint, who, params, question.query, true);
  }

  #refuse(exchange: Exchange, path: string): void {
    const reply = this.#ports.failure(path, new CommandError('UNAUTHORIZED', { detail: 'valid credentials required' }));
    this.#send(exchange, { ...reply, headers: [['WWW-Authenticate', 'Bearer']] });
  }

  #proceed(
    exchange: Exchange,
    endpoint: Endpoint,
    caller: Caller,
    params: readonly string[],
    query: string,
    json: boolean,
  ): void {
    if (endpoint.body === 'none') return this.#answer(exchange, endpoint, caller, params, query, undefined);
    if (!json) return this.#fail(exchange, endpoint, new CommandError('UNSUPPORTED_MEDIA_TYPE'));
    this.#receive(exchange, (bytes) => this.#answerBytes(exchange, endpoint, caller, params, query, bytes));
  }

  #gather(exchange: Exchange): Promise<Uint8Array | undefined> {
    return new Promise((resolve) =>
      this.#receive(exchange, (bytes) => resolve(bytes === undefined ? undefined : Buffer.from(bytes))),
    );
  }

  /** Hands over the whole body, valid only during the call; `undefined` as soon as it is larger than the cap. */
  #receive(exchange: Exchange, done: (bytes: Uint8Array | undefined) => void): void {
    const { response } = exchange;
    let parts: Buffer[] | undefined;
    let size = 0;
    let ended = false;
    // a deferred exchange has a handler that also settles it, and the library keeps only the last one
    if (!exchange.late)
      response.onAborted(() => {
        exchange.aborted = true;
      });
    response.onData((chunk, last) => {
      if (ended || exchange.aborted) return;
      size += chunk.byteLength;
      if (size > this.#ports.bodyBytes) {
        ended = true;
        done(undefined);
      } else if (last) {
        ended = true;
        if (parts === undefined) return done(Buffer.from(chunk));
        parts.push(Buffer.from(chunk));
        done(Buffer.concat(parts, size));
      } else {
        parts ??= [];
        parts.push(Buffer.from(chunk.slice(0))); // the library takes its memory back after this call
      }
    });
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
      return this.#fail(exchange, endpoint, error);
    }
    this.#answer(exchange, endpoint, caller, params, query, body);
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
      return this.#fail(exchange, endpoint, error);
    }
    if (typeof answer !== 'string' && 'talk' in answer) return this.#feed(exchange, caller, answer);
    if (!(answer instanceof Promise)) {
      if (gate !== undefined && (gate.waits || context.sync) && gate.position() !== before)
        return this.#hold(gate, exchange, endpoint, answer);
      return this.#send(exchange, answer);
    }
    const { cancel } = context;
    context.cancel = undefined;
    this.#defer(exchange, cancel);
    answer.then(
      (later) => this.#send(exchange, later),
      (error: unknown) => this.#fail(exchange, endpoint, error),
    );
  }

  /** The answer goes on: it is no longer a request that waits. */
  #feed(exchange: Exchange, caller: Caller, feed: Feed): void {
    if (exchange.aborted) return;
    this.#settle(exchange);
    this.#ports.served(exchange.method, exchange.route, 200);
    this.#ports.feeds?.open(exchange.response, feed, caller, exchange.method === 'HEAD', exchange.own);
  }

  /** The request has written: its answer leaves once that is on disk. */
  #hold(gate: Gate, exchange: Exchange, endpoint: Endpoint, answer: Answer): void {
    this.#defer(exchange);
    gate.hold((error) => (error === undefined ? this.#send(exchange, answer) : this.#fail(exchange, endpoint, error)));
  }

  #fail(exchange: Exchange, endpoint: Endpoint, error: unknown): void {
    this.#send(exchange, endpoint.failure(error instanceof CommandError ? error : this.#ports.fault(error)));
  }

  /** From here on the answer may come after the handler has returned. */
  #defer(exchange: Exchange, cancel?: () => void): void {
    if (!exchange.late) this.#pending++;
    exchange.late = true;
    exchange.response.onAborted(() => {
      exchange.aborted = true;
      this.#settle(exchange);
      cancel?.();
    });
  }

  #settle(exchange: Exchange): void {
    if (!exchange.late) return;
    exchange.late = false;
    this.#pending--;
  }

  #send(exchange: Exchange, answer: Answer): void {
    if (exchange.aborted) return;
    const body = typeof answer === 'string' ? answer : answer.body;
    if (body.length >= GZIP_MIN_BYTES && exchange.gzip !== '' && acceptsGzip(exchange.gzip)) {
      const bytes = compressed(body);
      if (!(bytes instanceof Promise)) return this.#write(exchange, answer, bytes);
      this.#defer(exchange);
      bytes.then(
        (ready) => this.#write(exchange, answer, ready),
        () => this.#write(exchange, answer, undefined),
      );
      return;
    }
    this.#write(exchange, answer, undefined);
  }

  #write(exchange: Exchange, answer: Answer, gzipped: Buffer | undefined): void {
    if (exchange.aborted) return;
    const { response, late } = exchange;
    const status = typeof answer === 'string' ? 200 : answer.status;
    this.#ports.served(exchange.method, exchange.route, status);
    const body = gzipped ?? (typeof answer === 'string' ? answer : answer.body);
    if (body.length >= STREAMED_BYTES && exchange.method !== 'HEAD') return this.#stream(exchange, answer, gzipped);
    if (!late) return writeAnswer(exchange, answer, gzipped);
    this.#settle(exchange);
    response.cork(() => writeAnswer(exchange, answer, gzipped));
  }

  /** A large body: it counts as under way until the client has taken it. */
  #stream(exchange: Exchange, answer: Answer, gzipped: Buffer | undefined): void {
    this.#defer(exchange);
    const { response } = exchange;
    const bytes = gzipped ?? Buffer.from(typeof answer === 'string' ? answer : answer.body, 'utf8');
    response.cork(() => {
      writeAnswerHead(response, answer, exchange.own, gzipped !== undefined);
      if (sendLarge(response, bytes, () => this.#settle(exchange))) this.#settle(exchange);
    });
  }
}

type Handler = (response: HttpResponse, request: HttpRequest) => void;

const NO_PARAMS: readonly string[] = [];

/** The caller of routes that are open to all while credentials are required: may do nothing else. */
const NOBODY: Caller = { admin: false, allows: () => false };

function isJson(type: string): boolean {
  return type === 'application/json' || JSON_TYPE.test(type);
}

/** The endpoint of one request that also looks at headers, which are gone once the handler has returned. */
function withHeaders(endpoint: Endpoint, request: HttpRequest): Endpoint {
  const values = endpoint.headers?.map((name) => request.getHeader(name));
  if (values === undefined) return endpoint;
  return { ...endpoint, answer: (context, params, query) => endpoint.answer(context, params, query, values) };
}

/** What a door asks of a request. */
function asked(response: HttpResponse, request: HttpRequest, method: string): Asked {
  return {
    method,
    path: request.getUrl(),
    query: request.getQuery() ?? '',
    header: (name) => request.getHeader(name),
    address: () => Buffer.from(response.getRemoteAddressAsText()).toString('latin1'),
  };
}

function begin(
  response: HttpResponse,
  request: HttpRequest,
  method: string,
  route: string,
  own: Reply['headers'] | undefined,
): Exchange {
  return { response, method, route, gzip: request.getHeader('accept-encoding'), own, aborted: false, late: false };
}

function writeHead(response: HttpResponse, reply: Reply, own?: Reply['headers']): void {
  if (reply.status !== 200) response.writeStatus(STATUS[reply.status] ?? `${reply.status} Status`);
  if (own === undefined) response.writeHeader('access-control-allow-origin', '*');
  else for (const [name, value] of own) response.writeHeader(name, value);
  if (reply.type !== undefined) response.writeHeader('content-type', reply.type);
  for (const [name, value] of reply.headers ?? []) response.writeHeader(name, value);
}

/** Answers a request that never became an exchange, such as a refused upgrade. Must be called corked. */
export function writeReply(response: HttpResponse, reply: Reply): void {
  writeHead(response, reply);
  response.end(reply.body);
}

function writeAnswerHead(
  response: HttpResponse,
  answer: Answer,
  own: Reply['headers'] | undefined,
  gzipped: boolean,
): void {
  if (typeof answer !== 'string') writeHead(response, answer, own);
  else if (own === undefined) response.writeHeader('content-type', JSON_AND_CORS);
  else {
    response.writeHeader('content-type', 'application/json');
    for (const [name, value] of own) response.writeHeader(name, value);
  }
  if (gzipped) response.writeHeader('content-encoding', 'gzip\r\nvary: accept-encoding');
}

function writeAnswer(exchange: Exchange, answer: Answer, gzipped: Buffer | undefined): void {
  const { response, method, own } = exchange;
  writeAnswerHead(response, answer, own, gzipped !== undefined);
  const body = gzipped ?? (typeof answer === 'string' ? answer : answer.body);
  // what is left of an oversized body is not worth reading
  const close = typeof answer !== 'string' && answer.status === 413;
  // given the length as an argument, this build of the library forgets that it has answered
  if (method === 'HEAD') response.writeHeader('content-length', String(Buffer.byteLength(body))).endWithoutBody();
  else response.end(body, close);
}

const STATUS: Record<number, string> = {
  200: '200 OK',
  201: '201 Created',
  202: '202 Accepted',
  204: '204 No Content',
  301: '301 Moved Permanently',
  307: '307 Temporary Redirect',
  400: '400 Bad Request',
  401: '401 Unauthorized',
  403: '403 Forbidden',
  404: '404 Not Found',
  405: '405 Method Not Allowed',
  409: '409 Conflict',
  410: '410 Gone',
  413: '413 Payload Too Large',
  415: '415 Unsupported Media Type',
  422: '422 Unprocessable Entity',
  426: '426 Upgrade Required',
  429: '429 Too Many Requests',
  500: '500 Internal Server Error',
  503: '503 Service Unavailable',
  507: '507 Insufficient Storage',
};
