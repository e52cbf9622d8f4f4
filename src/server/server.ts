/**
 * The only place that knows every part: builds the engines, the table, the faces and the transports, and takes them
 * down again.
 *
 * Invariant: nothing is global, so two servers fit into one process; a server listens only once its engines are restored.
 */
import { stringify } from 'yaml';
import { type AccountOptions, Accounts } from '../auth/accounts.ts';
import { compile } from '../commands/compile.ts';
import type { Context } from '../commands/context.ts';
import type { Command, PushCommand } from '../commands/define.ts';
import { COMMANDS } from '../commands/index.ts';
import { PUSHES } from '../commands/live.ts';
import { type Clock, systemClock } from '../core/clock.ts';
import { CommandError, invalidRequest } from '../core/errors.ts';
import { systemIds } from '../core/ids.ts';
import type { Engine, Log } from '../core/ports.ts';
import { Timers } from '../core/timers.ts';
import { chatEndpoints } from '../faces/chat.ts';
import { chatAdminEndpoints } from '../faces/chat-admin.ts';
import { ChatDoor } from '../faces/chat-door.ts';
import { chatEventEndpoints } from '../faces/chat-events.ts';
import { chatOpenapi, chatPages } from '../faces/chat-pages.ts';
import type { Endpoint, Reply } from '../faces/endpoint.ts';
import { commandEndpoint } from '../faces/synap-command.ts';
import { jsonFailure, restEndpoints } from '../faces/synap-rest.ts';
import type { DurableStore } from '../store/durable.ts';
import { StoreError } from '../store/errors.ts';
import { LmdbStore } from '../store/lmdb.ts';
import { MemoryStore } from '../store/memory.ts';
import { type Durability, Gate } from '../transports/gate.ts';
import { Http } from '../transports/http.ts';
import { Live } from '../transports/live.ts';
import {
  App,
  closeListener,
  listen,
  portOf,
  SSLApp,
  type TemplatedApp,
  type us_listen_socket,
} from '../transports/uws.ts';
import { parseJson } from '../wire/json.ts';
import { backupsInto } from './backups.ts';
import { chatLocks } from './chat-locks.ts';
import { hasChatKeys } from './chat-options.ts';
import { documents } from './documents.ts';
import { buildEngines, type Engines } from './engines.ts';
import { faults } from './faults.ts';
import { type Monitoring, monitoring } from './monitoring.ts';
import type { Settings } from './settings.ts';
import { tlsFiles } from './settings-tls.ts';
import { VERSION } from './version.ts';

/** Why a server could not start: one line for the operator. */
export class StartError extends Error {}

export class Server {
  readonly host: string;
  readonly port: number;
  readonly #parts: Parts;
  #stopping: Promise<void> | undefined;

  private constructor(parts: Parts, host: string, port: number) {
    this.#parts = parts;
    this.host = host;
    this.port = port;
  }

  /** Builds everything, restores the data and listens. Throws `StartError` with one clear line. */
  static async start(settings: Settings, who: AccountOptions, log: Log): Promise<Server> {
    const clock = systemClock;
    const timers = new Timers(clock);
    const store = await openStore(settings, timers, log);
    const gate = store.level === 'none' ? undefined : new Gate(durability(store));
    const engines = buildEngines(settings, { store, timers, ids: systemIds, clock, log });
    const accounts = await Accounts.open(who, clock, engines.accounts);
    const context: Context = {
      clock,
      ...engines,
      backups: backupsInto(settings.backup_dir, store, log),
      settings: {
        allowFlush: settings['kv_store.allow_flush_commands'],
        maxValueBytes: settings['kv_store.max_value_size_bytes'] || Number.POSITIVE_INFINITY,
        chatKeyed: hasChatKeys(settings) && !settings['auth.enabled'],
      },
      isJson,
      session: { admin: false, allows: () => false },
      now: clock.now(),
      sync: false,
      cancel: undefined,
    };
    const monitor = monitoring(
      settings,
      [...COMMANDS, ...PUSHES].map((row) => row.name),
      { engines, store, accounts, clock, timers },
    );
    const table = compile(rows(settings), pushRows(settings), monitor.meter, { refusal: () => store.writable() });
    const fault = faults(log, systemIds);
    const { served } = monitor;
    const failure = (_path: string, error: CommandError): Reply => jsonFailure(error);
    const live = new Live({ context, door: accounts, fault, timers, served, failure, table, ids: systemIds, gate });
    const bodyBytes = settings['server.max_body_bytes'];
    const { feeds } = live;
    const locks = chatLocks(settings, clock);
    const territory = new ChatDoor(locks);
    const chat = { table, door: territory, locks, parse: parseJson, testing: settings['chat.testing'] };
    const chatFace = [
      ...chatEndpoints(chat),
      ...chatEventEndpoints(chat),
      ...chatAdminEndpoints({ ...chat, ready: () => monitor.ready() }),
    ];
    const http = new Http({ context, door: accounts, fault, served, bodyBytes, failure, gate, feeds, territory });
    const tls = tlsFiles(settings);
    const app = tls === undefined ? App() : SSLApp({ cert_file_name: tls.cert, key_file_name: tls.key });
    live.mount(app);
    http.mount(app, [
      ...restEndpoints(table.calls),
      commandEndpoint(table.calls, fault),
      ...live.endpoints,
      ...(hasChatKeys(settings) ? monitor.endpoints.map((one) => keyed(one, territory)) : monitor.endpoints),
      ...chatFace,
      ...chatPages(territory, chatFace, stringify(chatOpenapi(chatFace, VERSION))),
      ...documents(),
    ]);
    monitor.connections(() => live.counts);
    await restore(store, Object.values(engines), clock, log);
    if (settings.check_data) await verify(store, engines);
    monitor.restored();
    const host = settings['server.host'];
    const socket = await listen(app, host, settings['server.port']);
    if (socket === undefined) {
      timers.stop();
      await store.close();
      throw new StartError(`cannot listen on ${host}:${settings['server.port']}: the port is in use, or not permitted`);
    }
    return new Server({ app, socket, http, live, timers, store, monitor, log, settings }, host, portOf(socket));
  }

