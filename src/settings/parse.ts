import { isIP } from 'node:net';

/** Parsers of single settings. Each throws an Error whose message says what is expected. */

const UNITS: Readonly<Record<string, number>> = { '': 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 };

export function size(min: number, max: number): (text: string) => number {
  return (text) => {
    const match = /^(\d+)\s*(KiB|MiB|GiB|)$/.exec(text);
    const bytes = match === null ? Number.NaN : Number(match[1]) * (UNITS[match[2] ?? ''] ?? 1);
    if (!(bytes >= min && bytes <= max)) {
      throw new Error(`a size of ${min} to ${max} bytes, such as 512KiB or 1MiB`);
    }
    return bytes;
  };
}

export function integer(min: number, max: number, what: string): (text: string) => number {
  return (text) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= min && value <= max)) throw new Error(`${what} from ${min} to ${max}`);
    return value;
  };
}

export function oneOf<T extends string>(...words: readonly T[]): (text: string) => T {
  return (text) => {
    const word = words.find((each) => each === text);
    if (word === undefined) throw new Error(`one of ${words.join(', ')}`);
    return word;
  };
}

export function matching(pattern: RegExp, expected: string): (text: string) => string {
  return (text) => {
    if (!pattern.test(text)) throw new Error(expected);
    return text;
  };
}

/** A comma-separated list; blanks around the parts do not count. */
export function listOf<T>(part: (text: string) => T): (text: string) => readonly T[] {
  return (text) =>
    text
      .split(',')
      .map((each) => each.trim())
      .filter((each) => each !== '')
      .map(part);
}

const HOST = String.raw`(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)`;
const HOST_PORT = new RegExp(`^${HOST}:(\\d{1,5})$`);

export function hostPort(text: string): string {
  const port = Number(HOST_PORT.exec(text)?.[1] ?? '0');
  if (port < 1 || port > 65_535) throw new Error('host:port');
  return text;
}

export function hostPorts(text: string): string {
  const parts = listOf(hostPort)(text);
  if (parts.length === 0) throw new Error('host:port[,host:port…]');
  return parts.join(',');
}

/** `host:port[,host:port…][/chroot]`, or `none`. */
export function zookeeperHosts(text: string): string {
  if (text === 'none') return text;
  const expected = 'host:port[,host:port…][/chroot], or none';
  const slash = text.indexOf('/');
  const chroot = slash < 0 ? '' : text.slice(slash);
  if (!/^(\/[^/\s]+)*\/?$/.test(chroot)) throw new Error(expected);
  try {
    return hostPorts(slash < 0 ? text : text.slice(0, slash)) + chroot.replace(/\/$/, '');
  } catch {
    throw new Error(expected);
  }
}

export const host: (text: string) => string = matching(
  new RegExp(`^(?:${HOST}|[0-9a-fA-F:]*:[0-9a-fA-F:.]*)$`),
  'a host name or an address',
);

const NAMES = /^\.?[a-z0-9](?:[a-z0-9._-]{0,252})$/;
/** What resolvers take for an address, and no comparison of texts can know: `127.1`, `0x7f000001`. */
const ADDRESS_IN_DISGUISE = /^[0-9.]+$|^0x[0-9a-f.x]*$/;

/** An address, a network (`10.0.0.0/8`), a host name, or all names below one (`.example.org`); lower case. */
export function hosts(text: string): string {
  const entry = text.toLowerCase();
  const [address = '', bits, ...more] = entry.split('/');
  const bitsMax = { 4: 32, 6: 128 }[isIP(address)];
  const bitsFit = bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (bitsMax ?? -1));
  const isName = NAMES.test(entry) && !ADDRESS_IN_DISGUISE.test(entry);
  if (more.length === 0 && bitsFit && (bitsMax !== undefined || isName)) return entry;
  throw new Error('addresses, networks such as 10.0.0.0/8, host names, or .example.org');
}

export function origin(text: string): string {
  let parsed: URL;
  try {
    parsed = new URL(text);
  } catch {
    throw new Error('an origin such as https://example.org');
  }
  if (parsed.origin !== text) throw new Error('an origin such as https://example.org');
  return text;
}

export function anyText(text: string): string {
  if (text === '') throw new Error('a text that is not empty');
  return text;
}
