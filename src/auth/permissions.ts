/**
 * What a caller may do: permissions compiled once, asked on every request (synap-operations.md 1.5).
 *
 * Invariant: there are no denials; one permission that covers action and resource is enough, and what cannot match
 * anything refuses rather than admits.
 */

/** What a command asks for on a resource. */
export type Action = 'read' | 'write' | 'delete' | 'configure' | 'admin';

/** The words a permission may be given with; `all` covers every action. */
export const GRANTABLE = ['read', 'write', 'delete', 'configure', 'admin', 'all'] as const;

/** A permission as it is written down: a pattern of resources such as `kv:user:*`, and what is allowed on them. */
export interface Permission {
  readonly resource: string;
  readonly action: (typeof GRANTABLE)[number];
}

/** Permissions ready to be asked. */
export type Grants = Readonly<Record<Action, Grant>>;

type Matcher = (resource: string) => boolean;

/** What of one action is allowed: everything, these resources, or those that a matcher accepts. */
interface Grant {
  everything: boolean;
  readonly exact: Set<string>;
  readonly matchers: Matcher[];
}

/** Which actions each word covers. `configure` includes reading and writing; `admin` is only itself. */
const COVERS: Readonly<Record<Permission['action'], readonly Action[]>> = {
  read: ['read'],
  write: ['write'],
  delete: ['delete'],
  configure: ['configure', 'read', 'write'],
  admin: ['admin'],
  all: ['read', 'write', 'delete', 'configure', 'admin'],
};

/** The roles that exist without being declared. */
export const ROLE_NAMES = ['admin', 'readonly'] as const;

export type RoleName = (typeof ROLE_NAMES)[number];

/** What each role permits. */
export const ROLES: Readonly<Record<RoleName, readonly Permission[]>> = {
  admin: [{ resource: '*', action: 'all' }],
  readonly: [{ resource: '*', action: 'read' }],
};

/** Compiles permissions, so that a check is a set lookup and a few prefix comparisons. */
export function compileGrants(permissions: readonly Permission[]): Grants {
  const grant = (): Grant => ({ everything: false, exact: new Set(), matchers: [] });
  const grants = { read: grant(), write: grant(), delete: grant(), configure: grant(), admin: grant() };
  for (const { resource, action } of permissions) {
    if (resource === '') continue; // an empty pattern never matches
    const matcher = compilePattern(resource);
    for (const covered of COVERS[action]) {
      const to = grants[covered];
      if (resource === '*') to.everything = true;
      else if (matcher === undefined) to.exact.add(resource);
      else to.matchers.push(matcher);
    }
  }
  return grants;
}

/** Whether `grants` cover `action` on `resource`. An empty resource is never covered. */
export function covers(grants: Grants, action: Action, resource: string): boolean {
  if (resource === '') return false;
  const grant = grants[action];
  if (grant.everything || grant.exact.has(resource)) return true;
  for (const matches of grant.matchers) if (matches(resource)) return true;
  return false;
}

/** Whether these permissions allow everything that `wanted` does, so that whoever holds them may hand it on. */
export function includes(held: readonly Permission[], wanted: Permission): boolean {
  return COVERS[wanted.action].every((action) =>
    held.some((one) => COVERS[one.action].includes(action) && wider(one.resource, wanted.resource)),
  );
}

/** Whether the pattern `wide` matches whatever `narrow` matches. */
function wider(wide: string, narrow: string): boolean {
  if (wide === '') return false;
  if (wide === '*' || wide === narrow) return true;
  if (narrow.endsWith('*')) return wide.endsWith('*') && narrow.startsWith(wide.slice(0, -1));
  if (narrow.startsWith('*')) return wide.startsWith('*') && !wide.endsWith('*') && narrow.endsWith(wide.slice(1));
  // one resource, or all between a prefix and a suffix: text that begins and ends as what it matches
  const middle = narrow.split(':*:').length === 2;
  return compilePattern(wide)?.(narrow) === true && (!middle || wide.startsWith('*') || wide.endsWith('*'));
}

/** Whether every `*` of the pattern is a wildcard; a pattern with another one only matches itself. */
export function isPlainPattern(pattern: string): boolean {
  const stars = pattern.split('*').length - 1;
  return stars === 0 || (stars === 1 && compilePattern(pattern) !== undefined);
}

/** The first rule that applies decides; `undefined` when only equality is left. */
function compilePattern(pattern: string): Matcher | undefined {
  if (pattern.endsWith('*')) {
    const prefix = pattern.slice(0, -1);
    return (resource) => resource.startsWith(prefix);
  }
  if (pattern.startsWith('*')) {
    const suffix = pattern.slice(1);
    return (resource) => resource.endsWith(suffix);
  }
  const parts = pattern.split(':*:');
  if (parts.length !== 2) return undefined;
  const prefix = `${parts[0]}:`;
  const suffix = `:${parts[1]}`;
  const shortest = prefix.length + suffix.length + 1; // at least one character of a segment between
  return (resource) => resource.length >= shortest && resource.startsWith(prefix) && resource.endsWith(suffix);
}
