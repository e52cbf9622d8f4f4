/**
 * What is not a refusal is a fault of ours: logged with its stack under an id, told to the client by that id alone.
 */
import { CommandError } from '../core/errors.ts';
import type { Ids } from '../core/ids.ts';
import type { Log } from '../core/ports.ts';

/** Turns an unknown exception into the error a client sees. */
export function faults(log: Log, ids: Ids): (error: unknown) => CommandError {
  return (error) => {
    const id = ids.uuid();
    log.error({ fault: id, err: error }, 'fault');
    return new CommandError('INTERNAL', { detail: `fault ${id}` });
  };
}
