/**
 * The four conversations of the Synap face (synap-core.md 2.5, 3.4, 4.4, 6.4 and section 7), as frames.
 *
 * Invariant: members stand in the order of the sheet; an item is printed once however many sockets receive it; what a
 * client sends runs through the same rows, and so the same permission checks, as a request.
 */
import type { Executable, Opener, Table } from '../commands/compile.ts';
import type { Context } from '../commands/context.ts';
import { CommandError } from '../core/errors.ts';
import { print, quote } from '../core/json.ts';
import { isObject } from './decode.ts';
import { type Conversation, type Dress, type Frame, Listening, Refused, SLOT, type Talk, textFrame } from './live.ts';
import { pathDecode, queryValue } from './query.ts';

type Members = Readonly<Record<string, unknown>>;

/** Bytes to JSON values; throws when they are none. */
export type ParseJson = (bytes: Uint8Array) => unknown;

/** Refusals that are answered to the upgrade request, because there they have a status; others are frames (section 7). */
const BEFORE_UPGRADE = new Set(['FORBIDDEN', 'UNAVAILABLE', 'INTERNAL', 'BAD_PATH', 'SYSTEM_DISABLED']);

/** The four conversations over these rows. */
export function conversations(table: Table, parse: ParseJson): Conversation[] {
  const row = (name: string): Opener => table.pushes.get(name) as Opener;
  const pubsub = row('pubsub.listen');
  const watch = row('kv.watch');
  const queue = row('queue.listen');
  const room = row('stream.listen');
  const acks = { ack: call(table, 'queue.ack'), nack: call(table, 'queue.nack') };
  return [
    {
      path: '/pubsub/ws',
      open: (context, _params, query) =>
        open(pubsub, context, { topics: listed(query, 'topics', 'topic') }, PUBLISHED, (error) => [
          textFrame(print({ error: error.message })),
        ]),
    },
    {
      path: '/kv/ws',
      open: (context, _params, query) =>
        open(watch, context, { keys: listed(query, 'keys', 'key') }, PUBLISHED, (error) => [
          textFrame(print({ error: error.message })),
        ]),
    },
    {
      path: '/queue/:queue/ws/:consumer_id',
      open(context, params, query) {
        const input = {
          queue: pathDecode(params[0] ?? '', 'name'),
          consumer_id: pathDecode(params[1] ?? '', 'consumer_id'),
          prefetch: prefetchOf(query),
        };
        const receive = acknowledgements(acks, input.queue, parse);
        return open(
          queue,
          context,
          input,
          DELIVERED,
          (error) => [connected(input.queue, input.consumer_id), failed(error)],
          receive,
        );
      },
    },
    {
      path: '/stream/:room/ws/:subscriber_id',
      open(context, params, query) {
        const input = {
          room: pathDecode(params[0] ?? '', 'room'),
          subscriber_id: pathDecode(params[1] ?? '', 'subscriber_id'),
          from_offset: offsetOf(queryValue(query, 'from_offset')),
        };
        return open(room, context, input, HAPPENED, (error) => [EVENTS.hello(input), failed(error)]);
      },
    },
  ];
}

function call(table: Table, name: string): Executable {
  return table.calls.get(name) as Executable;
}

/** Opens a row; what can only be told in frames becomes a talk of those frames. */
function open(
  opener: Opener,
  context: Context,
  input: Members,
  dress: Dress,
  refusal: (error: CommandError) => readonly Frame[],
  receive?: Talk['receive'],
): Talk {
  try {
    return new Listening(opener, context, input, dress, receive);
  } catch (error) {
    if (!(error instanceof CommandError) || BEFORE_UPGRADE.has(error.code)) throw error;
    return new Refused(refusal(error));
  }
}

/** The items of a comma-separated query parameter, the empty ones dropped; none left is a refusal (2.5, 6.4). */
export function listed(query: string, name: string, one: string): string[] {
  const items = (queryValue(query, name) ?? '').split(',').filter((item) => item !== '');
  if (items.length > 0) return items;
  const detail = `At least one ${one} required in query param: ?${name}=${one}1,${one}2`;
  throw new CommandError('BAD_HANDSHAKE', { detail });
}

/** `from_offset` of a query: what cannot be read counts as 0 (4.4); `earliest` and `latest` are ours (9-13). */
export function offsetOf(text: string | undefined): number | bigint | 'earliest' | 'latest' {
  if (text === 'earliest' || text === 'latest') return text;
  if (text === undefined || !/^\+?\d{1,20}$/.test(text)) return 0;
  const offset = BigInt(text.replace('+', ''));
  if (offset <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(offset);
  return offset < 2n ** 64n ? offset : 0;
}

function prefetchOf(query: string): number {
  const text = queryValue(query, 'prefetch');
  return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : 0;
}

/** `{"type":...}` in front of the members. */
const typed = (type: string, members: string): string => `{"type":"${type}",${members.slice(1)}`;

const failed = (error: CommandError): Frame =>
  textFrame(`{"type":"error","error":${quote(error.message.replace(/^Invalid request: /, ''))}}`);

const connected = (queue: string, consumer: string): Frame =>
  textFrame(`{"type":"connected","queue":${quote(queue)},"consumer_id":${quote(consumer)}}`);

/** The dress of items that are printed as this text, once for all who receive them. */
function dress(hello: (value: Members) => Frame, show: (value: Members) => string): Dress {
  return {
    hello,
    item: (item) => (item.frames[SLOT.conversation] ??= textFrame(show(item.value))) as Frame,
    end: failed,
  };
}

/** Printed by hand: this is the frame that is made most often. Its id is ours and needs no escapes. */
const PUBLISHED = dress(
  ({ subscriber_id, topics, subscription_count }) =>
    textFrame(typed('connected', print({ subscriber_id, topics, subscription_count }))),
  ({ message_id, topic, payload, metadata, timestamp, priority }) =>
    `{"type":"message","message_id":"${message_id}","topic":${quote(topic as string)},"payload":${print(payload)},` +
    `"metadata":${metadata === null ? 'null' : print(metadata)},"timestamp":${timestamp}` +
    `${priority === undefined ? '' : `,"priority":${priority}`}}`,
);

const DELIVERED = dress(
  ({ queue, consumer_id }) => connected(queue as string, consumer_id as string),
  ({ message_id, payload, priority, retry_count, created_at, headers }) =>
    typed('message', print({ message_id, payload, priority, retry_count, created_at, headers })),
);

const EVENTS = {
  hello: ({ room, subscriber_id, from_offset }: Members): Frame =>
    textFrame(typed('connected', print({ room, subscriber_id, from_offset }))),
};

const HAPPENED = dress(EVENTS.hello, ({ offset, event, data, timestamp }) =>
  typed('event', print({ offset, event, data, timestamp })),
);

/** Acknowledgements of a queue socket: no reply, and what fails or cannot be read is ignored (3.4). */
function acknowledgements(
  acks: { readonly ack: Executable; readonly nack: Executable },
  queue: string,
  parse: ParseJson,
): Talk['receive'] {
  return (context, bytes, binary) => {
    if (binary) return;
    try {
      const frame = parse(bytes);
      if (!isObject(frame)) return;
      const { command, message_id, requeue } = frame;
      if (typeof message_id !== 'string') return;
      if (command === 'ack') acks.ack.execute(context, { queue, message_id });
      else if (command === 'nack') acks.nack.execute(context, { queue, message_id, requeue: requeue !== false });
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
    }
  };
}
