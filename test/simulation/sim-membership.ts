import type { Member, Membership, MembershipEvents } from '../../src/cluster/membership.ts';
import type { SimNode } from './sim-node.ts';

/** Everybody knows everybody: who is announced is a hint, and no part of what is checked. */
export function simMembership(self: SimNode, others: () => readonly SimNode[]): Membership {
  return {
    kind: 'zookeeper',
    connected: true,
    events: {} as MembershipEvents,
    members: () => [self, ...others()].map((each) => memberOf(each, each === self)),
    start: () => {},
    update: () => {},
    setReady: () => {},
    close: async () => {},
  };
}

function memberOf({ name, core }: SimNode, self: boolean): Member {
  const identity = core?.table.identity;
  return {
    http: name,
    self,
    info: {
      id: name,
      instance: name,
      version: '0',
      http: name,
      rpc: name,
      startedAt: 0,
      log: {
        clusterId: identity?.clusterId ?? null,
        topicId: identity?.topicId ?? null,
        topic: 'simulated',
        partitions: identity?.partitions ?? null,
        codec: 'raw',
      },
    },
  };
}
