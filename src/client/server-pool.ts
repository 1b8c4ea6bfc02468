import { type Deferred, deferred } from '../async.ts';
import type { Clock } from '../clock.ts';
import { loadRpcProtocol } from '../codec/rpc-protocol.ts';
import { messageOf } from '../errors.ts';
import { ServerConnection } from './server-connection.ts';
import type { ServerList } from './server-list.ts';

const RETRY_MS_MIN = 50;
const RETRY_MS_MAX = 1_000;

export interface ServerPoolOptions {
  readonly list: ServerList;
  readonly connectionsMax: number;
  readonly connectMs: number;
  /** For retries in the background. */
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
}

interface Failure {
  readonly times: number;
  /** Monotonic time from which the server may be tried again. */
  readonly until: number;
}

/** Keeps connections to several servers open, each to another one, and says which to use. */
export class ServerPool {
  readonly #options: ServerPoolOptions;
  readonly #protocol = loadRpcProtocol();
  readonly #open = new Map<string, ServerConnection>();
  readonly #opening = new Set<string>();
  readonly #failures = new Map<string, Failure>();
  #changed: Deferred<void> = deferred();
  #cancelRetry = () => {};
  #closed = false;
  #lastFault = 'no server is known';

  constructor(options: ServerPoolOptions) {
    this.#options = options;
    options.list.onChange = () => this.#follow();
    this.#follow();
  }

  /** Why the last connection could not be made. */
  get lastFault(): string {
    return this.#lastFault;
  }

  /** A connection to a server that is not in `tried`: the preferred one, else the less busy of two at random. */
  pick(tried: ReadonlySet<string>, preferred?: string): ServerConnection | undefined {
    if (preferred !== undefined && !tried.has(preferred)) {
      const connection = this.#open.get(preferred);
      if (connection?.usable) return connection;
    }
    const usable: ServerConnection[] = [];
    for (const connection of this.#open.values()) {
      if (connection.usable && !tried.has(connection.server)) usable.push(connection);
    }
    const [one, other] = [this.#oneOf(usable), this.#oneOf(usable)];
    if (one === undefined || other === undefined) return undefined;
    return other.inFlight < one.inFlight ? other : one;
  }

  /** Whether a server that is not in `tried` is connected, or could be soon. */
  hasOther(tried: ReadonlySet<string>): boolean {
    return this.#options.list
      .servers()
      .some(
        (server) =>
          !tried.has(server) &&
          (this.#open.has(server) || this.#opening.has(server) || this.#mayOpen(server)),
      );
  }

  /** Resolves at the next change of what `pick` can give. */
  changed(): Promise<void> {
    return this.#changed.promise;
  }

  close(): void {
    this.#closed = true;
    this.#cancelRetry();
    for (const connection of [...this.#open.values()]) connection.close();
    this.#tell();
  }

  #oneOf<T>(items: readonly T[]): T | undefined {
    return items[Math.floor(this.#options.random() * items.length)];
  }

  #tell(): void {
    this.#changed.resolve();
    this.#changed = deferred();
  }

  /** Lets go of servers that have left and connects to others in their place. */
  #follow(): void {
    if (this.#closed) return;
    const servers = this.#options.list.servers();
    for (const [server, connection] of [...this.#open]) {
      if (servers.length > 0 && !servers.includes(server)) connection.retire();
    }
    for (const server of [...this.#failures.keys()]) {
      if (!servers.includes(server)) this.#failures.delete(server);
    }
    this.#connect();
    this.#tell();
  }

  #connect(): void {
    if (this.#closed) return;
    const servers = this.#options.list.servers();
    while (this.#open.size + this.#opening.size < this.#options.connectionsMax) {
      const server = this.#oneOf(servers.filter((each) => this.#mayOpen(each)));
      if (server === undefined) break;
      void this.#openOne(server);
    }
    this.#retryLater(servers);
  }

  #mayOpen(server: string): boolean {
    if (this.#open.has(server) || this.#opening.has(server)) return false;
    const failure = this.#failures.get(server);
    return failure === undefined || failure.until <= this.#options.clock.monotonic();
  }

  async #openOne(server: string): Promise<void> {
    const { connectMs, clock } = this.#options;
    this.#opening.add(server);
    try {
      const connection = await ServerConnection.open({
        server,
        protocol: this.#protocol,
        connectMs,
        clock,
        onClosed: (closed) => this.#forget(closed),
      });
      this.#opening.delete(server);
      if (this.#closed) return connection.close();
      this.#failures.delete(server);
      if (connection.usable) this.#open.set(server, connection);
      // It may have left while we were connecting.
      this.#follow();
    } catch (error) {
      this.#opening.delete(server);
      this.#lastFault = messageOf(error);
      this.#failed(server);
      this.#connect();
      this.#tell();
    }
  }

  #forget(connection: ServerConnection): void {
    if (this.#open.get(connection.server) !== connection) return;
    this.#open.delete(connection.server);
    this.#failed(connection.server);
    this.#connect();
    this.#tell();
  }

  #failed(server: string): void {
    const times = (this.#failures.get(server)?.times ?? 0) + 1;
    const pause = Math.min(RETRY_MS_MIN * 2 ** (times - 1), RETRY_MS_MAX);
    this.#failures.set(server, { times, until: this.#options.clock.monotonic() + pause });
  }

  #retryLater(servers: readonly string[]): void {
    this.#cancelRetry();
    if (this.#open.size + this.#opening.size >= this.#options.connectionsMax) return;
    let earliest = Number.POSITIVE_INFINITY;
    for (const server of servers) {
      if (this.#open.has(server) || this.#opening.has(server)) continue;
      earliest = Math.min(earliest, this.#failures.get(server)?.until ?? 0);
    }
    if (earliest === Number.POSITIVE_INFINITY) return;
    const { clock } = this.#options;
    const pause = Math.max(1, Math.ceil(earliest - clock.monotonic()));
    this.#cancelRetry = clock.after(pause, () => this.#connect());
  }
}
