/**
 * Small helpers on text that lives long.
 */

/** V8 copies shorter substrings; from here on a substring keeps the whole text alive that it was cut from. */
const SLICED_FROM = 13;

/** The same text, holding no longer text alive that it was cut from (a request line, a pattern of many levels). */
export function own(text: string): string {
  if (text.length < SLICED_FROM) return text;
  const copy = text.slice(0, 1) + text.slice(1);
  copy.charCodeAt(1); // reading it makes V8 write the joined text down in one piece
  return copy;
}

/** The UTF-16 units of a text from last to first. */
export function reversed(text: string): string {
  let result = '';
  for (let i = text.length - 1; i >= 0; i--) result += text[i];
  return result;
}
