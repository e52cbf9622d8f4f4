/**
 * What a face offers to the HTTP transport: a route and how to answer it, without sockets.
 */
import type { Caller } from '../commands/access.ts';
import type { Context } from '../commands/context.ts';
import type { CommandError } from '../core/errors.ts';
import type { Talk } from './live.ts';

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

/** An answer that goes on: the frames of a talk, as they come, until it ends or the client is gone. */
export interface Feed {
  readonly type: string;
  readonly talk: Talk;
  /** What is sent now and then, so that nobody takes the connection for dead. */
  readonly heartbeat: Uint8Array;
}

/** A request as the door of a territory sees it; only valid while it is called. */
export interface Asked {
  readonly method: string;
  /** The path as it came, still encoded. */
  readonly path: string;
  /** The raw query string, without the question mark. */
  readonly query: string;
  /** A header by its lower-case name; empty when absent. */
  header(name: string): string;
  /** The address of the peer as text. */
  address(): string;
}

/** What a door says: the caller and how to go on, or the answer that ends it here. */
export interface Admission {
  /** Headers of every answer to this request, in place of the usual CORS header. */
  readonly headers: readonly (readonly [string, string])[];
  readonly who: Caller | Reply;
}

/** Paths with rules of their own for credentials, preflights, unknown paths and wrong methods. */
export interface Territory {
  owns(path: string): boolean;
  /** The answer to a request that no endpoint takes. */
  stray(asked: Asked): Admission & { readonly who: Reply };
}

/** One route. `answer` gives JSON text for a plain 200, a `Reply`, or a `Feed`. Throws `CommandError`. */
export interface Endpoint {
  readonly method: Method;
  /** Path with `:name` for parameters. */
  readonly path: string;
  /** How the body is read before `answer` is called; `bytes`: whatever its type, as a `Uint8Array` valid during the call. */
  readonly body: 'none' | 'json' | 'bytes';
  /** `false`: `answer` never looks at the query string, so it is not fetched. */
  readonly query?: false;
  /** Served without credentials even when they are required (synap-operations.md 1.1). */
  readonly open?: boolean;
  /** Names of request headers that `answer` is handed, as an array of texts in place of a body; empty when absent. */
  readonly headers?: readonly string[];
  /** The door of this route, where it is not the usual one. What it lets in is `context.session` in `answer`. */
  readonly admit?: (asked: Asked) => Admission;
  /** Throws `BAD_PATH` for parameters that cannot be read: asked before a body is refused (synap-core.md 1.4). */
  readonly check?: (params: readonly string[]) => void;
  answer(context: Context, params: readonly string[], query: string, body: unknown): Answer | Feed | Promise<Answer>;
  /** How this route shows a refusal. */
  failure(error: CommandError): Reply;
}

/** JSON text (status 200), or a whole reply. */
export type Answer = string | Reply;
