/**
 * Who exists, and how a caller proves to be one of them (synap-operations.md 1.1, 1.2).
 *
 * Invariant: neither passwords nor keys are kept in clear; what is compared are digests, so that the time of a comparison
 * says nothing about how much of a guess is right. API keys are answered at once, passwords off the event loop, and a password
 * that was checked lately is not hashed again: remembered under a keyed hash, one for each user.
 */
import { hash as digestOf, randomBytes } from 'node:crypto';
import type { Clock } from '../core/clock.ts';
import { CommandError } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';
import { PasswordChecks } from './checks.ts';
import { type Credentials, type Presented, readCredentials } from './credentials.ts';
import { COST, type Cost, hashPassword, type PasswordHash, parseHash, verifyPassword } from './password.ts';
import type { Permission, RoleName } from './permissions.ts';
import { Session } from './session.ts';

/** A user as configured. */
export interface UserAccount {
  readonly name: string;
  /** In clear, or the text form of a hash (`scrypt$...`). */
  readonly password: string;
  readonly admin: boolean;
  readonly roles: readonly RoleName[];
  readonly permissions: readonly Permission[];
}

/** An API key as configured. */
export interface KeyAccount {
  readonly name: string;
  /** The key itself, any text without spaces around it. */
  readonly key: string;
  readonly admin: boolean;
  readonly permissions: readonly Permission[];
  /** Unix milliseconds; `Infinity` for never. */
  readonly expiresAt: number;
}

/** Everything about who may call. */
export interface AccountOptions {
  /** Off: no credentials are looked at, every caller is admin. */
  readonly enabled: boolean;
  /** Whether a caller without credentials is refused, instead of being nobody without permissions. */
  readonly required: boolean;
  readonly users: readonly UserAccount[];
  readonly keys: readonly KeyAccount[];
  /** What hashing a clear password costs; `COST` when absent. */
  readonly cost?: Cost;
}

/** How often callers proved who they are, and how often not. */
export interface AccountStats {
  readonly accepted: number;
  readonly refused: number;
  /** Password checks that were not made because too many were waiting. */
  readonly throttled: number;
}

interface User {
  readonly session: Session;
  readonly hash: PasswordHash;
  /** The credentials that were right lately, sealed, and until when that is believed. */
  seal: string | undefined;
  sealedUntil: number;
}

/** The lane of everybody who does not exist; no user has an empty name. */
const NOBODY = '';

export class Accounts {
  /** The session of every request while authentication is off; `undefined` when credentials have to be looked at. */
  readonly everyone: Session | undefined;
  /** The session of a caller without credentials; `undefined` when that is refused. */
  readonly anonymous: Session | undefined;
  readonly #users: ReadonlyMap<string, User>;
  readonly #keys = new Map<string, Session>();
  /** Hashed for users that do not exist, so that they cost as much as others. */
  readonly #decoy: PasswordHash;
  readonly #clock: Clock;
  readonly #secret = randomBytes(32).toString('hex');
  readonly #checks = new PasswordChecks();
  readonly #underway = new Map<string, Promise<Session | undefined>>();
  /** Seals of wrong credentials and until when that is believed, the oldest first. */
  readonly #wrong = new Map<string, number>();
  #accepted = 0;
  #refused = 0;
  #throttled = 0;

  private constructor(options: AccountOptions, users: ReadonlyMap<string, User>, decoy: PasswordHash, clock: Clock) {
    const nobody = new Session({ kind: 'anonymous', name: '', admin: !options.enabled });
    this.everyone = options.enabled ? undefined : nobody;
    this.anonymous = options.enabled && options.required ? undefined : nobody;
    this.#users = users;
    this.#decoy = decoy;
    this.#clock = clock;
    for (const { key, ...account } of options.keys)
      this.#keys.set(digest(key), new Session({ kind: 'key', ...account }));
  }

