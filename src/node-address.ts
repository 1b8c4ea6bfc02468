import { lookup } from 'node:dns/promises';
import { hostname, networkInterfaces } from 'node:os';

/**
 * The address that others can use for this host: its name where that resolves to one of its
 * non-loopback addresses, else its first external IPv4, else the loopback.
 */
export async function findNodeAddress(): Promise<string> {
  const own = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ internal }) => !internal);
  try {
    const resolved = await lookup(hostname(), { all: true });
    if (resolved.some(({ address }) => own.some((each) => each.address === address))) {
      return hostname();
    }
  } catch {
    // A name that does not resolve is no address for others.
  }
  return own.find(({ family }) => family === 'IPv4')?.address ?? '127.0.0.1';
}

/** `host:port`, an IPv6 address in brackets. */
export function hostAndPort(host: string, port: number): string {
  return host.includes(':') && !host.startsWith('[') ? `[${host}]:${port}` : `${host}:${port}`;
}
