/**
 * What the client itself costs: CPU of `getThreadMessage` against bare `fetch` asking the same server for the same.
 *
 *     npm run build && npm run build:sdk && npx tsx sdk/typescript/progressdb/bench.ts
 *
 * Both are measured in turn, in rounds, so that the machine's moods meet both; a ratio is the median of the rounds.
 * Ends with 1 when a ratio is above 1.3.
 */
import { KEYS, profileServer } from './test/profile.ts';

// the built package, as users run it
const { ProgressDB } = (await import(
  new URL('dist/esm/index.js', import.meta.url).href
)) as typeof import('./src/index.ts');

const CALLS = 10_000;
const ROUNDS = 10;
const LIMIT = 1.3;

type Get = () => Promise<unknown>;

async function cpu(get: Get, batch: number): Promise<number> {
  const calls = CALLS / ROUNDS;
  const before = process.cpuUsage();
  for (let done = 0; done < calls; done += batch) {
    if (batch === 1) await get();
    else await Promise.all(Array.from({ length: batch }, get));
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / calls;
}

const median = (numbers: readonly number[]): number =>
  numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] as number;

const server = await profileServer();
const db = ProgressDB({ baseUrl: server.base, apiKey: KEYS.backend });
const { id } = await db.createMessage({ thread: 'bench', body: { text: 'hello' } }, 'ana');
const sdk: Get = async () => {
  if ((await db.getThreadMessage('bench', id, 'ana')).id !== id) throw new Error('wrong answer');
};
const headers = { authorization: `Bearer ${KEYS.backend}`, 'x-user-id': 'ana' };
const bare: Get = async () => {
  const answer = await fetch(`${server.base}/v1/threads/bench/messages/${id}`, { headers });
  if (((await answer.json()) as { id: string }).id !== id) throw new Error('wrong answer');
};

let worst = 0;
for (const batch of [1, 100]) {
  for (const get of [bare, sdk]) await cpu(get, batch);
  const rounds = [];
  for (let round = 0; round < ROUNDS; round++) rounds.push([await cpu(bare, batch), await cpu(sdk, batch)] as const);
  const ratio = median(rounds.map(([floor, own]) => own / floor));
  worst = Math.max(worst, ratio);
  const [floor, own] = [0, 1].map((at) => median(rounds.map((round) => round[at] as number)).toFixed(0));
  console.log(
    `${batch === 1 ? 'one by one' : `batches of ${batch}`}: ${own} us a call, bare fetch ${floor} us, ${ratio.toFixed(2)}`,
  );
}
await server.stop();
process.exit(worst > LIMIT ? 1 : 0);
