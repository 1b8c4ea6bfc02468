import { type Clock, sleep } from '../clock.ts';
import type { Codec } from '../codec/codec.ts';
import { ExitError, LogUnavailableError, messageOf } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { FreshMarks } from '../progress/fresh-marks.ts';
import type { Freshness } from '../progress/freshness.ts';
import type { OwnWrites } from '../progress/own-writes.ts';
import type { Patchy } from '../progress/patchy.ts';
import type { Positions } from '../progress/positions.ts';
import type { RunningState } from '../running-state.ts';
import type { Entries } from '../table/entries.ts';
import { filling, withFilling } from '../table/partition-state.ts';
import { APPLY_VERSION, type Table } from '../table/table.ts';
import type { LogDescription, ReadBatch, Wal, WalReader } from '../wal/wal.ts';
import { Absence } from './absence.ts';
import { BatchCommitter } from './batch-committer.ts';
import { BatchSize } from './batch-size.ts';
import {
  checkLog,
  ForeignLogError,
  type LogCheck,
  lostFrom,
  NOTHING_LOST,
  type PartitionPlan,
  requireSameLog,
} from './log-check.ts';
import type { LogGuard } from './log-guard.ts';
import { beginRebuild, finishRebuild, type SaveLost } from './rebuild.ts';
import { Recovery, type RecoveryProgress } from './recovery.ts';
import { STALL_MS, StallWatch } from './stall-watch.ts';

export interface ApplierOptions {
  readonly wal: Wal;
  readonly guard: LogGuard;
  readonly table: Table;
  readonly entries: Entries;
  readonly positions: Positions;
  readonly freshness: Freshness;
  readonly marks: FreshMarks;
  readonly patchy: Patchy;
  readonly ownWrites: OwnWrites;
  readonly state: RunningState;
  readonly codecName: string;
  readonly saveLost: SaveLost;
  /** The log was met, or met again; gives the codec of its records. */
  readonly onLog: (description: LogDescription) => Codec;
  readonly warn: (name: string, line: string | undefined) => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

const RETRY_FIRST_MS = 100;
const RETRY_MAX_MS = 2_000;
const STORAGE_RETRY_MAX_MS = 5_000;
const POSITIONS_PUBLISHED_EVERY_MS = 1_000;

/**
 * The loop: meets the log, checks that it is ours, recovers to the end seen at that moment, then
 * follows. The only writer of table and cache. A log that goes away is met again, for ever.
 */
export class Applier {
  readonly #options: ApplierOptions;
  readonly #committer: BatchCommitter;
  readonly #recovery: Recovery;
  readonly #absence: Absence;
  #description: LogDescription | undefined;
  #everRecovered = false;
  /** The log was found to be ours once in this run. */
  #met = false;
  #storageWorks = true;
  readonly #stalls = new StallWatch();
  /** Partitions that two readers could not read on from where they are. */
  #unreadable: ReadonlySet<number> = new Set();
  #publishedAt = 0;

  constructor(options: ApplierOptions) {
    this.#options = options;
    this.#committer = new BatchCommitter(options);
    this.#recovery = new Recovery(options.clock, options.logger);
    this.#absence = new Absence(options);
  }

  /** The progress of a recovery under way. */
  get recovery(): RecoveryProgress | undefined {
    return this.#recovery.progress();
  }

  /** Whether `/health` may say OK, as far as log and storage are concerned. */
  healthy(): boolean {
    const { state } = this.#options.state;
    return (
      this.#everRecovered &&
      this.#storageWorks &&
      state === 'running' &&
      !this.#stalls.stalled(this.#options.clock.monotonic())
    );
  }

  /** To be called whenever the log was asked for its ends: what shows whether the reader lives. */
  observe(): void {
    const { clock, wal, table, freshness, warn } = this.#options;
    const now = clock.monotonic();
    const partitions = table
      .states()
      .map((each, p) => ({ position: filling(each).position, end: freshness.readable(p) }));
    this.#stalls.observe(now, wal.connected, partitions);
    const stuck = this.#stalls.stuck(now);
    const places = stuck.map((p) => `${p} at ${partitions[p]?.position}`).join(', ');
    warn(
      'stuck',
      stuck.length > 0
        ? `nothing was applied for 10 s although the log has more: partition ${places}`
        : undefined,
    );
  }

