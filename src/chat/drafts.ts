/**
 * What clients send, turned into what is written: defaults, caps, rules, and who may speak for whom.
 *
 * Invariant: nothing is written before everything about it has been checked (section 10, 19).
 */
import { CommandError } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';
import { trusted } from './access.ts';
import { jsonText } from './json-text.ts';
import type { Draft, Message } from './message.ts';
import { fromObject, NO_REACTIONS, reactionOf, sameReactions, withReaction } from './reactions.ts';
import type { Actor, MessageInput, MessagePatch, Reaction, ThreadInput } from './types.ts';
import { type ValidationRules, violations } from './validation.ts';

const TS_MIN = -(2n ** 63n);
const TS_END = 2n ** 63n;

const invalid = (detail: string): CommandError => new CommandError('CHAT_INVALID', { detail });

/** Refuses a text that is too long. Errors: CHAT_INVALID. */
export function mustFit(what: string, text: string, most: number = LIMITS.chatNameBytes): void {
  if (text.length * 3 > most && Buffer.byteLength(text) > most) throw invalid(`${what} too long`);
}

/** Metadata as it is kept; `undefined` when the input says nothing about it (R22). Errors: CHAT_INVALID. */
export function metadataText(input: ThreadInput): string | undefined {
  if (input.metadata === undefined) return undefined;
  if (input.metadata === null) return '';
  const text = jsonText(input.metadata);
  mustFit('metadata', text, LIMITS.chatMetadataBytes);
  return text;
}

/** What rules look at. */
export interface Subject {
  readonly id: string;
  readonly thread: string;
  readonly author: string;
}

/** The first version of a message. Errors: CHAT_INVALID. */
export function firstDraft(
  actor: Actor,
  input: MessageInput,
  subject: Subject,
  rules: ValidationRules | undefined,
): Draft {
  const role = input.role || 'user';
  const ts = input.ts ?? 0n;
  if (ts < TS_MIN || ts >= TS_END) throw invalid('ts out of range');
  const { body } = input;
  if (rules !== undefined || body === undefined || body === null) mustObey(rules, { ...subject, role, ts, body });
  mustFit('role', role);
  mustFit('reply_to', input.replyTo ?? '');
  const sent = mustFitReactions(fromObject(input.reactions ?? {}));
  const reactions = trusted(actor) ? sent : onlyOwn(actor, NO_REACTIONS, sent);
  return {
    ts,
    kind: 'message',
    role,
    body: jsonText(input.body),
    replyTo: input.replyTo ?? '',
    deleted: input.deleted ?? false,
    reacted: reactions.length === 0 ? undefined : reactions,
  };
}

/** The next version of a message by an edit (R7). Errors: CHAT_INVALID. */
export function editDraft(
  actor: Actor,
  message: Message,
  patch: MessagePatch,
  rules: ValidationRules | undefined,
): Draft {
  const { newest } = message;
  const role = patch.role === undefined ? newest.role : (patch.role ?? '');
  const replyTo = patch.replyTo === undefined ? newest.replyTo : (patch.replyTo ?? '');
  if (rules !== undefined || patch.body === null) {
    const body: unknown = patch.body === undefined ? JSON.parse(newest.body) : patch.body;
    const { id, author, thread } = message;
    mustObey(rules, { id, thread: thread.id, author, role, ts: newest.ts, body });
  }
  mustFit('role', role);
  mustFit('reply_to', replyTo);
  const deleted = patch.deleted ?? false;
  return {
    ts: 0n,
    kind: deleted ? 'delete' : 'edit',
    role,
    body: patch.body === undefined ? newest.body : jsonText(patch.body),
    replyTo,
    deleted,
    reacted: editedReactions(actor, message, patch),
  };
}

function editedReactions(actor: Actor, message: Message, patch: MessagePatch): readonly Reaction[] | undefined {
  if (patch.reactions === undefined) return undefined;
  const sent = mustFitReactions(fromObject(patch.reactions ?? {}));
  const next = trusted(actor) ? sent : onlyOwn(actor, message.reactions, sent);
  return sameReactions(message.reactions, next) ? undefined : next;
}

/** A signed user speaks for itself only: of what it sends, its own reaction counts, and those of others stay (R16). */
function onlyOwn(actor: Actor, there: readonly Reaction[], sent: readonly Reaction[]): readonly Reaction[] {
  return withReaction(there, { id: actor.user, reaction: reactionOf(sent, actor.user) });
}

function mustFitReactions(list: readonly Reaction[]): readonly Reaction[] {
  if (list.length > LIMITS.chatReactions) throw invalid('too many reactions');
  for (const { id, reaction } of list) {
    mustFit('reaction id', id);
    mustFit('reaction', reaction);
  }
  return list;
}

/** Refuses a message without a body, and one that breaks a rule. */
function mustObey(rules: ValidationRules | undefined, subject: Readonly<Record<string, unknown>>): void {
  const broken = subject['body'] === undefined || subject['body'] === null ? ['body is required'] : [];
  if (rules !== undefined) broken.push(...violations(rules, subject));
  if (broken.length > 0) throw invalid(broken.join('; '));
}
