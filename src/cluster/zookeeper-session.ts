import { withDeadline } from '../async.ts';
import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { NODE_MODE, type SessionTicket, ZookeeperConnection } from './zookeeper-connection.ts';
import { isZookeeperError, ZookeeperError } from './zookeeper-error.ts';
import { parseZookeeperHosts, type ZookeeperHosts } from './zookeeper-hosts.ts';

export interface ZookeeperSessionOptions {
  /** A connect string, may end in a chroot; the chroot is created when it is missing. */
  readonly hosts: string;
  /** Asked for; the server may change it. */
  readonly sessionMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface WatchOption {
  /**
   * Called once when the path has changed, or not at all: a watch ends with the connection. So look
   * again on every `connected` too. One per path: a later one replaces it.
   */
  readonly watch?: () => void;
}

export interface ZookeeperNode {
  readonly data: Buffer;
  readonly version: number;
  /** The session that the node lives with, as `sessionId` has it; undefined where it is persistent. */
  readonly owner: string | undefined;
}

export type ZookeeperSessionEvent = 'connected' | 'lost';

/** How long a server may take to open the session before the next one is tried. */
const CONNECT_MS_MIN = 1_000;
const RETRY_MS = { first: 50, max: 2_000 };
const END_MS_MAX = 1_500;

/**
 * A session that is kept for ever: over broken, silent and black-holed connections, servers that
 * are away, and as a new session when the old one has expired. Nothing is queued while it is not
 * connected: calls reject with `not_connected`, calls without an answer with `connection_loss`.
 */
export class ZookeeperSession {
  readonly #options: ZookeeperSessionOptions;
  readonly #hosts: ZookeeperHosts;
  readonly #listeners = {
    connected: new Set<() => void>(),
    lost: new Set<() => void>(),
  };
  #nextServer = Math.floor(Math.random() * 1_000);
  #failures = 0;
  #ticket: SessionTicket | undefined;
  #timeoutMs: number;
  #connection: ZookeeperConnection | undefined;
  #connected = false;
  #closed = false;
  #cancelTimer = () => {};
  #ended = () => {};

  private constructor(options: ZookeeperSessionOptions) {
    this.#options = options;
    this.#hosts = parseZookeeperHosts(options.hosts);
    this.#timeoutMs = options.sessionMs;
  }

  /** Begins to connect. Throws only where `hosts` is no connect string. */
  static open(options: ZookeeperSessionOptions): ZookeeperSession {
    const session = new ZookeeperSession(options);
    session.#connect();
    return session;
  }

  /** False as soon as the session may be gone: the server has been silent for two thirds of its time. */
  get connected(): boolean {
    return this.#connected;
  }

  /** Changes with every new session; undefined before the first and after one has expired. */
  get sessionId(): string | undefined {
    return this.#ticket?.id.toString('hex');
  }

  on(event: ZookeeperSessionEvent, listener: () => void): void {
    this.#listeners[event].add(listener);
  }

  off(event: ZookeeperSessionEvent, listener: () => void): void {
    this.#listeners[event].delete(listener);
  }

