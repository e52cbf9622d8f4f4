import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { Accounts } from '../../src/auth/accounts.ts';
import { hashPassword, printHash } from '../../src/auth/password.ts';
import { type Loaded, loadSettings, SettingsError } from '../../src/server/settings.ts';
import { exampleYaml, settingsMarkdown } from '../../src/server/settings-docs.ts';
import { flagName, variables } from '../../src/server/settings-names.ts';
import { TABLE, WITHOUT_EFFECT } from '../../src/server/settings-table.ts';
import { VERSION } from '../../src/server/version.ts';
import { FakeClock } from '../support/clock.ts';

type Env = Record<string, string>;
const missing = (): string => {
  throw Object.assign(new Error('ENOENT: no such file'), { code: 'ENOENT' });
};
/** Loads with a file called config.yml, if any. */
const load = (argv: string[] = [], env: Env = {}, file?: string): Loaded =>
  loadSettings(argv, env, (path) => (file !== undefined && path === 'config.yml' ? file : missing()));

type Start = Extract<Loaded, { action: 'start' }>;
const start = (argv: string[] = [], env: Env = {}, file?: string): Start => {
  const loaded = load(argv, env, file);
  if (loaded.action !== 'start') throw new Error(`${loaded.action} instead of a start`);
  return loaded;
};
const refusal = (argv: string[] = [], env: Env = {}, file?: string): readonly string[] => {
  try {
    load(argv, env, file);
  } catch (error) {
    if (error instanceof SettingsError) return error.lines;
    throw error;
  }
  throw new Error('not refused');
};

describe('precedence', () => {
  const file = 'server:\n  port: 1\nkv_store:\n  max_memory_mb: 11\nlogging:\n  level: warn\n';

  it('is flags over environment over file over default', () => {
    expect(start().settings['server.port']).toBe(15_500);
    expect(start([], {}, file).settings['server.port']).toBe(1);
    expect(start([], { SYNAPD_PORT: '2' }, file).settings['server.port']).toBe(2);
    expect(start(['--port', '3'], { SYNAPD_PORT: '2' }, file).settings['server.port']).toBe(3);
    expect(start(['--port=4', '--port', '0'], {}, file).settings['server.port']).toBe(0);
  });

  it('is decided for each setting on its own', () => {
    const { settings } = start(['--port', '3'], { SYNAPD_LOG_LEVEL: 'error' }, file);
    expect([settings['server.port'], settings['logging.level'], settings['kv_store.max_memory_mb']]).toEqual([
      3,
      'error',
      11,
    ]);
  });

  it('takes an empty variable and a key without value for not given', () => {
    expect(start([], { SYNAPD_PORT: '' }, 'server:\n  port:\n').settings['server.port']).toBe(15_500);
  });
});

describe('the defaults', () => {
  it('are safe and durable', () => {
    const { settings, accounts, warnings } = start();
    expect(warnings).toEqual([]);
    expect(settings).toMatchObject({
      'server.host': '127.0.0.1',
      'server.port': 15_500,
      data_dir: './data',
      memory: false,
      'kv_store.max_memory_mb': 4_096,
      'kv_store.eviction_policy': 'noeviction',
      'kv_store.ttl_cleanup_interval_ms': 100,
      'kv_store.allow_flush_commands': false,
      'queue.max_depth': 100_000,
      'queue.ack_deadline_secs': 30,
      'queue.default_max_retries': 3,
      'queue.default_priority': 5,
      'queue.prefetch_limit': 0,
      'watch.max_inline_value_bytes': 65_536,
      'auth.enabled': false,
    });
    expect(accounts).toEqual({ enabled: false, required: false, users: [], keys: [] });
  });

  it('obey their own rows', () => {
    for (const [path, row] of Object.entries(TABLE)) {
      expect(row.kind.schema.safeParse(row.default).success, path).toBe(true);
      if (typeof row.default !== 'object') expect(row.kind.read(String(row.default)), path).toBe(row.default);
    }
  });
});

