/**
 * The row: one command, declared once, shown by every wire.
 *
 * Invariant: whatever a face, a document, a metric or a permission check wants to know of a command stands in its row.
 */
import type * as z from 'zod';
import type { CommandError, ErrorCode } from '../core/errors.ts';
import type { Action } from './access.ts';
import type { Context } from './context.ts';

/** A further permission that a command needs besides its `access` on its `resource`. */
export interface Need {
  readonly action: Action;
  readonly resource: string;
}

/** Reads one query parameter: its text, or `undefined` when absent, to the field's value; `undefined` leaves the field out. */
export type QueryReader = (text: string | undefined) => unknown;

/** How the REST wire shows a row. Path parameters and query parameters are fields of the row's input. */
export interface RestForm<I extends z.ZodObject = z.ZodObject, O extends z.ZodType = z.ZodType> {
  /** Method and path with `:field` for path parameters, such as `POST /queue/:queue/publish`. */
  readonly route: `${'GET' | 'POST' | 'PUT' | 'DELETE'} /${string}`;
  /** Path parameters whose field has another name: `{ key: 'source' }`. */
  readonly params?: { readonly [parameter: string]: keyof z.output<I> & string };
  /** Query parameters and how each is read. */
  readonly query?: { readonly [field: string]: QueryReader };
  /** Fields read from the JSON body. Absent: no body is looked at. `'*'`: all that are neither in the path nor in the query. */
  readonly body?: '*' | readonly (keyof z.output<I> & string)[];
  /** Fields that REST insists on although the command does not. */
  readonly require?: readonly (keyof z.output<I> & string)[];
  /** Fields whose REST schema differs; the clause of the sheet stands beside it. */
  readonly fields?: z.ZodRawShape;
  /** Rewrites the body before it is read: aliases of fields. Must not change its argument. */
  prepare?(body: Readonly<Record<string, unknown>>): Record<string, unknown>;
  /** What REST prints, when that is not the output itself. */
  reply?(output: z.output<O>, input: z.output<I>): unknown;
  /** The body of a refusal, where REST answers one otherwise than by status and `{code, error}` (synap-core.md 6.3-1). */
  readonly failure?: 'status-200';
}

/** How `POST /api/v1/command` shows a row: lenient reading (synap-core.md 1.6-4). */
export interface EnvelopeForm<I extends z.ZodObject = z.ZodObject, O extends z.ZodType = z.ZodType> {
  /** Fields this face reads; all when absent. */
  readonly pick?: readonly (keyof z.output<I> & string)[];
  /** Fields that the command demands although the schema does not, with the text to refuse with when it differs from 1.6-5. */
  readonly require?: { readonly [field: string]: string | true };
  /** Rewrites the payload before it is read: other names and shapes that clients send (synap-core.md 8.1). Must not change its argument. */
  prepare?(payload: Readonly<Record<string, unknown>>): Record<string, unknown>;
  /** What the command answers as payload, when that is not the output itself. */
  reply?(output: z.output<O>, input: z.output<I>): unknown;
}

/**
 * An exchange that really occurs, played by tests over every face. `before` are calls that set the stage; `save` keeps a
 * member of an answer (a dotted path) under a name, and a text `{{name}}` stands for it afterwards.
 */
export interface Example {
  readonly before?: readonly {
    readonly command: string;
    readonly input: Readonly<Record<string, unknown>>;
    readonly save?: { readonly [name: string]: string };
  }[];
  readonly input: Readonly<Record<string, unknown>>;
  readonly output: unknown;
}

/** One row of the table. See DESIGN.md section 3 for each field. */
export interface Command<
  N extends string = string,
  I extends z.ZodObject = z.ZodObject,
  O extends z.ZodType = z.ZodType,
