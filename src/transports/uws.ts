/**
 * The one import of uWebSockets.js.
 *
 * Invariant: nothing else in the tree names the package, so that another build of it can take its place by one line in
 * package.json. The header limit is read by the library from the environment while it loads, hence the dynamic import.
 */
import type {
  HttpRequest,
  HttpResponse,
  ListenOptions,
  TemplatedApp,
  us_listen_socket,
  us_socket_context_t,
  WebSocket,
} from 'uWebSockets.js';
import { LIMITS } from '../core/limits.ts';

process.env['UWS_HTTP_MAX_HEADERS_SIZE'] ??= String(LIMITS.headerBytes);

const uws = await import('uWebSockets.js').catch((error: unknown) => {
  const { arch, platform, version, versions } = process;
  throw new Error(
    `the HTTP transport has no binary for ${platform}-${arch}, Node ${version} (ABI ${versions.modules}): ` +
      'synapd runs on Node 20 and 22, glibc 2.27 or newer, and macOS; not on Alpine',
    { cause: error },
  );
});

export type { HttpRequest, HttpResponse, TemplatedApp, us_listen_socket, us_socket_context_t, WebSocket };
export const { App, SSLApp, us_listen_socket_close: closeListener, us_socket_local_port: portOf } = uws;

/** Refuses a port that somebody listens on; without it two servers share the port and each gets half of the requests. */
const EXCLUSIVE = 1 as ListenOptions.LIBUS_LISTEN_EXCLUSIVE_PORT;

/** Listens on one address, alone; `undefined` when the port is taken or not ours to take. */
export function listen(app: TemplatedApp, host: string, port: number): Promise<us_listen_socket | undefined> {
  // the typings lack the form with a host and options, which the library has
  const open = app.listen.bind(app) as unknown as (
    host: string,
    port: number,
    options: ListenOptions,
    done: (socket: us_listen_socket | false) => void,
  ) => void;
  return new Promise((resolve) =>
    open(host, port, EXCLUSIVE, (socket) => resolve(socket === false ? undefined : socket)),
  );
}
