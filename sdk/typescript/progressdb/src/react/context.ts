/**
 * What the provider gives to the hooks below it.
 */
import { createContext, useContext } from 'react';
import type { ProgressDBClient } from '../frontend.ts';
import type { LiveThreads } from './live-threads.ts';
import type { SignatureStore } from './signature-store.ts';

/** One client, its user and its live events. */
export interface Session {
  readonly client: ProgressDBClient;
  readonly signatures: SignatureStore;
  readonly live: LiveThreads;
}

export const SessionContext = createContext<Session | undefined>(undefined);

/** The session of the nearest provider. Throws `Error` when there is none. */
export function useSession(): Session {
  const session = useContext(SessionContext);
  if (session === undefined) throw new Error('Hooks of ProgressDB work below a ProgressDBProvider only; add one.');
  return session;
}
