/**
 * Every cap of the server, with its unit and its reason. A limit that is hit answers an error that names it.
 */
export const LIMITS = {
  // HTTP
  /** Bytes of a JSON body (synap-core.md 1.1). */
  bodyBytes: 2_097_152,
  /** Bytes of the request line and headers together; a key travels in the path, so more than the usual 4 KiB. */
  headerBytes: 65_536,
  /** Levels of nesting in a JSON body, the body's own object counted (synap-core.md 1.4). */
  jsonDepth: 127,

  // key-value
  /** Keys that one `kv.keys` or `kv.scan` returns at most (synap-core.md 9-4): above that an answer takes seconds to print. */
  listedKeys: 100_000,
  /** Bytes of key text that one listing returns at most. */
  listedBytes: 16 * 1024 * 1024,
  /** UTF-16 units of one key pattern: longer ones take milliseconds to read; a prefix finds longer keys. */
  globLength: 65_536,
  /** Wildcards `?` and `[..]` in one key pattern: each may be tried at every character of every key. */
  globWildcards: 128,
  /** Bytes of one value, however it was built up (append, setrange): V8 cannot hold a longer string. */
  valueBytes: 512 * 1024 * 1024 - 64,

  // accounts
  /** Users in the settings; each costs one password hash at start. */
  users: 1_000,
  /** API keys in the settings. */
  apiKeys: 10_000,
  /** Bytes of a password, a user's name or a key. */
  secretBytes: 1_024,
  /** Passwords hashed at the same time: half of the thread pool, 16 MiB each. */
  passwordChecks: 2,
  /** Password checks that wait for one name; all unknown names count as one. */
  passwordChecksWaiting: 32,
  /** Milliseconds since its last use for which a right password is not hashed again. */
  passwordRememberedMs: 60_000,
  /** Milliseconds for which the same wrong password is refused without hashing it. */
  wrongPasswordMs: 10_000,
  /** Wrong passwords remembered. */
  wrongPasswords: 4_096,

  // names of queues, rooms, topics, groups, consumers
  /** Bytes of such a name. */
  nameBytes: 1_024,

  // queues
  /** Queues in the server. */
  queues: 100_000,
  /** Messages one queue has in flight at most: a consumer that never acknowledges may not fill the memory. */
  inFlight: 5_000_000,
  /** Dead letters one queue keeps; beyond that the oldest goes, counted. */
  deadLetters: 100_000,
  /** Longest delay of a delayed message, in milliseconds: 30 days. */
  delayMs: 30 * 24 * 3600 * 1000,
  /** Longest wait of a waiting consume, in milliseconds: proxies cut off longer ones. */
  waitMs: 60_000,
  /** Consumers waiting on one queue or room at the same time. */
  waiters: 10_000,
  /** Messages in one batch publish, consume or ack. */
  batch: 1_000,
  /** Longest deduplication window, in milliseconds: one day. */
  dedupeMs: 24 * 3600 * 1000,
  /** Keys the deduplication window of one queue remembers. */
  dedupeKeys: 1_000_000,

  // streams
  /** Rooms in the server (synap-core.md 9-3). */
  rooms: 100_000,
  /** Events that one read of a room returns at most (synap-core.md 9-4). */
  roomRead: 10_000,
  /** Milliseconds after which a subscriber that never came back no longer holds back retention (synap-core.md 9-12). */
  subscriberIdleMs: 3600 * 1000,
  /** Subscribers remembered per room. */
  subscribers: 100_000,
  /** Topics in the server. */
  topics: 10_000,
  /** Partitions of one topic, and `partition_count` of one group (synap-core.md 9-2). */
  partitions: 1_024,
  /** Events that one read of a partition returns at most (synap-core.md 5.1). */
  partitionRead: 1_000,
  /** Partitions of all topics together: an idle one costs about half a kilobyte. */
  allPartitions: 100_000,
  /** Bytes after which one read of a room or partition stops: every byte of data is up to four characters of an answer. */
  readBytes: 16 * 1024 * 1024,
  /** Bytes of the events of one room; beyond that the oldest go, as beyond the hard limit of events. */
  roomBytes: 256 * 1024 * 1024,
  /** Consumer groups in the server. */
  groups: 10_000,
  /** Members of one group: those beyond its partitions are standbys, and every join looks at each. */
  members: 2_000,
  /** Partitions of one group that have a committed offset: a commit may name any number (synap-core.md 5.2-7). */
  commits: 10_000,

  // pub/sub
  /** Exact topics remembered for listing; beyond that the longest idle without subscribers is forgotten (synap-core.md 9-3). */
  listedTopics: 1_000_000,
  /** Topics that one `pubsub.topics` lists at most; their text is bounded by `listedBytes`. */
  topicsPerList: 100_000,
  /** Subscriptions in the server, exact and patterns together. */
  subscriptions: 5_000_000,
  /** Subscriptions of one subscriber: a closing socket takes its own away in one go, in less than 100 ms at this size. */
  subscriptionsPerSubscriber: 20_000,
  /** Bytes that exact topics and patterns may take together: two for each character, 256 more for each level and each `*` of a pattern. */
  pubsubBytes: 1024 * 1024 * 1024,
  /** Levels of a topic or pattern. */
  topicLevels: 1_000,
  /** Bytes of a topic or pattern. */
  topicBytes: 65_536,
  /** Topics in one subscribe call. */
  topicsPerCall: 10_000,
  /** Topics whose matching subscribers are remembered, so that the next publish need not look for them. */
  cachedTopics: 4_096,
  /** Subscribers in these answers together: 8 MB of references. */
  cachedMatches: 1_000_000,
  /** Characters of a topic above which its answer is not remembered. */
  cachedTopicUnits: 512,

  // chat
  /** Threads in the server, and messages in all of them. */
  chatThreads: 10_000_000,
  chatMessages: 200_000_000,
  /** Versions of one message: a reader of its history gets them all. */
  chatVersions: 100_000,
  /** Reactions one message shows at the same time. */
  chatReactions: 10_000,
  /** Bytes of a thread's title; the slug is made of it. */
  chatTitleBytes: 65_536,
  /** Bytes of a thread's metadata as stored (progressdb.md R22). */
  chatMetadataBytes: 8_192,
  /** Bytes of an author that a backend names (progressdb.md 4.3). */
  chatAuthorBytes: 128,
  /** Bytes of a signed user, a role, a reaction and its identity, and a `reply_to`. */
  chatNameBytes: 1_024,
  /** Messages, versions, threads or keys of one answer, and bytes of their texts after which it stops. */
  chatPage: 10_000,
  chatPageBytes: 16 * 1024 * 1024,
  /** Messages that one search looks at before it answers with a place to go on from. */
  chatSearched: 100_000,
  /** Bytes of the text that is searched for, and words in it. */
  chatSearchBytes: 1_024,
  chatSearchWords: 16,
  /** Changes of one thread that a returning reader can catch up on (`Last-Event-ID`); before that it is told to read anew. */
  chatReplay: 1_000,
  /** Readers that follow one thread live, and all threads together. */
  chatWatchers: 10_000,
  chatAllWatchers: 1_000_000,
  /** Idempotency keys remembered, for how long in milliseconds, and bytes of one. */
  chatOnceKeys: 1_000_000,
  chatOnceMs: 24 * 3600 * 1000,
  chatOnceBytes: 255,
  /** Entries of the audit trail; the oldest go. */
  chatAudit: 10_000,
  /** Threads that one encryption call names, and outcomes that its answer lists. */
  chatKeyThreads: 10_000,
  /** Records that one slice of a purge or a re-encryption touches, before other work gets its turn: about 2 ms. */
  chatSlice: 200,
  /** Users whose expected signatures are remembered. */
  chatSigners: 10_000,
  /** Callers of the chat face whose rate is remembered: some 100 bytes each. */
  chatBuckets: 100_000,

  // the durable store
  /** Changes that wait for the disk; beyond that writes are refused until it has caught up. */
  storeBacklogRecords: 1_000_000,
  /** Bytes of these changes, as they are counted in memory. */
  storeBacklogBytes: 256 * 1024 * 1024,

  // sockets
  /** Bytes one inbound socket message may have. */
  socketMessageBytes: 2_097_152,
  /** Bytes that wait for one slow reader before it is closed with 1008 (synap-core.md 9-5). */
  socketBacklogBytes: 4 * 1024 * 1024,
  /** Bytes that wait for one reader above which sources that can pause do so, until it has read. */
  socketLowWaterBytes: 256 * 1024,
  /** Seconds of silence after which a socket is closed; the server pings well before that. */
  socketIdleSeconds: 120,
  /** Requests one `/ws` socket may have in flight. */
  socketInFlight: 10_000,
} as const;
