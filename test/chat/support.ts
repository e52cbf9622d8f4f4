/**
 * A chat engine on a fake clock with a recording store, and the people who use it.
 */
import { randomBytes } from 'node:crypto';
import { ChatEngine } from '../../src/chat/engine.ts';
import type {
  Actor,
  ChatEvent,
  ChatOptions,
  MessageInput,
  MessageView,
  ThreadView,
  Walk,
} from '../../src/chat/types.ts';
import { CommandError } from '../../src/core/errors.ts';
import { type Plain, silent } from '../../src/core/ports.ts';
import { FakeAlarm, FakeClock } from '../support/clock.ts';
import { RecordingStore } from '../support/recorder.ts';

export const admin: Actor = { role: 'admin', user: '' };
export const backend: Actor = { role: 'backend', user: '' };
/** A secret key that acts in somebody's name. */
export const as = (user: string): Actor => ({ role: 'backend', user });
export const adminAs = (user: string): Actor => ({ role: 'admin', user });
/** Somebody who signed. */
export const signed = (user: string): Actor => ({ role: 'frontend', user });

export class World {
  readonly clock = new FakeClock();
  readonly store: RecordingStore;
  readonly alarm = new FakeAlarm();
  readonly events: { thread: string; event: ChatEvent }[] = [];
  readonly engine: ChatEngine;
  readonly options: ChatOptions;

  constructor(options: ChatOptions = {}, store = new RecordingStore()) {
    this.options = options;
    this.store = store;
    this.engine = new ChatEngine(
      {
        store,
        alarm: this.alarm,
        events: { publish: (thread, event) => this.events.push({ thread, event }) },
        log: silent,
        random: (bytes) => randomBytes(bytes),
      },
      options,
    );
  }

  /** The clock, a little later. */
  get now(): number {
    return this.clock.advance(1);
  }

  /** What a server would be after a crash at this moment. */
  restart(options: ChatOptions = this.options): World {
    const next = new World(options, this.store);
    next.clock.time = this.clock.time;
    this.store.restoreInto(next.engine, next.clock.time);
    return next;
  }

  thread(author = 'ana', title = 'Trip'): ThreadView {
    return this.engine.createThread(as(author), { title }, this.now);
  }

  post(thread: string, author = 'ana', input: MessageInput | string = 'hi'): MessageView {
    return this.engine.createMessage(as(author), thread, typeof input === 'string' ? { body: input } : input, this.now);
  }

  /** Rings until nothing is due any more. */
  settle(): void {
    for (let i = 0; this.engine.nextDeadline() <= this.clock.time; i++) {
      if (i > 100_000) throw new Error('the engine does not come to rest');
      this.engine.tick(this.clock.time);
    }
  }
}

/** Drives a walk to its end. */
export function run<T>(walk: Walk<T>): T {
  while (walk.step());
  return walk.result();
}

/** The text of the refusal, with its status. */
export function refusal(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    if (error instanceof CommandError) return `${error.status} ${error.message}`;
    throw error;
  }
  return 'no refusal';
}

/** Bodies of messages, as values. */
export const bodies = (page: { messages: readonly MessageView[] }): unknown[] =>
  page.messages.map(({ body }) => JSON.parse(body));

/** A recording store that can be seen as it was after any of its changes: what a crash there leaves. */
export class JournalStore extends RecordingStore {
  readonly #journal: ((store: RecordingStore) => void)[] = [];

  override put(table: string, key: string, value: Plain): void {
    super.put(table, key, value);
    const kept = structuredClone(value) as Plain;
    this.#journal.push((store) => store.put(table, key, kept));
  }

  override remove(table: string, key: string): void {
    super.remove(table, key);
    this.#journal.push((store) => store.remove(table, key));
  }

  override clear(table: string): void {
    super.clear(table);
    this.#journal.push((store) => store.clear(table));
  }

  get length(): number {
    return this.#journal.length;
  }

  /** What was kept after the first `count` changes. */
  after(count: number): RecordingStore {
    const store = new RecordingStore();
    for (const change of this.#journal.slice(0, count)) change(store);
    return store;
  }
}

/** A store for tests of many messages that no restart is part of. */
export class DeafStore extends RecordingStore {
  override put(): void {
    this.changes++;
  }
}

/** Everything an engine holds, as an admin sees it. */
export function contents(engine: ChatEngine): unknown {
  const { threads } = run(engine.allThreads({}));
  return threads.map(({ keyId, ...thread }) => {
    const { messages } = engine.messages(admin, thread.id, { includeDeleted: true });
    return { thread, messages, versions: messages.map(({ id }) => engine.versions(admin, thread.id, id).versions) };
  });
}

/** All that lies in a store, as one text; bytes in base64 and as they are. */
export function onDisk(store: RecordingStore): string {
  return JSON.stringify(store.snapshot(), (_, value: unknown) => {
    if (typeof value === 'bigint') return String(value);
    return value instanceof Uint8Array
      ? `${Buffer.from(value).toString('base64')} ${Buffer.from(value).toString()}`
      : value;
  });
}
