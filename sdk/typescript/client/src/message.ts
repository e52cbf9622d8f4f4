/**
 * A message of a queue, as a worker's handler sees it.
 */
import type { Commands } from './commands.ts';

type Delivered = Commands['queue.consume_batch']['output']['messages'][number];

export class Message {
  readonly id: string;
  readonly payload: Uint8Array;
  /** 0 to 9, more is more urgent. */
  readonly priority: number;
  /** How often it was given back or ran out of time before. */
  readonly retryCount: number;
  readonly maxRetries: number;
  readonly headers: Readonly<Record<string, string>>;
  /** When it was published, Unix seconds. */
  readonly timestamp: number;

  /** @internal */
  constructor(delivered: Delivered) {
    this.id = delivered.id;
    this.payload = delivered.payload;
    this.priority = delivered.priority;
    this.retryCount = delivered.retry_count;
    this.maxRetries = delivered.max_retries;
    this.headers = delivered.headers;
    this.timestamp = delivered.timestamp;
  }

  /** The payload as UTF-8 text. */
  text(): string {
    return new TextDecoder().decode(this.payload);
  }

  /** The payload as JSON; throws `SyntaxError` when it is none. */
  json<T = unknown>(): T {
    return JSON.parse(this.text()) as T;
  }
}
