/**
 * Randomness, handed in so that tests can seed it.
 */
import { randomUUID } from 'node:crypto';

/** Where identifiers and dice come from. */
export interface Ids {
  /** A lower-case hyphenated UUID, version 4 (synap-core.md 1.1). */
  uuid(): string;
  /** A number in [0, 1). */
  random(): number;
}

/** The randomness of the machine. `random` is not for secrets. */
export const systemIds: Ids = {
  uuid() {
    const id = randomUUID();
    id.charCodeAt(20); // flattens it: as it comes it is made of pieces that keep 480 bytes alive instead of 57
    return id;
  },
  random: Math.random,
};

/** Reproducible ids from a seed (mulberry32), for tests and simulations. */
export function seededIds(seed: number): Ids {
  let state = seed >>> 0;
  const random = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const hex = (digits: number): string => {
    let text = '';
    for (let i = 0; i < digits; i++) text += Math.floor(random() * 16).toString(16);
    return text;
  };
  return {
    random,
    uuid: () => `${hex(8)}-${hex(4)}-4${hex(3)}-${(8 + Math.floor(random() * 4)).toString(16)}${hex(3)}-${hex(12)}`,
  };
}
