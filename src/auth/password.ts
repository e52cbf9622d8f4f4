/**
 * Password hashes: scrypt, off the event loop, in a text form that says its own cost.
 *
 * Invariant: a clear password is never kept; comparisons take the same time whatever differs.
 */
import { Buffer } from 'node:buffer';
import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto';

/** How expensive a hash is: memory is `128 * n * r` bytes, time grows with `n * r * p`. */
export interface Cost {
  readonly n: number;
  readonly r: number;
  readonly p: number;
}

/** A password that can be recognised but not read. */
export interface PasswordHash extends Cost {
  readonly salt: Uint8Array;
  readonly key: Uint8Array;
}

/** 16 MiB and some 0.2 s of one core: what OWASP lists as sufficient for scrypt with this memory. */
export const COST: Cost = { n: 16_384, r: 8, p: 5 };

const SALT_BYTES = 16;
const KEY_BYTES = 32;
/** The most memory a stored hash may ask for, in bytes: a settings file must not be able to exhaust the machine. */
const MEMORY_MAX = 256 * 1024 * 1024;
/** The most work a stored hash may ask for, as `n * r * p`: some ten times `COST`. */
const WORK_MAX = 8 * 1024 * 1024;
const FORM = /^scrypt\$(\d{1,8})\$(\d{1,3})\$(\d{1,3})\$([A-Za-z0-9+/]+={0,2})\$([A-Za-z0-9+/]+={0,2})$/;

/** Hashes a password with a fresh salt. */
export async function hashPassword(password: string, cost: Cost = COST): Promise<PasswordHash> {
  const salt = randomBytes(SALT_BYTES);
  return { n: cost.n, r: cost.r, p: cost.p, salt, key: await derive(password, salt, KEY_BYTES, cost) };
}

/** Whether `password` is the one that was hashed. */
export async function verifyPassword(password: string, hash: PasswordHash): Promise<boolean> {
  return timingSafeEqual(await derive(password, hash.salt, hash.key.length, hash), hash.key);
}

/** The text form: `scrypt$n$r$p$salt$key`, the last two in base64. */
export function printHash(hash: PasswordHash): string {
  const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
  return `scrypt$${hash.n}$${hash.r}$${hash.p}$${text(hash.salt)}$${text(hash.key)}`;
}

/** Reads the text form; `undefined` when it is not one, or asks for more memory or work than a server should spend. */
export function parseHash(text: string): PasswordHash | undefined {
  const parts = FORM.exec(text);
  if (parts === null) return undefined;
  const [n, r, p] = [Number(parts[1]), Number(parts[2]), Number(parts[3])];
  const powerOfTwo = n > 1 && Number.isInteger(Math.log2(n));
  if (!powerOfTwo || r < 1 || p < 1 || 128 * n * r > MEMORY_MAX || n * r * p > WORK_MAX) return undefined;
  const salt = Buffer.from(parts[4] as string, 'base64');
  const key = Buffer.from(parts[5] as string, 'base64');
  return salt.length < 8 || key.length < 16 || key.length > 64 ? undefined : { n, r, p, salt, key };
}

function derive(password: string, salt: Uint8Array, bytes: number, cost: Cost): Promise<Buffer> {
  const options: ScryptOptions = { N: cost.n, r: cost.r, p: cost.p, maxmem: 2 * MEMORY_MAX };
  return new Promise((resolve, reject) => {
    scrypt(password, salt, bytes, options, (error, key) => (error === null ? resolve(key) : reject(error)));
  });
}
