/**
 * Topics: logs cut into partitions, so that several consumers can share them (synap-core.md 5.1).
 *
 * Invariant: offsets of a partition start at 0, grow by 1 and are never given twice while its topic lives; events of one
 * key are in one partition, in the order in which they were published.
 */
import { crc32 } from 'node:zlib';
import { CommandError, invalidValue } from '../core/errors.ts';
import { Heap } from '../core/heap.ts';
import type { Ids } from '../core/ids.ts';
import { LIMITS } from '../core/limits.ts';
import type { Alarm, Engine, Plain, Store } from '../core/ports.ts';
import { Generations } from './generations.ts';
import { offsetKeys, prefixOf } from './keys.ts';
import { checkName } from './names.ts';
import { type Load, Partition } from './partition.ts';
import {
  limitOf,
  metadataBytes,
  type Retention,
  restoredRetention,
  retentionOf,
  storedRetention,
} from './retention.ts';
import type {
  From,
  Metadata,
  PartitionStats,
  Reply,
  RetentionPolicy,
  TopicEvent,
  TopicRead,
  U64,
  Wait,
} from './types.ts';
import { Upkeep } from './upkeep.ts';
import { answered } from './waits.ts';

/** What the engine asks of the world. */
export interface TopicPorts {
  readonly store: Store;
  readonly ids: Ids;
  readonly alarm: Alarm;
}

/** Settings; 0 means unlimited, absent the default. */
export interface TopicOptions {
  /** Seconds an event is kept in a topic without a retention policy. Default 3,600. */
  readonly retentionSecs?: number;
  /** Bytes of the events of all topics; beyond that a publish is refused. Default unlimited. */
  readonly maxBytes?: number;
}

/** How a topic is to be; absent and `null` are the defaults. */
export interface TopicConfig {
  /** 1 to `LIMITS.partitions`. Default 3. */
  readonly partitions?: U64 | null | undefined;
  /** Kept and shown, without effect. Default 1. */
  readonly replicationFactor?: U64 | null | undefined;
  /** Kept and shown, without effect. */
  readonly segmentBytes?: U64 | null | undefined;
  /** Whether a publish is answered only once it is on disk, whatever the server's level. Default `false`. */
  readonly sync?: boolean | undefined;
  /** Absent: `retentionSecs` of the server. */
  readonly retention?: RetentionPolicy | null | undefined;
}

/** How a topic is; `retention` has `Infinity` where it limits nothing, times are Unix milliseconds. */
export interface TopicInfo {
  readonly partitions: number;
  readonly replicationFactor: U64;
  readonly segmentBytes: U64 | null;
  readonly sync: boolean;
  readonly retention: Retention;
  readonly createdAt: number;
  readonly generation: number;
}

/** Where an event went. */
export interface Published {
  readonly partition: number;
  readonly offset: number;
}

/** Running totals of the engine; `waiting` counts reads, `bytes` those of events. */
export interface TopicTotals {
  readonly topics: number;
  readonly partitions: number;
  readonly events: number;
  readonly bytes: number;
  readonly waiting: number;
}

/** What a partition sees of the engine around it. */
export interface TopicWorld {
  readonly store: Store;
  readonly upkeep: Upkeep;
  readonly counts: { partitions: number; events: number; bytes: number };
}

interface Topic {
  readonly info: TopicInfo;
  readonly logs: readonly Partition[];
  readonly loads: Heap<Load>;
}

const NO_METADATA: Metadata = Object.freeze({});

export class TopicEngine implements Engine {
  readonly tables = ['topic.generation', 'topic', 'topic.partition', 'topic.event'] as const;
  readonly #ports: TopicPorts;
  readonly #maxBytes: number;
  readonly #retention: RetentionPolicy;
  readonly #topics = new Map<string, Topic>();
  readonly #generations: Generations;
  readonly #upkeep: Upkeep;
  readonly #world: TopicWorld;
  /** Partitions by the prefix of their keys, while records are restored. */
  readonly #restoring = new Map<string, Partition>();

  constructor(ports: TopicPorts, options: TopicOptions = {}) {
    this.#ports = ports;
    this.#maxBytes = limitOf(options.maxBytes);
    this.#retention = { retentionSecs: options.retentionSecs ?? 3600 };
    this.#generations = new Generations(ports.store, 'topic.generation');
    this.#upkeep = new Upkeep(ports.store, ports.alarm);
    this.#world = { store: ports.store, upkeep: this.#upkeep, counts: { partitions: 0, events: 0, bytes: 0 } };
  }

