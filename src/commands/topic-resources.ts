/**
 * What a reader of topics must be allowed to read.
 *
 * Invariant: every row that subscribes asks for these, so that no face shows what happens to a key to somebody who may
 * not read it.
 */

/** What changes of a key are published under (synap-core.md 2.5). */
export const WATCH = '__watch@0__:';

/**
 * The resources of a subscription to `topic`. A topic that begins with `__` carries what happens to keys, so it takes
 * the permission for those keys too; `a.#` also matches `a`.
 */
export function topicResources(topic: string): string[] {
  const resources = [`pubsub:${topic}`];
  if (topic.endsWith('.#')) resources.push(`pubsub:${topic.slice(0, -2)}`);
  if (topic.startsWith(WATCH)) resources.push(...keyResources(topic.slice(WATCH.length)));
  else if (topic.startsWith('__')) resources.push('kv:*');
  return resources;
}

/** The resources of whoever watches `key`. */
export const keyResources = (key: string): string[] =>
  key.endsWith('.#') ? [`kv:${key}`, `kv:${key.slice(0, -2)}`] : [`kv:${key}`];
