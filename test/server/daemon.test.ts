/** The daemon as an operator meets it: settings, signals, ports, health (issue of the foundation; synap-operations.md 2). */

import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runMain, scratchFolder, startServer } from '../support/process.ts';

describe('the program', () => {
  it('prints its help and its version', async () => {
    const help = await runMain(['--help']);
    expect(help.code).toBe(0);
    for (const flag of ['--host', '--port', '--config', '--memory', '--version']) expect(help.output).toContain(flag);
    const version = await runMain(['--version']);
    expect([version.code, version.output.trim()]).toEqual([0, expect.stringMatching(/^\d+\.\d+\.\d+/)]);
  });

  it('refuses a wrong setting by naming it, its source and what is allowed', async () => {
    const flag = await runMain(['--port', 'seventy']);
    expect(flag.code).toBe(1);
    expect(flag.output).toMatch(
      /flag --port: "seventy" is not allowed: server\.port must be an integer from 0 to 65535/,
    );
    const variable = await runMain([], { SYNAPD_PORT: '99999' });
    expect([variable.code, variable.output]).toEqual([1, expect.stringContaining('environment SYNAPD_PORT')]);
    const file = join(scratchFolder(), 'synapd.yaml');
    writeFileSync(file, 'kv_store:\n  eviction_policy: sometimes\n');
    const wrong = await runMain(['--config', file]);
    expect([wrong.code, wrong.output]).toEqual([
      1,
      expect.stringMatching(/line 2.*kv_store\.eviction_policy must be one of noeviction/),
    ]);
  });

  it('refuses to be reached from elsewhere without credentials, unless told so', async () => {
    const refused = await runMain(['--host', '0.0.0.0', '--memory']);
    expect([refused.code, refused.output]).toEqual([1, expect.stringContaining('--insecure')]);
  });

  it('says in one line that a port is in use', async () => {
    const first = await startServer();
    const second = await runMain(['--memory', '--port', String(first.port)]);
    expect(second.code).toBe(1);
    expect(
      second.output
        .trim()
        .split('\n')
        .filter((line) => line.startsWith('synapd:')),
    ).toEqual([
      expect.stringMatching(new RegExp(`cannot listen on 127\\.0\\.0\\.1:${first.port}: the port is in use`)),
    ]);
    expect(await first.stop()).toBe(0);
  });

  it('drains on SIGTERM: a request under way is answered, then the exit code is 0', async () => {
    const server = await startServer();
    await fetch(`${server.base}/queue/slow`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{}',
    });
    const waiting = fetch(`${server.base}/queue/slow/consume/w1?wait_ms=1000`);
    await expect
      .poll(
        async () => ((await (await fetch(`${server.base}/queue/slow/detail`)).json()) as { waiting: number }).waiting,
      )
      .toBe(1);
    const stopped = server.stop('SIGTERM');
    expect(((await (await waiting).json()) as { message_id: null }).message_id).toBeNull();
    expect(await stopped).toBe(0);
  });

  it('ends at once on a second signal', async () => {
    const server = await startServer();
    const waiting = fetch(`${server.base}/queue/none/consume/w1?wait_ms=50000`).catch(() => undefined);
    const socket = connect(server.port, '127.0.0.1');
    await once(socket, 'connect');
    await expect
      .poll(async () => (await (await fetch(`${server.base}/metrics`)).text()).includes('synapd_'))
      .toBe(true);
    const stopped = server.stop('SIGINT');
    await expect.poll(() => server.output.text.includes('stopping')).toBe(true);
    server.child.kill('SIGINT');
    expect(await stopped).toBe(1);
    await waiting;
  });
});

describe('what it tells of itself', () => {
  it('is health, readiness and metrics, open to all', async () => {
    const server = await startServer(['--memory'], {
      SYNAPD_AUTH_ENABLED: '1',
      SYNAPD_AUTH_REQUIRE_AUTH: '1',
      SYNAPD_AUTH_API_KEYS: '[{name: k, key: sk_1, admin: true}]',
    });
    expect(await (await fetch(`${server.base}/health`)).json()).toEqual({
      service: 'synap',
      status: 'healthy',
      version: expect.any(String),
    });
    expect(await (await fetch(`${server.base}/ready`)).json()).toMatchObject({ ready: true });
    expect((await fetch(`${server.base}/kv/stats`)).status).toBe(401);
    expect((await fetch(`${server.base}/kv/stats`, { headers: { authorization: 'Bearer sk_1' } })).status).toBe(200);
    const metrics = await (await fetch(`${server.base}/metrics`)).text();
    expect(metrics).toMatch(/synapd_commands_total\{command="kv\.stats",outcome="ok"\} 1\b/);
    expect(metrics).toMatch(/synap_http_requests_total\{method="GET",path="\/kv\/stats",status="401"\} 1\b/);
    expect(await server.stop()).toBe(0);
  });
});

describe('credentials', () => {
  it('are taken from Bearer, Basic, X-API-Key and the query, and wrong ones are refused with 401', async () => {
    const server = await startServer(['--memory'], {
      SYNAPD_AUTH_REQUIRE_AUTH: 'true',
      SYNAPD_AUTH_USERS:
        '[{name: admin, password: password, admin: true}, {name: reader, password: "a:b", roles: [readonly]}]',
      SYNAPD_AUTH_API_KEYS: '[{name: k, key: "sk_live_abc123...", permissions: [{resource: "kv:app:*", action: all}]}]',
    });
    const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`;
    const status = async (path: string, headers: Record<string, string> = {}): Promise<number> =>
      (await fetch(server.base + path, { headers })).status;
    // the body of the first request is there although its password has to be hashed meanwhile
    const first = await fetch(`${server.base}/kv/set`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: basic('admin:password') },
      body: '{"key":"first","value":1}',
    });
    expect(await first.json()).toEqual({ success: true, key: 'first', written: true });
    expect(await status('/kv/get/app:1', { authorization: 'Bearer sk_live_abc123...' })).toBe(200);
    expect(await status('/kv/get/app:1', { 'x-api-key': 'sk_live_abc123...' })).toBe(200);
    expect(await status('/kv/get/app:1?api_key=sk_live_abc123...')).toBe(200);
    expect(await status('/kv/get/other', { 'x-api-key': 'sk_live_abc123...' })).toBe(403);
    expect(await status('/kv/get/other', { authorization: basic('admin:password') })).toBe(200);
    expect(await status('/kv/get/other', { authorization: basic('reader:a:b') })).toBe(200);
    for (const authorization of [
      'Bearer wrong',
      basic('admin:wrong'),
      basic('nobody:password'),
      'Basic !!',
      basic('nocolon'),
    ])
      expect([authorization, await status('/kv/get/x', { authorization })]).toEqual([authorization, 401]);
    expect(await status('/kv/get/x')).toBe(401);
    expect(await status('/nope')).toBe(401);
    const write = await fetch(`${server.base}/kv/set`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: basic('reader:a:b') },
      body: '{"key":"x","value":1}',
    });
    expect([write.status, await write.json()]).toEqual([
      403,
      { code: 403, error: 'Forbidden: Insufficient permissions for resource: kv:x, action: write' },
    ]);
    expect(await server.stop()).toBe(0);
  });
});
