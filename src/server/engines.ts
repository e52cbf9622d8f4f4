/**
 * The engines of one server, built on one store, one set of timers and one source of ids.
 */
import { randomBytes } from 'node:crypto';
import { AccountBook } from '../auth/book.ts';
import { ChatEngine } from '../chat/engine.ts';
import { messageShape, threadShape } from '../commands/chat-shapes.ts';
import type { Engines } from '../commands/context.ts';
import type { Clock } from '../core/clock.ts';
import type { Ids } from '../core/ids.ts';
import { print } from '../core/json.ts';
import { type Alarm, type Engine, type Log, type Store, silent } from '../core/ports.ts';
import type { Timers } from '../core/timers.ts';
import { KvEngine } from '../kv/engine.ts';
import { PubSubEngine } from '../pubsub/engine.ts';
import { QueueEngine } from '../queue/engine.ts';
import type { DurableStore } from '../store/durable.ts';
import { GroupEngine } from '../stream/groups.ts';
import { RoomEngine } from '../stream/rooms.ts';
import { TopicEngine } from '../stream/topics.ts';
import { parseJson } from '../wire/json.ts';
import { chatOptions, hasChatKeys } from './chat-options.ts';
import type { Settings } from './settings.ts';

/** The parts of the world that engines stand on. */
export interface Ground {
  readonly store: Store & Pick<DurableStore, 'writable'>;
  readonly timers: Timers;
  readonly ids: Ids;
  readonly clock: Clock;
  readonly log?: Log;
}

const MIB = 1024 * 1024;

/** Milliseconds until a tick is tried again that met a failing disk. */
const RETRY_MS = 1_000;

/** Builds the engines as the settings say. */
export function buildEngines(settings: Settings, { store, timers, ids, clock, log = silent }: Ground): Engines {
  // an engine is built with its alarm, and the alarm rings the engine: hence named late
  const alarm = (engine: () => Engine): Alarm => {
    const own = timers.alarm((now) => {
      // what a tick changes would only gather while the disk fails; the engine catches up afterwards
      if (store.writable() === undefined) engine().tick(now);
      else own.set(now + RETRY_MS);
    });
    return own;
  };
  const pubsub = new PubSubEngine(ids);
  const watch = {
    get active(): boolean {
      return pubsub.watching;
    },
    watched: (topic: string) => pubsub.watched(topic),
    publish: (topic: string, payload: unknown) => void pubsub.publish(topic, payload, null, undefined, clock.now()),
  };
  const kv: KvEngine = new KvEngine(
    { store, ids, alarm: alarm(() => kv), watch },
    {
      maxBytes: settings['kv_store.max_memory_mb'] * MIB,
      policy: settings['kv_store.eviction_policy'],
      sweepMs: settings['kv_store.ttl_cleanup_interval_ms'],
      inlineBytes: settings['watch.max_inline_value_bytes'],
      notify: settings['server.notify_keyspace_events'],
    },
  );
  const queues: QueueEngine = new QueueEngine(
    { store, ids, alarm: alarm(() => queues) },
    {
      maxDepth: settings['queue.max_depth'],
      ackDeadlineSecs: settings['queue.ack_deadline_secs'],
      maxRetries: settings['queue.default_max_retries'],
      priority: settings['queue.default_priority'],
      prefetch: settings['queue.prefetch_limit'],
    },
  );
  const rooms: RoomEngine = new RoomEngine(
    { store, ids, alarm: alarm(() => rooms) },
    {
      maxEvents: settings['stream.max_events'],
      retentionSecs: settings['stream.retention_secs'],
      maxBytes: settings['stream.max_memory_mb'] * MIB,
    },
  );
  const topics: TopicEngine = new TopicEngine(
    { store, ids, alarm: alarm(() => topics) },
    { retentionSecs: settings['topic.retention_secs'], maxBytes: settings['topic.max_memory_mb'] * MIB },
  );
  const groups: GroupEngine = new GroupEngine({ store, ids, alarm: alarm(() => groups), topics });
  // readers of pub/sub are not asked for the keys of the chat, so where only those guard it nothing is told there
  const told = !hasChatKeys(settings) || settings['auth.enabled'];
  const chat: ChatEngine = new ChatEngine(
    {
      store,
      alarm: alarm(() => chat),
      log,
      random: (bytes) => randomBytes(bytes),
      events: {
        publish(thread, { seq, kind, message, state }) {
          const topic = `chat.thread.${thread}.${kind}`;
          if (!told || !pubsub.watched(topic)) return;
          const what = {
            seq,
            kind,
            ...(message === undefined ? {} : { message: messageShape(message) }),
            ...(state === undefined ? {} : { state: threadShape(state) }),
          };
          // plain values: a receiver may take them in another form than JSON
          void pubsub.publish(topic, parseJson(print(what)), null, undefined, clock.now());
        },
      },
    },
    chatOptions(settings),
  );
  const audit = (fields: Readonly<Record<string, unknown>>): void => log.info(fields, 'account');
  const accounts = new AccountBook({ store, ids, audit }, clock);
  return { kv, queues, rooms, topics, groups, pubsub, chat, accounts };
}
