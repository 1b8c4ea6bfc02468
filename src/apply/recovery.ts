import type { Clock } from '../clock.ts';
import type { Logger } from '../logger.ts';
import type { Freshness } from '../progress/freshness.ts';
import { filling } from '../table/partition-state.ts';
import type { Table } from '../table/table.ts';

/** `recovery` of `/status`: offsets, not records, since compaction leaves holes. */
export interface RecoveryProgress {
  readonly done: number;
  readonly total: number;
  readonly perSecond: number;
  readonly secondsLeft: number | null;
}

const LOGGED_EVERY_MS = 2_000;

/** The way from the positions at a session's start to the ends seen then. */
export class Recovery {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #waiting = new Set<number>();
  #ends: readonly number[] = [];
  #total = 0;
  #done = 0;
  #startedAt = 0;
  #loggedAt = 0;

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
  }

  begin(starts: readonly number[], ends: readonly number[]): void {
    this.#ends = ends;
    this.#waiting.clear();
    for (const partition of starts.keys()) this.#waiting.add(partition);
    this.#total = ends.reduce((sum, end, p) => sum + Math.max(0, end - (starts[p] ?? 0)), 0);
    this.#done = 0;
    this.#startedAt = this.#clock.monotonic();
    this.#loggedAt = this.#startedAt;
  }

  /** A partition whose end the log no longer has, as it told when asked since the start. */
  outOfReach(freshness: Freshness): number | undefined {
    if (freshness.toldAskedAt < this.#startedAt) return undefined;
    for (const partition of this.#waiting) {
      const end = freshness.readable(partition);
      if (end !== null && end < (this.#ends[partition] ?? 0)) return partition;
    }
    return undefined;
  }

  /** Every partition has met its end. */
  get done(): boolean {
    return this.#waiting.size === 0;
  }

  /** The partitions that have met their end since the last call. */
  arrived(table: Table): number[] {
    if (this.#waiting.size === 0) return [];
    const arrived: number[] = [];
    let left = 0;
    for (const partition of this.#waiting) {
      const missing = (this.#ends[partition] ?? 0) - filling(table.state(partition)).position;
      if (missing <= 0) arrived.push(partition);
      else left += missing;
    }
    for (const partition of arrived) this.#waiting.delete(partition);
    this.#done = this.#total - left;
    this.#log();
    return arrived;
  }

  progress(): RecoveryProgress | undefined {
    if (this.#waiting.size === 0) return undefined;
    const seconds = (this.#clock.monotonic() - this.#startedAt) / 1_000;
    const perSecond = seconds > 0 ? Math.round(this.#done / seconds) : 0;
    return {
      done: this.#done,
      total: this.#total,
      perSecond,
      secondsLeft: perSecond > 0 ? Math.ceil((this.#total - this.#done) / perSecond) : null,
    };
  }

  end(): void {
    const seconds = (this.#clock.monotonic() - this.#startedAt) / 1_000;
    this.#logger.info({ records: this.#total, seconds: Number(seconds.toFixed(3)) }, 'recovered');
  }

  #log(): void {
    const now = this.#clock.monotonic();
    if (now - this.#loggedAt < LOGGED_EVERY_MS || this.#waiting.size === 0) return;
    this.#loggedAt = now;
    this.#logger.info({ ...this.progress() }, 'recovering');
  }
}