  getChildren(path: string, { watch }: WatchOption = {}): Promise<string[]> {
    return this.#call(path, (connection, full) =>
      connection.call<string[]>(path, (client, done) =>
        client.getChildren(full, connection.watcher('children', full, watch), (error, names) => {
          if (error) connection.unwatch('children', full);
          done(error, names);
        }),
      ),
    );
  }

  getData(path: string, { watch }: WatchOption = {}): Promise<ZookeeperNode> {
    return this.#call(path, (connection, full) =>
      connection.call<ZookeeperNode>(path, (client, done) =>
        client.getData(full, connection.watcher('data', full, watch), (error, data, stat) => {
          if (error) connection.unwatch('data', full);
          done(error, error ? NOTHING : nodeOf(data, stat));
        }),
      ),
    );
  }

  /** Rejects with `node_exists`, or `no_node` where the parent is missing. */
  async create(
    path: string,
    data: Buffer,
    { ephemeral = false }: { readonly ephemeral?: boolean } = {},
  ): Promise<void> {
    const mode = ephemeral ? NODE_MODE.ephemeral : NODE_MODE.persistent;
    await this.#call(path, (connection, full) =>
      connection.call<string>(path, (client, done) => client.create(full, data, mode, done)),
    );
  }

  /** Creates a path of persistent nodes as far as it is missing. */
  async createParents(path: string): Promise<void> {
    await this.#call(path, (connection, full) => makePath(connection, full));
  }

  async setData(path: string, data: Buffer, version = -1): Promise<void> {
    await this.#call(path, (connection, full) =>
      connection.call(path, (client, done) => client.setData(full, data, version, done)),
    );
  }

  /** Rejects with `bad_version` where the node has another version than the one given. */
  async remove(path: string, version = -1): Promise<void> {
    await this.#call(path, (connection, full) =>
      connection.call(path, (client, done) => client.remove(full, version, done)),
    );
  }

  async exists(path: string): Promise<boolean> {
    const stat = await this.#call(path, (connection, full) =>
      connection.call(path, (client, done) => client.exists(full, done)),
    );
    return stat !== null;
  }

  /** Ends the session at the server, which removes its ephemeral nodes; waits for that at most 1.5 s. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#cancelTimer();
    const connection = this.#connection;
    if (connection === undefined) return;
    const ended = new Promise<void>((resolve) => {
      this.#ended = resolve;
    });
    this.#lose();
    connection.endSession();
    await withDeadline(this.#options.clock, ended, END_MS_MAX, () => connection.destroy());
  }

  #connect(): void {
    const { sessionMs, logger, clock } = this.#options;
    const { servers } = this.#hosts;
    const server = servers[this.#nextServer++ % servers.length];
    if (server === undefined || this.#closed) return;
    const connection = new ZookeeperConnection({
      server,
      sessionMs,
      ticket: this.#ticket,
      logger,
      connected: () => this.#greet(connection),
      expired: () => {
        logger.warn('ZooKeeper session expired');
        // A server that refuses even a new session must not be asked without a pause.
        if (this.#ticket !== undefined) this.#failures = 0;
        this.#ticket = undefined;
      },
      ended: () => this.#reconnect(connection),
    });
    this.#connection = connection;
    this.#cancelTimer = clock.after(Math.max(CONNECT_MS_MIN, this.#timeoutMs / 3), () =>
      connection.destroy(),
    );
    connection.connect();
  }

  /** The session is open: it counts as connected once the chroot is known to be there. */
  async #greet(connection: ZookeeperConnection): Promise<void> {
    const { id, password, timeoutMs } = connection.session;
    this.#ticket = { id, password };
    this.#timeoutMs = timeoutMs;
    try {
      if (this.#hosts.chroot !== '') await makePath(connection, this.#hosts.chroot);
    } catch (error) {
      if (isZookeeperError(error, 'connection_loss') || connection !== this.#connection) return;
      this.#options.logger.warn({ error: messageOf(error) }, 'ZooKeeper chroot could not be made');
    }
    if (connection !== this.#connection || this.#closed) return;
    this.#cancelTimer();
    this.#connected = true;
    this.#options.logger.info({ session: this.sessionId }, 'ZooKeeper connected');
    this.#watchOver(connection);
    this.#tell('connected');
  }

  /** Asks something every sixth of the session; no answer for two thirds of it is the end of the connection. */
  #watchOver(connection: ZookeeperConnection): void {
    const { clock, logger } = this.#options;
    const path = this.#hosts.chroot || '/';
    const began = clock.monotonic();
    let answered = began;
    const look = () => {
      const asked = clock.monotonic();
      // One that breaks right after it was made counts as a failure still.
      if (answered > began) this.#failures = 0;
      if (asked - answered > (this.#timeoutMs * 2) / 3) {
        logger.warn({ silentMs: Math.round(asked - answered) }, 'ZooKeeper is silent');
        connection.destroy();
        return;
      }
      connection
        .call(path, (client, done) => client.exists(path, done))
        .then(
          () => {
            answered = asked;
          },
          () => {},
        );
      this.#cancelTimer = clock.after(this.#timeoutMs / 6, look);
    };
    look();
  }

  #reconnect(connection: ZookeeperConnection): void {
    if (connection !== this.#connection) return;
    this.#connection = undefined;
    this.#cancelTimer();
    this.#lose();
    this.#ended();
    if (this.#closed) return;
    this.#failures++;
    if (this.#failures === this.#hosts.servers.length + 1) {
      this.#options.logger.warn({ hosts: this.#options.hosts }, 'ZooKeeper cannot be reached');
    }
    const rounds = Math.ceil(this.#failures / this.#hosts.servers.length) - 1;
    const longest = Math.min(RETRY_MS.max, RETRY_MS.first * 2 ** Math.min(rounds, 10));
    const waitMs = longest * (0.5 + Math.random() / 2);
    this.#cancelTimer = this.#options.clock.after(waitMs, () => this.#connect());
  }

  #lose(): void {
    if (!this.#connected) return;
    this.#connected = false;
    if (!this.#closed) this.#options.logger.warn('ZooKeeper connection lost');
    this.#tell('lost');
  }

  #tell(event: ZookeeperSessionEvent): void {
    for (const listener of [...this.#listeners[event]]) {
      try {
        listener();
      } catch (error) {
        this.#options.logger.error({ error: messageOf(error) }, 'ZooKeeper listener failed');
      }
    }
  }

  async #call<T>(
    path: string,
    run: (connection: ZookeeperConnection, fullPath: string) => Promise<T>,
  ): Promise<T> {
    const connection = this.#connection;
    if (connection === undefined || !this.#connected) {
      throw new ZookeeperError('not_connected', 'ZooKeeper is not connected');
    }
    const { chroot } = this.#hosts;
    const full = path === '/' ? chroot || '/' : chroot + path;
    const call = run(connection, full);
    return withDeadline(this.#options.clock, call, this.#timeoutMs, () => {
      throw new ZookeeperError('connection_loss', `ZooKeeper gave no answer about ${path}`);
    });
  }
}

const NOTHING: ZookeeperNode = { data: Buffer.alloc(0), version: -1, owner: undefined };

function nodeOf(
  data: Buffer | undefined,
  stat: { version: number; ephemeralOwner: Buffer },
): ZookeeperNode {
  const persistent = stat.ephemeralOwner.every((byte) => byte === 0);
  return {
    data: data ?? NOTHING.data,
    version: stat.version,
    owner: persistent ? undefined : stat.ephemeralOwner.toString('hex'),
  };
}

async function makePath(connection: ZookeeperConnection, path: string): Promise<void> {
  const names = path.split('/').slice(1);
  for (let depth = 1; depth <= names.length; depth++) {
    const part = `/${names.slice(0, depth).join('/')}`;
    try {
      await connection.call<string>(part, (client, done) =>
        client.create(part, NOTHING.data, NODE_MODE.persistent, done),
      );
    } catch (error) {
      if (isZookeeperError(error, 'node_exists')) continue;
      // Whoever may not create the upper nodes may still use those that are there.
      if (depth < names.length && isZookeeperError(error, 'no_auth')) continue;
      throw error;
    }
  }
}
