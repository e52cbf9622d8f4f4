/**
 * Whether the process is alive, and whether it should get requests (synap-operations.md 4.1).
 */

/** The body of `GET /health`, always with 200. */
export interface Health {
  readonly service: 'synap';
  readonly status: 'healthy';
  readonly version: string;
}

export function health(version: string): Health {
  return { service: 'synap', status: 'healthy', version };
}

/** What readiness asks. Each answers why not, or `undefined` when all is well. */
export interface Probes {
  readonly [name: string]: () => string | undefined;
}

/** The body of `GET /ready`: 200 when ready, 503 when not. `checks` says `ok` or why not, by the names of the probes. */
export interface Readiness {
  readonly ready: boolean;
  readonly status: 'ready' | 'not ready';
  readonly checks: Readonly<Record<string, string>>;
}

export function readiness(probes: Probes): Readiness {
  const checks = Object.fromEntries(Object.entries(probes).map(([name, probe]) => [name, probe() ?? 'ok']));
  const ready = Object.values(checks).every((check) => check === 'ok');
  return { ready, status: ready ? 'ready' : 'not ready', checks };
}

/** A probe that fails while the event loop was later than `limitMs` for more than one in a hundred turns. */
export function delayProbe(p99: () => number, limitMs: number): () => string | undefined {
  return () => {
    const ms = p99();
    return ms <= limitMs ? undefined : `the event loop is ${Math.round(ms)} ms late, over ${limitMs} ms`;
  };
}
