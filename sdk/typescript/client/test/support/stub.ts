/**
 * An HTTP server that answers what a test wants, and remembers what it was asked.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach } from 'vitest';

/** How one request is answered. */
export type Answer = (asked: Asked, response: ServerResponse) => void;

export interface Asked {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
  /** The members of the envelope. */
  readonly envelope: { readonly command: string; readonly request_id: string; readonly payload: unknown };
}

export interface Stub {
  readonly url: string;
  readonly asked: Asked[];
}

const open = new Set<Server>();
afterEach(() => {
  for (const server of open) {
    server.closeAllConnections();
    server.close();
  }
  open.clear();
});

/** Answers the requests in turn; the last answer stays. It is gone after the test. */
export async function stub(...answers: readonly Answer[]): Promise<Stub> {
  const asked: Asked[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString();
      const { method = '', url = '', headers } = request;
      asked.push({ method, url, headers, body, envelope: body === '' ? ({} as Asked['envelope']) : JSON.parse(body) });
      const answer = answers[Math.min(asked.length, answers.length) - 1] as Answer;
      answer(asked.at(-1) as Asked, response);
    });
  });
  open.add(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

/** A body with a status. */
export const reply =
  (status: number, body: string, type = 'application/json', headers: Record<string, string> = {}): Answer =>
  (_, response) =>
    response.writeHead(status, { 'content-type': type, ...headers }).end(body);

/** An answer of the command endpoint. */
export const payload =
  (value: unknown): Answer =>
  ({ envelope: { request_id } }, response) =>
    reply(200, JSON.stringify({ success: true, request_id, payload: value, error: null }))({} as Asked, response);

/** A refusal of the command endpoint. */
export const refusal =
  (error: string): Answer =>
  ({ envelope: { request_id } }, response) =>
    reply(200, JSON.stringify({ success: false, request_id, payload: null, error }))({} as Asked, response);

/** The connection breaks without a word. */
export const hangUp: Answer = (_, response) => response.destroy();
