/**
 * `topic.listen`: one partition of a topic as a stream.
 *
 * Invariant: events come in the order of their offsets, each once; what retention took before it was read is skipped, as
 * by `topic.consume` (synap-core.md 9-14). The stream reads ahead only while its receiver keeps up.
 */
import * as z from 'zod';
import { CommandError } from '../core/errors.ts';
import { RawJson } from '../core/json.ts';
import type { TopicEngine } from '../stream/topics.ts';
import type { U64 as Offset, TopicEvent, Wait } from '../stream/types.ts';
import type { Context } from './context.ts';
import { type Emit, Item, push, type Stream } from './define.ts';
import { once } from './once.ts';
import { Json, TextMap, U64 } from './schemas.ts';

/** Events of one look into the log. */
const BATCH = 256;

const eventItem = once(
  (event: TopicEvent) =>
    new Item({
      offset: event.offset,
      partition_id: event.partition,
      key: event.key,
      event_type: event.event,
      data: new RawJson(event.data),
      timestamp: Math.floor(event.timestamp / 1000),
      id: event.id,
      metadata: event.metadata,
    }),
);

/** Reads what is there, then waits for the next event, and so on. */
class Tail implements Stream {
  readonly hello: Readonly<Record<string, unknown>>;
  readonly #topics: TopicEngine;
  readonly #topic: string;
  readonly #partition: Offset;
  readonly #emit: Emit;
  #next: Offset;
  #wait: Wait | undefined;
  #paused = true;
  #ended = false;

  constructor(
    { topics }: Context,
    p: { topic: string; partition_id: Offset; from_offset: Offset | 'earliest' | 'latest' },
    emit: Emit,
  ) {
    this.#topics = topics;
    this.#topic = p.topic;
    this.#partition = p.partition_id;
    this.#emit = emit;
    // a read of nothing says where it would begin, or what is wrong
    this.#next = topics.consume(p.topic, p.partition_id, p.from_offset, 0).nextOffset;
    this.hello = { topic: p.topic, partition_id: p.partition_id, from_offset: this.#next };
  }

  resume(now: number): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#pump(now);
  }

  close(): void {
    this.#ended = true;
    this.#wait?.cancel();
  }

  #pump(now: number): void {
    try {
      while (!this.#paused && !this.#ended) {
        const { events } = this.#topics.consume(this.#topic, this.#partition, this.#next, BATCH);
        if (events.length === 0) return this.#sleep(now);
        for (const event of events) {
          this.#next = event.offset + 1;
          if (!this.#emit.item(eventItem(event))) this.#paused = true;
          if (this.#paused || this.#ended) break;
        }
      }
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      this.#end(error);
    }
  }

  #sleep(now: number): void {
    const reply = {
      answer: () => {
        this.#wait = undefined;
        this.#pump(now);
      },
      refuse: (error: CommandError) => this.#end(error),
    };
    this.#wait = this.#topics.wait(
      this.#topic,
      this.#partition,
      this.#next,
      BATCH,
      Number.POSITIVE_INFINITY,
      reply,
      now,
    );
  }

  #end(error: CommandError): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#emit.end(error);
  }
}

export const topicListen = push({
  name: 'topic.listen',
  id: 904,
  since: '0.1.0',
  summary:
    'Receive the events of one partition: first what is there from an offset on, then each one as it is published.',
  notes:
    'Ends with an error when the topic is deleted. What retention took before it was read is skipped. `from_offset` may also be `earliest` or `latest`.',
  access: 'read',
  resource: (p) => `stream:${p.topic}`,
  effect: 'push',
  routes: ['GET /topics/:topic/partitions/:partition_id/sse?from_offset=0'],
  input: z.object({
    topic: z.string(),
    partition_id: U64,
    from_offset: z.union([U64, z.enum(['earliest', 'latest'])]).default(0),
  }),
  hello: z.object({ topic: z.string(), partition_id: U64, from_offset: U64 }),
  item: z.object({
    offset: z.int(),
    partition_id: z.int(),
    key: z.string().nullable(),
    event_type: z.string(),
    data: Json,
    timestamp: z.int().meta({ description: 'Unix seconds.' }),
    id: z.string(),
    metadata: TextMap,
  }),
  errors: ['TOPIC_NOT_FOUND', 'PARTITION_NOT_FOUND', 'LIMIT_REACHED'],
  example: {
    input: { topic: 'orders', partition_id: 0, from_offset: 0 },
    hello: { topic: 'orders', partition_id: 0, from_offset: 0 },
    item: {
      offset: 0,
      partition_id: 0,
      key: null,
      event_type: 'created',
      data: { id: 7 },
      timestamp: 1_790_000_000,
      id: '5f1d2b9e-0c3a-4e55-9a4b-2f6f0d1c7e10',
      metadata: {},
    },
  },
  open: (context, p, emit) => new Tail(context, p, emit),
});
