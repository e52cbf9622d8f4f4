/**
 * Queues, rooms, topics, groups, pub/sub and the store in numbers, under our names and under those of the reference
 * (synap-operations.md 4.6).
 *
 * Invariant: names that clients choose become labels only up to a cap, so that nobody can fill the page; sums stay whole.
 */

import type { Engines } from '../commands/context.ts';
import type { Clock } from '../core/clock.ts';
import type { Metrics, Reading } from '../ops/metrics.ts';
import type { DurableStore } from '../store/durable.ts';

/** Queues, rooms, topics or groups that get labels of their own; the oldest. */
const LABELLED = 1_000;

/** Adds them to `metrics`. */
export function engineMetrics(metrics: Metrics, engines: Engines, clock: Clock): void {
  queueMetrics(metrics, engines, clock);
  streamMetrics(metrics, engines, clock);
  chatMetrics(metrics, engines);
  const { pubsub } = engines;
  metrics.gauge(
    'synapd_pubsub_subscriptions',
    'Subscriptions, exact and patterns.',
    [],
    () => pubsub.stats().totalSubscribers,
  );
  metrics.counter('synapd_pubsub_published_total', 'Messages published.', [], () => pubsub.stats().messagesPublished);
  metrics.counter(
    'synapd_pubsub_dropped_total',
    'Subscribers closed because they did not keep up.',
    [],
    () => pubsub.stats().slowConsumersDropped,
  );
}

function chatMetrics(metrics: Metrics, { chat }: Engines): void {
  metrics.gauge('synapd_chat_threads', 'Threads by state.', ['state'], () => {
    const { threads, deletedThreads } = chat.stats();
    return [
      [threads - deletedThreads, 'live'],
      [deletedThreads, 'deleted'],
    ];
  });
  metrics.gauge('synapd_chat_messages', 'Messages by state.', ['state'], () => {
    const { messages, deletedMessages } = chat.stats();
    return [
      [messages - deletedMessages, 'live'],
      [deletedMessages, 'deleted'],
    ];
  });
  metrics.gauge('synapd_chat_versions', 'Stored versions of messages.', [], () => chat.stats().versions);
  metrics.gauge('synapd_chat_followers', 'Readers that follow a thread.', [], () => chat.stats().watchers);
}

function queueMetrics(metrics: Metrics, { queues }: Engines, clock: Clock): void {
  const each = (read: (detail: ReturnType<typeof queues.detail>) => number) => (): Reading[] =>
    queues
      .list()
      .slice(0, LABELLED)
      .map((name) => [read(queues.detail(name, clock.now())), name]);
  metrics.gauge(
    'synapd_queue_ready',
    'Messages ready.',
    ['queue'],
    each(({ ready }) => ready),
  );
  metrics.gauge(
    'synapd_queue_in_flight',
    'Messages that wait for an acknowledgement.',
    ['queue'],
    each(({ inFlight }) => inFlight),
  );
  metrics.gauge(
    'synapd_queue_delayed',
    'Messages that are not due yet.',
    ['queue'],
    each(({ delayed }) => delayed),
  );
  metrics.gauge(
    'synapd_queue_dead',
    'Dead letters.',
    ['queue'],
    each(({ dead }) => dead),
  );
  metrics.gauge(
    'synapd_queue_oldest_seconds',
    'Age of the longest ready message.',
    ['queue'],
    each(({ oldestReadyMs }) => oldestReadyMs / 1000),
  );
  metrics.gauge(
    'synap_queue_depth',
    'Messages ready.',
    ['queue'],
    each(({ ready }) => ready),
  );
  metrics.gauge(
    'synap_queue_dlq_messages',
    'Dead letters.',
    ['queue'],
    each(({ dead }) => dead),
  );
  metrics.counter('synapd_queue_messages_total', 'Messages by what happened to them.', ['event'], () => {
    const { published, consumed, acked, nacked, deadLettered } = queues.totals();
    return [
      [published, 'published'],
      [consumed, 'consumed'],
      [acked, 'acked'],
      [nacked, 'nacked'],
      [deadLettered, 'dead_lettered'],
    ];
  });
  metrics.gauge('synap_datatype_memory_bytes', 'Accounted bytes by type of data.', ['datatype'], () => [
    [queues.totals().bytes, 'queue'],
  ]);
}

