/**
 * Commands of chat threads (progressdb.md 3.3).
 */
import * as z from 'zod';
import type { ThreadInput } from '../chat/types.ts';
import {
  After,
  Author,
  actorOf,
  Before,
  cut,
  Limit,
  OnceKey,
  onceOf,
  ThreadId,
  ThreadShape,
  threadShape,
  walked,
} from './chat-shapes.ts';
import { command } from './define.ts';
import { Done, Json } from './schemas.ts';

const chat = (p: { thread: string }): string => `chat:${p.thread}`;
const Metadata = z.record(z.string(), Json).nullish().meta({ description: 'A JSON object of at most 8 KiB.' });
const made = [{ command: 'chat.create_thread', input: { author: 'ana', title: 'Trip' }, save: { t: 'id', s: 'slug' } }];
const trip = { id: '{{t}}', title: 'Trip', author: 'ana', slug: '{{s}}', created_ts: 2e18, updated_ts: 2e18 };

type Said = { title?: string | null | undefined; metadata?: Readonly<Record<string, unknown>> | null | undefined };

const said = (p: Said): ThreadInput => ({
  ...(p.title ? { title: p.title } : {}),
  ...(p.metadata === undefined ? {} : { metadata: p.metadata }),
});

export const chatCreateThread = command({
  name: 'chat.create_thread',
  id: 500,
  since: '0.1.0',
  summary: 'Make a thread.',
  access: 'write',
  resource: () => 'chat:*',
  effect: 'write',
  input: z.object({ author: Author, title: z.string().nullish(), metadata: Metadata, idempotency_key: OnceKey }),
  output: ThreadShape,
  errors: ['CHAT_AUTHOR_REQUIRED', 'CHAT_INVALID', 'CHAT_ONCE_REUSED', 'LIMIT_REACHED'],
  example: { input: { author: 'ana', title: 'Trip' }, output: { ...trip, id: '{{id}}', slug: '{{slug}}' } },
  run(context, p) {
    const actor = actorOf(context, p.author);
    return threadShape(context.chat.createThread(actor, said(p), context.now, onceOf(actor, p.idempotency_key)));
  },
});

export const chatThread = command({
  name: 'chat.thread',
  id: 501,
  since: '0.1.0',
  summary: 'One thread.',
  access: 'read',
  resource: chat,
  effect: 'read',
  input: z.object({ author: Author, thread: ThreadId }),
  output: ThreadShape,
  errors: ['CHAT_THREAD_NOT_FOUND', 'CHAT_NOT_AUTHOR'],
  example: { before: made, input: { author: 'ana', thread: '{{t}}' }, output: trip },
  run: (context, p) => threadShape(context.chat.thread(actorOf(context, p.author), p.thread)),
});

export const chatUpdateThread = command({
  name: 'chat.update_thread',
  id: 502,
  since: '0.1.0',
  summary: 'Change the title or the metadata of a thread.',
  access: 'write',
  resource: chat,
  effect: 'write',
  input: z.object({ author: Author, thread: ThreadId, title: z.string().nullish(), metadata: Metadata }),
  output: ThreadShape,
  errors: ['CHAT_THREAD_NOT_FOUND', 'CHAT_NOT_AUTHOR', 'CHAT_INVALID'],
  example: {
    before: made,
    input: { author: 'ana', thread: '{{t}}', metadata: { k: 1 } },
    output: { ...trip, metadata: { k: 1 } },
  },
  run: (context, p) =>
    threadShape(context.chat.updateThread(actorOf(context, p.author), p.thread, said(p), context.now)),
});

export const chatDeleteThread = command({
  name: 'chat.delete_thread',
  id: 503,
  since: '0.1.0',
  summary: 'Soft-delete a thread; its messages stay until retention removes them.',
  access: 'delete',
  resource: chat,
  effect: 'write',
  input: z.object({ author: Author, thread: ThreadId }),
  output: z.object({ success: Done }),
  errors: ['CHAT_THREAD_NOT_FOUND', 'CHAT_NOT_AUTHOR', 'CHAT_AUTHOR_REQUIRED'],
  example: { before: made, input: { author: 'ana', thread: '{{t}}' }, output: { success: true } },
  run(context, p) {
    context.chat.deleteThread(actorOf(context, p.author), p.thread, context.now);
    return { success: true as const };
  },
});

const Threads = z.object({
  threads: z.array(ThreadShape),
  more: z.boolean().meta({ description: 'Whether the list goes on.' }),
});

export const chatThreads = command({
  name: 'chat.threads',
  id: 504,
  since: '0.1.0',
  summary: 'The threads of an author in the order of creation; deleted ones for admins only.',
  access: 'read',
  resource: () => 'chat:*',
  effect: 'read',
  input: z.object({
    author: Author,
    title: z.string().nullish().meta({ description: 'Part of the title, in any letter case.' }),
    slug: z.string().nullish(),
    limit: Limit,
    before: Before,
    after: After,
  }),
  output: Threads,
  errors: ['CHAT_BAD_CURSOR'],
  example: { before: made, input: { author: 'ana' }, output: { threads: [trip], more: false } },
  run(context, p) {
    const query = { title: p.title ?? '', slug: p.slug ?? '', ...cut(p) };
    return walked(context, context.chat.threads(actorOf(context, p.author), query), ({ threads, more }) => ({
      threads: threads.map(threadShape),
      more,
    }));
  },
});

export const chatAllThreads = command({
  name: 'chat.all_threads',
  id: 521,
  since: '0.1.0',
  summary: 'All threads in the order of creation.',
  access: 'admin',
  resource: () => 'admin:chat',
  effect: 'read',
  input: z.object({ limit: Limit, before: Before, after: After }),
  output: Threads,
  errors: ['CHAT_BAD_CURSOR'],
  example: { before: made, input: {}, output: { threads: [trip], more: false } },
  run(context, p) {
    actorOf(context, undefined);
    return walked(context, context.chat.allThreads(cut(p)), ({ threads, more }) => ({
      threads: threads.map(threadShape),
      more,
    }));
  },
});
