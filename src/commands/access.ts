/**
 * The words of permission checks (synap-operations.md 1.5). What they mean is decided by auth/permissions.ts.
 */

import type { Permission } from '../auth/permissions.ts';
import type { Actor } from '../chat/types.ts';

/** What a permission allows on a resource. */
export type Action = 'read' | 'write' | 'delete' | 'configure' | 'admin';

/** Who is calling, as far as commands care. Sessions with `admin` are never asked further. */
export interface Caller {
  readonly admin: boolean;
  /** Unix milliseconds from which on the credentials are no longer valid; absent when they do not expire. */
  readonly expiresAt?: number;
  /** What proved who is calling, and its name: of the user or of the API key. Absent for the faces' own callers. */
  readonly kind?: 'anonymous' | 'user' | 'key';
  readonly name?: string;
  /** Of a key: the user it belongs to, if any. */
  readonly owner?: string | null;
  readonly roles?: readonly string[];
  /** What it may do, as written down; those of its roles too. */
  readonly permissions?: readonly Permission[];
  /** Whether its credentials may be taken away before they expire: `expiresAt` then becomes 0. */
  readonly revocable?: boolean;
  /** Who acts in chat, for callers whom the chat face let in. */
  readonly actor?: Actor;
  /** Whether a permission of this caller covers `action` on `resource`. */
  allows(action: Action, resource: string): boolean;
}
