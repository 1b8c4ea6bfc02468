export interface ServerAddress {
  readonly host: string;
  readonly port: number;
}

const FORM = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/;

/** What a `host:port` names, an IPv6 host in brackets; undefined where it names nothing. */
export function parseServer(server: string): ServerAddress | undefined {
  const match = FORM.exec(server);
  const port = Number(match?.[3]);
  const host = match?.[1] ?? match?.[2];
  return host !== undefined && port > 0 && port < 65_536 ? { host, port } : undefined;
}
