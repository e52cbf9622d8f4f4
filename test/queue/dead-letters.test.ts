import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { systemIds } from '../../src/core/ids.ts';
import { LIMITS } from '../../src/core/limits.ts';
import { noAlarm, type Store } from '../../src/core/ports.ts';
import { DeadLetters, type Letter } from '../../src/queue/dead-letters.ts';
import { QueueEngine } from '../../src/queue/engine.ts';
import type { Message } from '../../src/queue/message.ts';
import { runs, seed } from '../support/seed.ts';
import { Bench, bytes, text } from './support.ts';

let bench: Bench;
beforeEach(() => {
  bench = new Bench({ maxRetries: 0 });
  bench.engine.create('q', undefined, bench.now);
});

/** Publishes and rejects one message for each name; answers their ids. */
function bury(...names: string[]): string[] {
  return names.map((name) => {
    const id = bench.publish('q', name);
    bench.consume('q', `holder of ${name}`);
    bench.engine.nack('q', id, false, bench.now);
    return id;
  });
}

describe('dead letters', () => {
  test('keep the message, why and when it was given up, and who held it', () => {
    const rejected = bench.publish('q', 'a', { headers: { h: '1' }, priority: 7, maxRetries: 4 });
    bench.consume('q', 'me');
    bench.advance(10);
    bench.engine.nack('q', rejected, false, bench.now);
    const exhausted = bench.publish('q', 'b');
    bench.consume('q', 'you');
    bench.advance(30_000);
    expect(bench.engine.deadList('q', 0, 10)).toEqual({
      letters: [
        {
          id: rejected,
          payload: bytes('a'),
          priority: 7,
          retryCount: 1,
          maxRetries: 4,
          headers: { h: '1' },
          createdAt: bench.now - 30_010,
          diedAt: bench.now - 30_000,
          reason: 'rejected',
          consumer: 'me',
          sequence: expect.any(Number),
        },
        expect.objectContaining({ id: exhausted, reason: 'retries_exhausted', consumer: 'you', diedAt: bench.now }),
      ],
      next: undefined,
    });
    expect(bench.engine.deadRead('q', exhausted)).toMatchObject({ id: exhausted, retryCount: 1 });
    expect(() => bench.engine.deadRead('q', 'nope')).toThrow('Message not found: nope');
    expect(() => bench.engine.ack('q', exhausted, bench.now)).toThrow('Message not found');
  });

  test('a rejected message says so even when its retries were used up as well', () => {
    const [id] = bury('a');
    expect(bench.engine.deadRead('q', id ?? '').reason).toBe('rejected');
  });

  test('are listed in pages, and a cursor holds although its letter is gone', () => {
    const ids = bury('a', 'b', 'c', 'd', 'e');
    const first = bench.engine.deadList('q', 0, 2);
    expect(first.letters.map(text)).toEqual(['a', 'b']);
    bench.engine.deadReplay('q', [ids[1] ?? '', ids[2] ?? ''], bench.now);
    const second = bench.engine.deadList('q', first.next ?? 0, 2);
    expect(second.letters.map(text)).toEqual(['d', 'e']);
    expect(second.next).toBeUndefined();
    expect(() => bench.engine.deadList('q', 0, 0)).toThrow('limit must be from 1 to 1000');
    expect(() => bench.engine.deadList('none', 0, 1)).toThrow('Queue not found: none');
  });

  test('a replay makes them ready with a retry count of 0, beyond the depth limit, and they can die again', () => {
    bench.engine.create('full', { maxDepth: 1, maxRetries: 0 }, bench.now);
    const id = bench.publish('full', 'a');
    bench.consume('full');
    bench.engine.nack('full', id, true, bench.now);
    bench.publish('full', 'b');
    expect(bench.engine.deadReplay('full', [id, 'nope', id], bench.now)).toEqual({
      replayed: [id],
      missing: ['nope', id],
      remaining: 0,
    });
    expect(bench.engine.stats('full')).toMatchObject({ depth: 2, deadLettered: 1, published: 2 });
    bench.restart();
    expect(bench.drain('full')).toEqual(['b', 'a']);
    expect(bench.engine.explain('full', id, bench.now)).toMatchObject({ retryCount: 0, attempts: 1 });
    bench.engine.nack('full', id, true, bench.now);
    expect(bench.engine.deadList('full', 0, 5).letters.map(({ id }) => id)).toEqual([id]);
    expect(bench.engine.stats('full').deadLettered).toBe(2);
    bench.sound();
  });

  test('the oldest are replayed first', () => {
    bury('a', 'b', 'c');
    expect(bench.engine.deadReplayAll('q', 2, bench.now)).toMatchObject({ missing: [], remaining: 1 });
    expect(bench.drain('q')).toEqual(['a', 'b']);
    expect(bench.engine.deadList('q', 0, 5).letters.map(text)).toEqual(['c']);
  });

  test('a replayed message goes to a consumer that waits', () => {
    const [id] = bury('a');
    const got: string[] = [];
    bench.engine.wait(
      'q',
      'w',
      1,
      bench.now + 1_000,
      (deliveries) => got.push(...deliveries.map((d) => d.id)),
      bench.now,
    );
    bench.engine.deadReplay('q', [id ?? ''], bench.now);
    expect(got).toEqual([id]);
  });

  test('a purge drops them all and leaves the counter', () => {
    const [id] = bury('a', 'b');
    expect(bench.engine.deadPurge('q', bench.now)).toBe(2);
    expect(bench.engine.deadList('q', 0, 5).letters).toEqual([]);
    expect(bench.engine.stats('q').deadLettered).toBe(2);
    expect(() => bench.engine.deadRead('q', id ?? '')).toThrow('Message not found');
    expect(bench.store.snapshot()['queue.message']).toBeUndefined();
    expect(bench.engine.deadPurge('q', bench.now)).toBe(0);
    expect(() => bench.engine.deadPurge('none', bench.now)).toThrow('Queue not found: none');
    bury('c');
    bench.restart();
    expect(bench.engine.deadList('q', 0, 5).letters.map(text)).toEqual(['c']);
    bench.sound();
  });

  test('a large purge is over at once, and a restart in the middle brings nothing back', () => {
    const ids: string[] = [];
    for (let i = 0; i < 2_500; i++) ids.push(...bury(String(i)));
    expect(bench.engine.deadPurge('q', bench.now)).toBe(2_500);
    expect(bench.engine.deadReplay('q', ids.slice(-2), bench.now).missing).toEqual(ids.slice(-2));
    bench.sound();
    bench.restart();
    expect(bench.engine.detail('q', bench.now).dead).toBe(0);
    bench.advance(10);
    expect(bench.store.snapshot()['queue.message']).toBeUndefined();
    expect(bench.store.snapshot()['queue.state']).toBeUndefined();
  });

  test('are bounded: the oldest goes, is counted, and is gone from the store', () => {
    const stored = new Set<string>();
    const store: Store = {
      put: (table, key) => void (table === 'queue.message' && stored.add(key)),
      remove: (table, key) => void (table === 'queue.message' && stored.delete(key)),
      clear: () => {},
    };
    const { now } = bench;
    const engine = new QueueEngine({ store, alarm: noAlarm, ids: systemIds });
    engine.create('q', undefined, now);
    const batch = Array.from({ length: 1_000 }, () => ({ payload: bytes('x') }));
    let first: string | undefined;
    for (let i = 0; i <= LIMITS.deadLetters / 1_000; i++) {
      const ids = engine.publishBatch('q', batch, now);
      first ??= ids[0];
      engine.consumeBatch('q', 'w', 1_000, now);
      for (const id of ids) engine.nack('q', id, false, now);
    }
    expect(engine.detail('q', now)).toMatchObject({ dead: LIMITS.deadLetters, deadDropped: 1_000 });
    expect(engine.stats('q').deadLettered).toBe(LIMITS.deadLetters + 1_000);
    expect(() => engine.deadRead('q', first ?? '')).toThrow('Message not found');
    expect(stored.size).toBe(LIMITS.deadLetters);
    expect(engine.check()).toEqual([]);
  });

  test('the list finds its place by bisection whatever was taken from the middle', () => {
    fc.assert(
      fc.property(fc.array(fc.option(fc.nat(300), { nil: undefined, freq: 2 }), { maxLength: 300 }), (steps) => {
        const list = new DeadLetters();
        let model: Letter[] = [];
        let position = 0;
        for (const step of steps) {
          const taken = step === undefined ? undefined : model[step % Math.max(1, model.length)];
          if (taken !== undefined) {
            list.remove(taken);
            model = model.filter((letter) => letter !== taken);
          } else {
            position += 1 + (step ?? 0);
            const letter: Letter = { position, reason: 'rejected', consumer: '', message: undefined };
            const message = { letter } as unknown as Message;
            letter.message = message;
            list.push(letter);
            model.push(letter);
          }
          expect(list.check()).toEqual([]);
          const from = step ?? 0;
          expect(list.after(from, 5)).toEqual(
            model
              .filter((letter) => letter.position > from)
              .slice(0, 5)
              .map((letter) => letter.message),
          );
          expect(list.oldest()).toBe(model[0]?.message);
          expect(list.size).toBe(model.length);
        }
      }),
      { seed, numRuns: runs(50) },
    );
  });
});
