/**
 * A resource for as long as a component looks at it.
 */
import { useEffect, useMemo, useSyncExternalStore } from 'react';
import type { ProgressDBClient } from '../frontend.ts';
import { useSession } from './context.ts';
import { Resource, type ResourceState, type Subject } from './resource.ts';
import { useStable } from './stable.ts';

/** Another resource for every other client, thread, message and list of further dependencies. */
export function useResource<D>(
  subject: (client: ProgressDBClient, ids: readonly string[]) => Subject<D>,
  ids: readonly (string | null | undefined)[],
  deps: readonly unknown[] = NONE,
): [ResourceState<D>, Resource<D>, ProgressDBClient] {
  const { client, live } = useSession();
  const question = useStable([...ids, deps.length, ...deps]);
  const resource = useMemo(() => {
    const named = question.slice(0, ids.length);
    const complete = named.every((id) => typeof id === 'string' && id !== '');
    return new Resource<D>(complete ? subject(client, named as string[]) : undefined, live);
  }, [subject, client, live, question, ids.length]);
  useEffect(() => {
    resource.start();
    return () => resource.stop();
  }, [resource]);
  const state = useSyncExternalStore(resource.subscribe, resource.snapshot, resource.snapshot);
  return [state, resource, client];
}

const NONE: readonly unknown[] = [];
