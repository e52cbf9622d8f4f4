/**
 * A server under mixed load of all families is killed with SIGKILL at random moments, again and again.
 *
 * `KILLS=200 npm run test:crash` is the long version. The seed of the moments is printed with a failure.
 */
import { describe, expect, it } from 'vitest';
import { seededIds } from '../../src/core/ids.ts';
import { scratchFolder, startServer } from '../support/process.ts';
import { seed } from '../support/seed.ts';
import { call, FAMILIES, Ledger } from './ledger.ts';

const kills = Number(process.env['KILLS'] ?? 8);

async function lay(base: string): Promise<void> {
  await call(base, 'queue.create', { name: 'jobs', config: { ack_deadline_secs: 1, default_max_retries: 1_000_000 } });
  await call(base, 'stream.create', { room: 'room', max_events: 1_000_000 });
  await call(base, 'topic.create', { topic: 'topic', retention_policy: { type: 'Infinite' } });
  await call(base, 'group.create', { group_id: 'group', topic: 'topic', partition_count: 1 });
  await call(base, 'chat.create_message', { author: 'w', thread: 'edited', body: 0 });
}

for (const level of ['sync', 'batch'] as const)
  describe(`at level ${level}`, () => {
    it(`${kills} kills lose ${level === 'sync' ? 'nothing that was acknowledged' : 'at most the end of the history'}, and nothing comes back`, {
      timeout: 60_000 + kills * 10_000,
    }, async () => {
      const dice = seededIds(seed);
      const folder = scratchFolder();
      const args = ['--data-dir', folder, '--durability', level, '--check-data', '--log-level', 'warn'];
      const ledger = new Ledger();
      for (let kill = 0; kill <= kills; kill++) {
        const server = await startServer(args);
        if (kill === 0) await lay(server.base);
        else {
          const reached = await ledger.verify(server.base, level === 'sync' ? ledger.acked : 0);
          ledger.acked = reached;
        }
        if (kill === kills) {
          expect(await server.stop()).toBe(0);
          break;
        }
        const writes = 20 + Math.floor(dice.random() * 300);
        const start = ledger.acked;
        const writing = ledger.write(server.base, () => {
          if (ledger.acked - start >= writes) server.child.kill('SIGKILL');
          return FAMILIES[Math.floor(dice.random() * FAMILIES.length)] ?? 'kv';
        });
        await writing;
        expect(await server.stop('SIGKILL')).toBe('SIGKILL');
      }
    });
  });
