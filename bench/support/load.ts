/**
 * A load of HTTP requests on one server, and what it cost: CPU of the server per request from the kernel's account.
 *
 * What a load compares is always of the same run, with the same client, in rounds that take turns.
 */
import autocannon from 'autocannon';
import type { Subject } from './subject.ts';

/** Connections of a load, each with one request in flight. */
export const CONNECTIONS = 64;

export interface Request {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What a request may be made of: what the answers before it on the same connection left. */
export type Left = Record<string, unknown>;

/** One step of a conversation that each connection has over and over. */
export interface Step {
  request(left: Left): Request;
  /** Sees the answer, for the steps after it. */
  answered?(body: string, left: Left): void;
}

export interface Round {
  readonly perSecond: number;
  readonly cpuMicros: number;
  readonly p50: number;
  readonly p99: number;
}

const JSON_TYPE = { 'content-type': 'application/json' };

/** Runs a conversation for some seconds. Throws when the server refuses anything. */
export async function round(subject: Subject, name: string, seconds: number, steps: readonly Step[]): Promise<Round> {
  const cpu = subject.cpuSeconds();
  const result = await autocannon({
    url: subject.base,
    connections: CONNECTIONS,
    duration: seconds,
    requests: steps.map(({ request, answered }) => ({
      setupRequest: (made: object, left: Left) => {
        const { headers, ...rest } = request(left);
        return { ...made, ...rest, headers: { ...JSON_TYPE, ...headers } };
      },
      ...(answered === undefined
        ? {}
        : { onResponse: (_status: number, body: string, left: Left) => answered(body, left) }),
    })),
  } as unknown as autocannon.Options);
  const used = subject.cpuSeconds() - cpu;
  if (result.non2xx > 0 || result.errors > 0)
    throw new Error(`${name}: ${result.non2xx} refusals, ${result.errors} errors`);
  const count = result.requests.total;
  return {
    perSecond: count / result.duration,
    cpuMicros: (used * 1e6) / count,
    p50: result.latency.p50,
    p99: result.latency.p99,
  };
}

/** Sends one request and gives the JSON that it is answered with. */
export async function ask(subject: Subject, { method, path, body, headers }: Request): Promise<unknown> {
  const answer = await fetch(subject.base + path, {
    method,
    headers: { ...JSON_TYPE, ...headers },
    ...(body === undefined ? {} : { body }),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
  return text === '' ? undefined : JSON.parse(text);
}

/** The round that cost least: what disturbs a round only adds to it. */
export const best = (rounds: readonly Round[]): Round => rounds.reduce((a, b) => (b.cpuMicros < a.cpuMicros ? b : a));

/** The median of the ratios of rounds that ran next to each other. */
export function medianRatio(these: readonly Round[], those: readonly Round[]): number {
  const ratios = these.map((one, i) => one.cpuMicros / (those[i] as Round).cpuMicros).sort((a, b) => a - b);
  return ratios[ratios.length >> 1] as number;
}

/** A cell of a table. */
export const pad = (text: string | number, width: number): string => String(text).padStart(width);
