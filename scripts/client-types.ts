/**
 * TypeScript types as text, made from the schemas of the rows, for the client package.
 *
 * Invariant: what a schema takes, its input type takes; what it gives, as the client hands it out, its output type is.
 */
import type * as z from 'zod';
import { JsonFloat } from '../src/core/json.ts';

/** Which side of a schema. */
export type Side = 'input' | 'output';

/** The part of zod's definitions that is read here. */
interface Definition {
  readonly type: string;
  readonly innerType?: z.ZodType;
  readonly element?: z.ZodType;
  readonly options?: readonly z.ZodType[];
  readonly items?: readonly z.ZodType[];
  readonly values?: readonly unknown[];
  readonly entries?: Readonly<Record<string, string>>;
  readonly shape?: Readonly<Record<string, z.ZodType>>;
  readonly keyType?: z.ZodType;
  readonly valueType?: z.ZodType;
}

const definition = (schema: z.ZodType): Definition => schema.def as unknown as Definition;

/** The type of a schema. `indent`: of the line it begins in. */
export function typeText(schema: z.ZodType, side: Side, indent = ''): string {
  const def = definition(schema);
  const inner = (one: z.ZodType | undefined): string => typeText(one as z.ZodType, side, indent);
  switch (def.type) {
    case 'string':
    case 'boolean':
    case 'number':
    case 'null':
      return def.type;
    case 'unknown':
      return 'unknown';
    case 'literal':
      return (def.values ?? []).map(literal).join(' | ');
    case 'enum':
      return Object.values(def.entries ?? {})
        .map(literal)
        .join(' | ');
    case 'optional':
      return side === 'input' ? union([inner(def.innerType), 'undefined']) : inner(def.innerType);
    case 'default':
      return side === 'input' ? union([inner(def.innerType), 'undefined']) : inner(def.innerType);
    case 'nullable':
      return union([inner(def.innerType), 'null']);
    case 'union':
      return isInteger(def) ? 'Integer' : union((def.options ?? []).map(inner));
    case 'array': {
      const element = inner(def.element);
      const list = /[|{]/.test(element) ? `(${element})[]` : `${element}[]`;
      return side === 'input' ? `readonly ${list}` : list;
    }
    case 'tuple':
      return `${side === 'input' ? 'readonly ' : ''}[${(def.items ?? []).map(inner).join(', ')}]`;
    case 'record':
      return `{ ${side === 'input' ? 'readonly ' : ''}[name: ${inner(def.keyType)}]: ${inner(def.valueType)} }`;
    case 'object':
      return members(def.shape ?? {}, side, indent);
    case 'custom':
      return isBytes(schema) ? 'Uint8Array' : float(schema);
    default:
      throw new Error(`the client's types know no schema of kind ${def.type}`);
  }
}

function float(schema: z.ZodType): string {
  if (schema.safeParse(new JsonFloat(0.5)).success) return 'number';
  throw new Error('the client knows only bytes and floats among custom schemas');
}

const literal = (value: unknown): string => (typeof value === 'string' ? `'${value}'` : String(value));

function union(parts: readonly string[]): string {
  const all = parts.flatMap((part) => (/[{[(]/.test(part) ? [part] : part.split(' | ')));
  const unique = [...new Set(all)];
  return unique.includes('unknown') ? 'unknown' : unique.join(' | ');
}

/** An integer that may be larger than a number holds. */
const isInteger = (def: Definition): boolean =>
  def.options?.length === 2 && def.options.map((one) => definition(one).type).join() === 'number,bigint';

const isBytes = (schema: z.ZodType): boolean =>
  definition(schema).type === 'custom' && schema.safeParse(new Uint8Array()).success;

function members(shape: Readonly<Record<string, z.ZodType>>, side: Side, indent: string): string {
  const entries = Object.entries(shape);
  if (entries.length === 0) return side === 'input' ? 'NoInput' : '{}';
  const deeper = `${indent}  `;
  const lines = entries.map(([name, schema]) => {
    const text = describe(schema);
    const doc = text === undefined ? '' : `${deeper}/** ${text.replaceAll('*/', '* /')} */\n`;
    const mark = mayMiss(schema, side) ? '?' : '';
    const type = typeText(schema, side, deeper);
    return `${doc}${deeper}${side === 'input' ? 'readonly ' : ''}${name}${mark}: ${type};`;
  });
  return `{\n${lines.join('\n')}\n${indent}}`;
}

function mayMiss(schema: z.ZodType, side: Side): boolean {
  const { type, innerType } = definition(schema);
  if (type === 'optional') return true;
  if (type === 'default') return side === 'input';
  return type === 'nullable' && mayMiss(innerType as z.ZodType, side);
}

/** What a schema says of itself; what an integer is by its range is known already. */
function describe(schema: z.ZodType): string | undefined {
  for (let at: z.ZodType | undefined = schema; at !== undefined; at = definition(at).innerType) {
    const text = at.description;
    if (text !== undefined) return GENERAL.has(text) ? undefined : text;
  }
  return undefined;
}

const GENERAL = new Set([
  'Any JSON value, null included.',
  'A number with a fraction.',
  'Unsigned 64-bit integer, written without fraction or exponent.',
  'Signed 64-bit integer, written without fraction or exponent.',
  'Bytes as integers from 0 to 255.',
]);

/** Whether every member may be left out. */
export const allOptional = (schema: z.ZodObject): boolean =>
  Object.values(schema.shape).every((member) => mayMiss(member as z.ZodType, 'input'));

/** Names of the members that take any JSON. */
export const anyJson = (schema: z.ZodObject): string[] =>
  Object.entries(schema.shape)
    .filter(([, member]) => typeText(member as z.ZodType, 'input') === 'unknown')
    .map(([name]) => name);

/** Where an answer has bytes: dotted paths, `*` for every item of a list, empty for the answer itself. */
export function bytePaths(schema: z.ZodType): string[] {
  const def = definition(schema);
  const below = (step: string, one: z.ZodType): string[] =>
    bytePaths(one).map((path) => (path === '' ? step : `${step}.${path}`));
  if (isBytes(schema)) return [''];
  if (def.innerType !== undefined) return bytePaths(def.innerType);
  if (def.type === 'union') return [...new Set((def.options ?? []).flatMap(bytePaths))];
  if (def.type === 'array') return below('*', def.element as z.ZodType);
  if (def.type === 'object') return Object.entries(def.shape ?? {}).flatMap(([name, one]) => below(name, one));
  return [];
}
