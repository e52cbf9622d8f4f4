/**
 * The chat face: `/v1` as ProgressDB serves it (progressdb.md 3.2 to 3.8).
 *
 * Invariant: a handler resolves in whose name the call acts, reads what was sent, calls `execute` and prints; what a
 * caller may do is decided by the engine for that name.
 */
import { mustKeepAuthor, resolveAuthor } from '../commands/chat-shapes.ts';
import type { Executable, Table } from '../commands/compile.ts';
import type { Context } from '../commands/context.ts';
import { CommandError } from '../core/errors.ts';
import type { ChatDoor, Guest, Locks, Wing } from './chat-door.ts';
import * as read from './chat-text.ts';
import type { Answer, Endpoint, Feed, Method } from './endpoint.ts';
import { pathDecode } from './query.ts';

/** What the face needs. */
export interface ChatPorts {
  readonly table: Table;
  readonly door: ChatDoor;
  readonly locks: Locks;
  readonly parse: read.Parse;
}

/** One request as a handler sees it. */
export interface Call {
  readonly context: Context;
  readonly guest: Guest;
  readonly params: readonly string[];
  readonly query: string;
  readonly body: unknown;
}

type Handler = (call: Call) => Answer | Feed | Promise<Answer>;

const BAD = 'invalid json';

/** Makes endpoints behind the door; the door learns of each. */
export function router(door: ChatDoor): (method: Method, path: string, wing: Wing, handler: Handler) => Endpoint {
  return (method, path, wing, handler) => {
    door.knows(method, path);
    return {
      method,
      path,
      body: method === 'POST' || method === 'PUT' ? 'bytes' : 'none',
      admit: (asked) => door.admit(asked, wing),
      failure: read.chatFailure,
      answer: (context, raws, query, body) => {
        const params = raws.map((raw) => decoded(raw, path));
        return handler({ context, guest: context.session as Guest, params, query, body });
      },
    };
  };
}

/** A part of the path. An escaped slash separates parts too, so that such a path leads nowhere. */
function decoded(raw: string, path: string): string {
  const part = pathDecode(raw, 'path');
  if (part.includes('/')) throw new CommandError('NOT_FOUND', { path });
  return part;
}

/** A command of the table. */
export function command(table: Table, name: string): Executable['execute'] {
  return (table.calls.get(name) as Executable).execute;
}

/** The answer to what a command gives, now or later. */
export function answerWith<T>(output: unknown, show: (output: T) => Answer): Answer | Promise<Answer> {
  return output instanceof Promise ? output.then((value: T) => show(value)) : show(output as T);
}

const roleOf = ({ classes }: Guest): 'admin' | 'backend' | 'frontend' =>
  classes.admin ? 'admin' : classes.backend ? 'backend' : 'frontend';

/** From here on the call acts in this name. */
export function actAs({ context, guest }: Call, user: string): void {
  context.session = { admin: guest.admin, allows: guest.allows, actor: { role: roleOf(guest), user } };
}

/** In whose name a call acts (4.3). `need`: callers with a secret key have to name somebody. */
function author(call: Call, body: string, need = true): string {
  const { signed, user } = call.guest;
  const query = (read.queryOf(call.query, 'author') ?? '').trim();
  if (!need && signed === '' && body === '' && user === '' && query === '') return '';
  return resolveAuthor(roleOf(call.guest), { signed, body, header: user, query });
}

/** Admins need not say for whom they read. */
export const reader = (call: Call): string => author(call, '', !call.guest.admin);

/** A decimal query parameter; anything else counts as absent. */
function count(query: string, name: string): number | undefined {
  const text = read.queryOf(query, name);
  return text !== undefined && /^\+?\d{1,9}$/.test(text) ? Number(text) : undefined;
}

interface Listed {
  readonly more: boolean;
}

