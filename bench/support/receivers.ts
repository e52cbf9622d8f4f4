/**
 * Subscribers that only count, and one publisher, in a process of their own: `receivers.ts PROTOCOL PORT SUBSCRIBERS STUCK BYTES`.
 *
 * All messages of a run have the same length on the wire, so counting bytes is counting frames: no frame is parsed, and
 * the client is not the limit. Says `ready`, waits for a line with seconds, publishes that long, and prints what arrived.
 */
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';

const [protocol = 'ws', portText = '0', subscribersText = '1', stuckText = 'no', bytes = '100'] = process.argv.slice(2);
const port = Number(portText);
const subscribers = Number(subscribersText);
const TOPIC = 'news';
const PAYLOAD = 'x'.repeat(Number(bytes));
/** Messages that may be on their way, so that neither side starves and no reader counts as slow. */
const WINDOW = Math.max(8, Math.min(200, Math.floor(200_000 / subscribers)));
const BATCH = Math.max(1, WINDOW >> 2);
/** How often a reader comes that never reads. */
const STUCK_MS = 250;

/** A client's text frame; a mask of zeros changes nothing. */
function masked(text: string): Buffer {
  const payload = Buffer.from(text);
  const head =
    payload.length < 126
      ? Buffer.from([0x81, 0x80 | payload.length])
      : Buffer.from([0x81, 0x80 | 126, payload.length >> 8, payload.length & 255]);
  return Buffer.concat([head, Buffer.alloc(4), payload]);
}

/** Bytes of the server's frame that begins here. */
function frameBytes(buffer: Buffer, at: number): number {
  const short = (buffer[at + 1] as number) & 127;
  return short < 126 ? 2 + short : 4 + buffer.readUInt16BE(at + 2);
}

const upgrade = (path: string): string =>
  `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n` +
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';

interface Wire {
  readonly subscribe: string;
  /** Bytes of what comes before the first message, once it is all there. */
  greeting(received: Buffer): number | undefined;
  readonly publisher: { readonly greet: string; readonly publish: Buffer };
  messageBytes(firstMessage: Buffer): number | undefined;
}

const head = (received: Buffer): number | undefined => {
  const end = received.indexOf('\r\n\r\n');
  return end < 0 ? undefined : end + 4;
};

const redisMessage = `*3\r\n$7\r\nmessage\r\n$4\r\n${TOPIC}\r\n$${bytes}\r\n${PAYLOAD}\r\n`;
const WIRES: Record<string, Wire> = {
  ws: {
    subscribe: upgrade(`/pubsub/ws?topics=${TOPIC}`),
    greeting(received) {
      const at = head(received);
      if (at === undefined || received.length < at + 4) return undefined;
      const end = at + frameBytes(received, at);
      return received.length < end ? undefined : end;
    },
    publisher: {
      greet: upgrade('/ws'),
      publish: masked(
        JSON.stringify({ id: 1, command: 'pubsub.publish', payload: { topic: TOPIC, payload: PAYLOAD } }),
      ),
    },
    messageBytes: (first) => (first.length < 4 ? undefined : frameBytes(first, 0)),
  },
  redis: {
    subscribe: `SUBSCRIBE ${TOPIC}\r\n`,
    greeting: (received) => (/:1\r\n$/.test(received.toString('latin1')) ? received.length : undefined),
    publisher: {
      greet: '',
      publish: Buffer.from(`*3\r\n$7\r\nPUBLISH\r\n$4\r\n${TOPIC}\r\n$${bytes}\r\n${PAYLOAD}\r\n`),
    },
    messageBytes: () => redisMessage.length,
  },
};
const wire = WIRES[protocol] as Wire;

let received = 0;
let messageBytes: number | undefined;
let published = 0;
let running = false;
const shared = Buffer.allocUnsafe(256 * 1024);

function subscriber(): Promise<Socket> {
  return new Promise((resolve, reject) => {
    let greeting: Buffer | undefined = Buffer.alloc(0);
    const socket = connect({
      host: '127.0.0.1',
      port,
      onread: {
        buffer: shared,
        callback(count, buffer) {
          if (greeting === undefined) {
            messageBytes ??= wire.messageBytes(Buffer.from(buffer.subarray(0, count)));
            received += count;
            if (running) publish();
            return true;
          }
          greeting = Buffer.concat([greeting, buffer.subarray(0, count)]);
          if (wire.greeting(greeting) === undefined) return true;
          greeting = undefined;
          resolve(socket);
          return true;
        },
      },
    });
    socket.once('connect', () => socket.write(wire.subscribe));
    socket.once('error', reject);
    socket.once('close', () => running && reject(new Error('a subscriber was closed')));
  });
}

/** Subscribes and never reads a byte. */
function stuckReader(): void {
  const socket = connect({ host: '127.0.0.1', port });
  socket.pause();
  socket.on('error', () => {});
  socket.once('connect', () => socket.write(wire.subscribe));
}

const publisher = connect({
  host: '127.0.0.1',
  port,
  onread: { buffer: Buffer.allocUnsafe(65_536), callback: () => true },
});
publisher.setNoDelay(true);
const batch = Buffer.concat(Array.from({ length: BATCH }, () => wire.publisher.publish));

const frames = (): number => (messageBytes === undefined ? 0 : received / messageBytes);

function publish(): void {
  if (published * subscribers - frames() > (WINDOW - BATCH) * subscribers) return;
  published += BATCH;
  publisher.write(batch);
}

for (let opened = 0; opened < subscribers; opened += 200)
  await Promise.all(Array.from({ length: Math.min(200, subscribers - opened) }, () => subscriber()));
if (wire.publisher.greet !== '') publisher.write(wire.publisher.greet);
await new Promise((resolve) => setTimeout(resolve, 200));
process.stdout.write('ready\n');
for await (const line of createInterface({ input: process.stdin })) {
  const stuck = stuckText === 'stuck' ? setInterval(stuckReader, STUCK_MS) : undefined;
  running = true;
  publish();
  const before = frames();
  const began = performance.now();
  await new Promise((resolve) => setTimeout(resolve, Number(line) * 1000));
  const result = { frames: Math.floor(frames() - before), seconds: (performance.now() - began) / 1000, published };
  running = false;
  clearInterval(stuck);
  process.stdout.write(`${JSON.stringify(result)}\n`);
}
process.exit(0);
