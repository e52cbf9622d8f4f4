/**
 * Users and API keys, also those that are added while the server runs (synap-operations.md 1.6, 1.8).
 *
 * Invariant: what was added over the wire stands in the store, with hashes in place of secrets; what the settings say is
 * read anew at each start and never stored or changed here, and its names go first. Whenever an account changes or goes,
 * every session of it has ended.
 */
import { randomBytes } from 'node:crypto';
import { BlockList, isIP } from 'node:net';
import type { Clock } from '../core/clock.ts';
import { CommandError, invalidRequest } from '../core/errors.ts';
import { type Ids, systemIds } from '../core/ids.ts';
import { LIMITS } from '../core/limits.ts';
import { type Engine, nowhere, type Plain, type Store } from '../core/ports.ts';
import { COST, type Cost, type PasswordHash, parseHash, printHash } from './password.ts';
import { digest, type Holder, Passwords } from './passwords.ts';
import { isPlainPattern, type Permission, ROLE_NAMES, type RoleName } from './permissions.ts';
import { Session } from './session.ts';

const USERS = 'auth.user';
const KEYS = 'auth.key';

/** What the book asks of the world. Without a store it keeps nothing. */
export interface BookPorts {
  readonly store?: Store;
  /** Where ids of keys come from; those of the machine when absent. Secrets are always random bytes of the machine. */
  readonly ids?: Ids;
  /** Hears of every change of an account, and of every login. */
  readonly audit?: (fields: Readonly<Record<string, unknown>>) => void;
  /** What hashing a password costs; `COST` when absent. */
  readonly cost?: Cost;
}

/** What a user is made of, besides a name and a password. */
export interface UserParts {
  readonly admin: boolean;
  readonly roles: readonly RoleName[];
  readonly permissions: readonly Permission[];
}

/** A user. */
export interface User extends UserParts, Holder {
  readonly name: string;
  readonly enabled: boolean;
  /** Stands in the settings, and is changed there. */
  readonly configured: boolean;
  /** Who this user is when it calls; absent while it is disabled. */
  readonly session: Session | undefined;
}

/** What a key is made of, besides its secret. */
export interface KeyParts {
  readonly name: string;
  /** The user it belongs to: it ends with that user. `null` for nobody's. */
  readonly owner: string | null;
  readonly permissions: readonly Permission[];
  /** Addresses and networks (`10.0.0.0/8`) it may be used from; empty for any. */
  readonly addresses: readonly string[];
  /** Unix milliseconds; `Infinity` for never. */
  readonly expiresAt: number;
}

/** An API key. Times are Unix milliseconds; `lastUsedAt` is exact while the server runs, to a minute after a restart. */
export interface ApiKey extends KeyParts {
  readonly id: string;
  readonly digest: string;
  readonly createdAt: number;
  lastUsedAt: number | null;
  uses: number;
  session: Session;
  readonly places: BlockList | undefined;
  /** When its use was stated to the store last. */
  statedAt: number;
}

/** Uses of a key are stated at most once in this time: a read must not cost a write. */
const STATED_MS = 60_000;

const SECRET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const SECRET_LENGTH = 32;

export class AccountBook implements Engine {
  readonly tables = [USERS, KEYS] as const;
  readonly passwords: Passwords<User>;
  readonly #configured = new Map<string, User>();
  readonly #users = new Map<string, User>();
  readonly #keys = new Map<string, ApiKey>();
  readonly #byDigest = new Map<string, ApiKey>();
  readonly #ports: BookPorts;
  readonly #store: Store;

  constructor(ports: BookPorts, clock: Clock) {
    this.#ports = ports;
    this.#store = ports.store ?? nowhere;
    this.passwords = new Passwords((name) => this.user(name), clock);
  }

  /** Takes the users of the settings. `decoy` is hashed for names that nobody has. Called once, before the first request. */
  configure(users: readonly (UserParts & { name: string; hash: PasswordHash })[], decoy: PasswordHash): void {
    for (const user of users) this.#configured.set(user.name, build({ ...user, enabled: true, configured: true }));
    this.passwords.decoy = decoy;
  }

  /** Says something to the audit log. */
  audit(fields: Readonly<Record<string, unknown>>): void {
    this.#ports.audit?.(fields);
  }

  user(name: string): User | undefined {
    return this.#configured.get(name) ?? this.#users.get(name);
  }

