/**
 * What the commands about accounts share: their shapes, and who may hand on what.
 *
 * Invariant: nobody hands on what it does not hold: a key has at most the permissions of its creator, and a user with
 * more rights than its creator cannot be made.
 */
import * as z from 'zod';
import { isGrantable, type User } from '../auth/book.ts';
import { GRANTABLE, includes, type Permission, ROLES } from '../auth/permissions.ts';
import { CommandError, invalidRequest, invalidValue } from '../core/errors.ts';
import type { Caller } from './access.ts';
import type { Context } from './context.ts';

export const administration = (): string => 'admin:accounts';
/** The row asks itself who is calling: these are calls about the caller's own account. */
export const own = (): readonly string[] => [];

const Grant = z.object({
  resource: z.string().meta({ description: 'A resource, or a pattern with one `*` such as `kv:user:*`.' }),
  action: z.enum(GRANTABLE),
});
export const Grants = z.array(Grant);
export const Username = z.string().meta({ description: 'The name of a user: any text without a colon.' });
export const Time = z.string().meta({ description: 'RFC 3339, UTC.' });

export const Shown = z.object({
  username: z.string(),
  roles: z.array(z.string()),
  is_admin: z.boolean(),
  enabled: z.boolean(),
});
export const shown = ({ name, roles, admin, enabled }: User): z.input<typeof Shown> => ({
  username: name,
  roles: [...roles],
  is_admin: admin,
  enabled,
});

export const Confirmed = z.object({ success: z.boolean(), message: z.string() });

export const time = (ms: number): string => new Date(ms).toISOString().replace('Z', '+00:00');

type Payload = Readonly<Record<string, unknown>>;

/** A field that is there and cannot be read is refused, not taken as absent: that would widen what is allowed. */
export function insist(schemas: Readonly<Record<string, z.ZodType>>): (payload: Payload) => Record<string, unknown> {
  return (payload) => {
    for (const [field, schema] of Object.entries(schemas))
      if (payload[field] != null && !schema.safeParse(payload[field]).success)
        invalidRequest(`'${field}' cannot be read`);
    return payload;
  };
}

/** The user behind a caller: itself, or the owner of its key. */
export function userOf({ kind, name, owner }: Caller): string | undefined {
  return kind === 'user' ? name : kind === 'key' ? (owner ?? undefined) : undefined;
}

export const administers = (caller: Caller): boolean => caller.admin || caller.allows('admin', administration());

/** Refuses to hand on what the caller does not hold itself. */
export function mayGive(caller: Caller, permissions: readonly Permission[]): void {
  if (caller.admin) return;
  for (const wanted of permissions)
    if (!includes(caller.permissions ?? [], wanted))
      throw new CommandError('NOT_YOURS', {
        detail: `Insufficient permissions to grant action: ${wanted.action} on resource: ${wanted.resource}`,
      });
}

export function checkGrants(permissions: readonly Permission[]): void {
  for (const permission of permissions)
    if (!isGrantable(permission))
      invalidValue(`resource ${permission.resource} may have one *: alone, at the start, at the end, or as :*:`);
}

/** Refuses to touch a user who may do more than the caller. */
export function mayManage(context: Context, username: string): void {
  const user = context.accounts.user(username);
  if (user === undefined) return;
  if (user.admin) mayGive(context.session, [{ resource: '*', action: 'all' }]);
  mayGive(context.session, [...user.permissions, ...user.roles.flatMap((role) => ROLES[role])]);
}

/** Writes a line of the audit log. */
export function audit(
  { accounts, session }: Pick<Context, 'accounts' | 'session'>,
  event: string,
  fields: object,
): void {
  accounts.audit({ event, by: session.name ?? '', ...fields });
}

/** Refuses whoever is neither this user nor an administrator. */
export function selfOrAdmin(session: Caller, username: string, self = true): void {
  if (administers(session) || (self && userOf(session) === username)) return;
  throw new CommandError('NOT_YOURS', { detail: 'Only an administrator or the user itself may do this' });
}
