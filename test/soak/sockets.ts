/**
 * By hand, not in CI: many sockets, some of which never read, and many that come and vanish.
 *
 *   SOCKETS=10000 CHURN=100000 npx tsx test/soak/sockets.ts
 *
 * Ten thousand sockets, one in a hundred not reading: the others lose nothing and keep the order of each topic, those are
 * closed, memory stays bounded. Then a hundred thousand connections that subscribe and vanish: no error, and file
 * descriptors and memory are back where they were. Needs a limit of open files above SOCKETS, and Linux for /proc.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { startServer } from '../support/process.ts';

const SOCKETS = Number(process.env['SOCKETS'] ?? 10_000);
const CHURN = Number(process.env['CHURN'] ?? 100_000);
const TOPICS = 10;
const MESSAGES = 50;
const FAT_MESSAGES = 300;
const FAT = 'x'.repeat(64 * 1024);
const AT_ONCE = 200;

const server = await startServer(['--memory']);
const residentMiB = (): number =>
  Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${server.child.pid}/status`, 'utf8'))?.[1]) / 1024);
const descriptors = (): number => readdirSync(`/proc/${server.child.pid}/fd`).length;
const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));

async function command(name: string, payload: object): Promise<Record<string, number>> {
  const answer = await fetch(`${server.base}/api/v1/command`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ command: name, request_id: 'r', payload }),
  });
  const envelope = (await answer.json()) as { success: boolean; payload: Record<string, number>; error: string };
  if (!envelope.success) throw new Error(envelope.error);
  return envelope.payload;
}

let connections = 0;
/** A connection with its upgrade request sent; every thousand from another address, so that ports do not run out. */
function dial(path: string): Socket {
  const socket = connect({
    host: '127.0.0.1',
    port: server.port,
    localAddress: `127.0.0.${2 + (Math.floor(connections++ / 1000) % 200)}`,
  });
  socket.once('connect', () =>
    socket.write(
      `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n` +
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    ),
  );
  return socket;
}

/** Reads `"payload":N` out of whatever arrives, and holds each topic to its order. */
class Reader {
  readonly next = new Map<string, number>();
  broken = 0;
  ready = false;
  #text = '';

  constructor(socket: Socket) {
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => {
      this.#text += chunk;
      if (this.#text.includes('"type":"connected"')) this.ready = true;
      for (;;) {
        const found = /"topic":"([^"]+)","payload":(\d+),"metadata"/.exec(this.#text);
        if (found === null) break;
        const [whole, topic = '', number] = found;
        if (Number(number) !== (this.next.get(topic) ?? 0)) this.broken++;
        this.next.set(topic, Number(number) + 1);
        this.#text = this.#text.slice(found.index + whole.length);
      }
    });
    socket.on('error', () => this.broken++);
  }

  get seen(): number {
    return [...this.next.values()].reduce((sum, n) => sum + n, 0);
  }
}

const failures: string[] = [];
const expect = (holds: boolean, text: string): void => {
  console.log(`${holds ? 'ok  ' : 'FAIL'} ${text}`);
  if (!holds) failures.push(text);
};

const fresh = { resident: residentMiB(), descriptors: descriptors() };
console.log(`a fresh server: ${fresh.resident} MiB resident, ${fresh.descriptors} file descriptors`);

// many sockets, some of which never read
const readers: Reader[] = [];
const sockets: Socket[] = [];
let stuck = 0;
for (let i = 0; i < SOCKETS; i++) {
  const topic = `topic.${i % TOPICS}`;
  const lazy = i % 100 === 99;
  const socket = dial(`/pubsub/ws?topics=${topic},all${lazy ? ',fat' : ''}`);
  sockets.push(socket);
  if (lazy) {
    stuck++;
    socket.pause();
    socket.on('error', () => {});
  } else readers.push(new Reader(socket));
  if (i % AT_ONCE === AT_ONCE - 1) while (!readers.every((reader) => reader.ready)) await turn();
}
while ((await command('pubsub.stats', {}))['total_subscribers'] !== 2 * SOCKETS + stuck) await turn();
const open = residentMiB();
console.log(`${SOCKETS} sockets open, ${stuck} of them not reading: ${open} MiB`);
let peak = open;
const sample = setInterval(() => {
  peak = Math.max(peak, residentMiB());
}, 20);
const sent = new Map<string, number>();
const publish = async (topic: string): Promise<void> => {
  const n = sent.get(topic) ?? 0;
  sent.set(topic, n + 1);
  await command('pubsub.publish', { topic, payload: n });
};
for (let n = 0; n < FAT_MESSAGES; n++) {
  await command('pubsub.publish', { topic: 'fat', payload: FAT });
  if (n % (FAT_MESSAGES / MESSAGES) !== 0) continue;
  for (let topic = 0; topic < TOPICS; topic++) await publish(`topic.${topic}`);
  await publish('all');
}
const due = 2 * MESSAGES;
const patience = performance.now() + 60_000;
while (readers.some((reader) => reader.seen < due) && performance.now() < patience) await turn();
clearInterval(sample);
expect(
  readers.every((reader) => reader.seen === due),
  `${readers.length} readers got all ${due} messages, ${readers.length * due} frames`,
);
expect(
  readers.every((reader) => reader.broken === 0),
  'each in the order of its topic',
);
const { slow_consumers_dropped: dropped } = await command('pubsub.stats', {});
expect(dropped === stuck, `${dropped} of ${stuck} readers that did not read were dropped`);
expect(peak - open < 200, `memory grew by ${peak - open} MiB at most while ${stuck} readers did not read`);
for (const socket of sockets) socket.resetAndDestroy();
while (descriptors() > fresh.descriptors + 10) await turn();

// many that come and vanish
const before = { resident: residentMiB(), descriptors: descriptors() };
let errors = 0;
let done = 0;
const began = performance.now();
async function visitor(): Promise<void> {
  while (done < CHURN) {
    done++;
    await new Promise<void>((resolve) => {
      const socket = dial(`/pubsub/ws?topics=churn.${done % 100},churn.*`);
      socket.once('data', (head: Buffer) => {
        if (!head.toString('latin1').startsWith('HTTP/1.1 101')) errors++;
        socket.resetAndDestroy();
      });
      socket.once('error', () => errors++);
      socket.once('close', () => resolve());
    });
  }
}
await Promise.all(Array.from({ length: AT_ONCE }, visitor));
const seconds = (performance.now() - began) / 1000;
expect(errors === 0, `${CHURN} connections came and vanished in ${seconds.toFixed(0)} s with ${errors} errors`);
expect(seconds * (100_000 / CHURN) < 180, 'a hundred thousand within three minutes, at that speed');
while (descriptors() > before.descriptors + 5 && performance.now() - began < 200_000) await turn();
expect(
  descriptors() <= before.descriptors + 5,
  `file descriptors: ${before.descriptors} before, ${descriptors()} after`,
);
const after = residentMiB();
expect(after < before.resident * 1.3 + 30, `resident memory: ${before.resident} MiB before, ${after} MiB after`);
const left = await command('pubsub.stats', {});
expect(left['total_subscribers'] === 0, `${left['total_subscribers']} subscriptions are left`);
await server.stop();
console.log(failures.length === 0 ? 'all of it holds' : `${failures.length} do not hold`);
process.exit(failures.length === 0 ? 0 : 1);
