/**
 * Who exists, and how a caller proves to be one of them (synap-operations.md 1.1, 1.2).
 *
 * Invariant: neither passwords nor keys are kept in clear; what is compared are digests, so that the time of a comparison
 * says nothing about how much of a guess is right. API keys are answered at once, passwords off the event loop.
 */
import { randomBytes } from 'node:crypto';
import type { Clock } from '../core/clock.ts';
import { AccountBook } from './book.ts';
import { type Credentials, type Presented, readCredentials } from './credentials.ts';
import { COST, type Cost, hashPassword, parseHash } from './password.ts';
import { digest } from './passwords.ts';
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

export class Accounts {
  /** The session of every request while authentication is off; `undefined` when credentials have to be looked at. */
  readonly everyone: Session | undefined;
  /** The session of a caller without credentials; `undefined` when that is refused. */
  readonly anonymous: Session | undefined;
  readonly #book: AccountBook;
  /** Keys of the settings, by their digests. */
  readonly #keys = new Map<string, Session>();
  readonly #clock: Clock;
  #accepted = 0;
  #refused = 0;

  private constructor(options: AccountOptions, clock: Clock, book: AccountBook) {
    const nobody = new Session({ kind: 'anonymous', name: '', admin: !options.enabled });
    this.everyone = options.enabled ? undefined : nobody;
    this.anonymous = options.enabled && options.required ? undefined : nobody;
    this.#clock = clock;
    this.#book = book;
    for (const { key, ...account } of options.keys)
      this.#keys.set(digest(key), new Session({ kind: 'key', ...account }));
  }

  /**
   * Hashes clear passwords and builds the sessions. Names and keys have to be unique, and a password that begins with
   * `scrypt$` has to be a hash that can be read; the settings see to both. `book`: who was added while the server ran.
   */
  static async open(options: AccountOptions, clock: Clock, book = new AccountBook({}, clock)): Promise<Accounts> {
    const cost = options.cost ?? COST;
    const users = await Promise.all(
      (options.enabled ? options.users : []).map(async ({ password, ...account }) => {
        return { ...account, hash: parseHash(password) ?? (await hashPassword(password, cost)) };
      }),
    );
    // names that nobody has cost as much as the first one
    book.configure(users, users[0]?.hash ?? { ...cost, salt: randomBytes(16), key: randomBytes(32) });
    return new Accounts(options, clock, book);
  }

  /** Who sent this request; as `authenticate`. */
  admit(presented: Presented): Session | undefined | Promise<Session | undefined> {
    return this.everyone ?? this.authenticate(readCredentials(presented), presented.address);
  }

  /**
   * The session of these credentials, or `undefined` to refuse them with 401. A promise only when a password has to be
   * hashed; it is rejected with `RATE_LIMITED` when too many passwords of this name wait for that already. `address`
   * tells where the request comes from, for keys that are tied to addresses.
   */
  authenticate(credentials: Credentials, address?: () => string): Session | undefined | Promise<Session | undefined> {
    if (this.everyone !== undefined) return this.everyone;
    switch (credentials.kind) {
      case 'none':
        return this.anonymous;
      case 'malformed':
        return this.#outcome(undefined);
      case 'key':
        return this.#outcome(
          this.#byKey(credentials.key, address) ??
            ((credentials.decoded && this.#byKey(credentials.decoded, address)) || undefined),
        );
      case 'basic': {
        const checked = this.#book.passwords.check(credentials.name, credentials.password);
        return checked instanceof Promise
          ? checked.then((user) => this.#outcome(user?.session))
          : this.#outcome(checked?.session);
      }
    }
  }

  stats(): AccountStats {
    return { accepted: this.#accepted, refused: this.#refused, throttled: this.#book.passwords.throttled };
  }

  #outcome(session: Session | undefined): Session | undefined {
    if (session === undefined) this.#refused++;
    else this.#accepted++;
    return session;
  }

  #byKey(key: string, address: (() => string) | undefined): Session | undefined {
    const now = this.#clock.now();
    const mark = digest(key);
    const session = this.#keys.get(mark);
    if (session !== undefined) return now < session.expiresAt ? session : undefined;
    return this.#book.useKey(mark, address, now);
  }
}
