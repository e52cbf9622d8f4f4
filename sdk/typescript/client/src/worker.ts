/**
 * A loop that consumes, renews leases and settles: the part of a job queue that everybody writes, and writes wrong.
 *
 * Invariant: of every message it took, it settles what its handler decided, unless the lease on it was lost.
 */
import type { Commands } from './commands.ts';
import { Reject, SynapdError } from './errors.ts';
import { Lease } from './lease.ts';
import { Message } from './message.ts';
import type { CallOptions } from './options.ts';
import { someName } from './plans.ts';
import { backoff } from './retry.ts';
import { onAbort, pause } from './signals.ts';

/** What a worker calls. */
export type Call = <N extends keyof Commands>(
  name: N,
  input: Commands[N]['input'],
  options?: CallOptions,
) => Promise<Commands[N]['output']>;

/** What is done with a message: returning confirms it, throwing gives it back, throwing `Reject` gives it up. */
export type Handler = (message: Message, context: HandlerContext) => unknown;

export interface HandlerContext {
  /** Aborted when the lease on the message is lost: somebody else will have it, so there is no point in going on. */
  readonly signal: AbortSignal;
}

export interface WorkerOptions {
  /** Messages in hand at once; default 1. */
  readonly concurrency?: number | undefined;
  /** Default: a name that no other worker has. */
  readonly consumerId?: string | undefined;
  /** Stops the worker, as `stop` does. */
  readonly signal?: AbortSignal | undefined;
  /** Told of whatever goes wrong without ending the worker: handlers that throw, a server that is away, a lost lease. */
  readonly onError?: ((error: unknown, message?: Message) => void) | undefined;
}

/** Milliseconds that one consume waits for a message; also the longest that stopping takes when there is nothing to do. */
const POLL_MS = 1_000;
/** The lease that is assumed when the queue does not tell its own. */
const USUAL_LEASE_MS = 30_000;
/** Attempts to settle a message while the worker is being stopped and the server is away. */
const LAST_ATTEMPTS = 3;

export class Worker {
  readonly queue: string;
  readonly consumerId: string;
  /** Messages handled and confirmed. */
  acked = 0;
  /** Messages given back or rejected, because the handler threw. */
  nacked = 0;
  /** Messages handled too late, which were or will be delivered again. */
  lost = 0;
  readonly #call: Call;
  readonly #handler: Handler;
  readonly #concurrency: number;
  readonly #tell: (error: unknown, message?: Message) => void;
  readonly #stopping = new AbortController();
  readonly #signal: AbortSignal | undefined;
  readonly #inHand = new Set<Promise<void>>();
  #leaseMs = USUAL_LEASE_MS;
  #leaseKnown = false;
  #running: Promise<void> | undefined;

  /** @internal Made by `queue.worker`. */
  constructor(call: Call, queue: string, handler: Handler, options: WorkerOptions = {}) {
    const { concurrency = 1, consumerId = someName('worker'), onError, signal } = options;
    if (!(Number.isInteger(concurrency) && concurrency >= 1)) throw new TypeError('concurrency must be 1 or more');
    this.queue = queue;
    this.consumerId = consumerId;
    this.#call = call;
    this.#handler = handler;
    this.#concurrency = concurrency;
    this.#tell = onError ?? (() => {});
    this.#signal = signal;
  }

