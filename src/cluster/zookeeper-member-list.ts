import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { NodeInfo } from './membership.ts';
import { isAddress, parseNodeInfo } from './node-info.ts';
import { PacedTask } from './paced-task.ts';
import { isZookeeperError } from './zookeeper-error.ts';
import type { ZookeeperSession } from './zookeeper-session.ts';

export interface ZookeeperMemberListOptions {
  readonly session: ZookeeperSession;
  /** Whose children are the members; created when it is missing. */
  readonly folder: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** How often it is read when no watch gives a reason to. */
  readonly pollMs: number;
  /** The list was read and differs from the one before. */
  readonly changed: () => void;
}

/** Name (`host:port`) → what the node says of itself, undefined where that is nothing of ours. */
export type MemberMap = ReadonlyMap<string, NodeInfo | undefined>;

const MEMBERS_MAX = 1_000;
const READS_AT_ONCE = 16;
const GAP_MS = 50;
const ODD_LOG_MS = 60_000;
const NAME_SHOWN_MAX = 100;

/** The children of a ZooKeeper node and their data, followed; the last ones read stay while it is away. */
export class ZookeeperMemberList {
  readonly #options: ZookeeperMemberListOptions;
  readonly #task: PacedTask;
  readonly #look = () => this.refresh();
  #members: MemberMap = new Map();
  #oddLoggedAt = Number.NEGATIVE_INFINITY;

  constructor(options: ZookeeperMemberListOptions) {
    this.#options = options;
    const { clock, pollMs: everyMs, logger, session } = options;
    this.#task = new PacedTask({
      clock,
      everyMs,
      gapMs: GAP_MS,
      run: () => this.#read(),
      failed: (error) => {
        if (!session.connected) return;
        logger.warn({ error: messageOf(error) }, 'member list not read, trying again');
      },
    });
  }

  /** The last list that was read, in the order of the names. */
  get members(): MemberMap {
    return this.#members;
  }

  /** Reads it soon, and from then on by itself. */
  refresh(): void {
    this.#task.ask();
  }

  close(): void {
    this.#task.close();
  }

  async #read(): Promise<void> {
    if (!this.#options.session.connected) return;
    const names = this.#valid(await this.#children());
    const found = new Map<string, NodeInfo | undefined>(names.map((name) => [name, undefined]));
    const left = [...names];
    const readers = Array.from({ length: READS_AT_ONCE }, async () => {
      for (let name = left.pop(); name !== undefined; name = left.pop()) {
        if (await this.#isGone(name, found)) found.delete(name);
      }
    });
    await Promise.all(readers);
    if (same(found, this.#members)) return;
    this.#members = found;
    this.#options.changed();
  }

  async #children(): Promise<string[]> {
    const { session, folder } = this.#options;
    const watch = { watch: this.#look };
    try {
      return await session.getChildren(folder, watch);
    } catch (error) {
      if (!isZookeeperError(error, 'no_node')) throw error;
      await session.createParents(folder);
      return session.getChildren(folder, watch);
    }
  }

  /** Reads one member's data into `found`; true where it has left meanwhile. */
  async #isGone(name: string, found: Map<string, NodeInfo | undefined>): Promise<boolean> {
    const { session, folder } = this.#options;
    try {
      const { data } = await session.getData(`${folder}/${name}`, { watch: this.#look });
      const info = parseNodeInfo(data);
      const isOwn = info?.http === name;
      if (isOwn) found.set(name, info);
      // The original's nodes write their name.
      else if (data.toString('latin1', 0, name.length + 1) !== name) this.#odd('data', name);
      return false;
    } catch (error) {
      if (isZookeeperError(error, 'no_node')) return true;
      if (!isZookeeperError(error, 'no_auth')) throw error;
      this.#odd('data', name);
      return false;
    }
  }

  #valid(children: readonly string[]): string[] {
    const names = children.filter(isAddress).sort();
    const odd = children.find((name) => !isAddress(name));
    if (odd !== undefined) this.#odd('name', odd);
    if (names.length > MEMBERS_MAX) this.#odd('number of members', String(names.length));
    return names.slice(0, MEMBERS_MAX);
  }

  #odd(what: string, name: string): void {
    const { clock, logger, folder } = this.#options;
    if (clock.monotonic() - this.#oddLoggedAt < ODD_LOG_MS) return;
    this.#oddLoggedAt = clock.monotonic();
    const shown = name.slice(0, NAME_SHOWN_MAX);
    logger.warn({ folder, what, name: shown }, 'ZooKeeper has something that no node writes');
  }
}

function same(a: MemberMap, b: MemberMap): boolean {
  return JSON.stringify([...a]) === JSON.stringify([...b]);
}
