/**
 * One thing that a component looks at: its loading, its error, and its live changes.
 *
 * Invariant: it stands for one question; a component that asks another one gets another resource, so that an answer is
 * never shown for a question that it was not given to. After `stop` nothing changes any more.
 */
import { ApiError } from '../errors.ts';
import type { ThreadEvent } from '../types.ts';
import type { LiveThreads } from './live-threads.ts';

/** What a component sees. */
export interface ResourceState<D> {
  /** `null` until there is an answer, and when the server says that there is none for this user. */
  readonly data: D | null;
  readonly loading: boolean;
  readonly error: unknown;
}

/** What a resource is about. */
export interface Subject<D> {
  /** Asks for it; `signal` is aborted when nobody waits for the answer any more. */
  load(signal: AbortSignal): Promise<D>;
  /** The thread whose events change it. */
  readonly thread?: string;
  /** What an event makes of it; `undefined`: it has to be loaded anew. */
  merge?(data: D, event: ThreadEvent): D | undefined;
}

export class Resource<D> {
  readonly #subject: Subject<D> | undefined;
  readonly #live: LiveThreads;
  readonly #listeners = new Set<() => void>();
  #state: ResourceState<D>;
  #loading: AbortController | undefined;
  #loaded: Promise<void> = Promise.resolve();
  #started = false;
  #unfollow: (() => void) | undefined;
  /** Events since the load under way began; what it answers may lack them. */
  #missed: ThreadEvent[] = [];

  /** Without a subject there is nothing to look at yet. */
  constructor(subject: Subject<D> | undefined, live: LiveThreads) {
    this.#subject = subject;
    this.#live = live;
    this.#state = { data: null, loading: subject !== undefined, error: undefined };
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly snapshot = (): ResourceState<D> => this.#state;

  start(): void {
    const thread = this.#subject?.thread;
    this.#started = true;
    if (thread !== undefined) {
      this.#unfollow = this.#live.follow(thread, {
        opened: () => this.#reload(),
        event: (event) => this.#event(event),
      });
    }
    this.#reload();
  }

  stop(): void {
    this.#started = false;
    this.#unfollow?.();
    this.#loading?.abort();
    this.#loading = undefined;
  }

  /** Loads it anew. Never rejects: the state tells. */
  readonly refresh = async (): Promise<void> => {
    if (!this.#started || this.#subject === undefined) return;
    this.#set({ ...this.#state, loading: true });
    this.reconnect();
    this.#reload();
    for (let last: unknown; last !== this.#loaded; await last) last = this.#loaded; // events may have begun another one
  };

  /** Connects to the events again, where they were given up. */
  reconnect(): void {
    if (this.#started && this.#subject?.thread !== undefined) this.#live.connect(this.#subject.thread);
  }

  /** Shows at once what is known to have changed. */
  change(make: (data: D) => D): void {
    const { data } = this.#state;
    if (this.#started && data !== null) this.#set({ ...this.#state, data: make(data) });
  }

  #reload(): void {
    this.#loaded = this.#load();
  }

  async #load(): Promise<void> {
    const subject = this.#subject;
    if (subject === undefined || !this.#started) return;
    this.#loading?.abort();
    const loading = new AbortController();
    this.#loading = loading;
    this.#missed = [];
    try {
      const data = await subject.load(loading.signal);
      if (this.#loading !== loading) return;
      this.#loading = undefined;
      this.#set({ data, loading: false, error: undefined });
      for (const event of this.#missed.splice(0)) this.#event(event);
    } catch (error) {
      if (this.#loading !== loading) return;
      this.#loading = undefined;
      const none = error instanceof ApiError && error.status >= 400 && error.status < 500 && error.status !== 429;
      this.#set({ data: none ? null : this.#state.data, loading: false, error });
    }
  }

  #event(event: ThreadEvent): void {
    const { data } = this.#state;
    if (this.#loading !== undefined) this.#missed.push(event);
    else if (this.#started && data !== null) {
      const merged = event.kind === 'reset' ? undefined : this.#subject?.merge?.(data, event);
      if (merged === undefined) this.#reload();
      else if (merged !== data) this.#set({ ...this.#state, data: merged });
    }
  }

  #set(state: ResourceState<D>): void {
    this.#state = state;
    for (const listener of [...this.#listeners]) listener();
  }
}
