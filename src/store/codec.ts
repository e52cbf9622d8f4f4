/**
 * Plain values as MessagePack and back, exactly: what was stated is what is restored, to the last bit.
 *
 * Invariant: `decode(encode(value))` equals `value` for every plain value, and any other bytes either decode to a plain
 * value or throw `BadBytes`; nothing is allocated that the bytes at hand could not fill. Written here because the
 * general codec loses lone surrogates, the sign of -0, members called `__proto__` and integers beyond 64 bits.
 */
import type { Plain } from '../core/ports.ts';
import { readText, textRoom, writeText } from './text.ts';

/** Nesting that a record may have; the JSON that becomes records is limited to a quarter of it. */
const DEPTH_MAX = 512;
/** Bytes of the first slab, and those above which a slab grows no further unless one record needs it. */
const SLAB_BYTES = 64 * 1024;
const SLAB_BYTES_MAX = 1024 * 1024;
/** The extension type for integers beyond 64 bits: their decimal digits. */
const BIG_INTEGER = 0x42;

/** Bytes that are no value. The message says why. */
export class BadBytes extends Error {}

/** Writes values one after another into slabs of bytes; a record never straddles two slabs. */
export class Encoder {
  /** The slab that is being filled. */
  bytes: Buffer = Buffer.allocUnsafeSlow(SLAB_BYTES);
  /** Where the next byte goes. */
  at = 0;
  /** Where the current record began. */
  start = 0;

  /** Begins anew in the slab at hand, whose bytes nobody needs any more. */
  reset(): void {
    if (this.bytes.length > SLAB_BYTES_MAX) this.bytes = Buffer.allocUnsafeSlow(SLAB_BYTES);
    this.at = 0;
    this.start = 0;
  }

  /** Begins a record behind the one before. */
  begin(): void {
    this.start = this.at;
  }

  /** Makes sure that `count` bytes fit behind `at`; moves the current record to another slab if they do not. */
  room(count: number): void {
    if (this.at + count <= this.bytes.length) return;
    const written = this.at - this.start;
    const usual = Math.min(2 * this.bytes.length, SLAB_BYTES_MAX);
    const slab = Buffer.allocUnsafeSlow(Math.max(usual, 2 * written + count));
    this.bytes.copy(slab, 0, this.start, this.at);
    this.bytes = slab;
    this.start = 0;
    this.at = written;
  }

  byte(value: number): void {
    this.room(1);
    this.bytes[this.at++] = value;
  }

  uint32(value: number): void {
    this.room(4);
    this.at = this.bytes.writeUInt32LE(value >>> 0, this.at);
  }

  double(value: number): void {
    this.room(8);
    this.at = this.bytes.writeDoubleBE(value, this.at);
  }

  /** The bytes of a text alone, without their number. */
  text(text: string): void {
    this.room(textRoom(text));
    this.at = writeText(text, this.bytes, this.at);
  }

  /** Throws `TypeError` for what is no plain value. */
  value(value: Plain, depth = 0): void {
    switch (typeof value) {
      case 'string':
        return this.#string(value);
      case 'number':
        return this.#number(value);
      case 'boolean':
        return this.byte(value ? 0xc3 : 0xc2);
      case 'bigint':
        return this.#integer(value);
      case 'object':
        if (value === null) return this.byte(0xc0);
        if (depth >= DEPTH_MAX) throw new TypeError('it is nested too deeply');
        if (value instanceof Uint8Array) return this.#binary(value);
        if (Array.isArray(value)) return this.#array(value, depth);
        return this.#members(value as { readonly [name: string]: Plain }, depth);
      default:
        throw new TypeError(`it contains a ${typeof value}`);
    }
  }

