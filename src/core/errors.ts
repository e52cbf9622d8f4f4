/**
 * The error table: every way a request can fail, once.
 *
 * Invariant: `new CommandError(code, holes)` is the only way to refuse a request; texts are part of the wire contract
 * (synap-core.md 1.3 and 7.3 of synap-operations.md), so a face may choose columns but never rewrites a text.
 */

/** One row of the table: the text with named holes, the REST status, whether trying again can help, and what to tell a reader. */
export interface ErrorRow {
  readonly text: string;
  /** What REST says instead, where the reference has two texts for one thing. */
  readonly restText?: string;
  readonly status: number;
  readonly retryable: boolean;
  readonly about: string;
}

const row = (status: number, text: string, about: string, retryable = false): ErrorRow => ({
  text,
  status,
  retryable,
  about,
});

export const ERRORS = {
  // any family
  INVALID_REQUEST: row(400, 'Invalid request: {detail}', 'A field is missing, or the call makes no sense as sent.'),
  INVALID_VALUE: row(400, 'Invalid value: {detail}', 'A value is outside what the command accepts.'),
  UNKNOWN_COMMAND: row(400, 'Unknown command: {command}', 'No command has this name; names are case-sensitive.'),
  FORBIDDEN: row(
    403,
    'Forbidden: Insufficient permissions for resource: {resource}, action: {action}',
    'The caller is known, but none of its permissions covers this resource and action.',
  ),
  UNAUTHORIZED: row(401, 'Unauthorized: {detail}', 'Credentials are missing, unknown, or wrong.'),
  ACCOUNT_NOT_FOUND: row(404, 'Key not found: User {user} not found', 'No user has this name.'),
  NOT_YOURS: row(403, 'Forbidden: {detail}', 'Only an administrator, or the user this belongs to, may do this.'),
  RATE_LIMITED: row(429, 'Quota exceeded: {detail}', 'The caller sends faster than it may; wait and try again.', true),
  MEMORY_LIMIT: row(507, 'Memory limit exceeded', 'The memory budget is used up and nothing may be evicted.', true),
  LIMIT_REACHED: row(
    507,
    'Quota exceeded: {detail}',
    'A collection is at its cap (limits.ts); delete something or raise the setting.',
  ),
  STORE_FULL: row(
    507,
    'Storage is full: {detail}',
    'The disk under the data folder is full; reads go on, writes resume by themselves when there is room.',
    true,
  ),
  READ_ONLY: row(
    503,
    'Read only: {detail}',
    'The store cannot be written at present; reads go on, writes resume by themselves when it recovers.',
    true,
  ),
  UNAVAILABLE: row(503, 'Unavailable: {detail}', 'The server is starting, stopping or overloaded.', true),
  INTERNAL: row(500, 'Internal error: {detail}', 'A fault of the server; the log has the request id with a stack.'),

  // key-value
  KEY_NOT_FOUND: row(404, 'Key not found: {key}', 'The key does not exist, or its TTL has run out.'),

  // queues
  QUEUE_NOT_FOUND: row(404, 'Queue not found: {queue}', 'No queue has this name; create it first.'),
  QUEUE_FULL: row(507, 'Queue is full: {queue}', 'The queue holds max_depth ready messages.', true),
  MESSAGE_NOT_FOUND: row(
    404,
    'Message not found: {id}',
    'The message is not in flight: acknowledged already, or its deadline has passed.',
  ),

  // streams, topics, groups: the reference answers 400 for all of these (synap-core.md 9-22)
  ROOM_EXISTS: row(400, "Invalid request: Room '{room}' already exists", 'A room of this name exists.'),
  ROOM_NOT_FOUND: row(400, "Invalid request: Room '{room}' not found", 'No room has this name; create it first.'),
  OFFSET_OUT_OF_RANGE: row(
    400,
    'Invalid request: Stream offset {offset} out of range; earliest retained offset is {earliest}',
    'The events at this offset are gone by retention; go on from the earliest offset.',
  ),
  TOPIC_EXISTS: row(400, "Invalid request: Topic '{topic}' already exists", 'A topic of this name exists.'),
  TOPIC_NOT_FOUND: row(400, "Invalid request: Topic '{topic}' not found", 'No topic has this name; create it first.'),
  PARTITION_NOT_FOUND: row(
    400,
    'Invalid request: Partition {partition} not found',
    'The topic has no partition of this number.',
  ),
  GROUP_EXISTS: row(
    400,
    "Invalid request: Consumer group '{group}' already exists",
    'A consumer group of this name exists.',
  ),
  GROUP_NOT_FOUND: row(
    400,
    "Invalid request: Consumer group '{group}' not found",
    'No consumer group has this name; create it first.',
  ),
  MEMBER_NOT_FOUND: row(
    400,
    'Invalid request: Member {member} not found',
    'The member left the group or its session ended; join again.',
  ),
  MEMBER_NOT_IN_GROUP: row(
    400,
    'Invalid request: Member {member} not found in group',
    'The member left the group or its session ended; join again.',
  ),
  STALE_GENERATION: row(
    400,
    'Invalid request: Generation {generation} is not current; the group is at {current}',
    'The group was rebalanced since; ask for the assignment and go on from the committed offsets.',
  ),

  // pub/sub
  PUBSUB_TOPIC_NOT_FOUND: {
    ...row(404, "Invalid request: Topic '{topic}' not found", 'Nobody has ever subscribed to exactly this topic.'),
    restText: 'Topic not found',
  },

  // chat: texts of progressdb.md 3 and 4.4
  CHAT_THREAD_NOT_FOUND: row(404, 'thread not found', 'No thread has this id, or it is deleted.'),
  CHAT_MESSAGE_NOT_FOUND: row(404, 'message not found', 'No message has this id.'),
  CHAT_MESSAGE_ELSEWHERE: row(404, 'message not found in thread', 'The message belongs to another thread.'),
  CHAT_NOT_AUTHOR: row(403, 'author does not match', 'The caller neither owns this nor takes part in the thread.'),
  CHAT_NOT_THREAD_AUTHOR: row(
    403,
    'author does not match thread',
    'Only the author of a thread and those who wrote in it may write into it.',
  ),
  CHAT_NOT_PARTICIPANT: row(
    403,
    'author not found in any message in this thread',
    'Only the author of a thread and those who wrote in it may read it.',
  ),
  CHAT_THREAD_DELETED: row(403, 'thread deleted', 'The thread is deleted; nothing is written into it any more.'),
  CHAT_NOT_REACTOR: row(403, 'reaction id does not match signed user', 'A signed user reacts in its own name only.'),
  CHAT_REACTION_MISSING: row(400, 'missing id or reaction', 'A reaction is an identity and a text, both not empty.'),
  CHAT_INVALID: row(400, '{detail}', 'The thread or message breaks the rules named in the text, joined by "; ".'),
  CHAT_BAD_CURSOR: row(400, 'invalid cursor', '`before` and `after` take ids of messages, threads or versions.'),
  CHAT_ONCE_REUSED: row(
    409,
    'idempotency key was used for another request',
    'The same Idempotency-Key came with another request before.',
  ),
  CHAT_AUTHOR_REQUIRED: row(
    400,
    'author required for backend requests',
    'Backend and admin callers say in whose name they act: body `author`, X-User-ID or query `author`.',
  ),
  CHAT_AUTHOR_TOO_LONG: row(400, 'author too long', 'An author has at most 128 bytes.'),
  CHAT_AUTHOR_CONFLICT: row(
    403,
    'author mismatch between signature and {place}',
    'A signed caller names another author than the one of its signature.',
  ),
  CHAT_AUTHOR_CHANGED: row(
    403,
    'author in body does not match verified author',
    'An edit may repeat the author but not change it.',
  ),
  CHAT_SIGNATURE_MISSING: row(
    401,
    'missing signature headers',
    'Frontend callers send X-User-ID and X-User-Signature; a signature without a user is no signature.',
  ),
  CHAT_SIGNATURE_INVALID: row(401, 'invalid signature', 'No backend key made this signature, or it has expired.'),
  CHAT_NO_SIGNERS: row(
    500,
    'server misconfigured: no signing secrets available',
    'A signature came, but no backend key is configured to check it with.',
  ),
  CHAT_NO_KMS: row(500, 'no kms provider registered', 'No master key is configured.'),
  CHAT_NO_THREADS: row(400, 'no threads specified', 'Name threads, or set `all` on a server that has some.'),
  CHAT_NO_THREAD_KEYS: row(400, 'no key mappings found for provided threads', 'None of these threads is encrypted.'),
  CHAT_KEY_NOT_FOUND: row(404, 'pebble: not found', 'No thread or version stands under this storage key.'),
  CHAT_KEY_UNREADABLE: row(401, 'missing api key', 'Signing reads the key from `Bearer` or X-API-Key, spelled so.'),
  CHAT_RATE_LIMITED: row(429, 'rate limit exceeded', 'Too many requests of one key or address; see Retry-After.'),
  CHAT_TEST_DISABLED: row(403, 'test endpoint disabled', 'This call needs the setting chat.testing.'),
  CHAT_BAD_KEK: row(400, 'invalid new_kek_hex', 'A master key is 64 hexadecimal digits.'),

  // HTTP itself (synap-core.md 1.4, 9-23)
  NOT_FOUND: row(404, 'Not found: {path}', 'No route has this path.'),
  METHOD_NOT_ALLOWED: row(405, 'Method not allowed: {method}', 'The path exists; the Allow header lists its methods.'),
  BAD_PATH: row(400, 'Invalid URL: {detail}', 'A path parameter cannot be read.'),
  BAD_HANDSHAKE: row(
    400,
    '{detail}',
    'The request cannot become a WebSocket; the text says which header or parameter is wrong.',
  ),
  SYSTEM_DISABLED: row(503, '{detail}', 'The settings switch this family off, so its sockets do not open.'),
  BAD_QUERY: row(400, 'Failed to deserialize query string: {detail}', 'The query string cannot be read.'),
  UNSUPPORTED_MEDIA_TYPE: row(
    415,
    'Expected request with `Content-Type: application/json`',
    'JSON routes want a JSON content type.',
  ),
  BODY_TOO_LARGE: row(
    413,
    'Failed to buffer the request body: length limit exceeded',
    'The body is larger than the cap.',
  ),
  BAD_JSON: row(400, 'Failed to parse the request body as JSON: {detail}', 'The body is not JSON.'),
  BAD_MSGPACK: row(
    400,
    'Failed to parse the message as msgpack: {detail}',
    'The bytes are not one msgpack value of plain types.',
  ),
  BAD_SHAPE: row(
    422,
    'Failed to deserialize the JSON body into the target type: {detail}',
    'The body is JSON, but a member is missing or of the wrong type.',
  ),
} as const satisfies Record<string, ErrorRow>;

