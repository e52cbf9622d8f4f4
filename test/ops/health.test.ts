import { describe, expect, it } from 'vitest';
import { Timers } from '../../src/core/timers.ts';
import { delayProbe, health, readiness } from '../../src/ops/health.ts';
import { LoopDelay } from '../../src/ops/loop-delay.ts';
import { Metrics } from '../../src/ops/metrics.ts';
import { processMetrics } from '../../src/ops/process-metrics.ts';
import { FakeClock } from '../support/clock.ts';

describe('health', () => {
  it('has exactly the three members that clients compare', () => {
    expect(JSON.stringify(health('1.2.3'))).toBe('{"service":"synap","status":"healthy","version":"1.2.3"}');
  });
});

describe('readiness', () => {
  it('is given when no probe objects', () => {
    expect(readiness({ data: () => undefined, store: () => undefined })).toEqual({
      ready: true,
      status: 'ready',
      checks: { data: 'ok', store: 'ok' },
    });
  });

  it('is withheld by any one probe, which says why', () => {
    expect(readiness({ data: () => undefined, store: () => 'the disk is full' })).toEqual({
      ready: false,
      status: 'not ready',
      checks: { data: 'ok', store: 'the disk is full' },
    });
  });

  it('asks the probes each time', () => {
    let why: string | undefined = 'restoring';
    const probes = { data: () => why };
    expect(readiness(probes).ready).toBe(false);
    why = undefined;
    expect(readiness(probes).ready).toBe(true);
  });

  it('ends when the event loop is later than its limit', () => {
    let ms = 500;
    const probe = delayProbe(() => ms, 500);
    expect(probe()).toBeUndefined();
    ms = 500.6;
    expect(probe()).toBe('the event loop is 501 ms late, over 500 ms');
  });
});

describe('the delay of the event loop', () => {
  /** Keeps the loop busy for some milliseconds. */
  const block = (ms: number): void => {
    const end = performance.now() + ms;
    while (performance.now() < end);
  };
  const rest = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

  it('is known for whole windows, and not mixed up with the probing itself', async () => {
    const clock = new FakeClock();
    const timers = new Timers(clock);
    const delay = new LoopDelay(timers);
    expect(delay.delays).toEqual({ p50: 0, p99: 0, max: 0 });
    const window = (): void => {
      clock.advance(5_000);
      timers.run();
    };
    await rest(60);
    block(150);
    await rest(30);
    expect(delay.delays.max).toBe(0); // the window is not over
    window();
    expect(delay.delays.max).toBeGreaterThan(100);
    expect(delay.delays.p50).toBeLessThan(delay.delays.max);
    const seen = delay.delays;
    expect(delay.delays).toBe(seen); // reading does not reset
    window();
    expect(delay.delays.max).toBe(5_000); // nothing was probed in no time at all: as late as can be
    delay.close();
    timers.stop();
  });

  it('and the process show in the metrics, under our names and those of the reference', async () => {
    const clock = new FakeClock();
    const timers = new Timers(clock);
    const delay = new LoopDelay(timers);
    const metrics = new Metrics([]);
    processMetrics(metrics, clock, delay);
    const text = await metrics.render();
    const value = (name: string): number =>
      Number(new RegExp(`^${name.replaceAll(/[{}]/g, '\\$&')} (.*)$`, 'm').exec(text)?.[1]);
    expect(value('synapd_eventloop_delay_seconds{quantile="0.99"}')).toBe(0);
    expect(value('synapd_process_cpu_seconds_total{mode="user"}')).toBeGreaterThan(0);
    expect(value('synapd_process_resident_memory_bytes')).toBeGreaterThan(1e7);
    expect(value('synapd_process_heap_bytes{state="used"}')).toBeGreaterThan(1e6);
    expect(value('synapd_process_start_time_seconds')).toBe(clock.now() / 1000);
    expect(value('synap_process_memory_bytes{type="rss"}')).toBeGreaterThan(1e7);
    expect(value('synap_process_memory_bytes{type="virtual"}')).toBeGreaterThan(1e7);
    expect(value('synap_process_cpu_usage_percent{core="process"}')).toBe(0);
    expect(value('synap_host_memory_bytes{type="total"}')).toBeGreaterThan(
      value('synap_host_memory_bytes{type="used"}'),
    );
    expect(value('synap_host_load_average{window="15min"}')).toBeGreaterThanOrEqual(0);
    delay.close();
    timers.stop();
  });

  it('is measured in CPU since the last time it was asked', async () => {
    const clock = new FakeClock();
    const timers = new Timers(clock);
    const delay = new LoopDelay(timers);
    const metrics = new Metrics([]);
    processMetrics(metrics, clock, delay);
    const before = process.cpuUsage();
    for (let used = 0; used < 100_000; ) {
      const { user, system } = process.cpuUsage(before);
      used = user + system;
    }
    clock.advance(50);
    const percent = async (): Promise<number> =>
      Number(/cpu_usage_percent\{core="process"\} (\d+)/.exec(await metrics.render())?.[1]);
    const first = await percent();
    expect(first).toBeGreaterThanOrEqual(200); // 100 ms of work in 50 ms of the clock
    expect(await percent()).toBe(first); // no time has passed
    clock.advance(1_000_000);
    expect(await percent()).toBe(0);
    delay.close();
    timers.stop();
  });
});
