/**
 * Pages of messages, versions and threads.
 *
 * Invariant: a page costs what it holds, wherever in the thread it is; it ends at its limit, at `LIMITS.chatPage` or at
 * `LIMITS.chatPageBytes`, whichever comes first, and says when it was cut.
 */
import { CommandError } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';
import type { Ordered } from '../core/ordered.ts';
import { type Message, messageNo, messageView, versionView, viewBytes } from './message.ts';
import type { Messages } from './messages.ts';
import { afterVersion, NO_REACTIONS } from './reactions.ts';
import { slugOf } from './text.ts';
import { type Thread, threadView } from './thread.ts';
import type { Threads } from './threads.ts';
import type {
  Actor,
  Cut,
  MessagePage,
  MessageQuery,
  MessageView,
  ThreadPage,
  ThreadQuery,
  ThreadView,
  VersionPage,
  Walk,
} from './types.ts';

/** How many items a page may have. */
export const pageLimit = (limit: number | undefined): number => Math.min(limit ?? LIMITS.chatPage, LIMITS.chatPage);

const badCursor = (): CommandError => new CommandError('CHAT_BAD_CURSOR');

/** How a message compares with a place in one of the orders: negative before it, 0 at it, positive behind it. */
type Position = (message: Message) => number;

/** Messages of a thread (R9, R10). Errors: CHAT_BAD_CURSOR. */
export function messagePage(thread: Thread, messages: Messages, query: MessageQuery): MessagePage {
  const byTs = query.sortBy === 'ts';
  const position = (cursor: string): Position =>
    byTs ? positionByTs(messages.get(cursor), thread) : positionByNo(messageNo(cursor));
  const after = query.after === undefined ? undefined : position(query.after);
  const before = query.before === undefined ? undefined : position(query.before);
  const lists =
    query.includeDeleted && thread.hidden !== undefined ? [thread.visible, thread.hidden] : [thread.visible];
  const compare = byTs ? compareByTs : compareByNo;
  const limit = pageLimit(query.limit);
  const upwards = after !== undefined;
  const found = lists
    .map((list) => take(byTs ? list.ts : list.created, after, before, limit + 1))
    .reduce((a, b) => merge(a, b, upwards ? compare : (x, y) => compare(y, x)));
  const page = cut(found, limit, messageView);
  if (!upwards) page.items.reverse();
  return { thread: thread.id, messages: page.items, more: page.more };
}

/** Some messages of one list: ascending from `after`, or else descending from `before` or the end. */
function take(
  list: Ordered<Message>,
  after: Position | undefined,
  before: Position | undefined,
  count: number,
): Message[] {
  if (after === undefined) {
    return list.down(before === undefined ? list.end() : list.seek((message) => before(message) < 0), count);
  }
  const found = list.up(
    list.seek((message) => after(message) <= 0),
    count,
  );
  return before === undefined ? found : found.filter((message) => before(message) < 0);
}

const compareByNo = (a: Message, b: Message): number => a.no - b.no;

function compareByTs(a: Message, b: Message): number {
  const x = a.newest.ts;
  const y = b.newest.ts;
  return x < y ? -1 : x > y ? 1 : a.no - b.no;
}

/** Works for messages that are gone, too: their numbers still say where they were. */
function positionByNo(no: number | undefined): Position {
  if (no === undefined) throw badCursor();
  return (message) => message.no - no;
}

function positionByTs(cursor: Message | undefined, thread: Thread): Position {
  if (cursor?.thread !== thread) throw badCursor();
  return (message) => compareByTs(message, cursor);
}

/** Two ordered lists as one. */
function merge<T>(a: readonly T[], b: readonly T[], compare: (a: T, b: T) => number): T[] {
  const all: T[] = [];
  let at = 0;
  for (const item of b) {
    while (at < a.length && compare(a[at] as T, item) < 0) all.push(a[at++] as T);
    all.push(item);
  }
  return all.concat(a.slice(at));
}

