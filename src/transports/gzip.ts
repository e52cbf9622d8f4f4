/**
 * gzip for answers, where the client accepts it and the body is at least 32 bytes (synap-core.md 1.2).
 *
 * Invariant: the event loop never compresses for long. Small bodies are framed as one stored block, since setting a
 * compressor up costs more than sending them; middle ones are compressed in place; large ones on a thread.
 */
import { crc32, gzip, gzipSync } from 'node:zlib';

/** Bodies below this are answered as they are, in bytes. */
export const GZIP_MIN_BYTES = 32;
const STORED_MAX_BYTES = 1024;
const IN_PLACE_MAX_BYTES = 16 * 1024;

/**
 * Whether an `Accept-Encoding` value allows gzip, and likes it at least as much as an answer that is not encoded: by the
 * weights of `gzip` (also as `x-gzip`) and `identity`, or of `*` for one that is not named.
 */
export function acceptsGzip(header: string): boolean {
  if (header === '') return false;
  let gzip: number | undefined;
  let identity: number | undefined;
  let star: number | undefined;
  for (const part of header.toLowerCase().split(',')) {
    const [name = '', ...parameters] = part.split(';').map((text) => text.trim());
    const parameter = parameters.find((text) => text.startsWith('q='));
    const weight = parameter === undefined ? 1 : Number(parameter.slice(2));
    if (name === 'gzip' || name === 'x-gzip') gzip ??= weight;
    else if (name === 'identity') identity ??= weight;
    else if (name === '*') star ??= weight;
  }
  const wanted = gzip ?? star ?? 0;
  return wanted > 0 && wanted >= (identity ?? star ?? 0);
}

/** The gzip form of a body; a promise when it is large. */
export function compressed(body: string): Buffer | Promise<Buffer> {
  const bytes = Buffer.from(body, 'utf8');
  if (bytes.length <= STORED_MAX_BYTES) return stored(bytes);
  if (bytes.length <= IN_PLACE_MAX_BYTES) return gzipSync(bytes, { level: 1 });
  return new Promise((resolve, reject) => {
    gzip(bytes, { level: 1 }, (error, result) => (error === null ? resolve(result) : reject(error)));
  });
}

/** A gzip member of one stored block: RFC 1952 header, RFC 1951 block, checksum and length. */
function stored(bytes: Buffer): Buffer {
  const size = bytes.length;
  const out = Buffer.alloc(size + 23);
  out.writeUInt32BE(0x1f8b0800, 0);
  out[9] = 0xff; // unknown operating system
  out[10] = 1; // last block, stored
  out.writeUInt16LE(size, 11);
  out.writeUInt16LE(~size & 0xffff, 13);
  bytes.copy(out, 15);
  out.writeUInt32LE(crc32(bytes), size + 15);
  out.writeUInt32LE(size, size + 19);
  return out;
}
