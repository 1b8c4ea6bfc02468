import type { Clock } from '../clock.ts';
import { ZookeeperSession } from '../cluster/zookeeper-session.ts';
import type { Logger } from '../logger.ts';
import { parseServer } from './server-address.ts';
import type { ServerList } from './server-list.ts';

/** One ephemeral child `host:port` for each node that answers. */
const SOCKETS_PATH = '/bitacora/sockets';
const SESSION_MS = 6_000;
/** The list is looked at again even if no watch says so: the path may not be there yet. */
const LOOK_AGAIN_MS = 2_000;
const LOOK_AGAIN_EMPTY_MS = 200;

export interface ZookeeperServerListOptions {
  /** A connect string, may end in a chroot. */
  readonly hosts: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The list that the nodes keep in ZooKeeper. The last one that was not empty is kept. */
export class ZookeeperServerList implements ServerList {
  readonly #clock: Clock;
  readonly #session: ZookeeperSession;
  #servers: readonly string[] = [];
  #looking = false;
  #again = false;
  #closed = false;
  #cancelLook = () => {};
  onChange = () => {};

  private constructor({ hosts, clock, logger }: ZookeeperServerListOptions) {
    this.#clock = clock;
    this.#session = ZookeeperSession.open({ hosts, sessionMs: SESSION_MS, clock, logger });
    this.#session.on('connected', () => void this.#look());
  }

  /** Throws where `hosts` is no connect string. */
  static open(options: ZookeeperServerListOptions): ZookeeperServerList {
    return new ZookeeperServerList(options);
  }

  servers(): readonly string[] {
    return this.#servers;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelLook();
    await this.#session.close();
  }

  async #look(): Promise<void> {
    this.#again = true;
    if (this.#looking) return;
    this.#looking = true;
    while (this.#again && !this.#closed) {
      this.#again = false;
      this.#take(await this.#children());
    }
    this.#looking = false;
    if (this.#closed) return;
    const pause = this.#servers.length === 0 ? LOOK_AGAIN_EMPTY_MS : LOOK_AGAIN_MS;
    this.#cancelLook();
    this.#cancelLook = this.#clock.after(pause, () => void this.#look());
  }

  async #children(): Promise<readonly string[]> {
    try {
      return await this.#session.getChildren(SOCKETS_PATH, { watch: () => void this.#look() });
    } catch {
      // Not connected, or no node was ever there: the last list is as good as any.
      return [];
    }
  }

  #take(children: readonly string[]): void {
    const servers = children.filter((child) => parseServer(child) !== undefined).sort();
    if (servers.length === 0 || servers.join() === this.#servers.join()) return;
    this.#servers = servers;
    this.onChange();
  }
}
