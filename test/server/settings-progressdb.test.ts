/** ProgressDB's flags, variables, `.env` and settings file, in all the spellings of progressdb.md 6.1 to 6.4. */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { chatOptions } from '../../src/server/chat-options.ts';
import { loadSettings, type Settings, SettingsError } from '../../src/server/settings.ts';
import { runMain, scratchFolder, startServer } from '../support/process.ts';

type Files = Readonly<Record<string, string>>;
const reader =
  (files: Files) =>
  (path: string): string => {
    const text = files[path];
    if (text === undefined) throw Object.assign(new Error('ENOENT: no such file'), { code: 'ENOENT' });
    return text;
  };
const loaded = (argv: string[], env: Record<string, string>, files: Files) => {
  const result = loadSettings(argv, env, reader(files));
  if (result.action !== 'start') throw new Error(`${result.action} instead of a start`);
  return result;
};
const settings = (argv: string[] = [], env: Record<string, string> = {}, files: Files = {}): Settings =>
  loaded(argv, env, files).settings;
const yaml = (text: string): Settings => settings([], {}, { 'config.yml': text });
const variable = (name: string, value: string): Settings => settings([], { [`PROGRESSDB_${name}`]: value });
const refusal = (argv: string[], env: Record<string, string> = {}, files: Files = {}): readonly string[] => {
  try {
    loadSettings(argv, env, reader(files));
  } catch (error) {
    if (error instanceof SettingsError) return error.lines;
    throw error;
  }
  throw new Error('not refused');
};

const KEY = '0123456789012345678901234567890123456789012345678901234567890123';

describe('flags of ProgressDB', () => {
  it('may have one dash or two, and their value behind a blank or =', () => {
    for (const argv of [
      ['--addr', '127.0.0.9:81'],
      ['-addr', '127.0.0.9:81'],
      ['-addr=127.0.0.9:81'],
      ['--addr=127.0.0.9:81'],
    ]) {
      const said = settings(argv);
      expect([said['server.host'], said['server.port']]).toEqual(['127.0.0.9', 81]);
    }
    expect(settings(['-db', '/a'])['data_dir']).toBe('/a');
    expect(settings(['--db=/b'])['data_dir']).toBe('/b');
    expect(settings(['--db-path', '/c'])['data_dir']).toBe('/c');
    expect(settings(['-config', 'x.yaml'], {}, { 'x.yaml': 'server: { port: 7 }' })['server.port']).toBe(7);
  });

  it('leave the host alone when the address names none, and read one of IPv6', () => {
    const only = settings(['--addr', ':8080']);
    expect([only['server.host'], only['server.port']]).toEqual(['127.0.0.1', 8080]);
    expect(settings(['--addr', '[::1]:8080'])['server.host']).toBe('::1');
  });

  it('go before the environment, but behind the flag of the setting itself', () => {
    const env = { PROGRESSDB_ADDR: '127.0.0.2:1', PROGRESSDB_DB_PATH: '/e' };
    expect(settings(['--addr', ':2', '--db', '/f'], env)).toMatchObject({ 'server.port': 2, data_dir: '/f' });
    expect(settings(['--addr', ':2', '--port', '3'], env)['server.port']).toBe(3);
    expect(refusal(['--addr', ':nope'])[0]).toContain('flag --addr: "nope" is not allowed: server.port');
  });
});

describe('the file .env', () => {
  it('is read first and overrides no variable', () => {
    const files = { '.env': 'PROGRESSDB_API_ADMIN_KEYS="a, b"\nexport SYNAPD_PORT=5 # five\nOTHER=1\n' };
    expect(settings([], {}, files)).toMatchObject({ 'security.api_keys.admin': ['a', 'b'], 'server.port': 5 });
    expect(settings([], { SYNAPD_PORT: '6' }, files)['server.port']).toBe(6);
    expect(loaded([], {}, files).warnings).toEqual([]);
  });

  it('may name the settings file', () => {
    const files = { '.env': 'PROGRESSDB_CONFIG=own.yaml\n', 'own.yaml': 'server: { port: 9 }' };
    expect(settings([], {}, files)['server.port']).toBe(9);
  });
});

