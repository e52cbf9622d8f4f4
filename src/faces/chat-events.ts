/**
 * `GET /v1/threads/{id}/events`: a thread as server-sent events, for whoever may read it.
 *
 * The first event is `connected`; each following one is named after its kind and has its place in the log of the thread
 * as id, so that a client that reconnects with `Last-Event-ID` goes on behind it.
 */
import { Buffer } from 'node:buffer';
import type { Opener } from '../commands/compile.ts';
import { actAs, type ChatPorts, reader, router } from './chat.ts';
import { goText, queryOf } from './chat-text.ts';
import type { Endpoint } from './endpoint.ts';
import { type Dress, Listening, textFrame } from './live.ts';

const HEARTBEAT = Buffer.from(': \n\n');

/** For whoever has seen something that no log has a place for: it is told to read anew, instead of missing what happened. */
const NOWHERE = Number.MAX_SAFE_INTEGER;

const EVENTS: Dress = {
  hello: (value) => textFrame(`event: connected\ndata: ${goText(value)}\n\n`),
  item: ({ value }) =>
    textFrame(`id: ${String(value['seq'])}\nevent: ${String(value['kind'])}\ndata: ${goText(value)}\n\n`),
  end: (error) => textFrame(`event: end\ndata: ${goText({ error: error.message })}\n\n`),
};

/** The route. */
export function chatEventEndpoints({ table, door }: ChatPorts): Endpoint[] {
  const listen = table.pushes.get('chat.listen') as Opener;
  return [
    router(door)('GET', '/v1/threads/:thread/events', 'user', (call) => {
      actAs(call, reader(call));
      const seen = call.guest.lastEvent || (queryOf(call.query, 'after') ?? '');
      const after = seen === '' ? undefined : /^\d{1,15}$/.test(seen) ? Number(seen) : NOWHERE;
      return {
        type: 'text/event-stream',
        heartbeat: HEARTBEAT,
        talk: new Listening(listen, call.context, { thread: call.params[0], after }, EVENTS),
      };
    }),
  ];
}
