/**
 * What writers of chat messages know of their own writes: which versions were acknowledged, in their order.
 *
 * Each writer owns one message and makes one write after the other. After a kill the server has every acknowledged
 * version and at most the one that was under way.
 */
import { expect } from 'vitest';

interface Message {
  readonly id: string;
  readonly body: unknown;
  readonly reactions?: Readonly<Record<string, string>>;
}

/** A client of the chat face; `undefined` when the server was gone before it answered. */
export class ChatClient {
  readonly #base: string;

  constructor(base: string) {
    this.#base = base;
  }

  async call(method: string, path: string, user: string, body?: unknown): Promise<unknown> {
    let status: number;
    let text: string;
    try {
      const answer = await fetch(this.#base + path, {
        method,
        headers: user === '' ? { 'X-API-Key': 'admin' } : { 'X-API-Key': 'backend', 'X-User-ID': user },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      status = answer.status;
      text = await answer.text();
    } catch {
      return undefined; // whether the write happened is not known
    }
    if (status !== 200) throw new Error(`${method} ${path} answered ${status}: ${text}`);
    return JSON.parse(text);
  }

  async must(method: string, path: string, user: string, body?: unknown): Promise<unknown> {
    const answer = await this.call(method, path, user, body);
    if (answer === undefined) throw new Error(`no answer to ${method} ${path}`);
    return answer;
  }

  /** Gives a thread a new key, again and again until the server is gone. */
  async rotate(thread: string): Promise<void> {
    for (;;) {
      const answer = await this.call('POST', '/admin/encryption/rotate-thread-dek', '', { thread_id: thread });
      if (answer === undefined) return;
    }
  }

  /** Wraps all keys under a new master key; `true` when that was acknowledged. */
  async rewrap(key: string): Promise<boolean> {
    const answer = await this.call('POST', '/admin/encryption/rewrap-deks', '', { all: true, new_kek_hex: key });
    return answer !== undefined;
  }
}

export class Writer {
  readonly thread: string;
  readonly #user: string;
  readonly #id: string;
  /** Bodies of the versions that the server has, or must have. */
  #versions: number[] = [0];
  /** The write that was under way when the server went. */
  #pending: number | undefined;
  #seq = 0;

  private constructor(thread: string, user: string, id: string) {
    this.thread = thread;
    this.#user = user;
    this.#id = id;
  }

  /** Posts the message. */
  static async begin(client: ChatClient, thread: string, user: string): Promise<Writer> {
    const { id } = (await client.must('POST', '/v1/messages', user, { thread, body: { n: 0 } })) as Message;
    return new Writer(thread, user, id);
  }

  get #path(): string {
    return `/v1/threads/${this.thread}/messages/${this.#id}`;
  }

  /** Writes until the server is gone: edits, and every fifth time a reaction that carries the number. */
  async work(client: ChatClient, acknowledged: () => void): Promise<void> {
    for (;;) {
      const n = ++this.#seq;
      this.#pending = n;
      const answer =
        n % 5 === 0
          ? await client.call('POST', `${this.#path}/reactions`, this.#user, { id: 'r', reaction: String(n) })
          : await client.call('PUT', this.#path, this.#user, { body: { n } });
      if (answer === undefined) return;
      this.#versions.push(n);
      this.#pending = undefined;
      acknowledged();
    }
  }

  /** Holds the versions of the restarted server against what was acknowledged, and takes over what it has more. */
  async verify(client: ChatClient): Promise<void> {
    const { versions } = (await client.must('GET', `${this.#path}/versions`, this.#user)) as { versions: Message[] };
    let last = 0;
    const seen = versions.map(({ body, reactions }) => {
      const n = Math.max((body as { n: number }).n, Number(reactions?.['r'] ?? 0));
      expect(n).toBeGreaterThanOrEqual(last);
      last = n;
      return n;
    });
    const more = seen.length > this.#versions.length && this.#pending !== undefined ? [this.#pending] : [];
    expect(seen).toEqual([...this.#versions, ...more]);
    this.#versions = seen;
    this.#pending = undefined;
    this.#seq = last;
    const newest = (await client.must('GET', this.#path, this.#user)) as Message;
    expect(newest.body).toEqual(versions[versions.length - 1]?.body);
    const { messages } = (await client.must('GET', `/v1/threads/${this.thread}/messages`, this.#user)) as {
      messages: Message[];
    };
    expect(messages.find(({ id }) => id === this.#id)?.body).toEqual(newest.body);
  }
}
