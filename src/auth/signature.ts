/**
 * Signatures of users (progressdb.md 3.2, 4.2; section 10, 7).
 *
 * Invariant: a plain signature is the lower-case hexadecimal HMAC-SHA256 of the user's id under a signing key, as the
 * reference makes it: it never ends. A dated one says until when it is good and signs that as well, in a form that no
 * user id can imitate; settings may accept dated ones only. Comparisons take the same time whatever differs.
 */
import { Buffer } from 'node:buffer';
import { createHmac } from 'node:crypto';
import { LIMITS } from '../core/limits.ts';
import { sameSecret } from './same.ts';

/** The plain signature of a user under a key. */
export function signUser(key: string, user: string): string {
  return createHmac('sha256', Buffer.from(key)).update(user).digest('hex');
}

/** A signature that is good until a time in Unix seconds: `v2.<seconds>.<hexadecimal>`. */
export function signUserUntil(key: string, user: string, until: number): string {
  return `v2.${until}.${datedMac(key, user, until)}`;
}

/** The MAC of a dated signature: under a key of its own, so that `_sign` of a made-up user id never gives one. */
function datedMac(key: string, user: string, until: number): string {
  const own = createHmac('sha256', Buffer.from(key)).update('synapd dated user signature\0').digest();
  return createHmac('sha256', own).update(`${until}\n${user}`).digest('hex');
}

const PLAIN = /^[0-9a-f]{64}$/;
const DATED = /^v2\.(\d{1,12})\.([0-9a-f]{64})$/;

/** Characters of a user above which its signatures are made anew every time. */
const REMEMBERED_UNITS = 256;

export class Signatures {
  readonly #keys: readonly string[];
  readonly #datedOnly: boolean;
  /** What plain signatures of a user would be, under each key. */
  readonly #expected = new Map<string, readonly string[]>();

  /** `keys` are the signing keys: the backend keys, or separate ones. `datedOnly` refuses signatures without an end. */
  constructor(keys: readonly string[], datedOnly = false) {
    this.#keys = [...new Set(keys)].filter((key) => key !== '');
    this.#datedOnly = datedOnly;
  }

  /** Whether any signature can be checked at all. */
  get available(): boolean {
    return this.#keys.length > 0;
  }

  /** Whether one of the keys made this signature for the user, and it is still good at `now` (Unix milliseconds). */
  verify(user: string, signature: string, now: number): boolean {
    const dated = DATED.exec(signature);
    if (dated !== null) {
      const until = Number(dated[1]);
      const right = this.#keys.map((key) => sameSecret(datedMac(key, user, until), dated[2] as string));
      return right.includes(true) && now < until * 1000;
    }
    if (this.#datedOnly || !PLAIN.test(signature)) return false;
    let right = false;
    for (const expected of this.#plain(user)) if (sameSecret(expected, signature)) right = true;
    return right;
  }

  /** Remembered for a user: two MACs a request would cost as much as the rest of it. */
  #plain(user: string): readonly string[] {
    const known = this.#expected.get(user);
    if (known !== undefined) return known;
    const expected = this.#keys.map((key) => signUser(key, user));
    if (user.length > REMEMBERED_UNITS) return expected;
    if (this.#expected.size >= LIMITS.chatSigners) this.#expected.delete(this.#expected.keys().next().value as string);
    this.#expected.set(user, expected);
    return expected;
  }
}
