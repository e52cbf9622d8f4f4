import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { kvMetrics } from '../../src/ops/kv-metrics.ts';
import { Metrics } from '../../src/ops/metrics.ts';
import { runs, seed } from '../support/seed.ts';

/** The values on a page, by name and labels as they are printed. */
async function page(metrics: Metrics): Promise<Map<string, number>> {
  const lines = (await metrics.render()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  const pairs = lines.map(
    (line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))] as const,
  );
  const values = new Map(pairs);
  expect(values.size).toBe(pairs.length); // no sample stands twice
  return values;
}

describe('commands', () => {
  it('are counted by name and outcome', async () => {
    const metrics = new Metrics(['kv.get', 'kv.set', 'queue.ack']);
    for (let i = 0; i < 3; i++) metrics.count(1, true);
    metrics.count(1, false);
    metrics.count(2, false);
    const values = await page(metrics);
    expect(values.get('synapd_commands_total{command="kv.set",outcome="ok"}')).toBe(3);
    expect(values.get('synapd_commands_total{command="kv.set",outcome="error"}')).toBe(1);
    expect(values.get('synapd_commands_total{command="queue.ack",outcome="ok"}')).toBe(0);
    expect(values.get('synapd_commands_total{command="queue.ack",outcome="error"}')).toBe(1);
    expect([...values.keys()].filter((name) => name.includes('kv.get'))).toEqual([]);
    expect(values.get('synap_kv_operations_total{operation="set",status="ok"}')).toBe(3);
    expect(values.get('synap_kv_operations_total{operation="set",status="err"}')).toBe(1);
    expect([...values.keys()].filter((name) => name.includes('operation="ack"'))).toEqual([]);
  });

  it('are timed into buckets that hold what they say', async () => {
    const metrics = new Metrics(['a', 'b']);
    const name = 'synapd_command_duration_seconds';
    for (const ms of [0, 0.001, 0.0011, 0.002, 1, 1.025, 20_000]) metrics.time(1, ms);
    const values = await page(metrics);
    const upTo = (le: string) => values.get(`${name}_bucket{command="b",le="${le}"}`);
    expect(
      ['0.000001', '0.000002', '0.000004', '0.000512', '0.001024', '0.002048', '16.777216', '+Inf'].map(upTo),
    ).toEqual([2, 4, 4, 4, 5, 6, 6, 7]);
    expect(values.get(`${name}_count{command="b"}`)).toBe(7);
    expect(values.get(`${name}_sum{command="b"}`)).toBeCloseTo(20.002_029, 5);
    expect([...values.keys()].filter((key) => key.includes('command="a"'))).toEqual([]);
  });

  it('are never put into a bucket below or far above their duration', async () => {
    const bucketOf = async (ms: number): Promise<[number, number]> => {
      const metrics = new Metrics(['a']);
      metrics.time(0, ms);
      const values = await page(metrics);
      const bounds = [...values]
        .map(([key, value]) => [Number(/le="([^"]+)"/.exec(key)?.[1]?.replace('+Inf', 'Infinity')), value] as const)
        .filter(([le]) => !Number.isNaN(le))
        .sort(([a], [b]) => a - b);
      const at = bounds.findIndex(([, value]) => value === 1);
      return [bounds[at - 1]?.[0] ?? 0, bounds[at]?.[0] ?? Number.NaN];
    };
    const duration = fc.oneof(fc.double({ min: 0, max: 1e7, noNaN: true }), fc.double({ min: 0, max: 3, noNaN: true }));
    await fc.assert(
      fc.asyncProperty(duration, async (ms) => {
        const [below, upTo] = await bucketOf(ms);
        const seconds = (ms * 1000) / 1e6;
        expect(seconds).toBeLessThanOrEqual(upTo);
        if (seconds > 0) expect(seconds).toBeGreaterThan(below === 0 ? -1 : below);
      }),
      { seed, numRuns: runs(200) },
    );
  });
});

describe('requests', () => {
  it('are counted by method, route and status', async () => {
    const metrics = new Metrics([]);
    metrics.served('GET', '/kv/get/:key', 200);
    metrics.served('GET', '/kv/get/:key', 200);
    metrics.served('GET', '/kv/get/:key', 401);
    metrics.served('POST', '/kv/set', 200);
    const values = await page(metrics);
    expect(values.get('synap_http_requests_total{method="GET",path="/kv/get/:key",status="200"}')).toBe(2);
    expect(values.get('synap_http_requests_total{method="GET",path="/kv/get/:key",status="401"}')).toBe(1);
    expect(values.get('synap_http_requests_total{method="POST",path="/kv/set",status="200"}')).toBe(1);
  });

  it('to ever new paths or by ever new methods do not fill the memory', async () => {
    const metrics = new Metrics([]);
    for (let i = 0; i < 10_000; i++) metrics.served('GET', `/${i}`, 200);
    for (let i = 0; i < 10_000; i++) metrics.served(`METHOD${i}`, '/x', 200);
    const values = await page(metrics);
    const mine = [...values].filter(([name]) => name.startsWith('synap_http_requests_total'));
    expect(mine.length).toBeLessThan(2_100);
    expect(mine.reduce((sum, [, count]) => sum + count, 0)).toBe(20_000);
  });
});

describe('gauges', () => {
  it('are read when the page is made, and not before', async () => {
    const metrics = new Metrics([]);
    let depth = 1;
    let reads = 0;
    metrics.gauge('synapd_depth', 'Depth.', [], () => {
      reads++;
      return depth;
    });
    expect(reads).toBe(0);
    expect((await page(metrics)).get('synapd_depth')).toBe(1);
    depth = 2;
    expect((await page(metrics)).get('synapd_depth')).toBe(2);
    expect(reads).toBe(2);
  });

  it('have labels, and may come from several sources', async () => {
    const metrics = new Metrics([]);
    metrics.gauge('synap_queue_depth', 'Depth.', ['queue'], () => [
      [3, 'jobs'],
      [4, 'a "quoted"\nname\\'],
    ]);
    metrics.gauge('synap_queue_depth', 'Depth.', ['queue'], () => [[5, 'mails']]);
    const text = await metrics.render();
    expect(text.match(/# TYPE synap_queue_depth gauge/g)).toHaveLength(1);
    expect(text).toContain('synap_queue_depth{queue="a \\"quoted\\"\\nname\\\\"} 4\n');
    const values = await page(metrics);
    expect(values.get('synap_queue_depth{queue="jobs"}')).toBe(3);
    expect(values.get('synap_queue_depth{queue="mails"}')).toBe(5);
  });

  it('without readings are left out with their headings', async () => {
    const metrics = new Metrics(['a']);
    metrics.gauge('synap_queue_depth', 'Depth.', ['queue'], () => []);
    expect(await metrics.render()).toBe('\n');
  });

  it('of the key-value store have our names and those of the reference', async () => {
    const metrics = new Metrics([]);
    kvMetrics(metrics, () => ({ keys: 7, bytes: 100, expired: 3, evicted: 2 }));
    metrics.gauge('synap_datatype_memory_bytes', 'Bytes.', ['datatype'], () => [[9, 'queue']]);
    expect(Object.fromEntries(await page(metrics))).toEqual({
      synapd_kv_keys: 7,
      synapd_kv_bytes: 100,
      synapd_kv_expired_total: 3,
      synapd_kv_evicted_total: 2,
      'synap_datatype_memory_bytes{datatype="kv"}': 100,
      'synap_datatype_memory_bytes{datatype="queue"}': 9,
      'synap_kv_keys_total{shard="all"}': 7,
      'synap_kv_memory_bytes{type="total"}': 100,
    });
  });
});

describe('the page', () => {
  it('is classic Prometheus text', async () => {
    const metrics = new Metrics(['kv.get']);
    metrics.count(0, true);
    metrics.time(0, 1);
    expect(metrics.contentType).toMatch(/^text\/plain; version=0\.0\.4/);
    const text = await metrics.render();
    expect(text.endsWith('\n')).toBe(true);
    for (const line of text.split('\n'))
      expect(line).toMatch(/^$|^# (HELP|TYPE) [a-z_]+ .+$|^[a-z_]+(\{([a-z_]+="([^"\\\n]|\\.)*",?)+\})? [\d.e+-]+$/);
    expect(text).toContain('# TYPE synapd_command_duration_seconds histogram\n');
  });
});
