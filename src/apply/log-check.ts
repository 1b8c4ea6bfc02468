import { ExitError } from '../errors.ts';
import type { LogIdentity } from '../log-identity.ts';
import { type Anchor, anchorOf } from '../table/anchors.ts';
import { emptyGeneration, filling, type GenerationState } from '../table/partition-state.ts';
import { APPLY_VERSION, type Table, type TableIdentity } from '../table/table.ts';
import type { PartitionBounds, Wal } from '../wal/wal.ts';

/** The state here belongs to another log than the one that answers. */
export class ForeignLogError extends ExitError {
  constructor(message: string) {
    super(2, message);
    this.name = 'ForeignLogError';
  }
}

/** Goes on from the position, or fills the partition anew from the start of the log. */
export type PartitionPlan =
  | { readonly kind: 'resume'; readonly note?: string }
  | {
      readonly kind: 'rebuild';
      readonly reason: string;
      readonly start: number;
      /** Entries made by records at or above it may be gone from the log; NOTHING_LOST: none. */
      readonly doubtFrom: number;
    };

/** `doubtFrom` of a rebuild of which the log has lost nothing. */
export const NOTHING_LOST: number = Number.MAX_SAFE_INTEGER;

/** In what two identities differ, or undefined. */
export function differenceOf(
  stored: TableIdentity,
  now: LogIdentity & { readonly codec: string },
): string | undefined {
  for (const field of ['topic', 'clusterId', 'topicId', 'partitions', 'codec'] as const) {
    if (stored[field] !== now[field]) {
      return `${field} is ${now[field]}, the state here comes from ${stored[field]}`;
    }
  }
  return undefined;
}

/** @throws ForeignLogError when the table belongs to another log. An empty table belongs to any. */
export function requireSameLog(
  stored: TableIdentity | undefined,
  now: LogIdentity & { readonly codec: string },
): void {
  const difference = stored === undefined ? undefined : differenceOf(stored, now);
  if (difference === undefined) return;
  throw new ForeignLogError(
    `This is another log: ${difference}. Give the settings of the former log or another DATA_DIR; ` +
      'to set the local state aside and rebuild from this log, start once with --accept-new-log',
  );
}

export interface LogCheck {
  readonly bounds: readonly PartitionBounds[];
  /** Index = partition. */
  readonly plans: readonly PartitionPlan[];
}

/**
 * Whether the log still holds what was applied from it. Asks the log for bounds and anchors; its
 * identity must have been compared before. Where compaction has removed the newest record applied
 * nothing can be told of what came after the newest one that is left: `mayHaveLost` rebuilds then.
 * @throws ForeignLogError when the log is empty under our data; LogUnavailableError.
 */
export async function checkLog(table: Table, wal: Wal, mayHaveLost: boolean): Promise<LogCheck> {
  // Taken before the question: what is applied while it is under way may lie beyond its answer.
  const states = table.states().map(filling);
  const bounds = await wal.bounds();
  if (states.some(({ position }) => position > 0) && bounds.every(({ end }) => end === 0)) {
    throw new ForeignLogError(
      'The log is empty, the state here is not: it may have been lost. Restore the log, or give ' +
        'another DATA_DIR; --accept-new-log sets the local state aside and starts from the empty log',
    );
  }
  const checks = await compareAnchors(wal, states, bounds);
  await findRecordsInGaps(wal, states, bounds, checks);
  const applyVersion = table.identity?.applyVersion ?? APPLY_VERSION;
  const plans = states.map((state, partition) =>
    planPartition(state, applyVersion, bounds[partition], { ...checks[partition], mayHaveLost }),
  );
  return { bounds, plans };
}

/**
 * From which offset on the log may have lost what a generation was made of, NOTHING_LOST where nothing
 * shows it: asked at the end of a rebuild, while which only the new generation is compared.
 * @throws LogUnavailableError
 */
export async function lostFrom(
  wal: Wal,
  partition: number,
  state: GenerationState,
): Promise<number> {
  const bounds = await wal.bounds();
  const alone = bounds.map((_, each) => (each === partition ? state : emptyGeneration(0, 0)));
  const checks = await compareAnchors(wal, alone, bounds);
  const check = { ...checks[partition], mayHaveLost: false };
  const plan = planPartition(state, APPLY_VERSION, bounds[partition], check);
  return plan.kind === 'rebuild' ? plan.doubtFrom : NOTHING_LOST;
}

