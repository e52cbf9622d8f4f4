/**
 * Small helpers on text that lives long.
 */

/** V8 copies shorter substrings; from here on a substring keeps the whole text alive that it was cut from. */
const SLICED_FROM = 13;

/** The same text, holding no longer text alive that it was cut from (a request line, a pattern of many levels). */
export function own(text: string): string {
  return text.length < SLICED_FROM ? text : ` ${text}`.slice(1);
}

/** The UTF-16 units of a text from last to first. */
export function reversed(text: string): string {
  let result = '';
  for (let i = text.length - 1; i >= 0; i--) result += text[i];
  return result;
}
