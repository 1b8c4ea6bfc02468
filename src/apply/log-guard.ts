import { inTurns } from '../async.ts';
import { type Clock, sleep } from '../clock.ts';
import { LogUnavailableError, messageOf } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { Freshness } from '../progress/freshness.ts';
import type { OwnWrites } from '../progress/own-writes.ts';
import type { Table } from '../table/table.ts';
import type { PartitionBounds, Wal } from '../wal/wal.ts';
import { checkLog, requireSameLog } from './log-check.ts';

export interface LogGuardOptions {
  readonly wal: Wal;
  readonly table: Table;
  readonly codecName: string;
  readonly freshness: Freshness;
  readonly ownWrites: OwnWrites;
  readonly clock: Clock;
  readonly logger: Logger;
}

const CHECKED_EVERY_MS = 10_000;
const DOUBT_RETRY_MS = 200;
/** Nothing heard for so long counts as a loss of contact, and so does our own sleep. */
const SILENCE_MS = 500;
const BEAT_MS = 100;

/**
 * Watches, while the node follows the log, that it is still the same one: at intervals, and at once
 * after any loss of contact or hint. Until the log has answered that it is, no read is final and no
 * write is acknowledged.
 */
export class LogGuard {
  readonly #options: LogGuardOptions;
  /** Whether a session follows a log that was found to be ours. */
  #following = false;
  #failure: unknown;
  /** Whether the log may have lost acknowledged records whenever contact was lost. */
  uncleanElection = false;
  #doubts = 0;
  /** A batch is being stored: what it makes of the state is not known yet. */
  #committing = false;
  #wake: AbortController | undefined;
  #heardAt = 0;
  /** When this process was last known to run: monotonic ms, and wall ms for the sleep of a machine. */
  #awakeAt: number;
  #awakeWall: number;

  constructor(options: LogGuardOptions) {
    this.#options = options;
    this.#awakeAt = options.clock.monotonic();
    this.#awakeWall = options.clock.now();
    options.wal.events = {
      ...options.wal.events,
      contact: (connected) => (connected ? this.#hurry() : this.#doubt('contact was lost')),
      identityDoubt: (why) => this.#doubt(why),
    };
  }

  /** Whether the log, asked now, is the one that the state comes from; false where it does not answer. */
  readonly sameNow: () => Promise<boolean> = inTurns(async () => {
    const { wal, table, codecName } = this.#options;
    try {
      requireSameLog(table.identity, { ...(await wal.identity()), codec: codecName });
      return true;
    } catch {
      return false;
    }
  });

  /** The log has answered a question that was sent at `askedAt` (monotonic ms). */
  heard(askedAt: number): void {
    this.noteSilence();
    if (this.#following && askedAt - this.#heardAt > SILENCE_MS) {
      this.#doubt('nothing was heard of it');
    }
    this.#heardAt = this.#options.clock.monotonic();
  }

  /**
   * Doubts a log that nothing was heard of for long, and any log after a sleep of ours: to be called
   * before what came from it counts.
   */
  readonly noteSilence: () => void = () => {
    const { clock } = this.#options;
    const [now, wall] = [clock.monotonic(), clock.now()];
    const slept = Math.max(now - this.#awakeAt, wall - this.#awakeWall) > SILENCE_MS;
    this.#awakeAt = now;
    this.#awakeWall = wall;
    if (slept) this.#doubt('this process stood still');
  };

  #beat(signal: AbortSignal): void {
    if (signal.aborted) return;
    this.noteSilence();
    this.#options.clock.after(BEAT_MS, () => this.#beat(signal));
  }

  /** How often a doubt came up. What was read before one may be gone from the log when it is settled. */
  get doubts(): number {
    return this.#doubts;
  }

  /**
   * A session has checked the log and follows it from now on.
   * @param doubts as of before the check
   */
  follow(doubts: number): void {
    this.noteSilence();
    this.#heardAt = this.#options.clock.monotonic();
    this.#following = true;
    this.#failure = undefined;
    if (doubts === this.#doubts) this.#options.freshness.confirmIdentity();
    else this.#hurry();
  }

  /** Stores a batch that was read; no doubt is settled meanwhile. */
  async committing<T>(commit: () => Promise<T>): Promise<T> {
    this.#committing = true;
    try {
      return await commit();
    } finally {
      this.#committing = false;
    }
  }

  /** Writes that the log acknowledged before `askedAt` and does not hold any more: nobody waits for them. */
  shortened(bounds: readonly PartitionBounds[], askedAt: number): void {
    for (const [partition, { end }] of bounds.entries()) {
      const lost = this.#options.ownWrites.shortened(partition, end, askedAt);
      if (lost > 0) this.#options.logger.warn({ partition, end, lost }, 'acknowledged writes lost');
    }
  }

  /** The session has ended: only the next one confirms. */
  leave(): void {
    this.#following = false;
    this.#options.freshness.doubtIdentity();
  }

  /** @throws what a check found since `follow`: the session must end and meet the log anew. */
  requireSame(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  /**
   * Resolves once the log is known to be the same: what was read while that was in doubt may be
   * another log's, and must not be applied before. @throws as `requireSame`
   */
  async untilSame(signal: AbortSignal): Promise<void> {
    const { freshness, clock } = this.#options;
    this.noteSilence();
    if (clock.monotonic() - this.#heardAt > SILENCE_MS) this.#doubt('nothing was heard of it');
    this.requireSame();
    while (!freshness.identityConfirmed && !signal.aborted) {
      await freshness.identityWithin(DOUBT_RETRY_MS);
      this.requireSame();
    }
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, freshness } = this.#options;
    const stop = () => this.#hurry();
    this.#beat(signal);
    signal.addEventListener('abort', stop);
    while (!signal.aborted) {
      const doubted = this.#following && !freshness.identityConfirmed;
      this.#wake = new AbortController();
      await sleep(clock, doubted ? DOUBT_RETRY_MS : CHECKED_EVERY_MS, this.#wake.signal);
      if (this.#following && this.#failure === undefined && !signal.aborted) await this.#check();
    }
    signal.removeEventListener('abort', stop);
  }

  async #check(): Promise<void> {
    const { wal, table, codecName, freshness, clock, logger } = this.#options;
    const doubted = !freshness.identityConfirmed;
    if (this.#committing && doubted) return;
    const doubts = this.#doubts;
    const askedAt = clock.monotonic();
    try {
      requireSameLog(table.identity, { ...(await wal.identity()), codec: codecName });
      const { plans, bounds } = await checkLog(table, wal, this.uncleanElection && doubted);
      const changed = plans.find(({ kind }) => kind === 'rebuild');
      if (changed?.kind === 'rebuild') throw new Error(changed.reason);
      this.shortened(bounds, askedAt);
      this.noteSilence();
      if (!this.#following || !doubted || doubts !== this.#doubts) return;
      // Whoever asks next must not find the silence that this check has ended.
      this.#heardAt = clock.monotonic();
      freshness.confirmIdentity();
    } catch (error) {
      if (error instanceof LogUnavailableError) return;
      freshness.logChanged();
      this.#failure = error;
      logger.warn({ reason: messageOf(error) }, 'the log is not what it was');
    }
  }

  #doubt(why: string): void {
    const { freshness, logger } = this.#options;
    if (freshness.identityConfirmed) logger.info({ why }, 'identity of the log in doubt');
    this.#doubts++;
    freshness.doubtIdentity();
    this.#hurry();
  }

  #hurry(): void {
    this.#wake?.abort();
  }
}
