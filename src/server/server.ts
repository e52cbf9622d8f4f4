/**
 * The only place that knows every part: builds the engines, the table, the faces and the transports, and takes them
 * down again.
 *
 * Invariant: nothing is global, so two servers fit into one process; a server listens only once its engines are restored.
 */
import { type AccountOptions, Accounts } from '../auth/accounts.ts';
import { compile } from '../commands/compile.ts';
import type { Context } from '../commands/context.ts';
import { COMMANDS } from '../commands/index.ts';
import { systemClock } from '../core/clock.ts';
import { CommandError } from '../core/errors.ts';
import { systemIds } from '../core/ids.ts';
import type { Log } from '../core/ports.ts';
import { Timers } from '../core/timers.ts';
import { commandEndpoint } from '../faces/synap-command.ts';
import { jsonFailure, restEndpoints } from '../faces/synap-rest.ts';
import { MemoryStore } from '../store/memory.ts';
import { Http } from '../transports/http.ts';
import { App, closeListener, listen, portOf, type TemplatedApp, type us_listen_socket } from '../transports/uws.ts';
import { parseJson } from '../wire/json.ts';
import { documents } from './documents.ts';
import { buildEngines } from './engines.ts';
import { faults } from './faults.ts';
import { type Monitoring, monitoring } from './monitoring.ts';
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
    const store = new MemoryStore();
    const engines = buildEngines(settings, { store, timers, ids: systemIds, clock });
    const accounts = await Accounts.open(who, clock);
    const context: Context = {
      clock,
      ...engines,
      settings: {
        allowFlush: settings['kv_store.allow_flush_commands'],
        maxValueBytes: settings['kv_store.max_value_size_bytes'] || Number.POSITIVE_INFINITY,
      },
      isJson,
      session: { admin: false, allows: () => false },
      now: clock.now(),
      cancel: undefined,
    };
    const monitor = monitoring(
      settings,
      COMMANDS.map((row) => row.name),
      { ...engines, store, accounts, clock, timers },
    );
    const table = compile(COMMANDS, [], monitor.meter, { refusal: () => store.writable() });
    const fault = faults(log, systemIds);
    const http = new Http({
      context,
      door: accounts,
      fault,
      served: monitor.served,
      bodyBytes: settings['server.max_body_bytes'],
      failure: (_path, error) => jsonFailure(error),
    });
    const app = App();
    http.mount(app, [
      ...restEndpoints(table.calls),
      commandEndpoint(table.calls, fault),
      ...monitor.endpoints,
      ...documents(),
    ]);
    await store.restoreInto(Object.values(engines), clock.now());
    monitor.restored();
    const host = settings['server.host'];
    const socket = await listen(app, host, settings['server.port']);
    if (socket === undefined) {
      timers.stop();
      throw new StartError(`cannot listen on ${host}:${settings['server.port']}: the port is in use, or not permitted`);
    }
    return new Server({ app, socket, http, timers, store, monitor, log, settings }, host, portOf(socket));
  }

  /** Stops listening, lets requests under way end (`server.drain_ms_max` at most), and closes everything. */
  stop(): Promise<void> {
    this.#stopping ??= this.#drain();
    return this.#stopping;
  }

  async #drain(): Promise<void> {
    const { app, socket, http, timers, store, monitor, log, settings } = this.#parts;
    monitor.stopping();
    closeListener(socket);
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
  readonly timers: Timers;
  readonly store: MemoryStore;
  readonly monitor: Monitoring;
  readonly log: Log;
  readonly settings: Settings;
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
