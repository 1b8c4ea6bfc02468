import { type Client, CreateMode, createClient } from 'node-zookeeper-client';
import { messageOf } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { ZookeeperError } from './zookeeper-error.ts';
import type { ZookeeperServerAddress } from './zookeeper-hosts.ts';

/** What a later connection needs to go on with the same session. */
export interface SessionTicket {
  readonly id: Buffer;
  readonly password: Buffer;
}

/** Of a node, as the library numbers them. */
export const NODE_MODE = { persistent: CreateMode.PERSISTENT, ephemeral: CreateMode.EPHEMERAL };

export interface ZookeeperConnectionOptions {
  readonly server: ZookeeperServerAddress;
  readonly sessionMs: number;
  /** undefined: a new session. */
  readonly ticket: SessionTicket | undefined;
  readonly logger: Logger;
  /** The session is open on this connection. */
  readonly connected: () => void;
  /** The server no longer knows the ticket's session. */
  readonly expired: () => void;
  /** The connection is over, for whatever reason, `expired` included. Called once, the last call. */
  readonly ended: () => void;
}

type Watcher = () => void;
type WatchKind = 'data' | 'children';

interface Watched {
  watch: () => void;
  readonly fire: Watcher;
}

/** More than the largest answer: beyond it, what answers is no ZooKeeper. */
const UNREAD_BYTES_MAX = 8 * 1024 * 1024;

const LIBRARY_HANDLERS = [
  'onSocketConnected',
  'onSocketData',
  'onSocketDrain',
  'onSocketClosed',
  'onSocketError',
  'onSocketTimeout',
  'onSocketConnectTimeout',
] as const;

/**
 * One TCP connection to one server through one client of the library, never used again. The
 * library's own reconnecting is switched off: it keeps half frames and unsent calls of the old
 * connection, waits for ever on a server that accepts and is silent, and after a wiped server came
 * back is refused for having seen the future. Whatever it throws ends this connection, not the process.
 */
export class ZookeeperConnection {
  readonly #options: ZookeeperConnectionOptions;
  readonly #client: Client;
  readonly #watched = new Map<string, Watched>();
  /** Rejects what is under way; the library forgets what it has not sent yet. */
  readonly #abandon = new Set<() => void>();
  #open = false;
  #over = false;

  constructor(options: ZookeeperConnectionOptions) {
    const { sessionMs, ticket } = options;
    this.#options = options;
    // The server's address goes in below, where the library would choose one.
    this.#client = createClient('chosen-below:1', {
      sessionTimeout: sessionMs,
      retries: 0,
      ...(ticket === undefined ? {} : { sessionId: ticket.id, sessionPassword: ticket.password }),
    });
    this.#client.on('connected', () => {
      if (this.#over) return;
      this.#open = true;
      this.#options.connected();
    });
    this.#client.on('expired', () => {
      if (this.#over) return;
      this.#options.expired();
      this.destroy();
    });
    this.#guardLibrary();
  }

  /** Of the open session: the ticket, and the time (ms) that the server agreed to. */
  get session(): SessionTicket & { readonly timeoutMs: number } {
    return {
      id: this.#client.getSessionId(),
      password: this.#client.getSessionPassword(),
      timeoutMs: this.#client.getSessionTimeout(),
    };
  }

  connect(): void {
    const { connectionManager } = this.#client;
    this.#guarded(() => this.#client.connect());
    connectionManager.connect = () => {};
  }

  /**
   * One call, settled by its answer or by the end of the connection. Rejects with a ZookeeperError.
   * Nothing is sent before `connected`.
   */
  call<T>(
    path: string,
    run: (client: Client, done: (error: Error | null | undefined, result: T) => void) => void,
  ): Promise<T> {
    if (!this.#open || this.#over) return Promise.reject(notConnected());
    return new Promise<T>((resolve, reject) => {
      const abandon = () => reject(lost(path));
      this.#abandon.add(abandon);
      try {
        run(this.#client, (error, result) => {
          this.#abandon.delete(abandon);
          if (error) reject(ZookeeperError.of(error, path));
          else resolve(result);
        });
      } catch (error) {
        this.#abandon.delete(abandon);
        reject(new ZookeeperError('failed', `ZooKeeper: ${messageOf(error)} at ${path}`, error));
      }
    });
  }

  /**
   * The function to leave at the server for a path: one for all times, since the library keeps every
   * other one until the path changes. It calls the last `watch` given for the path, once.
   */
  watcher(kind: WatchKind, path: string, watch: (() => void) | undefined): Watcher | undefined {
    if (watch === undefined) return undefined;
    const key = watchKey(kind, path);
    const watched = this.#watched.get(key) ?? this.#newWatched(key);
    watched.watch = watch;
    return watched.fire;
  }

  /** There is no watch on this path: asking for one has failed. */
  unwatch(kind: WatchKind, path: string): void {
    this.#watched.delete(watchKey(kind, path));
  }

  /** Asks the server to end the session, which removes its ephemeral nodes; `ended` follows. */
  endSession(): void {
    // Before `connected`, the library's close() throws later on, out of anyone's reach.
    if (this.#open && !this.#over) this.#guarded(() => this.#client.close());
    else this.destroy();
  }

  /** Ends the connection, not the session. Calls under way reject. */
  destroy(): void {
    const { socket } = this.#client.connectionManager;
    socket?.destroy();
    this.#end();
  }

  #newWatched(key: string): Watched {
    const watched: Watched = {
      watch: () => {},
      fire: () => {
        this.#watched.delete(key);
        if (!this.#over) watched.watch();
      },
    };
    this.#watched.set(key, watched);
    return watched;
  }

  #end(): void {
    if (this.#over) return;
    this.#over = true;
    const { connectTimeoutHandler } = this.#client.connectionManager;
    if (connectTimeoutHandler !== null) clearTimeout(connectTimeoutHandler);
    for (const abandon of this.#abandon) abandon();
    this.#abandon.clear();
    this.#watched.clear();
    this.#options.ended();
  }

  #guardLibrary(): void {
    const manager = this.#client.connectionManager;
    manager.findNextServer = (use) => this.#guarded(() => use({ ...this.#options.server }));
    for (const name of LIBRARY_HANDLERS) {
      const handle = manager[name] as (...args: unknown[]) => void;
      manager[name] = (...args: unknown[]) => {
        this.#guarded(() => handle.apply(manager, args));
        if (name === 'onSocketClosed') this.#end();
        if ((manager.pendingBuffer?.length ?? 0) > UNREAD_BYTES_MAX) this.destroy();
      };
    }
  }

  #guarded(run: () => void): void {
    try {
      run();
    } catch (error) {
      const { server, logger } = this.#options;
      logger.warn({ server, error: messageOf(error) }, 'ZooKeeper connection dropped');
      this.destroy();
    }
  }
}

function watchKey(kind: WatchKind, path: string): string {
  return `${kind} ${path}`;
}

function notConnected(): ZookeeperError {
  return new ZookeeperError('not_connected', 'ZooKeeper is not connected');
}

function lost(path: string): ZookeeperError {
  return new ZookeeperError(
    'connection_loss',
    `ZooKeeper: the connection ended, asked for ${path}`,
  );
}
