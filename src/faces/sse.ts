/**
 * Server-sent events: the push rows over plain HTTP, for clients without WebSockets.
 *
 * The first event is `connected` with the hello of the row, then each item is an unnamed event whose data is its JSON;
 * `end` says why a stream ended by itself. Items of a room carry their offset as id, so that a client that reconnects
 * with `Last-Event-ID` goes on behind it.
 */
import { Buffer } from 'node:buffer';
import type { Opener, Table } from '../commands/compile.ts';
import type { Context } from '../commands/context.ts';
import type { Item } from '../commands/define.ts';
import { CommandError } from '../core/errors.ts';
import type { Ids } from '../core/ids.ts';
import { print } from '../core/json.ts';
import type { Endpoint, Feed } from './endpoint.ts';
import { type Dress, type Frame, itemText, Listening, SLOT, textFrame } from './live.ts';
import { pathDecode, queryValue } from './query.ts';
import { jsonFailure } from './synap-rest.ts';
import { listed, offsetOf } from './synap-socket.ts';

/** A comment, which clients skip. */
const HEARTBEAT = Buffer.from(': \n\n');

const named = (name: string, data: unknown): Frame => textFrame(`event: ${name}\ndata: ${print(data)}\n\n`);

const offsetLine = (item: Item): string => {
  const { offset } = item.value;
  return offset === undefined ? '' : `id: ${offset}\n`;
};

const EVENTS: Dress = {
  hello: (value) => named('connected', value),
  item: (item) => (item.frames[SLOT.event] ??= textFrame(`${offsetLine(item)}data: ${itemText(item)}\n\n`)) as Frame,
  end: (error) => named('end', { error: error.message, code: error.code }),
};

/** The routes. `ids` names subscribers of rooms that do not name themselves. */
export function sseEndpoints(table: Table, ids: Ids): Endpoint[] {
  const row = (name: string): Opener => table.pushes.get(name) as Opener;
  const feed = (opener: Opener, context: Context, input: unknown): Feed => ({
    type: 'text/event-stream',
    heartbeat: HEARTBEAT,
    talk: new Listening(opener, context, input, EVENTS),
  });
  const pubsub = row('pubsub.listen');
  const watch = row('kv.watch');
  const room = row('stream.listen');
  const partition = row('topic.listen');
  const get = { method: 'GET', body: 'none', failure: jsonFailure } as const;
  return [
    {
      ...get,
      path: '/pubsub/sse',
      answer: (context, _params, query) => feed(pubsub, context, { topics: listed(query, 'topics', 'topic') }),
    },
    {
      ...get,
      path: '/kv/sse',
      answer: (context, _params, query) => feed(watch, context, { keys: listed(query, 'keys', 'key') }),
    },
    {
      ...get,
      path: '/stream/:room/sse',
      headers: ['last-event-id'],
      answer: (context, params, query, headers) =>
        feed(room, context, {
          room: pathDecode(params[0] ?? '', 'room'),
          subscriber_id: queryValue(query, 'subscriber_id') || ids.uuid(),
          from_offset: begin(headers, query),
        }),
    },
    {
      ...get,
      path: '/topics/:topic/partitions/:partition_id/sse',
      headers: ['last-event-id'],
      answer(context, params, query, headers) {
        const number = pathDecode(params[1] ?? '', 'partition_id');
        if (!/^\+?\d{1,15}$/.test(number)) throw new CommandError('PARTITION_NOT_FOUND', { partition: number });
        return feed(partition, context, {
          topic: pathDecode(params[0] ?? '', 'topic'),
          partition_id: Number(number),
          from_offset: begin(headers, query),
        });
      },
    },
  ];
}

/** Where to begin: behind what the client has seen, else where the query says. */
function begin(headers: unknown, query: string): ReturnType<typeof offsetOf> {
  return after((headers as readonly string[])[0] ?? '') ?? offsetOf(queryValue(query, 'from_offset'));
}

/** The offset behind the last one that a client has seen. */
function after(lastEventId: string): number | bigint | undefined {
  if (!/^\d{1,20}$/.test(lastEventId)) return undefined;
  const next = BigInt(lastEventId) + 1n;
  return next <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(next) : next;
}