> {
  readonly name: N;
  /** Never reused: the RPC number and the metric slot. */
  readonly id: number;
  readonly summary: string;
  /** Semantics in Markdown. */
  readonly notes?: string;
  readonly access: Action;
  /** What `access` is needed on. */
  resource(input: z.output<I>): string | readonly string[];
  /** Further permissions, such as `delete` on the source of a rename. */
  also?(input: z.output<I>): readonly Need[];
  readonly effect: 'read' | 'write';
  readonly input: I;
  readonly output: O;
  /** Codes this command itself can raise, besides those that every command can. */
  readonly errors: readonly ErrorCode[];
  /** Absent: no REST route. */
  readonly rest?: RestForm<I, O>;
  readonly envelope?: EnvelopeForm<I, O>;
  readonly aliases?: readonly string[];
  readonly example: Example;
  readonly since: string;
  run(context: Context, input: z.output<I>): z.input<O> | Promise<z.input<O>>;
}

/** Declares a row; infers the parameters of `run` from `input` and checks its result against `output`. */
export function command<const N extends string, I extends z.ZodObject, O extends z.ZodType>(
  row: Command<N, I, O>,
): Command<N, I, O> {
  return row;
}

/**
 * One item of a stream. It may go to many receivers: it is made once, and each face keeps what it encoded of it in
 * `frames`, at an index of its own.
 */
export class Item {
  readonly value: Readonly<Record<string, unknown>>;
  readonly frames: unknown[] = [];

  constructor(value: Readonly<Record<string, unknown>>) {
    this.value = value;
  }
}

/** Encodings that are kept of a burst. */
const SHOWN_MAX = 8;

/** Items that go to the same receivers at once, one or several, in order; a face keeps what it made of them under a key of its own. */
export class Items {
  readonly list: readonly Item[];
  readonly #shown: { readonly key: unknown; readonly value: unknown }[] = [];

  constructor(list: readonly Item[]) {
    this.list = list;
  }

  /** What was kept under this key. */
  shown(key: unknown): unknown {
    for (let i = 0; i < this.#shown.length; i++) if (this.#shown[i]?.key === key) return this.#shown[i]?.value;
    return undefined;
  }

  /** Keeps what a face made of them; of more than a few keys nothing is kept, so that looking stays cheap. */
  show(key: unknown, value: unknown): void {
    if (this.#shown.length < SHOWN_MAX) this.#shown.push({ key, value });
  }
}

/** Where a push command's items go. */
export interface Emit {
  /** Items of a stream that cannot pause; the receiver bounds what waits. */
  items(items: Items): void;
  /** The next item. `false`: the receiver is behind; a stream that can pauses itself until `resume`. */
  item(item: Item): boolean;
  /** The stream has ended by itself, such as when its room was deleted. Nothing follows. */
  end(error: CommandError): void;
}

/** A push command under way. */
export interface Stream {
  /** What the subscriber is told first: the output of the row's `hello` schema. */
  readonly hello: Readonly<Record<string, unknown>>;
  /** Delivers again after `item` answered `false`; also called once when the receiver is ready for the first item. */
  resume(now: number): void;
  /** Ends it; called exactly once, unless `end` was called. `slow`: because the receiver does not read fast enough. */
  close(now: number, slow: boolean): void;
}

/** A row whose answer keeps coming: live conversations, `/ws` subscriptions and server-sent events are made from it. */
export interface PushCommand<N extends string = string, I extends z.ZodObject = z.ZodObject> {
  readonly name: N;
  readonly id: number;
  readonly summary: string;
  readonly notes?: string;
  readonly access: Action;
  resource(input: z.output<I>): string | readonly string[];
  readonly effect: 'push';
  readonly input: I;
  /** Where it is reached besides `/ws`, for documents. */
  readonly routes: readonly string[];
  /** What is told first. */
  readonly hello: z.ZodType;
  /** What one item looks like. */
  readonly item: z.ZodType;
  readonly errors: readonly ErrorCode[];
  readonly example: {
    readonly input: Readonly<Record<string, unknown>>;
    readonly hello: unknown;
    readonly item: unknown;
  };
  readonly since: string;
  /** Opens the stream. Items may only be emitted after `resume`; throws `CommandError` to refuse. */
  open(context: Context, input: z.output<I>, emit: Emit): Stream;
}

/** Declares a push row. */
export function push<const N extends string, I extends z.ZodObject>(row: PushCommand<N, I>): PushCommand<N, I> {
  return row;
}