  /**
   * Hashes clear passwords and builds the sessions. Names and keys have to be unique, and a password that begins with
   * `scrypt$` has to be a hash that can be read; the settings see to both.
   */
  static async open(options: AccountOptions, clock: Clock): Promise<Accounts> {
    const cost = options.cost ?? COST;
    const built = (options.enabled ? options.users : []).map(async ({ password, ...account }): Promise<User> => {
      const session = new Session({ kind: 'user', ...account });
      const known = parseHash(password) ?? (await hashPassword(password, cost));
      return { session, hash: known, seal: undefined, sealedUntil: 0 };
    });
    const users = new Map((await Promise.all(built)).map((user) => [user.session.name, user]));
    const decoy = [...users.values()][0]?.hash ?? { ...cost, salt: randomBytes(16), key: randomBytes(32) };
    return new Accounts(options, users, decoy, clock);
  }

  /** Who sent this request; as `authenticate`. */
  admit(presented: Presented): Session | undefined | Promise<Session | undefined> {
    return this.everyone ?? this.authenticate(readCredentials(presented));
  }

  /**
   * The session of these credentials, or `undefined` to refuse them with 401. A promise only when a password has to be
   * hashed; it is rejected with `RATE_LIMITED` when too many passwords of this name wait for that already.
   */
  authenticate(credentials: Credentials): Session | undefined | Promise<Session | undefined> {
    if (this.everyone !== undefined) return this.everyone;
    switch (credentials.kind) {
      case 'none':
        return this.anonymous;
      case 'malformed':
        return this.#outcome(undefined);
      case 'key':
        return this.#outcome(
          this.#byKey(credentials.key) ?? ((credentials.decoded && this.#byKey(credentials.decoded)) || undefined),
        );
      case 'basic':
        return this.#byPassword(credentials.name, credentials.password);
    }
  }

  stats(): AccountStats {
    return { accepted: this.#accepted, refused: this.#refused, throttled: this.#throttled };
  }

  #outcome(session: Session | undefined): Session | undefined {
    if (session === undefined) this.#refused++;
    else this.#accepted++;
    return session;
  }

  #byKey(key: string): Session | undefined {
    const session = this.#keys.get(digest(key));
    return session !== undefined && this.#clock.now() < session.expiresAt ? session : undefined;
  }

  #byPassword(name: string, password: string): Session | undefined | Promise<Session | undefined> {
    const now = this.#clock.now();
    const user = this.#users.get(name);
    const seal = digest(`${this.#secret}${name.length}:${name}${password}`);
    if (user?.seal === seal && now < user.sealedUntil) {
      user.sealedUntil = now + LIMITS.passwordRememberedMs;
      return this.#outcome(user.session);
    }
    if (now < (this.#wrong.get(seal) ?? 0)) return this.#outcome(undefined);
    const underway = this.#underway.get(seal);
    if (underway !== undefined) return underway.then((session) => this.#outcome(session));
    const known = user?.hash ?? this.#decoy;
    const check = this.#checks.run(user === undefined ? NOBODY : name, () => verifyPassword(password, known));
    if (check === undefined) {
      this.#throttled++;
      return Promise.reject(new CommandError('RATE_LIMITED', { detail: 'too many password checks are waiting' }));
    }
    const verdict = check
      .then((right) => this.#learn(right ? user : undefined, seal))
      .finally(() => this.#underway.delete(seal));
    this.#underway.set(seal, verdict);
    return verdict.then((session) => this.#outcome(session));
  }

  /** Remembers how a check ended. */
  #learn(user: User | undefined, seal: string): Session | undefined {
    const now = this.#clock.now();
    if (user !== undefined) {
      user.seal = seal;
      user.sealedUntil = now + LIMITS.passwordRememberedMs;
      return user.session;
    }
    for (const [oldest, until] of this.#wrong) {
      if (until > now && this.#wrong.size < LIMITS.wrongPasswords) break;
      this.#wrong.delete(oldest);
    }
    this.#wrong.set(seal, now + LIMITS.wrongPasswordMs);
    return undefined;
  }
}

function digest(text: string): string {
  return digestOf('sha256', text, 'base64');
}
