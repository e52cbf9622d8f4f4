/**
 * The list of addresses that may call (progressdb.md 4.1; section 10, 11).
 *
 * Invariant: an entry is one address or a network in CIDR form, of either family; an IPv4 address is the same address
 * when it comes mapped into IPv6. Matching is the platform's own, which knows all spellings.
 */
import { BlockList, isIP } from 'node:net';

export class AddressList {
  readonly #list = new BlockList();
  readonly #empty: boolean;

  private constructor(entries: readonly (readonly [string, number])[]) {
    this.#empty = entries.length === 0;
    for (const [address, bits] of entries) this.#list.addSubnet(address, bits, isIP(address) === 4 ? 'ipv4' : 'ipv6');
  }

  /** Reads the entries; answers the first that is none as a text. An empty list lets everybody in. */
  static read(entries: readonly string[]): AddressList | string {
    const read: [string, number][] = [];
    for (const entry of entries) {
      const one = readEntry(entry.trim());
      if (one === undefined) return entry;
      read.push(one);
    }
    return new AddressList(read);
  }

  /** Whether an address may call; what is no address may not, unless all may. */
  allows(address: string): boolean {
    if (this.#empty) return true;
    const family = isIP(address);
    return family !== 0 && this.#list.check(address, family === 4 ? 'ipv4' : 'ipv6');
  }
}

const MAPPED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;

function readEntry(entry: string): [string, number] | undefined {
  const [text = '', bits, more] = entry.split('/');
  const mapped = MAPPED.exec(text)?.[1];
  const address = mapped ?? text;
  const family = isIP(address);
  if (family === 0 || more !== undefined) return undefined;
  const most = family === 4 ? 32 : 128;
  if (bits === undefined) return [address, most];
  if (!/^\d{1,3}$/.test(bits)) return undefined;
  const count = Number(bits) - (mapped === undefined ? 0 : 96);
  return count >= 0 && count <= most ? [address, count] : undefined;
}
