/**
 * Client of the synapd data server.
 */
export { type Health, type Queues, type Streams, Synapd, type Topics } from './client.ts';
export type { Refusal, RefusalCode } from './codes.ts';
export { REFUSALS } from './codes.ts';
export type { Commands, Integer, KeyChange, NoInput, Pushes } from './commands.ts';
export { type ClientCode, Reject, SynapdError } from './errors.ts';
export type { Message } from './message.ts';
export type * from './methods.ts';
export type {
  CallOptions,
  ClientOptions,
  Codec,
  ListenOptions,
  WebSocketConstructor,
  WebSocketLike,
} from './options.ts';
export type { Offset } from './reading.ts';
export type { Subscription } from './subscription.ts';
export type { Handler, HandlerContext, Worker, WorkerOptions } from './worker.ts';
