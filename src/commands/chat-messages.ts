/**
 * Commands of chat messages (progressdb.md 3.4 to 3.7).
 */
import * as z from 'zod';
import type { MessageInput, MessagePatch } from '../chat/types.ts';
import {
  After,
  Author,
  actorOf,
  Before,
  cut,
  Limit,
  MessageId,
  MessageShape,
  messageShape,
  OnceKey,
  onceOf,
  Reactions,
  ThreadId,
  walked,
} from './chat-shapes.ts';
import { command } from './define.ts';
import { Done, I64, Json, Switch } from './schemas.ts';

const chat = (p: { thread?: string | null | undefined }): string => `chat:${p.thread ?? '*'}`;
const Anywhere = ThreadId.nullish().meta({ description: 'Id of the thread; absent: wherever the message is.' });
const posted = [
  {
    command: 'chat.create_message',
    input: { author: 'ana', thread: 'trip', body: { text: 'hi' } },
    save: { m: 'id' },
  },
];
const hi = { id: '{{m}}', thread: 'trip', author: 'ana', role: 'user', ts: 2e18, body: { text: 'hi' } };
const here = { author: 'ana', thread: 'trip', message: '{{m}}' };
const one = ['CHAT_MESSAGE_NOT_FOUND', 'CHAT_MESSAGE_ELSEWHERE', 'CHAT_NOT_AUTHOR'] as const;

export const chatCreateMessage = command({
  name: 'chat.create_message',
  id: 505,
  since: '0.1.0',
  summary: 'Post a message; an unknown thread is made.',
  access: 'write',
  resource: chat,
  effect: 'write',
  input: z.object({
    author: Author,
    thread: z.string().nullish().meta({ description: 'Id of the thread; empty: a new one.' }),
    body: Json.optional(),
    role: z.string().nullish().meta({ description: 'Default `user`.' }),
    ts: I64.nullish().meta({ description: 'Unix nanoseconds; default now.' }),
    reply_to: z.string().nullish(),
    deleted: Switch,
    reactions: Reactions,
    idempotency_key: OnceKey,
  }),
  output: MessageShape,
  errors: [
    'CHAT_AUTHOR_REQUIRED',
    'CHAT_THREAD_NOT_FOUND',
    'CHAT_THREAD_DELETED',
    'CHAT_NOT_THREAD_AUTHOR',
    'CHAT_INVALID',
    'CHAT_ONCE_REUSED',
    'LIMIT_REACHED',
  ],
  example: { input: { author: 'ana', thread: 'trip', body: { text: 'hi' } }, output: { ...hi, id: '{{id}}' } },
  run(context, p) {
    const actor = actorOf(context, p.author);
    const input: MessageInput = {
      body: p.body,
      role: p.role ?? '',
      ts: BigInt(p.ts ?? 0),
      replyTo: p.reply_to ?? '',
      deleted: p.deleted ?? false,
      reactions: p.reactions ?? null,
    };
    const once = onceOf(actor, p.idempotency_key);
    return messageShape(context.chat.createMessage(actor, p.thread ?? '', input, context.now, once));
  },
});

export const chatMessage = command({
  name: 'chat.message',
  id: 506,
  since: '0.1.0',
  summary: 'One message in its newest version.',
  access: 'read',
  resource: chat,
  effect: 'read',
  input: z.object({ author: Author, thread: Anywhere, message: MessageId }),
  output: MessageShape,
  errors: one,
  example: { before: posted, input: here, output: hi },
  run: (context, p) => messageShape(context.chat.message(actorOf(context, p.author), p.thread ?? undefined, p.message)),
});

