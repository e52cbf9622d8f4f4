/**
 * Work queues the naive way: arrays, filters and sorts. What the engine must answer, without any of its structures.
 */
import type { DeadReason, QueueConfig } from '../../src/queue/types.ts';

interface Item {
  readonly id: string;
  readonly priority: number;
  readonly maxRetries: number;
  retryCount: number;
  /** Lease or delay: when it ends, and its place among those that end together. */
  due: number;
  order: number;
  consumer: string;
  owner: ModelParty | undefined;
  reason: DeadReason | undefined;
}

export interface ModelParty {
  readonly name: string;
  readonly consumer: string;
  readonly max: number;
  /** 0 for none. */
  readonly credit: number;
  readonly until: number;
  readonly standing: boolean;
  paused: boolean;
  ticket: number;
}

export class ModelQueue {
  ready: Item[] = [];
  out: Item[] = [];
  delayed: Item[] = [];
  dead: Item[] = [];
  keys: { readonly key: string; readonly id: string; readonly until: number }[] = [];
  count = { published: 0, consumed: 0, acked: 0, nacked: 0, deadLettered: 0 };
  readonly config: QueueConfig;

  constructor(config: QueueConfig) {
    this.config = config;
  }
}

export class Model {
  queues = new Map<string, ModelQueue>();
  /** In the order in which they came. */
  parties: ModelParty[] = [];
  /** Deliveries: queue, consumer and ids; an empty answer has no ids. */
  log: { readonly queue: string; readonly to: string; readonly ids: string[] }[] = [];
  #order = 0;

  publish(
    q: ModelQueue,
    id: string,
    {
      priority = q.config.priority,
      maxRetries = q.config.maxRetries,
      delayMs = 0,
      messageKey,
    }: Partial<{
      priority: number | undefined;
      maxRetries: number | undefined;
      delayMs: number | undefined;
      messageKey: string | undefined;
    }>,
    now: number,
  ): string {
    const twin = q.keys.find((k) => k.key === messageKey && k.until > now);
    if (twin !== undefined) return twin.id;
    if ((delayMs > 0 ? q.delayed : q.ready).length >= q.config.maxDepth) return 'full';
    const item: Item = {
      id,
      priority: Math.min(9, priority),
      maxRetries,
      retryCount: 0,
      due: now + delayMs,
      order: ++this.#order,
      consumer: '',
      owner: undefined,
      reason: undefined,
    };
    (delayMs > 0 ? q.delayed : q.ready).push(item);
    q.count.published++;
    if (messageKey !== undefined) q.keys.push({ key: messageKey, id, until: now + q.config.dedupeMs });
    return id;
  }

  take(q: ModelQueue, consumer: string, max: number, owner: ModelParty | undefined, now: number): Item[] {
    const taken: Item[] = [];
    while (taken.length < max && q.ready.length > 0 && !this.#full(q, consumer)) {
      const best = Math.max(...q.ready.map((item) => item.priority));
      const item = q.ready.find(({ priority }) => priority === best) as Item;
      q.ready = q.ready.filter((other) => other !== item);
      Object.assign(item, { due: now + q.config.ackDeadlineSecs * 1000, order: ++this.#order, consumer, owner });
      q.out.push(item);
      q.count.consumed++;
      taken.push(item);
    }
    return taken;
  }

  leased(q: ModelQueue, id: string, now: number): Item | undefined {
    return q.out.find((item) => item.id === id && item.due > now);
  }

  ack(q: ModelQueue, item: Item): void {
    this.#release(q, item);
    q.count.acked++;
  }

  fail(q: ModelQueue, item: Item, requeue: boolean): void {
    this.#release(q, item);
    item.retryCount++;
    q.count.nacked++;
    if (requeue && item.retryCount <= item.maxRetries) {
      q.ready.push(item);
    } else {
      item.reason = requeue ? 'retries_exhausted' : 'rejected';
      q.dead.push(item);
      q.count.deadLettered++;
    }
  }

  extend(item: Item, due: number): void {
    item.due = due;
    item.order = ++this.#order;
  }

  revive(q: ModelQueue, item: Item): void {
    q.dead = q.dead.filter((other) => other !== item);
    item.retryCount = 0;
    q.ready.push(item);
  }

  /** Ends what is over. */
  expire(q: ModelQueue, now: number): void {
    for (;;) {
      const [first] = [...q.out, ...q.delayed].sort((a, b) => a.due - b.due || a.order - b.order);
      if (first === undefined || first.due > now) return;
      if (q.out.includes(first)) {
        this.fail(q, first, true);
      } else {
        q.delayed = q.delayed.filter((item) => item !== first);
        q.ready.push(first);
      }
    }
  }

  /** Gives what is ready to who waits for it. */
  offer(name: string, now: number): void {
    const q = this.queues.get(name);
    while (q !== undefined && q.ready.length > 0) {
      const [party] = this.parties
        .filter((p) => p.name === name && this.#willing(p) && !this.#full(q, p.consumer))
        .sort((a, b) => a.ticket - b.ticket);
      if (party === undefined) return;
      const taken = this.take(
        q,
        party.consumer,
        party.standing ? 1 : party.max,
        party.standing ? party : undefined,
        now,
      );
      if (party.standing) this.enter(party);
      else this.parties = this.parties.filter((other) => other !== party);
      this.log.push({ queue: name, to: party.consumer, ids: taken.map(({ id }) => id) });
    }
  }

  enter(party: ModelParty): void {
    party.ticket = ++this.#order;
  }

  held(party: ModelParty): Item[] {
    return (this.queues.get(party.name)?.out ?? []).filter(({ owner }) => owner === party);
  }

  timeOut(now: number): void {
    for (const party of this.parties.filter(({ until }) => until <= now))
      this.log.push({ queue: party.name, to: party.consumer, ids: [] });
    this.parties = this.parties.filter(({ until }) => until > now);
  }

  /** All that is over at `now`, everywhere. */
  tick(now: number): void {
    for (const [name, q] of this.queues) {
      this.expire(q, now);
      this.offer(name, now);
    }
    this.timeOut(now);
  }

  /** The next time at which something ends. */
  next(): number {
    const items = [...this.queues.values()].flatMap((q) => [...q.out, ...q.delayed]);
    return Math.min(...items.map(({ due }) => due), ...this.parties.map(({ until }) => until));
  }

  #willing(party: ModelParty): boolean {
    return !party.paused && (party.credit === 0 || this.held(party).length < party.credit);
  }

  #full(q: ModelQueue, consumer: string): boolean {
    return q.config.prefetch > 0 && q.out.filter((item) => item.consumer === consumer).length >= q.config.prefetch;
  }

  #release(q: ModelQueue, item: Item): void {
    const { owner } = item;
    const full = owner !== undefined && owner.credit > 0 && this.held(owner).length >= owner.credit;
    q.out = q.out.filter((other) => other !== item);
    if (owner !== undefined && full) this.enter(owner);
    item.owner = undefined;
  }
}