describe('the settings file', () => {
  it('is config.yml or else config.yaml, merged with environment and flags', () => {
    const files = { 'config.yaml': 'server: { port: 4, db_path: /y }\nsecurity: { api_keys: { backend: [k] } }' };
    expect(settings(['--addr', ':5'], { PROGRESSDB_RATE_RPS: '7' }, files)).toMatchObject({
      'server.port': 5,
      data_dir: '/y',
      'security.api_keys.backend': ['k'],
      'security.rate_limit.rps': 7,
    });
    expect(settings([], {}, { ...files, 'config.yml': 'server: { port: 6 }' })['server.port']).toBe(6);
  });

  it('that is named and missing, or malformed, refuses the start', () => {
    expect(refusal(['--config', 'gone.yaml'])).toEqual(['flag --config: cannot read gone.yaml: there is no such file']);
    expect(refusal([], { PROGRESSDB_CONFIG: 'gone.yaml' })[0]).toContain('there is no such file');
    expect(refusal([], {}, { 'config.yaml': 'server: [unclosed' })[0]).toContain('config.yaml line 1: not valid YAML');
  });

  it.each([
    ['security: { api_keys: { signing: [s] } }', 'security.api_keys.signing', ['s']],
    ['server: { api_keys: { signing: [s] } }', 'security.api_keys.signing', ['s']],
    ['security: { api_keys: { allow_unauth: false } }', 'security.keyless_signed', false],
    ['security: { rate_limit: { rps: 0.5 } }', 'security.rate_limit.rps', 0.5],
    ['security: { rate_limit: { rps: -1, burst: -1 } }', 'security.rate_limit.burst', -1],
    ['server: { max_payload_size: 100KB }', 'server.max_body_bytes', 102_400],
    ['server: { max_payload_size: 4096 }', 'server.max_body_bytes', 4096],
    ['retention: { days: 7 }', 'retention.period', '7d'],
    ['retention: { tttl: 12h }', 'retention.period', '12h'],
    ['retention: { mttl: 2d }', 'retention.message_period', '2d'],
    ['encryption: { kms: { mode: embedded } }', 'security.kms.mode', 'embedded'],
    ['logging: { sink: "file:/x" }', 'logging.sink', 'file:/x'],
    [`security: { encryption_key: ${KEY} }`, 'security.encryption.use', true],
    [`security: { encryption_key: ${KEY} }`, 'security.kms.master_key_hex', KEY],
    [`encryption: { kms: { master_key_hex: ${KEY} } }`, 'security.kms.master_key_hex', KEY],
    [
      'security: { fields: [{ path: body.text, algorithm: aes-gcm }] }'.replace('aes-gcm', 'aes-256-gcm'),
      'security.encryption.fields',
      ['body.text'],
    ],
  ] as const)('says with %j that %s is %j', (text, path, value) => expect(yaml(text)[path]).toEqual(value));

  it('names what has no effect', () => {
    const text = 'security: { kms: { endpoint: "x:1" } }\nlogging: { http: { body: true } }\nmetrics: { port: 1 }';
    const { warnings } = loaded([], {}, { 'config.yml': text });
    expect(warnings.map((line) => / (\S+) changes nothing/.exec(line)?.[1])).toEqual([
      'security.kms.endpoint',
      'logging.http',
      'metrics',
    ]);
    expect(loaded([], { PROGRESSDB_KMS_ENDPOINT: 'x' }, {}).warnings).toEqual([
      'environment PROGRESSDB_KMS_ENDPOINT: there is no such setting, it is ignored',
    ]);
  });

  it('refuses what cannot be meant', () => {
    const lines = (text: string): readonly string[] => refusal([], {}, { 'config.yml': text });
    expect(lines('security: { fields: [{ path: author, algorithm: x }] }')).toHaveLength(1);
    expect(lines(`security: { encryption: { use: true }, kms: { mode: external, master_key_hex: "${KEY}" } }`)).toEqual(
      ['security.kms.mode external is not served: data keys are wrapped here, under security.kms.master_key_hex'],
    );
    expect(lines('server: { tls: { cert_file: a } }')).toEqual([
      'server.tls.cert_file and server.tls.key_file belong together: only one of them is set',
    ]);
    expect(lines('retention: { mttl: 1m }')[0]).toContain('retention.message_period 1m is shorter than');
    expect(lines('retention: { days: soon }')[0]).toContain('(retention.days): "soond" is not allowed');
  });
});