export const chatEditMessage = command({
  name: 'chat.edit_message',
  id: 507,
  since: '0.1.0',
  summary: 'Edit a message: what is absent stays, `null` clears.',
  access: 'write',
  resource: chat,
  effect: 'write',
  input: z.object({
    author: Author,
    thread: Anywhere,
    message: MessageId,
    body: Json.optional(),
    role: z.string().nullish(),
    reply_to: z.string().nullish(),
    deleted: Switch,
    reactions: Reactions,
  }),
  output: MessageShape,
  errors: [...one, 'CHAT_THREAD_DELETED', 'CHAT_INVALID', 'LIMIT_REACHED'],
  example: { before: posted, input: { ...here, body: 'hello' }, output: { ...hi, body: 'hello' } },
  run(context, p) {
    const patch: MessagePatch = {
      ...(p.body === undefined ? {} : { body: p.body }),
      ...(p.role === undefined ? {} : { role: p.role }),
      ...(p.reply_to === undefined ? {} : { replyTo: p.reply_to }),
      ...(p.reactions === undefined ? {} : { reactions: p.reactions }),
      deleted: p.deleted ?? false,
    };
    const { chat: engine, now } = context;
    return messageShape(engine.editMessage(actorOf(context, p.author), p.thread ?? undefined, p.message, patch, now));
  },
});

export const chatDeleteMessage = command({
  name: 'chat.delete_message',
  id: 508,
  since: '0.1.0',
  summary: 'Soft-delete a message; its versions stay until retention removes them.',
  access: 'delete',
  resource: chat,
  effect: 'write',
  input: z.object({ author: Author, thread: Anywhere, message: MessageId }),
  output: z.object({ success: Done }),
  errors: [...one, 'LIMIT_REACHED'],
  example: { before: posted, input: here, output: { success: true } },
  run(context, p) {
    context.chat.deleteMessage(actorOf(context, p.author), p.thread ?? undefined, p.message, context.now);
    return { success: true as const };
  },
});

export const chatMessages = command({
  name: 'chat.messages',
  id: 509,
  since: '0.1.0',
  summary: 'The most recent messages of a thread, or those next to a cursor; ascending.',
  access: 'read',
  resource: chat,
  effect: 'read',
  input: z.object({
    author: Author,
    thread: ThreadId,
    limit: Limit,
    before: Before,
    after: After,
    include_deleted: Switch,
    sort_by: z.enum(['created', 'ts']).nullish().meta({ description: 'Default `created`.' }),
  }),
  output: z.object({ thread: z.string(), messages: z.array(MessageShape), more: z.boolean() }),
  errors: ['CHAT_THREAD_NOT_FOUND', 'CHAT_NOT_PARTICIPANT', 'CHAT_BAD_CURSOR'],
  example: {
    before: posted,
    input: { author: 'ana', thread: 'trip' },
    output: { thread: 'trip', messages: [hi], more: false },
  },
  run(context, p) {
    const query = { ...cut(p), includeDeleted: p.include_deleted ?? false, sortBy: p.sort_by ?? 'created' };
    const page = context.chat.messages(actorOf(context, p.author), p.thread, query);
    return { thread: page.thread, messages: page.messages.map(messageShape), more: page.more };
  },
});

export const chatVersions = command({
  name: 'chat.versions',
  id: 510,
  since: '0.1.0',
  summary: 'The versions of a message, oldest first.',
  access: 'read',
  resource: chat,
  effect: 'read',
  input: z.object({
    author: Author,
    thread: Anywhere,
    message: MessageId,
    after: z.int().min(0).nullish().meta({ description: 'Only versions behind this number.' }),
    limit: Limit,
  }),
  output: z.object({
    id: z.string(),
    versions: z.array(MessageShape),
    next: z.int().nullable().meta({ description: '`after` of the next page; null when there is none.' }),
  }),
  errors: one,
  example: { before: posted, input: here, output: { id: '{{m}}', versions: [hi], next: null } },
  run(context, p) {
    const from = { ...(p.after == null ? {} : { after: p.after }), ...(p.limit == null ? {} : { limit: p.limit }) };
    const page = context.chat.versions(actorOf(context, p.author), p.thread ?? undefined, p.message, from);
    const last = page.versions[page.versions.length - 1];
    return {
      id: page.id,
      versions: page.versions.map(messageShape),
      next: page.more && last !== undefined ? last.version : null,
    };
  },
});