describe('a flag', () => {
  it('exists for every setting that is neither a secret nor a list', () => {
    const help = (load(['--help']) as { text: string }).text;
    for (const [path, row] of Object.entries(TABLE)) {
      const flag = flagName(path, row);
      if (row.secret === true || row.kind.form === 'structure') expect(flag, path).toBeUndefined();
      else expect(help, path).toContain(`--${flag} `);
    }
  });

  it('of a boolean needs no value, but may have one', () => {
    expect(start(['--memory', '--port', '0']).settings.memory).toBe(true);
    expect(start(['--memory', 'off']).settings.memory).toBe(false);
    expect(start(['--memory=false'], { SYNAPD_MEMORY: '1' }).settings.memory).toBe(false);
  });

  it('that nobody knows is refused with a suggestion, in one line', () => {
    expect(refusal(['--prot', '1'])).toEqual(["unknown option '--prot' (Did you mean --port?)"]);
    expect(refusal(['--port'])).toEqual(["option '--port <n>' argument missing"]);
    expect(refusal(['serve'])).toHaveLength(1);
  });
});

describe('help and version', () => {
  it('are texts to print, and nothing else happens', () => {
    const wrong = { SYNAPD_PORT: 'x' };
    expect(load(['--version'], wrong)).toEqual({ action: 'print', text: `${VERSION}\n` });
    expect(load(['-h'], wrong)).toMatchObject({ action: 'print', text: expect.stringContaining('--config <file>') });
    expect(load(['--hash-password'], wrong)).toEqual({ action: 'hash-password' });
  });

  it('show the version of package.json', () => {
    expect(VERSION).toBe(JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version);
  });
});

