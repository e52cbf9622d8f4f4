/**
 * Logging in, API keys and roles over the wire (synap-operations.md 1.8). Refusals are 401 and 403 where the reference
 * says 400, which no client depends on.
 */
import * as z from 'zod';
import { type ApiKey, isPlace } from '../auth/book.ts';
import { ROLE_NAMES, ROLES } from '../auth/permissions.ts';
import { CommandError, invalidValue } from '../core/errors.ts';
import {
  administers,
  administration,
  audit,
  Confirmed,
  checkGrants,
  Grants,
  insist,
  mayGive,
  own,
  Shown,
  shown,
  Time,
  time,
  Username,
  userOf,
} from './auth-rights.ts';
import { command } from './define.ts';
import { Done, U32 } from './schemas.ts';

export const authLogin = command({
  name: 'auth.login',
  id: 850,
  since: '0.2.0',
  summary: 'Whether a user has this password. There are no tokens: send the credentials with each request.',
  access: 'read',
  resource: own,
  effect: 'read',
  input: z.object({ username: Username, password: z.string() }),
  output: z.object({ success: z.boolean(), user: Shown.nullable(), message: z.string() }),
  errors: ['RATE_LIMITED'],
  rest: { route: 'POST /auth/login', body: '*' },
  example: {
    input: { username: 'nobody', password: 'a guess' },
    output: { success: false, user: null, message: 'Invalid credentials' },
  },
  async run({ accounts, session }, { username, password }) {
    const user = await accounts.passwords.check(username, password);
    const success = user?.enabled === true;
    audit({ accounts, session }, success ? 'login' : 'login refused', { user: username });
    return success
      ? { success, user: shown(user), message: 'Login successful' }
      : { success, user: null, message: 'Invalid credentials' };
  },
});

export const authMe = command({
  name: 'auth.me',
  id: 851,
  since: '0.2.0',
  summary: 'Who is calling: the user, or the user whose API key was sent.',
  access: 'read',
  resource: own,
  effect: 'read',
  input: z.object({}),
  output: Shown.extend({ permissions: Grants }),
  errors: ['UNAUTHORIZED'],
  rest: { route: 'GET /auth/me' },
  example: {
    input: {},
    output: { username: 'root', roles: [], is_admin: true, enabled: true, permissions: [] },
  },
  run({ session }) {
    const { kind, name = '', owner, roles = [], permissions = [], admin } = session;
    if (kind !== 'user' && kind !== 'key') throw new CommandError('UNAUTHORIZED', { detail: 'Not authenticated' });
    return {
      username: owner ?? name,
      roles: [...roles],
      is_admin: admin,
      enabled: true,
      permissions: [...permissions],
    };
  },
});

const KeyShown = z.object({
  id: z.string(),
  name: z.string(),
  username: z.string().nullable(),
  expires_at: Time.nullable(),
  enabled: z.boolean(),
  created_at: Time,
  last_used_at: Time.nullable(),
  usage_count: z.int(),
  permissions: Grants,
  allowed_ips: z.array(z.string()),
});

const expiry = ({ expiresAt }: ApiKey): string | null =>
  expiresAt < Number.POSITIVE_INFINITY ? time(expiresAt) : null;

const Places = z.array(z.string()).meta({ description: 'Addresses and networks it may be used from; none for any.' });
const KeyFields = { expires_in_seconds: U32.nullish(), permissions: Grants.nullish(), allowed_ips: Places.nullish() };