  #head(kind8: number, kind16: number, count: number): void {
    this.room(5);
    if (count < 0x100 && kind8 !== 0) {
      this.bytes[this.at] = kind8;
      this.bytes[this.at + 1] = count;
      this.at += 2;
    } else if (count < 0x1_0000) {
      this.bytes[this.at] = kind16;
      this.at = this.bytes.writeUInt16BE(count, this.at + 1);
    } else {
      this.bytes[this.at] = kind16 + 1;
      this.at = this.bytes.writeUInt32BE(count, this.at + 1);
    }
  }

  #string(text: string): void {
    const room = textRoom(text);
    this.room(room + 5);
    // the size of the length is chosen by the most that the text can need, since its bytes are counted by writing them
    const size = room < 32 ? 1 : room < 0x100 ? 2 : room < 0x1_0000 ? 3 : 5;
    const head = this.at;
    const { bytes } = this;
    this.at = writeText(text, bytes, head + size);
    const length = this.at - head - size;
    if (size === 1) bytes[head] = 0xa0 | length;
    else if (size === 2) {
      bytes[head] = 0xd9;
      bytes[head + 1] = length;
    } else if (size === 3) {
      bytes[head] = 0xda;
      bytes.writeUInt16BE(length, head + 1);
    } else {
      bytes[head] = 0xdb;
      bytes.writeUInt32BE(length, head + 1);
    }
  }

  #number(value: number): void {
    this.room(9);
    const { bytes, at } = this;
    if (Number.isInteger(value) && value > -0x8000_0001 && value < 0x1_0000_0000 && !Object.is(value, -0)) {
      if (value >= -32 && value < 0x80) {
        bytes[at] = value & 0xff;
        this.at = at + 1;
      } else if (value >= 0 && value < 0x1_0000) {
        bytes[at] = 0xcd;
        this.at = bytes.writeUInt16BE(value, at + 1);
      } else if (value >= 0) {
        bytes[at] = 0xce;
        this.at = bytes.writeUInt32BE(value, at + 1);
      } else {
        bytes[at] = 0xd2;
        this.at = bytes.writeInt32BE(value, at + 1);
      }
    } else {
      bytes[at] = 0xcb;
      this.at = bytes.writeDoubleBE(value, at + 1);
    }
  }

  #integer(value: bigint): void {
    this.room(9);
    if (BigInt.asIntN(64, value) === value) {
      this.bytes[this.at] = 0xd3;
      this.at = this.bytes.writeBigInt64BE(value, this.at + 1);
    } else if (BigInt.asUintN(64, value) === value) {
      this.bytes[this.at] = 0xcf;
      this.at = this.bytes.writeBigUInt64BE(value, this.at + 1);
    } else {
      const digits = value.toString();
      this.#head(0xc7, 0xc8, digits.length);
      this.byte(BIG_INTEGER);
      this.text(digits);
    }
  }

  #binary(value: Uint8Array): void {
    this.#head(0xc4, 0xc5, value.length);
    this.room(value.length);
    this.bytes.set(value, this.at);
    this.at += value.length;
  }

  #array(items: readonly Plain[], depth: number): void {
    if (items.length < 16) this.byte(0x90 | items.length);
    else this.#head(0, 0xdc, items.length);
    for (let i = 0; i < items.length; i++) this.value(items[i] as Plain, depth + 1);
  }

  #members(members: { readonly [name: string]: Plain }, depth: number): void {
    const names = Object.keys(members);
    let count = names.length;
    for (const name of names) if (members[name] === undefined) count--; // an optional member that is absent
    if (count < 16) this.byte(0x80 | count);
    else this.#head(0, 0xde, count);
    for (const name of names) {
      const value = members[name];
      if (value === undefined) continue;
      this.#string(name);
      this.value(value, depth + 1);
    }
  }
}

/** Reads values from bytes that may be anything. */
export class Decoder {
  #bytes: Buffer = Buffer.alloc(0);
  #at = 0;
  #end = 0;