describe('the environment', () => {
  it('has a variable for every setting, and no name twice', () => {
    const names = Object.entries(TABLE).flatMap(([path, row]) => variables(path, row));
    expect(new Set(names).size).toBe(names.length);
    for (const [path, row] of Object.entries(TABLE)) {
      if (row.kind.form === 'structure' || path === 'security.encryption.use') continue; // the latter needs a key
      const other =
        row.kind.form === 'boolean' ? String(!row.default) : row.kind.form === 'number' ? '1025' : undefined;
      if (other === undefined || path.startsWith('auth.') || path === 'queue.default_priority') continue;
      for (const name of variables(path, row))
        expect(String(start([], { [name]: other }).settings[path as keyof Start['settings']]), name).toBe(other);
    }
  });

  it('understands the names of Synap, those that are only documented too', () => {
    const { settings, accounts } = start([], {
      SYNAP_AUTH_ENABLED: '1',
      SYNAP_AUTH_REQUIRE_AUTH: 'true',
      SYNAP_AUTH_ROOT_USERNAME: 'boss',
      SYNAP_AUTH_ROOT_PASSWORD: 'a good one',
      SYNAP_WATCH_MAX_INLINE_VALUE_BYTES: '100',
      SYNAP_HOST: '0.0.0.0',
      SYNAP_PORT: '7',
      SYNAP_LOG_LEVEL: 'ERROR',
      SYNAP_DATA_DIR: '/var/lib/synapd',
    });
    expect(settings).toMatchObject({
      'watch.max_inline_value_bytes': 100,
      'server.host': '0.0.0.0',
      'server.port': 7,
      'logging.level': 'error',
      data_dir: '/var/lib/synapd',
    });
    expect(accounts).toMatchObject({ enabled: true, required: true, users: [{ name: 'boss', admin: true }] });
  });

  it('prefers our names to those of Synap', () => {
    expect(start([], { SYNAP_PORT: '1', SYNAPD_PORT: '2' }).settings['server.port']).toBe(2);
  });

  it('takes 1, true, yes and on for true, 0, false, no and off for false, and nothing else', () => {
    for (const word of ['1', 'true', 'TRUE', 'yes', 'On'])
      expect(start([], { SYNAPD_MEMORY: word }).settings.memory).toBe(true);
    for (const word of ['0', 'false', 'No', 'off'])
      expect(start([], { SYNAPD_MEMORY: word }).settings.memory).toBe(false);
    expect(refusal([], { SYNAPD_MEMORY: 'ja' })).toEqual([
      'environment SYNAPD_MEMORY: "ja" is not allowed: memory must be true or false (also 1/0, yes/no, on/off)',
    ]);
  });

  it('reads the level out of RUST_LOG when nothing else says it', () => {
    const level = (text: string, env: Env = {}) => start([], { RUST_LOG: text, ...env }).settings['logging.level'];
    expect(level('warn')).toBe('warn');
    expect(level('hyper=debug,error')).toBe('error');
    expect(level('synap_server=trace')).toBe('debug');
    expect(level('hyper=debug')).toBe('info');
    expect(level('nonsense')).toBe('info');
    expect(level('warn', { SYNAPD_LOG_LEVEL: 'error' })).toBe('error');
  });

  it('gives lists as YAML or JSON', () => {
    const { accounts } = start([], {
      SYNAPD_AUTH_API_KEYS: '[{"name":"k","key":"sk_1","permissions":[{"resource":"kv:*","action":"read"}]}]',
      SYNAPD_AUTH_USERS: '[{name: a, password: b, roles: [readonly]}]',
    });
    expect(accounts).toMatchObject({ enabled: true, keys: [{ key: 'sk_1' }], users: [{ name: 'a' }] });
    expect(refusal([], { SYNAPD_AUTH_USERS: 'alice' })).toEqual([
      'environment SYNAPD_AUTH_USERS: auth.users must be a list of users',
    ]);
    expect(refusal([], { SYNAPD_AUTH_USERS: '[' })).toHaveLength(1);
  });

  it('warns of a variable that looks like ours and is none', () => {
    expect(start([], { SYNAPD_PROT: '1', SYNAP_URL: 'x', PATH: 'y' }).warnings).toEqual([
      'environment SYNAPD_PROT: there is no such setting, it is ignored; did you mean SYNAPD_PORT?',
    ]);
  });

  it('is not confused by what Kubernetes sets beside a service called synapd', () => {
    const links = {
      SYNAPD_PORT: 'tcp://10.0.0.1:15500',
      SYNAPD_PORT_15500_TCP: 'tcp://10.0.0.1:15500',
      SYNAPD_PORT_15500_TCP_ADDR: '10.0.0.1',
      SYNAPD_SERVICE_HOST: '10.0.0.1',
      SYNAPD_SERVICE_PORT: '15500',
    };
    const { settings, warnings } = start([], links);
    expect(settings['server.port']).toBe(15_500);
    expect(warnings).toHaveLength(1);
    expect(start([], { ...links, SYNAPD_SERVER_PORT: '9' }).settings['server.port']).toBe(9);
  });
});

describe('a wrong value', () => {
  it('names itself, its source and what is allowed', () => {
    const allowed = 'server.port must be an integer from 0 to 65535';
    expect(refusal(['--port', '65536'])).toEqual([`flag --port: "65536" is not allowed: ${allowed}`]);
    expect(refusal([], { SYNAPD_PORT: 'http' })).toEqual([
      `environment SYNAPD_PORT: "http" is not allowed: ${allowed}`,
    ]);
    expect(refusal([], {}, '# mine\nserver:\n  host: ::1\n  port: 1.5\n')).toEqual([
      `file config.yml line 4: 1.5 is not allowed: ${allowed}`,
    ]);
  });

  it('is one line each, and all of them are told', () => {
    const lines = refusal(
      ['--port', '-1', '--log-level', 'loud'],
      { SYNAPD_MAX_MEMORY_MB: 'lots' },
      'queue: [1]\nkv_store:\n  eviction_policy: sometimes\n',
    );
    expect(lines).toHaveLength(5);
    for (const line of lines) expect(line).not.toContain('\n');
    expect(lines.find((line) => line.includes('eviction'))).toBe(
      'file config.yml line 3: "sometimes" is not allowed: kv_store.eviction_policy must be one of noeviction, allkeys-lru, volatile-lru, allkeys-lfu, volatile-lfu, allkeys-random, volatile-random, volatile-ttl',
    );
    expect(lines).toContain('file config.yml line 1: queue must be a block of settings');
  });

  it('never shows a secret', () => {
    const lines = refusal(
      [],
      {},
      'auth:\n  enabled: true\n  root:\n    password: [hush]\n  users:\n    - {name: a, password: scrypt$hush}\n  api_keys:\n    - {name: k, key: " hush "}\n',
    );
    expect(lines).toEqual([
      expect.stringMatching(/^file config.yml line 6: auth.users\[0\].password: begins with scrypt\$/),
      expect.stringMatching(/^file config.yml line 8: auth.api_keys\[0\].key: must not begin or end/),
      'file config.yml line 4: this value is not allowed: auth.root.password must be text',
      expect.stringContaining('nobody can log in'),
    ]);
    expect(lines.join()).not.toContain('hush');
  });
});

