/**
 * What a failing disk means for a client: full (507), or not to be written at present (503).
 */
import { statfsSync } from 'node:fs';
import { CommandError } from '../core/errors.ts';

/** Numbers and names under which "no room" arrives: ENOSPC, EDQUOT, EFBIG, and lmdb's own MDB_MAP_FULL. */
const FULL: ReadonlySet<unknown> = new Set([28, 122, 27, -30792, 'ENOSPC', 'EDQUOT', 'EFBIG']);
/** EIO: also what lmdb makes of a write that the disk took only a part of, as it does when it runs full. */
const MAYBE_FULL: ReadonlySet<unknown> = new Set([5, 'EIO']);
/** Bytes below which a disk that refuses to write is taken to be full. */
const ROOM_BYTES = 1024 * 1024;

/** The refusal that clients get while writing to `folder` fails for this reason. */
export function refusal(error: unknown, folder: string): CommandError {
  const code = (error as { code?: unknown } | undefined)?.code;
  const text = error instanceof Error ? error.message : String(error);
  if (FULL.has(code) || (MAYBE_FULL.has(code) && roomIn(folder) < ROOM_BYTES))
    return new CommandError('STORE_FULL', { detail: `no room under ${folder}` });
  return new CommandError('READ_ONLY', { detail: `writing under ${folder} fails (${text})` });
}

function roomIn(folder: string): number {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
