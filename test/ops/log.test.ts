import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { createLog, type LogOptions } from '../../src/ops/log.ts';
import { root } from '../support/process.ts';

function opened(options: Partial<LogOptions> = {}) {
  const lines: string[] = [];
  const log = createLog({ level: 'info', format: 'json', write: (line) => lines.push(line), ...options });
  return { log, lines, parsed: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

describe('the log', () => {
  it('is one JSON object on one line for each event', () => {
    const { log, lines, parsed } = opened();
    log.info({ port: 1, name: 'a\nb' }, 'listening');
    log.error({ err: new Error('boom\nboom') }, 'it broke');
    expect(lines.every((line) => line.indexOf('\n') === line.length - 1)).toBe(true);
    expect(parsed()[0]).toEqual({
      level: 'info',
      time: expect.stringMatching(/^\d{4}-.*Z$/),
      port: 1,
      name: 'a\nb',
      msg: 'listening',
    });
    expect(parsed()[1]).toMatchObject({
      level: 'error',
      err: { type: 'Error', message: 'boom\nboom', stack: expect.stringContaining('log.test.ts') },
    });
  });

  it('is one readable line for each event in the text format', () => {
    const { log, lines } = opened({ format: 'text' });
    log.warn({ port: 1, path: '/a b', none: null, list: [1] }, 'all\nis well');
    log.error({ err: new Error('boom') }, 'it broke');
    expect(lines[0]).toMatch(
      /^\d{4}-\d\d-\d\dT[\d:.]+Z WARN {2}all is well port=1 path="\/a b" none=null list=\[1\]\n$/,
    );
    expect(lines[1]).toMatch(/ ERROR it broke error="Error: boom\\n +at .*"\n$/);
    expect(lines[1]?.indexOf('\n')).toBe((lines[1]?.length ?? 0) - 1);
  });

  it('hides what is named like a secret, three levels down', () => {
    const secrets = {
      password: 'hush',
      api_key: 'hush',
      apiKey: 'hush',
      authorization: 'hush',
      'x-api-key': 'hush',
      token: 'hush',
    };
    for (const format of ['json', 'text'] as const) {
      const { log, lines } = opened({ format });
      log.info(
        { ...secrets, user: { ...secrets, name: 'bob' }, request: { headers: { ...secrets, host: 'h' } } },
        'seen',
      );
      expect(lines[0]).not.toContain('hush');
      expect(lines[0]).toContain('(hidden)');
      expect(lines[0]).toContain('bob');
    }
  });

  it('drops what is less important than its level, which can change', () => {
    const { log, parsed } = opened({ level: 'warn' });
    const all = (): void => {
      log.debug({}, 'd');
      log.info({}, 'i');
      log.warn({}, 'w');
      log.error({}, 'e');
    };
    all();
    log.setLevel('debug');
    all();
    log.setLevel('off');
    all();
    expect(parsed().map((line) => line['msg'])).toEqual(['w', 'e', 'd', 'i', 'w', 'e']);
  });
});

describe('the log on standard output', () => {
  const child = (code: string) =>
    spawn(
      process.execPath,
      ['--import', 'tsx', '--input-type=module', '-e', `import { createLog } from './src/ops/log.ts';\n${code}`],
      {
        cwd: root,
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );

  it('has the last line when the process ends right after it', async () => {
    const program = child(`const log = createLog({ level: 'info', format: 'json' });
      for (let i = 0; i < 500; i++) log.info({ i, filler: 'x'.repeat(200) }, 'line');
      process.exit(0);`);
    let output = '';
    program.stdout.on('data', (chunk) => (output += chunk));
    await once(program, 'close');
    const lines = output.trimEnd().split('\n');
    expect(lines).toHaveLength(500);
    expect(JSON.parse(lines[499] ?? '')).toMatchObject({ i: 499 });
  });

  it('does not take the process with it when nobody reads any more', async () => {
    const program = child(`const log = createLog({ level: 'info', format: 'json' });
      process.once('SIGUSR2', () => {
        for (let i = 0; i < 20; i++) log.info({}, 'to nobody');
        setTimeout(() => process.exit(7), 50);
      });
      log.info({}, 'started');
      setInterval(() => {}, 1000);`);
    await once(program.stdout, 'data');
    program.stdout.destroy();
    await once(program.stdout, 'close');
    program.kill('SIGUSR2');
    const [code] = await once(program, 'exit');
    expect(code).toBe(7);
  });
});