describe('the file', () => {
  it('is refused when it is named and not there, and not missed when it is not named', () => {
    expect(refusal(['--config', 'mine.yml'])).toEqual(['flag --config: cannot read mine.yml: there is no such file']);
    expect(refusal([], { SYNAP_CONFIG_PATH: 'mine.yml' })).toEqual([
      'environment SYNAP_CONFIG_PATH: cannot read mine.yml: there is no such file',
    ]);
    expect(start().settings['server.port']).toBe(15_500);
  });

  it('is refused when it cannot be read, even if it is only the usual one', () => {
    const locked = (): string => {
      throw Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES' });
    };
    expect(() => loadSettings([], {}, locked)).toThrow('settings: cannot read config.yml: EACCES: permission denied');
  });

  it('is the one of the flag, when there is one', () => {
    const files: Record<string, string> = {
      'config.yml': 'server: {port: 1}',
      a: 'server: {port: 2}',
      b: 'server: {port: 3}',
    };
    const read = (path: string) => files[path] ?? missing();
    const port = (argv: string[], env: Env = {}) => {
      const loaded = loadSettings(argv, env, read);
      return loaded.action === 'start' && loaded.settings['server.port'];
    };
    expect(port([])).toBe(1);
    expect(port([], { SYNAPD_CONFIG: 'a' })).toBe(2);
    expect(port(['-c', 'b'], { SYNAPD_CONFIG: 'a' })).toBe(3);
  });

  it('may be empty', () => {
    for (const text of ['', '# nothing\n', '---\n', 'null']) expect(start([], {}, text).warnings).toEqual([]);
  });

  it('is refused with a line number when it is no YAML, or no block', () => {
    expect(refusal([], {}, 'server:\n  port: 1\n port: 2\n')[0]).toMatch(/^file config\.yml line \d: not valid YAML: /);
    expect(refusal([], {}, 'server: {port: 1}\nserver: {port: 2}\n')[0]).toMatch(
      /^file config\.yml line 2: not valid YAML: /,
    );
    expect(refusal([], {}, '- a\n')).toEqual(['file config.yml: must be a block of settings']);
    const bomb = `a: &a [${'x,'.repeat(99)}x]\n${[...'bcdefghi'].map((name, i) => `${name}: &${name} [${`*${'abcdefgh'[i]},`.repeat(99)}1]`).join('\n')}\n`;
    expect(refusal([], {}, bomb)[0]).toMatch(/^file config\.yml: not valid YAML: /);
  });

  it('takes texts as they were written, and numbers in quotes', () => {
    const { settings, accounts } = start(
      [],
      {},
      'server: {port: "7"}\nauth:\n  enabled: yes\n  root: {password: 0123}\n',
    );
    expect(settings['server.port']).toBe(7);
    expect(accounts.users).toMatchObject([{ name: 'root', password: '0123' }]);
  });

  it('warns of unknown keys, with the one that was likely meant', () => {
    const text =
      'kv_store:\n  max_memory_mbs: 7\nserver:\n  prot: 9\n  max_depth: 1\nkvstore:\n  a: 1\n  b: 2\nport: 4\nzebra: {}\n"__proto__": 1\n';
    expect(start([], {}, text).warnings).toEqual([
      'file config.yml line 2: there is no setting kv_store.max_memory_mbs, it is ignored; did you mean kv_store.max_memory_mb?',
      'file config.yml line 4: there is no setting server.prot, it is ignored; did you mean server.port?',
      'file config.yml line 5: there is no setting server.max_depth, it is ignored; did you mean queue.max_depth?',
      'file config.yml line 6: there is no setting kvstore, it is ignored; did you mean kv_store?',
      'file config.yml line 9: there is no setting port, it is ignored; did you mean server.port?',
      'file config.yml line 10: there is no setting zebra, it is ignored',
      'file config.yml line 11: there is no setting __proto__, it is ignored',
    ]);
  });

  it('may hold anchors and merged blocks', () => {
    const { settings } = start(
      [],
      {},
      'queue: &q\n  max_depth: 5\nkv_store:\n  max_memory_mb: 3\nqueue2: &r {<<: *q}\n',
    );
    expect(settings['queue.max_depth']).toBe(5);
  });
});

