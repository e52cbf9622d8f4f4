/**
 * Every setting of the server, declared once (synap-operations.md 2.2 for the names that Synap has too).
 *
 * A part of the server that brings settings of its own adds its rows here, as one more group.
 */
import { LIMITS } from '../core/limits.ts';
import { ApiKeys, Users } from './settings-accounts.ts';
import { chatRows } from './settings-chat.ts';
import { addressHost, addressPort, bytesOf } from './settings-foreign.ts';
import { boolean, choice, host, integer, type Rows, setting, structure, text, type Values } from './settings-kinds.ts';

const U32 = 4_294_967_295;

const given = (value: string): string | undefined => (value === '' ? undefined : value);

const server = {
  'server.host': setting(host, {
    default: '127.0.0.1',
    about: 'Address to listen on; another one than loopback needs credentials, or the flag --insecure.',
    flag: 'host',
    also: ['server.address'],
    foreign: {
      PROGRESSDB_SERVER_ADDRESS: given,
      PROGRESSDB_ADDRESS: given,
      PROGRESSDB_SERVER_ADDR: addressHost,
      PROGRESSDB_ADDR: addressHost,
    },
  }),
  'server.port': setting(integer(0, 65_535), {
    default: 15_500,
    about: 'Port for HTTP and WebSocket; 0 takes any free one.',
    flag: 'port',
    foreign: {
      PROGRESSDB_SERVER_PORT: given,
      PROGRESSDB_PORT: given,
      PROGRESSDB_SERVER_ADDR: addressPort,
      PROGRESSDB_ADDR: addressPort,
    },
  }),
  'server.tls.cert_file': setting(text('the path of a file'), {
    default: '',
    about: 'Certificate chain in PEM; with server.tls.key_file the port speaks HTTPS and WSS only.',
    flag: 'tls-cert',
    foreign: { PROGRESSDB_TLS_CERT: given },
  }),
  'server.tls.key_file': setting(text('the path of a file'), {
    default: '',
    about: 'Private key of the certificate, in PEM and without a passphrase.',
    flag: 'tls-key',
    foreign: { PROGRESSDB_TLS_KEY: given },
  }),
  'server.allow_insecure': setting(boolean, {
    default: false,
    about: 'Listen on an address that other machines reach although nobody is asked for credentials.',
    flag: 'insecure',
  }),
  'server.max_body_bytes': setting(integer(1_024, LIMITS.valueBytes), {
    default: LIMITS.bodyBytes,
    about: 'Largest request body.',
    unit: 'bytes',
    flag: 'max-body-bytes',
    reshaped: { 'server.max_payload_size': bytesOf },
    foreign: { PROGRESSDB_MAX_PAYLOAD_SIZE: (value) => given(String(bytesOf(value))) },
  }),
  'server.drain_ms_max': setting(integer(0, 3_600_000), {
    default: 8_000,
    about: 'How long a stopping server waits for requests under way; below the 10 s after which containers are killed.',
    unit: 'ms',
    flag: 'drain-ms-max',
  }),
  'server.ready_delay_ms_max': setting(integer(1, 60_000), {
    default: 500,
    about: 'Event-loop delay above which /ready says no.',
    unit: 'ms',
    flag: 'ready-delay-ms-max',
  }),
  'server.notify_keyspace_events': setting(text('letters out of K E g $ l s h z x e A, or nothing'), {
    default: '',
    about: 'Which keyspace events are published: K or E, and classes of events; nothing switches them off.',
    flag: 'notify-keyspace-events',
  }),
};

const data = {
  data_dir: setting(
    text('the path of a folder', (path) => path !== '' && !path.includes('\0')),
    {
      default: './data',
      about: 'Folder of the durable data; one server at a time.',
      flag: 'data-dir',
      also: ['server.db_path', 'storage.db_path'],
      foreign: { PROGRESSDB_DB_PATH: given, PROGRESSDB_SERVER_DB_PATH: given },
    },
  ),
  check_data: setting(boolean, {
    default: false,
    about: 'Verify the invariants of every engine after the data is restored, and refuse to start when one is broken.',
    flag: 'check-data',
  }),
  backup_dir: setting(
    text('the path of a folder', (path) => path !== '' && !path.includes('\0')),
    { default: './backups', about: 'Folder that backups of the running server are written to.', flag: 'backup-dir' },
  ),
  memory: setting(boolean, {
    default: false,
    about: 'Keep everything in memory and write nothing to disk.',
    flag: 'memory',
    opposite: ['persistence.enabled'],
  }),
  'durability.level': setting(choice(['none', 'batch', 'sync'], { never: 'none', periodic: 'batch', always: 'sync' }), {
    default: 'batch',
    about:
      'When a write is answered: sync after it is on disk, batch and none at once; batch is on disk within durability.flush_ms_max.',
    flag: 'durability',
    also: ['persistence.wal.fsync_mode'],
  }),
  'durability.flush_ms_max': setting(integer(1, 60_000), {
    default: 100,
    about: 'Longest time until an answered write is on disk at level batch.',
    unit: 'ms',
    flag: 'flush-ms-max',
    also: ['persistence.wal.fsync_interval_ms'],
  }),
};