  /** Stops listening, lets requests under way end (`server.drain_ms_max` at most), and closes everything. */
  stop(): Promise<void> {
    this.#stopping ??= this.#drain();
    return this.#stopping;
  }

  async #drain(): Promise<void> {
    const { app, socket, http, live, timers, store, monitor, log, settings } = this.#parts;
    monitor.stopping();
    closeListener(socket);
    live.closeAll('the server is stopping');
    const end = systemClock.monotonic() + settings['server.drain_ms_max'];
    while (http.pending > 0 && systemClock.monotonic() < end) await nextTurn();
    if (http.pending > 0) log.warn({ pending: http.pending }, 'requests were cut off by the stop');
    app.close();
    timers.stop();
    await store.close();
    monitor.close();
  }
}

interface Parts {
  readonly app: TemplatedApp;
  readonly socket: us_listen_socket;
  readonly http: Http;
  readonly live: Live;
  readonly timers: Timers;
  readonly store: DurableStore;
  readonly monitor: Monitoring;
  readonly log: Log;
  readonly settings: Settings;
}

async function openStore(settings: Settings, timers: Timers, log: Log): Promise<DurableStore> {
  if (settings.memory) return new MemoryStore();
  try {
    return await LmdbStore.open({
      folder: settings.data_dir,
      timers,
      level: settings['durability.level'],
      flushMs: settings['durability.flush_ms_max'],
      log,
    });
  } catch (error) {
    throw asStartError(error);
  }
}

async function restore(store: DurableStore, engines: readonly Engine[], clock: Clock, log: Log): Promise<void> {
  try {
    const { unknown } = await store.restoreInto(engines, clock.now());
    for (const { table, records: left } of unknown)
      log.warn({ table, records: left }, 'a table nobody knows was left alone');
  } catch (error) {
    await store.close();
    throw asStartError(error);
  }
}

async function verify(store: DurableStore, engines: Engines): Promise<void> {
  const broken = Object.entries(engines).flatMap(([name, engine]: [string, Engine]) =>
    engine.check().map((line) => `${name}: ${line}`),
  );
  if (broken.length === 0) return;
  await store.close();
  throw new StartError(`the restored data is inconsistent: ${broken.slice(0, 20).join('; ')}`);
}

const asStartError = (error: unknown): unknown => (error instanceof StoreError ? new StartError(error.message) : error);

/** What the gate asks of the store. */
function durability(store: DurableStore): Durability {
  return {
    waits: store.level === 'sync',
    position: () => store.position(),
    urgent: () => store.urgent(),
    flushed: () => store.flushed,
    onFlushed: (listener) => store.onFlushed(listener),
  };
}

/** The rows as these settings have them: what is switched off refuses every call of its family (synap-core.md 1.3). */
function rows(settings: Settings): readonly Command[] {
  if (settings['queue.enabled']) return COMMANDS;
  const off = (): never => invalidRequest('Queue system disabled');
  return COMMANDS.map((row) => (row.name.startsWith('queue.') ? { ...row, run: off } : row));
}

/** The same for what keeps answering: its sockets are refused with 503 (synap-core.md 1.3). */
function pushRows(settings: Settings): readonly PushCommand[] {
  if (settings['queue.enabled']) return PUSHES;
  const off = (): never => {
    throw new CommandError('SYSTEM_DISABLED', { detail: 'Queue system disabled' });
  };
  return PUSHES.map((row) => (row.name.startsWith('queue.') ? { ...row, open: off } : row));
}

/** `/metrics` asks for a key as soon as the chat has keys (progressdb.md R29). */
function keyed(endpoint: Endpoint, door: ChatDoor): Endpoint {
  return endpoint.path === '/metrics' ? { ...endpoint, admit: (asked) => door.admit(asked, 'metrics') } : endpoint;
}

function isJson(text: string): boolean {
  try {
    parseJson(text);
    return true;
  } catch (error) {
    if (error instanceof CommandError) return false;
    throw error;
  }
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
