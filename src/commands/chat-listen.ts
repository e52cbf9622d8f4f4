/**
 * `chat.listen`: what happens to a thread, from any place of its log on.
 */
import * as z from 'zod';
import type { Follower } from '../chat/feed.ts';
import type { ChatEvent } from '../chat/types.ts';
import { CommandError } from '../core/errors.ts';
import { Author, actorOf, MessageShape, messageShape, ThreadId, ThreadShape, threadShape } from './chat-shapes.ts';
import type { Context } from './context.ts';
import { type Emit, Item, push, type Stream } from './define.ts';
import { I64 } from './schemas.ts';

/** Events read at a time. */
const BATCH = 64;

function eventItem(event: ChatEvent): Item {
  const { seq, kind, thread, at, message, state } = event;
  return new Item({
    seq,
    kind,
    thread,
    at,
    ...(message === undefined ? {} : { message: messageShape(message) }),
    ...(state === undefined ? {} : { state: threadShape(state) }),
  });
}

/** Follows one thread: reads on whenever there is something to read and the receiver keeps up. */
class Following implements Stream {
  readonly hello: Stream['hello'];
  readonly #emit: Emit;
  readonly #follower: Follower;
  #read: ChatEvent[] = [];
  #paused = true;
  #ended = false;

  constructor(
    context: Context,
    thread: string,
    author: string | null | undefined,
    after: number | undefined,
    emit: Emit,
  ) {
    this.#emit = emit;
    this.hello = { thread };
    this.#follower = context.chat.follow(actorOf(context, author), thread, after, () => this.#pump());
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#pump();
  }

  close(): void {
    this.#ended = true;
    this.#follower.close();
  }

  #pump(): void {
    while (!this.#paused && !this.#ended) {
      if (this.#read.length === 0) this.#read = this.#follower.read(BATCH).reverse();
      const next = this.#read.pop();
      if (next === undefined) break;
      if (!this.#emit.item(eventItem(next))) this.#paused = true;
    }
    if (this.#ended || this.#read.length > 0) return;
    const why = this.#follower.ended;
    if (why === undefined) return;
    this.close();
    this.#emit.end(new CommandError(why));
  }
}

export const chatListen = push({
  name: 'chat.listen',
  id: 540,
  since: '0.1.0',
  summary: 'Receive what happens to a thread: new messages, edits, reactions, deletions, and changes of the thread.',
  notes:
    'An event says what changed and shows the state at the time of reading. `after` is the `seq` of the last event that was seen; without it the stream begins now. `reset` says that too much was missed, or that `after` is no place in the log: read the thread anew. Ends when the thread is deleted, and when the reader is no participant any more.',
  access: 'read',
  resource: (p) => `chat:${p.thread}`,
  effect: 'push',
  routes: ['GET /v1/threads/:thread/events'],
  input: z.object({ author: Author, thread: ThreadId, after: z.int().min(0).nullish() }),
  hello: z.object({ thread: z.string() }),
  item: z.object({
    seq: z.int().meta({ description: 'Place in the log of the thread, ascending.' }),
    kind: z.enum(['message', 'edit', 'reaction', 'delete', 'thread', 'reset']),
    thread: z.string(),
    at: I64.meta({ description: 'Unix nanoseconds.' }),
    message: MessageShape.optional(),
    state: ThreadShape.optional().meta({ description: 'The thread, for `thread` only.' }),
  }),
  errors: ['CHAT_THREAD_NOT_FOUND', 'CHAT_NOT_PARTICIPANT', 'LIMIT_REACHED'],
  example: {
    input: { author: 'ana', thread: 'trip' },
    hello: { thread: 'trip' },
    item: {
      seq: 2,
      kind: 'message',
      thread: 'trip',
      at: 1_790_000_000_000_000_000,
      message: {
        id: 'msg-1790000000000000000-2',
        thread: 'trip',
        author: 'ana',
        role: 'user',
        ts: 1_790_000_000_000_000_000,
        body: 'hi',
      },
    },
  },
  open: (context, p, emit) => new Following(context, p.thread, p.author, p.after ?? undefined, emit),
});
