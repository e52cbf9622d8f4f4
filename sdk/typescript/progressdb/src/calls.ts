/**
 * The calls of `/v1`, for whoever the headers say; both clients are made of them.
 *
 * Invariant: what a method answers has the shape that it says, or it throws: no empty value stands for a missing answer.
 */
import { unexpected } from './errors.ts';
import { type Credentials, ThreadEvents } from './events.ts';
import { type HeaderMap, path, query } from './request.ts';
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

  createThread(thread: ThreadInput, headers: HeaderMap): Promise<Thread<T>> {
    return this.transport.call(
      { method: 'POST', target: '/v1/threads', body: thread, headers, create: true },
      item<Thread<T>>,
    );
  }

  threads(asked: ThreadQuery & { author?: string | undefined; paged?: boolean }, headers: HeaderMap) {
    const { author, title, slug, limit, before, after, paged } = asked;
    const target = `/v1/threads${query({ author, title, slug, limit, before, after, paged })}`;
    return this.transport.call(
      { method: 'GET', target, headers },
      threadsIn<{ threads: Thread<T>[]; has_more?: boolean }>,
    );
  }

  thread(id: string, headers: HeaderMap): Promise<Thread<T>> {
    return this.transport.call({ method: 'GET', target: path('threads', id), headers }, item<Thread<T>>);
  }

  updateThread(id: string, thread: ThreadInput, headers: HeaderMap): Promise<Thread<T>> {
    return this.transport.call({ method: 'PUT', target: path('threads', id), body: thread, headers }, item<Thread<T>>);
  }

  deleteThread(id: string, headers: HeaderMap): Promise<void> {
    return this.transport.call({ method: 'DELETE', target: path('threads', id), headers }, nothing);
  }

  search(thread: string, text: string, asked: SearchQuery, headers: HeaderMap): Promise<SearchPage<T>> {
    const { limit, before } = asked;
    const target = path('threads', thread, 'search') + query({ q: text, limit, before });
    return this.transport.call({ method: 'GET', target, headers }, messagesIn<SearchPage<T>>);
  }

  events(thread: string, after: number | undefined, signal: AbortSignal | undefined, who: Credentials) {
    return new ThreadEvents<T>(this.transport, thread, after, signal, who);
  }

  /** Posts to `thread`, or to the thread that the message names. */
  post(thread: string | undefined, message: MessageInput, headers: HeaderMap): Promise<Message<T>> {
    const target = thread === undefined ? '/v1/messages' : path('threads', thread, 'messages');
    return this.transport.call({ method: 'POST', target, body: message, headers, create: true }, item<Message<T>>);
  }

  /** Messages of a thread, through the route that needs no author. */
  messagesOf(thread: string | undefined, asked: MessageQuery, headers: HeaderMap): Promise<MessagePage<T>> {
    const target = `/v1/messages${query({ thread, ...page(asked) })}`;
    return this.transport.call({ method: 'GET', target, headers }, messagesIn<MessagePage<T>>);
  }

  messages(thread: string, asked: MessageQuery, headers: HeaderMap): Promise<MessagePage<T>> {
    const target = path('threads', thread, 'messages') + query(page(asked));
    return this.transport.call({ method: 'GET', target, headers }, messagesIn<MessagePage<T>>);
  }

  message(thread: string | undefined, id: string, headers: HeaderMap): Promise<Message<T>> {
    return this.transport.call({ method: 'GET', target: at(thread, id), headers }, item<Message<T>>);
  }

  edit(thread: string | undefined, id: string, message: MessageInput, headers: HeaderMap): Promise<Message<T>> {
    return this.transport.call({ method: 'PUT', target: at(thread, id), body: message, headers }, item<Message<T>>);
  }

  remove(thread: string | undefined, id: string, headers: HeaderMap): Promise<void> {
    return this.transport.call({ method: 'DELETE', target: at(thread, id), headers }, nothing);
  }

  versions(thread: string, id: string, headers: HeaderMap): Promise<MessageVersions<T>> {
    const target = `${at(thread, id)}/versions`;
    return this.transport.call({ method: 'GET', target, headers }, versionsIn<MessageVersions<T>>);
  }

  reactions(thread: string, id: string, headers: HeaderMap): Promise<MessageReactions> {
    const target = `${at(thread, id)}/reactions`;
    return this.transport.call({ method: 'GET', target, headers }, reactionsIn<MessageReactions>);
  }

  react(thread: string, id: string, reaction: ReactionInput, headers: HeaderMap): Promise<Message<T>> {
    const target = `${at(thread, id)}/reactions`;
    return this.transport.call({ method: 'POST', target, body: reaction, headers }, item<Message<T>>);
  }

  unreact(thread: string, id: string, identity: string, headers: HeaderMap): Promise<void> {
    const target = `${at(thread, id)}/reactions${path(identity).slice('/v1'.length)}`;
    return this.transport.call({ method: 'DELETE', target, headers }, nothing);
  }
}

/** The path of a message, below its thread or wherever it is. */
function at(thread: string | undefined, id: string): string {
  return thread === undefined ? path('messages', id) : path('threads', thread, 'messages', id);
}

function page({ limit, before, after, include_deleted, sort_by }: MessageQuery) {
  return { limit, before, after, include_deleted, sort_by };
}