  /** Every user: those of the settings first, otherwise in the order in which they came. */
  users(): User[] {
    return [
      ...this.#configured.values(),
      ...[...this.#users.values()].filter(({ name }) => !this.#configured.has(name)),
    ];
  }

  /**
   * The hash of a password that `name` may use. Errors: `INVALID_REQUEST` for one that is too short or too common (1.6),
   * `RATE_LIMITED` when too many of this name wait to be hashed.
   */
  hash(name: string, password: string): Promise<PasswordHash> {
    if (Buffer.byteLength(password) < 8) invalidRequest('Password must be at least 8 characters long');
    if (Buffer.byteLength(password) > LIMITS.secretBytes)
      invalidRequest(`Password must be at most ${LIMITS.secretBytes} bytes long`);
    if (COMMON.has(password.toLowerCase())) invalidRequest('Password is too common. Please choose a stronger password');
    return this.passwords.hash(name, password, this.#ports.cost ?? COST);
  }

  /** Adds a user. Errors: `INVALID_REQUEST` (taken, or no name), `LIMIT_REACHED`. */
  createUser(name: string, parts: UserParts & { readonly hash: PasswordHash }): void {
    this.checkFree(name);
    if (this.#users.size >= LIMITS.users) throw new CommandError('LIMIT_REACHED', { detail: `${LIMITS.users} users` });
    this.#put(build({ name, ...parts, enabled: true, configured: false }));
  }

  /** Throws `INVALID_REQUEST` for a name that cannot be given to a new user. */
  checkFree(name: string): void {
    if (name === '' || name.includes(':')) invalidRequest('A username must not be empty or have a colon');
    if (Buffer.byteLength(name) > LIMITS.nameBytes) invalidRequest(`A username has at most ${LIMITS.nameBytes} bytes`);
    if (this.user(name) !== undefined) invalidRequest(`User ${name} already exists`);
  }

  /** Changes a user and ends its sessions. Errors: `ACCOUNT_NOT_FOUND`, `INVALID_REQUEST` for one of the settings. */
  changeUser(name: string, change: Partial<UserParts & { hash: PasswordHash; enabled: boolean }>): void {
    const user = this.#changeable(name);
    this.#end(user);
    this.#put(build({ ...user, ...change }));
    if (change.hash !== undefined) this.passwords.forget();
  }

  /** Takes a user and its keys away; false when there was none. Errors: `INVALID_REQUEST` for one of the settings. */
  deleteUser(name: string): boolean {
    if (this.user(name) === undefined) return false;
    this.#end(this.#changeable(name));
    this.#users.delete(name);
    this.#store.remove(USERS, name);
    for (const key of this.#keys.values()) if (key.owner === name) this.revokeKey(key.id);
    return true;
  }

  key(id: string): ApiKey | undefined {
    return this.#keys.get(id);
  }

  /** Every key that was added while a server ran, the oldest first. */
  keys(): ApiKey[] {
    return [...this.#keys.values()].sort((a, b) => a.createdAt - b.createdAt);
  }

  /** Adds a key and gives its secret, which nobody can read again. Errors: `LIMIT_REACHED`. */
  createKey(parts: KeyParts, now: number): { readonly key: ApiKey; readonly secret: string } {
    if (this.#keys.size >= LIMITS.apiKeys)
      throw new CommandError('LIMIT_REACHED', { detail: `${LIMITS.apiKeys} API keys` });
    const secret = `sk_${letters(SECRET_LENGTH)}`;
    const id = (this.#ports.ids ?? systemIds).uuid();
    const key = buildKey({ ...parts, id, digest: digest(secret), createdAt: now, lastUsedAt: null, uses: 0 });
    this.#add(key);
    this.#stateKey(key, now);
    return { key, secret };
  }

  /** Takes a key away; false when there was none. */
  revokeKey(id: string): boolean {
    const key = this.#keys.get(id);
    if (key === undefined) return false;
    key.session.end();
    this.#keys.delete(id);
    this.#byDigest.delete(key.digest);
    this.#store.remove(KEYS, id);
    return true;
  }

  /** The session of the key with this digest, counted as a use, or `undefined` to refuse it. */
  useKey(mark: string, address: (() => string) | undefined, now: number): Session | undefined {
    const key = this.#byDigest.get(mark);
    if (key === undefined || now >= key.expiresAt) return undefined;
    if (key.owner !== null && this.user(key.owner)?.enabled !== true) return undefined;
    if (key.places !== undefined && !within(key.places, address?.() ?? '')) return undefined;
    if (key.session.expiresAt === 0) key.session = sessionOf(key); // its owner was disabled for a while
    key.lastUsedAt = now;
    key.uses++;
    if (now - key.statedAt >= STATED_MS) this.#stateKey(key, now);
    return key.session;
  }

  restore(table: string, key: string, value: Plain): void {
    if (table === USERS) {
      const { hash, ...parts } = value as unknown as UserParts & { hash: string; enabled: boolean };
      const known = parseHash(hash);
      if (known === undefined) throw new Error(`the password of user ${key} cannot be read`);
      this.#users.set(key, build({ ...parts, name: key, hash: known, configured: false }));
    } else {
      const record = value as unknown as KeyRecord;
      this.#add(buildKey({ ...record, id: key, expiresAt: record.expiresAt ?? Number.POSITIVE_INFINITY }));
    }
  }

  restored(): void {}
  tick(): void {}

  nextDeadline(): number {
    return Number.POSITIVE_INFINITY;
  }

  check(): string[] {
    const broken: string[] = [];
    if (this.#byDigest.size !== this.#keys.size) broken.push('two keys have one digest, or one has none');
    for (const [id, key] of this.#keys)
      if (key.id !== id || this.#byDigest.get(key.digest) !== key) broken.push(`key ${id} is not found by its digest`);
    for (const [name, user] of this.#users) {
      if (user.name !== name || user.configured) broken.push(`user ${name} stands in the wrong place`);
      if ((user.session === undefined) === user.enabled)
        broken.push(`user ${name} has no session, or is disabled and has one`);
    }
    return broken;
  }

  /** What is held, in constant time. */
  stats(): { readonly users: number; readonly keys: number } {
    return { users: this.#configured.size + this.#users.size, keys: this.#keys.size };
  }

  #changeable(name: string): User {
    if (this.#configured.has(name)) return invalidRequest(`User ${name} stands in the settings and is changed there`);
    const user = this.#users.get(name);
    if (user === undefined) throw new CommandError('ACCOUNT_NOT_FOUND', { user: name });
    return user;
  }

  /** Ends every session of a user, those of its keys too. */
  #end(user: User): void {
    user.session?.end();
    for (const key of this.#keys.values()) if (key.owner === user.name) key.session.end();
  }

  #put(user: User): void {
    this.#users.set(user.name, user);
    const { hash, admin, roles, permissions, enabled } = user;
    this.#store.put(USERS, user.name, {
      hash: printHash(hash),
      admin,
      roles,
      permissions: plain(permissions),
      enabled,
    });
  }

  #add(key: ApiKey): void {
    this.#keys.set(key.id, key);
    this.#byDigest.set(key.digest, key);
  }

  #stateKey(key: ApiKey, now: number): void {
    key.statedAt = now;
    const { name, owner, permissions, addresses, expiresAt, createdAt, lastUsedAt, uses } = key;
    this.#store.put(KEYS, key.id, {
      name,
      owner,
      permissions: plain(permissions),
      addresses,
      expiresAt: expiresAt === Number.POSITIVE_INFINITY ? null : expiresAt,
      digest: key.digest,
      createdAt,
      lastUsedAt,
      uses,
    });
  }
}

/** Letters and digits, each equally likely. */
function letters(count: number): string {
  let text = '';
  while (text.length < count)
    for (const byte of randomBytes(2 * count))
      if (byte < 4 * SECRET.length && text.length < count) text += SECRET[byte % SECRET.length];
  return text;
}

interface KeyRecord extends Omit<KeyParts, 'expiresAt'> {
  readonly expiresAt: number | null;
  readonly digest: string;
  readonly createdAt: number;
  readonly lastUsedAt: number | null;
  readonly uses: number;
}

const plain = (permissions: readonly Permission[]): Plain =>
  permissions.map(({ resource, action }) => ({ resource, action }));

function build(parts: UserParts & Pick<User, 'name' | 'hash' | 'enabled' | 'configured'>): User {
  const { name, hash, admin, roles, permissions, enabled, configured } = parts;
  const session = enabled
    ? new Session({ kind: 'user', name, admin, roles, permissions, revocable: !configured })
    : undefined;
  return { name, hash, admin, roles, permissions, enabled, configured, session, seal: undefined, sealedUntil: 0 };
}

function buildKey(parts: Omit<ApiKey, 'session' | 'places' | 'statedAt'>): ApiKey {
  return { ...parts, session: sessionOf(parts), places: placesOf(parts.addresses), statedAt: 0 };
}

function sessionOf({ name, owner, permissions, expiresAt }: KeyParts): Session {
  return new Session({ kind: 'key', name, owner, admin: false, permissions, expiresAt, revocable: true });
}

function placesOf(addresses: readonly string[]): BlockList | undefined {
  if (addresses.length === 0) return undefined;
  const list = new BlockList();
  for (const place of addresses) {
    const [address = '', bits] = place.split('/');
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  return list;
}

function within(places: BlockList, address: string): boolean {
  const family = isIP(address);
  return family !== 0 && places.check(address, family === 6 ? 'ipv6' : 'ipv4');
}

/** Whether a text is an address or a network, as a key may be tied to. */
export function isPlace(text: string): boolean {
  const [address = '', bits, ...rest] = text.split('/');
  const family = isIP(address);
  if (family === 0 || rest.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 6 ? 128 : 32));
}

/** Whether a permission may be written down. */
export function isGrantable({ resource }: Permission): boolean {
  return resource !== '' && Buffer.byteLength(resource) <= LIMITS.nameBytes && isPlainPattern(resource);
}

/** A role by its name. Errors: `INVALID_REQUEST` when there is none. */
export function roleOf(name: string): RoleName {
  const role = ROLE_NAMES.find((known) => known === name);
  return role ?? invalidRequest(`Role ${name} not found`);
}

/** Passwords that are guessed first; they are refused whatever their case (synap-operations.md 1.6). */
const COMMON = new Set(
  (
    'password 12345678 123456789 1234567890 qwerty qwertyuiop letmein letmein1 root root1234 root123 admin admin123 admin1234 ' +
    'administrator welcome welcome1 password1 password12 password123 passw0rd p@ssword p@ssw0rd iloveyou sunshine princess ' +
    'football baseball superman trustno1 changeme default1 master12 dragon12 monkey12 abc12345 abcd1234 11111111 00000000 87654321'
  ).split(' '),
);
