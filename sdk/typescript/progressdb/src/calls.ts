/**
 * The calls of `/v1`, for whoever the headers say; both clients are made of them.
 *
 * Invariant: what a method answers has the shape that it says, or it throws: no empty value stands for a missing answer.
 */
import { unexpected } from './errors.ts';
import { type Credentials, ThreadEvents } from './events.ts';
import { path, query, type Who } from './request.ts';
import type { Transport } from './transport.ts';
import type {
  Message,
  MessageInput,
  MessagePage,
  MessageQuery,
  MessageReactions,
  MessageVersions,
  ReactionInput,
  SearchPage,
  SearchQuery,
  Thread,
  ThreadInput,
  ThreadQuery,
  Timestamps,
  UserSignature,
} from './types.ts';

/** A JSON object; throws for anything else. */
export function record<R>(answer: unknown, what: string): R {
  if (typeof answer === 'object' && answer !== null && !Array.isArray(answer)) return answer as R;
  throw unexpected(what, answer);
}

/** An object with a list in `name`; `null`, which ProgressDB sends for an empty one, becomes empty. */
const holding =
  (name: string) =>
  <R>(answer: unknown, what: string): R => {
    const members = record<Record<string, unknown>>(answer, what);
    if (members[name] === null) members[name] = [];
    if (!Array.isArray(members[name])) throw unexpected(what, answer);
    return members as R;
  };
const messagesIn = holding('messages');
const threadsIn = holding('threads');
const versionsIn = holding('versions');
const reactionsIn = holding('reactions');

/** Something with an id: a thread or a message. */
function item<R>(answer: unknown, what: string): R {
  const members = record<{ id?: unknown }>(answer, what);
  if (typeof members.id !== 'string') throw unexpected(what, answer);
  return members as R;
}

function signed(answer: unknown, what: string): UserSignature {
  const { userId, signature } = record<Partial<UserSignature>>(answer, what);
  if (typeof userId !== 'string' || typeof signature !== 'string') throw unexpected(what, answer);
  return { userId, signature };
}

const nothing = (): void => undefined;

export class Calls<T extends Timestamps> {
  readonly transport: Transport;

  constructor(transport: Transport) {
    this.transport = transport;
  }

  sign(userId: string): Promise<UserSignature> {
    return this.transport.call({ method: 'POST', target: '/v1/_sign', body: { userId } }, signed);
  }

  createThread(thread: ThreadInput, who: Who): Promise<Thread<T>> {
    return this.transport.call(
      { method: 'POST', target: '/v1/threads', body: thread, who, create: true },
      item<Thread<T>>,
    );
  }

  threads(asked: ThreadQuery & { paged?: boolean }, who: Who) {
    const { title, slug, limit, before, after, paged } = asked;
    const target = `/v1/threads${query({ title, slug, limit, before, after, paged })}`;
    return this.transport.call({ method: 'GET', target, who }, threadsIn<{ threads: Thread<T>[]; has_more?: boolean }>);
  }

  thread(id: string, who: Who): Promise<Thread<T>> {
    return this.transport.call({ method: 'GET', target: path('threads', id), who }, item<Thread<T>>);
  }

  updateThread(id: string, thread: ThreadInput, who: Who): Promise<Thread<T>> {
    return this.transport.call({ method: 'PUT', target: path('threads', id), body: thread, who }, item<Thread<T>>);
  }

  deleteThread(id: string, who: Who): Promise<void> {
    return this.transport.call({ method: 'DELETE', target: path('threads', id), who }, nothing);
  }

  search(thread: string, text: string, asked: SearchQuery, who: Who): Promise<SearchPage<T>> {
    const { limit, before } = asked;
    const target = path('threads', thread, 'search') + query({ q: text, limit, before });
    return this.transport.call({ method: 'GET', target, who }, messagesIn<SearchPage<T>>);
  }

  events(thread: string, after: number | undefined, signal: AbortSignal | undefined, who: Credentials) {
    return new ThreadEvents<T>(this.transport, thread, after, signal, who);
  }

  /** Posts to `thread`, or to the thread that the message names. */
  post(thread: string | undefined, message: MessageInput, who: Who): Promise<Message<T>> {
    const target = thread === undefined ? '/v1/messages' : path('threads', thread, 'messages');
    return this.transport.call({ method: 'POST', target, body: message, who, create: true }, item<Message<T>>);
  }

  /** Messages of a thread, through the route that needs no author. */
  messagesOf(thread: string | undefined, asked: MessageQuery, who: Who): Promise<MessagePage<T>> {
    const target = `/v1/messages${query({ thread, ...page(asked) })}`;
    return this.transport.call({ method: 'GET', target, who }, messagesIn<MessagePage<T>>);
  }

  messages(thread: string, asked: MessageQuery, who: Who): Promise<MessagePage<T>> {
    const target = path('threads', thread, 'messages') + query(page(asked));
    return this.transport.call({ method: 'GET', target, who }, messagesIn<MessagePage<T>>);
  }

  message(thread: string | undefined, id: string, who: Who): Promise<Message<T>> {
    return this.transport.call({ method: 'GET', target: at(thread, id), who }, item<Message<T>>);
  }

  edit(thread: string | undefined, id: string, message: MessageInput, who: Who): Promise<Message<T>> {
    return this.transport.call({ method: 'PUT', target: at(thread, id), body: message, who }, item<Message<T>>);
  }

  remove(thread: string | undefined, id: string, who: Who): Promise<void> {
    return this.transport.call({ method: 'DELETE', target: at(thread, id), who }, nothing);
  }

  versions(thread: string, id: string, who: Who): Promise<MessageVersions<T>> {
    const target = `${at(thread, id)}/versions`;
    return this.transport.call({ method: 'GET', target, who }, versionsIn<MessageVersions<T>>);
  }

  reactions(thread: string, id: string, who: Who): Promise<MessageReactions> {
    const target = `${at(thread, id)}/reactions`;
    return this.transport.call({ method: 'GET', target, who }, reactionsIn<MessageReactions>);
  }

  react(thread: string, id: string, reaction: ReactionInput, who: Who): Promise<Message<T>> {
    const target = `${at(thread, id)}/reactions`;
    return this.transport.call({ method: 'POST', target, body: reaction, who }, item<Message<T>>);
  }

  unreact(thread: string, id: string, identity: string, who: Who): Promise<void> {
    const target = `${at(thread, id)}/reactions${path(identity).slice('/v1'.length)}`;
    return this.transport.call({ method: 'DELETE', target, who }, nothing);
  }
}

/** The path of a message, below its thread or wherever it is. */
function at(thread: string | undefined, id: string): string {
  return thread === undefined ? path('messages', id) : path('threads', thread, 'messages', id);
}

/** The parameters of a page. An empty `after` counts as absent there, so that the beginning has a name of its own. */
function page({ limit, before, after, include_deleted, sort_by }: MessageQuery) {
  return { limit, before, after: after === '' ? 'msg-0-0' : after, include_deleted, sort_by };
}
