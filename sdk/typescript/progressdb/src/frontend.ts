/**
 * The frontend client: acts for one user, whom a backend has signed.
 *
 * Invariant: a request of a user leaves only when its signature is there, and a secret key never leaves.
 */
import { Calls, record } from './calls.ts';
import { ApiError } from './errors.ts';
import type { ThreadEvents } from './events.ts';
import { walk } from './pages.ts';
import { NO_HEADERS, NOBODY, user as signed, type Who } from './request.ts';
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

/** Gives the signature of the current user. `refused` is one that the server no longer takes. */
export type GetUserSignature = (refused?: UserSignature) => UserSignature | Promise<UserSignature>;

/** Options of the frontend client. */
export interface SDKOptions<T extends Timestamps = Timestamps> extends CommonOptions<T> {
  /** Where the server is; absent or empty: where the page comes from. A path such as `/chat` is below that. */
  baseUrl?: string | undefined;
  /** A frontend key. Secret ones, which begin with `sk_`, are refused. */
  apiKey?: string | undefined;
  /** The user of calls that name none. */
  defaultUserId?: string | undefined;
  defaultUserSignature?: string | undefined;
  /** Asked for the user of every call that names none, when there is no default; keep what it gives. */
  getUserSignature?: GetUserSignature | undefined;
  /** `false` gives the body of a refusal as if it were the answer, as the reference does. Default `true`. */
  throwOnError?: boolean | undefined;
  /**
   * Whether creates carry an `Idempotency-Key`, under which they are tried again without doubling; without one they are
   * sent once. Default `true`; `false` is for pages of another origin than their server of ProgressDB, whose CORS rules
   * do not allow the header.
   */
  idempotencyKeys?: boolean | undefined;
}

/** Who acts: a user id followed by its signature, or both in one. */
export type Signer = string | UserSignature | undefined;

/**
 * Client for frontends. Every call rejects with `ApiError` when it does not succeed, and with `TypeError` for arguments
 * that can never work. The trailing `user` of a call is a user id, followed by its signature, or both in one object.
 */
export class ProgressDBClient<T extends Timestamps = 'number'> {
  readonly #options: SDKOptions<T>;
  readonly #calls: Calls<T>;

  /** Throws `TypeError` for options that can never work, a secret key among them. */
  constructor(options: SDKOptions<T> = {}) {
    const { baseUrl = '', apiKey, idempotencyKeys = true } = options;
    if (apiKey?.startsWith('sk_')) {
      throw new TypeError('apiKey begins with sk_, as secret keys do: use a frontend key here, or BackendClient');
    }
    const base = baseUrl === '' || /^\/(?!\/)/.test(baseUrl) ? baseUrl : absolute(baseUrl);
    const headers = apiKey === undefined ? NO_HEADERS : { 'x-api-key': keyValue(apiKey) };
    this.#options = options;
    this.#calls = new Calls(new Transport(settings(options, base, headers, idempotencyKeys)));
  }

