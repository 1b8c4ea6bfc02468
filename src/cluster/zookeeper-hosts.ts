export interface ZookeeperServerAddress {
  readonly host: string;
  readonly port: number;
}

export interface ZookeeperHosts {
  /** At least one. */
  readonly servers: readonly ZookeeperServerAddress[];
  /** `/a/b`, or empty. */
  readonly chroot: string;
}

const DEFAULT_PORT = 2181;
const SERVER_FORM = /^(?:\[([0-9A-Fa-f:.]+)\]|([^\s:[\]]+))(?::(\d{1,5}))?$/;
const CHROOT_FORM = /^(\/(?!\.{1,2}(\/|$))[^/\s]+)*$/;

/** Reads a connect string, `host[:port][,host[:port]…][/chroot]`; throws where it is none. */
export function parseZookeeperHosts(text: string): ZookeeperHosts {
  const slash = text.indexOf('/');
  const list = slash === -1 ? text : text.slice(0, slash);
  const chroot = slash === -1 ? '' : text.slice(slash).replace(/\/$/, '');
  const servers = list.split(',').map((part) => {
    const match = SERVER_FORM.exec(part.trim());
    const host = match?.[1] ?? match?.[2];
    const port = Number(match?.[3] ?? DEFAULT_PORT);
    if (host === undefined || port < 1 || port > 65_535) {
      throw new TypeError(`not a ZooKeeper connect string: ${text}`);
    }
    return { host, port };
  });
  if (!CHROOT_FORM.test(chroot)) throw new TypeError(`not a ZooKeeper chroot: ${chroot}`);
  return { servers, chroot };
}
