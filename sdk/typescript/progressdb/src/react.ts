'use client';

/**
 * React hooks of the chat threads of ProgressDB 0.1 and synapd.
 */

export type { GetUserSignature, SDKOptions } from './frontend.ts';
export { ProgressDBClient } from './frontend.ts';
export type { ProgressDBProviderProps } from './react/provider.ts';
export { ProgressDBProvider, ProgressDBProvider as default } from './react/provider.ts';
export type { SignatureState } from './react/signature-store.ts';
export type { MessageResult } from './react/use-message.ts';
export { useMessage } from './react/use-message.ts';
export type { MessagesResult } from './react/use-messages.ts';
export { useMessages } from './react/use-messages.ts';
export type { ReactionsResult } from './react/use-reactions.ts';
export { useReactions } from './react/use-reactions.ts';
export type { UserSignatureResult } from './react/use-session.ts';
export { useProgressClient, useUserSignature } from './react/use-session.ts';
export type { ThreadsResult } from './react/use-threads.ts';
export { useThreads } from './react/use-threads.ts';
export type { Message, ReactionInput, Thread, UserSignature } from './types.ts';
