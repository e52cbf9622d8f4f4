/**
 * The reactions of a message, live.
 */
import { useMemo } from 'react';
import type { ProgressDBClient } from '../frontend.ts';
import type { Message, ReactionInput } from '../types.ts';
import type { Subject } from './resource.ts';
import { useResource } from './use-resource.ts';

/** What `useReactions` gives. */
export interface ReactionsResult {
  /** Who reacted, and how; `null` until they are there. */
  reactions: ReactionInput[] | null;
  loading: boolean;
  error: unknown;
  /** Loads them anew. Never rejects: `error` tells. */
  refresh(): Promise<void>;
  /** Sets the reaction of `input.id`, which has to be the user. Rejects with `ApiError`. */
  add(input: ReactionInput): Promise<Message>;
  /** Takes a reaction away. Rejects with `ApiError`. */
  remove(identity: string): Promise<void>;
}

/** The reactions of a message, kept up to date by the events of its thread where the server has them. */
export function useReactions(
  threadId: string | null | undefined,
  messageId: string | null | undefined,
): ReactionsResult {
  const [{ data, loading, error }, resource, client] = useResource(subject, [threadId, messageId]);
  const actions = useMemo(() => {
    const [thread, message] = [threadId ?? '', messageId ?? ''];
    return {
      refresh: resource.refresh,
      async add(input: ReactionInput) {
        const changed = await client.addOrUpdateReaction(thread, message, input);
        resource.change(() => reactionsOf(changed));
        return changed;
      },
      async remove(identity: string) {
        await client.removeReaction(thread, message, identity);
        resource.change((reactions) => reactions.filter(({ id }) => id !== identity));
      },
    };
  }, [client, resource, threadId, messageId]);
  return useMemo(() => ({ reactions: data, loading, error, ...actions }), [data, loading, error, actions]);
}

const subject = (client: ProgressDBClient, ids: readonly string[]): Subject<ReactionInput[]> => {
  const [thread, id] = ids as [string, string];
  return {
    thread,
    load: async (signal) => (await client.withOptions({ signal }).listReactions(thread, id)).reactions,
    merge: (shown, { message }) => (message?.id === id ? reactionsOf(message) : shown),
  };
};

const reactionsOf = ({ reactions = {} }: Message): ReactionInput[] =>
  Object.entries(reactions).map(([id, reaction]) => ({ id, reaction }));
