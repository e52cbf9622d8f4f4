/**
 * Who may do what (R11 to R18).
 *
 * Invariant: admins may do everything that can be done, under the name that it belongs to; a trusted caller that names nobody reads like the reference's
 * backends; everybody else is held to its user. Refusals are the reference's texts.
 */
import { CommandError, type ErrorCode } from '../core/errors.ts';
import type { Message } from './message.ts';
import type { Thread } from './thread.ts';
import type { Actor } from './types.ts';

/** Whether the caller holds a secret key, and so answers for itself. */
export const trusted = (actor: Actor): boolean => actor.role !== 'frontend';

const isAdmin = (actor: Actor): boolean => actor.role === 'admin';
const refuse = (code: ErrorCode): never => {
  throw new CommandError(code);
};

/** Refuses to write in nobody's name. */
export function mustBeNamed(actor: Actor): void {
  if (actor.user === '') refuse('CHAT_AUTHOR_REQUIRED');
}

/** Whether a soft-deleted thread is none for this actor. */
export const hides = (thread: Thread, actor: Actor): boolean => thread.deletedAt !== 0n && !isAdmin(actor);

/** Refuses everybody but the thread's author and admins (R17, R18). */
export function mustOwnThread(actor: Actor, thread: Thread): void {
  if (!isAdmin(actor) && actor.user !== thread.author) refuse('CHAT_NOT_AUTHOR');
}

/** Whether the actor may read what is written in a thread, as long as it is there (R13, R15). */
export const mayRead = (actor: Actor, thread: Thread): boolean =>
  isAdmin(actor) || (trusted(actor) && actor.user === '') || thread.knows(actor.user);

/** Refuses a reader of a thread's messages (R13, R15). */
export function mustRead(actor: Actor, thread: Thread): void {
  if (hides(thread, actor)) refuse('CHAT_THREAD_NOT_FOUND');
  if (!mayRead(actor, thread)) refuse('CHAT_NOT_PARTICIPANT');
}

/** Refuses a writer of a new message (R12). */
export function mustPost(actor: Actor, thread: Thread, open: boolean): void {
  mustBeWritable(actor, thread);
  if (!trusted(actor) && !open && !thread.knows(actor.user)) refuse('CHAT_NOT_THREAD_AUTHOR');
}

/** Refuses to change a deleted thread (section 10, 2). */
export function mustBeWritable(actor: Actor, thread: Thread): void {
  if (hides(thread, actor)) refuse('CHAT_THREAD_DELETED');
}

/** Refuses a reader of one message (R14), admins too when they name somebody. */
export function mustReadMessage(actor: Actor, message: Message): void {
  if (trusted(actor) && actor.user === '') return;
  if (actor.user !== message.author && !message.thread.knows(actor.user)) refuse('CHAT_NOT_AUTHOR');
}

/** Refuses everybody but the author of a message's first version (R14). */
export function mustOwnMessage(actor: Actor, message: Message): void {
  if (actor.user === '' || actor.user !== message.author) refuse('CHAT_NOT_AUTHOR');
}

/** Refuses everybody but the author of a message and admins (R14). */
export function mustDeleteMessage(actor: Actor, message: Message): void {
  if (!isAdmin(actor)) mustOwnMessage(actor, message);
}

/** Refuses a frontend reader of versions and reactions; trusted callers answer for themselves (R16). */
export function mustSeeHistory(actor: Actor, message: Message): void {
  if (!trusted(actor)) mustReadMessage(actor, message);
}

/** Refuses a frontend user who reacts for somebody else or where it has no access (R16). */
export function mustReactAs(actor: Actor, message: Message, identity: string): void {
  if (trusted(actor)) return;
  mustReadMessage(actor, message);
  if (identity !== actor.user) refuse('CHAT_NOT_REACTOR');
}
