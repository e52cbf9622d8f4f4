/**
 * Server-sent events and sockets in the OpenAPI document, from the routes of the push rows.
 */
import type { PushCommand } from '../commands/define.ts';
import type { ErrorCode } from '../core/errors.ts';
import { type Json, jsonSchema, pathParameters, refusals, template } from './openapi-parts.ts';

/** A route of a push row, taken apart: `WebSocket /kv/ws?keys=a,b*` or `GET /kv/sse?keys=a,b*`. */
interface Route {
  readonly socket: boolean;
  readonly path: string;
  readonly names: readonly string[];
  readonly query: readonly string[];
}

function routeOf(text: string): Route {
  const [method, target] = text.split(' ') as [string, string];
  const [path, query = ''] = target.split('?') as [string, string?];
  return {
    socket: method === 'WebSocket',
    path,
    names: [...path.matchAll(/:(\w+)/g)].map((match) => match[1] as string),
    query: [...new URLSearchParams(query).keys()],
  };
}

/** The `get` operations of all routes of these rows but those of the chat, and of `/ws`, by path. */
export function pushOperations(rows: readonly PushCommand[]): [path: string, operation: Json][] {
  const operations: [string, Json][] = [['/ws', duplexOperation(rows)]];
  for (const row of rows)
    for (const route of row.routes.map(routeOf)) {
      if (route.path.startsWith('/v1/')) continue;
      operations.push([template(route.path), operation(row, route)]);
    }
  return operations;
}

function operation(row: PushCommand, route: Route): Json {
  const { properties = {}, required = [] } = jsonSchema(row.input, 'input') as {
    properties?: Record<string, Json>;
    required?: string[];
  };
  const parameters = [
    ...pathParameters(route.names),
    ...route.query.map((name) => ({
      name,
      in: 'query',
      required: required.includes(name),
      // a list stands in one parameter, its items between commas
      ...(properties[name]?.['type'] === 'array' ? { style: 'form', explode: false } : {}),
      schema: properties[name],
    })),
  ];
  const notes = row.notes === undefined ? '' : ` ${row.notes}`;
  const about = {
    operationId: `${row.name}.${route.socket ? 'ws' : 'sse'}`,
    summary: row.summary,
    tags: [row.name.split('.')[0]],
    'x-access': row.access,
  };
  if (route.socket)
    return {
      ...about,
      description: `A WebSocket. The first frame is \`connected\`; a refusal may come as a frame too.${notes}`,
      parameters,
      responses: { 101: { description: 'The connection is a WebSocket now.' }, ...refusals(['BAD_HANDSHAKE']) },
      'x-websocket': true,
    };
  return {
    ...about,
    description: `Server-sent events, until the client goes. The first is named \`connected\`, items have no name, \`end\` says why the stream ended.${notes}`,
    parameters: resumes(row) ? [...parameters, LAST_EVENT_ID] : parameters,
    responses: {
      200: {
        description: 'Events as they happen',
        content: {
          'text/event-stream': {
            schema: { type: 'string' },
            example: example(row),
            'x-events': {
              connected: jsonSchema(row.hello, 'output'),
              message: jsonSchema(row.item, 'output'),
              end: END,
            },
          },
        },
      },
      ...refusals([...row.errors, ...(route.query.some((name) => required.includes(name)) ? [LISTLESS] : [])]),
    },
  };
}

/** What a route answers whose list of topics or keys is empty. */
const LISTLESS: ErrorCode = 'BAD_HANDSHAKE';

/** Whether the items of a row carry their offset as id, so that a client can go on where it was. */
function resumes(row: PushCommand): boolean {
  return (row.example.item as Json)['offset'] !== undefined;
}

const LAST_EVENT_ID = {
  name: 'Last-Event-ID',
  in: 'header',
  description: 'The id of the last event that was seen; the stream goes on behind it, whatever `from_offset` says.',
  schema: { type: 'string' },
};

const END = {
  type: 'object',
  properties: { error: { type: 'string' }, code: { type: 'string' } },
  required: ['error', 'code'],
};

function example(row: PushCommand): string {
  const id = resumes(row) ? `id: ${String((row.example.item as Json)['offset'])}\n` : '';
  return `event: connected\ndata: ${JSON.stringify(row.example.hello)}\n\n${id}data: ${JSON.stringify(row.example.item)}\n\n`;
}

function duplexOperation(rows: readonly PushCommand[]): Json {
  const pushes = rows.map((row) => `\`${row.name}\``).join(', ');
  return {
    operationId: 'ws',
    summary: 'Every command on one WebSocket, many at a time, JSON or msgpack.',
    description: `A message is \`{id, command, payload}\`, and is answered with \`{id, success, payload, error, code}\`. These keep sending \`{id, event}\`: ${pushes}.`,
    tags: ['command'],
    responses: { 101: { description: 'The connection is a WebSocket now.' }, ...refusals(['BAD_HANDSHAKE']) },
    'x-websocket': true,
  };
}