const kv = {
  'kv_store.max_memory_mb': setting(integer(0, 1_048_576), {
    default: 4_096,
    about: 'Memory budget of keys and values; 0 for none.',
    unit: 'MiB',
    flag: 'max-memory-mb',
  }),
  'kv_store.eviction_policy': setting(
    choice(
      [
        'noeviction',
        'allkeys-lru',
        'volatile-lru',
        'allkeys-lfu',
        'volatile-lfu',
        'allkeys-random',
        'volatile-random',
        'volatile-ttl',
      ],
      { none: 'noeviction', lru: 'allkeys-lru', lfu: 'allkeys-lfu', ttl: 'volatile-ttl', random: 'allkeys-random' },
    ),
    {
      default: 'noeviction',
      about: 'What goes when the memory budget is used up; noeviction refuses the write with 507.',
      flag: 'eviction-policy',
    },
  ),
  'kv_store.ttl_cleanup_interval_ms': setting(integer(1, 3_600_000), {
    default: 100,
    about: 'Time between two sweeps for keys that expired unread.',
    unit: 'ms',
  }),
  'kv_store.allow_flush_commands': setting(boolean, {
    default: false,
    about: 'Allow FLUSHDB and FLUSHALL.',
    flag: 'allow-flush-commands',
  }),
  'kv_store.max_value_size_bytes': setting(integer(0, LIMITS.valueBytes), {
    default: 0,
    about: 'Largest value, whatever writes it; 0 for no limit but that of the request body.',
    unit: 'bytes',
    flag: 'max-value-size-bytes',
  }),
  'watch.max_inline_value_bytes': setting(integer(0, LIMITS.valueBytes), {
    default: 65_536,
    about: 'Watch events carry values up to this size; larger ones are marked as truncated.',
    unit: 'bytes',
  }),
};

const queue = {
  'queue.enabled': setting(boolean, { default: true, about: 'Serve queues; off, their commands are refused.' }),
  'queue.max_depth': setting(integer(1, U32), {
    default: 100_000,
    about: 'Ready messages a queue holds at most, unless it says otherwise when it is created.',
    unit: 'messages',
  }),
  'queue.ack_deadline_secs': setting(integer(1, U32), {
    default: 30,
    about: 'Time a consumer has to acknowledge a message before it is delivered again.',
    unit: 's',
  }),
  'queue.default_max_retries': setting(integer(0, U32), {
    default: 3,
    about: 'Failed deliveries after which a message becomes a dead letter.',
  }),
  'queue.default_priority': setting(integer(0, 255), {
    default: 5,
    about: 'Priority of messages that name none; higher goes first.',
  }),
  'queue.prefetch_limit': setting(integer(0, U32), {
    default: 0,
    about: 'Unacknowledged messages one consumer may hold; 0 for any number.',
    unit: 'messages',
  }),
};

const stream = {
  'stream.max_events': setting(integer(0, U32), {
    default: 10_000,
    about:
      'Events a room keeps, and ten times that while a subscriber lags, unless it says otherwise when it is created; 0 for any number.',
    unit: 'events',
  }),
  'stream.retention_secs': setting(integer(0, U32), {
    default: 3_600,
    about: 'Time for which a room keeps an event, unless it says otherwise when it is created; 0 for ever.',
    unit: 's',
  }),
  'stream.max_memory_mb': setting(integer(0, 1_048_576), {
    default: 1_024,
    about: 'Memory budget of the events of all rooms; beyond it a publish is refused with 507; 0 for none.',
    unit: 'MiB',
  }),
  'topic.retention_secs': setting(integer(0, U32), {
    default: 3_600,
    about: 'Time for which a topic without a retention policy keeps an event; 0 for ever.',
    unit: 's',
  }),
  'topic.max_memory_mb': setting(integer(0, 1_048_576), {
    default: 1_024,
    about: 'Memory budget of the events of all topics; beyond it a publish is refused with 507; 0 for none.',
    unit: 'MiB',
  }),
};

