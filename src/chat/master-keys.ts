/**
 * The master keys that wrap data keys.
 *
 * Invariant: a key that was taken on through an admin call is kept wrapped under the one before it, and that one under
 * it, so that after a restart either of the two opens everything, whichever the settings still name. Once the settings
 * name the new key, its copy under the old one goes: then the old key alone opens nothing new any more.
 */
import type { Plain, Store } from '../core/ports.ts';
import { masterKeyId, place, type Random, seal, unseal } from './sealing.ts';

/** Records `<id> <id of the key above>`: `{ wrapped, successor }`. */
export const MASTER_KEYS = 'chat.master-keys';

/** A master key in memory. */
export interface MasterKey {
  readonly id: string;
  readonly key: Uint8Array;
}

/** A key wrapped under another. */
interface Link {
  readonly id: string;
  readonly under: string;
  readonly wrapped: Uint8Array;
  /** Whether it took the place of the one that wraps it, rather than the other way round. */
  readonly successor: boolean;
}

export class MasterKeys {
  readonly #store: Store;
  readonly #random: Random;
  readonly #keys = new Map<string, MasterKey>();
  readonly #configured: readonly string[];
  readonly #links = new Map<string, Link>();
  #current: MasterKey | undefined;
  #opened = false;

  constructor(store: Store, random: Random, configured: readonly Uint8Array[]) {
    this.#store = store;
    this.#random = random;
    for (const key of configured) this.#keys.set(masterKeyId(key), { id: masterKeyId(key), key });
    this.#configured = [...this.#keys.keys()];
    this.#current = this.#keys.get(this.#configured[0] ?? '');
  }

  /** The key that wraps from now on; `undefined` when there is none at all. */
  get current(): MasterKey | undefined {
    return this.#current;
  }

  get(id: string): MasterKey | undefined {
    return this.#keys.get(id);
  }

  /** Takes a key on as the current one. The same key again changes nothing. */
  adopt(key: Uint8Array): MasterKey {
    const id = masterKeyId(key);
    const before = this.#current;
    const next = this.#keys.get(id) ?? { id, key };
    this.#keys.set(id, next);
    this.#current = next;
    if (before === undefined || before.id === id) return next;
    this.#link(before, next, false);
    this.#link(next, before, true);
    return next;
  }

  /** Takes a record back. */
  restore(name: string, value: Plain): void {
    const [id = '', under = ''] = name.split(' ');
    const { wrapped, successor } = value as { wrapped: Uint8Array; successor: boolean };
    this.#links.set(name, { id, under, wrapped, successor });
  }

  /** Unwraps what can be unwrapped, after the last record and before the first data key. */
  open(): void {
    if (this.#opened) return;
    this.#opened = true;
    for (let found = true; found; ) {
      found = false;
      for (const { id, under, wrapped } of this.#links.values()) {
        const over = this.#keys.get(under);
        if (over === undefined || this.#keys.has(id)) continue;
        const key = unseal(over.key, wrapped, place('master-key', id, under));
        if (key === undefined || masterKeyId(key) !== id) continue;
        this.#keys.set(id, { id, key });
        found = true;
      }
    }
    for (let steps = this.#links.size; steps > 0; steps--) {
      const at = this.#current?.id;
      const next = [...this.#links.values()].find(
        (link) => link.successor && link.under === at && this.#keys.has(link.id),
      );
      if (next === undefined) break;
      this.#current = this.#keys.get(next.id);
    }
  }

  /** Removes the copies of keys that the settings name by now: the old key alone must not lead to the new one. */
  tidy(): void {
    for (const [name, link] of [...this.#links]) {
      if (!link.successor || !this.#configured.includes(link.id)) continue;
      this.#links.delete(name);
      this.#store.remove(MASTER_KEYS, name);
    }
  }

  #link(key: MasterKey, over: MasterKey, successor: boolean): void {
    const wrapped = seal(over.key, key.key, place('master-key', key.id, over.id), this.#random);
    const name = `${key.id} ${over.id}`;
    this.#links.set(name, { id: key.id, under: over.id, wrapped, successor });
    this.#store.put(MASTER_KEYS, name, { wrapped, successor });
  }
}
