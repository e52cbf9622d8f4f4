/**
 * What a command's `run` may reach. One object per server; faces set `session` and `now` before each call.
 *
 * Invariant: `run` reads `session` and `now` before it awaits anything, since the object is shared.
 */
import type { Clock } from '../core/clock.ts';
import type { KvEngine } from '../kv/engine.ts';
import type { Caller } from './access.ts';

export interface Context {
  readonly clock: Clock;
  readonly kv: KvEngine;
  /** Who is calling. */
  session: Caller;
  /** Unix milliseconds of this call. */
  now: number;
}
