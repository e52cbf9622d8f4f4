/**
 * AES-256-GCM, and what a sealed text is bound to.
 *
 * Invariant: a sealed value opens only under the key, and only at the place, for which it was sealed: the place is
 * associated data. Every seal takes a fresh random nonce of 96 bits.
 */
import { Buffer } from 'node:buffer';
import { createCipheriv, createDecipheriv, createHash } from 'node:crypto';

/** Bytes of every key. */
export const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Where random bytes come from. */
export type Random = (bytes: number) => Uint8Array;

/** The place of a value: its kind and the ids that lead to it. */
export function place(kind: 'body' | 'thread-key' | 'master-key', ...ids: readonly (string | number)[]): string {
  return JSON.stringify(['synapd chat 1', kind, ...ids]);
}

/** Nonce, ciphertext and tag in one piece. */
export function seal(key: Uint8Array, clear: Uint8Array | string, at: string, random: Random): Uint8Array {
  const nonce = random(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  cipher.setAAD(Buffer.from(at));
  const first = typeof clear === 'string' ? cipher.update(clear, 'utf8') : cipher.update(clear);
  return Buffer.concat([nonce, first, cipher.final(), cipher.getAuthTag()]);
}

/** What was sealed; `undefined` when key, place or bytes are not those of the seal. */
export function unseal(key: Uint8Array, sealed: Uint8Array, at: string): Buffer | undefined {
  if (sealed.length < NONCE_BYTES + TAG_BYTES) return undefined;
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES });
  decipher.setAAD(Buffer.from(at));
  decipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES));
  const first = decipher.update(sealed.subarray(NONCE_BYTES, sealed.length - TAG_BYTES));
  try {
    return Buffer.concat([first, decipher.final()]);
  } catch {
    return undefined;
  }
}

/** The name of a master key: tells keys apart and says nothing about them. */
export function masterKeyId(key: Uint8Array): string {
  return `kek_${createHash('sha256').update('synapd master key\0').update(key).digest('hex').slice(0, 16)}`;
}

const HEX_KEY = /^[0-9a-fA-F]{64}$/;

/** A key of 64 hexadecimal digits; `undefined` for anything else. */
export function readHexKey(text: string): Uint8Array | undefined {
  return HEX_KEY.test(text) ? Buffer.from(text, 'hex') : undefined;
}
