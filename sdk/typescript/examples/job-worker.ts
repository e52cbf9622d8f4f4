/**
 * A job worker: publishes jobs, handles them four at a time, and shows what becomes of bad ones.
 *
 *     npx tsx job-worker.ts http://localhost:15500
 */
import { type Message, Reject, Synapd } from 'synapd-client';

interface Job {
  readonly picture: string;
  readonly width: number;
}

/** The work. Returning confirms it; throwing has it tried again; Reject gives it up. */
async function resize(message: Message): Promise<void> {
  const { picture, width } = message.json<Job>();
  if (width <= 0) throw new Reject('no picture is that narrow');
  await new Promise((resolve) => setTimeout(resolve, 10));
  console.log(`resized ${picture} to ${width}`);
  finished();
}

const client = new Synapd(process.argv[2] ?? 'http://localhost:15500');
await client.queue.create({ name: 'pictures', ack_deadline_secs: 30, default_max_retries: 3 });
for (let number = 0; number < 9; number++) {
  const payload: Job = { picture: `${number}.png`, width: 640 };
  await client.queue.publish({ queue: 'pictures', payload, message_key: payload.picture });
}
const bad: Job = { picture: 'bad.png', width: 0 };
await client.queue.publish({ queue: 'pictures', payload: bad, priority: 9 });

// a real worker would stay until a signal of the system
let left = 9;
function finished(): void {
  if (--left === 0) worker.stop();
}
const worker = client.queue.worker('pictures', resize, { concurrency: 4 });
await worker.run();

const { messages } = await client.queue.dead.list({ queue: 'pictures' });
console.log(`done ${worker.acked}, given up ${messages.length}`);
