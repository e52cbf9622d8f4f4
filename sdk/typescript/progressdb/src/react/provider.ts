/**
 * The provider: one client for all hooks below it, for the user whose signature the application gets.
 */
import { createElement, type ReactElement, type ReactNode, useEffect, useMemo, useSyncExternalStore } from 'react';
import { type GetUserSignature, ProgressDBClient, type SDKOptions } from '../frontend.ts';
import { type Session, SessionContext } from './context.ts';
import { LiveThreads } from './live-threads.ts';
import { SignatureStore } from './signature-store.ts';
import { useStable } from './stable.ts';

/** What the provider takes. */
export interface ProgressDBProviderProps {
  /** Options of the client. Inline objects are fine: what counts is what they hold. */
  options?: Omit<SDKOptions<'number'>, 'timestamps' | 'signal' | 'getUserSignature' | 'throwOnError'> | undefined;
  /** Gets the signature of the current user from your backend; requests wait for it. */
  getUserSignature: GetUserSignature;
  /** Keeps the signature in `sessionStorage` for the tab. Default `true`. */
  persistSignature?: boolean | undefined;
  /** Who the current user is, where you know it: a kept signature of somebody else is then not used. */
  userId?: string | undefined;
  children?: ReactNode;
}

/** Makes the hooks work below it. */
export function ProgressDBProvider(props: ProgressDBProviderProps): ReactElement {
  const { getUserSignature, persistSignature = true, userId, children } = props;
  const options = useStable(props.options ?? NO_OPTIONS);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the newest `getUserSignature` is put into the store below
  const signatures = useMemo(() => {
    const key = persistSignature ? `progressdb:signature:${options.baseUrl ?? ''}` : undefined;
    return new SignatureStore(getUserSignature, key, userId);
  }, [options, persistSignature, userId]);
  const users = useSyncExternalStore(signatures.subscribe, signatures.users, signatures.users);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another user gets another session, and sees nothing of this one
  const session = useMemo<Session>(() => {
    const client = new ProgressDBClient<'number'>({ ...options, getUserSignature: signatures.get });
    return { client, signatures, live: new LiveThreads(client) };
  }, [options, signatures, users]);
  useEffect(() => {
    signatures.source = getUserSignature;
  }, [signatures, getUserSignature]);
  useEffect(() => {
    signatures.get().catch(() => undefined); // `useUserSignature` tells
  }, [signatures]);
  return createElement(SessionContext.Provider, { value: session }, children);
}

const NO_OPTIONS: NonNullable<ProgressDBProviderProps['options']> = {};
