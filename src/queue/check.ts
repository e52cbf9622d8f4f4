/**
 * Broken invariants of the engine, one sentence each. Slow on purpose: it counts everything again.
 */
import { LIMITS } from '../core/limits.ts';
import type { Consumer } from './leases.ts';
import { DEAD, DELAYED, IN_FLIGHT, type Message, READY } from './message.ts';
import type { Queue, Shared } from './queue.ts';
import { Totals } from './tally.ts';
import { type Party, type Room, type Rooms, Standing } from './waiters.ts';

export function checkEngine(queues: ReadonlyMap<string, Queue>, rooms: Rooms, shared: Shared): string[] {
  const broken = rooms.check();
  const places = new Map<Message, number>();
  const sums = new Totals();
  for (const [name, queue] of queues) {
    const say = (text: string): void => void broken.push(`queue '${name}': ${text}`);
    for (const text of checkPlaces(queue, places)) say(text);
    for (const text of checkConsumers(queue)) say(text);
    for (const place of [READY, IN_FLIGHT, DELAYED, DEAD] as const) sums.places[place] += queue.tally.places[place];
    for (const bytes of queue.tally.bytes) sums.bytes += bytes;
    if (queue.gone || queue.name !== name) say('it is listed but gone, or under another name');
    if (queue.due !== queue.nextDeadline()) say(`it is due at ${queue.nextDeadline()}, not at ${queue.due}`);
    if (queue.slot >= 0 !== Number.isFinite(queue.due)) say('it waits for no time, or for one and is not told');
    if (queue.room !== rooms.find(name)) say('it has another room than its name');
  }
  for (const message of shared.messages.values())
    if (!places.has(message) && !message.queue.gone && message.queue.find(message.id) !== undefined)
      broken.push(`message ${message.id} is nowhere`);
  for (const message of places.keys())
    if (shared.messages.get(message.id) !== message) broken.push(`message ${message.id} cannot be found by its id`);
  if (sums.bytes !== shared.totals.bytes || sums.places.some((n, place) => n !== shared.totals.places[place]))
    broken.push(
      `the totals are ${shared.totals.places} and ${shared.totals.bytes} bytes, not ${sums.places} and ${sums.bytes}`,
    );
  let parties = 0;
  for (const room of rooms.values()) {
    parties += room.parties.size;
    broken.push(...checkRoom(room, queues.get(room.name)).map((text) => `room '${room.name}': ${text}`));
  }
  if (parties !== rooms.parties) broken.push(`${parties} parties wait, not ${rooms.parties}`);
  return broken;
}

/** Each message in one place, and the tally right. */
function checkPlaces(queue: Queue, places: Map<Message, number>): string[] {
  const broken = [...queue.ready.check(), ...queue.schedule.check(), ...queue.dead.check()];
  const counts = [0, 0, 0, 0];
  const bytes = [0, 0, 0, 0];
  const meet = (message: Message, place: number): void => {
    if (places.has(message)) broken.push(`${message.id} is in two places`);
    places.set(message, place);
    if (message.state !== place) broken.push(`${message.id} is in place ${place} and believes in ${message.state}`);
    if (message.queue !== queue) broken.push(`${message.id} belongs to another queue`);
    counts[place] = (counts[place] ?? 0) + 1;
    bytes[place] = (bytes[place] ?? 0) + message.payload.byteLength;
  };
  for (const message of queue.ready.values()) {
    meet(message, READY);
    if (message.lease !== undefined || message.letter !== undefined) broken.push(`${message.id} is ready and more`);
  }
  for (const lease of queue.schedule.values()) {
    meet(lease.message, lease.consumer === undefined ? DELAYED : IN_FLIGHT);
    if (lease.message.lease !== lease) broken.push(`${lease.message.id} has another lease`);
  }
  for (const message of queue.dead.after(0, Number.POSITIVE_INFINITY)) {
    meet(message, DEAD);
    if (message.lease !== undefined) broken.push(`${message.id} is dead and leased`);
  }
  if (counts.some((n, place) => n !== queue.tally.places[place]))
    broken.push(`it counts ${queue.tally.places}, not ${counts}`);
  if (bytes.some((n, place) => n !== queue.tally.bytes[place]))
    broken.push(`it counts bytes ${queue.tally.bytes}, not ${bytes}`);
  return broken;
}

/** The counters per consumer, and who is parked. */
function checkConsumers(queue: Queue): string[] {
  const broken: string[] = [];
  const held = new Map<Consumer, number>();
  for (const { consumer } of queue.schedule.values())
    if (consumer !== undefined) held.set(consumer, (held.get(consumer) ?? 0) + 1);
  const known = new Set(queue.consumers.values());
  for (const consumer of held.keys())
    if (!known.has(consumer)) broken.push(`consumer '${consumer.id}' holds messages and is unknown`);
  const lined = new Map<string, number>();
  for (const party of queue.room?.line.values() ?? []) lined.set(party.consumer, (lined.get(party.consumer) ?? 0) + 1);
  for (const consumer of known) {
    const parked = consumer.parked?.size ?? 0;
    if (consumer.held !== (held.get(consumer) ?? 0)) broken.push(`consumer '${consumer.id}' miscounts what it holds`);
    if (consumer.held === 0 && parked === 0) broken.push(`consumer '${consumer.id}' is remembered for nothing`);
    if (queue.config.prefetch > 0 && consumer.held > queue.config.prefetch)
      broken.push(`consumer '${consumer.id}' holds more than it may`);
    if (parked === 0) continue;
    const inLine = lined.get(consumer.id) ?? 0;
    if (inLine < Math.min(queue.config.prefetch - consumer.held, inLine + parked))
      broken.push(`consumer '${consumer.id}' has free places and nobody in line for them`);
  }
  if (queue.consumers.active !== held.size)
    broken.push(`${held.size} consumers hold messages, not ${queue.consumers.active}`);
  const idle = (party: Party): boolean => !queue.consumers.full(party.consumer);
  if (
    queue.ready.size > 0 &&
    queue.tally.places[IN_FLIGHT] < LIMITS.inFlight &&
    [...(queue.room?.line.values() ?? [])].some(idle)
  )
    broken.push('messages are ready and somebody who may take them waits');
  return broken;
}

/** Each party in one heap at most, and out of both only for a reason. */
function checkRoom(room: Room, queue: Queue | undefined): string[] {
  const broken = room.line.check();
  const lined = new Set(room.line.values());
  if (room.queue !== queue) broken.push('it belongs to another queue');
  if (room.parties.size === 0) broken.push('nobody is in it');
  for (const party of lined) if (!room.parties.has(party)) broken.push('somebody in line is not in it');
  for (const party of room.parties) {
    const parked = party.parkedAt !== undefined;
    if (lined.has(party) && parked) broken.push(`'${party.consumer}' is in line and parked`);
    const willing = !(party instanceof Standing) || party.willing;
    if (willing !== (lined.has(party) || parked))
      broken.push(`'${party.consumer}' is willing and kept out, or not and kept in`);
    if (party instanceof Standing)
      for (const lease of party.leases.values())
        if (lease.owner !== party || lease.message.lease !== lease)
          broken.push(`'${party.consumer}' chains a strange lease`);
  }
  return broken;
}
