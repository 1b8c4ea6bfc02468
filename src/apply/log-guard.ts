import { inTurns } from '../async.ts';
import { type Clock, sleep } from '../clock.ts';
import { LogUnavailableError, messageOf } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { Freshness } from '../progress/freshness.ts';
import type { Table } from '../table/table.ts';
import type { Wal } from '../wal/wal.ts';
import { checkLog, requireSameLog } from './log-check.ts';

export interface LogGuardOptions {
  readonly wal: Wal;
  readonly table: Table;
  readonly codecName: string;
  readonly freshness: Freshness;
  readonly clock: Clock;
  readonly logger: Logger;
}

const CHECKED_EVERY_MS = 10_000;
const DOUBT_RETRY_MS = 200;
/** Nothing heard for so long counts as a loss of contact, also when it was us who slept. */
const SILENCE_MS = 500;

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
  #wake: AbortController | undefined;
  #heardAt = 0;

  constructor(options: LogGuardOptions) {
    this.#options = options;
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
    this.#noteSilence(askedAt);
    this.#heardAt = this.#options.clock.monotonic();
  }

  #noteSilence(now: number): void {
    if (this.#following && now - this.#heardAt > SILENCE_MS) this.#doubt('nothing was heard of it');
  }

  /** A session has checked the log and follows it from now on. */
  follow(): void {
    this.#heardAt = this.#options.clock.monotonic();
    this.#following = true;
    this.#failure = undefined;
    this.#options.freshness.confirmIdentity();
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
    this.#noteSilence(clock.monotonic());
    this.requireSame();
    while (!freshness.identityConfirmed && !signal.aborted) {
      await freshness.identityWithin(DOUBT_RETRY_MS);
      this.requireSame();
    }
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, freshness } = this.#options;
    const stop = () => this.#hurry();
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
    const { wal, table, codecName, freshness, logger } = this.#options;
    try {
      requireSameLog(table.identity, { ...(await wal.identity()), codec: codecName });
      const { plans } = await checkLog(table, wal);
      const changed = plans.find(({ kind }) => kind === 'rebuild');
      if (changed?.kind === 'rebuild') throw new Error(changed.reason);
      if (this.#following) freshness.confirmIdentity();
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
    freshness.doubtIdentity();
    this.#hurry();
  }

  #hurry(): void {
    this.#wake?.abort();
  }
}
