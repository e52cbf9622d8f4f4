/**
 * An event-sourced counter: its value is nowhere but in what happened; a snapshot only saves reading it all again.
 *
 *     npx tsx counter.ts http://localhost:15500 add 5
 *     npx tsx counter.ts http://localhost:15500 show
 */
import { Synapd } from 'synapd-client';

const ROOM = 'counter-events';
const SNAPSHOT = 'counter-snapshot';

interface State {
  readonly value: number;
  /** The offset of the first event that is not in it. */
  readonly next: number;
}

/** What an event means. The only place that knows. */
const apply = (value: number, event: string, data: unknown): number =>
  event === 'added' ? value + (data as { by: number }).by : 0;

/** The value now: the snapshot, and what happened since. */
async function replay(client: Synapd): Promise<State> {
  const text = await client.kv.get({ key: SNAPSHOT });
  const state: State = text === null ? { value: 0, next: 0 } : (JSON.parse(text) as State);
  let { value, next } = state;
  for await (const { event, data, offset } of client.stream.read(ROOM, next)) {
    value = apply(value, event, data);
    next = offset + 1;
  }
  if (next > state.next) await client.kv.set({ key: SNAPSHOT, value: { value, next } satisfies State });
  return { value, next };
}

const [url = 'http://localhost:15500', action = 'show', by = '1'] = process.argv.slice(2);
const client = new Synapd(url);
await client.stream.getOrCreate({ room: ROOM });
if (action === 'add') await client.stream.publish({ room: ROOM, event: 'added', data: { by: Number(by) } });
else if (action === 'reset') await client.stream.publish({ room: ROOM, event: 'reset', data: null });
const { value, next } = await replay(client);
console.log(`${value} after ${next} events`);