describe("Synap's file", () => {
  it('is understood, with its short names', () => {
    const text = `
server: {host: 127.0.0.1, port: 15501, notify_keyspace_events: KEA}
kv_store: {max_memory_mb: 10, eviction_policy: lru, ttl_cleanup_interval_ms: 50, allow_flush_commands: true, max_value_size_bytes: null}
queue: {enabled: true, max_depth: 7, ack_deadline_secs: 8, default_max_retries: 9, default_priority: 1, prefetch_limit: 2}
logging: {level: trace, format: pretty}
watch: {max_inline_value_bytes: 3}
`;
    const { settings, warnings } = start([], {}, text);
    expect(warnings).toEqual([]);
    expect(settings).toMatchObject({
      'server.port': 15_501,
      'server.notify_keyspace_events': 'KEA',
      'kv_store.eviction_policy': 'allkeys-lru',
      'kv_store.allow_flush_commands': true,
      'kv_store.max_value_size_bytes': 0,
      'queue.max_depth': 7,
      'logging.level': 'debug',
      'logging.format': 'text',
      'watch.max_inline_value_bytes': 3,
    });
    const policy = (word: string) => start(['--eviction-policy', word]).settings['kv_store.eviction_policy'];
    expect(['lru', 'lfu', 'ttl', 'none', 'Volatile-LFU'].map(policy)).toEqual([
      'allkeys-lru',
      'allkeys-lfu',
      'volatile-ttl',
      'noeviction',
      'volatile-lfu',
    ]);
  });

  it('says with persistence.enabled: false that everything stays in memory', () => {
    expect(start([], {}, 'persistence:\n  enabled: false\n  wal: {path: x}\n')).toMatchObject({
      settings: { memory: true },
      warnings: [],
    });
    expect(start([], {}, 'persistence: {enabled: true}').settings.memory).toBe(false);
    expect(start([], {}, 'memory: true\npersistence: {enabled: true}').settings.memory).toBe(true);
    expect(start(['--memory'], {}, 'persistence: {enabled: true}').settings.memory).toBe(true);
    expect(refusal([], {}, 'persistence:\n  enabled: perhaps\n')[0]).toMatch(
      /^file config.yml line 2 \(persistence.enabled\): "perhaps"/,
    );
  });

  it('says with the flush of its log when a write is answered', () => {
    const level = (mode: string) =>
      start([], {}, `persistence: {enabled: true, wal: {fsync_mode: ${mode}, fsync_interval_ms: 7}}`).settings;
    expect(['always', 'periodic', 'never'].map((mode) => level(mode)['durability.level'])).toEqual([
      'sync',
      'batch',
      'none',
    ]);
    expect(level('always')['durability.flush_ms_max']).toBe(7);
    expect(
      start([], {}, 'durability: {level: none}\npersistence: {wal: {fsync_mode: always}}').settings['durability.level'],
    ).toBe('none');
  });

  it('may have blocks that mean nothing here: one warning for each that is switched on', () => {
    const text = `
server: {websocket_enabled: true}
rate_limit: {enabled: true, requests_per_second: 5, burst_size: 6}
replication: {enabled: false, role: master}
persistence:
  enabled: true
  wal: {enabled: true, path: /data/x, buffer_size_kb: 64}
  snapshot: {enabled: true, directory: /data}
acl: {rules: []}
`;
    const { warnings } = start([], {}, text);
    expect(
      warnings.map((warning) => warning.replace(/: .*? changes/, ': ... changes').replace(/^(.*?: )/, '')),
    ).toHaveLength(4);
    expect(warnings).toContainEqual(
      `file config.yml line 3: rate_limit changes nothing: ${WITHOUT_EFFECT.get('rate_limit')}`,
    );
    expect(warnings.filter((warning) => warning.includes('persistence'))).toHaveLength(1);
  });
});

