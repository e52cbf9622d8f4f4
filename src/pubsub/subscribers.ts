/**
 * Who listens, and to what.
 *
 * Invariant: a subscription stands in its subscriber's map under its text and in its target's members at its `slot`,
 * and is in neither when it is in not both.
 */
import type { Receiver, Sink } from './types.ts';

/** What can be subscribed to: an exact topic or a pattern. */
export interface Target {
  /** The text of the topic or pattern. */
  readonly name: string;
  /** Its subscriptions, one per subscriber, in no particular order. */
  members: Subscription[];
}

/** The members of a target that has none; never written to. */
export const NO_MEMBERS: Subscription[] = [];

/** One subscriber's hold on one target. */
export class Subscription {
  readonly subscriber: Subscriber;
  readonly target: Target;
  /** How often it was made: an exact topic is stored once, a pattern as often as it was given (synap-core.md 6.3-4). */
  copies = 1;
  slot: number;

  /** Makes the subscription and files it on both sides. */
  constructor(subscriber: Subscriber, target: Target) {
    this.subscriber = subscriber;
    this.target = target;
    this.slot = target.members.length;
    if (this.slot === 0)
      target.members = [this]; // most targets have one; a list that is pushed to begins with room for 17
    else target.members.push(this);
    subscriber.subscriptions.set(target.name, this);
  }

  /** Takes the subscription from both sides; the last member moves to its place. */
  end(): void {
    const members = this.target.members;
    const last = members.pop() as Subscription;
    if (members.length === 0) this.target.members = NO_MEMBERS;
    if (last !== this) {
      members[this.slot] = last;
      last.slot = this.slot;
    }
    this.subscriber.subscriptions.delete(this.target.name);
  }
}

export class Subscriber implements Receiver {
  readonly id: string;
  sink: Sink | undefined;
  readonly subscriptions = new Map<string, Subscription>();
  /** Subscriptions, copies counted. */
  count = 0;
  /** The match that listed this subscriber last, so that one that matches several ways is listed once. */
  stamp = 0;

  constructor(id: string) {
    this.id = id;
  }
}

/** What is broken between targets and subscribers, one sentence each, and all subscriptions that subscribers know of. */
export function checkFiling(
  targets: Iterable<Target>,
  subscribers: Iterable<Subscriber>,
): { broken: string[]; subscriptions: Subscription[] } {
  const broken: string[] = [];
  const members = new Set<Subscription>();
  for (const target of targets) {
    for (const [slot, member] of target.members.entries()) {
      members.add(member);
      if (member.slot !== slot || member.target !== target)
        broken.push(`a member of '${target.name}' is filed wrongly`);
      if (member.subscriber.subscriptions.get(target.name) !== member)
        broken.push(`subscriber '${member.subscriber.id}' does not know its subscription to '${target.name}'`);
    }
  }
  const subscriptions: Subscription[] = [];
  for (const subscriber of subscribers) {
    let count = 0;
    for (const [text, subscription] of subscriber.subscriptions) {
      if (!members.delete(subscription)) broken.push(`'${text}' has lost its member '${subscriber.id}'`);
      count += subscription.copies;
      subscriptions.push(subscription);
    }
    if (count !== subscriber.count) broken.push(`subscriber '${subscriber.id}' counts its subscriptions wrongly`);
    if (count === 0 && subscriber.sink === undefined) broken.push(`subscriber '${subscriber.id}' is left over`);
  }
  if (members.size > 0) broken.push(`${members.size} members belong to no subscriber`);
  return { broken, subscriptions };
}
