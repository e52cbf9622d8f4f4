/**
 * The one error of the client, and the one way in which a handler refuses a message.
 */
import type { RefusalCode } from './codes.ts';

/** Failures that the client itself sees. */
export type ClientCode =
  /** No connection: the call certainly did nothing. */
  | 'UNREACHABLE'
  /** No answer in time. */
  | 'TIMEOUT'
  /** The connection broke before the answer was there in full. */
  | 'CONNECTION_LOST'
  /** Something answered, but not as a synapd server does: a proxy's page, or damaged JSON. */
  | 'BAD_ANSWER'
  /** The caller's signal was aborted. */
  | 'ABORTED'
  /** The client was closed. */
  | 'CLOSED'
  /** A subscription that cannot wait had more items than its buffer holds. */
  | 'SLOW_CONSUMER'
  /** A room or topic that was followed was made anew, and counts from 0 again. */
  | 'REPLACED'
  /** The server refused with words that this version does not know. */
  | 'REFUSED';

/** What else can be told of an error. */
export interface ErrorDetails {
  readonly status?: number | undefined;
  readonly detail?: string | undefined;
  readonly retryable?: boolean | undefined;
  readonly unknown?: boolean | undefined;
  readonly retryAfter?: number | undefined;
  readonly cause?: unknown;
}

/** A call or subscription that did not succeed. Nothing is ever given in its place. `message` says what to do. */
export class SynapdError extends Error {
  override readonly name = 'SynapdError';
  readonly code: RefusalCode | ClientCode;
  /** The HTTP status that belongs to the failure; absent when there was no answer at all. */
  readonly status: number | undefined;
  /** The server's own words, where it said anything. */
  readonly detail: string | undefined;
  /** May the same call succeed later? */
  readonly retryable: boolean;
  /** May the call have taken effect although it failed, because its answer was lost? */
  readonly unknown: boolean;
  /** Milliseconds after which the server wants to be asked again, where it said so. */
  readonly retryAfter: number | undefined;

  constructor(code: RefusalCode | ClientCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.status = details.status;
    this.detail = details.detail;
    this.retryable = details.retryable ?? false;
    this.unknown = details.unknown ?? false;
    this.retryAfter = details.retryAfter;
  }
}

/** Thrown by a worker's handler: this message is hopeless, move it to the dead letters without another try. */
export class Reject extends Error {
  override readonly name = 'Reject';
}
