/**
 * Titles, slugs and letter case, as the reference has them (progressdb.md 5.3).
 */

/** Lower case for comparing, one code point to one wherever two texts could otherwise differ for the same letters. */
export function lower(text: string): string {
  return text.replaceAll('\u0130', 'i').toLowerCase().replaceAll('\u03c2', '\u03c3');
}

/** The slug of a title, with the id at its end: `  Héllo, Wörld!! 2 ` gives `h-llo-w-rld-2-<id>`, `日本` gives `t-<id>`. */
export function slugOf(title: string, id: string): string {
  const words = lower(title).match(/[a-z0-9]+/g);
  return `${words === null ? 't' : words.join('-')}-${id}`;
}

/** The title of a thread that was given none, when `stored` threads are there already. */
export function defaultTitle(stored: number): string {
  return `New Thread #${stored + 1}`;
}

/** The form of thread ids that clients may choose (R11). */
export const THREAD_ID = /^[A-Za-z0-9._-]{1,256}$/;

/** The same text in one piece: what was put together from parts keeps its parts in memory until somebody looks into it. */
export function flat(text: string): string {
  return Number.isNaN(text.charCodeAt(text.length - 1)) ? '' : text;
}