const auth = {
  'auth.enabled': setting(boolean, {
    default: false,
    about:
      'Look at credentials; on by itself when auth.users or auth.api_keys are given. Off, every caller may do everything.',
  }),
  'auth.require_auth': setting(boolean, {
    default: false,
    about:
      'Refuse callers without credentials with 401, but for /health, /ready and /metrics; off, they have no permissions.',
  }),
  'auth.users': setting(structure(Users, 'a list of users'), {
    default: [],
    about:
      'Users with name, password (in clear, or a hash as --hash-password prints it), admin, roles (admin, readonly) and permissions.',
    secret: true,
    example: `- name: alice
  password: "a password"
  admin: false
  roles: [readonly]
  permissions:
    - resource: "kv:alice:*"
      action: all`,
  }),
  'auth.api_keys': setting(structure(ApiKeys, 'a list of API keys'), {
    default: [],
    about:
      'API keys with name, key, permissions (resource pattern and action: read, write, delete, configure, admin or all), admin, expires_at.',
    secret: true,
    example: `- name: worker
  key: sk_change_me
  expires_at: 2030-01-31T00:00:00Z
  permissions:
    - resource: "queue:*"
      action: all`,
  }),
  'auth.root.enabled': setting(boolean, {
    default: true,
    about: 'Create the first administrator, if its password is set.',
  }),
  'auth.root.username': setting(text('a name'), { default: 'root', about: 'Name of the first administrator.' }),
  'auth.root.password': setting(text('text'), {
    default: '',
    about: 'Password of the first administrator, in clear or as a hash; without one there is no such user.',
    secret: true,
    example: '"a password"',
  }),
};

const logging = {
  'logging.level': setting(
    choice(['debug', 'info', 'warn', 'error', 'off'], { trace: 'debug', warning: 'warn', silent: 'off', none: 'off' }),
    {
      default: 'info',
      about: 'The least important messages that are logged.',
      flag: 'log-level',
      foreign: { RUST_LOG: rustLevel, PROGRESSDB_LOG_LEVEL: given },
    },
  ),
  'logging.sink': setting(
    text('stdout, or file: and the path of a file', (sink) => sink === 'stdout' || /^file:./.test(sink)),
    {
      default: 'stdout',
      about: 'Where the log goes; a file is appended to, and never rotated.',
      flag: 'log-sink',
      foreign: { PROGRESSDB_LOG_SINK: given },
    },
  ),
  'logging.format': setting(choice(['json', 'text'], { pretty: 'text', plain: 'text', compact: 'text' }), {
    default: 'json',
    about: 'Shape of a log line: json for machines, text for people.',
    flag: 'log-format',
  }),
};

/** The table, in groups as the documents show them. */
export const GROUPS = [
  { title: 'Server', rows: server },
  { title: 'Data', rows: data },
  { title: 'Key-value', rows: kv },
  { title: 'Queues', rows: queue },
  { title: 'Streams', rows: stream },
  { title: 'Accounts', rows: auth },
  { title: 'Chat', rows: chatRows },
  { title: 'Logging', rows: logging },
] as const satisfies readonly { title: string; rows: Rows }[];

const table = { ...server, ...data, ...kv, ...queue, ...stream, ...auth, ...chatRows, ...logging };

/** The same rows in one piece. */
export const TABLE: Rows = table;

/** What the settings hold, by their paths: `settings['server.port']`. */
export type Settings = Values<typeof table>;

const KMS = 'the master key is kept here, and data keys are stored wrapped with their threads';

/** Blocks and keys of Synap's file that mean nothing here, and why. A block that is switched off is accepted silently. */
export const WITHOUT_EFFECT: ReadonlyMap<string, string> = new Map(
  Object.entries({
    admin: 'admin calls are open to the keys of security.api_keys.admin',
    acl: 'permissions stand with users and API keys, under auth',
    cluster: 'this server does not form clusters',
    hub: 'this server reports to no hub',
    ingest: 'a write is answered when it is done: there is nothing to queue',
    metrics: '/metrics is always served',
    mcp: 'this server offers no MCP tools',
    network: 'there are no binary listeners',
    persistence:
      'the store has a format of its own; data_dir, durability.level and durability.flush_ms_max say where and when',
    protocols: 'all HTTP interfaces are always served, under their usual paths',
    rate_limit: 'requests are not rated',
    replication: 'this server does not replicate',
    resp3: 'RESP is not served',
    synap_rpc: 'msgpack RPC is not served',
    'logging.http': 'requests are not logged one by one',
    'security.kms.endpoint': KMS,
    'security.kms.data_dir': KMS,
    'security.kms.binary': KMS,
    'encryption.kms.endpoint': KMS,
    'encryption.kms.data_dir': KMS,
    'encryption.kms.binary': KMS,
    'server.websocket_enabled': 'WebSocket paths are always served',
    'auth.default_key_ttl': 'an API key expires when its expires_at says so',
  }),
);

/** The level in `RUST_LOG`: of the whole program, or of a target that is ours; `undefined` when it says neither. */
function rustLevel(value: string): string | undefined {
  const levels = value.split(',').map((directive) => directive.trim().split('='));
  const general = levels.find((parts) => parts.length === 1);
  const own = levels.find(([target]) => /^synap/.test(target ?? ''));
  const level = (general?.[0] ?? own?.[1] ?? '').toLowerCase();
  return ['trace', 'debug', 'info', 'warn', 'error', 'off'].includes(level) ? level : undefined;
}
