/**
 * Query strings and path parameters to text, by the rules of synap-core.md 1.5-1.
 */
import { CommandError } from '../core/errors.ts';

/** Form-decoded text: `+` is a blank, a malformed escape is literal, bytes that are not UTF-8 become U+FFFD. */
export function formDecode(text: string): string {
  const blanks = text.includes('+') ? text.replaceAll('+', ' ') : text;
  if (!blanks.includes('%')) return blanks;
  return Buffer.from(percentBytes(blanks)).toString('utf8');
}

/** A path parameter decoded once; `BAD_PATH` when its bytes are not UTF-8 (synap-core.md 1.4). */
export function pathDecode(text: string, name: string): string {
  // the transport hands raw bytes over as latin1 or UTF-8 text; only escapes and non-ASCII need work
  if (!text.includes('%')) return text;
  const bytes = percentBytes(text);
  const decoded = Buffer.from(bytes).toString('utf8');
  if (decoded.includes('\ufffd') && !Buffer.from(decoded, 'utf8').equals(bytes))
    throw new CommandError('BAD_PATH', { detail: `Invalid UTF-8 in \`${name}\`` });
  return decoded;
}

function percentBytes(text: string): Buffer {
  const bytes = Buffer.from(text, 'utf8');
  let to = 0;
  for (let from = 0; from < bytes.length; from++) {
    const high = bytes[from] === 0x25 ? nibble(bytes[from + 1]) : -1;
    const low = high >= 0 ? nibble(bytes[from + 2]) : -1;
    if (low >= 0) {
      bytes[to++] = (high << 4) | low;
      from += 2;
    } else bytes[to++] = bytes[from] as number;
  }
  return bytes.subarray(0, to);
}

function nibble(code: number | undefined): number {
  if (code === undefined) return -1;
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const letter = code | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

/** The value of one query parameter, decoded; the last wins, `undefined` when absent (synap-core.md 1.5-1). */
export function queryValue(query: string, name: string): string | undefined {
  let value: string | undefined;
  for (const pair of query.split('&')) {
    const at = pair.indexOf('=');
    const key = at < 0 ? pair : pair.slice(0, at);
    if (key === name || (/[%+]/.test(key) && formDecode(key) === name))
      value = at < 0 ? '' : formDecode(pair.slice(at + 1));
  }
  return value;
}
