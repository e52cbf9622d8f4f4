/**
 * Everything that keeps talking: the WebSocket conversations, `/ws`, and server-sent events, put together.
 *
 * Order for a server: `new Live`, give `feeds` to `Http`, `endpoints` to `Http.mount`, then `mount`; `closeAll` at the end.
 */
import type { Table } from '../commands/compile.ts';
import type { Ids } from '../core/ids.ts';
import { duplex } from '../faces/duplex.ts';
import type { Endpoint } from '../faces/endpoint.ts';
import type { Conversation } from '../faces/live.ts';
import { sseEndpoints } from '../faces/sse.ts';
import { conversations } from '../faces/synap-socket.ts';
import { decodeText, parseJson } from '../wire/json.ts';
import { packed, unpacked } from '../wire/msgpack.ts';
import { Feeds } from './feeds.ts';
import type { Gate } from './gate.ts';
import { Flusher } from './outgoing.ts';
import type { TemplatedApp } from './uws.ts';
import { type SocketPorts, Sockets } from './websocket.ts';

/** What live conversations need of the server. */
export interface LivePorts extends SocketPorts {
  readonly table: Table;
  readonly ids: Ids;
  /** Where answers to writes wait for the disk; absent in a server that keeps nothing. */
  readonly gate?: Gate | undefined;
}

export class Live {
  readonly feeds: Feeds;
  readonly endpoints: readonly Endpoint[];
  readonly #flusher: Flusher;
  readonly #pubsub: LivePorts['context']['pubsub'];
  readonly #sockets: Sockets;
  readonly #conversations: readonly Conversation[];

  constructor(ports: LivePorts) {
    const { context, fault, gate, ids, table, timers } = ports;
    const { pubsub } = context;
    const flusher = new Flusher(fault, () => pubsub.deliver());
    pubsub.defer(() => flusher.due());
    this.#flusher = flusher;
    this.#pubsub = pubsub;
    const parse = (bytes: Uint8Array): unknown => parseJson(decodeText(bytes));
    this.#sockets = new Sockets(ports, flusher);
    this.feeds = new Feeds(context.clock, timers, flusher, fault);
    this.#conversations = [
      ...conversations(table, parse),
      duplex({ table, fault, gate, parse, packed, unpacked, clock: context.clock }),
    ];
    this.endpoints = [...this.#sockets.endpoints(this.#conversations), ...sseEndpoints(table, ids)];
  }

  /** Open sockets and open feeds, for metrics. */
  get counts(): { readonly sockets: number; readonly feeds: number } {
    return { sockets: this.#sockets.count, feeds: this.feeds.count };
  }

  /** Mounts the WebSocket routes. Call once, before listening. */
  mount(app: TemplatedApp): void {
    this.#sockets.mount(app, this.#conversations);
  }

  /**
   * Tells everybody to go (1001), after what is already on its way; also those who come from now on. When it returns, all
   * that do not lag behind have been told, so the listener may be closed.
   */
  closeAll(reason: string): void {
    this.#pubsub.deliver(); // what was published before is not lost by closing
    this.#sockets.closeAll(reason);
    this.feeds.closeAll(reason);
    this.#flusher.flush();
  }
}