const Reaction = z.object({ id: z.string(), reaction: z.string() });

export const chatReactions = command({
  name: 'chat.reactions',
  id: 511,
  since: '0.1.0',
  summary: 'The reactions of a message.',
  access: 'read',
  resource: chat,
  effect: 'read',
  input: z.object({ author: Author, thread: Anywhere, message: MessageId }),
  output: z.object({ id: z.string(), reactions: z.array(Reaction) }),
  errors: one,
  example: { before: posted, input: here, output: { id: '{{m}}', reactions: [] } },
  run(context, p) {
    const reactions = context.chat.reactions(actorOf(context, p.author), p.thread ?? undefined, p.message);
    return { id: p.message, reactions: reactions.map(({ id, reaction }) => ({ id, reaction })) };
  },
});

const reacting = [...one, 'CHAT_REACTION_MISSING', 'CHAT_NOT_REACTOR', 'CHAT_THREAD_DELETED', 'LIMIT_REACHED'] as const;

export const chatReact = command({
  name: 'chat.react',
  id: 512,
  since: '0.1.0',
  summary: 'Set the reaction of an identity to a message.',
  access: 'write',
  resource: chat,
  effect: 'write',
  input: z.object({ author: Author, thread: Anywhere, message: MessageId, id: z.string(), reaction: z.string() }),
  output: MessageShape,
  errors: [...reacting, 'CHAT_INVALID'],
  example: {
    before: posted,
    input: { ...here, id: 'ben', reaction: 'like' },
    output: { ...hi, reactions: { ben: 'like' } },
  },
  run(context, p) {
    const { chat: engine, now } = context;
    const change = { id: p.id, reaction: p.reaction };
    return messageShape(engine.react(actorOf(context, p.author), p.thread ?? undefined, p.message, change, now));
  },
});

export const chatUnreact = command({
  name: 'chat.unreact',
  id: 513,
  since: '0.1.0',
  summary: 'Take the reaction of an identity away, if there is one.',
  access: 'write',
  resource: chat,
  effect: 'write',
  input: z.object({ author: Author, thread: Anywhere, message: MessageId, id: z.string() }),
  output: z.object({ success: Done }),
  errors: reacting,
  example: { before: posted, input: { ...here, id: 'ben' }, output: { success: true } },
  run(context, p) {
    context.chat.unreact(actorOf(context, p.author), p.thread ?? undefined, p.message, p.id, context.now);
    return { success: true as const };
  },
});

export const chatSearch = command({
  name: 'chat.search',
  id: 514,
  since: '0.1.0',
  summary: 'Messages of a thread whose texts hold all words, the newest first.',
  access: 'read',
  resource: chat,
  effect: 'read',
  input: z.object({ author: Author, thread: ThreadId, text: z.string(), limit: Limit, before: Before }),
  output: z.object({
    thread: z.string(),
    messages: z.array(MessageShape),
    next: z
      .string()
      .nullable()
      .meta({ description: '`before` of the next call; null at the beginning of the thread.' }),
  }),
  errors: ['CHAT_THREAD_NOT_FOUND', 'CHAT_NOT_PARTICIPANT', 'CHAT_BAD_CURSOR', 'CHAT_INVALID'],
  example: {
    before: posted,
    input: { author: 'ana', thread: 'trip', text: 'HI' },
    output: { thread: 'trip', messages: [hi], next: null },
  },
  run(context, p) {
    const { before, limit } = cut(p);
    const query = {
      text: p.text,
      ...(before === undefined ? {} : { before }),
      ...(limit === undefined ? {} : { limit }),
    };
    return walked(context, context.chat.search(actorOf(context, p.author), p.thread, query), (page) => ({
      thread: page.thread,
      messages: page.messages.map(messageShape),
      next: page.next || null,
    }));
  },
});
