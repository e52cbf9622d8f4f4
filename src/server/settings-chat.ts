/**
 * Settings of chat, under the names of ProgressDB and of its later documents (progressdb.md 6.3, 6.4, R1).
 */
import * as z from 'zod';
import { AddressList } from '../chat/cidr.ts';
import { readCron } from '../chat/cron.ts';
import { readEncryptedField } from '../chat/keyring.ts';
import { readPath } from '../chat/paths.ts';
import { readPeriod } from '../chat/period.ts';
import { readHexKey } from '../chat/sealing.ts';
import { LIMITS } from '../core/limits.ts';
import { encryptedPaths } from './settings-foreign.ts';
import {
  boolean,
  choice,
  decimal,
  integer,
  type Kind,
  setting,
  structure,
  text,
  type Values,
} from './settings-kinds.ts';

/** A list of texts; a variable may also give them between commas. */
function list(allowed: string, test: (value: string) => boolean = () => true): Kind<readonly string[]> {
  const kind = structure(z.array(z.string().refine(test, `must be ${allowed}`)).readonly(), `a list: ${allowed}`);
  const commas = (value: string): string[] =>
    value
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== '');
  return { ...kind, read: (value) => (/^\s*\[/.test(value) ? kind.read(value) : commas(value)) };
}

const Place = z.string().refine((path) => readPath(path) !== undefined, 'must be a path such as body.text');
const Rules = z.strictObject({
  required: z.array(Place).default([]),
  types: z
    .array(z.strictObject({ path: Place, type: z.enum(['string', 'number', 'boolean', 'object', 'array']) }))
    .default([]),
  max_len: z.array(z.strictObject({ path: Place, max: z.int().min(0) })).default([]),
  enums: z.array(z.strictObject({ path: Place, values: z.array(z.string()) })).default([]),
  when_then: z
    .array(
      z.strictObject({
        when: z.strictObject({ path: Place, equals: z.union([z.string(), z.number(), z.boolean(), z.null()]) }),
        // biome-ignore lint/suspicious/noThenProperty: the word of the reference
        then: z.strictObject({ required: z.array(Place) }),
      }),
    )
    .default([]),
});

/** Rules as the file writes them. */
export type WrittenRules = z.output<typeof Rules>;

const given = (value: string): string | undefined => (value === '' ? undefined : value);
/** The variables of the reference that mean this setting. */
const foreign = (...names: string[]): { foreign: Record<string, typeof given> } => ({
  foreign: Object.fromEntries(names.map((name) => [`PROGRESSDB_${name}`, given])),
});
const keys = list('a key without blanks at its ends', (key) => key !== '' && key.trim() === key);
const rate = decimal(-1e9, 1e9, 'a number up to 1000000000');
const period = text('a length of time such as 30d or 12h', (value) => readPeriod(value) !== undefined);

