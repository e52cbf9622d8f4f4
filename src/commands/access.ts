/**
 * The words of permission checks (synap-operations.md 1.5). What they mean is decided by auth/permissions.ts.
 */

import type { Actor } from '../chat/types.ts';

/** What a permission allows on a resource. */
export type Action = 'read' | 'write' | 'delete' | 'configure' | 'admin';

/** Who is calling, as far as commands care. Sessions with `admin` are never asked further. */
export interface Caller {
  readonly admin: boolean;
  /** Unix milliseconds from which on the credentials are no longer valid; absent when they do not expire. */
  readonly expiresAt?: number;
  /** Who acts in chat, for callers whom the chat face let in. */
  readonly actor?: Actor;
  /** Whether a permission of this caller covers `action` on `resource`. */
  allows(action: Action, resource: string): boolean;
}
