/**
 * The backend client: acts with a secret key, in the name of the authors that its caller gives.
 */
import { Calls, record } from './calls.ts';
import type { ThreadEvents } from './events.ts';
import { walk } from './pages.ts';
import { author, headerValue, NO_HEADERS, NOBODY, type Who } from './request.ts';
import { absolute, type CommonOptions, keyValue, settings } from './settings.ts';
import { Transport } from './transport.ts';
import type {
  Json,
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

/** Options of the backend client. */
export interface ProgressDBOptions<T extends Timestamps = Timestamps> extends CommonOptions<T> {
  /** Where the server is, such as `https://api.example.com`. */
  baseUrl: string;
  /** A backend key, or an admin key for the admin calls. Never give one to a browser. */
  apiKey?: string | undefined;
}

/** What the admin call tells of the size of things. */
export interface AdminStats {
  threads: number;
  messages: number;
  [name: string]: number;
}

/**
 * Client for trusted servers. Every call rejects with `ApiError` when it does not succeed, and with `TypeError` for
 * arguments that can never work.
 */
export class BackendClient<T extends Timestamps = 'number'> {
  readonly #options: ProgressDBOptions<T>;
  readonly #calls: Calls<T>;

  /** Throws `TypeError` for options that can never work. */
  constructor(options: ProgressDBOptions<T>) {
    const { baseUrl, apiKey } = options;
    const headers = apiKey === undefined ? NO_HEADERS : { authorization: `Bearer ${keyValue(apiKey)}` };
    this.#options = options;
    this.#calls = new Calls(new Transport(settings(options, absolute(baseUrl), headers, true)));
  }

  /** The same client with other options, such as `{ signal }` or `{ timeoutMs }` for some calls. */
  withOptions(options: Partial<Omit<ProgressDBOptions, 'timestamps'>>): BackendClient<T> {
    return new BackendClient<T>({ ...this.#options, ...options });
  }

  /**
   * Any call. The answer as JSON where its content type says so, else as text; `undefined` where it has none. `path` is
   * sent as it is, `extraHeaders` win over what the client sends.
   */
  async request<R = Json>(
    method: string,
    path: string,
    body?: Json,
    extraHeaders?: Readonly<Record<string, string>>,
  ): Promise<R> {
    const verb = method.toUpperCase();
    const headers: Record<string, string> = {};
    let who = NOBODY;
    for (const name in extraHeaders) {
      const value = extraHeaders[name] as string;
      if (/^x-user-id$/i.test(name)) who = author(value);
      else headers[name.toLowerCase()] = headerValue(name, value);
    }
    const ask = { method: verb, target: path, body, who, headers, create: verb === 'POST', text: true };
    return this.#calls.transport.call(ask, (answer) => answer as R);
  }

  /** Signs a user, for a frontend to act as this user. Takes a backend key. */
  async signUser(userId: string): Promise<UserSignature> {
    return this.#calls.sign(userId);
  }

  /** Whether the server is well. Takes an admin key. */
  async adminHealth(): Promise<{ status: string; service?: string }> {
    return this.#calls.transport.call({ method: 'GET', target: '/admin/health' }, record<{ status: string }>);
  }

  /** How many threads and messages there are. Takes an admin key. */
  async adminStats(): Promise<AdminStats> {
    return this.#calls.transport.call({ method: 'GET', target: '/admin/stats' }, record<AdminStats>);
  }

  /** The threads of an author, which is required; filtered by a part of the title, or by slug. */
  async listThreads(opts?: { author?: string | undefined } & ThreadQuery): Promise<Thread<T>[]> {
    const who = named(opts?.author, 'listThreads');
    return (await this.#calls.threads(opts ?? {}, who)).threads;
  }

  /** All threads of an author in the order of creation, loaded page by page; `limit` is the size of a page. */
  async *iterateThreads(opts: { author: string } & ThreadQuery): AsyncGenerator<Thread<T>, void, undefined> {
    const who = named(opts.author, 'iterateThreads');
    const load = async (after: string, limit: number) => {
      const { threads, ...more } = await this.#calls.threads({ ...opts, after, limit, paged: true }, who);
      return { ...more, items: threads };
    };
    yield* walk(load, opts.after, opts.limit);
  }

  /** One thread. `author` is required. */
  async getThread(id: string, author?: string): Promise<Thread<T>> {
    return this.#calls.thread(id, named(author, 'getThread'));
  }

  /** Makes a thread of `title` and `metadata`, both optional. */
  async createThread(thread: ThreadInput, author: string): Promise<Thread<T>> {
    return this.#calls.createThread(thread, named(author, 'createThread'));
  }

  /** Changes the title or the metadata of a thread. */
  async updateThread(id: string, thread: ThreadInput, author: string): Promise<Thread<T>> {
    return this.#calls.updateThread(id, thread, named(author, 'updateThread'));
  }

  /** Deletes a thread. */
  async deleteThread(id: string, author: string): Promise<void> {
    return this.#calls.deleteThread(id, named(author, 'deleteThread'));
  }

  /** Messages of a thread whose texts hold all words of `text`, the newest first. */
  async searchThread(threadID: string, text: string, opts?: SearchQuery, author?: string): Promise<SearchPage<T>> {
    return this.#calls.search(threadID, text, opts ?? {}, as(author));
  }

  /** What happens to a thread, as it happens; behind the event `after`, or from now on. */
  threadEvents(
    threadID: string,
    opts?: { after?: number | undefined; signal?: AbortSignal | undefined },
    author?: string,
  ): ThreadEvents<T> {
    return this.#calls.events(threadID, opts?.after, opts?.signal, async (refused) =>
      refused ? undefined : as(author),
    );
  }

  /** Posts a message: `thread`, `body`, and what else you like of `role`, `ts`, `reply_to`. Unknown threads are made. */
  async createMessage(m: MessageInput, author: string): Promise<Message<T>> {
    return this.#calls.post(undefined, m, named(author, 'createMessage'));
  }

  /** The most recent messages of a thread, or those next to a cursor, ascending; in nobody's name. */
  async listMessages(opts?: { thread?: string | undefined } & MessageQuery): Promise<MessagePage<T>> {
    return this.#calls.messagesOf(opts?.thread, opts ?? {}, NOBODY);
  }

  /** A message, wherever it is. */
  async getMessage(id: string, author?: string): Promise<Message<T>> {
    return this.#calls.message(undefined, id, as(author));
  }

  /** Edits a message, wherever it is. */
  async updateMessage(id: string, msg: MessageInput, author?: string): Promise<Message<T>> {
    return this.#calls.edit(undefined, id, msg, as(author));
  }

  /** Deletes a message, wherever it is. */
  async deleteMessage(id: string, author?: string): Promise<void> {
    return this.#calls.remove(undefined, id, as(author));
  }

  /** The most recent messages of a thread, or those next to a cursor, ascending. */
  async listThreadMessages(threadID: string, opts?: MessageQuery, author?: string): Promise<MessagePage<T>> {
    return this.#calls.messages(threadID, opts ?? {}, as(author));
  }

  /** All messages of a thread in the order of creation, loaded page by page; `limit` is the size of a page. */
  async *iterateMessages(
    threadID: string,
    opts?: Pick<MessageQuery, 'after' | 'limit' | 'include_deleted'>,
    author?: string,
  ): AsyncGenerator<Message<T>, void, undefined> {
    const who = as(author);
    const load = async (after: string, limit: number) => {
      const { messages, ...more } = await this.#calls.messages(threadID, { ...opts, after, limit }, who);
      return { ...more, items: messages };
    };
    yield* walk(load, opts?.after, opts?.limit);
  }

  /** A message of a thread. */
  async getThreadMessage(threadID: string, id: string, author?: string): Promise<Message<T>> {
    return this.#calls.message(threadID, id, as(author));
  }

  /** Makes a new version of a message: what `msg` leaves out stays as it was, `null` clears. */
  async updateThreadMessage(threadID: string, id: string, msg: MessageInput, author?: string): Promise<Message<T>> {
    return this.#calls.edit(threadID, id, msg, as(author));
  }

  /** Deletes a message of a thread. */
  async deleteThreadMessage(threadID: string, id: string, author?: string): Promise<void> {
    return this.#calls.remove(threadID, id, as(author));
  }

  /** The versions of a message, the oldest first. */
  async listMessageVersions(threadID: string, id: string, author?: string): Promise<MessageVersions<T>> {
    return this.#calls.versions(threadID, id, as(author));
  }

  /** Who reacted to a message, and how. */
  async listReactions(threadID: string, id: string, author?: string): Promise<MessageReactions> {
    return this.#calls.reactions(threadID, id, as(author));
  }

  /** Sets the reaction of `input.id` to a message, and gives the message as it is then. */
  async addOrUpdateReaction(threadID: string, id: string, input: ReactionInput, author?: string): Promise<Message<T>> {
    return this.#calls.react(threadID, id, input, as(author));
  }

  /** Takes the reaction of `identity` away, if there is one. */
  async removeReaction(threadID: string, id: string, identity: string, author?: string): Promise<void> {
    return this.#calls.unreact(threadID, id, identity, as(author));
  }
}

/** Whoever is named. */
function as(name: string | undefined): Who {
  return name === undefined || name === '' ? NOBODY : author(name);
}

/** The same for calls that always need an author. */
function named(name: string | undefined, method: string): Who {
  if (name === undefined || name === '') throw new Error(`author is required for backend ${method} calls`);
  return author(name);
}
