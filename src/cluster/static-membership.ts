import type { Member, Membership, MembershipEvents, NodeInfo } from './membership.ts';

/** Peers as the settings name them; without any, this node is alone. */
export class StaticMembership implements Membership {
  readonly kind: 'static' | 'none';
  readonly connected = true;
  events: MembershipEvents = {};
  readonly #peers: readonly string[];
  #members: readonly Member[];

  /** `host:port` of the peers' HTTP doors; this node's own may be among them. */
  constructor(peers: readonly string[]) {
    this.#peers = [...new Set(peers)];
    this.kind = peers.length === 0 ? 'none' : 'static';
    this.#members = this.#peers.map(memberOf);
  }

  members(): readonly Member[] {
    return this.#members;
  }

  start(self: NodeInfo): void {
    this.update(self);
  }

  update(self: NodeInfo): void {
    const others = this.#peers.filter((http) => http !== self.http).map(memberOf);
    this.#members = [{ http: self.http, info: self, self: true }, ...others];
    this.events.change?.();
  }

  setReady(): void {}

  async close(): Promise<void> {}
}

function memberOf(http: string): Member {
  return { http, info: undefined, self: false };
}