/** The name of a row of the error table, such as `QUEUE_NOT_FOUND`. */
export type ErrorCode = keyof typeof ERRORS;

/** What fills the holes of an error text. */
export type Holes = Readonly<Record<string, string | number | bigint>>;

const NONE: Holes = {};

/** The text of `code` with its holes filled, exactly as a client sees it. */
export function errorText(code: ErrorCode, holes: Holes = NONE): string {
  const text: string = ERRORS[code].text;
  if (text.indexOf('{') < 0) return text;
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = holes[name];
    return value === undefined ? whole : String(value);
  });
}

/**
 * A request refused: by its input or by the state it met. Carries no stack, since it is an answer and not a fault.
 */
export class CommandError extends Error {
  readonly code: ErrorCode;
  readonly holes: Holes;

  constructor(code: ErrorCode, holes: Holes = NONE) {
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = 0; // collecting a stack costs as much as the whole request
    super(errorText(code, holes));
    Error.stackTraceLimit = limit;
    this.code = code;
    this.holes = holes;
  }

  /** The text of this error over REST. */
  get restText(): string {
    const { restText }: ErrorRow = ERRORS[this.code];
    return restText ?? this.message;
  }

  /** The HTTP status of this error on the Synap face. */
  get status(): number {
    return ERRORS[this.code].status;
  }
}

/** Throws `INVALID_REQUEST` with this detail. */
export function invalidRequest(detail: string): never {
  throw new CommandError('INVALID_REQUEST', { detail });
}

/** Throws `INVALID_VALUE` with this detail. */
export function invalidValue(detail: string): never {
  throw new CommandError('INVALID_VALUE', { detail });
}
