import type { RecoveryProgress } from './apply/recovery.ts';
import type { Membership } from './cluster/membership.ts';
import type { Core } from './core.ts';
import type { NodeState, RunningState } from './running-state.ts';
import { filling } from './table/partition-state.ts';
import type { Wal } from './wal/wal.ts';
import type { Warnings } from './warnings.ts';

/** The answer to `GET /status` (contract §3). */
export interface StatusDocument {
  readonly id: string;
  readonly version: string;
  readonly state: NodeState;
  readonly storage: string;
  readonly codec: string;
  /** ms since 1970. */
  readonly startedAt: number;
  readonly ready: boolean;
  readonly log: {
    readonly kind: 'kafka' | 'embedded';
    readonly topic: string;
    readonly clusterId: string | null;
    readonly topicId: string | null;
    readonly connected: boolean;
    readonly partitions: readonly {
      readonly partition: number;
      readonly position: number;
      readonly end: number | null;
      readonly caughtUp: boolean;
    }[];
  };
  readonly entries: number;
  readonly markers: number;
  readonly bytes: number;
  readonly quarantined: number;
  readonly cluster: {
    readonly kind: 'zookeeper' | 'static' | 'none';
    readonly connected: boolean;
    readonly members: readonly {
      readonly id: string | null;
      readonly http: string;
      readonly rpc: string | null;
      readonly self: boolean;
    }[];
  };
  readonly warnings: readonly string[];
  readonly recovery?: RecoveryProgress;
}

export interface StatusSources {
  readonly id: string;
  readonly version: string;
  readonly startedAt: number;
  readonly storage: string;
  readonly codec: string;
  readonly topic: string;
  readonly state: RunningState;
  /** What `/health` says. */
  readonly ready: boolean;
  readonly core: Core;
  readonly wal: Wal;
  readonly membership: Membership;
  readonly warnings: Warnings;
}

export function statusOf(sources: StatusSources): StatusDocument {
  const { core, wal, membership } = sources;
  const { identity } = core.table;
  const states = core.table.states();
  const sum = (of: 'entries' | 'markers' | 'bytes' | 'quarantined') =>
    states.reduce((total, { active }) => total + active[of], 0);
  const { recovery } = core.applier;
  return {
    id: sources.id,
    version: sources.version,
    state: sources.state.state,
    storage: sources.storage,
    codec: sources.codec,
    startedAt: sources.startedAt,
    ready: sources.ready,
    log: {
      kind: wal.kind,
      topic: sources.topic,
      clusterId: identity?.clusterId ?? null,
      topicId: identity?.topicId ?? null,
      connected: wal.connected,
      partitions: states.map((each, partition) => ({
        partition,
        position: filling(each).position,
        end: endOf(core, partition, filling(each).position),
        caughtUp: core.freshness.fresh(partition),
      })),
    },
    entries: sum('entries'),
    markers: sum('markers'),
    bytes: sum('bytes'),
    quarantined: sum('quarantined'),
    cluster: {
      kind: membership.kind,
      connected: membership.connected,
      members: membership.members().map(({ http, self, info }) => ({
        id: info?.id ?? null,
        http,
        rpc: info?.rpc ?? null,
        self,
      })),
    },
    warnings: sources.warnings.all(),
    ...(recovery !== undefined && { recovery }),
  };
}

/** The newest end told, or what was applied since: an answer is old at once where writes go on. */
function endOf({ freshness }: Core, partition: number, position: number): number | null {
  const end = freshness.end(partition);
  return end === null || freshness.beyond(partition) ? end : Math.max(end, position);
}