/** The rows. */
export const chatRows = {
  'security.api_keys.backend': setting(keys, {
    default: [],
    about: 'API keys of backends: they act for any user and sign users.',
    secret: true,
    also: ['server.api_keys.backend'],
    ...foreign('API_BACKEND_KEYS'),
    example: '[sk_change_me]',
  }),
  'security.api_keys.frontend': setting(keys, {
    default: [],
    about: 'API keys of frontends: they reach threads and messages of the user who signed.',
    secret: true,
    also: ['server.api_keys.frontend'],
    ...foreign('API_FRONTEND_KEYS'),
    example: '[pk_change_me]',
  }),
  'security.api_keys.admin': setting(keys, {
    default: [],
    about: 'API keys of admins: they reach /admin. A key in several classes may do what each may.',
    secret: true,
    also: ['server.api_keys.admin'],
    ...foreign('API_ADMIN_KEYS'),
    example: '[sk_admin_change_me]',
  }),
  'security.api_keys.signing': setting(keys, {
    default: [],
    about:
      'Secrets that sign users; the first one signs, all are accepted. Empty: backend keys do, as in the reference.',
    secret: true,
    also: ['server.api_keys.signing'],
    ...foreign('API_SIGNING_KEYS'),
    example: '[a_long_random_text]',
  }),
  'security.keyless_signed': setting(boolean, {
    default: true,
    about: 'Let signed users reach threads and messages without an API key.',
    also: ['security.api_keys.allow_unauth'],
    ...foreign('ALLOW_UNAUTH'),
  }),
  'security.dated_signatures': setting(boolean, {
    default: false,
    about: 'Make and accept only signatures that end (v2); the plain ones of the reference never do.',
  }),
  'security.signature_period': setting(period, {
    default: '24h',
    about: 'How long a dated signature is good.',
  }),
  'security.cors.allowed_origins': setting(list('an origin, or *'), {
    default: [],
    about: 'Origins whose pages may call the chat; * for all.',
    also: ['server.cors.allowed_origins'],
    ...foreign('CORS_ORIGINS'),
  }),
  'security.ip_whitelist': setting(
    list('an address or a network such as 10.0.0.0/8', (entry) => typeof AddressList.read([entry]) !== 'string'),
    {
      default: [],
      about: 'Addresses and networks that may call the chat; empty for all.',
      also: ['server.ip_whitelist'],
      ...foreign('IP_WHITELIST'),
    },
  ),
  'security.rate_limit.rps': setting(rate, {
    default: 100,
    about: 'Chat requests a second of one API key, or of one address without a key; 0 and less for the default.',
    also: ['server.rate_limit.rps'],
    ...foreign('RATE_RPS'),
  }),
  'security.rate_limit.burst': setting(integer(-1_000_000_000, 1_000_000_000), {
    default: 100,
    about: 'Chat requests that may come at once; 0 and less for the default.',
    also: ['server.rate_limit.burst'],
    ...foreign('RATE_BURST'),
  }),
  'security.encryption.use': setting(boolean, {
    default: false,
    about: 'Encrypt messages of new threads on disk.',
    also: ['encryption.enabled'],
    // a key of the first generation switches it on
    reshaped: { 'security.encryption_key': (key) => (key === '' ? undefined : true) },
    foreign: {
      ...foreign('USE_ENCRYPTION', 'ENCRYPTION_ENABLED').foreign,
      PROGRESSDB_ENCRYPTION_KEY: (key) => (key === '' ? undefined : 'true'),
    },
  }),
  'security.encryption.fields': setting(
    list('a path that begins with body', (path) => readEncryptedField(path) !== undefined),
    {
      default: [],
      about: 'Parts of message bodies that are encrypted; empty for the whole.',
      also: ['encryption.fields'],
      reshaped: { 'security.fields': encryptedPaths },
      ...foreign('ENCRYPTION_FIELDS', 'ENCRYPT_FIELDS'),
    },
  ),
  'security.kms.master_key_hex': setting(
    text('64 hexadecimal digits', (key) => key === '' || readHexKey(key) !== undefined),
    {
      default: '',
      about: 'Master key that wraps the data keys of threads.',
      secret: true,
      also: ['encryption.kms.master_key_hex', 'security.encryption_key'],
      ...foreign('KMS_MASTER_KEY_HEX', 'ENCRYPTION_KEY'),
      example: '"64 hexadecimal digits"',
    },
  ),
  'security.kms.master_key_file': setting(text('the path of a file'), {
    default: '',
    about: 'File that holds the master key, when security.kms.master_key_hex does not.',
    also: ['encryption.kms.master_key_file'],
    ...foreign('KMS_MASTER_KEY_FILE'),
  }),
  'security.kms.mode': setting(choice(['embedded', 'external']), {
    default: 'embedded',
    about: 'Who wraps data keys; encryption needs embedded, as no external service is asked.',
    also: ['encryption.kms.mode'],
    ...foreign('KMS_MODE'),
  }),
  'retention.enabled': setting(boolean, {
    default: false,
    about: 'Remove deleted threads and messages for good after a while.',
    ...foreign('RETENTION_ENABLED'),
  }),
  'retention.cron': setting(
    text('a cron expression of 5 or 6 fields', (cron) => readCron(cron) !== undefined),
    { default: '0 2 * * *', about: 'When that happens, in UTC.', ...foreign('RETENTION_CRON') },
  ),
  'retention.period': setting(period, {
    default: '30d',
    about: 'How long deleted things stay.',
    also: ['retention.tttl'],
    reshaped: {
      'retention.days': (days) => (typeof days === 'number' || typeof days === 'string' ? `${days}d` : days),
    },
    ...foreign('RETENTION_PERIOD'),
  }),
  'retention.message_period': setting(
    text('a length of time such as 30d or 12h, or nothing', (value) => value === '' || readPeriod(value) !== undefined),
    {
      default: '',
      about: 'How long deleted messages of threads that are not deleted stay, when it is not retention.period.',
      also: ['retention.mttl'],
    },
  ),
  'retention.min_period': setting(period, {
    default: '1h',
    about: 'The shortest period with which the server starts.',
    ...foreign('RETENTION_MIN_PERIOD'),
  }),
  'retention.dry_run': setting(boolean, {
    default: false,
    about: 'Only tell what would be removed.',
    ...foreign('RETENTION_DRY_RUN'),
  }),
  'retention.paused': setting(boolean, { default: false, about: 'Begin no run for the time being.' }),
  'retention.batch_size': setting(integer(1, 1_000_000), {
    default: LIMITS.chatSlice,
    about: `Records removed at a time; more than ${LIMITS.chatSlice} is taken as that.`,
    ...foreign('RETENTION_BATCH_SIZE'),
  }),
  'retention.batch_sleep_ms': setting(integer(0, 3_600_000), {
    default: 0,
    about: 'Pause between two batches.',
    unit: 'ms',
    ...foreign('RETENTION_BATCH_SLEEP_MS'),
  }),
  validation: setting(structure(Rules, 'rules: required, types, max_len, enums, when_then'), {
    default: { required: [], types: [], max_len: [], enums: [], when_then: [] },
    about: 'Rules that messages must obey.',
    example: '{ required: [body.text], max_len: [{ path: body.text, max: 10000 }] }',
  }),
  'chat.auto_create': setting(boolean, {
    default: true,
    about: 'Make the thread when a message comes for an id that is not taken.',
  }),
  'chat.open_posting': setting(boolean, {
    default: false,
    about: 'Let signed users write into threads of others.',
  }),
  'chat.testing': setting(boolean, {
    default: false,
    about: 'Serve POST /admin/test/retention-run.',
    ...foreign('TESTING'),
  }),
};

