/**
 * The default export: makes a backend client, with and without `new`.
 */
import { BackendClient, type ProgressDBOptions } from './backend.ts';
import type { Timestamps } from './types.ts';

/** What `ProgressDB` is: `ProgressDB(options)` and `new ProgressDB(options)` are the same. */
export interface ProgressDBFactory {
  <T extends Timestamps = 'number'>(options: ProgressDBOptions<T>): BackendClient<T>;
  new <T extends Timestamps = 'number'>(options: ProgressDBOptions<T>): BackendClient<T>;
  readonly prototype: BackendClient;
}

function ProgressDB(options: ProgressDBOptions): BackendClient<Timestamps> {
  return new BackendClient(options);
}
ProgressDB.prototype = BackendClient.prototype; // so that what it makes is an instance of it

/** Makes a backend client, with and without `new`. Throws `TypeError` for options that can never work. */
const factory = ProgressDB as unknown as ProgressDBFactory;

export { factory as ProgressDB };
