/**
 * API keys of the chat face, and the roles that they give (progressdb.md 4.1, R2).
 *
 * Invariant: a key in several classes has all their roles. A presented key is compared with every key of its length,
 * each in constant time; beyond `SCANNED` of one length, the digests are looked up instead, which tell nothing either.
 */
import { createHash } from 'node:crypto';
import { sameSecret } from './same.ts';

/** The classes that a key is in. */
export interface KeyRoles {
  readonly backend: boolean;
  readonly frontend: boolean;
  readonly admin: boolean;
}

/** The keys of each class, as configured. */
export interface KeyClasses {
  readonly backend: readonly string[];
  readonly frontend: readonly string[];
  readonly admin: readonly string[];
}

interface Known {
  readonly key: string;
  readonly roles: KeyRoles;
}

/** Keys of one length up to which all are compared: some 25 ns each. */
const SCANNED = 64;

export class ChatKeys {
  readonly #byLength = new Map<number, readonly Known[] | ReadonlyMap<string, Known>>();
  readonly #size: number;

  constructor(classes: KeyClasses) {
    const keys = [...new Set([...classes.admin, ...classes.backend, ...classes.frontend])].filter((key) => key !== '');
    this.#size = keys.length;
    const lengths = new Map<number, Known[]>();
    for (const key of keys) {
      const roles = {
        backend: classes.backend.includes(key),
        frontend: classes.frontend.includes(key),
        admin: classes.admin.includes(key),
      };
      const same = lengths.get(key.length);
      if (same === undefined) lengths.set(key.length, [{ key, roles }]);
      else same.push({ key, roles });
    }
    for (const [length, known] of lengths) {
      const digests = known.map((one) => [digest(one.key), one] as const);
      this.#byLength.set(length, known.length <= SCANNED ? known : new Map(digests));
    }
  }

  /** How many keys there are. */
  get size(): number {
    return this.#size;
  }

  /** The roles of a key; `undefined` when nobody has it. */
  roles(presented: string): KeyRoles | undefined {
    const known = this.#byLength.get(presented.length);
    if (known === undefined) return undefined;
    if (!Array.isArray(known)) return (known as ReadonlyMap<string, Known>).get(digest(presented))?.roles;
    let found: KeyRoles | undefined;
    for (const one of known as readonly Known[]) if (sameSecret(one.key, presented)) found = one.roles;
    return found;
  }
}

const digest = (key: string): string => createHash('sha256').update(key).digest('base64');
