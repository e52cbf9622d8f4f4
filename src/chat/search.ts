/**
 * Search by text within a thread.
 *
 * Invariant: one call looks at no more than `LIMITS.chatSearched` messages, in steps, from the newest to the oldest, and
 * says where to go on. There is no index: an inverted one costs several times the memory of the texts it serves, for a
 * call that one reader makes now and then, while a walk reads about five messages in a microsecond.
 */
import { LIMITS } from '../core/limits.ts';
import { textLiteral } from './json-text.ts';
import { type Message, messageView, viewBytes } from './message.ts';
import { pageLimit } from './pages.ts';
import { lower } from './text.ts';
import type { Thread } from './thread.ts';
import type { MessageView, SearchPage, Walk } from './types.ts';

/** Messages looked at in one step, and characters of text after which it ends early. */
const STEP = 256;
const STEP_UNITS = 256 * 1024;

export class SearchWalk implements Walk<SearchPage> {
  readonly #thread: Thread;
  readonly #words: readonly string[];
  /** The words as they look inside a stored text: what has none of them need not be parsed. */
  readonly #literals: readonly string[];
  readonly #limit: number;
  readonly #found: MessageView[] = [];
  #position: number;
  #looked = 0;
  #bytes = 0;
  #next = '';

  /** `before` is the number of the message from which to go down. */
  constructor(thread: Thread, words: readonly string[], limit: number | undefined, before: number) {
    this.#thread = thread;
    this.#words = words;
    this.#literals = words.map((word) => lower(textLiteral(word).slice(1, -1)));
    this.#limit = pageLimit(limit);
    this.#position = before;
  }

  step(): boolean {
    if (this.#thread.purging || this.#limit === 0) return false;
    const list = this.#thread.visible.created;
    const batch = list.down(
      list.seek((message) => message.no < this.#position),
      STEP,
    );
    let read = 0;
    for (const message of batch) {
      if (read > STEP_UNITS) return true;
      read += message.newest.body.length;
      this.#position = message.no;
      this.#looked++;
      if (this.#matches(message)) {
        const view = messageView(message);
        this.#found.push(view);
        this.#bytes += viewBytes(view);
      }
      const enough = this.#found.length >= this.#limit || this.#bytes > LIMITS.chatPageBytes;
      if (enough || this.#looked >= LIMITS.chatSearched) {
        this.#next = message === list.first() ? '' : message.id;
        return false;
      }
    }
    return batch.length === STEP;
  }

  result(): SearchPage {
    return { thread: this.#thread.id, messages: this.#found, next: this.#next };
  }

  #matches(message: Message): boolean {
    const { body } = message.newest;
    const text = lower(body);
    if (!this.#literals.every((literal) => text.includes(literal))) return false;
    const texts: string[] = [];
    gather(JSON.parse(body), texts);
    return this.#words.every((word) => texts.some((one) => one.includes(word)));
  }
}

/** The words of a search text, lower case, each once. */
export function searchWords(text: string): string[] {
  return [...new Set(lower(text).split(/\s+/u))].filter((word) => word !== '');
}

/** All texts of a JSON value, lower case; names of members are no texts. */
function gather(value: unknown, into: string[]): void {
  if (typeof value === 'string') into.push(lower(value));
  else if (typeof value === 'object' && value !== null) for (const member of Object.values(value)) gather(member, into);
}
