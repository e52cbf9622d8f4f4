/**
 * A client of a synapd server: every command as a typed method, subscriptions, workers.
 */
import { Calls } from './calls.ts';
import { type Commands, type Integer, METHODS, PUSHES, type Pushes } from './commands.ts';
import { closed } from './failures.ts';
import { Http } from './http.ts';
import { Link } from './link.ts';
import { Grouped, type Methods, type QueueMethods, type StreamMethods, type TopicMethods } from './methods.ts';
import { type CallOptions, type ClientOptions, type ListenOptions, type Settings, settings } from './options.ts';
import { planOf } from './plans.ts';
import { type Offset, readPartition, readRoom } from './reading.ts';
import { onAbort } from './signals.ts';
import { Subscription } from './subscription.ts';
import { type Call, type Handler, Worker, type WorkerOptions } from './worker.ts';

/** Commands of queues, and workers. */
export interface Queues extends QueueMethods {
  /** A worker that handles what is in this queue, once it is told to `run`. */
  worker(queue: string, handler: Handler, options?: WorkerOptions): Worker;
}

/** Commands of rooms, and reading of all they hold. */
export interface Streams extends StreamMethods {
  /** Every event there is now from an offset on, page by page; ends at the end. */
  read(
    room: string,
    from?: Offset,
    options?: CallOptions,
  ): AsyncGenerator<Pushes['stream.listen']['item'], void, undefined>;
}

/** Commands of topics, and reading of all that a partition holds. */
export interface Topics extends TopicMethods {
  /** Every event there is now in a partition from an offset on, page by page; ends at the end. */
  read(
    topic: string,
    partition: Integer,
    from?: Offset,
    options?: CallOptions,
  ): AsyncGenerator<Pushes['topic.listen']['item'], void, undefined>;
}

/** What the server says of itself. */
export interface Health {
  readonly status: string;
  readonly service: string;
  readonly version: string;
}

/** One server, as its user sees it. `close` it when it is not needed any more. */
export class Synapd extends Grouped {
  declare readonly queue: Queues;
  declare readonly stream: Streams;
  declare readonly topic: Topics;
  /** Any command by its name; the methods are this. */
  readonly call: Call;
  readonly #settings: Settings;
  readonly #http: Http;
  readonly #link: Link;
  readonly #life = new AbortController();
  readonly #forget: () => void;

  /** `url` such as `http://localhost:15500`. Connects when it is first used. Throws `TypeError` for wrong options. */
  constructor(url: string, options: ClientOptions = {}) {
    super();
    const { transport = 'http', signal } = options;
    this.#settings = settings(url, options);
    this.#http = new Http(this.#settings);
    this.#link = new Link(this.#settings, transport === 'socket');
    const calls = new Calls(
      this.#settings,
      this.#http,
      transport === 'socket' ? this.#link : undefined,
      this.#life.signal,
    );
    this.call = (name, input, callOptions) => calls.call(name, input, callOptions);
    Object.assign(this, this.#groups());
    this.#addLoops();
    this.#forget = onAbort(signal, () => this.close());
  }

  /** What the server says of itself; needs no credentials. */
  health(options?: CallOptions): Promise<Health> {
    const { timeout } = this.#settings;
    const ask = { name: 'health', method: NO_METHOD, payload: {}, signal: options?.signal };
    return this.#http.route('/health', 'GET', { ...ask, timeout: options?.timeout ?? timeout }) as Promise<Health>;
  }

  /** Gives up what is under way, ends subscriptions, and lets the process end. */
  close(): void {
    if (this.#life.signal.aborted) return;
    this.#life.abort();
    this.#forget?.();
    this.#http.close();
    this.#link.close();
  }

  #listen<N extends keyof Pushes>(
    name: N,
    input: object,
    options?: ListenOptions,
  ): Subscription<Pushes[N]['item'], Pushes[N]['hello']> {
    if (this.#life.signal.aborted) throw closed(name);
    const { timeout, retries } = this.#settings;
    const port = { link: this.#link, name, method: PUSHES[name], timeout, retries };
    return new Subscription(port, planOf(name, input, options?.buffer ?? 1024, timeout), options);
  }

  /** What is no command but made of commands. */
  #addLoops(): void {
    const { call } = this;
    Object.assign(this.queue, {
      worker: (name: string, handler: Handler, options?: WorkerOptions) => new Worker(call, name, handler, options),
    });
    Object.assign(this.stream, {
      read: (room: string, from: Offset = 0, options?: CallOptions) => readRoom(call, room, from, options),
    });
    Object.assign(this.topic, {
      read: (name: string, partition: Integer, from: Offset = 0, options?: CallOptions) =>
        readPartition(call, name, partition, from, options),
    });
  }

  /** A tree of methods from the table. */
  #groups(): Methods {
    const tree: Tree = {};
    const { call } = this;
    for (const name of Object.keys(METHODS) as (keyof Commands)[])
      hang(tree, name, (input: object = {}, options?: CallOptions) => call(name, input as never, options));
    for (const name of Object.keys(PUSHES) as (keyof Pushes)[])
      hang(tree, name, (input: object = {}, options?: ListenOptions) => this.#listen(name, input, options));
    return tree as unknown as Methods;
  }
}

const NO_METHOD = { effect: 'read', errors: [] } as const;

interface Tree {
  [name: string]: Tree | ((input?: object, options?: CallOptions & ListenOptions) => unknown);
}

/** `queue.publish_batch` hangs at `queue.publishBatch`. */
function hang(tree: Tree, name: string, method: Tree[string]): void {
  const path = name.split('.').map((part) => part.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase()));
  const last = path.pop() as string;
  let at = tree;
  for (const part of path) at = (at[part] ??= {}) as Tree;
  at[last] = method;
}
