/**
 * Tells watchers of keys and readers of keyspace notifications what changed (synap-core.md 2.5).
 *
 * Invariant: a key has a version exactly while it exists and had a change that reached a watcher; the n-th such change
 * carries version n. When nobody watches, a change costs the engine one look at `on`.
 */
import { byteLength, type Value } from './value.ts';

/** The word of a change. */
export type WatchEvent =
  | 'set'
  | 'append'
  | 'setrange'
  | 'incrby'
  | 'decrby'
  | 'del'
  | 'expire'
  | 'persist'
  | 'expired'
  | 'evicted';

/** What a watcher of a key receives. */
export interface WatchEnvelope {
  readonly key: string;
  readonly event: WatchEvent;
  readonly version: number;
  /** The text after the change; absent when there is none, when it is too long, and when it is not UTF-8. */
  readonly value?: string;
  /** `value` is absent although there is one. */
  readonly truncated?: true;
}

/** Where changes are told; the pub/sub engine stands behind it. Neither call may come back into the key-value engine. */
export interface WatchPort {
  /** Whether anybody subscribes to a topic that begins with `__watch@0__:` at all; read at every write, so a plain property. */
  readonly active: boolean;
  /** Whether a publish to `topic` would reach anybody. */
  watched(topic: string): boolean;
  /** Hands over one message: an envelope, or a plain text for keyspace notifications. */
  publish(topic: string, payload: WatchEnvelope | string): void;
}

/** The port of an engine that nobody watches. */
export const unwatched: WatchPort = { active: false, watched: () => false, publish: () => {} };

type NoticeClass = '$' | 'g' | 'x' | 'e';

const CLASS: Record<WatchEvent, NoticeClass> = {
  set: '$',
  append: '$',
  setrange: '$',
  incrby: '$',
  decrby: '$',
  del: 'g',
  expire: 'g',
  persist: 'g',
  expired: 'x',
  evicted: 'e',
};

/** Events after which the key is gone and its version with it. */
const LAST: ReadonlySet<WatchEvent> = new Set(['del', 'expired', 'evicted']);

export class Watch {
  readonly #port: WatchPort;
  readonly #inlineBytes: number;
  readonly #versions = new Map<string, number>();
  readonly #keyspace: boolean;
  readonly #keyevent: boolean;
  readonly #classes: ReadonlySet<string>;
  readonly #notifies: boolean;

  /** `notify` are Redis letters: K and E choose the topics, g $ x e or A the classes; others are ignored. */
  constructor(port: WatchPort, inlineBytes: number, notify: string) {
    this.#port = port;
    this.#inlineBytes = inlineBytes;
    this.#classes = new Set(notify.includes('A') ? '$gxe' : notify);
    this.#keyspace = notify.includes('K');
    this.#keyevent = notify.includes('E');
    this.#notifies = (this.#keyspace || this.#keyevent) && Object.values(CLASS).some((c) => this.#classes.has(c));
  }

  /** Whether `changed` has anything to do. */
  get on(): boolean {
    return this.#port.active || this.#notifies || this.#versions.size !== 0;
  }

  /** Whether anybody watches keys. */
  get active(): boolean {
    return this.#port.active;
  }

  /**
   * Tells of a change that was made. `value` is the value after it, absent where the event carries none. `notice` is
   * false for changes that keyspace notifications leave out (mset, msetnx, flush).
   */
  changed(event: WatchEvent, key: string, value?: Value, notice = true): void {
    const topic = `__watch@0__:${key}`;
    const reaches = this.#port.active && this.#port.watched(topic);
    if (reaches) {
      const version = (this.#versions.get(key) ?? 0) + 1;
      this.#port.publish(topic, this.#envelope(event, key, version, value));
      this.#versions.set(key, version);
    }
    if (this.#versions.size !== 0 && LAST.has(event)) this.#versions.delete(key);
    if (!notice || !this.#notifies || !this.#classes.has(CLASS[event])) return;
    if (this.#keyspace) this.#port.publish(`__keyspace@0__:${key}`, event);
    if (this.#keyevent) this.#port.publish(`__keyevent@0__:${event}`, key);
  }

  /** Forgets every version. */
  clear(): void {
    this.#versions.clear();
  }

  /** Keys that have a version. */
  versioned(): Iterable<string> {
    return this.#versions.keys();
  }

  #envelope(event: WatchEvent, key: string, version: number, value: Value | undefined): WatchEnvelope {
    if (value === undefined) return { key, event, version };
    if (typeof value !== 'string' || byteLength(value) > this.#inlineBytes)
      return { key, event, version, truncated: true };
    return { key, event, version, value };
  }
}
