/**
 * The hold of a worker on one message, renewed after a third of its length, so that two renewals may fail.
 *
 * Invariant: `signal` is aborted at the end of the time for which the server is known to have granted the message.
 */
import { SynapdError } from './errors.ts';

/** What a lease does with the world. */
export interface LeasePort {
  /** Asks for `ms` from now on. */
  renew(ms: number): Promise<void>;
  /** A renewal failed; it may be tried again. */
  failed(error: unknown): void;
}

export class Lease {
  readonly #port: LeasePort;
  readonly #lost = new AbortController();
  readonly #length: number;
  #until: number;
  #renewing: ReturnType<typeof setTimeout> | undefined;
  #losing: ReturnType<typeof setTimeout> | undefined;
  #over = false;

  /** `since`: Unix milliseconds. `length` in milliseconds. */
  constructor(since: number, length: number, port: LeasePort) {
    this.#port = port;
    this.#length = length;
    this.#until = since + length;
    this.#schedule(length / 3);
  }

  /** Aborted when the message belongs to somebody else. */
  get signal(): AbortSignal {
    return this.#lost.signal;
  }

  /** It is not needed any more. */
  end(): void {
    this.#over = true;
    clearTimeout(this.#renewing);
    clearTimeout(this.#losing);
  }

  #schedule(ms: number): void {
    this.end();
    this.#over = false;
    this.#renewing = setTimeout(() => this.#renew(), ms);
    this.#losing = setTimeout(() => this.#lose(), Math.max(0, this.#until - Date.now()));
  }

  async #renew(): Promise<void> {
    const asked = Date.now();
    try {
      await this.#port.renew(this.#length);
      if (this.#over) return;
      this.#until = asked + this.#length;
      this.#schedule(this.#length / 3);
    } catch (error) {
      if (this.#over) return;
      this.#port.failed(error);
      if (error instanceof SynapdError && error.retryable) this.#schedule(Math.min(1000, this.#length / 10));
      else this.#lose();
    }
  }

  #lose(): void {
    this.end();
    this.#lost.abort(new Error('the lease on the message is lost'));
  }
}
