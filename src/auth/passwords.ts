/**
 * Telling right passwords from wrong ones without hashing each time.
 *
 * Invariant: a password that was checked lately is not hashed again: it is remembered under a keyed hash, one for each
 * user; wrong ones, and names that do not exist, cost as much as right ones.
 */
import { hash as digestOf, randomBytes } from 'node:crypto';
import type { Clock } from '../core/clock.ts';
import { CommandError } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';
import { PasswordChecks } from './checks.ts';
import { COST, type Cost, hashPassword, type PasswordHash, verifyPassword } from './password.ts';

/** Somebody with a password. */
export interface Holder {
  readonly hash: PasswordHash;
  /** The credentials that were right lately, sealed, and until when that is believed. */
  seal: string | undefined;
  sealedUntil: number;
}

/** The lane of everybody who does not exist; no user has an empty name. */
const NOBODY = '';

export class Passwords<H extends Holder> {
  readonly #find: (name: string) => H | undefined;
  readonly #clock: Clock;
  readonly #secret = randomBytes(32).toString('hex');
  readonly #checks = new PasswordChecks();
  readonly #underway = new Map<string, Promise<H | undefined>>();
  /** Seals of wrong credentials and until when that is believed, the oldest first. */
  readonly #wrong = new Map<string, number>();
  /** Hashed for users that do not exist, so that they cost as much as others. */
  decoy: PasswordHash = { ...COST, salt: randomBytes(16), key: randomBytes(32) };
  #throttled = 0;

  constructor(find: (name: string) => H | undefined, clock: Clock) {
    this.#find = find;
    this.#clock = clock;
  }

  /** Checks that were not made because too many were waiting. */
  get throttled(): number {
    return this.#throttled;
  }

  /**
   * Who has this name and password, or `undefined`. A promise only when it has to be hashed; rejected with `RATE_LIMITED`
   * when too many passwords of this name wait for that already.
   */
  check(name: string, password: string): H | undefined | Promise<H | undefined> {
    const now = this.#clock.now();
    const holder = this.#find(name);
    const seal = digest(`${this.#secret}${name.length}:${name}${password}`);
    if (holder?.seal === seal && now < holder.sealedUntil) {
      holder.sealedUntil = now + LIMITS.passwordRememberedMs;
      return holder;
    }
    if (now < (this.#wrong.get(seal) ?? 0)) return undefined;
    const underway = this.#underway.get(seal);
    if (underway !== undefined) return underway;
    const known = holder?.hash ?? this.decoy;
    const verdict = this.#inTurn(holder === undefined ? NOBODY : name, () => verifyPassword(password, known))
      // whoever was taken away or changed meanwhile is another one now
      .then((right) => this.#learn(right && this.#find(name) === holder ? holder : undefined, seal))
      .finally(() => this.#underway.delete(seal));
    this.#underway.set(seal, verdict);
    return verdict;
  }

  /** Hashes a password that `name` is to have, in turn with the checks; rejected with `RATE_LIMITED` like them. */
  hash(name: string, password: string, cost: Cost): Promise<PasswordHash> {
    return this.#inTurn(name, () => hashPassword(password, cost));
  }

  /** Forgets what was wrong: a password that is set now may have been wrong a moment ago. */
  forget(): void {
    this.#wrong.clear();
  }

  #inTurn<T>(lane: string, work: () => Promise<T>): Promise<T> {
    const result = this.#checks.run(lane, work);
    if (result !== undefined) return result;
    this.#throttled++;
    return Promise.reject(new CommandError('RATE_LIMITED', { detail: 'too many password checks are waiting' }));
  }

  /** Remembers how a check ended. */
  #learn(holder: H | undefined, seal: string): H | undefined {
    const now = this.#clock.now();
    if (holder !== undefined) {
      holder.seal = seal;
      holder.sealedUntil = now + LIMITS.passwordRememberedMs;
      return holder;
    }
    for (const [oldest, until] of this.#wrong) {
      if (until > now && this.#wrong.size < LIMITS.wrongPasswords) break;
      this.#wrong.delete(oldest);
    }
    this.#wrong.set(seal, now + LIMITS.wrongPasswordMs);
    return undefined;
  }
}

/** What is compared in place of a secret. */
export function digest(text: string): string {
  return digestOf('sha256', text, 'base64');
}
