/**
 * What a client knows of its own writes: which were acknowledged, in the order in which it made them.
 *
 * One writer makes one write after the other, each carrying its number, over all families. After a kill the server may
 * hold any prefix of that history (level `batch`), which at level `sync` reaches at least to the last acknowledged write.
 */
import { expect } from 'vitest';

type Json = Record<string, unknown>;

export const FAMILIES = ['kv', 'incr', 'queue', 'ack', 'room', 'topic', 'commit', 'chat', 'edit'] as const;
export type Family = (typeof FAMILIES)[number];

interface Write {
  readonly seq: number;
  readonly family: Family;
  /** The message that an `ack` ended. */
  readonly acks?: number;
}

export class Ledger {
  readonly #writes: Write[] = [];
  /** The highest number that was acknowledged. */
  acked = 0;
  #seq = 0;
  /** Messages that were published and acknowledged, and not consumed yet. */
  #increments = 0;

  /** Makes writes against `base` until the server is gone. */
  async write(base: string, family: () => Family): Promise<void> {
    for (;;) {
      const seq = ++this.#seq;
      const write = await this.#one(base, seq, family());
      if (write === undefined) return;
      this.acked = seq;
    }
  }

  /** One write; `undefined` when the server did not answer. It is noted before it is sent: it may have happened. */
  async #one(base: string, seq: number, family: Family): Promise<true | undefined> {
    switch (family) {
      case 'kv':
        this.#writes.push({ seq, family });
        return done(await post(base, '/kv/set', { key: 'seq', value: seq }));
      case 'incr':
        this.#writes.push({ seq, family });
        this.#increments++;
        return done(await call(base, 'kv.incr', { key: 'count' }));
      case 'queue':
        this.#writes.push({ seq, family });
        return done(await call(base, 'queue.publish', { queue: 'jobs', payload: `m${seq}` }));
      case 'ack': {
        const taken = await call(base, 'queue.consume', { queue: 'jobs', consumer_id: 'w' });
        if (taken === undefined) return undefined;
        const message = taken['message'] as { id: string; payload: number[] } | null;
        if (message === null) return true;
        const acks = Number(Buffer.from(message.payload).toString().slice(1));
        this.#writes.push({ seq, family, acks });
        return done(await call(base, 'queue.ack', { queue: 'jobs', message_id: message.id }));
      }
      case 'room':
        this.#writes.push({ seq, family });
        return done(await call(base, 'stream.publish', { room: 'room', event: 'e', data: seq }));
      case 'topic':
        this.#writes.push({ seq, family });
        return done(await call(base, 'topic.publish', { topic: 'topic', event_type: 'e', data: seq, key: 'one' }));
      case 'commit':
        this.#writes.push({ seq, family });
        return done(await call(base, 'group.commit', { group_id: 'group', partition_id: 0, offset: seq }));
      case 'chat':
        this.#writes.push({ seq, family });
        return done(await call(base, 'chat.create_message', { author: 'w', thread: 'posted', body: seq }));
      case 'edit': {
        const read = await call(base, 'chat.messages', { author: 'w', thread: 'edited' });
        if (read === undefined) return undefined;
        const [message] = read['messages'] as { id: string }[];
        this.#writes.push({ seq, family });
        return done(await call(base, 'chat.edit_message', { author: 'w', message: message?.id, body: seq }));
      }
    }
  }

  /**
   * Holds what the restarted server has against the history, forgets what was lost, and answers the number up to which
   * everything is there. `least` is the number that must be reached.
   */
  async verify(base: string, least: number): Promise<number> {
    const seen = await observed(base);
    const last = (family: Family, upTo: number): number =>
      this.#writes.filter((write) => write.family === family && write.seq <= upTo).at(-1)?.seq ?? 0;
    // the prefix that the server has: the highest number anything shows
    const reached = Math.max(
      least,
      seen.kv,
      seen.commit,
      ...seen.room,
      ...seen.topic,
      ...seen.queue,
      ...seen.chat,
      ...seen.edit,
      0,
    );
    expect(reached).toBeGreaterThanOrEqual(least);
    expect([seen.kv, seen.commit]).toEqual([last('kv', reached), last('commit', reached)]);
    const of = (family: Family): Write[] => this.#writes.filter((write) => write.family === family);
    const until = (writes: Write[]): number[] => writes.filter((write) => write.seq <= reached).map(({ seq }) => seq);
    expect(seen.room).toEqual(until(of('room')));
    expect(seen.topic).toEqual(until(of('topic')));
    expect(seen.chat).toEqual(until(of('chat')));
    expect(seen.edit).toEqual(until(of('edit')));
    // acks and increments beyond `reached` may have happened: nothing later shows it
    const ended = new Map(of('ack').map(({ seq, acks }) => [acks as number, seq]));
    const queued = new Set(seen.queue);
    for (const seq of until(of('queue'))) {
      const end = ended.get(seq);
      if (end === undefined) expect(queued.has(seq), `message ${seq} is there`).toBe(true);
      else if (end <= least) expect(queued.has(seq), `message ${seq} was acknowledged`).toBe(false);
    }
    expect(seen.queue.length).toBe(queued.size);
    const certain = of('incr').filter((write) => write.seq <= reached).length;
    expect(seen.count).toBeGreaterThanOrEqual(certain);
    expect(seen.count).toBeLessThanOrEqual(this.#increments);
    this.#forget(reached, seen.count, queued);
    return reached;
  }

  /** From here on the server's state is the truth: what did not survive did not happen. */
  #forget(reached: number, count: number, queued: ReadonlySet<number>): void {
    const kept = this.#writes.filter(({ seq, family, acks }) =>
      family === 'ack' ? !queued.has(acks as number) : family === 'incr' || seq <= reached,
    );
    this.#writes.splice(0, this.#writes.length, ...kept.filter(({ family }) => family !== 'incr'));
    for (let i = 0; i < count; i++) this.#writes.push({ seq: 0, family: 'incr' });
    this.#increments = count;
  }
}

