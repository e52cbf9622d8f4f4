/**
 * How each kind of subscription begins and goes on: what to send, and from where on.
 *
 * Invariant: a room or partition goes on at the offset behind the last item that was taken, so that there is no gap and
 * no double; if that cannot be, it ends with an error.
 */

import { type Commands, type Integer, METHODS, type Pushes } from './commands.ts';
import type { Connection } from './connection.ts';
import { SynapdError } from './errors.ts';

/** What a subscription asks of its kind. */
export interface Plan {
  /** Can it go on where it was? Then it is stopped while its buffer is full. */
  readonly resumes: boolean;
  /** The server takes back what was not acknowledged when a connection ends, so what waits must be dropped. */
  readonly void?: boolean;
  /** The input to send. `again`: it was subscribed before. */
  input(connection: Connection, again: boolean): object | Promise<object>;
  /** The server's greeting. */
  began(hello: Readonly<Record<string, unknown>>): void;
  /** Whether this item is new. */
  took(item: Readonly<Record<string, unknown>>): boolean;
}

/** A name that no other has. */
export const someName = (kind: string): string =>
  `${kind}-${Date.now().toString(36)}-${Math.random().toString(36).slice(2, 10)}`;

type Inputs = { readonly [N in keyof Pushes]: Pushes[N]['input'] };

/** The plan of a push command. `timeout`: for what has to be asked first. */
export function planOf(name: keyof Pushes, given: object, buffer: number, timeout: number): Plan {
  switch (name) {
    case 'stream.listen':
      return room(given as Inputs['stream.listen'], timeout);
    case 'topic.listen':
      return partition(given as Inputs['topic.listen'], timeout);
    case 'chat.listen':
      return positioned(given, (given as Inputs['chat.listen']).after, 'after', 'seq', 0);
    case 'queue.listen': {
      const prefetch = Math.min(16, buffer);
      const { consumer_id = someName('consumer'), ...rest } = given as Partial<Inputs['queue.listen']>;
      const input = { prefetch, ...rest, consumer_id };
      return { resumes: false, void: true, input: () => input, began() {}, took: () => true };
    }
    default:
      return { resumes: false, input: () => given, began() {}, took: () => true };
  }
}

type Place = Integer | string | null | undefined;

/**
 * One that is told where to begin. `member`: of the input, with the place; `at`: of an item, with its own; `step`: from
 * an item's place to the one to begin at behind it.
 */
function positioned(given: object, from: Place, member: string, at: string, step: number): Plan & { place: Place } {
  return {
    resumes: true,
    place: from,
    input() {
      return { ...given, [member]: this.place };
    },
    began(hello) {
      const begins = hello[member];
      if (typeof this.place === 'string' && typeof begins === 'number') this.place = begins;
    },
    took(item) {
      const place = Number(item[at]);
      if (typeof this.place === 'number' && place < this.place + 1 - step) return false;
      this.place = place + step;
      return true;
    },
  };
}

/** A room may be made anew under its name, and a server that was killed may have lost its last events. */
function room(given: Inputs['stream.listen'], timeout: number): Plan {
  const named = { ...given, subscriber_id: given.subscriber_id ?? someName('subscriber') };
  const plan = positioned(named, given.from_offset ?? 0, 'from_offset', 'offset', 1);
  const { input } = plan;
  let known: Integer | undefined;
  plan.input = async (connection, again) => {
    const stats = await asked(connection, 'stream.stats', { room: given.room }, timeout);
    const { generation, message_count: count, min_offset: first, max_offset: last } = stats;
    known ??= generation;
    if (known !== generation) throw replaced(`Room '${given.room}'`);
    if (again && typeof plan.place === 'number') plan.place = Math.min(plan.place, count === 0 ? first : last + 1);
    return input.call(plan, connection, again);
  };
  return plan;
}

/** A topic does not tell whether it was made anew; that it holds less than was read is a sign. */
function partition(given: Inputs['topic.listen'], timeout: number): Plan {
  const plan = positioned(given, given.from_offset ?? 0, 'from_offset', 'offset', 1);
  const { input } = plan;
  plan.input = async (connection, again) => {
    if (again && typeof plan.place === 'number') {
      const { topic, partition_id } = given;
      const nothing = { topic, partition_id, from_offset: 'latest', limit: 0 } as const;
      const { next_offset: end } = await asked(connection, 'topic.consume', nothing, timeout);
      if (Number(end) < plan.place) throw replaced(`Topic '${topic}'`);
    }
    return input.call(plan, connection, again);
  };
  return plan;
}

const replaced = (what: string): SynapdError =>
  new SynapdError(
    'REPLACED',
    `${what} was made anew while it was followed, and counts from 0 again. Follow it from 0.`,
    {
      status: 400,
    },
  );

const asked = <N extends keyof Commands>(
  connection: Connection,
  name: N,
  payload: Commands[N]['input'],
  timeout: number,
): Promise<Commands[N]['output']> =>
  connection.call({ name, method: METHODS[name], payload, timeout, signal: undefined }) as Promise<
    Commands[N]['output']
  >;
