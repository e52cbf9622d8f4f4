/**
 * The REST routes of the Synap face: each row with a `rest` form becomes one endpoint.
 *
 * Invariant: an endpoint never sees an engine; it reads, calls `execute` and prints (DESIGN.md section 4).
 */
import * as z from 'zod';
import type { Executable } from '../commands/compile.ts';
import type { Command, QueryReader, RestForm } from '../commands/define.ts';
import { u64 } from '../commands/readers.ts';
import { CommandError } from '../core/errors.ts';
import { print } from '../core/json.ts';
import { bare, isObject, strict } from './decode.ts';
import type { Endpoint, Method, Reply } from './endpoint.ts';
import { pathDecode, queryValue } from './query.ts';

/** The endpoints of every row that has a REST form. */
export function restEndpoints(table: ReadonlyMap<string, Executable>): Endpoint[] {
  const endpoints: Endpoint[] = [];
  for (const executable of new Set(table.values()))
    if (executable.command.rest !== undefined) endpoints.push(endpoint(executable, executable.command.rest));
  return endpoints;
}

/** A refusal on this face: the status of the error and `{"code","error"}` (synap-core.md 1.3). */
export function jsonFailure(error: CommandError): Reply {
  const body = print({ code: error.status, error: error.restText });
  return { status: error.status, type: 'application/json', body };
}

/** Pub/sub routes answer refusals of theirs with status 200 (synap-core.md 6.3-1, 9-21), and name a topic, not a resource. */
function failureAt200(error: CommandError): Reply {
  if (framework.has(error.code)) return jsonFailure(error);
  const topic = error.code === 'FORBIDDEN' ? /^pubsub:(.*)$/s.exec(String(error.holes['resource']))?.[1] : undefined;
  const text = topic === undefined ? error.restText : `Insufficient permissions for topic: ${topic}`; // operations 1.5
  return { status: 200, type: 'application/json', body: print({ code: error.status, error: text }) };
}

const framework = new Set<string>([
  'BAD_PATH',
  'BAD_QUERY',
  'BAD_JSON',
  'BAD_SHAPE',
  'UNSUPPORTED_MEDIA_TYPE',
  'BODY_TOO_LARGE',
  'UNAUTHORIZED',
  'NOT_FOUND',
  'METHOD_NOT_ALLOWED',
  'INTERNAL',
  'UNAVAILABLE',
]);

/** Method, path and the fields behind the path parameters of a REST form. */
export function routeOf(form: RestForm): { method: Method; path: string; params: { name: string; field: string }[] } {
  const [method, path] = form.route.split(' ') as [Method, string];
  const names = [...path.matchAll(/:(\w+)/g)].map((match) => match[1] as string);
  return { method, path, params: names.map((name) => ({ name, field: form.params?.[name] ?? name })) };
}

/** The schema of what a route reads, path and query parameters included. */
export function restSchema(command: Command, form: RestForm): z.ZodObject {
  const params = routeOf(form).params.map(({ field }) => field);
  const query = Object.keys(form.query ?? {});
  const all = Object.keys(command.input.shape);
  const body = form.body === '*' ? all : (form.body ?? []);
  const shape: Record<string, z.ZodType> = {};
  for (const field of all) {
    if (!params.includes(field) && !query.includes(field) && !body.includes(field)) continue;
    const schema = (form.fields?.[field] ?? command.input.shape[field]) as z.ZodType;
    shape[field] = form.require?.includes(field) ? bare(schema) : schema;
  }
  return z.object(shape);
}

function endpoint({ command, execute }: Executable, form: RestForm): Endpoint {
  const { method, path, params } = routeOf(form);
  const places = params.map(({ name, field }) => ({
    name,
    field,
    numeric: !(command.input.shape[field] instanceof z.ZodString),
  }));
  const read = strict(restSchema(command, form), [
    ...places.map(({ field }) => field),
    ...Object.keys(form.query ?? {}),
  ]);
  const query = Object.entries(form.query ?? {});
  const { reply, prepare } = form;
  const show = reply === undefined ? print : (output: unknown, input: unknown) => print(reply(output, input as never));
  const wantsBody = form.body !== undefined;
  /** The parameters of the path, read into these fields. */
  const readPath = (raws: readonly string[], into: Record<string, unknown>): void => {
    for (let i = 0; i < places.length; i++) {
      const { name, field, numeric } = places[i] as (typeof places)[number];
      const value = pathDecode(raws[i] as string, name);
      into[field] = numeric ? pathNumber(value, i) : value;
    }
  };
  return {
    method,
    path,
    body: wantsBody ? 'json' : 'none',
    ...(wantsBody && places.length > 0 ? { check: (raws: readonly string[]) => readPath(raws, {}) } : {}),
    ...(query.length === 0 ? { query: false as const } : {}),
    failure: form.failure === 'status-200' ? failureAt200 : jsonFailure,
    answer(context, raws, search, body) {
      if (wantsBody && !isObject(body)) {
        readPath(raws, {}); // a path that cannot be read is told first (1.4)
        throw new CommandError('BAD_SHAPE', { detail: 'invalid type: expected a JSON object' });
      }
      let raw = wantsBody ? (body as Record<string, unknown>) : {};
      if (prepare !== undefined) raw = prepare(raw);
      readPath(raws, raw);
      if (query.length > 0) readQuery(raw, query, search);
      const input = read(raw);
      const output = execute(context, input);
      return output instanceof Promise ? output.then((value) => show(value, input)) : show(output, input);
    },
  };
}

/** A path parameter that is a number (synap-core.md 1.4); `index` counts the parameters of the path. */
function pathNumber(value: string, index: number): unknown {
  const read = u64(value);
  if (read === undefined)
    throw new CommandError('BAD_PATH', {
      detail: `Cannot parse value at index ${index} with value \`${value}\` to a \`u64\``,
    });
  return read;
}

function readQuery(raw: Record<string, unknown>, query: [string, QueryReader][], search: string): void {
  for (const [field, read] of query) {
    const value = read(search === '' ? undefined : queryValue(search, field));
    if (value !== undefined) raw[field] = value;
  }
}
