/**
 * What a setting is: its value's kind, and the row that declares it.
 *
 * Invariant: whatever help, documents, validation and error messages say of a setting comes from its row.
 */
import { isIP } from 'node:net';
import { parse } from 'yaml';
import * as z from 'zod';

/** A kind of value: how it is checked, how it is read from the text of a flag or variable, and what to say when it is wrong. */
export interface Kind<T> {
  readonly schema: z.ZodType<T>;
  /** What is allowed, to be read after "must be". */
  readonly allowed: string;
  /** What a flag shows for its value, such as `<n>`. */
  readonly hint: string;
  /**
   * `text`: taken from a file as it was written, so that `0123` keeps its zero. `boolean`: a flag without a value means
   * true. `structure`: lists and maps, which have no flag.
   */
  readonly form: 'text' | 'number' | 'boolean' | 'structure';
  /** Text to value. What cannot be read comes back as it is, for the schema to refuse. */
  read(text: string): unknown;
}

/** One setting, declared once. */
export interface Row<T> {
  readonly kind: Kind<T>;
  readonly default: T;
  readonly about: string;
  readonly unit?: string;
  /** Name of the flag without dashes; made from the path when absent, none when `false`. */
  readonly flag?: string | false;
  /** Never shown: neither in messages nor in what the server tells of its settings. */
  readonly secret?: boolean;
  /** Further places in the file that mean the same, read when the place itself is not given. */
  readonly also?: readonly string[];
  /** Further places in the file that mean the same in another form, and how each is read; `undefined` says nothing. */
  readonly reshaped?: { readonly [place: string]: (value: unknown) => unknown };
  /** Places in the file that mean the opposite. */
  readonly opposite?: readonly string[];
  /** Variables of other programs, and how each is read; `undefined` leaves the setting alone. */
  readonly foreign?: { readonly [variable: string]: (text: string) => string | undefined };
  /** YAML to show in the example file, where the default shows nothing. */
  readonly example?: string;
}

/** The rows of one part of the table, by their path in the file. */
export interface Rows {
  readonly [path: string]: Row<unknown>;
}

/** What the settings of these rows hold. */
export type Values<R> = { readonly [K in keyof R]: R[K] extends Row<infer T> ? T : never };

/** Declares a row; only there to infer the type of its value. */
export function setting<T>(kind: Kind<T>, row: Omit<Row<NoInfer<T>>, 'kind'>): Row<T> {
  return { kind, ...row };
}

const TRUE = new Set(['true', '1', 'yes', 'on']);
const FALSE = new Set(['false', '0', 'no', 'off']);

export const boolean: Kind<boolean> = {
  schema: z.boolean(),
  allowed: 'true or false (also 1/0, yes/no, on/off)',
  hint: '[true|false]',
  form: 'boolean',
  read(text) {
    const word = text.trim().toLowerCase();
    return TRUE.has(word) ? true : FALSE.has(word) ? false : text;
  },
};

export function integer(min: number, max: number): Kind<number> {
  return {
    schema: z.int().min(min).max(max),
    allowed: `an integer from ${min} to ${max}`,
    hint: '<n>',
    form: 'number',
    read: (text) => (/^\s*[+-]?\d{1,16}\s*$/.test(text) ? Number(text) : text),
  };
}

/** A number with an end that may have a fraction. */
export function decimal(min: number, max: number, allowed: string): Kind<number> {
  return {
    schema: z.number().min(min).max(max),
    allowed,
    hint: '<n>',
    form: 'number',
    read: (text) => (/^\s*[+-]?\d{1,16}(?:\.\d{1,9})?\s*$/.test(text) ? Number(text) : text),
  };
}

export function text(allowed: string, test: (value: string) => boolean = () => true): Kind<string> {
  return { schema: z.string().refine(test), allowed, hint: '<text>', form: 'text', read: (value) => value };
}

/** One of some words, in any case; `aliases` are other words for them. */
export function choice<const T extends string>(
  words: readonly T[],
  aliases: Readonly<Record<string, T>> = {},
): Kind<T> {
  const read = (value: string): string => {
    const word = value.trim().toLowerCase();
    return aliases[word] ?? word;
  };
  return {
    schema: z.enum(words as readonly [T, ...T[]]) as unknown as z.ZodType<T>,
    allowed: `one of ${words.join(', ')}`,
    hint: '<word>',
    form: 'text',
    read,
  };
}

/** An address to listen on. */
export const host: Kind<string> = {
  ...text(
    'an IP address or a host name',
    (value) => isIP(value) !== 0 || /^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$/i.test(value),
  ),
  hint: '<address>',
};

/** Lists and maps; a variable gives them as YAML or JSON. */
export function structure<T>(schema: z.ZodType<T>, allowed: string): Kind<T> {
  return {
    schema,
    allowed,
    hint: '',
    form: 'structure',
    read(value) {
      try {
        return parse(value);
      } catch {
        return value;
      }
    },
  };
}
