/**
 * Commands of those who run the chat: numbers, storage keys, encryption, retention (progressdb.md 3.9).
 */
import * as z from 'zod';
import type { KeyOutcomes, ThreadChoice } from '../chat/key-admin.ts';
import {
  actorOf,
  Limit,
  MessageShape,
  messageShape,
  ThreadId,
  ThreadShape,
  threadShape,
  walked,
} from './chat-shapes.ts';
import type { Context } from './context.ts';
import { command } from './define.ts';
import { Switch } from './schemas.ts';

const admin = {
  since: '0.1.0',
  access: 'admin',
  resource: () => 'admin:chat',
} as const;

/** Every row asks first; the chat face lets in admins only. */
const engineOf = (context: Context): Context['chat'] => {
  actorOf(context, undefined);
  return context.chat;
};

export const chatStats = command({
  ...admin,
  name: 'chat.stats',
  id: 520,
  summary: 'How much there is.',
  effect: 'read',
  input: z.object({}),
  output: z.object({
    threads: z.int(),
    messages: z.int(),
    versions: z.int(),
    deleted_threads: z.int(),
    deleted_messages: z.int(),
  }),
  errors: [],
  example: {
    input: {},
    output: { threads: 0, messages: 0, versions: 0, deleted_threads: 0, deleted_messages: 0 },
  },
  run(context) {
    const stats = engineOf(context).stats();
    return {
      threads: stats.threads,
      messages: stats.messages,
      versions: stats.versions,
      deleted_threads: stats.deletedThreads,
      deleted_messages: stats.deletedMessages,
    };
  },
});

export const chatKeys = command({
  ...admin,
  name: 'chat.keys',
  id: 522,
  summary: 'The storage keys of the reference with a prefix, in order.',
  effect: 'read',
  input: z.object({ prefix: z.string().default(''), after: z.string().nullish(), limit: Limit }),
  output: z.object({ keys: z.array(z.string()), more: z.boolean() }),
  errors: [],
  example: { input: { prefix: 'thread:' }, output: { keys: [], more: false } },
  run(context, p) {
    const { keys, more } = engineOf(context).keys(p.prefix, p.after ?? '', p.limit ?? undefined);
    return { keys, more };
  },
});

export const chatKeyValue = command({
  ...admin,
  name: 'chat.key_value',
  id: 523,
  summary: 'What stands under a storage key of the reference.',
  effect: 'read',
  input: z.object({ key: z.string() }),
  output: z.union([ThreadShape, MessageShape]),
  errors: ['CHAT_KEY_NOT_FOUND'],
  example: {
    before: [{ command: 'chat.create_thread', input: { author: 'ana', title: 'Trip' }, save: { t: 'id', s: 'slug' } }],
    input: { key: 'thread:{{t}}:meta' },
    output: { id: '{{t}}', title: 'Trip', author: 'ana', slug: '{{s}}', created_ts: 2e18, updated_ts: 2e18 },
  },
  run(context, p) {
    const value = engineOf(context).keyValue(p.key);
    return 'thread' in value ? threadShape(value.thread) : messageShape(value.message);
  },
});

export const chatGenerateKey = command({
  ...admin,
  name: 'chat.generate_key',
  id: 524,
  summary: 'A fresh master key in hexadecimal; it is not taken into use.',
  effect: 'write',
  input: z.object({}),
  output: z.object({ kek_hex: z.string() }),
  errors: [],
  example: { input: {}, output: { kek_hex: '{{key}}' } },
  run: (context) => ({ kek_hex: engineOf(context).generateMasterKey(context.now) }),
});

export const chatRotateKey = command({
  ...admin,
  name: 'chat.rotate_key',
  id: 525,
  summary: 'Give a thread a new data key and bring everything under it.',
  effect: 'write',
  input: z.object({ thread: ThreadId }),
  output: z.object({ new_key: z.string(), status: z.literal('ok') }),
  errors: ['CHAT_NO_KMS', 'CHAT_THREAD_NOT_FOUND'],
  example: {
    before: [{ command: 'chat.create_thread', input: { author: 'ana' }, save: { t: 'id' } }],
    input: { thread: '{{t}}' },
    output: { new_key: '{{key}}', status: 'ok' },
  },
  run: (context, p) =>
    walked(context, engineOf(context).rotateThreadKey(p.thread, context.now), ({ newKey }) => ({
      new_key: newKey,
      status: 'ok' as const,
    })),
});

const Choice = {
  thread_ids: z.array(z.string()).nullish(),
  all: Switch.meta({ description: 'Every thread, whatever `thread_ids` says.' }),
};
const Outcomes = z.object({
  outcomes: z.array(
    z.object({
      id: z.string().meta({ description: 'Key or thread.' }),
      status: z.enum(['ok', 'error']),
      key_id: z.string().optional(),
      kek_id: z.string().optional(),
      error: z.string().optional(),
    }),
  ),
  done: z.int().meta({ description: 'How many there were; of very many only the first are listed.' }),
});

const choice = (p: { thread_ids?: readonly string[] | null | undefined; all?: boolean | undefined }): ThreadChoice =>
  p.all === true ? { all: true } : { ids: p.thread_ids ?? [] };

function outcomes({ outcomes: found, done }: KeyOutcomes): z.input<typeof Outcomes> {
  return {
    outcomes: [...found].map(([id, { status, keyId, kekId, error }]) => ({
      id,
      status,
      key_id: keyId,
      kek_id: kekId,
      error,
    })),
    done,
  };
}

export const chatRewrapKeys = command({
  ...admin,
  name: 'chat.rewrap_keys',
  id: 526,
  summary: 'Wrap the data keys of threads under a new master key, which is the current one from then on.',
  effect: 'write',
  input: z.object({ ...Choice, new_kek_hex: z.string() }),
  output: Outcomes,
  errors: ['CHAT_NO_THREADS', 'CHAT_NO_THREAD_KEYS', 'CHAT_BAD_KEK', 'CHAT_INVALID'],
  example: {
    before: [
      { command: 'chat.create_thread', input: { author: 'ana' }, save: { t: 'id' } },
      { command: 'chat.rotate_key', input: { thread: '{{t}}' }, save: { k: 'new_key' } },
    ],
    input: { thread_ids: ['{{t}}'], all: false, new_kek_hex: '0f'.repeat(32) },
    output: { outcomes: [{ id: '{{k}}', status: 'ok', kek_id: '{{kek}}' }], done: 1 },
  },
  run: (context, p) => walked(context, engineOf(context).rewrapKeys(choice(p), p.new_kek_hex, context.now), outcomes),
});

export const chatEncryptExisting = command({
  ...admin,
  name: 'chat.encrypt_existing',
  id: 527,
  summary: 'Encrypt what threads hold in clear.',
  effect: 'write',
  input: z.object(Choice),
  output: Outcomes,
  errors: ['CHAT_NO_THREADS', 'CHAT_INVALID'],
  example: {
    input: { thread_ids: ['none'], all: false },
    output: { outcomes: [{ id: 'none', status: 'error', error: 'thread not found' }], done: 1 },
  },
  run: (context, p) => walked(context, engineOf(context).encryptExisting(choice(p), context.now), outcomes),
});

export const chatRunRetention = command({
  ...admin,
  name: 'chat.run_retention',
  id: 528,
  summary: 'Remove for good what was deleted long enough ago, now.',
  effect: 'write',
  input: z.object({}),
  output: z.object({ status: z.literal('ok') }),
  errors: [],
  example: { input: {}, output: { status: 'ok' } },
  run: (context) => walked(context, engineOf(context).runRetention(context.now), () => ({ status: 'ok' as const })),
});
