/**
 * `npx tsx bench/messaging.ts`: queues, streams, topics and pub/sub of the built server over HTTP, each operation on a server
 * that holds 100 messages, leases, patterns or events and on one that holds 1,000,000 (issue 4: flat within 20 %), and
 * against the floor.
 *
 * What counts is the server's CPU per request in rounds that take turns; an operation's ratio is the median of those of
 * neighbours. ROUNDS, SECONDS, MANY and KINDS (a part of the names) choose less. The engines alone: bench/micro/messaging.ts.
 */
import {
  ask,
  best,
  CONNECTIONS,
  type Left,
  medianRatio,
  pad,
  pour,
  type Round,
  round,
  type Step,
} from './support/load.ts';
import { Subject } from './support/subject.ts';

const ROUNDS = Number(process.env['ROUNDS'] ?? 9);
const SECONDS = Number(process.env['SECONDS'] ?? 0.5);
const FEW = 100;
const MANY = Number(process.env['MANY'] ?? 1_000_000);
const KINDS = process.env['KINDS'] ?? '';
/** The most that an operation may cost beside many, as a part of what it costs beside few. */
const FLAT = 1.2;
const BATCH = 1_000;
const PAGE = 100;

const random = (below: number): number => Math.floor(Math.random() * below);
const post = (path: string, body: unknown) => ({ method: 'POST', path, body: JSON.stringify(body) }) as const;
const get = (path: string) => ({ method: 'GET', path }) as const;
/** In batches of at most `size`. */
const batches = (count: number, size: number): number[] =>
  Array.from({ length: Math.ceil(count / size) }, (_, i) => Math.min(size, count - i * size));

interface Load {
  readonly name: string;
  /** Requests of one operation. */
  steps(subject: Subject, size: number): Promise<Step[]> | Step[];
}

interface Kind {
  readonly what: string;
  /** Fills a server. */
  fill(subject: Subject, size: number): Promise<void>;
  readonly loads: readonly Load[];
}

const payload = [...Buffer.from('sixteen bytes...')];

async function fillQueue(subject: Subject, size: number): Promise<void> {
  await ask(subject, post('/queue/jobs', { max_depth: 2 * MANY, ack_deadline_secs: 100_000 }));
  for (const count of batches(size, BATCH))
    await ask(subject, post('/queue/jobs/publish-batch', { messages: new Array(count).fill({ payload }) }));
}

const cycle: Load = {
  name: 'publish, consume, ack',
  steps: () => [
    { request: () => post('/queue/jobs/publish', { payload }) },
    {
      request: () => get('/queue/jobs/consume/me'),
      answered: (body, left) => Object.assign(left, JSON.parse(body)),
    },
    { request: (left: Left) => post('/queue/jobs/ack', { message_id: left['message_id'] ?? '' }) },
  ],
};

