/**
 * Live events of threads, one connection for each thread however many hooks look at it: browsers open only a few.
 *
 * Invariant: a connection lives as long as somebody follows its thread. Where there are no live events, followers simply
 * hear nothing.
 */
import type { ThreadEvents } from '../events.ts';
import type { ProgressDBClient } from '../frontend.ts';
import type { ThreadEvent } from '../types.ts';

/** Somebody who follows a thread. */
export interface Follower {
  /** The server listens from now on: what was read before may lack something. */
  opened(): void;
  event(event: ThreadEvent): void;
}

interface Thread {
  readonly followers: Set<Follower>;
  events: ThreadEvents | undefined;
}

export class LiveThreads {
  readonly #client: ProgressDBClient;
  readonly #threads = new Map<string, Thread>();

  constructor(client: ProgressDBClient) {
    this.#client = client;
  }

  /** Follows a thread until the returned function is called. */
  follow(id: string, follower: Follower): () => void {
    const thread = this.#threads.get(id) ?? { followers: new Set(), events: undefined };
    this.#threads.set(id, thread);
    thread.followers.add(follower);
    this.connect(id);
    return () => {
      thread.followers.delete(follower);
      // a moment later, since strict mode and a change of page take followers away and bring them back
      if (thread.followers.size === 0) setTimeout(() => this.#leave(id, thread), 0);
    };
  }

  /** Connects again, where the connection was given up, such as for a thread that did not exist. */
  connect(id: string): void {
    const thread = this.#threads.get(id);
    if (thread !== undefined && thread.events === undefined) void this.#run(id, thread);
  }

  async #run(id: string, thread: Thread): Promise<void> {
    const events = this.#client.threadEvents(id);
    thread.events = events;
    try {
      await events.open();
      for (const follower of [...thread.followers]) follower.opened();
      for await (const event of events) for (const follower of [...thread.followers]) follower.event(event);
    } catch {
      // the thread or the events do not exist, or the user may not read them: whoever reads the thread is told so
    } finally {
      if (thread.events === events) thread.events = undefined;
    }
  }

  #leave(id: string, thread: Thread): void {
    if (thread.followers.size > 0) return;
    thread.events?.close();
    if (this.#threads.get(id) === thread) this.#threads.delete(id);
  }
}
