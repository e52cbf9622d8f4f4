/**
 * Metrics: counters of the data path in typed arrays, everything else read when somebody asks.
 *
 * Invariant: counting a command is one addition and timing one is two; text, labels and buckets are made when the page is
 * rendered (measured: 3 ns against some 200 ns for a counter with labels).
 */
import { type Metric, Registry } from 'prom-client';

/** One reading with its label values, in the order of the labels. */
export type Reading = readonly [value: number, ...labels: string[]];

/** Gives the present value, or one for each combination of labels. */
export type Source = () => number | Iterable<Reading>;

/** Bucket `k` holds durations up to `2 ** k` microseconds: 1 us to 16.8 s, and one for all above. */
const BUCKETS = 25;
const SLOTS = BUCKETS + 1;
const BOUNDS = Array.from({ length: BUCKETS }, (_, k) => String(2 ** k / 1e6));

/** Routes counted apart; beyond that they count as one, so that nobody can fill the memory with made-up methods. */
const ROUTES_MAX = 2_000;
/** HTTP statuses are from 100 to 599. */
const STATUSES = 500;

interface Family {
  readonly labels: readonly string[];
  readonly sources: Source[];
}

interface Value {
  readonly value: number;
  readonly labels: Record<string, string>;
  readonly metricName?: string;
}

export class Metrics {
  readonly #names: readonly string[];
  readonly #registry = new Registry();
  readonly #families = new Map<string, Family>();
  /** By slot: how many were answered, how many refused or failed. */
  readonly #answered: Float64Array;
  readonly #failed: Float64Array;
  /** By slot and bucket; and the sum of what was timed, in milliseconds. */
  readonly #timed: Float64Array;
  readonly #spent: Float64Array;
  /** Requests by method, path and status. */
  readonly #served = new Map<string, Map<string, Float64Array>>();
  #routes = 0;

  /** `names` are the commands, each at its slot. */
  constructor(names: readonly string[]) {
    this.#names = names;
    this.#answered = new Float64Array(names.length);
    this.#failed = new Float64Array(names.length);
    this.#timed = new Float64Array(names.length * SLOTS);
    this.#spent = new Float64Array(names.length);
    this.counter('synapd_commands_total', 'Commands by outcome.', ['command', 'outcome'], () =>
      this.#outcomes('error'),
    );
    this.#add(
      'synapd_command_duration_seconds',
      'Duration of commands; a sample of them, so its count is no count.',
      'histogram',
      () => this.#durations(),
    );
    this.counter('synap_kv_operations_total', 'Key-value commands by status.', ['operation', 'status'], () =>
      [...this.#outcomes('err')]
        .filter(([, name]) => name?.startsWith('kv.'))
        .map(([value, name = '', status = '']) => [value, name.slice(3), status] as const),
    );
    this.counter(
      'synap_http_requests_total',
      'HTTP requests by method, route and status.',
      ['method', 'path', 'status'],
      () => this.#requests(),
    );
  }

  /** What `render` gives, as a content type. */
  get contentType(): string {
    return this.#registry.contentType;
  }

  /** One call of the command at `slot` ended; `ok` is false when it was refused or failed. */
  count(slot: number, ok: boolean): void {
    const counts = ok ? this.#answered : this.#failed;
    counts[slot] = (counts[slot] as number) + 1;
  }

  /** A sampled call of the command at `slot` took `ms` milliseconds. */
  time(slot: number, ms: number): void {
    const us = ms * 1000;
    // the smallest k with us <= 2^k; clz32 counts in 32 bits, which is longer than the last bucket
    const bucket = us <= 1 ? 0 : us > 16_777_216 ? BUCKETS : 32 - Math.clz32(Math.ceil(us) - 1);
    const at = slot * SLOTS + bucket;
    this.#timed[at] = (this.#timed[at] as number) + 1;
    this.#spent[slot] = (this.#spent[slot] as number) + ms;
  }

  /** One request was answered. `path` is the pattern of its route, not what the client sent. */
  served(method: string, path: string, status: number): void {
    const statuses = this.#served.get(method)?.get(path) ?? this.#route(method, path);
    const at = status - 100;
    statuses[at] = (statuses[at] as number) + 1;
  }