  /** Runs until the signal aborts. @throws ExitError when going on is not allowed. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, logger, state } = this.#options;
    let retryMs = RETRY_FIRST_MS;
    while (!signal.aborted) {
      const startedAt = clock.monotonic();
      try {
        await this.#session(signal);
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof ForeignLogError && this.#met) this.#halt(error);
        else if (error instanceof ExitError) throw error;
        else if (!this.#everRecovered) state.set('connecting');
        if (clock.monotonic() - startedAt > RETRY_MAX_MS) retryMs = RETRY_FIRST_MS;
        const level = error instanceof LogUnavailableError ? 'warn' : 'error';
        logger[level]({ reason: messageOf(error), retryMs }, 'log cannot be followed');
        await sleep(clock, retryMs, signal);
        retryMs = Math.min(retryMs * 2, RETRY_MAX_MS);
      }
    }
  }

  /** One reader's life. Ends by an error, or when the signal aborts. */
  async #session(signal: AbortSignal): Promise<void> {
    const { wal, table, guard, state, clock } = this.#options;
    const { doubts } = guard;
    this.#committer.codec = await this.#meet();
    const askedAt = clock.monotonic();
    const check = await checkLog(table, wal, guard.uncleanElection);
    const { bounds } = check;
    // Else another log, put in its place since, would be what the state is rebuilt from.
    await this.#requireStillOurs();
    guard.shortened(bounds, askedAt);
    await this.#carryOut(this.#absence.plans({ bounds, plans: this.#withUnreadable(check) }));
    this.#publishVisible();
    this.#met = true;
    this.#options.warn('halted', undefined);
    const starts = table
      .states()
      .map((each, p) => Math.max(filling(each).position, bounds[p]?.start ?? 0));
    const ends = bounds.map(({ readable }) => readable);
    this.#recovery.begin(starts, ends);
    if (!this.#everRecovered) {
      state.set('recovering', { offsets: this.#recovery.progress()?.total });
    }

    const reader = await wal.read(starts);
    const readingSince = clock.monotonic();
    guard.follow(doubts);
    try {
      await this.#follow(reader, doubts, signal);
    } finally {
      this.#judgeReader(readingSince);
      guard.leave();
      await reader.close();
    }
  }

  /** A reader has ended: what it did not move although it could have is held against it. */
  #judgeReader(since: number): void {
    const { clock, freshness } = this.#options;
    const now = clock.monotonic();
    const could = this.#storageWorks && freshness.identityConfirmed;
    if (could && now - since > STALL_MS) this.#unreadable = this.#stalls.giveUp(now);
  }

  /** What cannot be read on from its position is read from the log's start, once. */
  #withUnreadable({ plans, bounds }: LogCheck): readonly PartitionPlan[] {
    const unreadable = this.#unreadable;
    this.#unreadable = new Set();
    return plans.map((plan, partition): PartitionPlan => {
      const { active, next } = this.#options.table.state(partition);
      const begun = plan.kind === 'rebuild' || next !== undefined;
      if (begun || !unreadable.has(partition)) return plan;
      return {
        kind: 'rebuild',
        reason: `two readers have delivered nothing from ${active.position} on`,
        start: bounds[partition]?.start ?? 0,
        doubtFrom: NOTHING_LOST,
      };
    });
  }

