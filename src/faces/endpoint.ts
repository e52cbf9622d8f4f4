/**
 * What a face offers to the HTTP transport: a route and how to answer it, without sockets.
 */
import type { Context } from '../commands/context.ts';
import type { CommandError } from '../core/errors.ts';

/** The methods that routes are declared for; HEAD is served wherever GET is. */
export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

/** An answer that is not simply 200 with JSON. */
export interface Reply {
  readonly status: number;
  /** Content type; none when absent. */
  readonly type?: string;
  readonly body: string;
  readonly headers?: readonly (readonly [string, string])[];
}

/** One route. `answer` gives JSON text for a plain 200, or a `Reply`. Throws `CommandError`. */
export interface Endpoint {
  readonly method: Method;
  /** Path with `:name` for parameters. */
  readonly path: string;
  /** Whether the body is read as JSON before `answer` is called. */
  readonly body: 'none' | 'json';
  /** Served without credentials even when they are required (synap-operations.md 1.1). */
  readonly open?: boolean;
  answer(context: Context, params: readonly string[], query: string, body: unknown): Answer | Promise<Answer>;
  /** How this route shows a refusal. */
  failure(error: CommandError): Reply;
}

/** JSON text (status 200), or a whole reply. */
export type Answer = string | Reply;