describe('variables of ProgressDB', () => {
  it.each([
    ['TLS_CERT', 'c', 'server.tls.cert_file'],
    ['TLS_KEY', 'c', 'server.tls.key_file'],
  ] as const)('%s is read', (name, value, path) => {
    const files = { c: 'no certificate' };
    const env = { PROGRESSDB_TLS_CERT: 'c', PROGRESSDB_TLS_KEY: 'c', [`PROGRESSDB_${name}`]: value };
    expect(refusal([], env, files)[0]).toContain(path);
  });

  it.each([
    ['CORS_ORIGINS', ' http://a , http://b ', 'security.cors.allowed_origins', ['http://a', 'http://b']],
    ['IP_WHITELIST', '10.0.0.1,10.1.0.0/16', 'security.ip_whitelist', ['10.0.0.1', '10.1.0.0/16']],
    ['RATE_BURST', '9', 'security.rate_limit.burst', 9],
    ['API_BACKEND_KEYS', 'a,b', 'security.api_keys.backend', ['a', 'b']],
    ['API_FRONTEND_KEYS', 'a', 'security.api_keys.frontend', ['a']],
    ['API_SIGNING_KEYS', 'a', 'security.api_keys.signing', ['a']],
    ['ADDRESS', '::1', 'server.host', '::1'],
    ['SERVER_ADDRESS', '127.0.0.3', 'server.host', '127.0.0.3'],
    ['SERVER_ADDR', '127.0.0.3:1', 'server.host', '127.0.0.3'],
    ['PORT', '81', 'server.port', 81],
    ['SERVER_PORT', '82', 'server.port', 82],
    ['SERVER_DB_PATH', '/d', 'data_dir', '/d'],
    ['ENCRYPTION_KEY', KEY, 'security.encryption.use', true],
    ['ENCRYPTION_KEY', KEY, 'security.kms.master_key_hex', KEY],
    ['KMS_MASTER_KEY_HEX', KEY, 'security.kms.master_key_hex', KEY],
    ['KMS_MODE', 'external', 'security.kms.mode', 'external'],
    ['ENCRYPT_FIELDS', 'body.a,body.b', 'security.encryption.fields', ['body.a', 'body.b']],
    ['ENCRYPTION_FIELDS', 'body.a', 'security.encryption.fields', ['body.a']],
    ['ALLOW_UNAUTH', 'false', 'security.keyless_signed', false],
    ['RETENTION_ENABLED', 'true', 'retention.enabled', true],
    ['RETENTION_CRON', '1 * * * *', 'retention.cron', '1 * * * *'],
    ['RETENTION_PERIOD', '48h', 'retention.period', '48h'],
    ['RETENTION_MIN_PERIOD', '2h', 'retention.min_period', '2h'],
    ['RETENTION_BATCH_SIZE', '5', 'retention.batch_size', 5],
    ['RETENTION_BATCH_SLEEP_MS', '6', 'retention.batch_sleep_ms', 6],
    ['RETENTION_DRY_RUN', '1', 'retention.dry_run', true],
    ['LOG_LEVEL', 'warn', 'logging.level', 'warn'],
    ['LOG_SINK', 'file:/tmp/x', 'logging.sink', 'file:/tmp/x'],
    ['TESTING', '1', 'chat.testing', true],
    ['MAX_PAYLOAD_SIZE', '1MB', 'server.max_body_bytes', 1_048_576],
  ] as const)('%s=%s means %s', (name, value, path, expected) => expect(variable(name, value)[path]).toEqual(expected));

  it('act beside a file, and switch encryption on with USE_ENCRYPTION', () => {
    const files = { 'config.yml': `security: { kms: { master_key_hex: "${KEY}" } }` };
    expect(settings([], { PROGRESSDB_USE_ENCRYPTION: 'true' }, files)['security.encryption.use']).toBe(true);
  });

  it('give the engine a period of its own for messages, which is that of threads when none is said', () => {
    expect(chatOptions(yaml('retention: { days: 7 }')).retention).toMatchObject({
      periodMs: 7 * 86_400_000,
      messagePeriodMs: 7 * 86_400_000,
    });
    expect(chatOptions(yaml('retention: { tttl: 2d, mttl: 3h }')).retention).toMatchObject({
      periodMs: 2 * 86_400_000,
      messagePeriodMs: 3 * 3_600_000,
    });
  });
});

describe('the built server', () => {
  it('starts from flags and environment alone, keys included (section 10, 20)', async () => {
    const db = scratchFolder();
    const server = await startServer(['-db', db], { PROGRESSDB_API_BACKEND_KEYS: 'k1' });
    const headers = { 'X-API-Key': 'k1', 'X-User-ID': 'ana' };
    const made = await fetch(`${server.base}/v1/threads`, { method: 'POST', headers, body: '{"title":"t"}' });
    expect(made.status).toBe(200);
    expect((await fetch(`${server.base}/v1/threads`)).status).toBe(401);
    expect(await server.stop()).toBe(0);
  });

  it('ends with 1 and one line when the named file is missing or malformed', async () => {
    const folder = mkdtempSync(join(scratchFolder(), 'c-'));
    writeFileSync(join(folder, 'bad.yaml'), 'security: { api_keys: { backend: [k }\n');
    for (const [name, reason] of [
      ['gone.yaml', 'there is no such file'],
      ['bad.yaml', 'not valid YAML'],
    ] as const) {
      const { code, output } = await runMain(['--memory', '--port', '0', '-config', join(folder, name)]);
      expect([code, output]).toEqual([1, expect.stringContaining(reason)]);
    }
  });

  it('logs into a file, and says so in one line when it cannot', async () => {
    const path = join(scratchFolder(), 'server.log');
    const server = await startServer(['--memory'], {
      PROGRESSDB_LOG_SINK: `file:${path}`,
      PROGRESSDB_LOG_LEVEL: 'info',
    });
    await server.stop();
    expect(readFileSync(path, 'utf8')).toContain('synapd started');
    expect(server.output.text).not.toContain('synapd started');
    const { code, output } = await runMain(['--memory', '--port', '0', '--log-sink', 'file:/dev/null/no']);
    expect([code, output]).toEqual([1, expect.stringContaining('logging.sink file:/dev/null/no cannot be opened')]);
  });
});