describe('listening on another address than loopback', () => {
  const open = 'can be reached from other machines, but nobody is asked for credentials';

  it('is refused without credentials, unless told so', () => {
    for (const host of ['0.0.0.0', '::', '10.1.2.3', 'example.org'])
      expect(refusal(['--host', host])[0], host).toContain(`flag --host: server.host ${host} ${open}`);
    expect(refusal([], {}, 'server:\n  host: 0.0.0.0\n')[0]).toContain(
      `file config.yml line 2: server.host 0.0.0.0 ${open}`,
    );
    expect(start(['--host', '0.0.0.0', '--insecure']).settings['server.host']).toBe('0.0.0.0');
    expect(start(['--host', '0.0.0.0'], { SYNAPD_INSECURE: 'true' }).settings['server.allow_insecure']).toBe(true);
    expect(start(['--host', '0.0.0.0'], {}, 'auth: {users: [{name: a, password: b}]}').settings['auth.enabled']).toBe(
      true,
    );
  });

  it('is no matter for loopback', () => {
    for (const host of ['127.0.0.1', '127.8.9.1', '::1', 'localhost', 'LOCALHOST'])
      expect(start(['--host', host]).settings['server.host']).toBe(host);
  });

  it('wants something that can be an address', () => {
    for (const host of ['', ' ', 'a b', 'http://x', '127.0.0.1:80', '-x'])
      expect(refusal([`--host=${host}`])[0], host).toContain('must be an IP address or a host name');
  });
});

