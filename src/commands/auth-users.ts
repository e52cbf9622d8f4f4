/**
 * Users over the wire (synap-operations.md 1.8).
 */
import * as z from 'zod';
import { roleOf } from '../auth/book.ts';
import { ROLE_NAMES, ROLES } from '../auth/permissions.ts';
import { CommandError } from '../core/errors.ts';
import {
  administration,
  audit,
  Confirmed,
  checkGrants,
  Grants,
  insist,
  mayGive,
  mayManage,
  own,
  Shown,
  selfOrAdmin,
  shown,
  Username,
  userOf,
} from './auth-rights.ts';
import type { Context } from './context.ts';
import { command } from './define.ts';
import { Done } from './schemas.ts';

const UserFields = {
  roles: z
    .array(z.string())
    .nullish()
    .meta({ description: `Of ${ROLE_NAMES.join(', ')}.` }),
  is_admin: z.boolean().nullish(),
  permissions: Grants.nullish().meta({ description: 'What it may do besides its roles.' }),
};

export const authUserCreate = command({
  name: 'auth.user.create',
  id: 855,
  since: '0.2.0',
  summary: 'Add a user.',
  notes: 'A password has at least 8 bytes and is none of the common ones. Users of the settings are changed there.',
  access: 'admin',
  resource: administration,
  effect: 'write',
  input: z.object({ username: Username, password: z.string(), ...UserFields }),
  output: Confirmed,
  errors: ['INVALID_REQUEST', 'INVALID_VALUE', 'NOT_YOURS', 'LIMIT_REACHED', 'RATE_LIMITED'],
  rest: { route: 'POST /auth/users', body: '*' },
  envelope: { prepare: insist(UserFields) },
  example: {
    input: { username: 'alice', password: 'a long password', roles: ['readonly'] },
    output: { success: true, message: 'User alice created successfully' },
  },
  async run({ accounts, session }, { username, password, roles, is_admin, permissions }) {
    const admin = is_admin ?? false;
    const granted = (roles ?? []).map(roleOf);
    const grants = permissions ?? [];
    checkGrants(grants);
    mayGive(session, [...grants, ...granted.flatMap((role) => ROLES[role])]);
    if (admin) mayGive(session, [{ resource: '*', action: 'all' }]);
    accounts.checkFree(username);
    const hash = await accounts.hash(username, password);
    accounts.createUser(username, { hash, admin, roles: [...new Set(granted)], permissions: grants });
    audit({ accounts, session }, 'user created', { user: username, admin, roles: granted });
    return { success: true, message: `User ${username} created successfully` };
  },
});

const alice = { command: 'auth.user.create', input: { username: 'alice', password: 'a long password' } };

export const authUserList = command({
  name: 'auth.user.list',
  id: 856,
  since: '0.2.0',
  summary: 'List all users, those of the settings first.',
  access: 'admin',
  resource: administration,
  effect: 'read',
  input: z.object({}),
  output: z.object({ success: Done, users: z.array(Shown) }),
  errors: [],
  rest: { route: 'GET /auth/users' },
  example: { input: {}, output: { success: true, users: [] } },
  run: ({ accounts }) => ({ success: true as const, users: accounts.users().map(shown) }),
});

export const authUserGet = command({
  name: 'auth.user.get',
  id: 857,
  since: '0.2.0',
  summary: 'Read one user: as an administrator, or oneself.',
  access: 'read',
  resource: own,
  effect: 'read',
  input: z.object({ username: Username }),
  output: Shown,
  errors: ['ACCOUNT_NOT_FOUND', 'NOT_YOURS'],
  rest: { route: 'GET /auth/users/:username' },
  example: {
    before: [alice],
    input: { username: 'alice' },
    output: { username: 'alice', roles: [], is_admin: false, enabled: true },
  },
  run({ accounts, session }, { username }) {
    selfOrAdmin(session, username);
    const user = accounts.user(username);
    if (user === undefined) throw new CommandError('ACCOUNT_NOT_FOUND', { user: username });
    return shown(user);
  },
});

export const authUserDelete = command({
  name: 'auth.user.delete',
  id: 858,
  since: '0.2.0',
  summary: 'Take a user away, its API keys and open sockets too.',
  access: 'admin',
  resource: administration,
  effect: 'write',
  input: z.object({ username: Username }),
  output: Confirmed,
  errors: ['INVALID_REQUEST', 'NOT_YOURS'],
  rest: { route: 'DELETE /auth/users/:username' },
  example: {
    before: [alice],
    input: { username: 'alice' },
    output: { success: true, message: 'User alice deleted' },
  },
  run(context, { username }) {
    mayManage(context, username);
    const success = context.accounts.deleteUser(username);
    if (success) audit(context, 'user deleted', { user: username });
    return { success, message: success ? `User ${username} deleted` : `User ${username} not found` };
  },
});

