/**
 * Encryption at rest as an operator meets it: settings, admin calls and kills of the built server (issue 6, 4; section
 * 10 of progressdb.md, 8 and 12 to 15). Every answer is kept, to be searched for wrapped keys at the end.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type Running, runMain, scratchFolder, startServer } from '../support/process.ts';

const ONE = '1'.repeat(64);
const TWO = '2'.repeat(64);
const WORD = 'plaintextword';
const ANA = { 'X-API-Key': 'sk_backend', 'X-User-ID': 'ana' };
const KEYS = { PROGRESSDB_API_BACKEND_KEYS: 'sk_backend', PROGRESSDB_API_ADMIN_KEYS: 'sk_admin' };
const ADMIN = { 'X-API-Key': 'sk_admin' };

interface Said {
  readonly id: string;
  readonly thread: string;
  readonly kms?: { readonly key_id: string };
  readonly keys: readonly string[];
  readonly messages: readonly { readonly id: string; readonly body: unknown }[];
  readonly versions: readonly { readonly body: unknown }[];
  readonly reactions: readonly unknown[];
  readonly new_key: string;
}

const heard: string[] = [];
afterAll(() => {
  const wire = heard.join('\n');
  expect(wire).toContain('key_id');
  expect(wire).not.toMatch(/wrapped/i);
  expect(wire).not.toContain(ONE);
});

/** A server over a folder of its own, which can be killed and started again. */
class Site {
  readonly folder = scratchFolder();
  #server: Running | undefined;

