/**
 * The only place that knows every part: builds the engines, the table, the faces and the transports, and takes them
 * down again.
 *
 * Invariant: nothing is global, so two servers fit into one process; a server listens only once its engines are restored.
 */
import { type AccountOptions, Accounts } from '../auth/accounts.ts';
import type { Engines } from '../commands/context.ts';
import { type Clock, systemClock } from '../core/clock.ts';
import { systemIds } from '../core/ids.ts';
import type { Engine, Log } from '../core/ports.ts';
import { Timers } from '../core/timers.ts';
import type { DurableStore } from '../store/durable.ts';
import { StoreError } from '../store/errors.ts';
import { LmdbStore } from '../store/lmdb.ts';
import { MemoryStore } from '../store/memory.ts';
import { type Durability, Gate } from '../transports/gate.ts';
import type { Http } from '../transports/http.ts';
import type { Live } from '../transports/live.ts';
import { closeListener, listen, portOf, type TemplatedApp, type us_listen_socket } from '../transports/uws.ts';
import { assemble } from './assembly.ts';
import { buildEngines } from './engines.ts';
import { faults } from './faults.ts';
import type { Monitoring } from './monitoring.ts';
import type { Settings } from './settings.ts';

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
    const fault = faults(log, systemIds);
    const materials = { clock, timers, store, engines, accounts, door: accounts, gate, fault, log };
    const { app, http, live, monitor } = assemble(settings, materials);
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

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
