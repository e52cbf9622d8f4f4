/** What compiles and what does not. The compiler is the test; what runs here is only that the methods are there. */
import { expect, it } from 'vitest';
import type * as z from 'zod';
import type * as auth from '../../../../src/commands/auth.ts';
import type * as authUsers from '../../../../src/commands/auth-users.ts';
import type * as chatAdmin from '../../../../src/commands/chat-admin.ts';
import type { chatListen } from '../../../../src/commands/chat-listen.ts';
import type * as chatMessages from '../../../../src/commands/chat-messages.ts';
import type * as chatThreads from '../../../../src/commands/chat-threads.ts';
import type * as group from '../../../../src/commands/group.ts';
import type * as kv from '../../../../src/commands/kv.ts';
import type * as kvKeys from '../../../../src/commands/kv-keys.ts';
import type { kvWatch, pubsubListen, queueListen, streamListen } from '../../../../src/commands/live.ts';
import type * as pubsub from '../../../../src/commands/pubsub.ts';
import type * as queue from '../../../../src/commands/queue.ts';
import type * as queueDead from '../../../../src/commands/queue-dead.ts';
import type * as server from '../../../../src/commands/server.ts';
import type * as stream from '../../../../src/commands/stream.ts';
import type * as topic from '../../../../src/commands/topic.ts';
import type { topicListen } from '../../../../src/commands/topic-listen.ts';
import { type Commands, type Integer, type Pushes, Synapd } from '../src/index.ts';

type Families = typeof auth &
  typeof authUsers &
  typeof chatAdmin &
  typeof chatMessages &
  typeof chatThreads &
  typeof group &
  typeof kv &
  typeof kvKeys &
  typeof pubsub &
  typeof queue &
  typeof queueDead &
  typeof server &
  typeof stream &
  typeof topic;
type Live =
  | typeof chatListen
  | typeof kvWatch
  | typeof pubsubListen
  | typeof queueListen
  | typeof streamListen
  | typeof topicListen;
type Rows = Families[keyof Families] | Live;
type Row<N> = Extract<Rows, { readonly name: N }>;

/** Whether it may be changed is no matter of input. */
type Fixed<T> = T extends readonly unknown[] | object ? { readonly [K in keyof T]: Fixed<T[K]> } : T;

/** Mutual assignability. */
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;
type Inputs = { [N in keyof Commands]: Commands[N]['input'] } & { [N in keyof Pushes]: Pushes[N]['input'] };

/** Names of rows whose input the client does not take, or of which it takes more. */
type Wrong = {
  [N in keyof Inputs]: Row<N> extends { readonly input: infer I extends z.ZodObject }
    ? Same<Fixed<z.input<I>>, Fixed<Inputs[N]>> extends true
      ? never
      : N
    : N;
}[keyof Inputs];

const none: Same<Wrong, never> extends true ? true : Wrong = true;

it('the input of every method is that of its row', () => {
  expect(none).toBe(true);
});

/** Never called: it must compile, but for the lines that must not. */
export async function compiled(client: Synapd): Promise<void> {
  const text: string | null = await client.kv.get({ key: 'a' });
  const bytes: Uint8Array | null = await client.kv.get({ key: 'a', type: 'bytes' });
  const { value }: { value: Integer } = await client.kv.incr({ key: 'a' });
  const { queues }: { queues: string[] } = await client.queue.list();
  const signal = AbortSignal.timeout(1);
  const { deleted }: { deleted: boolean } = await client.kv.del({ key: 'a' }, { signal, timeout: 1, retries: 0 });
  const generic: Commands['queue.stats']['output'] = await client.call('queue.stats', { queue: 'jobs' });
  for await (const event of client.stream.listen({ room: 'r' }, { signal })) {
    const offset: number = event.offset;
    return Promise.reject(offset);
  }
  for await (const { payload } of client.kv.watch({ keys: ['a'] })) {
    const key: string = payload.key;
    return Promise.reject(key);
  }

  // @ts-expect-error a member is missing
  await client.kv.get({});
  // @ts-expect-error a member has the wrong type
  await client.kv.get({ key: 7 });
  // @ts-expect-error a member is misspelled
  await client.kv.set({ key: 'a', value: 1, tttl: 3 });
  // @ts-expect-error the value is missing
  await client.kv.set({ key: 'a' });
  // @ts-expect-error there is no such choice
  await client.kv.set({ key: 'a', value: 1, expiry: { type: 'weeks', value: 1 } });
  // @ts-expect-error nothing is taken
  await client.queue.list({ queue: 'jobs' });
  // @ts-expect-error there is no such command
  await client.call('kv.got', { key: 'a' });
  // @ts-expect-error the input of another command
  await client.call('queue.stats', { key: 'a' });
  // @ts-expect-error there is no such method
  await client.kv.got({ key: 'a' });
  // @ts-expect-error text may be absent
  const certain: string = await client.kv.get({ key: 'a' });
  // @ts-expect-error topics are missing
  client.pubsub.listen({});
  // @ts-expect-error no such option
  new Synapd('http://localhost', { apikey: 'a' });
  await Promise.reject([text, bytes, value, queues, deleted, generic, certain]);
}