  /** Creates a topic and answers how it is. Errors: INVALID_VALUE (partitions out of range), TOPIC_EXISTS, LIMIT_REACHED. */
  create(name: string, config: TopicConfig, now: number): TopicInfo {
    const partitions = Number(config.partitions ?? 3);
    if (!(partitions >= 1 && partitions <= LIMITS.partitions))
      invalidValue(`num_partitions must be from 1 to ${LIMITS.partitions}`);
    checkName(name, 'topic');
    if (this.#topics.has(name)) throw new CommandError('TOPIC_EXISTS', { topic: name });
    if (this.#topics.size >= LIMITS.topics)
      throw new CommandError('LIMIT_REACHED', { detail: `${LIMITS.topics} topics exist` });
    if (this.#world.counts.partitions + partitions > LIMITS.allPartitions)
      throw new CommandError('LIMIT_REACHED', { detail: `topics may have ${LIMITS.allPartitions} partitions in all` });
    const topic = this.#build(
      {
        partitions,
        replicationFactor: config.replicationFactor ?? 1,
        segmentBytes: config.segmentBytes ?? null,
        sync: config.sync ?? false,
        retention: retentionOf(config.retention ?? this.#retention),
        createdAt: now,
        generation: this.#generations.take(now),
      },
      now,
    );
    this.#topics.set(name, topic);
    this.#ports.store.put('topic', name, record(topic.info));
    return topic.info;
  }

  /** Forgets a topic with all its events; reads that wait end with the error, groups stay. Errors: TOPIC_NOT_FOUND. */
  delete(name: string): void {
    const topic = this.#topic(name);
    const { reaper } = this.#upkeep;
    const { counts } = this.#world;
    this.#topics.delete(name);
    this.#ports.store.remove('topic', name);
    reaper.add('topic.partition', topic.logs.map(({ prefix }) => prefix).values());
    for (const partition of topic.logs) {
      const { log, prefix } = partition;
      partition.gone = true;
      this.#upkeep.forget(partition);
      reaper.add('topic.event', offsetKeys(prefix, log.base, log.next));
      counts.events -= log.length;
      counts.bytes -= log.bytes;
    }
    counts.partitions -= topic.logs.length;
    this.#upkeep.wake(0);
    const error = new CommandError('TOPIC_NOT_FOUND', { topic: name });
    for (const { waiting } of topic.logs) waiting.refuse(error);
  }

  /**
   * Appends an event; `data` is JSON text. The CRC-32 of the key chooses the partition; without a key it is the one with
   * the fewest events, the first of several (synap-core.md 5.1-1). Errors: TOPIC_NOT_FOUND, MEMORY_LIMIT.
   */
  publish(
    name: string,
    event: string,
    data: string,
    key: string | null | undefined,
    metadata: Metadata | undefined,
    now: number,
  ): Published {
    const topic = this.#topic(name);
    const partition = choose(topic, key);
    const size = eventBytes(name, event, data, key ?? '', metadata);
    if (this.#world.counts.bytes + size > this.#maxBytes) {
      partition.trim(now, Number.POSITIVE_INFINITY);
      if (this.#world.counts.bytes + size > this.#maxBytes) throw new CommandError('MEMORY_LIMIT');
    }
    const offset = partition.log.next;
    partition.publish(
      {
        id: this.#ports.ids.uuid(),
        offset,
        partition: partition.number,
        key: key ?? null,
        event,
        data,
        timestamp: now,
        metadata: metadata ?? NO_METADATA,
        size,
      },
      now,
    );
    return { partition: partition.number, offset };
  }

  /**
   * Reads at most `limit` events of a partition from `from` on (both any u64; `LIMITS.partitionRead` events and
   * `LIMITS.readBytes` bytes at most). Below the oldest event reading begins there, and the answer says so
   * (synap-core.md 5.1-2, 9-14). Errors: TOPIC_NOT_FOUND, PARTITION_NOT_FOUND.
   */
  consume(name: string, partition: U64, from: From, limit: U64): TopicRead {
    return read(this.#partition(name, partition), from, limit);
  }

  /**
   * Reads like `consume`, but when nothing is there yet waits for the first event at `from` or behind it until
   * `deadline` (Unix milliseconds, `LIMITS.waitMs` away at most), and then answers what is there, perhaps nothing.
   * Refuses with TOPIC_NOT_FOUND when the topic is deleted meanwhile. Errors at once: as `consume`, and LIMIT_REACHED beyond `LIMITS.waiters` reads.
   */
  wait(
    name: string,
    partition: U64,
    from: From,
    limit: U64,
    deadline: number,
    reply: Reply<TopicRead>,
    now: number,
  ): Wait {
    const log = this.#partition(name, partition);
    const offset = from === 'earliest' ? log.log.base : from === 'latest' ? log.log.next : from;
    const first = read(log, offset, limit);
    if (first.events.length > 0 || limit <= 0 || deadline <= now) {
      reply.answer(first);
      return answered;
    }
    const until = Math.min(deadline, now + LIMITS.waitMs);
    const wait = this.#upkeep.waits.add(log.waiting, Number(offset), until, {
      again: () => reply.answer(read(log, offset, limit)),
      gone: (error) => reply.refuse(error),
    });
    this.#upkeep.wake(until);
    return wait;
  }

  /** The partitions of a topic, in order. Errors: TOPIC_NOT_FOUND. */
  stats(name: string, now: number): PartitionStats[] {
    return this.#topic(name).logs.map((partition) => partition.stats(now));
  }

  /** How a topic was created. Errors: TOPIC_NOT_FOUND. */
  info(name: string): TopicInfo {
    return this.#topic(name).info;
  }

  /** Whether publishes to a topic wait for the disk; `false` for an unknown one. */
  sync(name: string): boolean {
    return this.#topics.get(name)?.info.sync ?? false;
  }

  /** The offset that the next event of a partition will have; `undefined` when topic or partition do not exist. */
  endOffset(name: string, partition: number): number | undefined {
    return this.#topics.get(name)?.logs[partition]?.log.next;
  }

  /** The offset of the oldest event that a partition keeps; `undefined` when topic or partition do not exist. */
  earliestOffset(name: string, partition: number): number | undefined {
    return this.#topics.get(name)?.logs[partition]?.log.base;
  }

  /** The names of all topics, oldest first. */
  list(): string[] {
    return [...this.#topics.keys()];
  }

  /** Running totals, in constant time. */
  totals(): TopicTotals {
    return { topics: this.#topics.size, ...this.#world.counts, waiting: this.#upkeep.waits.size };
  }

  restore(table: string, key: string, value: Plain): void {
    if (table === 'topic.generation') this.#generations.restore(value);
    else if (table === 'topic') {
      const { retention, ...info } = value as unknown as TopicInfo & { retention: Plain };
      const topic = this.#build({ ...info, retention: restoredRetention(retention) }, 0);
      this.#topics.set(key, topic);
      for (const partition of topic.logs) this.#restoring.set(partition.prefix, partition);
    } else {
      const partition = this.#restoring.get(table === 'topic.partition' ? key : prefixOf(key));
      if (partition === undefined) this.#upkeep.reaper.orphan(table, key);
      else if (table === 'topic.partition') partition.restoreNext(Number(value));
      else partition.restoreEvent(value as TopicEvent);
    }
  }

  restored(now: number): void {
    for (const { logs } of this.#topics.values()) for (const partition of logs) partition.restored(now);
    this.#restoring.clear();
    if (!this.#upkeep.reaper.idle) this.#upkeep.wake(0);
  }

  tick(now: number): void {
    this.#upkeep.tick(now, () => false);
  }

  nextDeadline(): number {
    return this.#upkeep.nextDeadline;
  }

  check(): string[] {
    const broken = this.#upkeep.check();
    const counted = { partitions: 0, events: 0, bytes: 0 };
    for (const [name, { logs, loads }] of this.#topics) {
      broken.push(...loads.check().map((text) => `${name}: ${text}`));
      if (loads.size !== logs.length) broken.push(`${name}: ${loads.size} of ${logs.length} partitions are weighed`);
      for (const partition of logs) {
        broken.push(...partition.check(`${name}/${partition.number}`));
        counted.partitions++;
        counted.events += partition.log.length;
        counted.bytes += partition.log.bytes;
      }
    }
    for (const [what, count] of Object.entries(this.#world.counts))
      if (count !== counted[what as keyof typeof counted]) broken.push(`${count} ${what} are counted wrongly`);
    return broken;
  }

  #topic(name: string): Topic {
    const topic = this.#topics.get(name);
    if (topic === undefined) throw new CommandError('TOPIC_NOT_FOUND', { topic: name });
    return topic;
  }

  #partition(name: string, number: U64): Partition {
    const partition = this.#topic(name).logs[Number(number)];
    if (partition === undefined) throw new CommandError('PARTITION_NOT_FOUND', { partition: number });
    return partition;
  }

  #build(info: TopicInfo, now: number): Topic {
    const loads = new Heap<Load>();
    const logs: Partition[] = [];
    for (let number = 0; number < info.partitions; number++)
      logs.push(new Partition(this.#world, `${info.generation}-${number}-`, number, loads, info.retention, now));
    this.#world.counts.partitions += info.partitions;
    return { info, logs, loads };
  }
}

/** The record of a topic. */
function record({ retention, ...info }: TopicInfo): Plain {
  return { ...info, retention: storedRetention(retention) };
}

function choose({ logs, loads }: Topic, key: string | null | undefined): Partition {
  if (key === null || key === undefined) return (loads.peek() as Load).partition;
  return logs[crc32(key) % logs.length] as Partition;
}

function read({ log }: Partition, from: From, limit: U64): TopicRead {
  const { base, next } = log;
  const offset = from === 'earliest' ? base : from === 'latest' ? next : from;
  const events = log.read(Number(offset), Math.min(Number(limit), LIMITS.partitionRead), LIMITS.readBytes);
  const nextOffset = events.length > 0 ? (events[events.length - 1] as TopicEvent).offset + 1 : offset;
  return offset < base ? { events, nextOffset, earliestOffset: base } : { events, nextOffset };
}

/** What synap-core.md 5.1-3 counts: the bytes of data, key, topic and event type; and of metadata, which is ours. */
function eventBytes(topic: string, event: string, data: string, key: string, metadata: Metadata | undefined): number {
  const texts = Buffer.byteLength(data) + Buffer.byteLength(key) + Buffer.byteLength(topic) + Buffer.byteLength(event);
  return texts + metadataBytes(metadata);
}
