/**
 * The key-value store in numbers, under our names and under those of the reference (synap-operations.md 4.6).
 */
import type { Metrics } from './metrics.ts';

/** What is asked of the engine; constant time. */
export interface KvNumbers {
  readonly keys: number;
  readonly bytes: number;
  /** Since start. */
  readonly expired: number;
  readonly evicted: number;
}

/** Adds them to `metrics`. */
export function kvMetrics(metrics: Metrics, read: () => KvNumbers): void {
  metrics.gauge('synapd_kv_keys', 'Keys.', [], () => read().keys);
  metrics.gauge('synapd_kv_bytes', 'Accounted bytes of keys and values.', [], () => read().bytes);
  metrics.counter('synapd_kv_expired_total', 'Keys that ran out of time.', [], () => read().expired);
  metrics.counter('synapd_kv_evicted_total', 'Keys that made room for others.', [], () => read().evicted);
  metrics.gauge('synap_datatype_memory_bytes', 'Accounted bytes by type of data.', ['datatype'], () => [
    [read().bytes, 'kv'],
  ]);
  metrics.gauge('synap_kv_keys_total', 'Keys.', ['shard'], () => [[read().keys, 'all']]);
  metrics.gauge('synap_kv_memory_bytes', 'Accounted bytes of keys and values.', ['type'], () => [
    [read().bytes, 'total'],
  ]);
}
