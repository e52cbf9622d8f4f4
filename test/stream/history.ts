/**
 * What clients of logs saw, and what must not be in it: the anomalies that Jepsen's Kafka workload looks for.
 * A log is named with its generation. Values are unique, so an event is known by its value.
 */
export class History {
  readonly #acked = new Map<string, Map<number, string>>();
  readonly #seen = new Map<string, Map<number, string>>();
  readonly #places = new Map<string, string>();
  readonly #readers = new Map<string, { log: string; last: number } | undefined>();
  readonly #found: string[] = [];

  /** A publisher was told that `value` stands at `offset`. */
  acked(log: string, offset: number, value: string): void {
    const acked = entry(this.#acked, log);
    if (acked.size > 0 && offset <= Math.max(...acked.keys())) this.#found.push(`non-monotonic send: ${log} ${offset}`);
    acked.set(offset, value);
    this.#stands(log, offset, value);
  }

  /** A reader was given `value` at `offset`. */
  polled(reader: string, log: string, offset: number, value: string): void {
    const before = this.#readers.get(reader);
    if (before?.log === log) {
      if (offset <= before.last) this.#found.push(`non-monotonic poll: ${reader} at ${log} ${offset}`);
      else if (offset > before.last + 1)
        this.#found.push(`poll skip: ${reader} at ${log} from ${before.last} to ${offset}`);
    }
    this.#readers.set(reader, { log, last: offset });
    entry(this.#seen, log).set(offset, value);
    this.#stands(log, offset, value);
  }

  /** A reader went elsewhere knowingly: it chose to, or was told that what it wanted is gone. */
  moved(reader: string): void {
    this.#readers.set(reader, undefined);
  }

  /** Everything that a log still keeps, read at the end; `next` is the offset behind it. */
  drained(log: string, earliest: number, next: number, values: ReadonlyMap<number, string>): void {
    for (const [offset, value] of values) {
      this.#stands(log, offset, value);
      if (this.#acked.get(log)?.get(offset) !== value) this.#found.push(`unexpected: ${value} at ${log} ${offset}`);
    }
    for (const [offset, value] of this.#acked.get(log) ?? []) {
      if (offset >= next) this.#found.push(`lost write: ${value} at ${log} ${offset} is behind the end`);
      else if (offset >= earliest && values.get(offset) !== value)
        this.#found.push(`lost write: ${value} at ${log} ${offset}`);
    }
  }

  /** What went wrong, one sentence each. */
  anomalies(): string[] {
    const unexpected: string[] = [];
    for (const [log, seen] of this.#seen)
      for (const [offset, value] of seen)
        if (this.#acked.get(log)?.get(offset) !== value) unexpected.push(`unexpected: ${value} at ${log} ${offset}`);
    return [...this.#found, ...unexpected];
  }

  #stands(log: string, offset: number, value: string): void {
    const place = `${log} ${offset}`;
    const known = this.#places.get(value);
    if (known !== undefined && known !== place) this.#found.push(`duplicate: ${value} at ${known} and ${place}`);
    this.#places.set(value, place);
    const there = this.#acked.get(log)?.get(offset) ?? this.#seen.get(log)?.get(offset);
    if (there !== undefined && there !== value)
      this.#found.push(`inconsistent offsets: ${place} holds ${there}, ${value}`);
  }
}

function entry(map: Map<string, Map<number, string>>, log: string): Map<number, string> {
  let found = map.get(log);
  if (found === undefined) map.set(log, (found = new Map()));
  return found;
}