  get #args(): string[] {
    const level = ['--durability', 'sync', '--log-level', 'warn', '--check-data'];
    const rate = ['--security-rate-limit-rps', '1000000', '--security-rate-limit-burst', '1000000'];
    return ['--data-dir', join(this.folder, 'data'), '--backup-dir', join(this.folder, 'backups'), ...level, ...rate];
  }

  async start(key: string, env: NodeJS.ProcessEnv = {}): Promise<void> {
    const encryption = key === '' ? {} : { PROGRESSDB_USE_ENCRYPTION: 'true', PROGRESSDB_KMS_MASTER_KEY_HEX: key };
    this.#server = await startServer(this.#args, { ...KEYS, ...encryption, ...env });
  }

  /** What it says when it does not start. */
  async refused(key: string): Promise<string> {
    const env = key === '' ? {} : { PROGRESSDB_KMS_MASTER_KEY_HEX: key };
    const { code, output } = await runMain([...this.#args, '--port', '0'], env);
    expect(code).toBe(1);
    return output;
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    expect(await (this.#server as Running).stop(signal)).toBe(signal === 'SIGTERM' ? 0 : signal);
  }

  async call(method: string, path: string, headers: Record<string, string>, body?: unknown): Promise<Said> {
    const answer = await fetch(`${(this.#server as Running).base}${path}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    heard.push(text);
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return (text === '' ? {} : JSON.parse(text)) as Said;
  }

  /** An admin call that the kill may cut off; `undefined` when it did. */
  async perhaps(path: string, body: unknown): Promise<Said | undefined> {
    try {
      return await this.call('POST', path, ADMIN, body);
    } catch (error) {
      if (error instanceof TypeError) return undefined; // fetch failed
      throw error;
    }
  }

  backup(name: string): Promise<Said> {
    const command = { command: 'server.backup', request_id: 'b', payload: { name } };
    return this.call('POST', '/api/v1/command', { 'Content-Type': 'application/json' }, command);
  }

  /** Whether the bytes of a folder hold a text. */
  holds(text: string, folder: string): boolean {
    return readdirSync(join(this.folder, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .some((entry) => readFileSync(join(entry.parentPath, entry.name)).includes(text));
  }
}

/** A thread of ana with edits and reactions; everything in it holds `WORD`. */
async function fill(site: Site, messages: number): Promise<string> {
  const { id: thread } = await site.call('POST', '/v1/threads', ANA, { title: 'sealed' });
  const post = async (n: number): Promise<void> => {
    const { id } = await site.call('POST', '/v1/messages', ANA, { thread, body: { text: `${WORD} #${n}.`, n } });
    if (n % 10 !== 0) return;
    const path = `/v1/threads/${thread}/messages/${id}`;
    await site.call('PUT', path, ANA, { body: { text: `${WORD} #${n}. edited`, n } });
    await site.call('POST', `${path}/reactions`, ANA, { id: 'ben', reaction: 'like' });
  };
  for (let n = 0; n < messages; n += 50) await Promise.all(Array.from({ length: 50 }, (_, i) => post(n + i)));
  return thread;
}

/** Everything that can be read of a thread, and that it can all be read. */
async function contents(site: Site, thread: string): Promise<unknown> {
  const { messages } = await site.call('GET', `/v1/threads/${thread}/messages`, ANA);
  const first = `/v1/threads/${thread}/messages/${messages.find(({ body }) => (body as { n: number }).n === 0)?.id}`;
  const { versions } = await site.call('GET', `${first}/versions`, ANA);
  const { reactions } = await site.call('GET', `${first}/reactions`, ANA);
  const found = await site.call('GET', `/v1/threads/${thread}/search?q=${WORD}+%2310.+edited&limit=5`, ANA);
  expect([versions.length, reactions.length, found.messages.length]).toEqual([3, 1, 1]);
  return { messages, versions, reactions };
}

const keyOf = async (site: Site, thread: string): Promise<string> =>
  (await site.call('GET', `/v1/threads/${thread}`, ADMIN)).kms?.key_id ?? '';

describe('encryption at rest', () => {
  it('hides bodies from the disk and from backups, outlives restarts, and refuses to start without its key', async () => {
    const site = new Site();
    await site.start(ONE);
    const thread = await fill(site, 50);
    const before = await contents(site, thread);
    expect(await keyOf(site, thread)).toMatch(/^k_\d+/);
    // nobody but admins sees even the name of the key
    expect((await site.call('GET', `/v1/threads/${thread}`, ANA)).kms).toBeUndefined();
    const { keys } = await site.call('GET', `/admin/keys?prefix=thread:${thread}:msg:`, ADMIN);
    const stored = await site.call('GET', `/admin/keys/${encodeURIComponent(keys[0] ?? '')}`, ADMIN);
    expect(JSON.stringify(stored)).toContain('"_enc":"gcm"');
    await site.backup('one');
    await site.stop('SIGKILL');
    for (const part of ['data', 'backups']) {
      expect(site.holds(WORD, part)).toBe(false);
      expect(site.holds(ONE, part)).toBe(false);
    }
    expect(site.holds('sealed', 'data')).toBe(true); // titles stay clear, as in the reference
    expect(await site.refused('')).toMatch(/^synapd: .*key/);
    expect(await site.refused(TWO)).toMatch(/^synapd: .*key/);
    await site.start(ONE);
    expect(await contents(site, thread)).toEqual(before);
    await site.stop();
  });

  it('encrypts only the fields that are named', async () => {
    const site = new Site();
    await site.start(ONE, { PROGRESSDB_ENCRYPTION_FIELDS: 'body.secret' });
    const body = { open: 'openword', secret: WORD };
    const { id } = await site.call('POST', '/v1/messages', ANA, { thread: 'some', body });
    expect((await site.call('GET', `/v1/threads/some/messages/${id}`, ANA)) as unknown).toMatchObject({ body });
    await site.stop('SIGKILL');
    expect(site.holds('openword', 'data')).toBe(true);
    expect(site.holds(WORD, 'data')).toBe(false);
  });

  it('rotates the key of a thread through kills in the middle, and ends with one key', async () => {
    const site = new Site();
    await site.start(ONE);
    const thread = await fill(site, 600);
    const before = await contents(site, thread);
    const first = await keyOf(site, thread);
    let cut = 0;
    for (const delay of [0, 4, 12]) {
      const rotating = site.perhaps('/admin/encryption/rotate-thread-dek', { thread_id: thread });
      await new Promise((resolve) => setTimeout(resolve, delay));
      await site.stop('SIGKILL');
      if ((await rotating) === undefined) cut++;
      await site.start(ONE);
      expect(await contents(site, thread)).toEqual(before);
    }
    expect(cut).toBeGreaterThan(0);
    const { new_key } = await site.call('POST', '/admin/encryption/rotate-thread-dek', ADMIN, { thread_id: thread });
    expect(await keyOf(site, thread)).toBe(new_key);
    expect(new_key).not.toBe(first);
    await site.stop();
    await site.start(ONE);
    expect(await contents(site, thread)).toEqual(before);
    await site.stop('SIGKILL');
    expect(site.holds(WORD, 'data')).toBe(false);
  });

  it('wraps keys anew through kills in the middle: both master keys open everything, until the settings name the new one', async () => {
    const site = new Site();
    await site.start(ONE);
    const thread = await fill(site, 50);
    const before = await contents(site, thread);
    await Promise.all(
      Array.from({ length: 300 }, (_, i) => site.call('POST', '/v1/messages', ANA, { thread: `t${i}`, body: WORD })),
    );
    const rewrap = { all: true, new_kek_hex: TWO };
    for (const delay of [0, 1, 4]) {
      const wrapping = site.perhaps('/admin/encryption/rewrap-deks', rewrap);
      await new Promise((resolve) => setTimeout(resolve, delay));
      await site.stop('SIGKILL');
      await wrapping;
      await site.start(ONE);
      expect(await contents(site, thread)).toEqual(before);
    }
    const outcomes = await site.call('POST', '/admin/encryption/rewrap-deks', ADMIN, rewrap);
    expect(Object.keys(outcomes)).toHaveLength(301);
    expect(new Set(Object.values(outcomes).map((outcome) => JSON.stringify(outcome))).size).toBe(1);
    await site.stop('SIGKILL');
    await site.start(ONE); // the settings still name the old key
    expect(await contents(site, thread)).toEqual(before);
    await site.stop();
    await site.start(TWO);
    expect(await contents(site, thread)).toEqual(before);
    await site.call('POST', '/v1/messages', ANA, { thread: 't1', body: WORD });
    await site.stop();
    expect(await site.refused(ONE)).toMatch(/^synapd: .*key/);
    await site.start(TWO);
    expect((await site.call('GET', '/v1/threads/t1/messages', ANA)).messages).toHaveLength(2);
    await site.stop();
  });

  it('encrypts what was stored in clear through kills in the middle, twice changes nothing', async () => {
    const site = new Site();
    await site.start('');
    const thread = await fill(site, 600);
    const before = await contents(site, thread);
    await site.stop();
    expect(site.holds(WORD, 'data')).toBe(true);
    for (const delay of [0, 6]) {
      await site.start(ONE);
      const encrypting = site.perhaps('/admin/encryption/encrypt-existing', { all: true });
      await new Promise((resolve) => setTimeout(resolve, delay));
      await site.stop('SIGKILL');
      await encrypting;
    }
    await site.start(ONE);
    expect(await contents(site, thread)).toEqual(before);
    const told = await site.call('POST', '/admin/encryption/encrypt-existing', ADMIN, { all: true });
    const key = await keyOf(site, thread);
    expect(told as unknown).toEqual({ [thread]: { key_id: key, status: 'ok' } });
    expect(
      (await site.call('POST', '/admin/encryption/encrypt-existing', ADMIN, {
        thread_ids: [thread, thread],
      })) as unknown,
    ).toEqual(told);
    expect(await contents(site, thread)).toEqual(before);
    const { keys } = await site.call('GET', `/admin/keys?prefix=thread:${thread}:msg:`, ADMIN);
    expect(keys.length).toBe(720);
    for (const stored of keys.filter((_, i) => i % 8 === 0)) {
      const value = JSON.stringify(await site.call('GET', `/admin/keys/${encodeURIComponent(stored)}`, ADMIN));
      expect(value.includes('"_enc":"gcm"') && !value.includes(WORD)).toBe(true);
    }
    await site.stop('SIGKILL');
    await site.start(ONE);
    expect(await contents(site, thread)).toEqual(before);
    await site.stop();
  });
});

describe('settings that change between starts', () => {
  it('leave everything readable that was written under others, as long as the master key is there', async () => {
    const site = new Site();
    const kept = { PROGRESSDB_KMS_MASTER_KEY_HEX: ONE };
    const starts: readonly (readonly [string, NodeJS.ProcessEnv])[] = [
      ['', {}],
      [ONE, {}],
      ['', kept],
      [ONE, { PROGRESSDB_ENCRYPTION_FIELDS: 'body.text,body.none' }],
      [ONE, {}],
    ];
    const threads: string[] = [];
    const written: { id: string; thread: string; body: unknown }[] = [];
    for (const [at, [key, env]] of starts.entries()) {
      await site.start(key, env);
      threads.push(`settings-${at}`);
      // into the new thread, and into every thread that began under other settings
      for (const thread of threads) {
        const body = { text: `${WORD} ${at}`, n: at };
        const { id } = await site.call('POST', `/v1/threads/${thread}/messages`, ANA, { body });
        written.push({ id, thread, body });
      }
      if (at === 4) await site.call('POST', '/admin/encryption/encrypt-existing', ADMIN, { all: true });
      const found: unknown[] = [];
      for (const thread of threads)
        found.push(...(await site.call('GET', `/v1/threads/${thread}/messages`, ANA)).messages);
      expect(found).toHaveLength(written.length);
      for (const { id, thread, body } of written)
        expect(found).toContainEqual(expect.objectContaining({ id, thread, body }));
      await site.stop(at % 2 === 0 ? 'SIGKILL' : 'SIGTERM');
    }
    expect(await site.refused('')).toMatch(/kek_\w+, which is not configured/);
  }, 60_000);
});