describe('accounts', () => {
  it('of the settings can be logged in with', async () => {
    const hash = printHash(await hashPassword('s3cret', { n: 16, r: 1, p: 1 }));
    const { accounts } = start(
      [],
      {},
      `
auth:
  enabled: true
  require_auth: true
  users:
    - {name: admin, password: password, admin: true}
    - {name: bob, password: ${hash}, permissions: [{resource: "kv:bob:*", action: all}]}
  api_keys:
    - {name: page, key: sk_live_abc123..., permissions: [{resource: "*", action: all}]}
    - {name: old, key: sk_old, expires_at: 2020-01-01T00:00:00Z}
`,
    );
    const built = await Accounts.open({ ...accounts, cost: { n: 16, r: 1, p: 1 } }, new FakeClock());
    const shown = (authorization: string) => built.admit({ authorization, apiKey: '', query: '' });
    expect(await shown(`Basic ${btoa('admin:password')}`)).toMatchObject({ name: 'admin', admin: true });
    expect((await shown(`Basic ${btoa('bob:s3cret')}`))?.allows('write', 'kv:bob:1')).toBe(true);
    expect(await shown('Bearer sk_live_abc123...')).toMatchObject({ name: 'page', admin: false });
    expect(await shown('Bearer sk_old')).toBeUndefined();
    expect(await shown('')).toBeUndefined();
  });

  it('switch authentication on by being there, unless it is switched off', () => {
    const users = 'users: [{name: a, password: b, admin: true}]';
    expect(start([], {}, `auth: {${users}}`).accounts.enabled).toBe(true);
    const off = start([], {}, `auth: {enabled: false, ${users}}`);
    expect(off.accounts.enabled).toBe(false);
    expect(off.warnings).toEqual([
      'auth.enabled is off: users and API keys are not looked at, and every caller may do everything',
    ]);
  });

  it('include the root user as administrator, once somebody chose its password', () => {
    const root = (settings: string) => start([], {}, `auth:\n  enabled: true\n  root: {${settings}}\n`).accounts.users;
    expect(root('password: password')).toEqual([
      { name: 'root', password: 'password', admin: true, roles: ['admin'], permissions: [] },
    ]);
    expect(root('username: admin, password: root')).toMatchObject([{ name: 'admin', password: 'root' }]);
  });

  it('never include root/root, and never leave a server that nobody can use', () => {
    expect(refusal([], {}, 'auth: {enabled: true}')).toEqual([
      'auth.enabled is on, but nobody can log in: set auth.root.password, auth.users or auth.api_keys',
    ]);
    const shipped = 'auth:\n  enabled: true\n  root: {username: root, password: root, enabled: true}\n';
    expect(refusal([], {}, shipped)).toEqual([expect.stringContaining('the password root is known to everybody')]);
    const { accounts, warnings } = start([], {}, `${shipped}  api_keys: [{name: k, key: x, admin: true}]\n`);
    expect(accounts.users).toEqual([]);
    expect(warnings).toEqual([expect.stringContaining('the user root is not created')]);
    expect(start([], {}, 'auth: {enabled: false, root: {username: root, password: root}}').warnings).toEqual([]);
    expect(refusal([], {}, 'auth: {enabled: true, root: {enabled: false, password: good}}')).toHaveLength(1);
  });

  it('are refused when two of them are one, or when something is missing, misspelled or unusable', () => {
    const lines = (auth: string) =>
      refusal([], {}, `auth:\n${auth}`).map((line) => line.replace(/^file config.yml /, ''));
    expect(lines('  users: [{name: a, password: b}, {name: a, password: c}]')).toEqual([
      'line 2: auth.users: has two users of the same name',
    ]);
    expect(lines('  api_keys: [{name: a, key: b}, {name: c, key: b}]')).toEqual([
      'line 2: auth.api_keys: has the same key twice',
    ]);
    expect(lines('  root: {password: x}\n  users: [{name: root, password: b}]')[0]).toContain(
      'auth.users has a user named root too',
    );
    expect(lines('  users:\n    - name: a\n      pasword: b')).toEqual([
      'line 3: auth.users[0].password: is missing',
      'line 3: auth.users[0]: Unrecognized key: "pasword"',
    ]);
    expect(lines('  users:\n    - name: a\n      password: 123')).toEqual([
      'line 4: auth.users[0].password: must be text; put numbers in quotes',
    ]);
    expect(lines('  users: [{name: "a:b", password: c}]')[0]).toContain('must not have a colon');
    expect(lines('  api_keys: [{name: a, key: b, permissions: [{resource: "kv:a*b", action: read}]}]')[0]).toContain(
      'auth.api_keys[0].permissions[0].resource: may have one `*`',
    );
    expect(lines('  api_keys: [{name: a, key: b, permissions: [{resource: "*", action: rea}]}]')[0]).toContain(
      'permissions[0].action',
    );
    expect(lines('  api_keys: [{name: a, key: b, expires_at: tomorrow}]')[0]).toContain('must be a time such as');
  });

  it('that may do nothing are pointed out', () => {
    expect(
      start([], {}, 'auth: {api_keys: [{name: k, key: x}], users: [{name: r, password: p, roles: [readonly]}]}')
        .warnings,
    ).toEqual(['auth.api_keys: k has no permissions and may do nothing']);
  });
});

describe('checking the settings', () => {
  it('says that they are valid, with the warnings, and starts nothing', () => {
    expect(load(['--check-config'], {}, 'zebra: 1')).toEqual({
      action: 'print',
      text: 'warning: file config.yml line 1: there is no setting zebra, it is ignored\nThe settings are valid.\n',
    });
    expect(refusal(['--check-config', '--port', 'x'])).toHaveLength(1);
  });

  it('points out a promise that memory cannot keep', () => {
    expect(start(['--memory', '--durability', 'sync']).warnings).toEqual([
      'flag --durability: durability.level sync changes nothing, since memory is on',
    ]);
  });
});

