/**
 * The OpenAPI 3.1 document of the REST wire and the command endpoint, made from the rows.
 */
import * as z from 'zod';
import type { Command, RestForm } from '../commands/define.ts';
import { ERRORS } from '../core/errors.ts';
import { restSchema, routeOf } from './synap-rest.ts';

type Json = Record<string, unknown>;

/** The JSON Schema of a schema as clients send (`input`) or receive (`output`) it. */
export function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): Json {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any', reused: 'inline' }) as Json;
  return inlined(rest) as Json;
}

/** Schemas with an id are inlined where they stand: the document then needs no references. */
function inlined(schema: Json): unknown {
  const definitions = (schema['$defs'] ?? {}) as Record<string, Json>;
  const visit = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(visit);
    if (typeof value !== 'object' || value === null) return value;
    const { $ref: reference, ...rest } = value as Json;
    const target = typeof reference === 'string' ? definitions[reference.replace('#/$defs/', '')] : undefined;
    const merged = target === undefined ? (value as Json) : { ...target, ...rest };
    return Object.fromEntries(
      Object.entries(merged)
        .filter(([name]) => name !== '$defs' && name !== 'id')
        .map(([name, member]) => [name, visit(member)]),
    );
  };
  return visit(schema);
}

const errorSchema = {
  type: 'object',
  properties: { code: { type: 'integer' }, error: { type: 'string' } },
  required: ['code', 'error'],
};

/** The whole document for these rows. */
export function openapi(rows: readonly Command[], version: string): Json {
  const paths: Record<string, Json> = {};
  for (const row of rows) {
    if (row.rest === undefined) continue;
    const { method, path } = routeOf(row.rest);
    const at = path.replaceAll(/:(\w+)/g, '{$1}');
    paths[at] = { ...paths[at], [method.toLowerCase()]: operation(row, row.rest) };
  }
  paths['/api/v1/command'] = { post: commandOperation(rows) };
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
      ...params.map(({ name }) => ({ name, in: 'path', required: true, schema: { type: 'string' } })),
      ...query.map((name) => ({ name, in: 'query', schema: properties[name] ?? {} })),
    ],
    ...(form.body === undefined
      ? {}
      : {
          requestBody: {
            required: true,
            content: {
              'application/json': {
                schema: {
                  type: 'object',
                  properties: Object.fromEntries(body.map((field) => [field, properties[field]])),
                  ...(required.length > 0 ? { required } : {}),
                },
              },
            },
          },
        }),
    responses: {
      200: {
        description: 'Success',
        content: {
          'application/json': { schema: form.reply === undefined ? jsonSchema(row.output, 'output') : {} },
        },
      },
      ...failures(row),
    },
    'x-access': row.access,
  };
}

function failures(row: Command): Json {
  const byStatus = new Map<number, string[]>();
  for (const code of row.errors)
    byStatus.set(ERRORS[code].status, [...(byStatus.get(ERRORS[code].status) ?? []), ERRORS[code].text]);
  return Object.fromEntries(
    [...byStatus].map(([status, texts]) => [
      String(status),
      { description: texts.join(' / '), content: { 'application/json': { schema: errorSchema } } },
    ]),
  );
}

function commandOperation(rows: readonly Command[]): Json {
  return {
    operationId: 'command',
    summary: 'Run any command by name.',
    description: 'Always answers 200 once the envelope is readable; `success` says whether the command was.',
    tags: ['command'],
    requestBody: {
      required: true,
      content: {
        'application/json': {
          schema: {
            type: 'object',
            properties: {
              command: { enum: rows.map((row) => row.name) },
              request_id: { type: 'string', description: 'Echoed verbatim.' },
              payload: { description: 'The input of the command; see the reference page of its family.' },
            },
            required: ['command', 'request_id', 'payload'],
          },
        },
      },
    },
    responses: {
      200: {
        description: 'Success or refusal of the command',
        content: {
          'application/json': {
            schema: {
              type: 'object',
              properties: {
                success: { type: 'boolean' },
                request_id: { type: 'string' },
                payload: {},
                error: { type: ['string', 'null'] },
              },
              required: ['success', 'request_id', 'payload', 'error'],
            },
          },
        },
      },
    },
  };
}
