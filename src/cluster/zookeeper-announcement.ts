import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { NodeInfo } from './membership.ts';
import { formatNodeInfo, parseNodeInfo } from './node-info.ts';
import { PacedTask } from './paced-task.ts';
import { isZookeeperError } from './zookeeper-error.ts';
import type { ZookeeperNode, ZookeeperSession } from './zookeeper-session.ts';

export interface ZookeeperAnnouncementOptions {
  readonly session: ZookeeperSession;
  /** Of the persistent parent; created when it is missing. */
  readonly folder: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** How often the node is looked at when nothing gives a reason to. */
  readonly checkMs: number;
  /** A line as long as another instance holds our name, then undefined. Called on changes only. */
  readonly taken: (line: string | undefined) => void;
}

interface Announced {
  readonly name: string;
  readonly info: NodeInfo;
}

const GAP_MS = 50;
const NAMELESS = 'a node that says nothing of itself (of the original program, perhaps)';

/**
 * One ephemeral node, kept as it is wanted: there with our data or not there, over lost
 * connections, expired sessions, wiped servers and nodes removed by hand. What another instance
 * has put under our name is left alone and looked at again.
 */
export class ZookeeperAnnouncement {
  readonly #options: ZookeeperAnnouncementOptions;
  readonly #task: PacedTask;
  #announced: Announced | undefined;
  #wanted = false;
  #taken: string | undefined;
  #reported: string | undefined;

  constructor(options: ZookeeperAnnouncementOptions) {
    this.#options = options;
    const { clock, checkMs: everyMs } = options;
    this.#task = new PacedTask({
      clock,
      everyMs,
      gapMs: GAP_MS,
      run: () => this.#settle(),
      failed: (error) => this.#report(error),
    });
  }

  /** What to say, under which name in the folder. Said only while `want(true)`. */
  set(name: string, info: NodeInfo): void {
    this.#announced = { name, info };
    this.check();
  }

  want(wanted: boolean): void {
    if (this.#wanted === wanted) return;
    this.#wanted = wanted;
    this.check();
  }

  /** There is a reason to look now. */
  check(): void {
    if (this.#announced !== undefined) this.#task.ask();
  }

  close(): void {
    this.#task.close();
  }

  async #settle(): Promise<void> {
    const announced = this.#announced;
    const { session, folder } = this.#options;
    if (announced === undefined || !session.connected) return;
    const path = `${folder}/${announced.name}`;
    const there = await this.#read(path);
    if (there === undefined) {
      if (this.#wanted) await this.#create(path, announced.info);
      this.#setTaken(undefined);
    } else if (there.owner === session.sessionId) {
      await this.#keep(path, there, announced.info);
      this.#setTaken(undefined);
    } else {
      await this.#meet(path, there, announced);
    }
    this.#reported = undefined;
  }

  async #read(path: string): Promise<ZookeeperNode | undefined> {
    try {
      return await this.#options.session.getData(path);
    } catch (error) {
      if (isZookeeperError(error, 'no_node')) return undefined;
      throw error;
    }
  }

  async #create(path: string, info: NodeInfo): Promise<void> {
    const { session, folder } = this.#options;
    const bytes = formatNodeInfo(info);
    try {
      await session.create(path, bytes, { ephemeral: true });
    } catch (error) {
      // Someone was faster: who it is shows the next look.
      if (isZookeeperError(error, 'node_exists')) return this.#task.ask();
      if (!isZookeeperError(error, 'no_node')) throw error;
      await session.createParents(folder);
      await session.create(path, bytes, { ephemeral: true });
    }
  }

  async #keep(path: string, there: ZookeeperNode, info: NodeInfo): Promise<void> {
    const { session } = this.#options;
    if (!this.#wanted) return session.remove(path, there.version);
    const bytes = formatNodeInfo(info);
    if (!bytes.equals(there.data)) await session.setData(path, bytes, there.version);
  }

  /** Another session's node under our name: an earlier run of ours, or somebody else. */
  async #meet(path: string, there: ZookeeperNode, { name, info }: Announced): Promise<void> {
    const other = parseNodeInfo(there.data);
    if (other?.instance === info.instance) {
      // With the version, so that it is the very node that was read.
      await this.#options.session.remove(path, there.version);
      this.#task.ask();
      return;
    }
    if (!this.#wanted) return this.#setTaken(undefined);
    const who = other === undefined ? NAMELESS : `node ${other.id} (instance ${other.instance})`;
    this.#setTaken(
      `${name} is announced in ZooKeeper by ${who}: this node is not announced; give each node an address and port of its own`,
    );
  }

  #setTaken(line: string | undefined): void {
    if (this.#taken === line) return;
    this.#taken = line;
    this.#options.taken(line);
  }

  #report(error: unknown): void {
    const { session, logger, folder } = this.#options;
    const message = messageOf(error);
    if (!session.connected || message === this.#reported) return;
    this.#reported = message;
    logger.warn({ folder, error: message }, 'announcement in ZooKeeper failed, trying again');
  }
}