/** The endpoints of `/v1`. */
export function chatEndpoints({ table, door, locks, parse }: ChatPorts): Endpoint[] {
  const route = router(door);
  const run = (name: string): Executable['execute'] => command(table, `chat.${name}`);
  const createThread = run('create_thread');
  const thread = run('thread');
  const updateThread = run('update_thread');
  const deleteThread = run('delete_thread');
  const threads = run('threads');
  const createMessage = run('create_message');
  const message = run('message');
  const editMessage = run('edit_message');
  const deleteMessage = run('delete_message');
  const messages = run('messages');
  const versions = run('versions');
  const reactions = run('reactions');
  const react = run('react');
  const unreact = run('unreact');
  const search = run('search');
  const members = (call: Call): Readonly<Record<string, unknown>> => read.readMembers(call.body, parse, BAD);

  const threadSaid = (call: Call) => {
    const said = members(call);
    const title = read.textOf(said['title'], BAD);
    const by = read.textOf(said['author'], BAD);
    const { metadata } = said;
    // what the server decides by itself is ignored, but not when it is of another type
    for (const name of ['id', 'slug']) read.textOf(said[name], BAD);
    for (const name of ['created_ts', 'updated_ts', 'deleted_ts']) read.int64Of(said[name], BAD);
    read.flagOf(said['deleted'], BAD);
    const kms = read.objectOf(said['kms'], BAD);
    for (const name of ['key_id', 'wrapped_dek', 'kek_id', 'kek_version']) read.textOf(kms[name], BAD);
    if (metadata !== undefined && (typeof metadata !== 'object' || Array.isArray(metadata))) read.refuse(BAD);
    actAs(call, author(call, by));
    return { title, ...(metadata === undefined ? {} : { metadata }) };
  };

  /** What a body says, and `by` whom: apart, so that nothing has to be taken out of what goes on to the command. */
  const messageSaid = (call: Call) => {
    const said = members(call);
    read.textOf(said['id'], BAD);
    const thread = read.textOf(said['thread'], BAD);
    const by = read.textOf(said['author'], BAD);
    const message = {
      thread,
      role: said['role'] === undefined ? undefined : said['role'] === null ? null : read.textOf(said['role'], BAD),
      ts: read.int64Of(said['ts'], BAD),
      body: said['body'],
      reply_to:
        said['reply_to'] === undefined
          ? undefined
          : said['reply_to'] === null
            ? null
            : read.textOf(said['reply_to'], BAD),
      deleted: read.flagOf(said['deleted'], BAD),
      reactions: read.textMapOf(said['reactions'], BAD),
    };
    return { by, message };
  };

  const post = (call: Call, home: string | undefined): Answer => {
    const { by, message: said } = messageSaid(call);
    actAs(call, author(call, by));
    const input = { ...said, thread: home ?? said.thread, idempotency_key: call.guest.once };
    return read.line(createMessage(call.context, input));
  };

  const list = (call: Call, home: string): Answer => {
    const { query } = call;
    const page = messages(call.context, {
      thread: home,
      limit: count(query, 'limit'),
      before: read.queryOf(query, 'before'),
      after: read.queryOf(query, 'after'),
      include_deleted: read.queryOf(query, 'include_deleted') === 'true',
      sort_by: read.queryOf(query, 'sort_by') === 'ts' ? 'ts' : 'created',
    }) as { thread: string; messages: unknown[] } & Listed;
    const paged = read.queryOf(query, 'before') !== undefined || read.queryOf(query, 'after') !== undefined;
    return read.line({ thread: page.thread, messages: page.messages, ...(paged ? { has_more: page.more } : {}) });
  };

  /** The routes of one message, below a thread or wherever it is. */
  const below = (base: string, wing: Wing, at: (params: readonly string[]) => { thread?: string; message: string }) => {
    const asUser = (call: Call): { thread?: string; message: string } => {
      actAs(call, call.guest.signed !== '' && roleOf(call.guest) === 'frontend' ? call.guest.signed : '');
      return at(call.params);
    };
    return [
      route('GET', `${base}/versions`, wing, (call) => {
        // the reference knows no pages here, so that `limit` alone does nothing
        const after = count(call.query, 'after');
        const input = { ...asUser(call), after, limit: after === undefined ? undefined : count(call.query, 'limit') };
        const page = versions(call.context, input) as { id: string; versions: unknown[]; next: number | null };
        return read.line({ id: page.id, versions: page.versions, ...(page.next === null ? {} : { next: page.next }) });
      }),
      route('GET', `${base}/reactions`, wing, (call) => read.line(reactions(call.context, asUser(call)))),
      route('POST', `${base}/reactions`, wing, (call) => {
        const said = members(call);
        const id = read.textOf(said['id'], BAD) || call.guest.identity;
        const reaction = read.textOf(said['reaction'], BAD);
        return read.line(react(call.context, { ...asUser(call), id, reaction }));
      }),
      route('DELETE', `${base}/reactions/:identity`, wing, (call) => {
        const id = call.params[call.params.length - 1] as string;
        unreact(call.context, { ...asUser(call), id });
        return read.NO_CONTENT;
      }),
    ];
  };
  const scoped = (params: readonly string[]) => ({ thread: params[0] as string, message: params[1] as string });
  const loose = (params: readonly string[]) => ({ message: params[0] as string });

  return [
    route('POST', '/v1/_sign', 'sign', ({ guest, body }) => {
      if (!guest.classes.backend) throw new CommandError('FORBIDDEN', { resource: 'sign', action: 'use' });
      if (guest.key === '') throw new CommandError('CHAT_KEY_UNREADABLE');
      const user = read.textOf(read.readMembers(body, parse, 'invalid payload')['userid'], 'invalid payload');
      if (user === '') read.refuse('invalid payload');
      return read.line({ signature: locks.sign(guest.key, user), userId: user });
    }),

    route('POST', '/v1/threads', 'user', (call) => {
      const input = threadSaid(call);
      return read.line(createThread(call.context, { ...input, idempotency_key: call.guest.once }));
    }),
    route('GET', '/v1/threads', 'user', (call) => {
      actAs(call, author(call, ''));
      const { query } = call;
      const [before, after] = [read.queryOf(query, 'before'), read.queryOf(query, 'after')];
      const paged = before !== undefined || after !== undefined || read.queryOf(query, 'paged') === 'true';
      const input = {
        title: read.queryOf(query, 'title'),
        slug: read.queryOf(query, 'slug'),
        ...(paged ? { limit: count(query, 'limit'), before, after } : {}),
      };
      return answerWith<{ threads: unknown[] } & Listed>(threads(call.context, input), ({ threads: found, more }) =>
        read.line({ threads: found, ...(paged ? { has_more: more } : {}) }),
      );
    }),
    route('GET', '/v1/threads/:thread', 'user', (call) => {
      actAs(call, reader(call));
      return read.goText(thread(call.context, { thread: call.params[0] }));
    }),
    route('PUT', '/v1/threads/:thread', 'user', (call) => {
      const input = threadSaid(call);
      return read.line(updateThread(call.context, { ...input, thread: call.params[0] }));
    }),
    route('DELETE', '/v1/threads/:thread', 'user', (call) => {
      actAs(call, author(call, ''));
      deleteThread(call.context, { thread: call.params[0] });
      return read.NO_CONTENT;
    }),
    route('GET', '/v1/threads/:thread/search', 'user', (call) => {
      actAs(call, reader(call));
      const { context, params, query } = call;
      const input = {
        thread: params[0],
        text: read.queryOf(query, 'q') ?? '',
        limit: count(query, 'limit'),
        before: read.queryOf(query, 'before'),
      };
      return answerWith(search(context, input), read.line);
    }),

    route('POST', '/v1/threads/:thread/messages', 'user', (call) => post(call, call.params[0])),
    route('GET', '/v1/threads/:thread/messages', 'user', (call) => {
      actAs(call, reader(call));
      return list(call, call.params[0] as string);
    }),
    route('POST', '/v1/messages', 'user', (call) => post(call, undefined)),
    route('GET', '/v1/messages', 'user', (call) => {
      actAs(call, call.guest.signed || call.guest.user);
      return list(call, read.queryOf(call.query, 'thread') || 'default');
    }),

    route('GET', '/v1/threads/:thread/messages/:id', 'user', (call) => {
      actAs(call, author(call, ''));
      return read.line(message(call.context, scoped(call.params)));
    }),
    route('PUT', '/v1/threads/:thread/messages/:id', 'user', (call) => {
      const by = author(call, '');
      const {
        by: named,
        message: { thread: _, ts: __, ...said },
      } = messageSaid(call);
      mustKeepAuthor(by, named);
      actAs(call, by);
      return read.line(editMessage(call.context, { ...said, ...scoped(call.params) }));
    }),
    route('DELETE', '/v1/threads/:thread/messages/:id', 'user', (call) => {
      actAs(call, author(call, ''));
      deleteMessage(call.context, scoped(call.params));
      return read.NO_CONTENT;
    }),
    ...below('/v1/threads/:thread/messages/:id', 'user', scoped),

    route('GET', '/v1/messages/:id', 'user', (call) => {
      actAs(call, '');
      return read.goText(message(call.context, loose(call.params)));
    }),
    route('PUT', '/v1/messages/:id', 'user', (call) => {
      const {
        by: named,
        message: { thread: _, ts: __, ...said },
      } = messageSaid(call);
      actAs(call, author(call, named));
      return read.line(editMessage(call.context, { ...said, ...loose(call.params) }));
    }),
    route('DELETE', '/v1/messages/:id', 'user', (call) => {
      actAs(call, '');
      message(call.context, loose(call.params)); // a missing message is told before a missing author
      actAs(call, author(call, ''));
      deleteMessage(call.context, loose(call.params));
      return read.NO_CONTENT;
    }),
    ...below('/v1/messages/:id', 'user', loose),
  ];
}
