/**
 * `npx tsx bench/durable.ts`: what durability costs. Writes at the levels `none`, `batch` and `sync` of the built server, in one
 * run, interleaved; and against redis-server with `appendfsync always`, when redis-server, redis-benchmark and wrk are
 * installed. 50 connections, one SET of 100 bytes in flight on each.
 *
 * Bars: batch at least 0.8 of none; sync at least 0.4 of redis.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Subject } from './support/subject.ts';

const ROUNDS = Number(process.env['ROUNDS'] ?? 3);
const SECONDS = Number(process.env['SECONDS'] ?? 2);
const scratch = mkdtempSync(join(tmpdir(), 'synapd-bench-'));
const has = (program: string): boolean => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;

if (!has('wrk')) {
  console.log('wrk is not installed: skipped (apt-get install wrk redis-server redis-tools)');
  process.exit(0);
}

const script = join(scratch, 'set.lua');
writeFileSync(
  script,
  `local n = 0
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
request = function()
  n = n + 1
  return wrk.format(nil, "/kv/set", nil, string.format('{"key":"key:%012d","value":"%s"}', n % 100000, string.rep("v", 100)))
end
`,
);

interface Figure {
  readonly perSecond: number;
  readonly cpuMicros: number;
}

function load(subject: Subject): Figure {
  const cpu = subject.cpuSeconds();
  const args = ['-t1', '-c50', `-d${SECONDS}s`, '-s', script, subject.base];
  const text = execFileSync('taskset', ['-c', '1', 'wrk', ...args]).toString();
  const count = Number(/(\d+) requests in/.exec(text)?.[1]);
  return { perSecond: count / SECONDS, cpuMicros: ((subject.cpuSeconds() - cpu) * 1e6) / count };
}

const best = (figures: Figure[]): Figure => figures.reduce((a, b) => (b.perSecond > a.perSecond ? b : a));
const median = (figures: Figure[]): Figure =>
  [...figures].sort((a, b) => a.perSecond - b.perSecond)[figures.length >> 1] as Figure;
const line = (name: string, { perSecond, cpuMicros }: Figure): void =>
  console.log(
    `${name.padEnd(34)}${String(Math.round(perSecond)).padStart(9)} SET/s  ${cpuMicros.toFixed(2).padStart(7)} us CPU each`,
  );

const levels = ['none', 'batch', 'sync'] as const;
const subjects = await Promise.all(
  levels.map((level) =>
    Subject.start(level, ['dist/main.js', '--port', '0', '--durability', level, '--data-dir', join(scratch, level)]),
  ),
);
try {
  const figures = new Map(levels.map((level) => [level, [] as Figure[]]));
  for (const subject of subjects) load(subject);
  const redis: Figure[] = [];
  const server = has('redis-server') && has('redis-benchmark') ? await startRedis() : undefined;
  for (let round = 0; round < ROUNDS; round++) {
    for (const subject of subjects) figures.get(subject.name as (typeof levels)[number])?.push(load(subject));
    if (server !== undefined) redis.push(server.load());
  }
  server?.stop();
  for (const level of levels) line(`synapd over HTTP, ${level}`, median(figures.get(level) ?? []));
  const [none, batch, sync] = levels.map((level) => median(figures.get(level) ?? [])) as [Figure, Figure, Figure];
  console.log(`batch / none: ${(batch.perSecond / none.perSecond).toFixed(2)} (bar 0.80)`);
  if (redis.length > 0) {
    line('redis, appendfsync always', median(redis));
    console.log(`sync / redis: ${(sync.perSecond / median(redis).perSecond).toFixed(2)} (bar 0.40)`);
    console.log(`best rounds:  ${(best(figures.get('sync') ?? []).perSecond / best(redis).perSecond).toFixed(2)}`);
  } else console.log('redis-server and redis-benchmark are not installed: that comparison is skipped');
} finally {
  await Promise.all(subjects.map((subject) => subject.stop()));
  rmSync(scratch, { recursive: true, force: true });
}

async function startRedis(): Promise<{ load(): Figure; stop(): void }> {
  const port = 20_000 + Math.floor(Math.random() * 10_000);
  const args = [
    '--port',
    String(port),
    '--bind',
    '127.0.0.1',
    '--dir',
    scratch,
    '--appendonly',
    'yes',
    '--appendfsync',
    'always',
    '--save',
    '',
  ];
  const child = spawn('taskset', ['-c', '0', 'redis-server', ...args], { stdio: 'ignore' });
  const cli = (...words: string[]): string => spawnSync('redis-cli', ['-p', String(port), ...words]).stdout.toString();
  while (cli('ping').trim() !== 'PONG') await new Promise((resolve) => setTimeout(resolve, 50));
  const cpu = (): number =>
    [...cli('info', 'cpu').matchAll(/used_cpu_(?:sys|user):(\S+)/g)].reduce((sum, match) => sum + Number(match[1]), 0);
  return {
    load() {
      const before = cpu();
      const count = 100_000;
      const bench = [
        '-c',
        '1',
        'redis-benchmark',
        '-p',
        String(port),
        '-c',
        '50',
        '-n',
        String(count),
        '-d',
        '100',
        '-r',
        '100000',
        '-t',
        'set',
        '--csv',
      ];
      const text = execFileSync('taskset', bench).toString();
      const perSecond = Number(/"SET","([\d.]+)"/.exec(text)?.[1]);
      return { perSecond, cpuMicros: ((cpu() - before) * 1e6) / count };
    },
    stop: () => child.kill('SIGKILL'),
  };
}
