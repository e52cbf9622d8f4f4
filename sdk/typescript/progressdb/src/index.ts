/**
 * Client of the chat threads of ProgressDB 0.1 and synapd: the backend SDK and the frontend SDK.
 */

export type { AdminStats, ProgressDBOptions } from './backend.ts';
export { BackendClient } from './backend.ts';
export type { ApiErrorDetails } from './errors.ts';
export { ApiError } from './errors.ts';
export type { ThreadEvents } from './events.ts';
export type { GetUserSignature, SDKOptions, Signer } from './frontend.ts';
export { ProgressDBClient, ProgressDBClient as FrontendClient } from './frontend.ts';
export type { ProgressDBFactory } from './progressdb.ts';
export { ProgressDB, ProgressDB as default } from './progressdb.ts';
export type { CommonOptions } from './settings.ts';
export type {
  Json,
  Message,
  MessageInput,
  MessagePage,
  MessageQuery,
  MessageReactions,
  MessageVersions,
  ReactionInput,
  SearchPage,
  SearchQuery,
  Thread,
  ThreadEvent,
  ThreadInput,
  ThreadQuery,
  Timestamp,
  Timestamps,
  UserSignature,
} from './types.ts';