export const authKeyCreate = command({
  name: 'auth.key.create',
  id: 852,
  since: '0.2.0',
  summary: 'Make an API key. Its secret is answered once and never again.',
  notes:
    'A key belongs to the user who made it and ends with that user. It has the permissions that are given, and none otherwise; nobody can give what it does not hold. `expires_in_seconds` absent: never.',
  access: 'write',
  resource: own,
  effect: 'write',
  input: z.object({ name: z.string(), ...KeyFields }),
  output: z.object({
    success: Done,
    key: z.object({
      id: z.string(),
      key: z.string(),
      name: z.string(),
      expires_at: Time.nullable(),
      created_at: Time,
    }),
    message: z.string(),
  }),
  errors: ['INVALID_REQUEST', 'INVALID_VALUE', 'NOT_YOURS', 'UNAUTHORIZED', 'LIMIT_REACHED'],
  rest: { route: 'POST /auth/keys', body: '*' },
  envelope: { prepare: insist(KeyFields) },
  example: {
    input: { name: 'worker', permissions: [{ resource: 'queue:*', action: 'all' }] },
    output: {
      success: true,
      key: {
        id: '0b6c8f0e-0000-4000-8000-000000000000',
        key: '{{secret}}',
        name: 'worker',
        expires_at: null,
        created_at: '{{time}}',
      },
      message: 'API key created successfully',
    },
  },
  run(context, { name, expires_in_seconds, permissions, allowed_ips }) {
    const { accounts, session, now } = context;
    const owner = userOf(session) ?? null;
    if (owner === null && !session.admin && !administers(session))
      throw new CommandError('UNAUTHORIZED', { detail: 'Not authenticated' });
    if (name === '' || Buffer.byteLength(name) > 1_024) invalidValue('name must have 1 to 1024 bytes');
    const grants = permissions ?? [];
    const addresses = allowed_ips ?? [];
    if (grants.length > 1_000 || addresses.length > 1_000) invalidValue('at most 1000 permissions and 1000 addresses');
    checkGrants(grants);
    mayGive(session, grants);
    const wrong = addresses.find((address) => !isPlace(address));
    if (wrong !== undefined) invalidValue(`allowed_ips: ${wrong.slice(0, 100)} is no address`);
    const expiresAt = expires_in_seconds == null ? Number.POSITIVE_INFINITY : now + expires_in_seconds * 1000;
    const { key, secret } = accounts.createKey({ name, owner, permissions: grants, addresses, expiresAt }, now);
    audit(context, 'key created', { key: key.id, name });
    return {
      success: true as const,
      key: { id: key.id, key: secret, name, expires_at: expiry(key), created_at: time(key.createdAt) },
      message: 'API key created successfully',
    };
  },
});

export const authKeyList = command({
  name: 'auth.key.list',
  id: 853,
  since: '0.2.0',
  summary: 'List API keys made over the wire: all of them to an administrator, to others their own.',
  access: 'read',
  resource: own,
  effect: 'read',
  input: z.object({}),
  output: z.object({ success: Done, keys: z.array(KeyShown) }),
  errors: [],
  rest: { route: 'GET /auth/keys' },
  example: { input: {}, output: { success: true, keys: [] } },
  run({ accounts, session }) {
    const all = administers(session);
    const user = userOf(session);
    const keys = accounts.keys().filter(({ owner }) => all || (owner !== null && owner === user));
    return {
      success: true as const,
      keys: keys.map((key) => ({
        id: key.id,
        name: key.name,
        username: key.owner,
        expires_at: expiry(key),
        enabled: key.owner === null || accounts.user(key.owner)?.enabled === true,
        created_at: time(key.createdAt),
        last_used_at: key.lastUsedAt === null ? null : time(key.lastUsedAt),
        usage_count: key.uses,
        permissions: [...key.permissions],
        allowed_ips: [...key.addresses],
      })),
    };
  },
});

export const authKeyRevoke = command({
  name: 'auth.key.revoke',
  id: 854,
  since: '0.2.0',
  summary: 'Take an API key away: by its owner, or by an administrator. Its open sockets are closed.',
  access: 'write',
  resource: own,
  effect: 'write',
  input: z.object({ id: z.string() }),
  output: Confirmed,
  errors: ['NOT_YOURS', 'UNAUTHORIZED'],
  rest: { route: 'DELETE /auth/keys/:id' },
  example: { input: { id: 'no-such-key' }, output: { success: false, message: 'API key not found' } },
  run(context, { id }) {
    const { accounts, session } = context;
    const user = userOf(session);
    const all = administers(session);
    if (user === undefined && !all)
      throw new CommandError('UNAUTHORIZED', { detail: 'Not authorized to revoke this API key' });
    const key = accounts.key(id);
    if (key === undefined) return { success: false, message: 'API key not found' };
    if (!all && key.owner !== user)
      throw new CommandError('NOT_YOURS', { detail: 'Cannot revoke API key owned by another user' });
    accounts.revokeKey(id);
    audit(context, 'key revoked', { key: id, name: key.name });
    return { success: true, message: 'API key revoked' };
  },
});

export const authRoleList = command({
  name: 'auth.role.list',
  id: 864,
  since: '0.2.0',
  summary: 'List the roles and what they permit.',
  access: 'admin',
  resource: administration,
  effect: 'read',
  input: z.object({}),
  output: z.object({ success: Done, roles: z.array(z.object({ name: z.string(), permissions: Grants })) }),
  errors: [],
  rest: { route: 'GET /auth/roles' },
  example: {
    input: {},
    output: {
      success: true,
      roles: [
        { name: 'admin', permissions: [{ resource: '*', action: 'all' }] },
        { name: 'readonly', permissions: [{ resource: '*', action: 'read' }] },
      ],
    },
  },
  run: () => ({
    success: true as const,
    roles: ROLE_NAMES.map((name) => ({ name, permissions: [...ROLES[name]] })),
  }),
});