  /** The same client with other options, such as `{ signal }` or `{ timeoutMs }` for some calls. */
  withOptions(options: Partial<Omit<SDKOptions, 'timestamps'>>): ProgressDBClient<T> {
    return new ProgressDBClient<T>({ ...this.#options, ...options });
  }

  /** Whether the server is well; needs no key. */
  async health(): Promise<{ status: string }> {
    return this.#calls.transport.call({ method: 'GET', target: '/healthz' }, record<{ status: string }>);
  }

  /** Signs a user. Servers take it with a backend key only, which no frontend has; kept as documented. */
  async signUser(userIdToSign: string): Promise<UserSignature> {
    return this.#answer(() => this.#calls.sign(userIdToSign));
  }

  /** The most recent messages of a thread, or those next to a cursor, ascending: `{ thread }`, or the id and a query. */
  async listMessages(
    query?: string | ({ thread?: string | undefined } & MessageQuery),
    ...rest: [query: MessageQuery, user?: Signer, userSignature?: string] | [user?: Signer, userSignature?: string]
  ): Promise<MessagePage<T>> {
    const second = rest[0];
    const paged = typeof second === 'object' && !('userId' in second);
    const asked = typeof query === 'string' ? { ...(paged ? second : {}), thread: query } : (query ?? {});
    const [user, signature] = (paged ? rest.slice(1) : rest) as [Signer, string?];
    return this.#as(user, signature, (who) => this.#calls.messagesOf(asked.thread, asked, who));
  }

  /** Posts a message: `thread`, `body`, and what else you like of `role`, `reply_to`. Unknown threads are made. */
  async createMessage(msg: MessageInput, user?: Signer, userSignature?: string): Promise<Message<T>> {
    return this.#as(user, userSignature, (who) => this.#calls.post(undefined, msg, who));
  }

  /** Makes a thread of `title` and `metadata`, both optional. */
  async createThread(thread: ThreadInput, user?: Signer, userSignature?: string): Promise<Thread<T>> {
    return this.#as(user, userSignature, (who) => this.#calls.createThread(thread, who));
  }

  /** The threads of the user. */
  async listThreads(user?: Signer, userSignature?: string): Promise<{ threads: Thread<T>[] }> {
    return this.#as(user, userSignature, (who) => this.#calls.threads({}, who));
  }

  /** All threads of the user in the order of creation, loaded page by page; `limit` is the size of a page. */
  async *iterateThreads(
    query?: ThreadQuery,
    user?: Signer,
    userSignature?: string,
  ): AsyncGenerator<Thread<T>, void, undefined> {
    const load = async (after: string, limit: number) => {
      const { threads, ...more } = await this.#as(user, userSignature, (who) =>
        this.#calls.threads({ ...query, after, limit, paged: true }, who),
      );
      return { ...more, items: threads };
    };
    yield* walk(load, query?.after, query?.limit);
  }

  /** One thread. */
  async getThread(id: string, user?: Signer, userSignature?: string): Promise<Thread<T>> {
    return this.#as(user, userSignature, (who) => this.#calls.thread(id, who));
  }

  /** Changes the title or the metadata of a thread. */
  async updateThread(id: string, thread: ThreadInput, user?: Signer, userSignature?: string): Promise<Thread<T>> {
    return this.#as(user, userSignature, (who) => this.#calls.updateThread(id, thread, who));
  }

  /** Deletes a thread. */
  async deleteThread(id: string, user?: Signer, userSignature?: string): Promise<void> {
    return this.#as(user, userSignature, (who) => this.#calls.deleteThread(id, who));
  }

  /** Messages of a thread whose texts hold all words of `text`, the newest first. */
  async searchThread(
    threadID: string,
    text: string,
    query?: SearchQuery,
    user?: Signer,
    userSignature?: string,
  ): Promise<SearchPage<T>> {
    return this.#as(user, userSignature, (who) => this.#calls.search(threadID, text, query ?? {}, who));
  }

  /** What happens to a thread, as it happens; behind the event `after`, or from now on. */
  threadEvents(
    threadID: string,
    opts?: { after?: number | undefined; signal?: AbortSignal | undefined },
    user?: Signer,
    userSignature?: string,
  ): ThreadEvents<T> {
    let signer: UserSignature | undefined;
    return this.#calls.events(threadID, opts?.after, opts?.signal, async (refused) => {
      if (refused) signer = signer && (await this.#fresh(signer, user, userSignature));
      else signer = await this.#signer(user, userSignature);
      return refused && signer === undefined ? undefined : whoOf(signer);
    });
  }

  /** Posts a message to a thread. */
  async createThreadMessage(
    threadID: string,
    msg: MessageInput,
    user?: Signer,
    userSignature?: string,
  ): Promise<Message<T>> {
    return this.#as(user, userSignature, (who) => this.#calls.post(threadID, msg, who));
  }

  /** The most recent messages of a thread, or those next to a cursor, ascending. */
  async listThreadMessages(
    threadID: string,
    query?: MessageQuery,
    user?: Signer,
    userSignature?: string,
  ): Promise<MessagePage<T>> {
    return this.#as(user, userSignature, (who) => this.#calls.messages(threadID, query ?? {}, who));
  }

