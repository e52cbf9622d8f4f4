/**
 * Engines, table, HTTP and sockets in this process on a free port, without settings: for tests of live conversations.
 */
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { WebSocket } from 'ws';
import type { Caller } from '../../src/commands/access.ts';
import { compile, type Table } from '../../src/commands/compile.ts';
import type { Context } from '../../src/commands/context.ts';
import { COMMANDS } from '../../src/commands/index.ts';
import { PUSHES } from '../../src/commands/live.ts';
import { type Clock, systemClock } from '../../src/core/clock.ts';
import { CommandError } from '../../src/core/errors.ts';
import { systemIds } from '../../src/core/ids.ts';
import { Timers } from '../../src/core/timers.ts';
import { commandEndpoint } from '../../src/faces/synap-command.ts';
import { jsonFailure, restEndpoints } from '../../src/faces/synap-rest.ts';
import { buildEngines } from '../../src/server/engines.ts';
import { loadSettings } from '../../src/server/settings.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import type { Gate } from '../../src/transports/gate.ts';
import { Http } from '../../src/transports/http.ts';
import { Live } from '../../src/transports/live.ts';
import type { Doorkeeper } from '../../src/transports/session.ts';
import { App, listen, portOf } from '../../src/transports/uws.ts';
import { parseJson } from '../../src/wire/json.ts';

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

/** A WebSocket client that keeps what it received, and how it was closed. */
export class Client {
  readonly ws: WebSocket;
  readonly frames: (string | Buffer)[] = [];
  closed: { readonly code: number; readonly reason: string } | undefined;
  #wake: (() => void)[] = [];

  constructor(ws: WebSocket) {
    this.ws = ws;
    ws.on('message', (data: Buffer, binary) => {
      this.frames.push(binary ? data : data.toString());
      this.#changed();
    });
    ws.on('close', (code, reason) => {
      this.closed = { code, reason: reason.toString() };
      this.#changed();
    });
  }

  /** Waits until `done` holds, looking again whenever something happens on the socket. */
  async until(done: (client: this) => boolean): Promise<void> {
    while (!done(this)) await new Promise<void>((resolve) => this.#wake.push(resolve));
  }

  /** Takes the next `count` text frames as JSON. */
  async take(count: number): Promise<unknown[]> {
    await this.until(() => this.frames.length >= count || this.closed !== undefined);
    return this.frames.splice(0, count).map((frame) => JSON.parse(frame.toString()) as unknown);
  }

  /** The next text frame, as it stands. */
  async text(): Promise<string> {
    await this.until(() => this.frames.length > 0 || this.closed !== undefined);
    return String(this.frames.shift());
  }

  /** How it was closed. */
  async end(): Promise<{ readonly code: number; readonly reason: string }> {
    await this.until(() => this.closed !== undefined);
    return this.closed as { code: number; reason: string };
  }

  send(message: unknown): void {
    this.ws.send(typeof message === 'string' || message instanceof Uint8Array ? message : JSON.stringify(message));
  }

  /** Closes from this side, and waits for the handshake. */
  close(): Promise<{ readonly code: number; readonly reason: string }> {
    this.ws.close(1000);
    return this.end();
  }

  #changed(): void {
    const waiting = this.#wake;
    this.#wake = [];
    for (const wake of waiting) wake();
  }
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
  const clock = options.clock ?? systemClock;
  const timers = new Timers(clock);
  const context: Context = {
    clock,
    ...buildEngines(loaded.settings, { store: new MemoryStore(), timers, ids: systemIds, clock }),
    settings: { allowFlush: true, maxValueBytes: Number.POSITIVE_INFINITY },
    isJson: (text) => {
      try {
        parseJson(text);
        return true;
      } catch {
        return false;
      }
    },
    session: ADMIN,
    now: clock.now(),
    cancel: undefined,
    sync: false,
    backups: { progress: { name: undefined, done: 0, total: 0 }, start: async () => ({ bytes: 0, ms: 0 }) },
  };
  const faults: unknown[] = [];
  const fault = (error: unknown): CommandError => {
    faults.push(error);
    return new CommandError('INTERNAL', { detail: 'see faults' });
  };
  const table = compile(COMMANDS, PUSHES, { count: () => {}, time: () => {} }, { refusal: () => undefined });
  const door = options.door ?? { everyone: ADMIN, admit: () => ADMIN };
  const ports = {
    context,
    door,
    fault,
    served: () => {},
    failure: (_path: string, error: CommandError) => jsonFailure(error),
    gate: options.gate,
  };
  const live = new Live({ ...ports, table, timers, ids: systemIds });
  const http = new Http({ ...ports, bodyBytes: 2_097_152, feeds: live.feeds });
  const app = App();
  http.mount(app, [...restEndpoints(table.calls), commandEndpoint(table.calls, fault), ...live.endpoints]);
  live.mount(app);
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
