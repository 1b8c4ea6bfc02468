import type { Clock } from './clock.ts';
import type { Membership, NodeInfo } from './cluster/membership.ts';
import { StaticMembership } from './cluster/static-membership.ts';
import { ZookeeperMembership } from './cluster/zookeeper-membership.ts';
import type { Logger } from './logger.ts';
import type { Settings } from './settings/settings.ts';

/** How nodes find each other: ZooKeeper, a list in the settings, or not at all. */
export function openMembership(settings: Settings, clock: Clock, logger: Logger): Membership {
  if (settings.STORAGE !== 'distributed') return new StaticMembership([]);
  if (settings.ZOOKEEPER_HOSTS === 'none') return new StaticMembership(settings.PEERS);
  return new ZookeeperMembership({
    hosts: settings.ZOOKEEPER_HOSTS,
    sessionMs: settings.ZOOKEEPER_SESSION_MS,
    clock,
    logger,
  });
}

/** A member of the same topic that reads it in another way: one of the two would serve nonsense. */
export function conflictWith(self: NodeInfo, membership: Membership): string | undefined {
  for (const { info, self: ours } of membership.members()) {
    if (info === undefined || ours || info.log.topic !== self.log.topic) continue;
    if (info.log.clusterId !== self.log.clusterId || self.log.clusterId === null) continue;
    for (const field of ['codec', 'partitions'] as const) {
      const [theirs, mine] = [info.log[field], self.log[field]];
      if (theirs !== null && theirs !== mine) {
        return `Member ${info.id} has ${field} ${theirs} for this topic, this node ${mine}: set the same`;
      }
    }
  }
  return undefined;
}
