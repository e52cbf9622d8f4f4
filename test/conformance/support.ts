/**
 * A user of the built server: requests over both faces, and sockets. A test file has one server, in its own process.
 */
import { once } from 'node:events';
import { afterAll, beforeAll, expect } from 'vitest';
import { WebSocket } from 'ws';
import { Client } from '../support/client.ts';
import { type Running, startServer } from '../support/process.ts';

/** What came back. `body` is the text as JSON, or as it stands where it is none. */
export interface Answer {
  readonly status: number;
  readonly type: string | null;
  readonly headers: Headers;
  readonly text: string;
  readonly body: unknown;
}

/** A message as `queue.consume` gives it. */
export interface Message {
  readonly id: string;
  readonly payload: readonly number[];
  readonly priority: number;
  readonly retry_count: number;
  readonly deadline: number;
}

/** The counters of a queue, as both faces answer them. */
export const counters = (changed: Partial<Record<string, number>> = {}): Record<string, number | undefined> => ({
  acked: 0,
  consumed: 0,
  consumers: 0,
  dead_lettered: 0,
  depth: 0,
  nacked: 0,
  published: 0,
  ...changed,
});

/** The empty answer of a REST consume: exactly these six. */
export const SIX_NULLS = {
  message_id: null,
  payload: null,
  priority: null,
  retry_count: null,
  max_retries: null,
  headers: null,
};

/** The text of an id that the server mints. */
export const ID = expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/);

/** A time in whole Unix seconds. */
export const SECONDS = expect.toSatisfy((time: number) => Number.isInteger(time) && time > 1.6e9 && time < 2.4e9);

export class User {
  #running: Running | undefined;

  async start(args: readonly string[]): Promise<void> {
    this.#running = await startServer(['--memory', ...args]);
  }

  async stop(): Promise<void> {
    expect(await this.#running?.stop()).toBe(0);
  }

  get base(): string {
    return this.#running?.base ?? '';
  }

  /** Sends a request; a body that is no text is sent as JSON. */
  async request(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' },
  ): Promise<Answer> {
    const sent = body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) };
    const response = await fetch(this.base + path, { method, headers, ...sent });
    const text = await response.text();
    let parsed: unknown = text;
    try {
      parsed = JSON.parse(text);
    } catch {}
    const type = response.headers.get('content-type');
    return { status: response.status, type, headers: response.headers, text, body: parsed };
  }

  post(path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer> {
    return this.request('POST', path, body, headers);
  }

  /** The JSON of a REST answer, which has to come with status 200. */
  async get(path: string): Promise<unknown> {
    return this.#json(await this.request('GET', path));
  }

  /** The JSON of the answer to a POST, which has to come with status 200. */
  async put(path: string, body: unknown): Promise<unknown> {
    return this.#json(await this.post(path, body));
  }

  /** Runs a command that has to succeed, and gives its payload. */
  async run<T = unknown>(command: string, payload: unknown = {}): Promise<T> {
    const { success, error, payload: given } = await this.#envelope(command, payload);
    expect({ command, success, error }).toEqual({ command, success: true, error: null });
    return given as T;
  }

  /** Runs a command that has to be refused, and gives the text of the refusal. */
  async refused(command: string, payload: unknown = {}): Promise<string> {
    const { success, error, payload: given } = await this.#envelope(command, payload);
    expect({ command, success, given }).toEqual({ command, success: false, given: null });
    return String(error);
  }

  /** Opens a socket; resolves once it is open. */
  async open(path: string): Promise<Client> {
    const ws = new WebSocket(this.base.replace('http', 'ws') + path);
    const client = new Client(ws);
    await once(ws, 'open');
    return client;
  }

  #json({ status, type, body }: Answer): unknown {
    expect([status, type], JSON.stringify(body)).toEqual([200, 'application/json']);
    return body;
  }

  async #envelope(command: string, payload: unknown): Promise<Record<string, unknown>> {
    const answer = await this.put('/api/v1/command', { command, request_id: command, payload });
    expect(Object.keys(answer as object)).toEqual(['success', 'request_id', 'payload', 'error']);
    return answer as Record<string, unknown>;
  }
}

/** A server for the tests of this file, or of the `describe` that calls it. */
export function hosted(...args: readonly string[]): User {
  const user = new User();
  beforeAll(() => user.start(args));
  afterAll(() => user.stop());
  return user;
}

/** The answer that a refusal over REST has to be: a status, and JSON whose text is, or begins with, `text`. */
export function refusal(status: number, text: string | RegExp): unknown {
  const error = typeof text === 'string' ? text : expect.stringMatching(text);
  return expect.objectContaining({ status, type: 'application/json', body: { code: status, error } });
}
