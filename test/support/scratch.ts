/**
 * One temporary folder for a whole test run: everything that tests and the servers they start put into the system's
 * temporary folder lands in it, and it is gone afterwards, also after workers that were killed.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Called by vitest before the workers are started, which inherit the environment. */
export default function setup(): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'synapd-tests-'));
  process.env['TMPDIR'] = folder;
  return () => rmSync(folder, { recursive: true, force: true });
}
