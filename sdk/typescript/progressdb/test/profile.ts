/**
 * The built server with the profile of the recorded conversations.
 */
import { join } from 'node:path';
import { type Running, root, startServer } from '../../../../test/support/process.ts';

/** The keys of the profile. */
export const KEYS = { backend: 'sk_backend_1', frontend: 'pk_frontend_1', admin: 'sk_admin_1' };

/** Starts it, in memory unless `args` say otherwise. */
export function profileServer(...args: readonly string[]): Promise<Running> {
  return startServer(['--config', join(root, 'test/conformance/profiles/progressdb.yaml'), ...args]);
}
