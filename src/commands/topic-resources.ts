/**
 * What a reader of topics must be allowed to read.
 *
 * Invariant: every row that subscribes asks for these, so that no face shows what happens to a key or in a chat thread
 * to somebody who may not read it.
 */

/** What changes of a key are published under (synap-core.md 2.5). */
export const WATCH = '__watch@0__:';

/** What happens in a thread is published under these two levels, then the id of the thread, then the kind. */
const THREAD = ['chat', 'thread'];

/**
 * The resources of a subscription to `topic`. A topic that begins with `__` carries what happens to keys, so it takes
 * the permission for those keys too, and one that matches `chat.thread.<id>.<kind>` takes that for the threads; `a.#`
 * also matches `a`.
 */
export function topicResources(topic: string): string[] {
  const resources = [`pubsub:${topic}`];
  if (topic.endsWith('.#')) resources.push(`pubsub:${topic.slice(0, -2)}`);
  if (topic.startsWith(WATCH)) resources.push(...keyResources(topic.slice(WATCH.length)));
  else if (topic.startsWith('__')) resources.push('kv:*');
  else resources.push(...threadResources(topic));
  return resources;
}

/** The resources of whoever watches `key`. */
export const keyResources = (key: string): string[] =>
  key.endsWith('.#') ? [`kv:${key}`, `kv:${key.slice(0, -2)}`] : [`kv:${key}`];

/** The resources of the threads that a topic or pattern can tell about. Ids of threads may have dots themselves. */
function threadResources(topic: string): string[] {
  const levels = topic.split('.');
  const open = levels[levels.length - 1] === '#';
  if (open) levels.pop();
  if (!open && levels.length < 4) return [];
  if (!THREAD.every((word, at) => at >= levels.length || mayBe(levels[at] as string, word))) return [];
  if (levels[0] !== THREAD[0] || levels[1] !== THREAD[1]) return ['chat:*'];
  const thread = levels.slice(2, open ? undefined : -1).join('.');
  if (thread === '') return ['chat:*'];
  return open ? [`chat:${thread}`, `chat:${thread}.#`] : [`chat:${thread}`];
}

/** Whether a level of a pattern may match a word; only what stands before and behind its stars is looked at. */
function mayBe(level: string, word: string): boolean {
  const star = level.indexOf('*');
  if (star < 0) return level === word;
  return word.startsWith(level.slice(0, star)) && word.endsWith(level.slice(level.lastIndexOf('*') + 1));
}
