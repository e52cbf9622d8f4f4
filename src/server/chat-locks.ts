/**
 * What the door of the chat face is made of: keys, signatures, addresses, origins and the rate limit
 * (progressdb.md 2.3, 4.1, 4.2, R27).
 *
 * Invariant: the buckets of the rate limit are bounded; beyond the cap the one that was used least recently is forgotten,
 * and its caller begins anew with a full one.
 */
import { ChatKeys } from '../auth/chat-keys.ts';
import { Signatures, signUser, signUserUntil } from '../auth/signature.ts';
import { AddressList } from '../chat/cidr.ts';
import { readPeriod } from '../chat/period.ts';
import type { Clock } from '../core/clock.ts';
import { LIMITS } from '../core/limits.ts';
import type { Locks } from '../faces/chat-door.ts';
import type { Settings } from './settings.ts';

/** Builds the locks as the settings say. */
export function chatLocks(settings: Settings, clock: Clock): Locks {
  const classes = {
    backend: settings['security.api_keys.backend'],
    frontend: settings['security.api_keys.frontend'],
    admin: settings['security.api_keys.admin'],
  };
  const keys = new ChatKeys(classes);
  const signing = settings['security.api_keys.signing'];
  const dated = settings['security.dated_signatures'];
  const signatures = new Signatures(signing.length > 0 ? signing : classes.backend, dated);
  const signatureMs = readPeriod(settings['security.signature_period']) as number; // checked by its row
  const addresses = AddressList.read(settings['security.ip_whitelist']) as AddressList; // checked by its row
  const origins = new Set(settings['security.cors.allowed_origins'].map((origin) => origin.toLowerCase()));
  const buckets = new Buckets(
    settings['security.rate_limit.rps'] > 0 ? settings['security.rate_limit.rps'] : DEFAULT_RATE,
    settings['security.rate_limit.burst'] > 0 ? settings['security.rate_limit.burst'] : DEFAULT_RATE,
    LIMITS.chatBuckets,
    clock,
  );
  return {
    anywhere: settings['security.ip_whitelist'].length === 0,
    allows: (address) => addresses.allows(address),
    classes: (key) => keys.roles(key),
    signing: signatures.available,
    verify: (user, signature) => signatures.verify(user, signature, clock.now()),
    sign(key, user) {
      const secret = signing[0] ?? key;
      return dated
        ? signUserUntil(secret, user, Math.ceil((clock.now() + signatureMs) / 1000))
        : signUser(secret, user);
    },
    take: (caller) => buckets.take(caller),
    welcomes: (origin) => origins.has('*') || origins.has(origin.toLowerCase()),
    keyless: settings['security.keyless_signed'],
  };
}

/** Requests a second, and at once, when the settings say nothing (R27). */
const DEFAULT_RATE = 100;

interface Bucket {
  tokens: number;
  at: number;
}

/** Token buckets by caller. */
export class Buckets {
  readonly #rate: number;
  readonly #burst: number;
  readonly #most: number;
  readonly #clock: Clock;
  /** In the order of their last use. */
  readonly #buckets = new Map<string, Bucket>();
  #latest = '';

  /** `rate` tokens a second, at most `burst`; for `most` callers. */
  constructor(rate: number, burst: number, most: number, clock: Clock) {
    this.#rate = rate;
    this.#burst = burst;
    this.#most = most;
    this.#clock = clock;
  }

  /** Takes a token: 0, or the seconds until there is one. */
  take(caller: string): number {
    const now = this.#clock.monotonic();
    let bucket = this.#buckets.get(caller);
    if (bucket === undefined) {
      if (this.#buckets.size >= this.#most) this.#buckets.delete(this.#buckets.keys().next().value as string);
      bucket = { tokens: this.#burst, at: now };
      this.#buckets.set(caller, bucket);
    } else if (caller !== this.#latest) {
      this.#buckets.delete(caller);
      this.#buckets.set(caller, bucket);
    }
    this.#latest = caller;
    bucket.tokens = Math.min(this.#burst, bucket.tokens + ((now - bucket.at) / 1000) * this.#rate);
    bucket.at = now;
    if (bucket.tokens < 1) return Math.ceil((1 - bucket.tokens) / this.#rate);
    bucket.tokens--;
    return 0;
  }
}
