/**
 * The admin side of the chat face: `/admin`, probes, and `/metrics` behind keys (progressdb.md 3.1, 3.9).
 */
import { CommandError } from '../core/errors.ts';
import { actAs, answerWith, type Call, type ChatPorts, command, router } from './chat.ts';
import * as read from './chat-text.ts';
import type { Endpoint, Reply } from './endpoint.ts';

/** What the admin side needs besides. */
export interface ChatAdminPorts extends ChatPorts {
  /** Whether `POST /admin/test/retention-run` is served. */
  readonly testing: boolean;
  /** Whether the server should get requests. */
  ready(): boolean;
}

/** Probes take any method, but without a key only GET (2.1). */
const PROBING = ['GET', 'POST', 'PUT', 'DELETE'] as const;
const INVALID = 'invalid request';
const json = (status: number, body: string): Reply => ({ status, type: 'application/json', body });
const OK = json(200, '{"status":"ok"}');

interface Outcome {
  readonly id: string;
  readonly status: string;
  readonly error?: string;
  readonly kek_id?: string;
  readonly key_id?: string;
}

/** The endpoints of `/admin`, `/healthz` and `/readyz`. */
export function chatAdminEndpoints(ports: ChatAdminPorts): Endpoint[] {
  const { table, door, parse, testing } = ports;
  const route = router(door);
  const run = (name: string) => command(table, `chat.${name}`);
  const [stats, allThreads, keys, keyValue] = [run('stats'), run('all_threads'), run('keys'), run('key_value')];
  const [generate, rotate, rewrap, encrypt] = [
    run('generate_key'),
    run('rotate_key'),
    run('rewrap_keys'),
    run('encrypt_existing'),
  ];
  const retention = run('run_retention');

  const enter = (call: Call): void => {
    if (!call.guest.classes.admin) throw new CommandError('FORBIDDEN', { resource: 'admin', action: 'use' });
    actAs(call, '');
  };
  const admin = (method: 'GET' | 'POST', path: string, handler: Parameters<typeof route>[3]): Endpoint =>
    route(method, `/admin/${path}`, 'admin', (call) => {
      enter(call);
      return handler(call);
    });
  const choice = (call: Call) => {
    const said = read.readMembers(call.body, parse, INVALID);
    const ids = said['thread_ids'] ?? [];
    if (!Array.isArray(ids)) return read.refuse(INVALID);
    const kek = read.textOf(said['new_kek_hex'], INVALID);
    read.int64Of(said['parallelism'], INVALID);
    return {
      thread_ids: ids.map((id) => read.textOf(id, INVALID)),
      all: read.flagOf(said['all'], INVALID),
      new_kek_hex: kek,
    };
  };
  /** A map by id; members in the order of their names, as the reference prints its maps. */
  const outcomes = ({ outcomes: found }: { readonly outcomes: readonly Outcome[] }): string => {
    const sorted = [...found].sort((a, b) => (a.id < b.id ? -1 : 1));
    const shown = sorted.map(({ id, status, error, kek_id, key_id }) => [id, { error, kek_id, key_id, status }]);
    return `{${shown.map(([id, outcome]) => `${read.goText(id)}:${read.goText(outcome)}`).join(',')}}\n`;
  };

  return [
    ...PROBING.flatMap((method) => [
      route(method, '/healthz', 'probe', () => OK),
      route(method, '/readyz', 'probe', () => (ports.ready() ? OK : json(503, '{"status":"not ready"}'))),
    ]),
    admin('GET', 'health', () => json(200, '{"status":"ok","service":"progressdb"}')),
    admin('GET', 'stats', ({ context }) => read.line(stats(context, {}))),
    admin('GET', 'threads', ({ context, query }) => {
      const input = { before: read.queryOf(query, 'before'), after: read.queryOf(query, 'after') };
      return answerWith<{ threads: unknown[]; more: boolean }>(allThreads(context, input), ({ threads, more }) =>
        read.line({ threads, ...(more ? { has_more: true } : {}) }),
      );
    }),
    admin('GET', 'keys', ({ context, query }) => {
      const input = { prefix: read.queryOf(query, 'prefix') ?? '', after: read.queryOf(query, 'after') };
      const page = keys(context, input) as { keys: string[]; more: boolean };
      return read.line({ keys: page.keys, ...(page.more ? { has_more: true } : {}) });
    }),
    admin('GET', 'keys/:key', ({ context, params }) => {
      const value = read.goText(keyValue(context, { key: unescaped(params[0] as string) }));
      return { status: 200, type: 'application/octet-stream', body: value };
    }),
    admin('POST', 'encryption/generate-kek', ({ context }) => read.line(generate(context, {}))),
    admin('POST', 'encryption/rotate-thread-dek', (call) => {
      const said = read.readMembers(call.body, parse, INVALID);
      const thread = read.textOf(said['thread_id'], INVALID);
      if (thread === '') read.refuse('missing thread_id');
      return answerWith(rotate(call.context, { thread }), read.line);
    }),
    admin('POST', 'encryption/rewrap-deks', (call) => {
      const input = choice(call);
      if (input.new_kek_hex.trim() === '') read.refuse('missing new_kek_hex');
      if (!input.all && input.thread_ids.length === 0) throw new CommandError('CHAT_NO_THREADS');
      return answerWith(rewrap(call.context, input), outcomes);
    }),
    admin('POST', 'encryption/encrypt-existing', (call) => answerWith(encrypt(call.context, choice(call)), outcomes)),
    admin('POST', 'test/retention-run', ({ context }) => {
      if (!testing) throw new CommandError('CHAT_TEST_DISABLED');
      return answerWith(retention(context, {}), read.line);
    }),
  ];
}

/** The second unescaping of a storage key (3.9). */
function unescaped(key: string): string {
  if (/%(?![\da-fA-F]{2})/.test(key)) return read.refuse('invalid key encoding');
  const bytes = Buffer.from(key, 'utf8').toString('latin1');
  const plain = bytes.replace(/%([\da-fA-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(plain, 'latin1').toString('utf8');
}
