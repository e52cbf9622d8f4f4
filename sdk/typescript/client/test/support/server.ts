/**
 * The built server, clients of it that are closed after each test, and waiting for what becomes true.
 */
import { afterAll, afterEach, beforeAll } from 'vitest';
import { WebSocket } from 'ws';
import { freePort, type Running, scratchFolder, startServer } from '../../../../../test/support/process.ts';
import { type ClientOptions, Synapd } from '../../src/index.ts';

const clients = new Set<Synapd>();
afterEach(() => {
  for (const client of clients) client.close();
  clients.clear();
});

/** A client that is closed after the test. */
export function connect(url: string, options: ClientOptions = {}): Synapd {
  const client = new Synapd(url, { WebSocket, ...options });
  clients.add(client);
  return client;
}

/** One server for the tests of a file. */
export function sharedServer(
  args?: readonly string[],
  environment?: Readonly<Record<string, string>>,
): { readonly url: string } {
  let running: Running | undefined;
  beforeAll(async () => {
    running = await startServer(args, environment);
  });
  afterAll(async () => {
    await running?.stop();
  });
  return {
    get url() {
      return running?.base ?? '';
    },
  };
}

/** A server that keeps its port and its data when it is killed and started again. Always on disk before it answers. */
export class Lasting {
  readonly #folder = scratchFolder();
  readonly #more: readonly string[];
  #running: Running | undefined;
  #port = 0;

  constructor(...more: readonly string[]) {
    this.#more = more;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  async start(): Promise<void> {
    this.#port ||= await freePort();
    const where = ['--port', String(this.#port), '--data-dir', this.#folder, '--durability', 'sync'];
    this.#running = await startServer([...where, ...this.#more]);
  }

  async kill(): Promise<void> {
    await this.#running?.stop('SIGKILL');
  }
}

/** Resolves as soon as the condition holds. */
export async function until(holds: () => boolean | Promise<boolean>, ms = 20_000): Promise<void> {
  const end = Date.now() + ms;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`never happened: ${holds}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

let names = 0;
/** A name that no other test has. */
export const fresh = (kind: string): string => `${kind}-${process.pid}-${++names}`;
