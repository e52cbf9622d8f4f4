/**
 * A call from the user's input to the answer that its row promises: over the wire that is chosen, again where it may be.
 */
import { type Commands, type Integer, METHODS } from './commands.ts';
import { SynapdError } from './errors.ts';
import { aborted } from './failures.ts';
import type { Http } from './http.ts';
import type { Link } from './link.ts';
import type { CallOptions, Settings } from './options.ts';
import { delay, repeatable } from './retry.ts';
import { pause } from './signals.ts';
import { incoming, onlyRest, outgoing } from './wire.ts';

type Answer<N extends keyof Commands> = Commands[N]['output'];

export class Calls {
  readonly #settings: Settings;
  readonly #http: Http;
  /** Where calls travel on the socket. */
  readonly #link: Link | undefined;
  readonly #life: AbortSignal;

  constructor(settings: Settings, http: Http, link: Link | undefined, life: AbortSignal) {
    this.#settings = settings;
    this.#http = http;
    this.#link = link;
    this.#life = life;
  }

  async call<N extends keyof Commands>(
    name: N,
    input: Commands[N]['input'],
    options?: CallOptions,
  ): Promise<Answer<N>> {
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#once(name, input, options);
      } catch (error) {
        if (!(error instanceof SynapdError)) throw error;
        const ms = delay(error, attempt, options?.retries ?? this.#settings.retries, repeatable(name, input));
        if (ms === undefined) throw error;
        await pause(ms, options?.signal, this.#life);
        if (options?.signal?.aborted) throw aborted(name, options.signal, error.unknown);
      }
    }
  }

  async #once<N extends keyof Commands>(
    name: N,
    input: Commands[N]['input'],
    options: CallOptions | undefined,
  ): Promise<Answer<N>> {
    const method = METHODS[name];
    if (method === undefined) throw new TypeError(`${String(name)} is no command`);
    const wait = Number((input as { wait_ms?: Integer | null }).wait_ms ?? 0);
    const timeout = (options?.timeout ?? this.#settings.timeout) + wait;
    const signal = options?.signal;
    const link = this.#link;
    if (onlyRest(name, input as Readonly<Record<string, unknown>>))
      return (await this.#http.route('/kv/set', 'POST', {
        name,
        method,
        payload: input,
        timeout,
        signal,
      })) as Answer<N>;
    const binary = link !== undefined && this.#settings.codec !== undefined;
    const ask = { name, method, payload: outgoing(name, method, input, binary), timeout, signal };
    const answer = await (link === undefined ? this.#http.call(ask) : link.call(ask));
    return incoming(name, method, answer, input) as Answer<N>;
  }
}
