/**
 * One request under way.
 *
 * Invariant: what of a request is still needed once its handler has returned stands here; the library's own request
 * object is gone by then.
 */
import { Buffer } from 'node:buffer';
import type { Asked, Reply } from '../faces/endpoint.ts';
import type { HttpRequest, HttpResponse } from './uws.ts';

/** What is still needed of a request, and where it stands. */
export interface Exchange {
  readonly response: HttpResponse;
  readonly method: string;
  /** The path of the route as declared, for metrics. */
  readonly route: string;
  /** The value of `Accept-Encoding`; empty when absent. */
  readonly gzip: string;
  /** Headers in place of the usual CORS header. */
  readonly own: Reply['headers'] | undefined;
  aborted: boolean;
  /** The handler has returned, so writing needs a cork. */
  late: boolean;
}

/** The exchange of a request that has just come in; `own` headers take the place of the usual CORS header. */
export function begin(
  response: HttpResponse,
  request: HttpRequest,
  method: string,
  route: string,
  own: Reply['headers'] | undefined,
): Exchange {
  return { response, method, route, gzip: request.getHeader('accept-encoding'), own, aborted: false, late: false };
}

/** What a door asks of a request. */
export function asked(response: HttpResponse, request: HttpRequest, method: string): Asked {
  return {
    method,
    path: request.getUrl(),
    query: request.getQuery() ?? '',
    header: (name) => request.getHeader(name),
    address: () => Buffer.from(response.getRemoteAddressAsText()).toString('latin1'),
  };
}
