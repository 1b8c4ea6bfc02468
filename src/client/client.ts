import { createLogger } from '../logger.ts';
import { systemClock } from '../system-clock.ts';
import { awakeClock } from './awake-clock.ts';
import { Caller } from './caller.ts';
import { parseServer } from './server-address.ts';
import { type ServerList, StaticServerList } from './server-list.ts';
import { ServerPool } from './server-pool.ts';
import { ZookeeperServerList } from './zookeeper-server-list.ts';

export { BitacoraError, type BitacoraErrorCode } from './bitacora-error.ts';

/** Where the servers are found. */
export type BitacoraServers =
  | {
      /** ZooKeeper's connect string, `host:port[,host:port…][/chroot]`: the list there is followed. */
      readonly zookeeper: string;
    }
  | {
      /** `host:port` of the servers' Avro doors (8083 unless set otherwise). */
      readonly servers: readonly string[];
    };

export interface BitacoraClientOptions {
  /** How long a call may take in all, retries included, in ms. 5,000 unless set. */
  readonly deadlineMs?: number;
  /** To how many servers connections are kept open. 4 unless set. */
  readonly maxConnections?: number;
}

const DEADLINE_MS = 5_000;
const CONNECTIONS_MAX = 4;
const CONNECT_MS_MAX = 2_000;
const DEADLINE_MS_MAX = 2 ** 31 - 1;

/**
 * Reads and writes keys of a Bitacora cluster over Avro RPC. Safe to share: any number of calls may
 * be in flight. Keeps the process alive until it is closed.
 *
 * ```ts
 * await using client = await BitacoraClient.connect({ zookeeper: '127.0.0.1:2181' });
 * await client.set('greeting', 'hello');
 * console.log(await client.get('greeting'));
 * ```
 */
export class BitacoraClient {
  readonly #list: ServerList;
  readonly #pool: ServerPool;
  readonly #caller: Caller;
  #closing: Promise<void> | undefined;

  private constructor(list: ServerList, deadlineMs: number, connectionsMax: number) {
    this.#list = list;
    this.#pool = new ServerPool({
      list,
      connectionsMax,
      connectMs: Math.min(deadlineMs, CONNECT_MS_MAX),
      clock: systemClock,
      random: Math.random,
    });
    this.#caller = new Caller({ pool: this.#pool, deadlineMs, clock: awakeClock });
  }

  /**
   * Resolves once a server is connected.
   * @throws BitacoraError `unavailable` where none is within the deadline
   * @throws TypeError for arguments that make no sense
   */
  static async connect(
    where: BitacoraServers,
    options: BitacoraClientOptions = {},
  ): Promise<BitacoraClient> {
    const { deadlineMs = DEADLINE_MS, maxConnections = CONNECTIONS_MAX } = options;
    if (!(deadlineMs > 0 && deadlineMs <= DEADLINE_MS_MAX)) {
      throw new TypeError(`deadlineMs: expected ms, above 0 and up to ${DEADLINE_MS_MAX}`);
    }
    if (!Number.isInteger(maxConnections) || maxConnections < 1) {
      throw new TypeError('maxConnections: expected a positive integer');
    }
    const client = new BitacoraClient(openList(where), deadlineMs, maxConnections);
    try {
      await client.#caller.connected();
      return client;
    } catch (error) {
      await client.close();
      throw error;
    }
  }

  /**
   * The key's value, null where it has none. Tried on other servers within the deadline. A key that
   * this client has just written is read from the server that took the write, while that one is there.
   * @throws BitacoraError unavailable, timeout, rejected (also for a value that is no text), closed
   */
  get(key: string): Promise<string | null> {
    return this.#caller.run('getValue', key, '');
  }

  /**
   * Resolves once the log has acknowledged the write: every server will have it.
   * @throws BitacoraError unavailable (not written), unknown_outcome, rejected, closed
   */
  async set(key: string, value: string): Promise<void> {
    await this.#caller.run('setValue', key, value);
  }

  /**
   * As `set`; the key need not exist.
   * @throws BitacoraError unavailable (not written), unknown_outcome, rejected, closed
   */
  async delete(key: string): Promise<void> {
    await this.#caller.run('delete', key, '');
  }

  /** Ends all connections. Reads in flight fail with `closed`, writes with `unknown_outcome`. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.#caller.close();
    this.#pool.close();
    await this.#list.close();
  }
}

function openList(where: BitacoraServers): ServerList {
  if ('zookeeper' in where) {
    const logger = createLogger('silent', false);
    return ZookeeperServerList.open({ hosts: where.zookeeper, clock: systemClock, logger });
  }
  for (const server of where.servers) {
    if (parseServer(server) === undefined) {
      throw new TypeError(`servers: expected host:port, got ${JSON.stringify(server)}`);
    }
  }
  if (where.servers.length === 0) throw new TypeError('servers: expected one at least');
  return new StaticServerList(where.servers);
}
