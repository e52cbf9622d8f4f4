/**
 * That operations cost the same however much there is. The bound is wide, for the machine is shared; what grows with the
 * number of events or subscribers would miss it by a factor of thousands.
 */
import { expect, it } from 'vitest';
import { noAlarm, nowhere } from '../../src/core/ports.ts';
import { RoomEngine } from '../../src/stream/rooms.ts';
import { TopicEngine } from '../../src/stream/topics.ts';

const ids = { uuid: () => '00000000-0000-4000-8000-000000000000', random: () => 0 };
const ports = { store: nowhere, ids, alarm: noAlarm };
const FEW = 100;
const MANY = 1_000_000;

/** The nanoseconds of one `work`, in the best of several rounds. */
function cost(work: (round: number) => void): number {
  let best = Number.POSITIVE_INFINITY;
  let round = 0;
  for (let i = 0; i < 15; i++) {
    const start = performance.now();
    for (let n = 0; n < 200; n++) work(round++);
    best = Math.min(best, performance.now() - start);
  }
  return (best * 1e6) / 200;
}

function filled(events: number, maxEvents = 0): RoomEngine {
  const rooms = new RoomEngine(ports, { maxEvents, retentionSecs: 0, roomBytes: 0 });
  rooms.create('r', {}, 0);
  for (let i = 0; i < events; i++) rooms.publish('r', 'e', '1', undefined, 0);
  return rooms;
}

it('publish, read at any place and publish at the limit cost the same with a hundred and with a million events', () => {
  const costs = [FEW, MANY].map((events) => {
    const rooms = filled(events);
    const full = filled(events, events);
    return {
      publish: cost(() => rooms.publish('r', 'e', '1', undefined, 0)),
      read: cost((round) => rooms.consume('r', 's', (round * 7919) % events, 1, 0)),
      trim: cost(() => full.publish('r', 'e', '1', undefined, 0)),
    };
  });
  const [few, many] = costs as [(typeof costs)[0], (typeof costs)[0]];
  for (const what of ['publish', 'read', 'trim'] as const) expect(many[what] / few[what]).toBeLessThan(12);
});

it('a publish that asks for the slowest of 100,000 subscribers costs what it costs with a hundred', () => {
  const [few, many] = [FEW, 100_000].map((subscribers) => {
    const rooms = filled(10, 10);
    for (let i = 0; i < subscribers; i++) rooms.consume('r', `s${i}`, 10, 1, 0);
    return cost(() => {
      rooms.publish('r', 'e', '1', undefined, 0);
      rooms.consume('r', 's7', 'latest', 1, 0);
    });
  }) as [number, number];
  expect(many / few).toBeLessThan(12);
});

it('an event without a key finds its place among 1,024 partitions about as fast as among four', () => {
  const [few, many] = [4, 1024].map((partitions) => {
    const topics = new TopicEngine(ports);
    topics.create('t', { partitions, retention: { maxMessages: 10 } }, 0);
    return cost(() => topics.publish('t', 'e', '1', undefined, undefined, 0));
  }) as [number, number];
  expect(many / few).toBeLessThan(12);
});
