/**
 * Users and API keys in the settings, and what they come to together with `auth.root`.
 *
 * Invariant: a server that asks for credentials has at least one that is accepted, and none that everybody knows.
 */
import { Buffer } from 'node:buffer';
import * as z from 'zod';
import type { AccountOptions, KeyAccount, UserAccount } from '../auth/accounts.ts';
import { parseHash } from '../auth/password.ts';
import { GRANTABLE, isPlainPattern, ROLE_NAMES } from '../auth/permissions.ts';
import { LIMITS } from '../core/limits.ts';

const short = (value: string): boolean => Buffer.byteLength(value) <= LIMITS.secretBytes;
const Text = z
  .string({ error: ({ input }) => (input === undefined ? 'is missing' : 'must be text; put numbers in quotes') })
  .min(1, 'must not be empty')
  .refine(short, `must not be longer than ${LIMITS.secretBytes} bytes`);

const PermissionList = z.array(
  z.strictObject({
    resource: Text.refine(isPlainPattern, 'may have one `*`: alone, at the start, at the end, or as `:*:`'),
    action: z.enum(GRANTABLE),
  }),
);

const unique = <T>(field: keyof T & string): ((items: readonly T[]) => boolean) => {
  return (items) => new Set(items.map((item) => item[field])).size === items.length;
};

const User = z.strictObject({
  name: Text.refine((name) => !name.includes(':'), 'must not have a colon, which ends the name in Basic credentials'),
  password: Text.refine(
    (password) => !password.startsWith('scrypt$') || parseHash(password) !== undefined,
    'begins with scrypt$ but is not a hash as --hash-password prints it',
  ),
  admin: z.boolean().default(false),
  roles: z.array(z.enum(ROLE_NAMES)).default([]),
  permissions: PermissionList.default([]),
});

/** `auth.users`. */
export const Users: z.ZodType<readonly UserAccount[]> = z
  .array(User)
  .max(LIMITS.users)
  .refine(unique<UserAccount>('name'), 'has two users of the same name');

const Key = z
  .strictObject({
    name: Text,
    key: Text.refine((key) => key.trim() === key, 'must not begin or end with a space, which headers lose'),
    admin: z.boolean().default(false),
    permissions: PermissionList.default([]),
    expires_at: z.iso.datetime({ offset: true, error: 'must be a time such as 2030-01-31T00:00:00Z' }).optional(),
  })
  .transform(({ expires_at, ...key }) => ({
    ...key,
    expiresAt: expires_at === undefined ? Number.POSITIVE_INFINITY : Date.parse(expires_at),
  }));

/** `auth.api_keys`. */
export const ApiKeys: z.ZodType<readonly KeyAccount[]> = z
  .array(Key)
  .max(LIMITS.apiKeys)
  .refine(unique<KeyAccount>('key'), 'has the same key twice')
  .refine(unique<KeyAccount>('name'), 'has two keys of the same name');

/** The settings that decide who may call. */
export interface AuthSettings {
  readonly 'auth.enabled': boolean;
  readonly 'auth.require_auth': boolean;
  readonly 'auth.users': readonly UserAccount[];
  readonly 'auth.api_keys': readonly KeyAccount[];
  readonly 'auth.root.enabled': boolean;
  readonly 'auth.root.username': string;
  readonly 'auth.root.password': string;
}

/** What follows from them: the accounts, what makes them unusable, and what is likely not meant. */
export interface AccountPlan {
  readonly accounts: AccountOptions;
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}

/**
 * Puts `auth.root` among the users. The password that every copy of the reference is shipped with (root/root) is never
 * accepted; any other one that somebody chose is.
 */
export function planAccounts(settings: AuthSettings): AccountPlan {
  const enabled = settings['auth.enabled'];
  const problems: string[] = [];
  const warnings: string[] = [];
  const users = [...settings['auth.users']];
  const keys = settings['auth.api_keys'];
  const [name, password] = [settings['auth.root.username'], settings['auth.root.password']];
  const shipped = name === 'root' && password === 'root';
  if (settings['auth.root.enabled'] && password !== '' && !shipped) {
    if (users.some((user) => user.name === name))
      problems.push(`auth.root.username: auth.users has a user named ${name} too`);
    const root = User.safeParse({ name, password, admin: true, roles: ['admin'] });
    if (root.success) users.push(root.data);
    else
      for (const issue of root.error.issues)
        problems.push(`auth.root.${issue.path[0] === 'name' ? 'username' : 'password'}: ${issue.message}`);
  }
  if (enabled && users.length === 0 && keys.length === 0)
    problems.push(
      shipped && settings['auth.root.enabled']
        ? 'auth.root: the password root is known to everybody and not accepted; choose another one in auth.root.password'
        : 'auth.enabled is on, but nobody can log in: set auth.root.password, auth.users or auth.api_keys',
    );
  else if (enabled && shipped && settings['auth.root.enabled'])
    warnings.push('auth.root: the user root is not created, since its password is the one that is known to everybody');
  if (!enabled && (users.length > 0 || keys.length > 0))
    warnings.push('auth.enabled is off: users and API keys are not looked at, and every caller may do everything');
  for (const account of [...users, ...keys])
    if (
      enabled &&
      !account.admin &&
      account.permissions.length === 0 &&
      !('roles' in account && account.roles.length > 0)
    )
      warnings.push(
        `${'key' in account ? 'auth.api_keys' : 'auth.users'}: ${account.name} has no permissions and may do nothing`,
      );
  return { accounts: { enabled, required: settings['auth.require_auth'], users, keys }, problems, warnings };
}
