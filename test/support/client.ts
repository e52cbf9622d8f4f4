/** A WebSocket client for tests. */
import type { WebSocket } from 'ws';

/** A WebSocket client that keeps what it received, and how it was closed. */
export class Client {
  readonly ws: WebSocket;
  readonly frames: (string | Buffer)[] = [];
  closed: { readonly code: number; readonly reason: string } | undefined;
  #wake: (() => void)[] = [];

  constructor(ws: WebSocket) {
    this.ws = ws;
    ws.on('message', (data: Buffer, binary) => {
      this.frames.push(binary ? data : data.toString());
      this.#changed();
    });
    ws.on('close', (code, reason) => {
      this.closed = { code, reason: reason.toString() };
      this.#changed();
    });
  }

  /** Waits until `done` holds, looking again whenever something happens on the socket. */
  async until(done: (client: this) => boolean): Promise<void> {
    while (!done(this)) await new Promise<void>((resolve) => this.#wake.push(resolve));
  }

  /** Takes the next `count` text frames as JSON. */
  async take(count: number): Promise<unknown[]> {
    await this.until(() => this.frames.length >= count || this.closed !== undefined);
    return this.frames.splice(0, count).map((frame) => JSON.parse(frame.toString()) as unknown);
  }

  /** The next text frame, as it stands. */
  async text(): Promise<string> {
    await this.until(() => this.frames.length > 0 || this.closed !== undefined);
    return String(this.frames.shift());
  }

  /** How it was closed. */
  async end(): Promise<{ readonly code: number; readonly reason: string }> {
    await this.until(() => this.closed !== undefined);
    return this.closed as { code: number; reason: string };
  }

  send(message: unknown): void {
    this.ws.send(typeof message === 'string' || message instanceof Uint8Array ? message : JSON.stringify(message));
  }

  /** Closes from this side, and waits for the handshake. */
  close(): Promise<{ readonly code: number; readonly reason: string }> {
    this.ws.close(1000);
    return this.end();
  }

  #changed(): void {
    const waiting = this.#wake;
    this.#wake = [];
    for (const wake of waiting) wake();
  }
}
