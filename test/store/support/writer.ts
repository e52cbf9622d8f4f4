/**
 * A child process that writes for as long as it lives: `writer.ts <folder> <level> <seed>`. After a change was
 * acknowledged it prints the change's number and when it was stated; a turn states the same number in two tables.
 */
import { writeSync } from 'node:fs';
import { systemClock } from '../../../src/core/clock.ts';
import { Timers } from '../../../src/core/timers.ts';
import type { Level } from '../../../src/store/durable.ts';
import { LmdbStore } from '../../../src/store/lmdb.ts';
import { Toy } from './toy.ts';

const [folder, level, from] = process.argv.slice(2) as [string, Level, string];
const store = await LmdbStore.open({ folder, level, timers: new Timers(systemClock), clock: systemClock });
const toy = new Toy('a', 'b');
await store.restoreInto([toy], systemClock.now());

let number = Number(from);
const waiting: [position: number, number: number, at: number][] = [];
/** Prints at once; the pipe may be full for a moment. */
function print(line: string): void {
  for (let rest = Buffer.from(line); rest.length > 0; )
    try {
      rest = rest.subarray(writeSync(1, rest));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
    }
}
const say = (n: number, at: number): void => print(`ack ${n} ${at}\n`);
let refused = false;
store.onFlushed((flushed, error) => {
  if (error !== undefined) {
    // whoever waits is told that it failed, and is not told later that it worked
    waiting.length = 0;
    print(`refused ${error.code}\n`);
  } else {
    if (refused) print('written again\n');
    print(`commit ${store.stats().commits}\n`);
  }
  refused = error !== undefined;
  while (waiting[0] !== undefined && waiting[0][0] <= flushed) {
    const [, n, at] = waiting.shift() as [number, number, number];
    say(n, at);
  }
});
print('ready\n');

const round = (): void => {
  const now = systemClock.now();
  for (let i = 0; i < 5 && waiting.length < 200 && store.writable() === undefined; i++) {
    number++;
    const text = 'x'.repeat((number * 31) % 700);
    store.put('a', `k${number}`, [text, number]);
    store.put('b', `k${number % 50}`, number);
    if (number % 3 === 0) store.remove('a', `k${number - 100}`);
    if (level === 'sync') waiting.push([store.position(), number, now]);
    else say(number, now);
  }
  setImmediate(round);
};
round();
