/**
 * The OpenAPI 3.1 document of the REST wire, the command endpoint, server-sent events and sockets, made from the rows.
 * The chat, a territory of its own, has a document of its own (chat-pages.ts).
 */
import type { Command, PushCommand, RestForm } from '../commands/define.ts';
import { type Json, json, jsonSchema, pathParameters, refusals, template } from './openapi-parts.ts';
import { pushOperations } from './openapi-push.ts';
import { restSchema, routeOf } from './synap-rest.ts';

/** The whole document for these rows. */
export function openapi(rows: readonly Command[], pushes: readonly PushCommand[], version: string): Json {
  const paths: Record<string, Json> = {};
  for (const row of rows) {
    if (row.rest === undefined) continue;
    const { method, path } = routeOf(row.rest);
    const at = template(path);
    paths[at] = { ...paths[at], [method.toLowerCase()]: operation(row, row.rest) };
  }
  paths['/api/v1/command'] = { post: commandOperation(rows) };
  for (const [path, get] of pushOperations(pushes)) paths[path] = { ...paths[path], get };
  return {
    openapi: '3.1.0',
    info: { title: 'synapd', version, license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
    paths: Object.fromEntries(Object.entries(paths).sort(([a], [b]) => (a < b ? -1 : 1))),
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer' },
        basic: { type: 'http', scheme: 'basic' },
        header: { type: 'apiKey', in: 'header', name: 'X-API-Key' },
        query: { type: 'apiKey', in: 'query', name: 'api_key' },
      },
    },
    security: [{}, { bearer: [] }, { basic: [] }, { header: [] }, { query: [] }],
  };
}

function operation(row: Command, form: RestForm): Json {
  const { params } = routeOf(form);
  const query = Object.keys(form.query ?? {});
  const schema = jsonSchema(restSchema(row, form), 'input') as { properties?: Json; required?: string[] };
  const properties = schema.properties ?? {};
  const body = Object.keys(properties).filter(
    (field) => !params.some((param) => param.field === field) && !query.includes(field),
  );
  const required = (schema.required ?? []).filter((field) => body.includes(field));
  return {
    operationId: row.name,
    summary: row.summary,
    ...(row.notes === undefined ? {} : { description: row.notes }),
    tags: [row.name.split('.')[0]],
    parameters: [
      ...pathParameters(params.map(({ name }) => name)),
      ...query.map((name) => ({ name, in: 'query', schema: properties[name] ?? {} })),
    ],
    ...(form.body === undefined
      ? {}
      : {
          requestBody: {
            required: true,
            content: json({
              type: 'object',
              properties: Object.fromEntries(body.map((field) => [field, properties[field]])),
              ...(required.length > 0 ? { required } : {}),
            }),
          },
        }),
    responses: {
      200: {
        description: 'Success',
        content: json(form.reply === undefined ? jsonSchema(row.output, 'output') : {}),
      },
      ...refusals(row.errors),
    },
    'x-access': row.access,
  };
}

function commandOperation(rows: readonly Command[]): Json {
  return {
    operationId: 'command',
    summary: 'Run any command by name.',
    description: 'Always answers 200 once the envelope is readable; `success` says whether the command was.',
    tags: ['command'],
    requestBody: {
      required: true,
      content: json({
        type: 'object',
        properties: {
          command: { enum: rows.map((row) => row.name) },
          request_id: { type: 'string', description: 'Echoed verbatim.' },
          payload: { description: 'The input of the command; see the reference page of its family.' },
        },
        required: ['command', 'request_id', 'payload'],
      }),
    },
    responses: {
      200: {
        description: 'Success or refusal of the command',
        content: json({
          type: 'object',
          properties: {
            success: { type: 'boolean' },
            request_id: { type: 'string' },
            payload: {},
            error: { type: ['string', 'null'] },
          },
          required: ['success', 'request_id', 'payload', 'error'],
        }),
      },
    },
  };
}
