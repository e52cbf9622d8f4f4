/**
 * What the process and the machine use, under our names and under those of the reference (synap-operations.md 4.6).
 */
import { readFileSync } from 'node:fs';
import { availableParallelism, freemem, loadavg, totalmem } from 'node:os';
import type { Clock } from '../core/clock.ts';
import type { LoopDelay } from './loop-delay.ts';
import type { Metrics, Reading } from './metrics.ts';

/** Adds them to `metrics`. */
export function processMetrics(metrics: Metrics, clock: Clock, delay: LoopDelay): void {
  const startedAt = clock.now();
  const seconds = (micros: number): number => micros / 1e6;
  metrics.gauge('synapd_eventloop_delay_seconds', 'Delay of the event loop in the last seconds.', ['quantile'], () => {
    const { p50, p99, max } = delay.delays;
    return [
      [p50 / 1000, '0.5'],
      [p99 / 1000, '0.99'],
      [max / 1000, '1'],
    ];
  });
  metrics.counter('synapd_process_cpu_seconds_total', 'CPU time of the process.', ['mode'], () => {
    const { user, system } = process.cpuUsage();
    return [
      [seconds(user), 'user'],
      [seconds(system), 'system'],
    ];
  });
  metrics.gauge('synapd_process_resident_memory_bytes', 'Memory of the process.', [], () => process.memoryUsage.rss());
  metrics.gauge('synapd_process_heap_bytes', 'JavaScript heap of the process.', ['state'], () => {
    const { heapUsed, heapTotal, external } = process.memoryUsage();
    return [
      [heapUsed, 'used'],
      [heapTotal, 'reserved'],
      [external, 'external'],
    ];
  });
  metrics.gauge(
    'synapd_process_start_time_seconds',
    'When the process started, in Unix seconds.',
    [],
    () => startedAt / 1000,
  );
  metrics.gauge('synapd_process_cpus', 'Processors that the process may use.', [], availableParallelism);
  referenceNames(metrics, clock);
}

function referenceNames(metrics: Metrics, clock: Clock): void {
  metrics.gauge('synap_process_memory_bytes', 'Memory of the process.', ['type'], () => {
    const readings: Reading[] = [[process.memoryUsage.rss(), 'rss']];
    const virtual = virtualBytes();
    if (virtual !== undefined) readings.push([virtual, 'virtual']);
    return readings;
  });
  let before = { at: clock.monotonic(), cpu: process.cpuUsage() };
  let percent = 0;
  metrics.gauge(
    'synap_process_cpu_usage_percent',
    'CPU of the process since it was last asked; 100 is one core.',
    ['core'],
    () => {
      const at = clock.monotonic();
      const cpu = process.cpuUsage();
      const ms = at - before.at;
      if (ms >= 1) {
        percent = Math.round((cpu.user + cpu.system - before.cpu.user - before.cpu.system) / 10 / ms);
        before = { at, cpu };
      }
      return [[percent, 'process']];
    },
  );
  metrics.gauge('synap_host_memory_bytes', 'Memory of the machine.', ['type'], () => [
    [totalmem() - freemem(), 'used'],
    [totalmem(), 'total'],
  ]);
  metrics.gauge('synap_host_load_average', 'Load average of the machine, times 100.', ['window'], () => {
    const [one = 0, five = 0, fifteen = 0] = loadavg();
    return [
      [Math.round(one * 100), '1min'],
      [Math.round(five * 100), '5min'],
      [Math.round(fifteen * 100), '15min'],
    ];
  });
}

/** Bytes of address space, where the system says so. */
function virtualBytes(): number | undefined {
  try {
    const kilobytes = /^VmSize:\s+(\d+) kB/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1];
    return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
  } catch {
    return undefined;
  }
}
