/**
 * Everything that a room or partition holds, page by page, from an offset to the end there is now.
 */
import type { Integer, Pushes } from './commands.ts';
import { parse } from './json.ts';
import type { CallOptions } from './options.ts';
import { someName } from './plans.ts';
import type { Call } from './worker.ts';

const PAGE = 1_000;

/** A place in a room or partition. */
export type Offset = Integer | 'earliest' | 'latest';

/** Events of a room as `stream.listen` shows them. */
export async function* readRoom(
  call: Call,
  room: string,
  from: Offset,
  options?: CallOptions,
): AsyncGenerator<Pushes['stream.listen']['item'], void, undefined> {
  const subscriber_id = someName('reader');
  for (let from_offset = from; ; ) {
    const page = await call('stream.consume', { room, subscriber_id, from_offset, limit: PAGE }, options);
    if (page.events.length === 0) return;
    for (const { offset, event, data, timestamp, id, metadata } of page.events)
      yield { offset, event, data: parse(text(data)), timestamp, id, metadata };
    from_offset = page.next_offset;
  }
}

/** Events of a partition as `topic.listen` shows them. */
export async function* readPartition(
  call: Call,
  topic: string,
  partition_id: Integer,
  from: Offset,
  options?: CallOptions,
): AsyncGenerator<Pushes['topic.listen']['item'], void, undefined> {
  for (let from_offset = from; ; ) {
    const page = await call('topic.consume', { topic, partition_id, from_offset, limit: PAGE }, options);
    if (page.events.length === 0) return;
    for (const { offset, partition_id, key, event_type, data, timestamp, id, metadata } of page.events) {
      const shown = key === null ? null : text(key);
      yield { offset, partition_id, key: shown, event_type, data: parse(text(data)), timestamp, id, metadata };
    }
    from_offset = page.next_offset;
  }
}

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
