import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Ids, seededIds } from '../../src/core/ids.ts';
import type { Message } from '../../src/queue/message.ts';
import { MessageIndex } from '../../src/queue/message-index.ts';
import { runs, seed } from '../support/seed.ts';

const UUID4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const named = (id: string): Message => ({ id }) as Message;
/** Ids whose counter begins `before` numbers before it wraps. */
const nearTheEnd = (before: number): Ids => ({ ...seededIds(1), random: () => 1 - before / 2 ** 32 });

test('ids are version 4 UUIDs and never the same, also where the counter wraps', () => {
  const index = new MessageIndex(nearTheEnd(5));
  const ids = Array.from({ length: 10 }, () => index.mint());
  for (const id of ids) expect(id).toMatch(UUID4);
  expect(new Set(ids.map((id) => id.slice(-8))).size).toBe(10);
  expect(ids.some((id) => id.endsWith('ffffffff'))).toBe(true);
  expect(ids.some((id) => id.endsWith('00000000'))).toBe(true);
});

test('the whole id decides: another one with the same counter, or any other text, is not found', () => {
  const index = new MessageIndex(seededIds(2));
  const message = named(index.mint());
  index.add(message);
  expect(index.get(message.id)).toBe(message);
  for (const id of [
    `00000000-0000-4000-8000-0000${message.id.slice(-8)}`,
    '',
    'nope',
    `${message.id} `,
    'é'.repeat(36),
  ])
    expect(index.get(id)).toBeUndefined();
});

test('two messages with the same counter are both kept', () => {
  const index = new MessageIndex(seededIds(3));
  const first = named(index.mint());
  const second = named(`00000000-0000-4000-8000-0000${first.id.slice(-8)}`);
  index.add(first);
  index.add(second);
  expect([index.get(first.id), index.get(second.id)]).toEqual([first, second]);
  index.delete(first);
  expect([index.get(first.id), index.get(second.id)]).toEqual([undefined, second]);
  index.delete(second);
  expect([...index.values()]).toEqual([]);
});

test('finds what a map finds, however few are left of many', () => {
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ mint: fc.integer({ min: 1, max: 900 }) }) },
    { weight: 3, arbitrary: fc.record({ keepOneOf: fc.integer({ min: 1, max: 60 }) }) },
    { weight: 1, arbitrary: fc.constant({ restore: true as const }) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
      let index = new MessageIndex(nearTheEnd(2_000));
      const model = new Map<string, Message>();
      const gone: string[] = [];
      let restores = 100;
      for (const s of steps) {
        if ('mint' in s) {
          for (let i = 0; i < s.mint; i++) {
            const message = named(index.mint());
            index.add(message);
            model.set(message.id, message);
          }
        } else if ('keepOneOf' in s) {
          for (const [i, message] of [...model.values()].entries()) {
            if (i % s.keepOneOf === 0) continue;
            index.delete(message);
            model.delete(message.id);
            gone.push(message.id);
          }
        } else {
          index = new MessageIndex(seededIds(++restores));
          for (const message of model.values()) index.add(message);
          index.settle();
        }
        for (const [id, message] of model) if (index.get(id) !== message) throw new Error(`${id} is not found`);
        for (const id of gone) if (index.get(id) !== undefined) throw new Error(`${id} is found although it is gone`);
        expect(new Set(index.values())).toEqual(new Set(model.values()));
      }
    }),
    { seed, numRuns: runs(30) },
  );
});
