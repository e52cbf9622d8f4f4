/**
 * The threads of the user.
 */
import { useMemo } from 'react';
import type { ProgressDBClient } from '../frontend.ts';
import type { Thread, ThreadInput } from '../types.ts';
import type { Subject } from './resource.ts';
import { useResource } from './use-resource.ts';

/** What `useThreads` gives. */
export interface ThreadsResult {
  /** In the order of creation; `null` until they are there. */
  threads: Thread[] | null;
  loading: boolean;
  error: unknown;
  /** Loads them anew. Never rejects: `error` tells. */
  refresh(): Promise<void>;
  /** Makes a thread. Rejects with `ApiError`. */
  create(thread: ThreadInput): Promise<Thread>;
  /** Changes a thread. Rejects with `ApiError`. */
  update(id: string, thread: ThreadInput): Promise<Thread>;
  /** Deletes a thread. Rejects with `ApiError`. */
  remove(id: string): Promise<void>;
}

/** The threads of the user. There are no events about them: `refresh` shows what others changed. */
export function useThreads(deps?: readonly unknown[]): ThreadsResult {
  const [{ data, loading, error }, resource, client] = useResource(subject, NO_IDS, deps);
  const actions = useMemo(
    () => ({
      refresh: resource.refresh,
      async create(thread: ThreadInput) {
        const made = await client.createThread(thread);
        resource.change((threads) => [...threads.filter(({ id }) => id !== made.id), made]);
        return made;
      },
      async update(id: string, thread: ThreadInput) {
        const changed = await client.updateThread(id, thread);
        resource.change((threads) => threads.map((shown) => (shown.id === id ? changed : shown)));
        return changed;
      },
      async remove(id: string) {
        await client.deleteThread(id);
        resource.change((threads) => threads.filter((shown) => shown.id !== id));
      },
    }),
    [client, resource],
  );
  return useMemo(() => ({ threads: data, loading, error, ...actions }), [data, loading, error, actions]);
}

const NO_IDS: readonly string[] = [];

const subject = (client: ProgressDBClient): Subject<Thread[]> => ({
  load: async (signal) => (await client.withOptions({ signal }).listThreads()).threads,
});