  async #carryOut(plans: readonly PartitionPlan[]): Promise<void> {
    const { table, logger, freshness, marks, ownWrites } = this.#options;
    if (plans.some((plan) => plan.kind === 'rebuild' && plan.doubtFrom < NOTHING_LOST)) {
      freshness.logChanged();
      ownWrites.clear();
    }
    for (const [partition, plan] of plans.entries()) {
      if (plan.kind === 'rebuild') {
        logger.warn({ partition, reason: plan.reason, from: plan.start }, 'rebuild');
        await beginRebuild(table, partition, plan);
        marks.begin(partition);
      } else if (plan.note !== undefined) {
        logger.warn({ partition, note: plan.note }, 'resume');
      }
    }
    const { identity } = table;
    if (identity !== undefined && identity.applyVersion !== APPLY_VERSION) {
      await table.adopt({ ...identity, applyVersion: APPLY_VERSION });
    }
  }

  /** The log was exchanged under a running node: it keeps answering what it has, and waits. */
  #halt(error: ForeignLogError): void {
    const { state, warn, freshness } = this.#options;
    freshness.logChanged();
    state.set('halted', { reason: error.message });
    warn('halted', `halted: ${error.message}`);
  }

  async #requireStillOurs(): Promise<void> {
    if (await this.#options.guard.sameNow()) return;
    throw new LogUnavailableError('whether the log is still the same is not known');
  }

  /** Reaches the log and makes sure that it is the one that the table comes from. */
  async #meet(): Promise<Codec> {
    const { wal, table, codecName, onLog, entries, marks, guard } = this.#options;
    if (this.#description === undefined) {
      this.#description = await wal.connect();
    } else {
      this.#description = { ...this.#description, identity: await wal.identity() };
    }
    const description = this.#description;
    const now = { ...description.identity, codec: codecName };
    requireSameLog(table.identity, now);
    if (table.identity === undefined) {
      await table.adopt({ ...now, applyVersion: APPLY_VERSION });
      entries.adopted();
    }
    marks.setRetention(description.deleteRetentionMs);
    guard.uncleanElection = description.uncleanElection !== false;
    return onLog(description);
  }

  /** @param doubts of the guard, as of before the log was checked */
  async #follow(reader: WalReader, doubts: number, signal: AbortSignal): Promise<void> {
    const { clock, freshness, table, guard } = this.#options;
    const startedAt = clock.monotonic();
    const size = new BatchSize();
    let sure = doubts;
    /** Read while the batch before it is stored; as sure as that one. */
    let ahead: Promise<ReadBatch> | undefined;
    await this.#settle(signal);
    while (!signal.aborted) {
      if (guard.doubts !== sure && freshness.identityConfirmed) {
        // Before anything is awaited: a doubt that comes up meanwhile is not settled.
        sure = guard.doubts;
        await ahead;
        ahead = undefined;
        await this.#rewind(reader);
      }
      const batch = await (ahead ?? reader.next(size.max));
      ahead = undefined;
      size.learn(batch.records);
      guard.requireSame();
      if (batch.records.length > 0 || batch.reached.length > 0) {
        await guard.untilSame(signal);
        if (batch.records.length > 0 && !signal.aborted) {
          ahead = reader.next(size.max);
          // Its failure is met where it is awaited, and by nobody once the session has ended.
          ahead.catch(() => {});
        }
        await this.#apply(batch, sure, signal);
        await this.#settle(signal);
      }
      const now = clock.monotonic();
      if (this.#storageWorks && now - startedAt > STALL_MS && this.#stalls.stalled(now)) {
        throw new Error('the reader delivers nothing although the log has more');
      }
      await this.#absence.step();
      const shorter =
        this.#recovery.outOfReach(freshness) ??
        table.states().findIndex((_, partition) => freshness.beyond(partition));
      if (shorter >= 0) throw new Error(`the log of partition ${shorter} has become shorter`);
      this.#publishForOperators();
    }
  }

  /** What the reader has at hand may be gone from the log since: it reads on from what is applied. */
  async #rewind(reader: WalReader): Promise<void> {
    for (const [partition, state] of this.#options.table.states().entries()) {
      await reader.seek(partition, filling(state).position);
    }
  }

  /**
   * Applies a batch, again and again where storage fails: the position never passes what is not
   * stored. A batch that was read before the newest doubt is left: it will be read again.
   */
  async #apply(batch: ReadBatch, sure: number, signal: AbortSignal): Promise<void> {
    const { clock, logger, guard } = this.#options;
    let retryMs = RETRY_FIRST_MS;
    while (!signal.aborted && guard.doubts === sure) {
      try {
        await guard.committing(() => this.#committer.commit(batch));
        // What stood still meanwhile was not the reader's fault.
        if (!this.#storageWorks) this.observe();
        this.#storageWorks = true;
        this.#options.warn('storage', undefined);
        return;
      } catch (error) {
        this.#storageWorks = false;
        logger.error({ reason: messageOf(error), retryMs }, 'storage failed, nothing is applied');
        this.#options.warn('storage', `storage failed: ${messageOf(error)}`);
        await sleep(clock, retryMs, signal);
        retryMs = Math.min(retryMs * 2, STORAGE_RETRY_MAX_MS);
        guard.noteSilence();
      }
    }
  }

  /** Partitions that have met the end seen at the session's start: recovered, a rebuild switched. */
  async #settle(signal: AbortSignal): Promise<void> {
    const { table, wal, guard, freshness, patchy, state, entries, logger, ownWrites } =
      this.#options;
    for (const partition of this.#recovery.arrived(table)) {
      if (table.state(partition).next !== undefined) {
        await guard.untilSame(signal);
        if (signal.aborted) return;
        // A topic that was made again is read on without a word: then the former state stays.
        await this.#requireStillOurs();
        const file = await finishRebuild(table, partition, {
          lostFrom: await lostFrom(wal, partition, table.state(partition).active),
          saveLost: this.#options.saveLost,
        });
        // Before anything that may fail: the cache holds what the old generation had.
        entries.switched();
        ownWrites.applied(partition, table.state(partition).active.position);
        this.#absence.rebuilt(partition);
        if (table.state(partition).active.patchy) patchy.add(partition);
        else patchy.mended(partition);
        logger.warn({ partition, lostEntries: file ?? 'none' }, 'rebuilt');
        this.#publishVisible();
        // What cannot be cleared now is cleared at the next start.
        await table
          .clearUnused(partition)
          .catch((error) =>
            logger.warn({ partition, reason: messageOf(error) }, 'former entries are left behind'),
          );
      }
      const { active } = table.state(partition);
      if (!active.recovered) {
        const recovered = withFilling(table.state(partition), { ...active, recovered: true });
        await table.commit([{ partition, state: recovered, ops: [] }]);
      }
      freshness.setRecovered(partition, true);
    }
    const isKnown = state.state === 'running' || state.state === 'stopping';
    if (this.#recovery.done && !isKnown) {
      this.#recovery.end();
      this.#everRecovered = true;
      state.set('running');
    }
  }

  /** The positions as readers see them: 0 while what they read comes from before a rebuild. */
  #publishVisible(): void {
    const { table, positions, freshness } = this.#options;
    const visible = table.states().map(({ active, next }, partition) => {
      if (next !== undefined) freshness.setRecovered(partition, false);
      return next === undefined ? active.position : 0;
    });
    positions.reset(visible);
  }

  #publishForOperators(): void {
    const { clock, wal, table } = this.#options;
    const now = clock.monotonic();
    if (now - this.#publishedAt < POSITIONS_PUBLISHED_EVERY_MS) return;
    this.#publishedAt = now;
    wal.publishPositions(table.states().map((each) => filling(each).position));
  }
}