function streamMetrics(metrics: Metrics, { rooms, topics, groups }: Engines, clock: Clock): void {
  const room = (read: (stats: ReturnType<typeof rooms.stats>) => number) => (): Reading[] =>
    rooms
      .list()
      .slice(0, LABELLED)
      .map((name) => [read(rooms.stats(name)), name]);
  metrics.gauge(
    'synap_stream_buffer_size',
    'Events kept.',
    ['room'],
    room(({ messageCount }) => messageCount),
  );
  metrics.gauge(
    'synap_stream_last_offset',
    'Offset of the newest event.',
    ['room'],
    room(({ maxOffset }) => maxOffset),
  );
  metrics.gauge(
    'synap_stream_subscribers',
    'Subscribers remembered.',
    ['room'],
    room(({ subscriberCount }) => subscriberCount),
  );
  metrics.gauge('synap_datatype_memory_bytes', 'Accounted bytes by type of data.', ['datatype'], () => [
    [rooms.totals().bytes + topics.totals().bytes, 'stream'],
  ]);
  const partitions = (read: (stats: ReturnType<typeof topics.stats>[number]) => number) => (): Reading[] =>
    topics
      .list()
      .slice(0, LABELLED)
      .flatMap((name) =>
        topics.stats(name, clock.now()).map((stats): Reading => [read(stats), name, String(stats.partition)]),
      )
      .slice(0, LABELLED);
  metrics.gauge(
    'synap_partition_messages',
    'Events kept.',
    ['topic', 'partition'],
    partitions(({ messageCount }) => messageCount),
  );
  metrics.gauge(
    'synap_partition_end_offset',
    'Offset of the newest event.',
    ['topic', 'partition'],
    partitions(({ maxOffset }) => maxOffset),
  );
  metrics.gauge('synap_consumer_group_members', 'Members.', ['group', 'topic'], () =>
    groups
      .list()
      .slice(0, LABELLED)
      .map((name) => {
        const { memberCount, topic } = groups.stats(name, clock.now());
        return [memberCount, name, topic];
      }),
  );
  const lags = (read: (lag: ReturnType<typeof groups.lag>['partitions'][number]) => number | null) => (): Reading[] =>
    groups
      .list()
      .slice(0, LABELLED)
      .flatMap((name) => {
        const { topic, partitions } = groups.lag(name);
        return partitions.flatMap((lag): Reading[] => {
          const value = read(lag);
          return value === null ? [] : [[value, name, topic, String(lag.partition)]];
        });
      })
      .slice(0, LABELLED);
  const labels = ['group', 'topic', 'partition'];
  metrics.gauge(
    'synap_consumer_group_committed_offset',
    'Committed offset.',
    labels,
    lags(({ committed }) => (committed === null ? null : Number(committed))),
  );
  metrics.gauge(
    'synap_consumer_group_lag',
    'Events behind.',
    labels,
    lags(({ lag }) => lag),
  );
}

/** The store; what a power cut may cost is `synapd_store_behind_seconds`. */
export function storeMetrics(metrics: Metrics, store: DurableStore): void {
  metrics.gauge(
    'synapd_store_behind_seconds',
    'How long the oldest change waits for the disk.',
    [],
    () => store.stats().behindMs / 1000,
  );
  metrics.gauge(
    'synapd_store_backlog_bytes',
    'Changes that are not on disk yet.',
    [],
    () => store.stats().backlogBytes,
  );
  metrics.gauge(
    'synapd_store_flush_seconds',
    'Duration of the last transaction.',
    [],
    () => store.stats().lastCommitMs / 1000,
  );
  metrics.gauge('synapd_store_map_bytes', 'Size of the memory map.', [], () => store.stats().mapBytes);
  metrics.gauge('synapd_store_file_bytes', 'Size of the data file.', [], () => store.stats().fileBytes);
  metrics.counter('synapd_store_commits_total', 'Transactions by outcome.', ['outcome'], () => {
    const { commits, failures } = store.stats();
    return [
      [commits, 'ok'],
      [failures, 'error'],
    ];
  });
}
