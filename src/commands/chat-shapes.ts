/**
 * What the chat commands have in common: who acts, and how threads and messages are shown (progressdb.md 5.1, 5.2).
 *
 * Invariant: members stand in the order of the sheet, empty ones are left out, and texts that the engine keeps as JSON
 * are spliced in as they are.
 */
import * as z from 'zod';
import { textLiteral } from '../chat/json-text.ts';
import type { Actor, MessageView, Once, Reaction, ThreadView, Walk } from '../chat/types.ts';
import { CommandError } from '../core/errors.ts';
import { RawJson } from '../core/json.ts';
import { sliced } from '../core/slices.ts';
import type { Context } from './context.ts';
import { I64, Json, TextMap } from './schemas.ts';

// the chat face resolves authors from headers, which only it has
export { mustKeepAuthor, resolveAuthor } from '../chat/author.ts';

/** The fields of rows. */
export const Author = z
  .string()
  .nullish()
  .meta({ description: 'In whose name the call acts. The chat face resolves it; other faces take it from here.' });
export const ThreadId = z.string().meta({ description: 'Id of the thread.' });
export const MessageId = z.string().meta({ description: 'Id of the message.' });
export const Limit = z.int().min(0).nullish().meta({ description: 'Items of a page at most.' });
export const Before = z.string().nullish().meta({ description: 'Only what stands before this id.' });
export const After = z.string().nullish().meta({ description: 'Only what stands behind this id.' });
export const OnceKey = z
  .string()
  .nullish()
  .meta({ description: 'The same key again makes nothing new and answers what was made (24 hours).' });

export const ThreadShape = z.object({
  id: z.string(),
  title: z.string().optional(),
  author: z.string(),
  slug: z.string().optional(),
  created_ts: I64.meta({ description: 'Unix nanoseconds.' }),
  updated_ts: I64,
  deleted: z.boolean().optional(),
  deleted_ts: I64.optional(),
  metadata: Json.optional(),
  kms: z.object({ key_id: z.string() }).optional().meta({ description: 'For admins, when the thread is encrypted.' }),
});

export const MessageShape = z.object({
  id: z.string(),
  thread: z.string(),
  author: z.string().optional(),
  role: z.string().optional(),
  ts: I64.meta({ description: 'Unix nanoseconds of this version.' }),
  body: Json.optional(),
  reply_to: z.string().optional(),
  deleted: z.boolean().optional(),
  reactions: Json.optional().meta({ description: 'Identity to reaction.' }),
});

export const Reactions = TextMap.nullish().meta({ description: 'Identity to reaction.' });

/** A thread as it is answered. */
export function threadShape(thread: ThreadView): z.input<typeof ThreadShape> {
  return {
    id: thread.id,
    title: thread.title || undefined,
    author: thread.author,
    slug: thread.slug || undefined,
    created_ts: thread.created,
    updated_ts: thread.updated,
    deleted: thread.deleted || undefined,
    deleted_ts: thread.deletedAt === 0n ? undefined : thread.deletedAt,
    metadata: thread.metadata === '' ? undefined : new RawJson(thread.metadata),
    kms: thread.keyId === '' ? undefined : { key_id: thread.keyId },
  };
}

/** A message as it is answered. */
export function messageShape(message: MessageView): z.input<typeof MessageShape> {
  return {
    id: message.id,
    thread: message.thread,
    author: message.author || undefined,
    role: message.role || undefined,
    ts: message.ts,
    body: message.body === '' || message.body === 'null' ? undefined : new RawJson(message.body),
    reply_to: message.replyTo || undefined,
    deleted: message.deleted || undefined,
    reactions: message.reactions.length === 0 ? undefined : new RawJson(reactionsText(message.reactions)),
  };
}

/** As text, because an object would bring identities that look like numbers to the front. */
function reactionsText(reactions: readonly Reaction[]): string {
  return `{${reactions.map(({ id, reaction }) => `${textLiteral(id)}:${textLiteral(reaction)}`).join(',')}}`;
}

/**
 * Who acts: the one whom the chat face let in, else whoever may call commands, in the name that the call gives. When
 * chat has keys of its own and nobody is asked for other credentials, the other faces must not go around them.
 */
export function actorOf(context: Context, author: string | null | undefined): Actor {
  const { session, settings } = context;
  if (session.actor !== undefined) return session.actor;
  if (settings.chatKeyed === true) throw new CommandError('FORBIDDEN', { resource: 'chat', action: 'use' });
  return { role: session.admin ? 'admin' : 'backend', user: author ?? '' };
}

/** The idempotency key of a call, if it has one. */
export function onceOf(actor: Actor, key: string | null | undefined): Once | undefined {
  return key ? { scope: `${actor.role}:${actor.user}`, key } : undefined;
}

/** What a walk comes to; a promise when it takes longer than one slice. */
export function walked<T, R>(context: Context, walk: Walk<T>, show: (result: T) => R): R | Promise<R> {
  const going = sliced(context.clock, () => walk.step());
  return going === undefined ? show(walk.result()) : going.then(() => show(walk.result()));
}

/** Leaves out what is absent. */
export function cut(p: {
  readonly limit?: number | null | undefined;
  readonly before?: string | null | undefined;
  readonly after?: string | null | undefined;
}): { limit?: number; before?: string; after?: string } {
  return {
    ...(p.limit == null ? {} : { limit: p.limit }),
    ...(p.before ? { before: p.before } : {}),
    ...(p.after ? { after: p.after } : {}),
  };
}
