import { BlockList, isIP } from 'node:net';

/**
 * The peers that may be asked: addresses (`10.0.0.7`), networks (`10.0.0.0/8`, `fd00::/8`), host names
 * (`a.example.org`) and what is below one (`.example.org`). A name is compared as it is written, never
 * resolved: else whoever answers for it would choose the address.
 */
export class AllowedPeers {
  readonly #networks = new BlockList();
  readonly #names = new Set<string>();
  readonly #suffixes: string[] = [];
  readonly #all: boolean;

  /** @param entries in lower case; none: every peer */
  constructor(entries: readonly string[]) {
    this.#all = entries.length === 0;
    for (const entry of entries) {
      const [address = '', bits] = entry.split('/');
      const family = familyOf(address);
      if (family !== undefined) {
        this.#networks.addSubnet(address, Number(bits ?? (family === 'ipv4' ? 32 : 128)), family);
      } else if (entry.startsWith('.')) this.#suffixes.push(entry);
      else this.#names.add(entry);
    }
  }

  /** @param address `host:port` or `[v6]:port` */
  allows(address: string): boolean {
    if (this.#all) return true;
    const host = address
      .slice(0, address.lastIndexOf(':'))
      .replace(/^\[|\]$/g, '')
      .toLowerCase();
    const family = familyOf(host);
    if (family !== undefined) return this.#networks.check(host, family);
    return this.#names.has(host) || this.#suffixes.some((suffix) => host.endsWith(suffix));
  }
}

function familyOf(host: string): 'ipv4' | 'ipv6' | undefined {
  const version = isIP(host);
  if (version === 0) return undefined;
  return version === 4 ? 'ipv4' : 'ipv6';
}
