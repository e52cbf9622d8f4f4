/**
 * `POST /api/v1/command`: every row by name, read leniently, always HTTP 200 once the envelope parsed (synap-core.md 1.6).
 */
import * as z from 'zod';
import type { Executable } from '../commands/compile.ts';
import type { Context } from '../commands/context.ts';
import { Json } from '../commands/schemas.ts';
import { CommandError } from '../core/errors.ts';
import { print, quote } from '../core/json.ts';
import { isObject, lenient, members, strict } from './decode.ts';
import type { Endpoint } from './endpoint.ts';
import { jsonFailure } from './synap-rest.ts';

/** Turns what is not a `CommandError` into one, after logging it. */
export type Fault = (error: unknown) => CommandError;

const Envelope = z.object({
  command: z.string(),
  request_id: z.string(),
  payload: Json,
  /** `sync`: answer only once the change is on disk, whatever the server's level. */
  durability: z.literal('sync').optional().catch(undefined),
});

interface Entry {
  /** Runs the command with this payload and gives the JSON text of the answer's `payload`. */
  call(context: Context, payload: unknown): string | Promise<string>;
}

/** The command endpoint over the whole table. */
export function commandEndpoint(table: ReadonlyMap<string, Executable>, fault: Fault): Endpoint {
  const entries = new Map<string, Entry>();
  for (const [name, executable] of table) entries.set(name, entry(executable));
  const read = strict(Envelope, []) as (raw: Record<string, unknown>) => z.output<typeof Envelope>;

  return {
    method: 'POST',
    path: '/api/v1/command',
    body: 'json',
    query: false,
    failure: jsonFailure,
    answer(context, _params, _query, body) {
      if (!isObject(body)) throw new CommandError('BAD_SHAPE', { detail: 'invalid type: expected a JSON object' });
      const { command, request_id: id, payload, durability } = read(body);
      if (durability !== undefined) context.sync = true;
      try {
        const called = entries.get(command);
        if (called === undefined) throw new CommandError('UNKNOWN_COMMAND', { command });
        const answer = called.call(context, payload);
        if (typeof answer === 'string') return success(id, answer);
        return answer.then(
          (text) => success(id, text),
          (error: unknown) => failure(id, error),
        );
      } catch (error) {
        return failure(id, error);
      }
    },
  };

  function failure(id: string, error: unknown): string {
    const known = error instanceof CommandError ? error : fault(error);
    return `{"success":false,"request_id":${quote(id)},"payload":null,"error":${quote(known.message)}}`;
  }
}

function success(id: string, payload: string): string {
  return `{"success":true,"request_id":${quote(id)},"payload":${payload},"error":null}`;
}

function entry({ command, execute }: Executable): Entry {
  const form = command.envelope ?? {};
  const schema = form.pick === undefined ? command.input : pick(command.input, form.pick);
  const read = lenient(schema, form);
  const { reply } = form;
  const show = reply === undefined ? print : (output: unknown, input: unknown) => print(reply(output, input as never));
  return {
    call(context, payload) {
      const input = read(members(payload));
      const output = execute(context, input);
      return output instanceof Promise ? output.then((value) => show(value, input)) : show(output, input);
    },
  };
}

function pick(schema: z.ZodObject, fields: readonly string[]): z.ZodObject {
  return z.object(Object.fromEntries(fields.map((field) => [field, schema.shape[field] as z.ZodType])));
}
