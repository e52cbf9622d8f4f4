/**
 * A chat: shows what was said before, then what is said now, and says what is typed.
 *
 *     npx tsx chat.ts http://localhost:15500 kitchen ana
 */
import { createInterface } from 'node:readline';
import { Synapd } from 'synapd-client';
import { WebSocket } from 'ws'; // only before Node 22

interface Line {
  readonly who: string;
  readonly text: string;
  /** Which of the visits of `who` it is of. */
  readonly visit: string;
}

const [url = 'http://localhost:15500', room = 'kitchen', me = 'ana'] = process.argv.slice(2);
const client = new Synapd(url, { WebSocket });
await client.stream.getOrCreate({ room });

const visit = `${me} since ${new Date().toISOString()}`;

/** The history from the start, then live. A lost connection is made anew, without a line lost or doubled. */
async function show(): Promise<void> {
  for await (const { event, data } of client.stream.listen({ room })) {
    const line = data as Line;
    console.log(`${line.who}: ${line.text}`);
    if (event === 'left' && line.visit === visit) break;
  }
}

const say = async (event: string, text: string): Promise<void> => {
  const data: Line = { who: me, text, visit };
  await client.stream.publish({ room, event, data });
};

const showing = show();
for await (const text of createInterface({ input: process.stdin })) await say('said', text.trim());
await say('left', '(left)');
await showing;
client.close();