describe('the settings of ProgressDB', () => {
  const key = 'ab'.repeat(32);

  it('are understood in the file, also in the spelling of its later documents', () => {
    const file = `server:
  address: 127.0.0.2
  db_path: /srv/chat
  rate_limit: { rps: 7, burst: 9 }
  ip_whitelist: [10.0.0.0/8]
security:
  api_keys: { backend: [b1, b2], admin: [a1] }
  cors: { allowed_origins: [http://app.example] }
encryption: { enabled: true, fields: [body.text] }
retention: { period: 7d }
`;
    const { settings, warnings } = start([], { PROGRESSDB_KMS_MASTER_KEY_HEX: key }, file);
    expect(settings).toMatchObject({
      'server.host': '127.0.0.2',
      data_dir: '/srv/chat',
      'security.rate_limit.rps': 7,
      'security.rate_limit.burst': 9,
      'security.ip_whitelist': ['10.0.0.0/8'],
      'security.api_keys.backend': ['b1', 'b2'],
      'security.api_keys.admin': ['a1'],
      'security.encryption.use': true,
      'security.encryption.fields': ['body.text'],
      'security.kms.master_key_hex': key,
      'retention.period': '7d',
    });
    expect(warnings).toEqual([]);
  });

  it('are understood in the environment, lists between commas', () => {
    const { settings } = start([], {
      PROGRESSDB_ADDR: '127.0.0.1:8123',
      PROGRESSDB_API_BACKEND_KEYS: 'b1, b2',
      PROGRESSDB_CORS_ORIGINS: 'http://a.example,http://b.example',
      PROGRESSDB_TESTING: '1',
    });
    expect(settings).toMatchObject({
      'server.host': '127.0.0.1',
      'server.port': 8123,
      'security.api_keys.backend': ['b1', 'b2'],
      'security.cors.allowed_origins': ['http://a.example', 'http://b.example'],
      'chat.testing': true,
    });
  });

  it('are refused when they do not fit together or cannot be read', () => {
    expect(refusal([], {}, 'security: { encryption: { use: true } }\n')).toEqual([
      'security.encryption.use needs security.kms.master_key_hex',
    ]);
    expect(refusal([], {}, 'retention: { period: 10m }\n')[0]).toContain('shorter than retention.min_period');
    expect(refusal([], {}, 'security: { ip_whitelist: [10.0.0.0/40] }\n')).toHaveLength(1);
    expect(refusal([], {}, 'retention: { cron: "61 * * * *" }\n')).toHaveLength(1);
    expect(refusal([], {}, 'security: { kms: { master_key_file: nowhere } }\n')[0]).toContain('nowhere');
    expect(refusal(['--config', 'nowhere.yaml'])).toHaveLength(1);
  });
});

describe('the documents', () => {
  it('have an example file that loads to the defaults without a warning', () => {
    expect(start([], {}, exampleYaml())).toEqual(start());
  });

  it('have examples that load once the comment signs before them are gone', () => {
    const text = exampleYaml().replaceAll(/^( *)# (?=users:|api_keys:|password:| {2})/gm, '$1');
    expect(typeof parse(text)).toBe('object');
    const { accounts, warnings } = start([], { SYNAPD_AUTH_ENABLED: 'true' }, text);
    expect(accounts).toMatchObject({ users: [{ name: 'alice' }, { name: 'root' }], keys: [{ name: 'worker' }] });
    expect(warnings).toEqual([]);
  });

  it('name every setting, with flag, variable and default', () => {
    const page = settingsMarkdown();
    for (const [path, row] of Object.entries(TABLE)) {
      const line = page.split('\n').find((text) => text.startsWith(`| \`${path}\` |`) && text.split(' | ').length > 5);
      expect(line, path).toContain(`\`${variables(path, row)[0]}\``);
      expect(line, path).toContain(row.about);
      expect(line?.split(' | '), path).toHaveLength(6);
    }
    for (const path of WITHOUT_EFFECT.keys()) expect(page).toContain(`| \`${path}\` | changes nothing`);
  });

  it('have a sentence for every setting', () => {
    for (const [path, row] of Object.entries(TABLE)) expect(row.about, path).toMatch(/^[A-Z].*\.$/);
  });
});
