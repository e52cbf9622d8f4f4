/**
 * A subscription that keeps itself alive: items from one connection, and from the next one when it breaks.
 *
 * Invariant: items are given out in the order in which they came, each once; at most `buffer` of them wait.
 */
import type { Method } from './commands.ts';
import type { Connection, Listener } from './connection.ts';
import { SynapdError } from './errors.ts';
import type { Feed, Link } from './link.ts';
import type { ListenOptions } from './options.ts';
import type { Plan } from './plans.ts';
import { backoff } from './retry.ts';
import { deferred, onAbort } from './signals.ts';
import { incoming } from './wire.ts';

/** What a subscription needs of its client. */
export interface SubscriptionPort {
  readonly link: Link;
  readonly name: string;
  readonly method: Method;
  readonly timeout: number;
  readonly retries: number;
}

const USUAL_BUFFER = 1024;

type Outcome<T> = IteratorResult<T, undefined>;
interface Taker<T> {
  resolve(outcome: Outcome<T>): void;
  reject(error: SynapdError): void;
}

/**
 * Iterate over it with `for await`; `break`, `close` and the signal end it. It subscribes when it is made.
 *
 * `H` is what the server says first.
 */
export class Subscription<T, H = unknown> implements AsyncIterableIterator<T> {
  /** How often the connection was lost and made anew. */
  reconnects = 0;
  /** Resolves when the server listens; rejects when it never will. */
  readonly ready: Promise<H>;
  readonly #port: SubscriptionPort;
  readonly #plan: Plan;
  readonly #limit: number;
  readonly #forget: () => void;
  readonly #first = deferred<H>();
  /** This, as the link and the connection see it. */
  readonly #feed: Feed = {
    connected: (connection) => this.#connected(connection),
    disconnected: () => this.#disconnected(),
    unconnected: (error) => this.#attemptFailed(error),
  };
  readonly #listener: Listener = {
    item: (raw) => this.#item(raw),
    end: (error) => this.#ended(error),
  };
  #buffer: T[] = [];
  #head = 0;
  #takers: Taker<T>[] = [];
  #failure: SynapdError | undefined;
  #over = false;
  #established = false;
  #lost = false;
  #attempts = 0;
  #connection: Connection | undefined;
  /** Of the subscription under way; nothing of another one is listened to. */
  #id: number | undefined;
  /** Of the attempt to subscribe, so that an old one cannot interfere. */
  #turn = 0;
  #paused = false;
  #retry: ReturnType<typeof setTimeout> | undefined;

  /** @internal Made by the methods `listen` and `watch`. */
  constructor(port: SubscriptionPort, plan: Plan, { signal, buffer = USUAL_BUFFER }: ListenOptions = {}) {
    if (!(buffer >= 1)) throw new TypeError('buffer must be 1 or more');
    this.#port = port;
    this.#plan = plan;
    this.#limit = buffer;
    this.ready = this.#first.promise;
    this.ready.catch(() => {}); // who iterates is told there
    this.#forget = onAbort(signal, () => this.close());
    if (!this.#over) port.link.attach(this.#feed);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** The next item; waits for it. */
  next(): Promise<Outcome<T>> {
    if (this.#head < this.#buffer.length) {
      const value = this.#buffer[this.#head] as T;
      this.#shift();
      return Promise.resolve({ done: false, value });
    }
    if (this.#failure !== undefined) {
      const failure = this.#failure;
      this.#failure = undefined;
      return Promise.reject(failure);
    }
    if (this.#over) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve, reject) => this.#takers.push({ resolve, reject }));
  }

  /** Ends it; `for await` calls this at `break`. */
  return(): Promise<Outcome<T>> {
    this.close();
    return Promise.resolve({ done: true, value: undefined });
  }

  /** Ends it. Items that have not been given out are dropped. */
  close(): void {
    this.#end(undefined);
    this.#buffer = [];
    this.#head = 0;
  }

  #connected(connection: Connection): void {
    this.#connection = connection;
    if (!this.#paused) this.#subscribe(connection);
  }

  #disconnected(): void {
    if (this.#id !== undefined && this.#plan.void === true) this.#drop();
    this.#connection = undefined;
    this.#id = undefined;
    this.#lost = true;
    this.#turn++;
    clearTimeout(this.#retry);
  }

  #item(raw: unknown): void {
    if (this.#id === undefined) return;
    const { name, method } = this.#port;
    const item = incoming(name, method, raw, {}) as T;
    if (!this.#plan.took(item as never)) return;
    const taker = this.#takers.shift();
    if (taker !== undefined) return taker.resolve({ done: false, value: item });
    this.#buffer.push(item);
    const waiting = this.#buffer.length - this.#head;
    if (this.#plan.resumes ? waiting >= this.#limit : waiting > this.#limit) this.#full();
  }

  #ended(error: SynapdError): void {
    this.#id = undefined;
    if (error.retryable && this.#connection !== undefined) this.#again(this.#connection);
    else this.#end(error);
  }

  async #subscribe(connection: Connection): Promise<void> {
    const turn = ++this.#turn;
    const { name, method, timeout } = this.#port;
    try {
      const payload = await this.#plan.input(connection, this.#established);
      if (turn !== this.#turn || this.#over) return;
      const ask = { name, method, payload, timeout, signal: undefined };
      const hello = (await connection.listen(ask, this.#listener, (id) => {
        this.#id = id;
      })) as H;
      if (turn !== this.#turn || this.#over) return;
      this.#plan.began(hello as never);
      if (this.#established && this.#lost) this.reconnects++;
      this.#established = true;
      this.#lost = false;
      this.#attempts = 0;
      this.#first.resolve(hello);
    } catch (error) {
      if (turn !== this.#turn || this.#over) return;
      this.#id = undefined;
      this.#attemptFailed(error as SynapdError);
      if (!this.#over) this.#again(connection);
    }
  }

  #again(connection: Connection): void {
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => {
      if (this.#connection === connection) this.#subscribe(connection);
    }, backoff(this.#attempts));
  }

  /** Gives up what waiting cannot mend, and a first attempt that failed too often. */
  #attemptFailed(error: SynapdError): void {
    const attempt = this.#attempts++;
    if (!error.retryable || (!this.#established && attempt >= this.#port.retries)) this.#end(error);
  }

  /** Those that can go on where they were are told to stop until there is room; the others would lose items. */
  #full(): void {
    if (this.#plan.resumes) {
      this.#paused = true;
      this.#unlisten();
    } else
      this.#end(
        new SynapdError(
          'SLOW_CONSUMER',
          `${this.#port.name}: ${this.#limit} items wait to be taken, and more would be lost. Take them faster, raise buffer, or use a stream, which waits.`,
        ),
      );
  }

  #shift(): void {
    this.#buffer[this.#head++] = undefined as never;
    if (this.#head === this.#buffer.length) this.#drop();
    else if (this.#head > 1024 && this.#head * 2 > this.#buffer.length) {
      this.#buffer = this.#buffer.slice(this.#head);
      this.#head = 0;
    }
    if (!this.#paused || (this.#buffer.length - this.#head) * 2 > this.#limit) return;
    this.#paused = false;
    if (this.#connection !== undefined) this.#subscribe(this.#connection);
  }

  #drop(): void {
    this.#buffer = [];
    this.#head = 0;
  }

  #unlisten(): void {
    const id = this.#id;
    this.#id = undefined;
    this.#turn++;
    if (id !== undefined) this.#connection?.unlisten(id);
  }

  #end(error: SynapdError | undefined): void {
    if (this.#over) return;
    this.#over = true;
    this.#forget?.();
    clearTimeout(this.#retry);
    this.#unlisten();
    this.#port.link.detach(this.#feed);
    this.#first.reject(error ?? new SynapdError('CLOSED', `${this.#port.name} was ended before it began.`));
    const [first, ...others] = this.#takers;
    this.#takers = [];
    if (error !== undefined && first === undefined) this.#failure = error;
    else if (error !== undefined) first?.reject(error);
    else first?.resolve({ done: true, value: undefined });
    for (const taker of others) taker.resolve({ done: true, value: undefined });
  }
}
