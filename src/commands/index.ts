/**
 * The table: every command there is. A command that does not stand here does not exist on any wire.
 */
import * as auth from './auth.ts';
import * as authUsers from './auth-users.ts';
import * as chatAdmin from './chat-admin.ts';
import * as chatMessages from './chat-messages.ts';
import * as chatThreads from './chat-threads.ts';
import type { Command } from './define.ts';
import * as group from './group.ts';
import * as kv from './kv.ts';
import * as kvKeys from './kv-keys.ts';
import * as pubsub from './pubsub.ts';
import * as queue from './queue.ts';
import * as queueDead from './queue-dead.ts';
import * as server from './server.ts';
import * as stream from './stream.ts';
import * as topic from './topic.ts';

const families = [
  kv,
  kvKeys,
  queue,
  queueDead,
  stream,
  topic,
  group,
  pubsub,
  chatThreads,
  chatMessages,
  chatAdmin,
  auth,
  authUsers,
  server,
];

/** All rows that answer once, by id. */
export const COMMANDS: readonly Command[] = families
  .flatMap((family): Command[] => Object.values(family))
  .sort((a, b) => a.id - b.id);
