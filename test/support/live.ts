/**
 * Engines, table, HTTP and sockets in this process on a free port, over a door, a clock and a gate of the test: for tests of live conversations.
 */
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { WebSocket } from 'ws';
import { Accounts } from '../../src/auth/accounts.ts';
import type { Caller } from '../../src/commands/access.ts';
import type { Table } from '../../src/commands/compile.ts';
import type { Context } from '../../src/commands/context.ts';
import { type Clock, systemClock } from '../../src/core/clock.ts';
import { CommandError } from '../../src/core/errors.ts';
import { systemIds } from '../../src/core/ids.ts';
import type { Log } from '../../src/core/ports.ts';
import { Timers } from '../../src/core/timers.ts';
import { assemble } from '../../src/server/assembly.ts';
import { buildEngines } from '../../src/server/engines.ts';
import { loadSettings } from '../../src/server/settings.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import type { Gate } from '../../src/transports/gate.ts';
import type { Live } from '../../src/transports/live.ts';
import type { Doorkeeper } from '../../src/transports/session.ts';
import { listen, portOf } from '../../src/transports/uws.ts';
import { Client } from './client.ts';

const SILENT: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
const ADMIN: Caller = { admin: true, allows: () => true };

export interface LiveServer {
  readonly base: string;
  readonly context: Context;
  readonly table: Table;
  readonly live: Live;
  readonly timers: Timers;
  /** What was thrown and is no refusal. */
  readonly faults: unknown[];
  /** Runs a row as an administrator, in this process. */
  run(command: string, input: Record<string, unknown>): unknown;
  /** Opens a socket; resolves once it is open. */
  open(path: string, headers?: Record<string, string>): Promise<Client>;
  stop(): void;
}

const running = new Set<LiveServer>();

/** Stops every server of the test file. */
export function stopAll(): void {
  for (const server of running) server.stop();
}

/** Starts a server. Without a door everybody is an administrator. */
export async function liveServer(options: { door?: Doorkeeper; gate?: Gate; clock?: Clock } = {}): Promise<LiveServer> {
  const loaded = loadSettings(['--allow-flush-commands'], {}, () => {
    throw Object.assign(new Error('no file'), { code: 'ENOENT' });
  });
  if (loaded.action !== 'start') throw new Error('settings');
  const { settings } = loaded;
  const clock = options.clock ?? systemClock;
  const timers = new Timers(clock);
  const store = new MemoryStore();
  const engines = buildEngines(settings, { store, timers, ids: systemIds, clock });
  const faults: unknown[] = [];
  const fault = (error: unknown): CommandError => {
    faults.push(error);
    return new CommandError('INTERNAL', { detail: 'see faults' });
  };
  const accounts = await Accounts.open(
    { enabled: false, required: false, users: [], keys: [] },
    clock,
    engines.accounts,
  );
  const door = options.door ?? { everyone: ADMIN, admit: () => ADMIN };
  const { gate } = options;
  const parts = assemble(settings, { clock, timers, store, engines, accounts, door, gate, fault, log: SILENT });
  const { app, context, table, live, monitor } = parts;
  const socket = await listen(app, '127.0.0.1', 0);
  if (socket === undefined) throw new Error('cannot listen');
  const address = `127.0.0.1:${portOf(socket)}`;
  const server: LiveServer = {
    base: `http://${address}`,
    context,
    table,
    live,
    timers,
    faults,
    run(command, input) {
      const row = table.calls.get(command);
      if (row === undefined) throw new Error(`no command ${command}`);
      context.session = ADMIN;
      context.now = clock.now();
      return row.execute(context, row.command.input.parse(input));
    },
    async open(path, headers = {}) {
      const ws = new WebSocket(`ws://${address}${path}`, { headers });
      const client = new Client(ws);
      await once(ws, 'open');
      return client;
    },
    stop() {
      running.delete(server);
      app.close();
      timers.stop();
      monitor.close();
    },
  };
  running.add(server);
  return server;
}

/** Asks for an upgrade and gives the refusal; a header given as empty is left out. */
export async function refusedUpgrade(
  server: LiveServer,
  path: string,
  headers: Record<string, string> = {},
): Promise<{ status: number; body: unknown; headers: Record<string, unknown> }> {
  const asked = {
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
    ...headers,
  };
  const kept = Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== ''));
  const outgoing = request(server.base + path, { headers: kept, agent: false });
  outgoing.end();
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  let text = '';
  for await (const chunk of response) text += chunk;
  return { status: response.statusCode ?? 0, body: JSON.parse(text), headers: response.headers };
}

/** Looks again on every turn of the loop until `done` holds. */
export async function eventually(done: () => boolean): Promise<void> {
  while (!done()) await new Promise((resolve) => setImmediate(resolve));
}
