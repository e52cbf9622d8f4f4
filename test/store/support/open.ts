/** Opens stores for tests: on a fake clock, and restored into a toy engine. */
import { Timers } from '../../../src/core/timers.ts';
import { LmdbStore, type LmdbStoreOptions } from '../../../src/store/lmdb.ts';
import { FakeClock } from '../../support/clock.ts';
import { scratchFolder } from '../../support/process.ts';
import { Toy } from './toy.ts';

export const NOW = 1_790_000_000_000;

export interface Opened {
  readonly store: LmdbStore;
  readonly toy: Toy;
  readonly clock: FakeClock;
  readonly timers: Timers;
  readonly folder: string;
}

/** A store over the tables `a` and `b`, unless others are named. */
export async function openStore(
  options: Partial<LmdbStoreOptions> & { readonly tables?: readonly string[] } = {},
): Promise<Opened> {
  const clock = new FakeClock(NOW);
  const timers = new Timers(clock);
  const folder = options.folder ?? scratchFolder();
  const store = await LmdbStore.open({ timers, clock, ...options, folder });
  const toy = new Toy(...(options.tables ?? ['a', 'b']));
  try {
    await store.restoreInto([toy], NOW);
  } catch (error) {
    await store.close();
    throw error;
  }
  return { store, toy, clock, timers, folder };
}

/** What a fresh engine gets back from this folder. */
export async function reread(
  options: Partial<LmdbStoreOptions> & { folder: string; tables?: readonly string[] },
): Promise<Toy> {
  const { store, toy } = await openStore(options);
  await store.close();
  return toy;
}

/** Lets one turn of the event loop end. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Waits, turn by turn, until something holds. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await turn();
}