interface Observed {
  readonly kv: number;
  readonly count: number;
  readonly commit: number;
  readonly room: number[];
  readonly topic: number[];
  readonly queue: number[];
  readonly chat: number[];
  /** The versions of one message, without its first one. */
  readonly edit: number[];
}

/** Reads everything back, through the faces a client has. */
async function observed(base: string): Promise<Observed> {
  /** What was never written is an empty answer. */
  const number = (value: unknown): number => (typeof value === 'object' ? 0 : Number(value ?? 0));
  const text = (bytes: unknown): string => Buffer.from(bytes as number[]).toString();
  const room: number[] = [];
  for (let from: unknown = 0; ; ) {
    const read = await must(base, 'stream.consume', {
      room: 'room',
      subscriber_id: 's',
      from_offset: from,
      limit: 5000,
    });
    const events = read['events'] as { offset: number; data: number[] }[];
    for (const event of events) {
      expect(event.offset).toBe(room.length); // offsets neither skip nor repeat
      room.push(Number(text(event.data)));
    }
    if (events.length === 0) break;
    from = read['next_offset'];
  }
  const topic: number[] = [];
  const partition = await partitionOf(base);
  for (let from: unknown = 0; ; ) {
    const read = await must(base, 'topic.consume', {
      topic: 'topic',
      partition_id: partition,
      from_offset: from,
      limit: 1000,
    });
    const events = read['events'] as { offset: number; data: number[] }[];
    for (const event of events) {
      expect(event.offset).toBe(topic.length);
      topic.push(Number(text(event.data)));
    }
    if (events.length === 0) break;
    from = read['next_offset'];
  }
  return {
    kv: number(await must(base, 'kv.get', { key: 'seq' })),
    count: number(await must(base, 'kv.get', { key: 'count' })),
    commit: number((await must(base, 'group.offset', { group_id: 'group', partition_id: 0 }))['offset']),
    room,
    topic,
    queue: await drained(base, text),
    chat: await posted(base),
    edit: await edited(base),
  };
}

