/**
 * Who is calling, once that is known.
 *
 * Invariant: a session never changes, but that it ends at once when its account is changed or taken away. Whoever keeps
 * one longer than a request asks `expiresAt`.
 */
import {
  type Action,
  compileGrants,
  covers,
  type Grants,
  type Permission,
  ROLES,
  type RoleName,
} from './permissions.ts';

/** What a session is made of. */
export interface SessionParts {
  readonly kind: 'anonymous' | 'user' | 'key';
  readonly name: string;
  readonly admin: boolean;
  readonly roles?: readonly RoleName[];
  readonly permissions?: readonly Permission[];
  readonly expiresAt?: number;
  /** Of a key: the user it belongs to, if any. */
  readonly owner?: string | null;
  /** Whether its account may change while the server runs. */
  readonly revocable?: boolean;
}

export class Session {
  readonly kind: 'anonymous' | 'user' | 'key';
  /** Name of the user or of the API key; empty for nobody in particular. */
  readonly name: string;
  /** Allowed everything, without a look at permissions. */
  readonly admin: boolean;
  readonly roles: readonly RoleName[];
  /** Its own permissions and those of its roles, as written down. */
  readonly permissions: readonly Permission[];
  /** Of a key: the user it belongs to, if any. */
  readonly owner: string | null;
  /** Whether it may end before it expires. */
  readonly revocable: boolean;
  #expiresAt: number;
  readonly #grants: Grants;

  constructor(parts: SessionParts) {
    this.kind = parts.kind;
    this.name = parts.name;
    this.admin = parts.admin;
    this.roles = parts.roles ?? [];
    this.permissions = [...(parts.permissions ?? []), ...this.roles.flatMap((role) => ROLES[role])];
    this.owner = parts.owner ?? null;
    this.revocable = parts.revocable ?? false;
    this.#expiresAt = parts.expiresAt ?? Number.POSITIVE_INFINITY;
    this.#grants = compileGrants(this.permissions);
  }

  /** Unix milliseconds from which on it is no longer valid; `Infinity` when it does not expire. */
  get expiresAt(): number {
    return this.#expiresAt;
  }

  /** Its account is no longer what it was: it has ended. */
  end(): void {
    this.#expiresAt = 0;
  }

  /** Whether `action` on `resource` is allowed (synap-operations.md 1.5). Ask `admin` first: then no resource has to be built. */
  allows(action: Action, resource: string): boolean {
    return this.admin || covers(this.#grants, action, resource);
  }
}
