import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { FreshMarks } from '../progress/fresh-marks.ts';
import { filling, type GenerationState, withFilling } from '../table/partition-state.ts';
import type { PartitionChange, Table } from '../table/table.ts';
import { type LogCheck, NOTHING_LOST, type PartitionPlan } from './log-check.ts';

export interface AbsenceOptions {
  readonly table: Table;
  readonly marks: FreshMarks;
  readonly warn: (name: string, line: string | undefined) => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * What is done about partitions that were not caught up for longer than the log keeps null
 * tombstones: they are filled anew, since they may hold keys whose deletion they never met.
 */
export class Absence {
  readonly #options: AbsenceOptions;
  /** Partitions that are filled anew because they were away. */
  readonly #rebuilding = new Set<number>();
  #overranTold = 0;
  #markedAt = 0;

  constructor(options: AbsenceOptions) {
    this.#options = options;
  }

  /** The plans of a session's start, with a rebuild for every partition that was away. */
  plans({ bounds, plans }: LogCheck): readonly PartitionPlan[] {
    const { table, marks } = this.#options;
    const kept = `null tombstones are kept for ${forPeople(marks.retentionMs)}`;
    const planned = plans.map((plan, partition): PartitionPlan => {
      if (nothingApplied(filling(table.state(partition)))) marks.begin(partition);
      const age = marks.ageMs(partition);
      if (plan.kind === 'rebuild' || !marks.judge(partition)) return plan;
      this.#rebuilding.add(partition);
      return {
        kind: 'rebuild',
        reason: `not caught up ${lasting(age)}, ${kept}`,
        start: bounds[partition]?.start ?? 0,
        // Nothing is lost: what the log no longer has was deleted there.
        doubtFrom: NOTHING_LOST,
      };
    });
    this.#tell();
    return planned;
  }

  /** To be called with every step of the reader. @throws Error where a partition turns out to have been away */
  async step(): Promise<void> {
    const { marks } = this.#options;
    if (marks.anyAway) throw new Error('too long behind: null tombstones may have been missed');
    await this.#keep();
  }

  /** The rebuild of a partition has ended, for whatever it was begun. */
  rebuilt(partition: number): void {
    if (this.#rebuilding.delete(partition)) this.#tell();
  }

  /** What is rebuilt for having been away, and what took too long to fill, as `/status` shows it. */
  #tell(): void {
    const { marks, warn, logger } = this.#options;
    const kept = `delete.retention.ms (${forPeople(marks.retentionMs)})`;
    const away = listed(this.#rebuilding);
    warn('away', away && `${away} rebuilt: not caught up for longer than ${kept}`);
    const late = listed(marks.overran.keys());
    const line = late && `${late} took longer to fill than ${kept}: null records may be missed`;
    warn('overran', line);
    if (marks.overran.size > this.#overranTold) logger.warn({ partitions: late }, 'overran');
    this.#overranTold = marks.overran.size;
  }

  /** Stores the marks now and then, where no record carries them. */
  async #keep(): Promise<void> {
    const { table, marks, clock, logger } = this.#options;
    const now = clock.monotonic();
    if (now - this.#markedAt < marks.markedEveryMs) return;
    this.#markedAt = now;
    this.#tell();
    const changes = table.states().flatMap((state, partition): PartitionChange[] => {
      const generation = filling(state);
      const freshAt = marks.freshAt(partition);
      if (freshAt === generation.freshAt) return [];
      return [{ partition, state: withFilling(state, { ...generation, freshAt }), ops: [] }];
    });
    if (changes.length === 0) return;
    try {
      await table.commit(changes);
    } catch (error) {
      logger.warn({ reason: messageOf(error) }, 'marks cannot be stored');
    }
  }
}

/** Who has applied nothing has missed nothing. */
function nothingApplied({ anchors }: GenerationState): boolean {
  return anchors.length === 0;
}

function listed(partitions: Iterable<number>): string | undefined {
  const sorted = [...partitions].sort((a, b) => a - b);
  return sorted.length === 0 ? undefined : `partitions ${sorted.join(', ')}`;
}

function lasting(ms: number): string {
  return Number.isFinite(ms) ? `for ${forPeople(ms)}` : 'for an unknown time';
}

const UNITS: readonly (readonly [name: string, ms: number])[] = [
  ['days', 86_400_000],
  ['hours', 3_600_000],
  ['minutes', 60_000],
  ['seconds', 1_000],
];

function forPeople(ms: number): string {
  const [name, unit] = UNITS.find(([, each]) => ms >= 2 * each) ?? (['ms', 1] as const);
  return `${Math.round(ms / unit)} ${name}`;
}