/** The bodies of all messages of a thread, in the order of creation; pages come from the end backwards. */
async function posted(base: string): Promise<number[]> {
  const pages: number[][] = [];
  for (let before: string | null | undefined; before !== null; ) {
    const page = await must(base, 'chat.messages', { author: 'w', thread: 'posted', limit: 100, before });
    const messages = page['messages'] as { id: string; body: number }[];
    pages.unshift(messages.map(({ body }) => body));
    before = page['more'] === true ? (messages[0]?.id ?? null) : null;
  }
  return pages.flat();
}

/** The bodies of all versions of the one message of a thread, without the first. */
async function edited(base: string): Promise<number[]> {
  const { messages } = await must(base, 'chat.messages', { author: 'w', thread: 'edited' });
  const [message] = messages as { id: string }[];
  const found: number[] = [];
  for (let after: unknown = 0; after !== null; ) {
    const page = await must(base, 'chat.versions', { author: 'w', message: message?.id, after, limit: 1000 });
    found.push(...(page['versions'] as { body: number }[]).map(({ body }) => body));
    after = page['next'];
  }
  return found.slice(1);
}

/** The partition that the key `one` belongs to. */
async function partitionOf(base: string): Promise<number> {
  const { partitions } = await must(base, 'topic.stats', { topic: 'topic' });
  const full = (partitions as { partition_id: number; message_count: number }[]).find((one) => one.message_count > 0);
  return full?.partition_id ?? 0;
}

/** The messages a queue holds, also those in flight; they are given back afterwards. */
async function drained(base: string, text: (bytes: unknown) => string): Promise<number[]> {
  const found: { id: string; seq: number }[] = [];
  for (;;) {
    const { messages } = await must(base, 'queue.consume_batch', { queue: 'jobs', consumer_id: 'v', max: 1000 });
    const batch = messages as { id: string; payload: number[] }[];
    for (const { id, payload } of batch) found.push({ id, seq: Number(text(payload).slice(1)) });
    const { in_flight: held } = await must(base, 'queue.detail', { queue: 'jobs' });
    // leases of before the kill come back when their deadline ends
    if (batch.length === 0 && held === found.length) break;
    if (batch.length === 0) await must(base, 'queue.consume', { queue: 'nothing', consumer_id: 'v', wait_ms: 100 });
  }
  for (const { id } of found) await must(base, 'queue.nack', { queue: 'jobs', message_id: id });
  return found.map(({ seq }) => seq).sort((a, b) => a - b);
}

const done = (answer: unknown): true | undefined => (answer === undefined ? undefined : true);

async function post(base: string, path: string, body: unknown): Promise<Json | undefined> {
  try {
    const answer = await fetch(base + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    const value = (await answer.json()) as Json;
    if (!answer.ok) throw new Error(`${path} answered ${answer.status}: ${JSON.stringify(value)}`);
    return value;
  } catch (error) {
    if (error instanceof Error && /answered/.test(error.message)) throw error;
    return undefined; // the server is gone: whether the write happened is not known
  }
}

/** Runs a command; `undefined` when the server is gone. */
export async function call(base: string, command: string, payload: unknown): Promise<Json | undefined> {
  const answer = await post(base, '/api/v1/command', { command, request_id: 'c', payload });
  if (answer === undefined) return undefined;
  if (answer['success'] !== true) throw new Error(`${command}: ${String(answer['error'])}`);
  return (answer['payload'] ?? {}) as Json;
}

async function must(base: string, command: string, payload: unknown): Promise<Json> {
  const answer = await call(base, command, payload);
  if (answer === undefined) throw new Error(`no answer to ${command}`);
  return answer;
}
