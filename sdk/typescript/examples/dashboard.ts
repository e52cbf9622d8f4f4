/**
 * A live dashboard: figures that change under keys, and alarms that are published, in one view as they happen.
 *
 *     npx tsx dashboard.ts http://localhost:15500 20
 */
import { Synapd } from 'synapd-client';
import { WebSocket } from 'ws'; // only before Node 22

const [url = 'http://localhost:15500', lines = '20'] = process.argv.slice(2);
const over = new AbortController();
const client = new Synapd(url, { WebSocket, transport: 'socket' });

let shown = 0;
function show(line: string): void {
  console.log(line);
  if (++shown >= Number(lines)) over.abort();
}

const changes = client.kv.watch({ keys: ['figure:*'] }, over);
const messages = client.pubsub.listen({ topics: ['alarm.*'] }, over);
await Promise.all([changes.ready, messages.ready]);

async function figures(): Promise<void> {
  for await (const { payload } of changes) show(`${payload.key.split(':')[1]?.padStart(8)} = ${payload.value}`);
}
async function alarms(): Promise<void> {
  for await (const { topic, payload } of messages) show(`${topic.split('.')[1]?.padStart(8)} ! ${payload}`);
}
/** What would be many machines: reports figures, and an alarm now and then. */
async function machine(): Promise<void> {
  for (let number = 0; !over.signal.aborted; number++) {
    await client.kv.set({ key: 'figure:load', value: number % 7 });
    if (number % 3 === 0) await client.pubsub.publish({ topic: 'alarm.disk', payload: `${90 + (number % 10)} % full` });
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

await Promise.all([figures(), alarms(), machine()]);
client.close();