/** As many views as fit into a page. The first always does. */
function cut<T>(
  items: readonly T[],
  limit: number,
  view: (item: T) => MessageView,
): { items: MessageView[]; more: boolean } {
  const views: MessageView[] = [];
  let bytes = 0;
  for (const item of items) {
    if (views.length >= limit || bytes > LIMITS.chatPageBytes) return { items: views, more: true };
    const next = view(item);
    bytes += viewBytes(next);
    views.push(next);
  }
  return { items: views, more: false };
}

/** The versions of a message, oldest first, from behind the version `after`. */
export function versionPage(message: Message, after: number, limit: number | undefined): VersionPage {
  const most = pageLimit(limit);
  const versions: MessageView[] = [];
  let reactions = NO_REACTIONS;
  let bytes = 0;
  for (let at = 0; at < message.count; at++) {
    const version = message.at(at);
    if (version === undefined) break;
    reactions = afterVersion(reactions, version.reacted);
    if (version.seq <= after) continue;
    if (versions.length >= most || bytes > LIMITS.chatPageBytes) return { id: message.id, versions, more: true };
    const view = versionView(version, reactions);
    bytes += viewBytes(view);
    versions.push(view);
  }
  return { id: message.id, versions, more: false };
}

/** Threads looked at in one step of a walk. */
const STEP = 256;

/** The threads of an author, or of all, in the order of creation; filtered ones in slices, as nobody indexes titles. */
export class ThreadWalk implements Walk<ThreadPage> {
  readonly #threads: Threads;
  readonly #actor: Actor;
  readonly #author: string | undefined;
  readonly #matches: (thread: Thread) => boolean;
  readonly #limit: number;
  readonly #downwards: boolean;
  readonly #end: number;
  readonly #found: ThreadView[] = [];
  #position: number;
  #bytes = 0;
  #more = false;

  /** Errors: CHAT_BAD_CURSOR. */
  constructor(
    threads: Threads,
    actor: Actor,
    author: string | undefined,
    query: Cut,
    matches: (thread: Thread) => boolean,
  ) {
    this.#threads = threads;
    this.#actor = actor;
    this.#author = author;
    this.#matches = matches;
    this.#limit = pageLimit(query.limit);
    this.#downwards = query.before !== undefined && query.after === undefined;
    const before = query.before === undefined ? Number.POSITIVE_INFINITY : this.#noOf(query.before);
    this.#position = this.#downwards ? before : query.after === undefined ? 0 : this.#noOf(query.after);
    this.#end = before;
  }

  step(): boolean {
    const batch = this.#downwards
      ? this.#threads.below(this.#position, STEP, this.#author)
      : this.#threads.above(this.#position, STEP, this.#author);
    for (const thread of batch) {
      if (!this.#downwards && thread.no >= this.#end) return false;
      if (this.#found.length >= this.#limit || this.#bytes > LIMITS.chatPageBytes) {
        if (!this.#matches(thread)) continue;
        this.#more = true;
        return false;
      }
      this.#position = thread.no;
      if (!this.#matches(thread)) continue;
      const view = threadView(thread, this.#actor);
      this.#bytes += 200 + 2 * view.title.length + view.metadata.length;
      this.#found.push(view);
    }
    const last = batch[batch.length - 1];
    if (last === undefined || batch.length < STEP) return false;
    this.#position = last.no;
    return true;
  }

  result(): ThreadPage {
    return { threads: this.#downwards ? this.#found.toReversed() : this.#found, more: this.#more };
  }

  #noOf(id: string): number {
    const no = this.#threads.noOf(id);
    if (no === undefined) throw badCursor();
    return no;
  }
}

/** The one thread that a slug can name, if the query lets it through. */
export function bySlug(
  threads: Threads,
  actor: Actor,
  query: ThreadQuery & { readonly slug: string },
  matches: (thread: Thread) => boolean,
): Walk<ThreadPage> {
  const thread = threads.bySlug(query.slug, (candidate) => slugOf(candidate.title, candidate.id));
  const shown = thread !== undefined && matches(thread) && pageLimit(query.limit) > 0;
  return { step: () => false, result: () => ({ threads: shown ? [threadView(thread, actor)] : [], more: false }) };
}
