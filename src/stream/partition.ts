/**
 * One partition of a topic: a log that keeps what its topic's policy says.
 *
 * Invariant: after each publish and each sweep no limit of the policy is exceeded (synap-core.md 9-11), and
 * `load.due` orders the partitions of a topic by buffered events, then by number.
 */
import type { Heap, HeapItem } from '../core/heap.ts';
import { LIMITS } from '../core/limits.ts';
import { offsetKey } from './keys.ts';
import { EventLog } from './log.ts';
import { exceeds, type Retention } from './retention.ts';
import type { TopicWorld } from './topics.ts';
import type { PartitionStats, TopicEvent } from './types.ts';
import type { Sweepable } from './upkeep.ts';
import { WaitList } from './waits.ts';

/** A partition's place among those of its topic. */
export type Load = HeapItem & { readonly partition: Partition };

export class Partition implements Sweepable {
  slot = -1;
  due = 0;
  readonly number: number;
  readonly prefix: string;
  readonly waiting = new WaitList();
  /** Its place among the partitions of its topic: the top takes the next event without a key (synap-core.md 5.1-1). */
  readonly load: Load;
  gone = false;
  #log = new EventLog<TopicEvent>();
  readonly #world: TopicWorld;
  readonly #loads: Heap<Load>;
  readonly #retention: Retention;
  /** When retention was applied last, in Unix milliseconds. */
  #compactedAt: number;

  constructor(world: TopicWorld, prefix: string, number: number, loads: Heap<Load>, retention: Retention, now: number) {
    this.#world = world;
    this.prefix = prefix;
    this.number = number;
    this.#loads = loads;
    this.#retention = retention;
    this.#compactedAt = now;
    this.load = { slot: -1, due: number, partition: this };
    loads.push(this.load);
  }

  get log(): EventLog<TopicEvent> {
    return this.#log;
  }

  /** Adds an event, lets the reads that wait for it have it, then drops what has become too much. */
  publish(event: TopicEvent, now: number): void {
    const { store, upkeep, counts } = this.#world;
    this.#log.append(event);
    store.put('topic.event', this.eventKey(event.offset), event);
    counts.events++;
    counts.bytes += event.size;
    this.#weigh();
    if (this.#log.length === 1) upkeep.schedule(this, now + this.#retention.ageMs);
    this.waiting.arrived(this.#log.next, now);
    if (!this.gone) this.trim(now, Number.POSITIVE_INFINITY); // a reader may have deleted the topic
  }

  /** Drops what exceeds the policy at `now`, at most `budget` events; answers how many. */
  trim(now: number, budget: number): number {
    let count = 0;
    while (count < budget && this.#log.length > 0 && exceeds(this.#log, this.#retention, now)) {
      this.#dropOldest();
      count++;
    }
    if (count > 0) this.#weigh();
    this.#compactedAt = now;
    return count;
  }

  sweep(now: number, budget: number): number {
    return this.trim(now, budget);
  }

  nextSweep(): number {
    const oldest = this.#log.first();
    return oldest === undefined ? Number.POSITIVE_INFINITY : oldest.timestamp + this.#retention.ageMs;
  }

  /** Takes a stored event back. */
  restoreEvent(event: TopicEvent): void {
    this.#log.append(event);
    this.#weigh();
    this.#world.counts.events++;
    this.#world.counts.bytes += event.size;
  }

  /** Takes the offset back at which an emptied log goes on; stated before the last event was dropped. */
  restoreNext(next: number): void {
    this.#log = new EventLog(next);
  }

  /** After the last record. */
  restored(now: number): void {
    this.#compactedAt = now;
    this.#world.upkeep.schedule(this, this.nextSweep());
  }

  stats(now: number): PartitionStats {
    const log = this.#log;
    return {
      partition: this.number,
      messageCount: log.length,
      minOffset: log.base,
      maxOffset: log.length === 0 ? 0 : log.next - 1,
      totalBytes: log.bytes,
      lastCompaction: Math.max(0, Math.floor((now - this.#compactedAt) / 1000)),
    };
  }

  eventKey(offset: number): string {
    return offsetKey(this.prefix, offset);
  }
  /** Broken invariants, one sentence each. */
  check(name: string): string[] {
    const log = this.#log;
    const broken = log.check(name);
    const { events, bytes, ageMs } = this.#retention;
    if (log.length > events) broken.push(`${name}: ${log.length} events are over the limit of ${events}`);
    if (log.bytes > bytes) broken.push(`${name}: ${log.bytes} bytes are over the limit of ${bytes}`);
    if (this.load.due !== this.#weight()) broken.push(`${name}: the load does not count ${log.length} events`);
    if (log.length > 0 && ageMs < Number.POSITIVE_INFINITY && this.slot < 0) broken.push(`${name}: no sweep is due`);
    return broken;
  }

  /** Drops the oldest event. The last one takes `next` with it, so that is stated before (a crash may come in between). */
  #dropOldest(): void {
    const { store, counts } = this.#world;
    if (this.#log.length === 1) store.put('topic.partition', this.prefix, this.#log.next);
    const event = this.#log.shift() as TopicEvent;
    counts.events--;
    counts.bytes -= event.size;
    store.remove('topic.event', this.eventKey(event.offset));
  }

  #weight(): number {
    return this.#log.length * LIMITS.partitions + this.number;
  }

  /** Puts the partition where it belongs among the others, after its log grew or shrank. */
  #weigh(): void {
    this.load.due = this.#weight();
    this.#loads.moved(this.load);
  }
}