  /** The one value that fills the bytes from `start` to `end`. Throws `BadBytes`. */
  decode(bytes: Buffer, start: number, end: number): Plain {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
    const value = this.#value(0);
    if (this.#at !== end) throw new BadBytes('bytes are left over');
    return value;
  }

  /** Steps over `count` bytes that must be there; answers where they begin. */
  #take(count: number): number {
    const at = this.#at;
    if (count > this.#end - at) throw new BadBytes('it ends too early');
    this.#at = at + count;
    return at;
  }

  #count(bytes: number): number {
    return this.#bytes.readUIntBE(this.#take(bytes), bytes);
  }

  #value(depth: number): Plain {
    const bytes = this.#bytes;
    const kind = bytes[this.#take(1)] as number;
    if (kind < 0x80) return kind;
    if (kind < 0x90) return this.#members(kind & 0x0f, depth);
    if (kind < 0xa0) return this.#array(kind & 0x0f, depth);
    if (kind < 0xc0) return this.#string(kind & 0x1f);
    if (kind >= 0xe0) return kind - 0x100;
    switch (kind) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xc4:
        return this.#binary(this.#count(1));
      case 0xc5:
        return this.#binary(this.#count(2));
      case 0xc6:
        return this.#binary(this.#count(4));
      case 0xc7:
        return this.#integer(this.#count(1));
      case 0xc8:
        return this.#integer(this.#count(2));
      case 0xc9:
        return this.#integer(this.#count(4));
      case 0xcb:
        return bytes.readDoubleBE(this.#take(8));
      case 0xcd:
        return bytes.readUInt16BE(this.#take(2));
      case 0xce:
        return bytes.readUInt32BE(this.#take(4));
      case 0xcf:
        return bytes.readBigUInt64BE(this.#take(8));
      case 0xd2:
        return bytes.readInt32BE(this.#take(4));
      case 0xd3:
        return bytes.readBigInt64BE(this.#take(8));
      case 0xd9:
        return this.#string(this.#count(1));
      case 0xda:
        return this.#string(this.#count(2));
      case 0xdb:
        return this.#string(this.#count(4));
      case 0xdc:
        return this.#array(this.#count(2), depth);
      case 0xdd:
        return this.#array(this.#count(4), depth);
      case 0xde:
        return this.#members(this.#count(2), depth);
      case 0xdf:
        return this.#members(this.#count(4), depth);
      default:
        throw new BadBytes(`byte ${kind} begins no value`);
    }
  }

  #string(length: number): string {
    const at = this.#take(length);
    return readText(this.#bytes, at, at + length);
  }

  /** A copy, since the bytes it is read from are used again. */
  #binary(length: number): Uint8Array {
    const at = this.#take(length);
    const copy = new Uint8Array(length);
    this.#bytes.copy(copy, 0, at, at + length);
    return copy;
  }

  #integer(length: number): bigint {
    const type = this.#bytes[this.#take(1)];
    const digits = this.#string(length);
    if (type !== BIG_INTEGER || !/^-?[0-9]+$/.test(digits)) throw new BadBytes('an integer has no digits');
    return BigInt(digits);
  }

  #enter(count: number, depth: number): void {
    if (depth >= DEPTH_MAX) throw new BadBytes('it is nested too deeply');
    if (count > this.#end - this.#at) throw new BadBytes('it ends too early');
  }

  #array(count: number, depth: number): readonly Plain[] {
    this.#enter(count, depth);
    const items: Plain[] = [];
    for (let i = 0; i < count; i++) items.push(this.#value(depth + 1));
    return items;
  }

  #members(count: number, depth: number): { readonly [name: string]: Plain } {
    this.#enter(count, depth);
    const members: Record<string, Plain> = {};
    for (let i = 0; i < count; i++) {
      const kind = this.#bytes[this.#at] as number;
      if (!((kind >= 0xa0 && kind < 0xc0) || (kind >= 0xd9 && kind <= 0xdb)))
        throw new BadBytes('a member has no name');
      const name = this.#value(depth + 1) as string;
      const value = this.#value(depth + 1);
      // assigning would set the prototype instead
      if (name === '__proto__')
        Object.defineProperty(members, name, { value, enumerable: true, configurable: true, writable: true });
      else members[name] = value;
    }
    return members;
  }
}
