/**
 * The total-queue checker: from a history of what a client saw, it says what was lost, made up, held twice or
 * delivered again without a reason. It knows the promises, not the engine.
 */
export interface Sight {
  readonly id: string;
  readonly retryCount: number;
  readonly deadline: number;
  readonly payload: Uint8Array;
}

interface Fate {
  readonly payload: string;
  /** Since the last replay. */
  failures: number;
  holder: string | undefined;
  deadline: number;
  outcome: 'open' | 'acked' | 'dead';
}

export class Checker {
  readonly problems: string[] = [];
  readonly #fates = new Map<string, Fate>();

  /** A publish was answered with `id`. Answering twice with one id is right only for the same message key. */
  published(id: string, payload: string): void {
    if (this.#fates.has(id)) this.problems.push(`the id ${id} was given twice`);
    else this.#fates.set(id, { payload, failures: 0, holder: undefined, deadline: 0, outcome: 'open' });
  }

  delivered({ id, retryCount, deadline, payload }: Sight, consumer: string, now: number): void {
    const fate = this.#fates.get(id);
    if (fate === undefined) {
      this.problems.push(`unexpected: ${id} was never published`);
      return;
    }
    this.#expire(fate, now);
    if (fate.outcome !== 'open') this.problems.push(`duplicated: ${id} was delivered although it is ${fate.outcome}`);
    if (fate.holder !== undefined)
      this.problems.push(`duplicated: ${id} went to ${consumer} while ${fate.holder} held it until ${fate.deadline}`);
    if (fate.failures !== retryCount) this.problems.push(`${id} failed ${fate.failures} times and says ${retryCount}`);
    if (new TextDecoder().decode(payload) !== fate.payload) this.problems.push(`unexpected: ${id} has another payload`);
    if (deadline <= now) this.problems.push(`${id} was delivered with no time left`);
    fate.holder = consumer;
    fate.deadline = deadline;
  }

  /** An ack was answered: with success or with a refusal. */
  acked(id: string, success: boolean, now: number): void {
    const fate = this.#held(id, success, 'ack', now);
    if (fate === undefined) return;
    fate.holder = undefined;
    fate.outcome = 'acked';
  }

  nacked(id: string, success: boolean, requeue: boolean, now: number): void {
    const fate = this.#held(id, success, 'nack', now);
    if (fate === undefined) return;
    this.#fail(fate);
    if (!requeue) fate.outcome = 'dead';
  }

  extended(id: string, deadline: number | undefined, now: number): void {
    const fate = this.#held(id, deadline !== undefined, 'extension', now);
    if (fate !== undefined && deadline !== undefined) fate.deadline = deadline;
  }

  /** A socket was closed that held these. */
  returned(ids: readonly string[], now: number): void {
    for (const id of ids) {
      const fate = this.#fates.get(id);
      if (fate === undefined) continue;
      this.#expire(fate, now);
      if (fate.holder !== undefined) this.#fail(fate);
    }
  }

  /** It was found among the dead letters. */
  dead(id: string, now: number): void {
    const fate = this.#fates.get(id);
    if (fate === undefined) {
      this.problems.push(`unexpected: ${id} is dead and was never published`);
      return;
    }
    this.#expire(fate, now);
    if (fate.holder !== undefined || fate.outcome === 'acked')
      this.problems.push(`duplicated: ${id} is dead and ${fate.holder ?? 'acked'} as well`);
    fate.outcome = 'dead';
  }

  replayed(id: string): void {
    const fate = this.#fates.get(id);
    if (fate === undefined || fate.outcome === 'acked') this.problems.push(`unexpected: ${id} was replayed`);
    else Object.assign(fate, { outcome: 'open', failures: 0, holder: undefined });
  }

  /** The end: everything was drained and acknowledged, and all dead letters were reported. */
  finish(): string[] {
    for (const [id, { outcome }] of this.#fates) if (outcome === 'open') this.problems.push(`lost: ${id}`);
    return this.problems;
  }

  /** Ids that this consumer holds as far as it knows. */
  heldBy(consumer: string): string[] {
    return [...this.#fates].filter(([, fate]) => fate.holder === consumer).map(([id]) => id);
  }

  #expire(fate: Fate, now: number): void {
    if (fate.holder !== undefined && fate.deadline <= now) this.#fail(fate);
  }

  #fail(fate: Fate): void {
    fate.holder = undefined;
    fate.failures++;
  }

  #held(id: string, success: boolean, what: string, now: number): Fate | undefined {
    const fate = this.#fates.get(id);
    if (fate !== undefined) this.#expire(fate, now);
    const held = fate?.holder !== undefined;
    if (held !== success)
      this.problems.push(
        `the ${what} of ${id} was ${success ? 'accepted' : 'refused'} although it is ${held ? '' : 'not '}held`,
      );
    return held && success ? fate : undefined;
  }
}
