const FORM = /^([A-Za-z0-9](?:[A-Za-z0-9._-]{0,252})|\[[0-9A-Fa-f:.]{2,45}\]):([1-9]\d{0,4})$/;
const PORT_MAX = 65_535;

/**
 * The origin of a peer's HTTP door, or undefined where the address is anything but `host:port`
 * (`[v6]:port`): whoever can write the list of members must not choose a path, a query or credentials.
 */
export function originOf(address: string): string | undefined {
  const match = FORM.exec(address);
  if (match === null || Number(match[2]) > PORT_MAX) return undefined;
  const origin = `http://${address}`;
  return URL.canParse(origin) ? origin : undefined;
}
