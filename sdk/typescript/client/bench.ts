/**
 * What the client itself costs: CPU of 10,000 `kv.get` against bare `fetch` sending the same requests to the same server.
 *
 *     npm run build && npx tsx sdk/typescript/client/bench.ts
 *
 * Both are measured in turn, in rounds, so that the machine's moods meet both; a ratio is the median of the rounds.
 * Ends with 1 when a ratio over HTTP is above 1.3. The socket has nothing to be compared with; it is shown beside.
 */
import { WebSocket } from 'ws';
import { startServer } from '../../../test/support/process.ts';
import { Synapd } from './src/index.ts';

const CALLS = 10_000;
const ROUNDS = 10;
const BATCH = 100;
const LIMIT = 1.3;

type Get = () => Promise<unknown>;

async function run(get: Get, calls: number, batch: number): Promise<void> {
  if (batch === 1) for (let i = 0; i < calls; i++) await get();
  else for (let i = 0; i < calls; i += batch) await Promise.all(Array.from({ length: batch }, get));
}

async function cpu(get: Get, calls: number, batch: number): Promise<number> {
  const before = process.cpuUsage();
  await run(get, calls, batch);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / calls;
}

const median = (numbers: readonly number[]): number =>
  numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] as number;

const server = await startServer();
const http = new Synapd(server.base);
const socket = new Synapd(server.base, { transport: 'socket', WebSocket });
await http.kv.set({ key: 'bench', value: 'value' });

let count = 0;
const bare: Get = async () => {
  const body = JSON.stringify({ command: 'kv.get', request_id: String(++count), payload: { key: 'bench' } });
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(`${server.base}/api/v1/command`, { method: 'POST', headers, body });
  const { payload } = (await answer.json()) as { payload: unknown };
  if (payload !== 'value') throw new Error('wrong answer');
};
const plainGet: Get = async () => (await fetch(`${server.base}/kv/get/bench`)).json();
const checked =
  (client: Synapd): Get =>
  async () => {
    if ((await client.kv.get({ key: 'bench' })) !== 'value') throw new Error('wrong answer');
  };
const ways: Record<string, Get> = {
  client: checked(http),
  'bare POST': bare,
  'bare GET': plainGet,
  socket: checked(socket),
};

let worst = 0;
for (const batch of [1, BATCH]) {
  for (const get of Object.values(ways)) await run(get, CALLS / ROUNDS, batch); // connections, compilation
  const taken: Record<string, number[]> = {};
  for (let round = 0; round < ROUNDS; round++)
    for (const [name, get] of Object.entries(ways)) (taken[name] ??= []).push(await cpu(get, CALLS / ROUNDS, batch));
  const of = (name: string): readonly number[] => taken[name] ?? [];
  const ratio = (name: string, other: string): number => median(of(name).map((us, i) => us / (of(other)[i] as number)));
  const parts = Object.keys(ways).map((name) => `${name} ${median(of(name)).toFixed(0)} us`);
  const against = ratio('client', 'bare POST');
  console.log(
    `${batch === 1 ? 'one after the other' : `${batch} at once`}: ${parts.join(', ')} a call; client to bare POST ${against.toFixed(2)}, to bare GET ${ratio('client', 'bare GET').toFixed(2)}, socket to bare POST ${ratio('socket', 'bare POST').toFixed(2)}`,
  );
  worst = Math.max(worst, against);
}
http.close();
socket.close();
await server.stop();
process.exitCode = worst > LIMIT ? 1 : 0;
