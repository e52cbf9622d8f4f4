/**
 * Server-sent events: text in, events out.
 */

/** An event with data. */
export interface ServerEvent {
  /** `message` for events that are not named. */
  readonly name: string;
  readonly data: string;
}

/** Characters of one event; beyond, the sender is none that we know. */
const LARGEST = 64 * 1024 * 1024;

/** Takes the pieces of a body as they arrive, and gives the events that are complete. */
export class SseParser {
  readonly #decoder = new TextDecoder();
  #rest = '';
  /** Whether the rest ends with a \r, which may be half of an end of line. A field, since asking a long text is slow. */
  #half = false;
  #name = '';
  #data: string[] = [];

  /** Throws `RangeError` for an event that never ends. */
  feed(piece: Uint8Array): ServerEvent[] {
    const text = this.#decoder.decode(piece, { stream: true });
    this.#rest += text;
    if (this.#rest.length > LARGEST) throw new RangeError('an event is larger than 64 MiB');
    if (text === '' || (!this.#half && !/[\r\n]/.test(text))) return [];
    this.#half = text.endsWith('\r');
    const held = this.#rest;
    const end = held.length - Number(this.#half); // its newline may be in the next piece
    const lines = held.slice(0, end).split(/\r\n|\n|\r/);
    this.#rest = (lines.pop() ?? '') + held.slice(end);
    const events: ServerEvent[] = [];
    for (const line of lines) {
      if (line === '') this.#dispatch(events);
      else this.#field(line);
    }
    return events;
  }

  #dispatch(events: ServerEvent[]): void {
    if (this.#data.length > 0) events.push({ name: this.#name || 'message', data: this.#data.join('\n') });
    this.#name = '';
    this.#data = [];
  }

  #field(line: string): void {
    const colon = line.indexOf(':');
    if (colon === 0) return; // a comment: the heartbeat
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1);
    if (name === 'data') this.#data.push(value);
    else if (name === 'event') this.#name = value;
  }
}
