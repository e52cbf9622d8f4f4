/**
 * Who is calling, once that is known.
 *
 * Invariant: a session never changes. Whoever keeps one longer than a request asks `expiresAt`.
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
  /** Unix milliseconds from which on it is no longer valid; `Infinity` when it does not expire. */
  readonly expiresAt: number;
  readonly #grants: Grants;

  constructor(parts: SessionParts) {
    this.kind = parts.kind;
    this.name = parts.name;
    this.admin = parts.admin;
    this.roles = parts.roles ?? [];
    this.permissions = [...(parts.permissions ?? []), ...this.roles.flatMap((role) => ROLES[role])];
    this.expiresAt = parts.expiresAt ?? Number.POSITIVE_INFINITY;
    this.#grants = compileGrants(this.permissions);
  }

  /** Whether `action` on `resource` is allowed (synap-operations.md 1.5). Ask `admin` first: then no resource has to be built. */
  allows(action: Action, resource: string): boolean {
    return this.admin || covers(this.#grants, action, resource);
  }
}
