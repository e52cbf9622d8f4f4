/**
 * Edits, posts and reactions of encrypted threads, key rotations and re-wraps, under kills with SIGKILL at random
 * moments: no acknowledged version and no key is lost (issue 6).
 *
 * `CHAT_KILLS=1000 npx vitest run test/crash/chat.test.ts`, after a build, is the long version. The seed of the moments
 * is printed with a failure.
 */
import { describe, expect, it } from 'vitest';
import { seededIds } from '../../src/core/ids.ts';
import { scratchFolder, startServer } from '../support/process.ts';
import { seed } from '../support/seed.ts';
import { ChatClient, Writer } from './chat-ledger.ts';

const kills = Number(process.env['CHAT_KILLS'] ?? 4);
/** Kills after which a writer turns to a new message, so that no history grows without end. */
const CHAPTER = 20;
const WRITERS = 4;

describe(`${kills} kills of a server with encrypted threads`, () => {
  it('lose no acknowledged version and no key', { timeout: 60_000 + kills * 10_000 }, async () => {
    const dice = seededIds(seed);
    const hex = (): string => Array.from({ length: 64 }, () => Math.floor(dice.random() * 16).toString(16)).join('');
    const args = ['--data-dir', scratchFolder(), '--durability', 'sync', '--check-data', '--log-level', 'warn'];
    const rate = ['--security-rate-limit-rps', '1000000', '--security-rate-limit-burst', '1000000'];
    let masterKey = hex();
    const writers: Writer[] = [];
    let acknowledged = 0;
    for (let kill = 0; kill <= kills; kill++) {
      const server = await startServer([...args, ...rate], {
        PROGRESSDB_API_BACKEND_KEYS: 'backend',
        PROGRESSDB_API_ADMIN_KEYS: 'admin',
        PROGRESSDB_USE_ENCRYPTION: 'true',
        PROGRESSDB_KMS_MASTER_KEY_HEX: masterKey,
      });
      const client = new ChatClient(server.base);
      const last = kill === kills;
      // at the end every message that was ever written, before it those of this chapter
      for (const writer of last ? writers : writers.slice(-WRITERS)) await writer.verify(client);
      if (last) {
        expect(await server.stop()).toBe(0);
        break;
      }
      if (kill % CHAPTER === 0)
        for (let i = 0; i < WRITERS; i++)
          writers.push(await Writer.begin(client, `thread-of-${kill}-${i % 2}`, `w${i}`));
      const current = writers.slice(-WRITERS);
      const wanted = acknowledged + 5 + Math.floor(dice.random() * 150);
      const working = current.map((writer) =>
        writer.work(client, () => {
          if (++acknowledged >= wanted) server.child.kill('SIGKILL');
        }),
      );
      const [first] = current as [Writer];
      if (dice.random() < 0.5) working.push(client.rotate(first.thread));
      let next: string | undefined;
      if (dice.random() < 0.3) {
        next = hex();
        working.push(
          client.rewrap(next).then((done) => {
            // from here on either key opens everything; the settings may name the new one
            if (done && dice.random() < 0.7) masterKey = next as string;
          }),
        );
      }
      await Promise.all(working);
      expect(await server.stop('SIGKILL')).toBe('SIGKILL');
    }
    expect(acknowledged).toBeGreaterThan(kills);
  });
});
