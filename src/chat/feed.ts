/**
 * Those who follow threads, and what they are told.
 *
 * Invariant: a follower holds a place in the log of its thread and nothing else, so that a slow one costs no memory.
 * Whoever is more than `LIMITS.chatReplay` changes behind gets `reset` and reads anew.
 */
import { CommandError, type ErrorCode } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';
import { mayRead } from './access.ts';
import { messageView, Version } from './message.ts';
import { type Change, type HeadChange, type Thread, threadView } from './thread.ts';
import type { Actor, ChatEvent, ChatEvents } from './types.ts';

/** Events go to whoever reads the thread, so they never show what only admins see. */
const READER: Actor = { role: 'frontend', user: '' };

export class Feed {
  readonly #events: ChatEvents;
  #followers = 0;

  constructor(events: ChatEvents) {
    this.#events = events;
  }

  /** How many follow, all threads together. */
  get followers(): number {
    return this.#followers;
  }

  /** Logs a change and tells it. */
  tell(thread: Thread, change: Change): void {
    log(thread, change);
    this.#events.publish(thread.id, eventOf(thread, change));
    if (thread.followers !== undefined) for (const follower of [...thread.followers]) follower.notice();
  }

  /** Lets the followers of a thread know that it is over. */
  end(thread: Thread): void {
    if (thread.followers !== undefined) for (const follower of [...thread.followers]) follower.notice();
  }

  /** Follows a thread from behind `after`; without it, from now on. */
  follow(thread: Thread, actor: Actor, after: number | undefined, wake: () => void): Follower {
    if ((thread.followers?.size ?? 0) >= LIMITS.chatWatchers || this.#followers >= LIMITS.chatAllWatchers) {
      throw new CommandError('LIMIT_REACHED', { detail: 'too many readers follow this thread' });
    }
    const follower = new Follower(thread, actor, after ?? thread.seq, wake, () => {
      if (!thread.followers?.delete(follower)) return;
      if (thread.followers.size === 0) thread.followers = undefined;
      this.#followers--;
    });
    thread.followers ??= new Set();
    thread.followers.add(follower);
    this.#followers++;
    return follower;
  }
}

/** Somebody who follows a thread. Pulls: `wake` is called once when there is something to read after everything was read. */
export class Follower {
  readonly #thread: Thread;
  readonly #actor: Actor;
  readonly #wake: () => void;
  readonly #leave: () => void;
  #position: number;
  #idle = false;

  constructor(thread: Thread, actor: Actor, position: number, wake: () => void, leave: () => void) {
    this.#thread = thread;
    this.#actor = actor;
    this.#position = position;
    this.#wake = wake;
    this.#leave = leave;
  }

  /**
   * Why nothing will follow any more, if so: the thread is gone for this reader, and the last change has been read; or
   * the reader is no participant any more, since retention removed what it wrote.
   */
  get ended(): ErrorCode | undefined {
    const { purging, deletedAt, seq } = this.#thread;
    if (purging || (deletedAt !== 0n && this.#actor.role !== 'admin' && this.#position >= seq)) {
      return 'CHAT_THREAD_NOT_FOUND';
    }
    return mayRead(this.#actor, this.#thread) ? undefined : 'CHAT_NOT_PARTICIPANT';
  }

  /** At most `max` further events; none when all were read, and then `wake` is called for the next one. */
  read(max: number): ChatEvent[] {
    const thread = this.#thread;
    if (thread.purging || this.#position === thread.seq || !mayRead(this.#actor, thread)) {
      this.#idle = true;
      return [];
    }
    if (this.#position > thread.seq || thread.seq - this.#position > LIMITS.chatReplay) {
      this.#position = thread.seq;
      return [resetOf(thread)];
    }
    const place = thread.log.seek((change) => change.seq <= this.#position);
    const events: ChatEvent[] = [];
    for (const change of thread.log.up(place, max)) {
      if (!this.#fillGap(change.seq, events, max)) return events;
      this.#position = change.seq;
      events.push(eventOf(thread, change));
    }
    this.#fillGap(thread.seq + 1, events, max);
    return events;
  }

  /**
   * What is missing before `seq` are changes of the head, which are not kept over a restart and of which only the last
   * of several is kept, or purged messages: the head as it is now stands for them. `false` when there is no more room.
   */
  #fillGap(seq: number, events: ChatEvent[], max: number): boolean {
    if (events.length >= max) return false;
    if (seq <= this.#position + 1) return true;
    this.#position = seq - 1;
    events.push(headEvent(this.#thread, { seq: seq - 1, at: this.#thread.updated }));
    return events.length < max;
  }

  /** Follows no longer. */
  close(): void {
    this.#leave();
  }

  /** @internal There is something to read. */
  notice(): void {
    if (!this.#idle) return;
    this.#idle = false;
    this.#wake();
  }
}

/** Adds a change to the log of a thread. */
export function log(thread: Thread, change: Change): void {
  const last = thread.log.last();
  if (last !== undefined && !(last instanceof Version) && !(change instanceof Version)) thread.log.delete(last);
  thread.log.add(change);
}

function eventOf(thread: Thread, change: Change): ChatEvent {
  if (!(change instanceof Version) || change.message.tombstone) return headEvent(thread, change);
  const message = messageView(change.message);
  return { seq: change.seq, kind: change.kind, thread: thread.id, at: change.at, message, state: undefined };
}

function headEvent(thread: Thread, { seq, at }: HeadChange): ChatEvent {
  return { seq, kind: 'thread', thread: thread.id, at, message: undefined, state: threadView(thread, READER) };
}

function resetOf(thread: Thread): ChatEvent {
  return { seq: thread.seq, kind: 'reset', thread: thread.id, at: 0n, message: undefined, state: undefined };
}
