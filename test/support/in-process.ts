/**
 * The whole table over in-process engines with a fake clock: what faces call, without sockets.
 */
import { AccountBook } from '../../src/auth/book.ts';
import { Session } from '../../src/auth/session.ts';
import { compile, type Table } from '../../src/commands/compile.ts';
import type { Context } from '../../src/commands/context.ts';
import { COMMANDS } from '../../src/commands/index.ts';
import { PUSHES } from '../../src/commands/live.ts';
import { seededIds } from '../../src/core/ids.ts';
import { Timers } from '../../src/core/timers.ts';
import type { Answer, Endpoint } from '../../src/faces/endpoint.ts';
import { Router } from '../../src/faces/router.ts';
import { commandEndpoint } from '../../src/faces/synap-command.ts';
import { restEndpoints } from '../../src/faces/synap-rest.ts';
import { buildEngines } from '../../src/server/engines.ts';
import { loadSettings } from '../../src/server/settings.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { parseJson } from '../../src/wire/json.ts';
import { FakeClock } from './clock.ts';

export interface InProcess {
  readonly context: Context;
  readonly table: Table;
  readonly clock: FakeClock;
  readonly timers: Timers;
  /** Plays one command through the command endpoint; gives the whole envelope, parsed. */
  command(name: string, payload: unknown): Promise<Envelope>;
  /** Plays one REST request; gives status and parsed body. */
  rest(method: string, path: string, body?: unknown): Promise<{ status: number; body: unknown }>;
}

export interface Envelope {
  readonly success: boolean;
  readonly payload: unknown;
  readonly error: string | null;
}

// the table knows no server, so it is compiled once for all
const fault = (error: unknown): never => {
  throw error;
};
const table = compile(COMMANDS, PUSHES, { count: () => {}, time: () => {} }, { refusal: () => undefined });
const router = new Router<Endpoint>();
const envelope = commandEndpoint(table.calls, fault);
for (const endpoint of [...restEndpoints(table.calls), envelope]) router.add(endpoint.method, endpoint.path, endpoint);

/** A fresh server without sockets; every caller is admin unless `context.session` is changed. */
export function inProcess(flags: readonly string[] = [], environment: Record<string, string> = {}): InProcess {
  const loaded = loadSettings(
    ['--allow-flush-commands', ...flags],
    { SYNAPD_SECURITY_KMS_MASTER_KEY_HEX: '5a'.repeat(32), ...environment },
    () => {
      throw Object.assign(new Error('no file'), { code: 'ENOENT' });
    },
  );
  if (loaded.action !== 'start') throw new Error('settings');
  const clock = new FakeClock();
  const timers = new Timers(clock);
  const store = new MemoryStore();
  const engines = buildEngines(loaded.settings, { store, timers, ids: seededIds(7), clock });
  const context: Context = {
    clock,
    ...engines,
    accounts: new AccountBook({ store, ids: seededIds(9), cost: { n: 2, r: 1, p: 1 } }, clock), // cheap passwords
    settings: { allowFlush: true, maxValueBytes: Number.POSITIVE_INFINITY },
    isJson: (text) => {
      try {
        parseJson(text);
        return true;
      } catch {
        return false;
      }
    },
    session: new Session({ kind: 'user', name: 'root', admin: true }),
    now: clock.now(),
    sync: false,
    cancel: undefined,
    backups: {
      progress: { name: undefined, done: 0, total: 0 },
      start: async () => ({ bytes: 32_768, ms: 3 }),
    },
  };
  return {
    context,
    table,
    clock,
    timers,
    async command(command, payload) {
      context.now = clock.now();
      const text = await envelope.answer(
        context,
        [],
        '',
        JSON.parse(JSON.stringify({ command, request_id: 'r', payload })),
      );
      return parseJson(text as string) as Envelope;
    },
    async rest(method, path, body) {
      context.now = clock.now();
      const [bare = '', query = ''] = path.split('?');
      const found = router.find(bare);
      const endpoint = found?.node.methods.get(method);
      if (found === undefined || endpoint === undefined) throw new Error(`no route ${method} ${path}`);
      try {
        const answer = (await endpoint.answer(context, found.params, query, body)) as Answer;
        return typeof answer === 'string'
          ? { status: 200, body: parseJson(answer) }
          : { status: answer.status, body: parseJson(answer.body) };
      } catch (error) {
        const reply = endpoint.failure(error as never);
        return { status: reply.status, body: parseJson(reply.body) };
      }
    },
  };
}