const kinds: Kind[] = [
  { what: 'ready messages', fill: fillQueue, loads: [cycle] },
  {
    what: 'leases',
    async fill(subject, size) {
      await fillQueue(subject, size);
      for (const max of batches(size, BATCH))
        await ask(subject, post('/queue/jobs/consume-batch', { consumer_id: 'holder', max }));
    },
    loads: [cycle],
  },
  {
    what: 'patterns',
    async fill(subject, size) {
      let at = 0;
      for (const count of batches(size, BATCH)) {
        const topics = Array.from({ length: count }, (_, i) => `room.${at + i}.*`);
        await ask(subject, post('/pubsub/subscribe', { topics, subscriber_id: `s${at}` }));
        at += count;
      }
    },
    loads: [
      {
        // the last level is new each time, so that no server remembers the answer; one pattern of each matches
        name: 'publish to a new topic',
        steps: (_, size) => [
          {
            request: () => post(`/pubsub/room.${random(size)}.${random(1e9)}/publish`, { payload: 'hello' }),
          },
        ],
      },
      {
        name: 'publish to one of 100 topics',
        steps: () => [{ request: () => post(`/pubsub/room.${random(FEW)}.a/publish`, { payload: 'hello' }) }],
      },
    ],
  },
  {
    what: 'stream events',
    async fill(subject, size) {
      await ask(subject, { method: 'POST', path: `/stream/room?max_events=${size}` });
      await pour(subject, append, size);
    },
    loads: [
      { name: 'append, the oldest goes', steps: () => [{ request: () => append }] },
      {
        name: `read the last ${PAGE}`,
        async steps(subject) {
          const { max_offset } = (await ask(subject, get('/stream/room/stats'))) as Record<string, number>;
          const from_offset = Number(max_offset) + 1 - PAGE;
          return [{ request: () => get(`/stream/room/consume/me?from_offset=${from_offset}&limit=${PAGE}`) }];
        },
      },
      {
        name: `read ${PAGE} anywhere`,
        async steps(subject, size) {
          const stats = (await ask(subject, get('/stream/room/stats'))) as Record<string, number>;
          if ((stats['message_count'] ?? 0) < size) throw new Error(`the room holds ${stats['message_count']} only`);
          const first = stats['min_offset'] ?? 0;
          const places = (stats['message_count'] ?? 0) - PAGE + 1;
          return [
            { request: () => get(`/stream/room/consume/me?from_offset=${first + random(places)}&limit=${PAGE}`) },
          ];
        },
      },
    ],
  },
  {
    what: 'topic events',
    async fill(subject, size) {
      const retention_policy = { type: 'Messages', max_messages: size };
      await ask(subject, post('/topics/orders', { num_partitions: 1, retention_policy }));
      await pour(subject, publish, size);
    },
    loads: [
      { name: 'publish, the oldest goes', steps: () => [{ request: () => publish }] },
      {
        name: `consume ${PAGE} anywhere`,
        async steps(subject, size) {
          const stats = (await ask(subject, get('/topics/orders/stats'))) as { partitions: Record<string, number>[] };
          const { min_offset: first = 0, message_count: count = 0 } = stats.partitions[0] ?? {};
          if (count < size) throw new Error(`the partition holds ${count} only`);
          return [
            {
              request: () =>
                post('/topics/orders/partitions/0/consume', {
                  from_offset: first + random(count - PAGE + 1),
                  limit: PAGE,
                }),
            },
          ];
        },
      },
    ],
  },
];
const append = post('/stream/room/publish', { event: 'said', data: 'hello' });
const publish = post('/topics/orders/publish', { event_type: 'said', data: 'hello', key: 'k' });

let missed = 0;
console.log(
  `${ROUNDS} rounds of ${SECONDS} s, ${CONNECTIONS} connections, one request in flight each, Node ${process.version}`,
);
console.log(
  `${pad('', 48)}${pad('req/s', 9)}${pad(`CPU us, ${FEW}`, 13)}${pad(MANY, 9)}${pad('ratio', 7)}${pad('bar', 5)}${pad('', 8)}${pad('floor us', 10)}${pad('over it', 9)}`,
);
const floor = await Subject.start('floor', ['--import', 'tsx', 'bench/support/floor.ts']);
try {
  for (const { what, fill, loads } of kinds) {
    if (!what.includes(KINDS)) continue;
    // servers of their own for each kind, so that nothing but its own number is in their memory
    const args = ['dist/main.js', '--memory', '--port', '0'];
    const [small, large] = [await Subject.start('small', args), await Subject.start('large', args)];
    try {
      await fill(small, FEW);
      await fill(large, MANY);
      for (const { name, steps } of loads) {
        const [few, many] = [await steps(small, FEW), await steps(large, MANY)];
        const rounds: Record<'small' | 'large' | 'floor', Round[]> = { small: [], large: [], floor: [] };
        await round(small, name, SECONDS, few);
        await round(large, name, SECONDS, many);
        for (let i = 0; i < ROUNDS; i++) {
          rounds.small.push(await round(small, name, SECONDS, few));
          rounds.large.push(await round(large, name, SECONDS, many));
          rounds.floor.push(await round(floor, name, SECONDS, few));
        }
        const ratio = medianRatio(rounds.large, rounds.small);
        if (ratio > FLAT) missed++;
        const [us, beside, least] = [best(rounds.small), best(rounds.large), best(rounds.floor)];
        console.log(
          `${`${what}: ${name}`.padEnd(48)}${pad(Math.round(us.perSecond), 9)}${pad(us.cpuMicros.toFixed(2), 13)}` +
            `${pad(beside.cpuMicros.toFixed(2), 9)}${pad(ratio.toFixed(2), 7)}${pad(FLAT, 5)}${pad(ratio > FLAT ? 'missed' : 'kept', 8)}` +
            `${pad(least.cpuMicros.toFixed(2), 10)}${pad((us.cpuMicros / least.cpuMicros).toFixed(2), 9)}`,
        );
      }
    } finally {
      await Promise.all([small.stop(), large.stop()]);
    }
  }
} finally {
  await floor.stop();
}
console.log(missed === 0 ? 'every bar is kept' : `${missed} bars are missed`);
