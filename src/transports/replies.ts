/**
 * Answers on their way out: at once, later, compressed, piece by piece, or once the disk has what they promise.
 *
 * Invariant: every exchange gets exactly one answer, unless its client is gone; an answer that comes after the handler
 * has returned is corked and checked against abortion.
 */
import { Buffer } from 'node:buffer';
import { CommandError } from '../core/errors.ts';
import type { Answer, Endpoint } from '../faces/endpoint.ts';
import type { Exchange } from './exchange.ts';
import type { Gate } from './gate.ts';
import { acceptsGzip, compressed, GZIP_MIN_BYTES } from './gzip.ts';
import { STREAMED_BYTES, sendLarge } from './large-body.ts';
import { writeAnswer, writeAnswerHead } from './writing.ts';

/** What is needed of the server to answer. */
export interface ReplyPorts {
  /** Logs what is not a `CommandError` and gives the error to answer with. */
  readonly fault: (error: unknown) => CommandError;
  /** One answered request, for metrics. */
  readonly served: (method: string, path: string, status: number) => void;
}

/** Sends what endpoints and refusals say. */
export class Replies {
  readonly #ports: ReplyPorts;
  #pending = 0;

  constructor(ports: ReplyPorts) {
    this.#ports = ports;
  }

  /** Requests that wait for an answer, or for their client to take it. */
  get pending(): number {
    return this.#pending;
  }

  /** The request has written: its answer leaves once that is on disk. */
  hold(gate: Gate, exchange: Exchange, endpoint: Endpoint, answer: Answer): void {
    this.defer(exchange);
    gate.hold((error) => (error === undefined ? this.send(exchange, answer) : this.fail(exchange, endpoint, error)));
  }

  /** Answers with the error, as the endpoint shows it. */
  fail(exchange: Exchange, endpoint: Endpoint, error: unknown): void {
    this.send(exchange, endpoint.failure(error instanceof CommandError ? error : this.#ports.fault(error)));
  }

  /** From here on the answer may come after the handler has returned; `cancel` is called when the client goes before. */
  defer(exchange: Exchange, cancel?: () => void): void {
    if (!exchange.late) this.#pending++;
    exchange.late = true;
    exchange.response.onAborted(() => {
      exchange.aborted = true;
      this.settle(exchange);
      cancel?.();
    });
  }

  /** The answer is written, or will never be. */
  settle(exchange: Exchange): void {
    if (!exchange.late) return;
    exchange.late = false;
    this.#pending--;
  }

  /** Answers, compressed where the client wants it; does nothing when the client is gone. */
  send(exchange: Exchange, answer: Answer): void {
    if (exchange.aborted) return;
    const body = typeof answer === 'string' ? answer : answer.body;
    if (body.length >= GZIP_MIN_BYTES && exchange.gzip !== '' && acceptsGzip(exchange.gzip)) {
      const bytes = compressed(body);
      if (!(bytes instanceof Promise)) return this.#write(exchange, answer, bytes);
      this.defer(exchange);
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
    this.settle(exchange);
    response.cork(() => writeAnswer(exchange, answer, gzipped));
  }

  /** A large body: it counts as under way until the client has taken it. */
  #stream(exchange: Exchange, answer: Answer, gzipped: Buffer | undefined): void {
    this.defer(exchange);
    const { response } = exchange;
    const bytes = gzipped ?? Buffer.from(typeof answer === 'string' ? answer : answer.body, 'utf8');
    response.cork(() => {
      writeAnswerHead(response, answer, exchange.own, gzipped !== undefined);
      if (sendLarge(response, bytes, () => this.settle(exchange))) this.settle(exchange);
    });
  }
}
