import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SseParser } from '../src/sse.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('the parser of events', () => {
  it('reads names, lines of data and comments', () => {
    const parser = new SseParser();
    const text = ': hello\n\nevent: edit\nid: 7\ndata: {"a":\ndata:1}\n\ndata\n\nevent: x\n\ndata:  two blanks\n\n';
    expect(parser.feed(bytes(text))).toEqual([
      { name: 'edit', data: '{"a":\n1}' },
      { name: 'message', data: '' },
      { name: 'message', data: ' two blanks' },
    ]);
  });

  it('reads the same however the bytes are cut, and with any end of line', () => {
    const lines = ['event: message', 'data: zoë 日本 🚀', '', ': ', '', 'data: a', 'data: b', '', ''];
    const expected = new SseParser().feed(bytes(lines.join('\n')));
    expect(expected).toHaveLength(2);
    fc.assert(
      fc.property(fc.constantFrom('\n', '\r\n', '\r'), fc.array(fc.nat(90), { maxLength: 12 }), (end, cuts) => {
        // a last line behind it, since a lone \r at the end may be half of \r\n
        const whole = bytes(`${lines.join(end)}:`);
        const parser = new SseParser();
        const places = [0, ...cuts.sort((a, b) => a - b), whole.length];
        const events = places.slice(1).flatMap((to, at) => parser.feed(whole.slice(places[at], to)));
        expect(events).toEqual(expected);
      }),
    );
  });

  it('refuses an event that never ends', () => {
    const parser = new SseParser();
    const piece = bytes('x'.repeat(1 << 20));
    expect(() => {
      for (let at = 0; at < 65; at++) parser.feed(piece);
    }).toThrow(/larger than 64 MiB/);
  });
});
