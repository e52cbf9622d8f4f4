/**
 * HTTP: endpoints on the routes of uWebSockets.js, by the rules of synap-core.md 1.2 to 1.7.
 *
 * Invariant: routes are matched by the library; what it does not match goes through `Router`, which knows the same
 * paths, so the two agree on what is 404, 405 and an empty path parameter.
 */
import { CommandError } from '../core/errors.ts';
import type { Endpoint, Method } from '../faces/endpoint.ts';
import { allowed, type Node, Router } from '../faces/router.ts';
import { asked, begin } from './exchange.ts';
import { Replies } from './replies.ts';
import { type HttpPorts, Service } from './service.ts';
import type { HttpRequest, HttpResponse, TemplatedApp } from './uws.ts';

const METHODS: readonly Method[] = ['GET', 'POST', 'PUT', 'DELETE'];

/** The HTTP side of one server: its routes, and what is behind none of them. */
export class Http {
  readonly #ports: HttpPorts;
  readonly #router = new Router<Endpoint>();
  readonly #replies: Replies;
  readonly #service: Service;

  constructor(ports: HttpPorts) {
    this.#ports = ports;
    this.#replies = new Replies(ports);
    this.#service = new Service(ports, this.#replies);
  }

  /** Requests that wait for an answer. */
  get pending(): number {
    return this.#replies.pending;
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
        this.#service.admit(response, request, method, reads ? withHeaders(endpoint, request) : endpoint, params);
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
      return this.#replies.send(begin(response, request, method, '(none)', headers), who);
    }
    const found = this.#router.find(path);
    if (method === 'OPTIONS') return this.#preflight(response, request, found?.node);
    const endpoint = found?.node.methods.get(method === 'HEAD' ? 'GET' : method);
    if (found !== undefined && endpoint !== undefined)
      return this.#service.admit(response, request, method, withHeaders(endpoint, request), found.params);
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
    this.#service.admit(response, request, method, refusal, NO_PARAMS);
  }

  /** `*` covers every header but `Authorization` (synap-operations.md 7), so a browser that asks for it is told by name. */
  #preflight(response: HttpResponse, request: HttpRequest, node: Node<Endpoint> | undefined): void {
    const named = /(?:^|,)\s*authorization\s*(?:,|$)/i.test(request.getHeader('access-control-request-headers'));
    response
      .writeHeader('access-control-allow-origin', '*')
      .writeHeader('access-control-allow-methods', '*')
      .writeHeader('access-control-allow-headers', named ? '*, Authorization' : '*');
    if (node !== undefined) response.writeHeader('allow', allowed(node));
    response.end();
  }
}

type Handler = (response: HttpResponse, request: HttpRequest) => void;

const NO_PARAMS: readonly string[] = [];

/** The endpoint of one request that also looks at headers, which are gone once the handler has returned. */
function withHeaders(endpoint: Endpoint, request: HttpRequest): Endpoint {
  const values = endpoint.headers?.map((name) => request.getHeader(name));
  if (values === undefined) return endpoint;
  return { ...endpoint, answer: (context, params, query) => endpoint.answer(context, params, query, values) };
}
