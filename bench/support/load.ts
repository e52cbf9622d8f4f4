/**
 * A load of HTTP requests on one server, and what it cost: CPU of the server per request from the kernel's account.
 *
 * What a load compares is always of the same run, with the same client, in rounds that take turns.
 */
import { connect } from 'node:net';
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

/**
 * Sends one request many times, a hundred in a write: a load generator would take minutes for a million. Throws when the
 * server refuses one.
 */
export function pour(subject: Subject, { method, path, body = '', headers }: Request, count: number): Promise<void> {
  const head = Object.entries({ host: 'bench', ...JSON_TYPE, ...headers, 'content-length': Buffer.byteLength(body) })
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('');
  const batch = Math.min(100, count);
  const many = Buffer.from(`${method} ${path} HTTP/1.1\r\n${head}\r\n${body}`.repeat(batch));
  const status = Buffer.from('HTTP/1.1 ');
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(subject.base).port), '127.0.0.1', () => socket.write(many));
    let [answered, sent] = [0, batch];
    let rest = Buffer.alloc(0);
    socket.on('error', reject);
    socket.on('close', () => reject(new Error(`${path}: the server hung up`)));
    socket.on('data', (chunk) => {
      const text = Buffer.concat([rest, chunk]);
      let from = 0;
      for (let at = text.indexOf(status); at >= 0 && at + status.length < text.length; ) {
        from = at + status.length;
        if (text[from] !== 0x32) return reject(new Error(`${path}: ${text.toString('latin1', at)}`));
        answered++;
        at = text.indexOf(status, from);
      }
      rest = text.subarray(Math.max(from, text.length - status.length));
      if (answered >= count) {
        resolve();
        socket.destroy();
      } else if (answered === sent) {
        sent += batch;
        socket.write(many);
      }
    });
  });
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
