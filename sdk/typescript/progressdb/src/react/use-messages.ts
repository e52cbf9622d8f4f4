/**
 * The messages of a thread, live.
 */
import { useMemo } from 'react';
import type { ProgressDBClient } from '../frontend.ts';
import type { Message, MessageInput, MessagePage, MessageQuery, ThreadEvent } from '../types.ts';
import type { Subject } from './resource.ts';
import { useResource } from './use-resource.ts';

/** What `useMessages` gives. */
export interface MessagesResult {
  /** Ascending; `null` until they are there. */
  messages: Message[] | null;
  loading: boolean;
  error: unknown;
  /** Loads them anew. Never rejects: `error` tells. */
  refresh(): Promise<void>;
  /** Posts a message to the thread. Rejects with `ApiError`. */
  create(msg: MessageInput): Promise<Message>;
  /** A page of the thread, which `messages` does not show. Rejects with `ApiError`. */
  list(query?: MessageQuery): Promise<MessagePage>;
  /** Edits a message. Rejects with `ApiError`. */
  update(id: string, msg: MessageInput): Promise<Message>;
  /** Deletes a message. Rejects with `ApiError`. */
  remove(id: string): Promise<void>;
}

/** The messages of a thread, kept up to date by its events where the server has them. Without a thread it waits for one. */
export function useMessages(threadId: string | null | undefined, deps?: readonly unknown[]): MessagesResult {
  const [{ data, loading, error }, resource, client] = useResource(subject, [threadId], deps);
  const actions = useMemo(() => {
    const thread = threadId ?? '';
    return {
      refresh: resource.refresh,
      list: (query?: MessageQuery) => client.listThreadMessages(thread, query),
      async create(msg: MessageInput) {
        const made = await client.createThreadMessage(thread, msg);
        resource.change((messages) => put(messages, made));
        resource.reconnect(); // the thread may not have existed before
        return made;
      },
      async update(id: string, msg: MessageInput) {
        const edited = await client.updateThreadMessage(thread, id, msg);
        resource.change((messages) => put(messages, edited));
        return edited;
      },
      async remove(id: string) {
        await client.deleteThreadMessage(thread, id);
        resource.change((messages) => without(messages, id));
      },
    };
  }, [client, resource, threadId]);
  return useMemo(() => ({ messages: data, loading, error, ...actions }), [data, loading, error, actions]);
}

const subject = (client: ProgressDBClient, [thread]: readonly string[]): Subject<Message[]> => ({
  thread: thread as string,
  load: async (signal) => (await client.withOptions({ signal }).listMessages({ thread })).messages,
  merge,
});

function merge(messages: Message[], { kind, message, state }: ThreadEvent): Message[] | undefined {
  if (message === undefined) return state?.deleted ? undefined : messages;
  if (message.deleted) return without(messages, message.id);
  const known = kind === 'message' || messages.some(({ id }) => id === message.id);
  return known ? put(messages, message) : undefined; // one that comes back has its place somewhere in between
}

/** With a message in its newest version. */
function put(messages: Message[], message: Message): Message[] {
  const at = messages.findLastIndex(({ id }) => id === message.id);
  if (at < 0) return [...messages, message];
  if ((messages[at] as Message).ts > message.ts) return messages;
  return [...messages.slice(0, at), message, ...messages.slice(at + 1)];
}

const without = (messages: Message[], gone: string): Message[] =>
  messages.some(({ id }) => id === gone) ? messages.filter(({ id }) => id !== gone) : messages;
