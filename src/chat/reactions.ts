/**
 * The reactions of a message: one text for each identity, in the order of the bytes of the identities.
 *
 * Invariant: lists are never changed, only replaced, so that a view may hand them out.
 */
import { byBytes } from '../core/json.ts';
import type { Reaction } from './types.ts';

/** No reactions. */
export const NO_REACTIONS: readonly Reaction[] = [];

/** What one version did to the reactions: replaced them all, or set one; an empty text takes it away. */
export type Reacted = Reaction | readonly Reaction[] | undefined;

/** Where an identity stands or would stand. */
function rank(list: readonly Reaction[], id: string): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (byBytes((list[middle] as Reaction).id, id) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The text of an identity; `''` when it has not reacted. */
export function reactionOf(list: readonly Reaction[], id: string): string {
  const found = list[rank(list, id)];
  return found?.id === id ? found.reaction : '';
}

/** The reactions after one was set, or taken away by an empty text. */
export function withReaction(list: readonly Reaction[], change: Reaction): readonly Reaction[] {
  const at = rank(list, change.id);
  const there = list[at]?.id === change.id ? 1 : 0;
  if (change.reaction === '') return there === 0 ? list : list.toSpliced(at, 1);
  return list.toSpliced(at, there, change);
}

/** The reactions after a version. */
export function afterVersion(list: readonly Reaction[], reacted: Reacted): readonly Reaction[] {
  if (reacted === undefined) return list;
  return 'id' in reacted ? withReaction(list, reacted) : reacted;
}

/** The reactions of a JSON object; empty texts are no reactions. */
export function fromObject(members: Readonly<Record<string, string>>): readonly Reaction[] {
  const list = Object.keys(members)
    .filter((id) => members[id] !== '')
    .map((id) => ({ id, reaction: members[id] as string }));
  return list.length === 0 ? NO_REACTIONS : list.sort((a, b) => byBytes(a.id, b.id));
}

/** Whether two lists say the same. */
export function sameReactions(a: readonly Reaction[], b: readonly Reaction[]): boolean {
  return (
    a === b || (a.length === b.length && a.every((one, at) => one.id === b[at]?.id && one.reaction === b[at]?.reaction))
  );
}
