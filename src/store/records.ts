/**
 * What a record looks like on disk, and back.
 *
 * Key: a marker byte, then the bytes of the key (`text.ts`); keys that do not fit stand under the SHA-256 of their bytes
 * with another marker, and the value begins with the key itself. Value: version, kind, payload, checksum.
 *
 * Invariant: the checksum (CRC-32) covers the name of the table, the key as it stands on disk and the value, so that a
 * record is believed only under the table and the key that it was written for.
 */
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { Plain } from '../core/ports.ts';
import { BadBytes, Decoder, type Encoder } from './codec.ts';
import { readText } from './text.ts';

/** The first byte of every value: the version of this layout. */
const LAYOUT = 1;
/** Kinds of payload: any plain value; `[text, null]`; `[text, number]` with the number first. */
const ANY = 0;
const TEXT = 1;
const TEXT_UNTIL = 2;
/** Added to the kind when the payload begins with a length and the bytes of the key. */
const KEY_INSIDE = 0x80;

/** The first byte of a key: the key follows, or its hash. Keys are never empty, and short keys come first. */
const PLAIN_KEY = 1;
const HASHED_KEY = 2;
const HASH_BYTES = 32;

/** Bytes of a key that stands as it is; lmdb takes 1,978 and the marker needs one. */
const KEY_BYTES_MAX = 1_900;
const CHECKSUM_BYTES = 4;
/** Version, kind and checksum. */
const VALUE_BYTES_MIN = 2 + CHECKSUM_BYTES;

/** The checksum that every record of a table continues from. */
export function tableSeed(table: string): number {
  return crc32(table);
}

/** Writes the key of a record; a record is begun by it. Answers where the key ends, counted from its begin. */
export function encodeKey(encoder: Encoder, key: string): number {
  encoder.begin();
  encoder.byte(PLAIN_KEY);
  encoder.text(key);
  const length = encoder.at - encoder.start;
  if (length <= KEY_BYTES_MAX + 1) return length;
  const hash = createHash('sha256')
    .update(encoder.bytes.subarray(encoder.start + 1, encoder.at))
    .digest();
  encoder.at = encoder.start;
  encoder.byte(HASHED_KEY);
  encoder.room(HASH_BYTES);
  encoder.at += hash.copy(encoder.bytes, encoder.at);
  return encoder.at - encoder.start;
}

/** Writes the value of the record whose key was just written. Throws `TypeError` when it is no plain value. */
export function encodeValue(encoder: Encoder, seed: number, key: string, value: Plain): void {
  const inside = encoder.bytes[encoder.start] === HASHED_KEY ? KEY_INSIDE : 0;
  const kind = kindOf(value);
  encoder.byte(LAYOUT);
  encoder.byte(kind | inside);
  if (inside !== 0) {
    const size = encoder.at - encoder.start;
    encoder.uint32(0);
    encoder.text(key);
    const at = encoder.start + size; // writing may have moved the record
    encoder.bytes.writeUInt32LE(encoder.at - at - 4, at);
  }
  if (kind === ANY) encoder.value(value);
  else {
    const [text, until] = value as readonly [string, number | null];
    if (until !== null) encoder.double(until);
    encoder.text(text);
  }
  encoder.room(CHECKSUM_BYTES);
  encoder.uint32(crc32(encoder.bytes.subarray(encoder.start, encoder.at), seed));
}

function kindOf(value: Plain): number {
  if (!Array.isArray(value) || value.length !== 2 || typeof value[0] !== 'string') return ANY;
  return value[1] === null ? TEXT : typeof value[1] === 'number' ? TEXT_UNTIL : ANY;
}

/** Where the bytes of one record lie: its key, and its value in the same or in other bytes. */
export interface RawRecord {
  readonly page: Buffer;
  readonly keyStart: number;
  readonly keyEnd: number;
  readonly value: Buffer;
  readonly valueStart: number;
  readonly valueEnd: number;
}

/** Reads records, believing nothing. */
export class RecordReader {
  /** The record that was read last. */
  key = '';
  value: Plain = null;
  readonly #decoder = new Decoder();

  /** Reads one record of the table with this seed into `key` and `value`. Throws `BadBytes`, which says what is wrong. */
  read(seed: number, raw: RawRecord): void {
    const { value: bytes, valueStart } = raw;
    const end = raw.valueEnd - CHECKSUM_BYTES;
    if (raw.valueEnd - valueStart < VALUE_BYTES_MIN) throw new BadBytes('its value is too short');
    if (checksum(seed, raw, end) !== bytes.readUInt32LE(end)) throw new BadBytes('its checksum does not match');
    if (bytes[valueStart] !== LAYOUT) throw new BadBytes(`its layout is ${bytes[valueStart]}, which is unknown`);
    const kind = bytes[valueStart + 1] as number;
    const from = this.#readKey(raw, (kind & KEY_INSIDE) !== 0, valueStart + 2, end);
    switch (kind & ~KEY_INSIDE) {
      case ANY:
        this.value = this.#decoder.decode(bytes, from, end);
        break;
      case TEXT:
        this.value = [readText(bytes, from, end), null];
        break;
      case TEXT_UNTIL:
        if (end - from < 8) throw new BadBytes('it ends too early');
        this.value = [readText(bytes, from + 8, end), bytes.readDoubleBE(from)];
        break;
      default:
        throw new BadBytes(`its kind is ${kind}, which is unknown`);
    }
  }

  /** Reads the key and answers where the payload begins. */
  #readKey(raw: RawRecord, inside: boolean, at: number, end: number): number {
    const { page, keyStart, keyEnd, value } = raw;
    const marker = page[keyStart];
    if (marker === PLAIN_KEY && !inside) {
      this.key = readText(page, keyStart + 1, keyEnd);
      return at;
    }
    if (marker !== HASHED_KEY || !inside) throw new BadBytes('its key is of an unknown kind');
    const length = end - at >= 4 ? value.readUInt32LE(at) : 0;
    const from = at + 4;
    if (length === 0 || length > end - from) throw new BadBytes('its key is not inside');
    const hash = createHash('sha256')
      .update(value.subarray(from, from + length))
      .digest();
    if (hash.compare(page, keyStart + 1, keyEnd) !== 0) throw new BadBytes('its key is another one');
    this.key = readText(value, from, from + length);
    return from + length;
  }
}

function checksum(seed: number, raw: RawRecord, end: number): number {
  // on a page the value follows its key directly
  if (raw.page === raw.value && raw.valueStart === raw.keyEnd) return crc32(raw.page.subarray(raw.keyStart, end), seed);
  const key = crc32(raw.page.subarray(raw.keyStart, raw.keyEnd), seed);
  return crc32(raw.value.subarray(raw.valueStart, end), key);
}

/** A key as it stands on disk, for people: as much of it as can be read and is not too long. */
export function showKey(raw: RawRecord): string {
  const { page, keyStart, keyEnd } = raw;
  if (page[keyStart] !== PLAIN_KEY)
    return `hash ${page.toString('hex', keyStart + 1, Math.min(keyEnd, keyStart + 33))}`;
  return readText(page, keyStart + 1, Math.min(keyEnd, keyStart + 121));
}
