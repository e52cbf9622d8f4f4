/**
 * The parts of which OpenAPI documents and reference pages are made.
 */
import * as z from 'zod';
import { ERRORS, type ErrorCode } from '../core/errors.ts';

/** A piece of a JSON document. */
export type Json = Record<string, unknown>;

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

/** The content of a body that is JSON. */
export function json(schema: Json): Json {
  return { 'application/json': { schema } };
}

/** A path with `:name` as OpenAPI writes it. */
export function template(path: string): string {
  return path.replaceAll(/:(\w+)/g, '{$1}');
}

/** The parameters of a path with `:name`, in its order. */
export function pathParameters(names: readonly string[]): Json[] {
  return names.map((name) => ({ name, in: 'path', required: true, schema: { type: 'string' } }));
}

/** The responses for these errors, by status. */
export function refusals(codes: readonly ErrorCode[]): Json {
  const byStatus = new Map<number, string[]>();
  for (const code of codes)
    byStatus.set(ERRORS[code].status, [...(byStatus.get(ERRORS[code].status) ?? []), ERRORS[code].text]);
  return Object.fromEntries(
    [...byStatus].map(([status, texts]) => [
      String(status),
      { description: texts.join(' / '), content: json(errorSchema) },
    ]),
  );
}
