/**
 * Who is calling, as the HTTP transport learns it: headers and query of one request to a caller.
 */
import { Buffer } from 'node:buffer';
import type { Caller } from '../commands/access.ts';
import type { HttpRequest, HttpResponse } from './uws.ts';

/** The part of a request that may carry credentials; header values are empty when absent. */
export interface Presented {
  readonly authorization: string;
  readonly apiKey: string;
  /** The raw query string, without the question mark. */
  readonly query: string;
  /** The address of the peer as text; only valid while the handler of the request runs. */
  readonly address: () => string;
}

/** Decides who is calling. */
export interface Doorkeeper {
  /** The caller of every request while authentication is off; `undefined` when credentials are looked at. */
  readonly everyone: Caller | undefined;
  /** The caller, or `undefined` to refuse with 401; a promise when a password has to be verified. */
  admit(presented: Presented): Caller | undefined | Promise<Caller | undefined>;
}

/** Copies what may carry credentials out of a request, which is only valid while its handler runs. */
export function presented(request: HttpRequest, response: HttpResponse): Presented {
  return {
    authorization: request.getHeader('authorization'),
    apiKey: request.getHeader('x-api-key'),
    query: request.getQuery() ?? '',
    address: () => Buffer.from(response.getRemoteAddressAsText()).toString('latin1'),
  };
}
