/** Every command's example really occurs through the client, over each wire, and its answer is what its row says. */
import { pack, unpack } from 'msgpackr';
import { beforeEach, describe, expect, it } from 'vitest';
import type * as z from 'zod';
import type { Command } from '../../../../src/commands/define.ts';
import { COMMANDS } from '../../../../src/commands/index.ts';
import { PUSHES } from '../../../../src/commands/live.ts';
import { scratchFolder } from '../../../../test/support/process.ts';
import { PUSHES as CLIENT_PUSHES, METHODS } from '../src/commands.ts';
import type { ClientOptions, Synapd } from '../src/index.ts';
import { connect, sharedServer } from './support/server.ts';

type Members = Record<string, unknown>;
type AnyCall = (name: string, input: unknown) => Promise<unknown>;
const call = (client: Synapd): AnyCall => client.call as AnyCall;

const ROOT = { username: 'root', password: 'correct horse battery' };

const WIRES: Record<string, ClientOptions> = {
  HTTP: {},
  'the socket in JSON': { transport: 'socket' },
  'the socket in msgpack': { transport: 'socket', codec: { encode: pack, decode: unpack } },
};

/** Chat threads stay; nothing in their examples minds. */
async function clear(client: Synapd): Promise<void> {
  await client.kv.flushall();
  for (const queue of (await client.queue.list()).queues) await client.queue.delete({ queue });
  for (const room of (await client.stream.list()).rooms) await client.stream.delete({ room });
  for (const topic of (await client.topic.list()).topics) await client.topic.delete({ topic });
  for (const { username } of (await client.auth.user.list()).users)
    if (username !== ROOT.username) await client.auth.user.delete({ username });
  for (const group_id of (await client.group.list()).groups) await client.group.delete({ group_id });
}

const fill = (value: unknown, saved: Record<string, string>): unknown => {
  if (typeof value === 'string') return value.replace(/\{\{(\w+)\}\}/g, (whole, name: string) => saved[name] ?? whole);
  if (Array.isArray(value)) return value.map((item) => fill(item, saved));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, fill(member, saved)]));
};

async function stage(run: AnyCall, row: Command): Promise<Record<string, string>> {
  const saved: Record<string, string> = {};
  for (const { command, input, save } of row.example.before ?? []) {
    const answer = (await run(command, fill(input, saved))) as Members;
    for (const [name, path] of Object.entries(save ?? {})) saved[name] = String(answer[path]);
  }
  return saved;
}

/** What a schema has against a value. A float of the server is a number here. */
function objections(schema: z.ZodType, value: unknown): unknown[] {
  const at = (path: readonly PropertyKey[]): unknown =>
    path.reduce((inner, step) => (inner as Record<PropertyKey, unknown> | undefined)?.[step], value);
  return (schema.safeParse(value).error?.issues ?? []).filter(
    (issue) => !(issue.code === 'custom' && typeof at(issue.path) === 'number'),
  );
}

const membersOf = (value: unknown): string[] =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.keys(value).sort() : [];

it('the client has every command and every subscription, and no other', () => {
  expect(Object.keys(METHODS).sort()).toEqual(COMMANDS.map((row) => row.name).sort());
  expect(Object.keys(CLIENT_PUSHES).sort()).toEqual(PUSHES.map((row) => row.name).sort());
});

describe.each(Object.entries(WIRES))('over %s the example of', (_, options) => {
  const server = sharedServer(['--data-dir', scratchFolder(), '--allow-flush-commands'], {
    SYNAPD_SECURITY_KMS_MASTER_KEY_HEX: '5a'.repeat(32),
    SYNAPD_AUTH_ENABLED: 'true',
    SYNAPD_AUTH_ROOT_PASSWORD: ROOT.password,
  });
  let client: Synapd;
  beforeEach(async () => {
    client = connect(server.url, { ...ROOT, ...options });
    await clear(client);
  });

  it.each(COMMANDS.map((row) => [row.name, row] as const))('%s', async (name, row) => {
    const saved = await stage(call(client), row);
    const answer = await call(client)(name, fill(row.example.input, saved));
    expect(objections(row.output, answer)).toEqual([]);
    expect(membersOf(answer)).toEqual(membersOf(row.example.output));
  });
});
