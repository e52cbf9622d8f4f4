/**
 * The parts of a server put together, up to the moment at which it may listen.
 *
 * Invariant: nothing here restores, listens or reads the clock of the machine, so that tests can put the same parts
 * together over a clock, a door and a gate of their own.
 */
import { stringify } from 'yaml';
import type { Accounts } from '../auth/accounts.ts';
import { compile, type Table } from '../commands/compile.ts';
import type { Context, Engines } from '../commands/context.ts';
import type { Command, PushCommand } from '../commands/define.ts';
import { COMMANDS } from '../commands/index.ts';
import { PUSHES } from '../commands/live.ts';
import type { Clock } from '../core/clock.ts';
import { CommandError, invalidRequest } from '../core/errors.ts';
import { systemIds } from '../core/ids.ts';
import type { Log } from '../core/ports.ts';
import type { Timers } from '../core/timers.ts';
import { chatEndpoints } from '../faces/chat.ts';
import { chatAdminEndpoints } from '../faces/chat-admin.ts';
import { ChatDoor } from '../faces/chat-door.ts';
import { chatEventEndpoints } from '../faces/chat-events.ts';
import { chatOpenapi, chatPages } from '../faces/chat-pages.ts';
import type { Endpoint, Reply } from '../faces/endpoint.ts';
import { commandEndpoint } from '../faces/synap-command.ts';
import { jsonFailure, restEndpoints } from '../faces/synap-rest.ts';
import type { DurableStore } from '../store/durable.ts';
import type { Gate } from '../transports/gate.ts';
import { Http } from '../transports/http.ts';
import { Live } from '../transports/live.ts';
import type { Doorkeeper } from '../transports/session.ts';
import { App, SSLApp, type TemplatedApp } from '../transports/uws.ts';
import { parseJson } from '../wire/json.ts';
import { backupsInto } from './backups.ts';
import { chatLocks } from './chat-locks.ts';
import { hasChatKeys } from './chat-options.ts';
import { documents } from './documents.ts';
import { type Monitoring, monitoring } from './monitoring.ts';
import type { Settings } from './settings.ts';
import { tlsFiles } from './settings-tls.ts';
import { VERSION } from './version.ts';

/** What a server is put together from. */
export interface Materials {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly store: DurableStore;
  readonly engines: Engines;
  readonly accounts: Accounts;
  /** Decides who is calling; the accounts, but in tests. */
  readonly door: Doorkeeper;
  /** Where answers to writes wait for the disk; absent in a server that keeps nothing. */
  readonly gate: Gate | undefined;
  /** Logs what is not a `CommandError` and gives the error to show. */
  readonly fault: (error: unknown) => CommandError;
  readonly log: Log;
}

/** A server that does not listen yet. */
export interface Assembly {
  readonly app: TemplatedApp;
  readonly context: Context;
  readonly table: Table;
  readonly http: Http;
  readonly live: Live;
  readonly monitor: Monitoring;
}

/** Puts the parts together and mounts every route. */
export function assemble(settings: Settings, materials: Materials): Assembly {
  const { clock, timers, store, engines, accounts, door, gate, fault, log } = materials;
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
  const { served } = monitor;
  const failure = (_path: string, error: CommandError): Reply => jsonFailure(error);
  const live = new Live({ context, door, fault, timers, served, failure, table, ids: systemIds, gate });
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
  const http = new Http({ context, door, fault, served, bodyBytes, failure, gate, feeds, territory });
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
  return { app, context, table, http, live, monitor };
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
