/** A socket that is dead and does not say so: it is tested after silence, and made anew when it does not answer. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { type ClientOptions, Synapd } from '../src/index.ts';

interface Frame {
  readonly id: number;
  readonly command: string;
}

let sockets: Socket[] = [];
let client: Synapd;

/** Opens at once, and answers for as long as it lives. */
class Socket {
  readonly frames: Frame[] = [];
  alive = true;
  closed = false;
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onerror: unknown = null;
  onclose: unknown = null;
  binaryType = '';

  constructor() {
    sockets.push(this);
    queueMicrotask(() => this.onopen?.());
  }

  send(data: string): void {
    const frame = JSON.parse(data) as Frame;
    this.frames.push(frame);
    queueMicrotask(() => this.push({ id: frame.id, success: true, payload: {} }));
  }

  push(message: object): void {
    if (this.alive) this.onmessage?.({ data: JSON.stringify(message) });
  }

  close(): void {
    this.closed = true;
  }

  /** Commands after the subscription. */
  get probes(): number {
    return this.frames.length - 1;
  }
}

beforeEach(() => {
  vi.useFakeTimers();
  sockets = [];
  const WebSocket = Socket as unknown as NonNullable<ClientOptions['WebSocket']>;
  client = new Synapd('http://nowhere.example', { WebSocket, timeout: 10_000 });
});
afterEach(() => {
  client.close();
  vi.useRealTimers();
});

it('a subscription leaves a socket that fell silent within 70 s, and subscribes on another one', async () => {
  const items = client.pubsub.listen({ topics: ['a'] });
  await vi.advanceTimersByTimeAsync(0);
  const [first] = sockets;
  if (first === undefined) throw new Error('no socket');
  first.alive = false;
  await vi.advanceTimersByTimeAsync(59_999);
  expect([first.probes, first.closed]).toEqual([0, false]);
  await vi.advanceTimersByTimeAsync(1);
  expect([first.probes, first.closed]).toEqual([1, false]);
  await vi.advanceTimersByTimeAsync(10_000);
  expect([first.closed, sockets.length, items.reconnects]).toEqual([true, 2, 1]);
  const next = items.next();
  sockets[1]?.push({ id: sockets[1].frames[0]?.id, event: { topic: 'a', payload: 1 } });
  expect(await next).toMatchObject({ value: { topic: 'a', payload: 1 } });
});

it('a quiet socket that answers stays, and a busy one is not asked', async () => {
  client.pubsub.listen({ topics: ['a'] });
  await vi.advanceTimersByTimeAsync(0);
  const [only] = sockets;
  if (only === undefined) throw new Error('no socket');
  for (let second = 0; second < 300; second += 20) {
    only.push({ id: only.frames[0]?.id, event: { topic: 'a', payload: second } });
    await vi.advanceTimersByTimeAsync(20_000);
  }
  expect(only.probes).toBe(0);
  await vi.advanceTimersByTimeAsync(300_000);
  expect(only.probes).toBeGreaterThanOrEqual(4);
  expect([only.closed, sockets.length]).toEqual([false, 1]);
});