  /** All messages of a thread in the order of creation, loaded page by page; `limit` is the size of a page. */
  async *iterateMessages(
    threadID: string,
    query?: Pick<MessageQuery, 'after' | 'limit' | 'include_deleted'>,
    user?: Signer,
    userSignature?: string,
  ): AsyncGenerator<Message<T>, void, undefined> {
    const load = async (after: string, limit: number) => {
      const { messages, ...more } = await this.#as(user, userSignature, (who) =>
        this.#calls.messages(threadID, { ...query, after, limit }, who),
      );
      return { ...more, items: messages };
    };
    yield* walk(load, query?.after, query?.limit);
  }

  /** A message of a thread. */
  async getThreadMessage(threadID: string, id: string, user?: Signer, userSignature?: string): Promise<Message<T>> {
    return this.#as(user, userSignature, (who) => this.#calls.message(threadID, id, who));
  }

  /** Makes a new version of a message: what `msg` leaves out stays as it was, `null` clears. */
  async updateThreadMessage(
    threadID: string,
    id: string,
    msg: MessageInput,
    user?: Signer,
    userSignature?: string,
  ): Promise<Message<T>> {
    return this.#as(user, userSignature, (who) => this.#calls.edit(threadID, id, msg, who));
  }

  /** Deletes a message of a thread. */
  async deleteThreadMessage(threadID: string, id: string, user?: Signer, userSignature?: string): Promise<void> {
    return this.#as(user, userSignature, (who) => this.#calls.remove(threadID, id, who));
  }

  /** The versions of a message, the oldest first. */
  async listMessageVersions(
    threadID: string,
    id: string,
    user?: Signer,
    userSignature?: string,
  ): Promise<MessageVersions<T>> {
    return this.#as(user, userSignature, (who) => this.#calls.versions(threadID, id, who));
  }

  /** Who reacted to a message, and how. */
  async listReactions(threadID: string, id: string, user?: Signer, userSignature?: string): Promise<MessageReactions> {
    return this.#as(user, userSignature, (who) => this.#calls.reactions(threadID, id, who));
  }

  /** Sets the reaction of `input.id`, which has to be the user, and gives the message as it is then. */
  async addOrUpdateReaction(
    threadID: string,
    id: string,
    input: ReactionInput,
    user?: Signer,
    userSignature?: string,
  ): Promise<Message<T>> {
    return this.#as(user, userSignature, (who) => this.#calls.react(threadID, id, input, who));
  }

  /** Takes the reaction of `identity`, which has to be the user, away, if there is one. */
  async removeReaction(
    threadID: string,
    id: string,
    identity: string,
    user?: Signer,
    userSignature?: string,
  ): Promise<void> {
    return this.#as(user, userSignature, (who) => this.#calls.unreact(threadID, id, identity, who));
  }

  /** A call in the name of a user. A signature that is refused is asked for anew, once, where that is possible. */
  async #as<R>(user: Signer, signature: string | undefined, call: (who: Who) => Promise<R>): Promise<R> {
    return this.#answer(async () => {
      const signer = await this.#signer(user, signature);
      try {
        return await call(whoOf(signer));
      } catch (error) {
        if (signer === undefined || !(error instanceof ApiError) || error.status !== 401) throw error;
        const fresh = await this.#fresh(signer, user, signature);
        if (fresh === undefined) throw error;
        return await call(whoOf(fresh));
      }
    });
  }

  async #answer<R>(call: () => Promise<R>): Promise<R> {
    if (this.#options.throwOnError !== false) return call();
    try {
      return await call();
    } catch (error) {
      if (error instanceof ApiError && error.status >= 400) return error.body as Json;
      throw error;
    }
  }

  /** What gives signatures to calls that name no user, when there is no default. */
  #asks(user: Signer, signature: string | undefined): GetUserSignature | undefined {
    const { defaultUserId, getUserSignature } = this.#options;
    return user === undefined && signature === undefined && defaultUserId === undefined ? getUserSignature : undefined;
  }

  /** Another signature than the refused one, if it can be had. */
  async #fresh(refused: UserSignature, user: Signer, signature: string | undefined) {
    const fresh = await this.#asks(user, signature)?.(refused);
    return fresh?.signature === refused.signature && fresh.userId === refused.userId ? undefined : fresh;
  }

  async #signer(user: Signer, signature: string | undefined): Promise<UserSignature | undefined> {
    if (typeof user === 'object') return user;
    const asks = this.#asks(user, signature);
    if (asks !== undefined) return asks();
    const userId = user ?? this.#options.defaultUserId;
    const proof = signature ?? this.#options.defaultUserSignature;
    return userId === undefined && proof === undefined ? undefined : { userId: userId ?? '', signature: proof ?? '' };
  }
}

const whoOf = (signer: UserSignature | undefined): Who => (signer === undefined ? NOBODY : signed(signer));
