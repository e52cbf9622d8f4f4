/**
 * Every message by its id, and the minting of ids such that this is fast.
 *
 * The last eight digits of an id are a counter that starts anywhere; the others are random. So messages published one
 * after the other lie side by side in chunks of an array, and a queue that works through a million of them touches
 * memory in order. A hash over random ids costs more than all the rest of a publish, a consume and an ack together,
 * once it has a million entries: each look-up is a walk through cold memory.
 *
 * Invariant: a message is in the slot its counter names, or in the map of strays: when the slot was taken (the counter
 * has 32 bits) or its chunk had become too empty to be kept. The whole id decides, so a foreign id is never found.
 */
import type { Ids } from '../core/ids.ts';
import type { Message } from './message.ts';
import { ShardedMap } from './sharded-map.ts';

const CHUNK_BITS = 10;
const CHUNK = 1 << CHUNK_BITS;
/** A chunk that is not being filled any more and has this few messages or fewer left is given up for the strays. */
const SPARSE = 32;

const ID_LENGTH = 36;
const COUNTER_DIGITS = 8;
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

interface Chunk {
  readonly slots: (Message | undefined)[];
  live: number;
}

export class MessageIndex {
  readonly #ids: Ids;
  #chunks = new Map<number, Chunk>();
  readonly #strays = new ShardedMap<Message>();
  /** The counter of the id minted last. */
  #counter: number;

  constructor(ids: Ids) {
    this.#ids = ids;
    this.#counter = Math.floor(ids.random() * 2 ** 32) | 0;
  }

  /** A new id: a lower-case hyphenated UUID of version 4 (synap-core.md 1.1). */
  mint(): string {
    const n = (this.#counter = (this.#counter + 1) | 0);
    const digits = (HEX[n >>> 24] as string) + HEX[(n >>> 16) & 255] + HEX[(n >>> 8) & 255] + (HEX[n & 255] as string);
    return this.#ids.uuid().slice(0, ID_LENGTH - COUNTER_DIGITS) + digits;
  }

  get(id: string): Message | undefined {
    const n = counterOf(id);
    const message = this.#chunks.get(n >>> CHUNK_BITS)?.slots[n & (CHUNK - 1)];
    if (message !== undefined && message.id === id) return message;
    return this.#strays.size === 0 ? undefined : this.#strays.get(id);
  }

  add(message: Message): void {
    const n = counterOf(message.id);
    let chunk = this.#chunks.get(n >>> CHUNK_BITS);
    if (chunk === undefined) {
      chunk = { slots: new Array<Message | undefined>(CHUNK).fill(undefined), live: 0 };
      this.#chunks.set(n >>> CHUNK_BITS, chunk);
    }
    if (chunk.slots[n & (CHUNK - 1)] !== undefined) {
      this.#strays.set(message.id, message);
      return;
    }
    chunk.slots[n & (CHUNK - 1)] = message;
    chunk.live++;
  }

  delete(message: Message): void {
    const n = counterOf(message.id);
    const at = n >>> CHUNK_BITS;
    const chunk = this.#chunks.get(at);
    if (chunk === undefined || chunk.slots[n & (CHUNK - 1)] !== message) {
      this.#strays.delete(message.id);
      return;
    }
    chunk.slots[n & (CHUNK - 1)] = undefined;
    chunk.live--;
    if (chunk.live <= SPARSE && at !== this.#counter >>> CHUNK_BITS) this.#giveUp(at, chunk);
  }

  /** After a restore, which adds messages in any order: gives up the chunks that are too empty. */
  settle(): void {
    for (const [at, chunk] of this.#chunks) if (chunk.live <= SPARSE) this.#giveUp(at, chunk);
  }

  *values(): Generator<Message> {
    for (const { slots } of this.#chunks.values())
      for (const message of slots) if (message !== undefined) yield message;
    yield* this.#strays.values();
  }

  #giveUp(at: number, { slots, live }: Chunk): void {
    this.#chunks.delete(at);
    if (live === 0) return;
    for (const message of slots) if (message !== undefined) this.#strays.set(message.id, message);
  }
}

/** The last eight digits as a 32-bit number; anything for a text that is no id. */
function counterOf(id: string): number {
  let n = 0;
  for (let i = ID_LENGTH - COUNTER_DIGITS; i < ID_LENGTH; i++) {
    const code = id.charCodeAt(i);
    n = (n << 4) | (code < 58 ? code - 48 : code - 87);
  }
  return n;
}