  /** Works until `stop` is called or the signal is aborted. Rejects with what waiting cannot mend, such as a 401. */
  run(): Promise<void> {
    return (this.#running ??= this.#run());
  }

  /** Takes no more messages, and waits until those in hand are settled; a handler must not wait for that. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running?.catch(() => {});
  }

  async #run(): Promise<void> {
    const forget = onAbort(this.#signal, () => this.#stopping.abort());
    try {
      await this.#loop();
    } finally {
      this.#stopping.abort(); // what is in hand is not settled for ever
      await Promise.all(this.#inHand);
      forget();
    }
  }

  async #loop(): Promise<void> {
    const { signal } = this.#stopping;
    for (let failures = 0; !signal.aborted; ) {
      const free = this.#concurrency - this.#inHand.size;
      if (free === 0) {
        await Promise.race(this.#inHand);
        continue;
      }
      try {
        const messages = await this.#next(free);
        failures = 0;
        const since = Date.now();
        if (messages.length > 0 && !this.#leaseKnown) await this.#learn();
        for (const message of messages) this.#take(new Message(message), since);
      } catch (error) {
        if (!(error instanceof SynapdError && error.retryable)) throw error;
        this.#tell(error);
        this.#leaseKnown = false; // the queue may come back with another deadline
        await pause(backoff(failures++), signal);
      }
    }
  }

  /** Never repeated by itself: an answer that was lost holds its messages until their deadline. */
  async #next(max: number): Promise<Commands['queue.consume_batch']['output']['messages']> {
    const input = { queue: this.queue, consumer_id: this.consumerId, max, wait_ms: POLL_MS };
    return (await this.#call('queue.consume_batch', input, { retries: 0 })).messages;
  }

  #take(message: Message, since: number): void {
    const done = this.#handle(message, since).finally(() => this.#inHand.delete(done));
    this.#inHand.add(done);
  }

  async #handle(message: Message, since: number): Promise<void> {
    const lease = new Lease(since, this.#leaseMs, {
      renew: async (ms) => {
        await this.#call('queue.extend', { ...this.#one(message), ms }, { retries: 0, timeout: ms });
      },
      failed: (error) => this.#tell(error, message),
    });
    try {
      const verdict = await this.#verdict(message, lease);
      const settled =
        verdict === undefined
          ? await this.#settle(message, lease, () => this.#call('queue.ack', this.#one(message), { retries: 0 }), true)
          : await this.#settle(
              message,
              lease,
              () => this.#call('queue.nack', { ...this.#one(message), ...verdict }, { retries: 0 }),
              false,
            );
      if (!settled) this.lost++;
      else if (verdict === undefined) this.acked++;
      else this.nacked++;
    } finally {
      lease.end();
    }
  }

  readonly #one = (message: Message): { queue: string; message_id: string } => ({
    queue: this.queue,
    message_id: message.id,
  });

  /** `undefined`: it is done. */
  async #verdict(message: Message, lease: Lease): Promise<{ requeue: boolean } | undefined> {
    try {
      await this.#handler(message, { signal: lease.signal });
      return undefined;
    } catch (error) {
      this.#tell(error, message);
      return { requeue: !(error instanceof Reject) };
    }
  }

  /** Asks for the time that the queue gives for a message. */
  async #learn(): Promise<void> {
    try {
      const { config } = await this.#call('queue.detail', { queue: this.queue }, { retries: 0 });
      this.#leaseMs = Number(config.ack_deadline_secs) * 1000;
      this.#leaseKnown = true;
    } catch (error) {
      this.#tell(error);
    }
  }

  /**
   * Tells the server, for as long as the lease holds. An attempt whose answer was lost counts when the next one finds
   * the message gone (`twice`); giving back is not repeated then, for it could take the message from its next consumer.
   */
  async #settle(message: Message, lease: Lease, tell: () => Promise<unknown>, twice: boolean): Promise<boolean> {
    let uncertain = false;
    for (let attempt = 0; !lease.signal.aborted; attempt++) {
      try {
        await tell();
        return true;
      } catch (error) {
        if (!(error instanceof SynapdError)) throw error;
        if (uncertain && error.code === 'MESSAGE_NOT_FOUND') return true;
        uncertain ||= error.unknown;
        this.#tell(error, message);
        const last = this.#stopping.signal.aborted && attempt >= LAST_ATTEMPTS;
        if (!error.retryable || last || (uncertain && !twice)) return false;
      }
      await pause(backoff(attempt), lease.signal);
    }
    return false;
  }
}
