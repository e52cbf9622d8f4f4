/**
 * The invariants of one thread, looked at from the outside.
 */
import { Version } from './message.ts';
import type { Thread } from './thread.ts';

/** Broken invariants, one sentence each; empty when the thread is sound. */
export function checkThread(thread: Thread): string[] {
  const broken: string[] = [];
  const say = (text: string): number => broken.push(`thread ${thread.id}: ${text}`);
  const lists = thread.hidden === undefined ? [thread.visible] : [thread.visible, thread.hidden];
  const participants = new Map<string, number>();
  const uses = new Map<unknown, number>();
  const versions: Version[] = [];
  for (const list of lists) {
    for (const text of [...list.created.check(), ...list.ts.check()]) say(text);
    if (list.created.size !== list.ts.size) say('its two orders differ in number');
    for (const message of list.created.up({ chunk: 0, index: 0 }, Number.POSITIVE_INFINITY)) {
      if (message.thread !== thread) say(`holds message ${message.id} of another thread`);
      if (message.newest.deleted !== (list === thread.hidden)) say(`lists message ${message.id} in the wrong place`);
      if (!message.tombstone && message.author !== thread.author) {
        participants.set(message.author, (participants.get(message.author) ?? 0) + 1);
      }
      for (let at = 0; at < message.count; at++) {
        const version = message.at(at) as Version;
        const before = at === 0 ? undefined : message.at(at - 1);
        versions.push(version);
        if (message.before(version) !== before) say(`version ${version.seq} does not know the one before it`);
        if (version.key !== undefined) uses.set(version.key, (uses.get(version.key) ?? 0) + 1);
        if (before !== undefined && version.seq <= before.seq) say(`versions of ${message.id} are out of order`);
        if (before !== undefined && version.ts <= before.ts && version.ts !== 2n ** 63n - 1n) {
          say(`version ${version.seq} of ${message.id} is not later than the one before`);
        }
      }
    }
  }
  for (const text of thread.log.check()) say(text);
  const logged = thread.log
    .up({ chunk: 0, index: 0 }, Number.POSITIVE_INFINITY)
    .filter((one) => one instanceof Version);
  versions.sort((a, b) => a.seq - b.seq);
  if (versions.length !== thread.versions) say(`${versions.length} versions are counted as ${thread.versions}`);
  if (logged.length !== versions.length || logged.some((one, at) => one !== versions[at]))
    say('its log is not its versions');
  if ((versions[versions.length - 1]?.seq ?? 0) > thread.seq) say('its last number is too low');
  if ([...participants].some(([user, count]) => thread.participants?.get(user) !== count))
    say('participants are miscounted');
  if ((thread.participants?.size ?? 0) !== participants.size) say('remembers participants that are none');
  for (const key of thread.keys) if ((uses.get(key) ?? 0) !== key.uses) say(`key ${key.id} is miscounted`);
  for (const key of uses.keys())
    if (!thread.keys.some((one) => one === key)) say('a version is under a key that is gone');
  return broken;
}
