import type { Clock } from '../clock.ts';

/** What counts where the topic's setting cannot be read: Kafka's default. */
const RETENTION_UNKNOWN_MS = 24 * 60 * 60 * 1_000;
/** Shorter settings count as this: a busy node that was never away is late by parts of a second. */
const RETENTION_MS_MIN = 1_000;
/** How far wall clocks may be off, or be set back, without harm; a tenth of the retention at most. */
const CLOCK_ERROR_MS_MAX = 60_000;
const MARKED_EVERY_MS_MAX = 60_000;

interface Mark {
  /** The moment up to which nothing was missed; monotonic and wall ms. */
  readonly mono: number;
  readonly wall: number;
}

/** An end of a partition that the log told, not reached yet. */
interface Target {
  readonly askedAt: number;
  readonly end: number;
}

interface Filling {
  mark: Mark;
  target: Target | undefined;
  /** Judged when it has caught up, not before: a filling that is begun again and again never ends. */
  begunHere: boolean;
  /** Fillings in a row that took longer than the log keeps null tombstones. */
  overruns: number;
}

/**
 * The last moment at which each partition was known to be caught up, against the time for which the
 * log keeps null tombstones: whoever catches up later than that may have missed some, and is away.
 * Deletes of our own are markers that stay.
 */
export class FreshMarks {
  readonly #clock: Clock;
  readonly #fillings: Filling[] = [];
  readonly #away = new Set<number>();
  readonly #overran = new Map<number, number>();
  #retentionMs = RETENTION_UNKNOWN_MS;

  /** @param stored the wall times (ms) that lie beside the data, 0 where there never was one; index = partition */
  constructor(clock: Clock, stored: readonly number[]) {
    this.#clock = clock;
    for (const [partition, wall] of stored.entries()) {
      this.#fillings[partition] = { ...filling(this.#since(wall)), begunHere: false };
    }
  }

  /** The topic's `delete.retention.ms`, undefined where it could not be read. */
  setRetention(ms: number = RETENTION_UNKNOWN_MS): void {
    this.#retentionMs = Math.max(ms, RETENTION_MS_MIN);
  }

  get retentionMs(): number {
    return this.#retentionMs;
  }

  /** Marks are to be written at least so often. */
  get markedEveryMs(): number {
    return Math.min(MARKED_EVERY_MS_MAX, this.#limitMs / 4);
  }

  get #clockErrorMs(): number {
    return Math.min(CLOCK_ERROR_MS_MAX, this.#retentionMs / 10);
  }

  get #limitMs(): number {
    return this.#retentionMs - this.#clockErrorMs;
  }

  /** A partition is filled from the start of the log from now on, or is still without any record. */
  begin(partition: number): void {
    const overruns = this.#fillings[partition]?.overruns ?? 0;
    this.#fillings[partition] = { ...filling(this.#ago(0)), overruns };
    this.#away.delete(partition);
    this.#overran.delete(partition);
  }

  /** Partitions that are taken as they are although their filling took too long, and how long (ms). */
  get overran(): ReadonlyMap<number, number> {
    return this.#overran;
  }

  /** The mark of a partition as wall time, to be stored; 0 where there is none. */
  freshAt(partition: number): number {
    const wall = this.#fillings[partition]?.mark.wall ?? 0;
    return Number.isFinite(wall) ? Math.max(0, Math.round(wall)) : 0;
  }

  /** How long ago a partition was last known to be caught up, ms. Infinity where no clock can tell. */
  ageMs(partition: number): number {
    const each = this.#fillings[partition];
    if (each === undefined) return Number.POSITIVE_INFINITY;
    const { mono, wall } = each.mark;
    // The monotonic clock may stand still while a machine sleeps, the wall clock may be set back.
    return Math.max(this.#clock.monotonic() - mono, this.#clock.now() - wall);
  }

  /** Whether null tombstones may have been missed: nothing of the partition is fresh until it is filled anew. */
  away(partition: number): boolean {
    return this.#away.has(partition);
  }

  get anyAway(): boolean {
    return this.#away.size > 0;
  }

  /** Looks whether a partition that was filled before has been left alone for too long. */
  judge(partition: number): boolean {
    const each = this.#fillings[partition];
    if (each !== undefined && !each.begunHere && this.ageMs(partition) > this.#limitMs) {
      this.#away.add(partition);
    }
    return this.#away.has(partition);
  }

  /** The log told an end of a partition, asked for at `askedAt` (monotonic ms). */
  told(partition: number, askedAt: number, end: number): void {
    const each = this.#fillings[partition];
    if (each !== undefined) each.target ??= { askedAt, end };
  }

  /** What was told so far no longer counts. */
  forgetTold(): void {
    for (const each of this.#fillings) each.target = undefined;
  }

  /** The position of a partition has come to this: where it meets an end that was told, it has caught up. */
  advanced(partition: number, position: number): void {
    const each = this.#fillings[partition];
    if (each?.target === undefined || position < each.target.end) return;
    const { askedAt } = each.target;
    each.target = undefined;
    if (this.#away.has(partition)) return;
    const age = this.ageMs(partition);
    const late = age > this.#limitMs;
    if (late && ++each.overruns < OVERRUNS_MAX) {
      this.#away.add(partition);
      return;
    }
    if (late) this.#overran.set(partition, age);
    const ago = late ? 0 : this.#clock.monotonic() - askedAt;
    each.mark = this.#ago(ago);
    each.begunHere = false;
    each.overruns = 0;
  }

  #ago(ms: number): Mark {
    return { mono: this.#clock.monotonic() - ms, wall: this.#clock.now() - ms };
  }

  #since(wall: number): Mark {
    const ago = this.#clock.now() - wall;
    const known = wall > 0 && ago >= -CLOCK_ERROR_MS_MAX;
    const mono = known ? this.#clock.monotonic() - Math.max(0, ago) : Number.NEGATIVE_INFINITY;
    return { mono, wall: known ? wall : Number.NEGATIVE_INFINITY };
  }
}

/** After so many fillings in a row that took too long, the last one is taken: no other will be quicker. */
const OVERRUNS_MAX = 3;

function filling(mark: Mark): Filling {
  return { mark, target: undefined, begunHere: true, overruns: 0 };
}
