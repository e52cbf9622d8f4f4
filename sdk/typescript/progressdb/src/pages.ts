/**
 * Walks through all of a list, page by page, in the order of creation.
 */

/** Items of a page, where the caller does not say. */
const PAGE = 200;

/**
 * All items behind `after`. `load` gives a page that begins behind a cursor. A server that knows no cursors, as ProgressDB,
 * gives everything at once and does not say `has_more`.
 */
export async function* walk<I extends { readonly id: string }>(
  load: (after: string, limit: number) => Promise<{ readonly items: readonly I[]; readonly has_more?: boolean }>,
  from: string | undefined,
  limit: number | undefined,
): AsyncGenerator<I, void, undefined> {
  let after = from ?? '';
  for (;;) {
    const page = await load(after, limit ?? PAGE);
    yield* page.items;
    const last = page.items[page.items.length - 1];
    if (page.has_more !== true || last === undefined) return;
    after = last.id;
  }
}
