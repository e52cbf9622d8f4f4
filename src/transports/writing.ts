/**
 * Status line, headers and body of an answer, as the library wants them written.
 *
 * Invariant: every answer carries either the usual CORS header or the headers of its own door.
 */
import { Buffer } from 'node:buffer';
import type { Answer, Reply } from '../faces/endpoint.ts';
import type { Exchange } from './exchange.ts';
import type { HttpResponse } from './uws.ts';

/** Two headers in one call: each call into the library costs as much as a map lookup of ours. */
const JSON_AND_CORS = 'application/json\r\naccess-control-allow-origin: *';

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

/** The head of an answer whose body follows by itself. Must be called corked. */
export function writeAnswerHead(
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

/** A whole answer. Must be called corked. */
export function writeAnswer(exchange: Exchange, answer: Answer, gzipped: Buffer | undefined): void {
  const { response, method, own } = exchange;
  writeAnswerHead(response, answer, own, gzipped !== undefined);
  const body = gzipped ?? (typeof answer === 'string' ? answer : answer.body);
  // what is left of an oversized body is not worth reading
  const close = typeof answer !== 'string' && answer.status === 413;
  // given the length as an argument, this build of the library forgets that it has answered
  if (method === 'HEAD') response.writeHeader('content-length', String(Buffer.byteLength(body))).endWithoutBody();
  else if (gzipped === undefined || close) response.end(body, close);
  else {
    response.write(gzipped); // in chunks: a compressed answer carries no length (synap-core.md 1.2)
    response.end();
  }
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
