/** A process that is killed at any moment, again and again. */
import { describe, expect, it } from 'vitest';
import { checkFolder } from '../../src/store/check.ts';
import { scratchFolder } from '../support/process.ts';
import { runs } from '../support/seed.ts';
import { startChild } from './support/child.ts';
import { reread } from './support/open.ts';

const FLUSH_MS = 50;

interface Ack {
  readonly number: number;
  readonly at: number;
}

const acksIn = (output: string): Ack[] =>
  [...output.matchAll(/^ack (\d+) (\d+)\n/gm)].map((match) => ({ number: Number(match[1]), at: Number(match[2]) }));

/** The number up to which everything is there; fails when what is there is no state that the writer ever had. */
async function prefixIn(folder: string, from: number): Promise<number> {
  expect((await checkFolder(folder)).damages).toEqual([]);
  const { rows } = await reread({ folder });
  const numbers = [...(rows.get('a') ?? [])].map(([, value]) => (value as [string, number])[1]).sort((x, y) => x - y);
  const last = numbers.at(-1) ?? from;
  const there = new Set(numbers);
  for (let n = 1; n <= last; n++)
    expect(there.has(n), `${n} of ${last}`).toBe(!((n + 100) % 3 === 0 && n + 100 <= last));
  for (const [key, n] of rows.get('b') ?? []) {
    const slot = Number(key.slice(1));
    expect(n).toBe(last - ((((last - slot) % 50) + 50) % 50)); // the newest number of this slot
  }
  return last;
}

describe('a kill', () => {
  for (const level of ['sync', 'batch'] as const)
    it(`at level ${level} loses nothing that it promises to keep, and leaves a prefix of history`, async () => {
      const folder = scratchFolder();
      let from = 0;
      for (let round = 0; round < runs(3); round++) {
        const child = startChild('writer.ts', [folder, level, String(from)]);
        await child.says('ready');
        await child.says(`ack ${from + (level === 'sync' ? 200 : 4_000) + 377 * round} `);
        const killedAt = Date.now();
        const acks = acksIn(await child.kill());
        const last = await prefixIn(folder, from);
        if (level === 'sync') expect(last).toBeGreaterThanOrEqual(acks.at(-1)?.number ?? 0);
        else {
          // what is missing is younger than the flush interval and the transactions that were under way, with room for a busy machine
          const missing = acks.filter(({ number }) => number > last);
          for (const { at } of missing) expect(killedAt - at).toBeLessThan(FLUSH_MS + 1_000);
        }
        expect(last).toBeGreaterThanOrEqual(from);
        from = last;
      }
    }, 120_000);
});
