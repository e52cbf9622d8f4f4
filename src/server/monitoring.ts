/**
 * What the server tells of itself: `/health`, `/ready`, `/metrics`, and the counters behind them.
 */
import type { Accounts } from '../auth/accounts.ts';
import type { Meter } from '../commands/compile.ts';
import type { Engines } from '../commands/context.ts';
import type { Clock } from '../core/clock.ts';
import { print } from '../core/json.ts';
import type { Timers } from '../core/timers.ts';
import type { Endpoint } from '../faces/endpoint.ts';
import { jsonFailure } from '../faces/synap-rest.ts';
import { delayProbe, health, readiness } from '../ops/health.ts';
import { kvMetrics } from '../ops/kv-metrics.ts';
import { LoopDelay } from '../ops/loop-delay.ts';
import { Metrics } from '../ops/metrics.ts';
import { processMetrics } from '../ops/process-metrics.ts';
import type { DurableStore } from '../store/durable.ts';
import { engineMetrics, storeMetrics } from './engine-metrics.ts';
import type { Settings } from './settings.ts';
import { VERSION } from './version.ts';

/** What is watched. */
export interface Watched {
  readonly engines: Engines;
  readonly store: DurableStore;
  readonly accounts: Accounts;
  readonly clock: Clock;
  readonly timers: Timers;
}

export interface Monitoring {
  readonly meter: Meter;
  readonly endpoints: readonly Endpoint[];
  readonly metrics: Metrics;
  /** Whether the server should get requests. */
  ready(): boolean;
  served(method: string, path: string, status: number): void;
  /** Where the numbers of open connections come from. */
  connections(read: () => { readonly sockets: number; readonly feeds: number }): void;
  /** The engines hold their data: readiness may say yes. */
  restored(): void;
  /** The server is going: readiness says no. */
  stopping(): void;
  close(): void;
}

/** Sets monitoring up for a server whose commands have these names, by slot. */
export function monitoring(settings: Settings, names: readonly string[], watched: Watched): Monitoring {
  const { engines, store, accounts, clock, timers } = watched;
  const delay = new LoopDelay(timers);
  const metrics = new Metrics(names);
  processMetrics(metrics, clock, delay);
  kvMetrics(metrics, () => engines.kv.stats(clock.now()));
  engineMetrics(metrics, engines, clock);
  if (!settings.memory) storeMetrics(metrics, store);
  metrics.counter('synapd_credentials_total', 'Checked credentials by outcome.', ['outcome'], () => {
    const { accepted, refused, throttled } = accounts.stats();
    return [
      [accepted, 'accepted'],
      [refused, 'refused'],
      [throttled, 'throttled'],
    ];
  });
  let phase: string | undefined = 'the data is being restored';
  const probes = {
    data: () => phase,
    store: () => store.writable()?.message,
    event_loop: delayProbe(() => delay.delays.p99, settings['server.ready_delay_ms_max']),
  };
  const durability = settings.memory ? 'memory' : settings['durability.level'];
  const alive = print(health(VERSION));
  const open = { method: 'GET', body: 'none', open: true, failure: jsonFailure } as const;
  return {
    metrics,
    ready: () => readiness(probes).ready,
    meter: metrics,
    served: (method, path, status) => metrics.served(method, path, status),
    endpoints: [
      { ...open, path: '/health', answer: () => alive },
      {
        ...open,
        path: '/ready',
        answer() {
          const { ready, ...body } = readiness(probes);
          return { status: ready ? 200 : 503, type: 'application/json', body: print({ ready, ...body, durability }) };
        },
      },
      {
        ...open,
        path: '/metrics',
        answer: async () => ({ status: 200, type: 'text/plain; version=0.0.4', body: await metrics.render() }),
      },
    ],
    connections(read) {
      metrics.gauge('synapd_connections', 'Open live connections.', ['face'], () => [
        [read().sockets, 'websocket'],
        [read().feeds, 'sse'],
      ]);
    },
    restored() {
      phase = undefined;
    },
    stopping() {
      phase = 'the server is stopping';
    },
    close: () => delay.close(),
  };
}