export const authUserPassword = command({
  name: 'auth.user.password',
  id: 859,
  since: '0.2.0',
  summary:
    'Set the password of a user: as an administrator, or of oneself. Sockets opened with the old one are closed.',
  access: 'write',
  resource: own,
  effect: 'write',
  input: z.object({ username: Username, new_password: z.string() }),
  output: Confirmed,
  errors: ['INVALID_REQUEST', 'ACCOUNT_NOT_FOUND', 'NOT_YOURS', 'RATE_LIMITED'],
  rest: { route: 'POST /auth/users/:username/password', body: ['new_password'] },
  example: {
    before: [alice],
    input: { username: 'alice', new_password: 'another long password' },
    output: { success: true, message: 'Password changed successfully' },
  },
  async run(context, { username, new_password }) {
    const { accounts, session } = context;
    // a key of a user is not the user: whoever holds it must not be able to take the account over
    selfOrAdmin(session, username, session.kind === 'user');
    if (userOf(session) !== username) mayManage(context, username);
    if (accounts.user(username) === undefined) throw new CommandError('ACCOUNT_NOT_FOUND', { user: username });
    accounts.changeUser(username, { hash: await accounts.hash(username, new_password) });
    audit({ accounts, session }, 'password changed', { user: username });
    return { success: true, message: 'Password changed successfully' };
  },
});

function able(context: Context, username: string, enabled: boolean): z.input<typeof Confirmed> {
  mayManage(context, username);
  context.accounts.changeUser(username, { enabled });
  const word = enabled ? 'enabled' : 'disabled';
  audit(context, `user ${word}`, { user: username });
  return { success: true, message: `User ${username} ${word}` };
}

export const authUserEnable = command({
  name: 'auth.user.enable',
  id: 860,
  since: '0.2.0',
  summary: 'Let a disabled user in again, and its API keys.',
  access: 'admin',
  resource: administration,
  effect: 'write',
  input: z.object({ username: Username }),
  output: Confirmed,
  errors: ['ACCOUNT_NOT_FOUND', 'INVALID_REQUEST', 'NOT_YOURS'],
  rest: { route: 'POST /auth/users/:username/enable' },
  example: {
    before: [alice],
    input: { username: 'alice' },
    output: { success: true, message: 'User alice enabled' },
  },
  run: (context, { username }) => able(context, username, true),
});

export const authUserDisable = command({
  name: 'auth.user.disable',
  id: 861,
  since: '0.2.0',
  summary: 'Refuse a user and its API keys, and close their open sockets.',
  access: 'admin',
  resource: administration,
  effect: 'write',
  input: z.object({ username: Username }),
  output: Confirmed,
  errors: ['ACCOUNT_NOT_FOUND', 'INVALID_REQUEST', 'NOT_YOURS'],
  rest: { route: 'POST /auth/users/:username/disable' },
  example: {
    before: [alice],
    input: { username: 'alice' },
    output: { success: true, message: 'User alice disabled' },
  },
  run: (context, { username }) => able(context, username, false),
});

export const authUserGrant = command({
  name: 'auth.user.grant',
  id: 862,
  since: '0.2.0',
  summary: 'Give a user a role.',
  access: 'admin',
  resource: administration,
  effect: 'write',
  input: z.object({ username: Username, role: z.string() }),
  output: Confirmed,
  errors: ['ACCOUNT_NOT_FOUND', 'INVALID_REQUEST', 'NOT_YOURS'],
  rest: { route: 'POST /auth/users/:username/roles', body: ['role'] },
  example: {
    before: [alice],
    input: { username: 'alice', role: 'readonly' },
    output: { success: true, message: 'Role readonly granted to user alice' },
  },
  run(context, { username, role: name }) {
    const role = roleOf(name);
    mayGive(context.session, ROLES[role]);
    const roles = context.accounts.user(username)?.roles ?? [];
    context.accounts.changeUser(username, { roles: [...new Set([...roles, role])] });
    audit(context, 'role granted', { user: username, role });
    return { success: true, message: `Role ${role} granted to user ${username}` };
  },
});

export const authUserRevoke = command({
  name: 'auth.user.revoke',
  id: 863,
  since: '0.2.0',
  summary: 'Take a role from a user; one that it does not have is fine.',
  access: 'admin',
  resource: administration,
  effect: 'write',
  input: z.object({ username: Username, role: z.string() }),
  output: Confirmed,
  errors: ['ACCOUNT_NOT_FOUND', 'INVALID_REQUEST', 'NOT_YOURS'],
  rest: { route: 'DELETE /auth/users/:username/roles/:role' },
  example: {
    before: [alice],
    input: { username: 'alice', role: 'readonly' },
    output: { success: true, message: 'Role readonly revoked from user alice' },
  },
  run(context, { username, role }) {
    mayManage(context, username);
    const roles = context.accounts.user(username)?.roles ?? [];
    context.accounts.changeUser(username, { roles: roles.filter((one) => one !== role) });
    audit(context, 'role revoked', { user: username, role });
    return { success: true, message: `Role ${role} revoked from user ${username}` };
  },
});