  #route(method: string, path: string): Float64Array {
    const full = this.#routes >= ROUTES_MAX;
    const [row, column] = full ? ['OTHER', '(other)'] : [method, path];
    const paths = this.#served.get(row) ?? new Map<string, Float64Array>();
    const statuses = paths.get(column) ?? new Float64Array(STATUSES);
    this.#served.set(row, paths.set(column, statuses));
    if (!full) this.#routes++;
    return statuses;
  }

  /** A value that goes up and down. Another source under the same name adds its readings. */
  gauge(name: string, help: string, labels: readonly string[], source: Source): void {
    this.#source(name, help, 'gauge', labels, source);
  }

  /** A value that only grows; as `gauge`. */
  counter(name: string, help: string, labels: readonly string[], source: Source): void {
    this.#source(name, help, 'counter', labels, source);
  }

  /** The page for Prometheus. Families without readings are left out (synap-operations.md 4.6). */
  async render(): Promise<string> {
    const parts: string[] = [];
    for (const metric of this.#registry.getMetricsAsArray()) {
      const text = await this.#registry.getSingleMetricAsString((metric as unknown as { name: string }).name);
      if (text.split('\n').length > 2) parts.push(text);
    }
    return `${parts.join('\n\n')}\n`;
  }

  #source(name: string, help: string, type: 'gauge' | 'counter', labels: readonly string[], source: Source): void {
    const family = this.#families.get(name);
    if (family !== undefined) {
      family.sources.push(source);
      return;
    }
    const added: Family = { labels, sources: [source] };
    this.#families.set(name, added);
    this.#add(name, help, type, () => added.sources.flatMap((read) => values(added.labels, read())));
  }

  /** The registry asks each metric for its values; ours are read then, and not before. */
  #add(name: string, help: string, type: 'gauge' | 'counter' | 'histogram', collect: () => Value[]): void {
    const get = async (): Promise<object> => ({ name, help, type, aggregator: 'sum', values: collect() });
    this.#registry.registerMetric({ name, help, type, aggregator: 'sum', get, reset: () => {} } as unknown as Metric);
  }

  *#outcomes(failure: string): Generator<Reading> {
    for (const [slot, name] of this.#names.entries()) {
      const [answered = 0, failed = 0] = [this.#answered[slot], this.#failed[slot]];
      if (answered + failed === 0) continue;
      yield [answered, name, 'ok'];
      yield [failed, name, failure];
    }
  }

  *#requests(): Generator<Reading> {
    for (const [method, paths] of this.#served)
      for (const [path, statuses] of paths)
        for (const [at, count] of statuses.entries()) if (count > 0) yield [count, method, path, String(at + 100)];
  }

  #durations(): Value[] {
    const found: Value[] = [];
    for (const [slot, command] of this.#names.entries()) {
      const counts = this.#timed.subarray(slot * SLOTS, (slot + 1) * SLOTS);
      const all = counts.reduce((sum, count) => sum + count, 0);
      if (all === 0) continue;
      const metricName = 'synapd_command_duration_seconds_bucket';
      let below = 0;
      for (const [k, le] of BOUNDS.entries()) {
        below += counts[k] as number;
        found.push({ metricName, labels: { command, le }, value: below });
      }
      found.push(
        { metricName, labels: { command, le: '+Inf' }, value: all },
        {
          metricName: 'synapd_command_duration_seconds_sum',
          labels: { command },
          value: (this.#spent[slot] as number) / 1000,
        },
        { metricName: 'synapd_command_duration_seconds_count', labels: { command }, value: all },
      );
    }
    return found;
  }
}

function values(labels: readonly string[], readings: number | Iterable<Reading>): Value[] {
  if (typeof readings === 'number') return [{ value: readings, labels: {} }];
  return [...readings].map(([value, ...texts]) => ({
    value,
    labels: Object.fromEntries(labels.map((label, i) => [label, texts[i] ?? ''])),
  }));
}