/** What the anchors of a partition say. */
interface AnchorCheck {
  /** The newest applied record that the log still has as it was. */
  matching?: number;
  /** The newest applied record in whose place the log has another one. */
  differing?: number;
}

function planPartition(
  state: GenerationState,
  applyVersion: number,
  bounds: PartitionBounds | undefined,
  check: AnchorCheck & { readonly mayHaveLost: boolean },
): PartitionPlan {
  if (bounds === undefined) return { kind: 'resume' };
  const { start, end } = bounds;
  const doubtFrom = (check.matching ?? -1) + 1;
  const rebuild = (reason: string, from: number): PartitionPlan => ({
    kind: 'rebuild',
    reason,
    start,
    doubtFrom: from,
  });
  if (state.quarantined > 0 && applyVersion < APPLY_VERSION) {
    return rebuild('this version reads records that the former one could not', NOTHING_LOST);
  }
  if (state.position > end) {
    return rebuild(
      `the log ends at ${end}, before the position ${state.position}`,
      Math.min(end, doubtFrom),
    );
  }
  if (check.differing !== undefined) {
    return rebuild(`the record at ${check.differing} is not the one that was applied`, doubtFrom);
  }
  if (state.position < start) {
    if (state.position === 0) return { kind: 'resume', note: `the log begins at ${start}` };
    return rebuild(
      `the log begins at ${start}, beyond the position ${state.position}`,
      NOTHING_LOST,
    );
  }
  const newest = state.anchors[0]?.offset;
  if (check.mayHaveLost && newest !== undefined && check.matching !== newest) {
    return rebuild(`nothing tells whether the log has lost what came before ${newest}`, doubtFrom);
  }
  if (newest !== undefined && check.matching === undefined) {
    return { kind: 'resume', note: 'no applied record is left in the log to compare with' };
  }
  return { kind: 'resume' };
}

/** Reads the anchors again, newest first, one of each partition at a time, until one matches. */
async function compareAnchors(
  wal: Wal,
  states: readonly GenerationState[],
  bounds: readonly PartitionBounds[],
): Promise<readonly AnchorCheck[]> {
  const checks: AnchorCheck[] = states.map(() => ({}));
  const left = states.map((state, partition) => {
    const { start = 0, end = 0 } = bounds[partition] ?? {};
    return state.anchors.filter(({ offset }) => offset >= start && offset < end);
  });
  for (;;) {
    const asked: { partition: number; anchor: Anchor }[] = [];
    for (const [partition, anchors] of left.entries()) {
      const anchor = checks[partition]?.matching === undefined ? anchors.shift() : undefined;
      if (anchor !== undefined) asked.push({ partition, anchor });
    }
    if (asked.length === 0) return checks;
    const records = await wal.fetch(
      asked.map(({ partition, anchor }) => ({ partition, offset: anchor.offset })),
    );
    for (const [i, { partition, anchor }] of asked.entries()) {
      const record = records[i];
      const check = checks[partition];
      if (record === undefined || check === undefined) continue;
      const same = sameAnchor(anchorOf(record), anchor);
      if (same) check.matching = anchor.offset;
      else check.differing ??= anchor.offset;
    }
  }
}

/** Offsets looked at behind the newest anchor, where only control records were. */
const GAP_LOOKED_AT_MAX = 8;

/**
 * Between the newest record applied and the position lie control records at most. A record there now
 * means that the log was cut back and has grown again.
 */
async function findRecordsInGaps(
  wal: Wal,
  states: readonly GenerationState[],
  bounds: readonly PartitionBounds[],
  checks: readonly AnchorCheck[],
): Promise<void> {
  const places: { partition: number; offset: number }[] = [];
  for (const [partition, { position, anchors }] of states.entries()) {
    const end = Math.min(position, bounds[partition]?.end ?? 0);
    const applied = (anchors[0]?.offset ?? -1) + 1;
    const from = Math.max(applied, end - GAP_LOOKED_AT_MAX, bounds[partition]?.start ?? 0);
    for (let offset = from; offset < end; offset++) places.push({ partition, offset });
  }
  if (places.length === 0) return;
  const records = await wal.fetch(places);
  for (const [i, { partition, offset }] of places.entries()) {
    const check = checks[partition];
    if (records[i] !== undefined && check !== undefined) check.differing ??= offset;
  }
}

function sameAnchor(a: Anchor, b: Anchor): boolean {
  return a.hash === b.hash && a.timestamp === b.timestamp;
}
