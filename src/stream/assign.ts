/**
 * Who of a consumer group reads which partition.
 *
 * Invariant: while there are members every partition has exactly one owner, and the answer depends only on the members
 * in the order in which they joined and, for `sticky`, on what they have (synap-core.md 5.2-6, 9-15).
 */

/** How partitions are shared out. */
export type Strategy = 'round_robin' | 'range' | 'sticky';

/** The names of the strategies as clients send them. */
export const STRATEGIES: readonly Strategy[] = ['round_robin', 'range', 'sticky'];

/**
 * Shares `partitions` partitions among the members that now have `held`, in join order; answers what each has then.
 * Linear in members and partitions.
 */
export function assign(strategy: Strategy, partitions: number, held: readonly (readonly number[])[]): number[][] {
  if (held.length === 0) return [];
  if (strategy === 'round_robin') return roundRobin(partitions, held.length);
  if (strategy === 'range') return range(partitions, held.length);
  return sticky(partitions, held);
}

/** Partition i to member i mod n. */
function roundRobin(partitions: number, members: number): number[][] {
  const shares: number[][] = Array.from({ length: members }, () => []);
  for (let partition = 0; partition < partitions; partition++) shares[partition % members]?.push(partition);
  return shares;
}

/** Blocks in a row; the first `partitions mod n` members get one more. */
function range(partitions: number, members: number): number[][] {
  const shares: number[][] = [];
  const floor = Math.floor(partitions / members);
  const longer = partitions % members;
  let next = 0;
  for (let member = 0; member < members; member++) {
    const end = next + floor + (member < longer ? 1 : 0);
    const share: number[] = [];
    while (next < end) share.push(next++);
    shares.push(share);
  }
  return shares;
}

/**
 * Everyone keeps what he has; partitions without an owner are dealt in turn; what exceeds floor(P/n) + 1 moves, the
 * latest first, to the first member below floor(P/n), or when there is none to the one with the fewest.
 */
function sticky(partitions: number, held: readonly (readonly number[])[]): number[][] {
  const shares = held.map((share) => [...share]);
  const owned = new Set(shares.flat());
  let dealt = 0;
  for (let partition = 0; partition < partitions; partition++)
    if (!owned.has(partition)) shares[dealt++ % shares.length]?.push(partition);

  const floor = Math.floor(partitions / shares.length);
  // Shares of receivers only grow, so each place is passed once. When nobody is below floor(P/n) any more, the fewest
  // is exactly that: less would be below it, and if all had more there would be more partitions than there are.
  const below = places(shares, floor - 1);
  const fewest = places(shares, floor);
  for (const share of shares) {
    while (share.length > floor + 1) {
      const receiver = below() ?? fewest();
      receiver?.push(share.pop() as number);
    }
  }
  return shares;
}

/** Finds, call by call, the first share in order with at most `size` partitions. */
function places(shares: readonly number[][], size: number): () => number[] | undefined {
  let at = 0;
  return () => {
    while (at < shares.length && (shares[at] as number[]).length > size) at++;
    return shares[at];
  };
}
