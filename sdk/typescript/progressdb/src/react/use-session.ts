/**
 * Hooks about the client itself and its user.
 */
import { useMemo, useSyncExternalStore } from 'react';
import type { ProgressDBClient } from '../frontend.ts';
import { useSession } from './context.ts';
import type { SignatureState } from './signature-store.ts';

/** The client of the provider. Its calls act for the current user, and wait for the signature. */
export function useProgressClient(): ProgressDBClient {
  return useSession().client;
}

/** What `useUserSignature` gives. */
export interface UserSignatureResult extends SignatureState {
  /** Gets the signature anew. Never rejects: `error` tells. */
  refresh(): Promise<void>;
  /** Forgets the signature, such as when the user leaves. */
  clear(): void;
}

/** The signature of the current user. */
export function useUserSignature(): UserSignatureResult {
  const { signatures } = useSession();
  const state = useSyncExternalStore(signatures.subscribe, signatures.snapshot, signatures.snapshot);
  return useMemo(() => ({ ...state, refresh: signatures.refresh, clear: signatures.clear }), [state, signatures]);
}