type ChatSettings = Values<typeof chatRows>;

/** The master key, from its file if that is where it is. Throws what `readFile` throws. */
export function masterKey(settings: ChatSettings, readFile: (path: string) => string): string {
  const { 'security.kms.master_key_hex': key, 'security.kms.master_key_file': file } = settings;
  if (key !== '' || file === '') return key;
  const read = readFile(file).trim();
  if (readHexKey(read) === undefined) throw new Error('it must hold 64 hexadecimal digits');
  return read;
}

/** What does not fit together, one line each. */
export function chatProblems(settings: ChatSettings): string[] {
  const problems: string[] = [];
  if (settings['security.encryption.use'] && settings['security.kms.master_key_hex'] === '')
    problems.push('security.encryption.use needs security.kms.master_key_hex');
  if (settings['security.encryption.use'] && settings['security.kms.mode'] === 'external')
    problems.push(
      'security.kms.mode external is not served: data keys are wrapped here, under security.kms.master_key_hex',
    );
  const least = settings['retention.min_period'];
  for (const name of ['retention.period', 'retention.message_period'] as const) {
    const kept = settings[name];
    if (kept !== '' && (readPeriod(kept) ?? 0) < (readPeriod(least) ?? 0))
      problems.push(`${name} ${kept} is shorter than retention.min_period ${least}`);
  }
  return problems;
}
