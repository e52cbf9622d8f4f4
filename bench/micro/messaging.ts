/**
 * What an operation of the messaging engines costs beside 100 and beside 1,000,000 messages, leases, patterns and events,
 * without its request: `npx tsx bench/micro/messaging.ts`.
 *
 * Two engines of one process take turns; the ratio is the median of those of neighbours, on the core, the collector
 * included. There is no bar here: an operation of the product includes its request (bench/messaging.ts), and what is left
 * of a few hundred nanoseconds beside a million is mostly the memory that no cache holds.
 */
import { seededIds } from '../../src/core/ids.ts';
import { noAlarm, nowhere } from '../../src/core/ports.ts';
import { PubSubEngine } from '../../src/pubsub/engine.ts';
import { QueueEngine } from '../../src/queue/engine.ts';
import { RoomEngine } from '../../src/stream/rooms.ts';

const ROUNDS = Number(process.env['ROUNDS'] ?? 15);
const CALLS = 20_000;
const FEW = 100;
const MANY = Number(process.env['MANY'] ?? 1_000_000);
const PAGE = 100;
const NOW = 1_790_000_000_000;
const ports = { store: nowhere, alarm: noAlarm, ids: seededIds(1) };
const payload = Buffer.from('sixteen bytes...');
const random = (below: number): number => Math.floor(Math.random() * below);

/** An operation on an engine that holds `size`. */
type Operation = () => unknown;

function cycle(size: number, leased: boolean): Operation {
  const queues = new QueueEngine(ports);
  queues.create('jobs', { maxDepth: 2 * MANY, ackDeadlineSecs: 100_000 }, NOW);
  for (let i = 0; i < size; i++) {
    queues.publish('jobs', payload, {}, NOW);
    if (leased) queues.consume('jobs', 'holder', NOW);
  }
  return () => {
    queues.publish('jobs', payload, {}, NOW);
    queues.ack('jobs', queues.consume('jobs', 'me', NOW)?.id ?? '', NOW);
  };
}

function publishing(size: number, topic: (size: number) => string): Operation {
  const pubsub = new PubSubEngine(seededIds(1));
  for (let i = 0; i < size; i++) pubsub.subscribe([`room.${i}.*`], { subscriberId: `s${i >> 10}` }, NOW);
  return () => pubsub.publish(topic(size), 'hello', null, undefined, NOW);
}

function room(size: number): RoomEngine {
  const rooms = new RoomEngine(ports);
  rooms.create('room', { maxEvents: size }, NOW);
  for (let i = 0; i < size; i++) rooms.publish('room', 'said', '"hello"', undefined, NOW);
  return rooms;
}

function reading(size: number, from: (size: number) => number): Operation {
  const rooms = room(size);
  return () => rooms.consume('room', 'me', from(size), PAGE, NOW);
}

const OPERATIONS: [name: string, calls: number, make: (size: number) => Operation][] = [
  ['ready messages: publish, consume, ack', CALLS, (size) => cycle(size, false)],
  ['leases: publish, consume, ack', CALLS, (size) => cycle(size, true)],
  ['patterns: publish to a new topic', CALLS, (n) => publishing(n, (size) => `room.${random(size)}.${random(1e9)}`)],
  ['patterns: publish to one of 100 topics', CALLS, (n) => publishing(n, () => `room.${random(FEW)}.a`)],
  [
    'stream events: append, the oldest goes',
    CALLS,
    (size) => {
      const rooms = room(size);
      return () => rooms.publish('room', 'said', '"hello"', undefined, NOW);
    },
  ],
  [`stream events: read the last ${PAGE}`, CALLS, (n) => reading(n, (size) => size - PAGE)],
  [`stream events: read ${PAGE} anywhere`, CALLS, (n) => reading(n, (size) => random(size - PAGE + 1))],
];

/** Nanoseconds on the core for one call. */
function nanoseconds(operation: Operation, calls: number): number {
  const before = process.cpuUsage();
  for (let i = 0; i < calls; i++) operation();
  const { user, system } = process.cpuUsage(before);
  return ((user + system) * 1000) / calls;
}
const median = (numbers: number[]): number => numbers.sort((a, b) => a - b)[numbers.length >> 1] as number;
const pad = (text: string | number, width: number): string => String(text).padStart(width);

process.stdout.write(`${''.padEnd(44)}${pad(`ns, ${FEW}`, 10)}${pad(MANY, 10)}${pad('ratio', 7)}\n`);
for (const [name, calls, make] of OPERATIONS) {
  const [few, many] = [make(FEW), make(MANY)];
  for (const operation of [few, many, few, many]) nanoseconds(operation, calls);
  const [small, large]: [number[], number[]] = [[], []];
  for (let i = 0; i < ROUNDS; i++) {
    small.push(nanoseconds(few, calls));
    large.push(nanoseconds(many, calls));
  }
  const ratio = median(large.map((one, i) => one / (small[i] as number)));
  process.stdout.write(
    `${name.padEnd(44)}${pad(median(small).toFixed(0), 10)}${pad(median(large).toFixed(0), 10)}${pad(ratio.toFixed(2), 7)}\n`,
  );
}
