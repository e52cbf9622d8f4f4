/** Every row is complete, and its example really occurs over every face. */
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import type { Command } from '../../src/commands/define.ts';
import { COMMANDS } from '../../src/commands/index.ts';
import { JsonFloat } from '../../src/core/json.ts';
import { routeOf } from '../../src/faces/synap-rest.ts';
import { type InProcess, inProcess } from '../support/in-process.ts';

type Saved = Record<string, string>;

const fill = (value: unknown, saved: Saved): unknown => {
  if (typeof value === 'string') return value.replace(/\{\{(\w+)\}\}/g, (whole, name: string) => saved[name] ?? whole);
  if (Array.isArray(value)) return value.map((item) => fill(item, saved));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, fill(member, saved)]));
};

async function stage(server: InProcess, row: Command): Promise<Saved> {
  const saved: Saved = {};
  for (const { command, input, save } of row.example.before ?? []) {
    const answer = await server.command(command, fill(input, saved));
    expect(answer.error).toBeNull();
    for (const [name, path] of Object.entries(save ?? {}))
      saved[name] = String((answer.payload as Record<string, unknown>)[path]);
  }
  return saved;
}

/** The same members with values of the same kind; what is no id, no time and no sentence also has the same value. */
function alike(got: unknown, want: unknown, path = ''): void {
  if (got instanceof JsonFloat) return alike(got.value, want, path);
  if (Array.isArray(want)) {
    expect(Array.isArray(got) && (got as unknown[]).length, path).toBe(want.length);
    for (const [i, item] of want.entries()) alike((got as unknown[])[i], item, `${path}[${i}]`);
  } else if (typeof want === 'object' && want !== null) {
    expect(Object.keys(Object(got)).sort(), path).toEqual(Object.keys(want).sort());
    for (const [name, member] of Object.entries(want))
      alike((got as Record<string, unknown>)[name], member, `${path}.${name}`);
  } else if (typeof want === 'number' && want > 1e9) expect(typeof got, path).toMatch(/^(number|bigint)$/);
  else if (typeof want === 'string' && /^[0-9a-f]{8}-|\{\{|\s/.test(want)) expect(typeof got, path).toBe('string');
  else expect(got, path).toEqual(want);
}

describe('the table', () => {
  it('has no id and no name twice', () => {
    expect(new Set(COMMANDS.map((row) => row.id)).size).toBe(COMMANDS.length);
    expect(new Set(COMMANDS.flatMap((row) => [row.name, ...(row.aliases ?? [])])).size).toBe(
      COMMANDS.length + COMMANDS.flatMap((row) => row.aliases ?? []).length,
    );
  });

  it('takes valid input through generated parsers', () => {
    for (const row of COMMANDS) expect(() => z.compile(row.input, { strict: true }), row.name).not.toThrow();
  });

  it('names a resource for every example, but for calls about the own account, which ask themselves who is calling', () => {
    const own = COMMANDS.filter((row) => row.resource(row.input.parse(row.example.input)).length === 0);
    expect(own.map((row) => row.name)).toEqual([
      'auth.login',
      'auth.me',
      'auth.key.create',
      'auth.key.list',
      'auth.key.revoke',
      'auth.user.get',
      'auth.user.password',
    ]);
  });
});

describe('the example of', () => {
  for (const row of COMMANDS) {
    it(`${row.name} is answered as shown by the command endpoint`, async () => {
      const server = inProcess();
      const saved = await stage(server, row);
      const { execute } = server.table.calls.get(row.name) as { execute(context: unknown, input: unknown): unknown };
      const output = await execute(server.context, row.input.parse(fill(row.example.input, saved)));
      expect(row.output.safeParse(output).error).toBeUndefined();
      const again = inProcess();
      const savedAgain = await stage(again, row);
      const answer = await again.command(row.name, fill(row.example.input, savedAgain));
      expect(answer.error).toBeNull();
      const shown =
        row.envelope?.reply === undefined ? row.example.output : row.envelope.reply(output, row.example.input);
      alike(answer.payload, JSON.parse(JSON.stringify(fill(shown, savedAgain))));
    });

    if (row.rest === undefined) continue;
    const form = row.rest;
    it(`${row.name} is answered as shown by ${form.route}`, async () => {
      const server = inProcess();
      const saved = await stage(server, row);
      const { method, path, params } = routeOf(form);
      const input = fill(row.example.input, saved) as Record<string, unknown>;
      const at = params.reduce(
        (text, { name, field }) => text.replace(`:${name}`, encodeURIComponent(String(input[field]))),
        path,
      );
      const query = Object.keys(form.query ?? {})
        .filter((field) => input[field] !== undefined)
        .map((field) => `${field}=${encodeURIComponent(String(input[field]))}`);
      const body = Object.fromEntries(
        Object.entries(input).filter(([field]) => !params.some((param) => param.field === field)),
      );
      const answer = await server.rest(
        method,
        query.length > 0 ? `${at}?${query.join('&')}` : at,
        form.body === undefined ? undefined : body,
      );
      expect(answer.status).toBe(200);
      if (form.reply === undefined) alike(answer.body, fill(row.example.output, saved));
    });
  }
});
