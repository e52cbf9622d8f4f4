/**
 * Any JavaScript text as bytes and back: UTF-8, and for surrogates without a partner the three bytes that their number
 * would have (WTF-8).
 *
 * Invariant: two different texts never have the same bytes, and the order of the bytes is the order of code points.
 * Plain UTF-8 as Node writes it turns every lone surrogate into U+FFFD, so that two keys could become one.
 */

/** Texts up to this length are written by a loop, since calling into Node costs more than their bytes. */
const SHORT = 32;

/** Whether every surrogate has its partner. Part of Node 20, but not yet of the type library this project compiles with. */
function wellFormed(text: string): boolean {
  return (text as unknown as { isWellFormed(): boolean }).isWellFormed();
}

/** Most bytes that a text can need. */
export function textRoom(text: string): number {
  return text.length < 4096 || !wellFormed(text) ? 3 * text.length : Buffer.byteLength(text);
}

/** Writes a text at `at`, where there must be `textRoom` bytes, and answers where it ends. */
export function writeText(text: string, into: Buffer, at: number): number {
  const { length } = text;
  if (length <= SHORT) {
    let i = 0;
    for (; i < length; i++) {
      const unit = text.charCodeAt(i);
      if (unit > 0x7f) break;
      into[at + i] = unit;
    }
    if (i === length) return at + length;
  }
  return wellFormed(text) ? at + into.write(text, at, 'utf8') : writeByUnits(text, into, at);
}

function writeByUnits(text: string, into: Buffer, from: number): number {
  let at = from;
  for (const character of text) {
    const code = character.codePointAt(0) as number;
    if (code < 0x80) into[at++] = code;
    else if (code < 0x800) {
      into[at++] = 0xc0 | (code >> 6);
      into[at++] = 0x80 | (code & 0x3f);
    } else {
      if (code < 0x1_0000) into[at++] = 0xe0 | (code >> 12);
      else {
        into[at++] = 0xf0 | (code >> 18);
        into[at++] = 0x80 | ((code >> 12) & 0x3f);
      }
      into[at++] = 0x80 | ((code >> 6) & 0x3f);
      into[at++] = 0x80 | (code & 0x3f);
    }
  }
  return at;
}

/** The text of these bytes; bytes that no text has read as U+FFFD. */
export function readText(bytes: Buffer, start: number, end: number): string {
  const text = bytes.toString('utf8', start, end);
  return text.includes('\ufffd') ? readSurrogates(bytes, start, end) : text;
}

/** Reads piece by piece around the three bytes of a surrogate, which Node would read as three times U+FFFD. */
function readSurrogates(bytes: Buffer, start: number, end: number): string {
  let text = '';
  let from = start;
  for (let i = start; i + 2 < end; i++) {
    const second = bytes[i + 1] as number;
    const third = bytes[i + 2] as number;
    if (bytes[i] !== 0xed || second < 0xa0 || second > 0xbf || third < 0x80 || third > 0xbf) continue;
    text += bytes.toString('utf8', from, i) + String.fromCharCode(0xd000 | ((second & 0x3f) << 6) | (third & 0x3f));
    from = i + 3;
    i += 2;
  }
  return text + bytes.toString('utf8', from, end);
}
