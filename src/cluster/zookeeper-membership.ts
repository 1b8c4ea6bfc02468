import type { Clock } from '../clock.ts';
import type { Logger } from '../logger.ts';
import type { Member, Membership, MembershipEvents, NodeInfo } from './membership.ts';
import { ZookeeperAnnouncement } from './zookeeper-announcement.ts';
import { ZookeeperMemberList } from './zookeeper-member-list.ts';
import { ZookeeperSession } from './zookeeper-session.ts';

export interface ZookeeperMembershipOptions {
  /** A connect string, may end in a chroot. */
  readonly hosts: string;
  readonly sessionMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  /** How often our own nodes are looked at without a reason. */
  readonly checkMs?: number;
  /** How often the list is read without a reason. */
  readonly pollMs?: number;
}

/** The original's paths. */
export const SERVERS_PATH = '/bitacora/servers';
export const SOCKETS_PATH = '/bitacora/sockets';

const CHECK_MS = 3_000;
const POLL_MS = 10_000;

/** Members as ephemeral nodes in ZooKeeper (contract §6). */
export class ZookeeperMembership implements Membership {
  readonly kind = 'zookeeper';
  events: MembershipEvents = {};
  readonly #options: ZookeeperMembershipOptions;
  #parts: Parts | undefined;
  #self: NodeInfo | undefined;
  #members: readonly Member[] = [];
  #ready = false;

  constructor(options: ZookeeperMembershipOptions) {
    this.#options = options;
  }

  get connected(): boolean {
    return this.#parts?.session.connected ?? false;
  }

  members(): readonly Member[] {
    return this.#members;
  }

  start(self: NodeInfo): void {
    if (this.#parts !== undefined) throw new Error('membership was started before');
    const { hosts, sessionMs, clock, logger } = this.#options;
    const { checkMs = CHECK_MS, pollMs = POLL_MS } = this.#options;
    const session = ZookeeperSession.open({ hosts, sessionMs, clock, logger });
    const shared = { session, clock, logger, checkMs };
    const server = new ZookeeperAnnouncement({
      ...shared,
      folder: SERVERS_PATH,
      taken: (line) => this.events.warning?.('address_taken', line),
    });
    const socket = new ZookeeperAnnouncement({
      ...shared,
      folder: SOCKETS_PATH,
      taken: (line) => this.events.warning?.('rpc_address_taken', line),
    });
    const list = new ZookeeperMemberList({
      ...shared,
      folder: SERVERS_PATH,
      pollMs,
      changed: () => this.#listRead(),
    });
    session.on('connected', () => {
      server.check();
      socket.check();
      list.refresh();
    });
    this.#parts = { session, server, socket, list };
    this.update(self);
    server.want(true);
    socket.want(this.#ready);
  }

  update(self: NodeInfo): void {
    this.#self = self;
    this.#parts?.server.set(self.http, self);
    this.#parts?.socket.set(self.rpc, self);
    this.#publish();
  }

  setReady(ready: boolean): void {
    this.#ready = ready;
    this.#parts?.socket.want(ready);
  }

  async close(): Promise<void> {
    const parts = this.#parts;
    if (parts === undefined) return;
    parts.server.close();
    parts.socket.close();
    parts.list.close();
    // Our nodes live with the session.
    await parts.session.close();
  }

  #listRead(): void {
    // Removed by hand, or by a server that was wiped.
    const { list, server } = this.#parts ?? {};
    if (this.#self !== undefined && list?.members.has(this.#self.http) === false) server?.check();
    this.#publish();
  }

  /** Ourselves are in the list as we know ourselves, whether or not ZooKeeper has heard of it. */
  #publish(): void {
    const self = this.#self;
    if (self === undefined) return;
    const found = new Map(this.#parts?.list.members ?? []).set(self.http, self);
    this.#members = [...found].map(([http, info]) => ({ http, info, self: http === self.http }));
    this.events.change?.();
  }
}

interface Parts {
  readonly session: ZookeeperSession;
  readonly server: ZookeeperAnnouncement;
  readonly socket: ZookeeperAnnouncement;
  readonly list: ZookeeperMemberList;
}
