/** The servers that there are, as `host:port` of their Avro doors. */
export interface ServerList {
  servers(): readonly string[];
  /** Called when the list has changed; set once by the owner. */
  onChange: () => void;
  close(): Promise<void>;
}

export class StaticServerList implements ServerList {
  readonly #servers: readonly string[];
  onChange = () => {};

  constructor(servers: readonly string[]) {
    this.#servers = [...new Set(servers)];
  }

  servers(): readonly string[] {
    return this.#servers;
  }

  async close(): Promise<void> {}
}
