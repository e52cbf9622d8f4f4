/**
 * One message, live.
 */
import { useMemo } from 'react';
import type { ProgressDBClient } from '../frontend.ts';
import type { Message, MessageInput } from '../types.ts';
import type { Subject } from './resource.ts';
import { useResource } from './use-resource.ts';

/** What `useMessage` gives. */
export interface MessageResult {
  /** In its newest version; `null` until it is there. */
  message: Message | null;
  loading: boolean;
  error: unknown;
  /** Loads it anew. Never rejects: `error` tells. */
  refresh(): Promise<void>;
  /** Edits it. Rejects with `ApiError`. */
  update(msg: MessageInput): Promise<Message>;
  /** Deletes it. Rejects with `ApiError`. */
  remove(): Promise<void>;
}

/** A message of a thread, kept up to date by the events of the thread where the server has them. */
export function useMessage(threadId: string | null | undefined, id: string | null | undefined): MessageResult {
  const [{ data, loading, error }, resource, client] = useResource(subject, [threadId, id]);
  const actions = useMemo(() => {
    const [thread, message] = [threadId ?? '', id ?? ''];
    return {
      refresh: resource.refresh,
      async update(msg: MessageInput) {
        const edited = await client.updateThreadMessage(thread, message, msg);
        resource.change((shown) => newer(shown, edited));
        return edited;
      },
      async remove() {
        await client.deleteThreadMessage(thread, message);
        resource.change((shown) => ({ ...shown, deleted: true }));
      },
    };
  }, [client, resource, threadId, id]);
  return useMemo(() => ({ message: data, loading, error, ...actions }), [data, loading, error, actions]);
}

const subject = (client: ProgressDBClient, ids: readonly string[]): Subject<Message> => {
  const [thread, id] = ids as [string, string];
  return {
    thread,
    load: (signal) => client.withOptions({ signal }).getThreadMessage(thread, id),
    merge: (shown, { message }) => (message?.id === id ? newer(shown, message) : shown),
  };
};

const newer = (shown: Message, message: Message): Message => (shown.ts > message.ts ? shown : message);
