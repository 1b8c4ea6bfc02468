import type { Clock } from '../clock.ts';
import type { FreshMarks } from './fresh-marks.ts';
import type { Patchy } from './patchy.ts';
import type { Positions } from './positions.ts';

interface PartitionFreshness {
  /** Ends that the log told and that are not reached yet, in the order of asking. */
  pending: { readonly askedAt: number; readonly end: number }[];
  /** When the log was asked for the newest end that was reached; monotonic ms. */
  reachedAskedAt: number;
  /** The newest end told. */
  end: number | undefined;
  /** How far readers get, as told last. */
  readable: number | undefined;
  /** The log said that it is shorter than what was already applied when it was asked. */
  beyond: boolean;
}

export interface FreshnessParts {
  readonly positions: Positions;
  readonly marks: FreshMarks;
  /** Told of partitions that have become fresh. */
  readonly patchy: Patchy;
}

/**
 * Whether a partition is fresh (contract §3): recovered, not away for too long before, the log's
 * identity confirmed, and the position has reached an end that the log was asked for at most
 * `staleAfterMs` ago.
 */
export class Freshness {
  readonly #clock: Clock;
  readonly #staleAfterMs: number;
  readonly #positions: Positions;
  readonly #marks: FreshMarks;
  readonly #patchy: Patchy;
  #partitions: PartitionFreshness[] = [];
  readonly #recovered = new Set<number>();
  #identityConfirmed = false;
  /** When the confirmation in force was given: a question sent before it may have met another log. */
  #confirmedAt = Number.POSITIVE_INFINITY;
  #logChanges = 0;
  readonly #waitingForIdentity = new Set<() => void>();
  #toldAskedAt = Number.NEGATIVE_INFINITY;
  /** As above, of the newest answer that counts: given by a log whose identity was confirmed before. */
  #countedAskedAt = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, staleAfterMs: number, { positions, marks, patchy }: FreshnessParts) {
    this.#clock = clock;
    this.#staleAfterMs = staleAfterMs;
    this.#positions = positions;
    this.#marks = marks;
    this.#patchy = patchy;
  }

  /** While false, nothing is fresh and no write may be taken. */
  get identityConfirmed(): boolean {
    return this.#identityConfirmed;
  }

  /** The log is known to be ours. */
  confirmIdentity(): void {
    if (this.#identityConfirmed) return;
    this.#identityConfirmed = true;
    this.#confirmedAt = this.#clock.monotonic();
    for (const wake of [...this.#waitingForIdentity]) wake();
  }

  /** Resolves with true once the identity is confirmed, with false after `ms`. */
  identityWithin(ms: number): Promise<boolean> {
    if (this.#identityConfirmed) return Promise.resolve(true);
    return new Promise((resolve) => {
      const settle = () => {
        cancel();
        this.#waitingForIdentity.delete(settle);
        resolve(this.#identityConfirmed);
      };
      const cancel = this.#clock.after(ms, settle);
      this.#waitingForIdentity.add(settle);
    });
  }

  /** Contact was lost or a doubt came up: what was told so far no longer counts. */
  doubtIdentity(): void {
    this.#identityConfirmed = false;
    this.#countedAskedAt = Number.NEGATIVE_INFINITY;
    this.#marks.forgetTold();
    for (const each of this.#partitions) {
      each.pending = [];
      each.reachedAskedAt = Number.NEGATIVE_INFINITY;
      each.beyond = false;
    }
  }

  /** The log was found to be another one, or not to hold what it held: a doubt that came true. */
  logChanged(): void {
    this.#logChanges++;
    this.doubtIdentity();
  }

  /** How often the log changed: what was acknowledged before a change may be gone with it. */
  get logChanges(): number {
    return this.#logChanges;
  }

  /** Whether a partition's visible entries have met an end of this log in this run. */
  setRecovered(partition: number, recovered: boolean): void {
    if (recovered) this.#recovered.add(partition);
    else this.#recovered.delete(partition);
    this.#mend(partition);
  }

  recovered(partition: number): boolean {
    return this.#recovered.has(partition);
  }

  fresh(partition: number): boolean {
    const each = this.#partitions[partition];
    return (
      each !== undefined &&
      this.#identityConfirmed &&
      !each.beyond &&
      this.#recovered.has(partition) &&
      !this.#marks.away(partition) &&
      this.#clock.monotonic() - each.reachedAskedAt <= this.#staleAfterMs
    );
  }

  /** When the question was sent whose answer is the newest told; monotonic ms. */
  get toldAskedAt(): number {
    return this.#toldAskedAt;
  }

  /** Whether asking the log now could make a partition fresh: nobody has asked lately. */
  worthAsking(partition: number): boolean {
    return (
      this.#identityConfirmed &&
      this.#recovered.has(partition) &&
      this.#clock.monotonic() - this.#countedAskedAt > this.#staleAfterMs
    );
  }

  /** The newest end that the log told, null as long as none is known. */
  end(partition: number): number | null {
    return this.#partitions[partition]?.end ?? null;
  }

  /** How far readers get, as the log told last: short of the end behind an open transaction. */
  readable(partition: number): number | null {
    return this.#partitions[partition]?.readable ?? null;
  }

  /** The log told a shorter end than what was applied when it was asked. */
  beyond(partition: number): boolean {
    return this.#partitions[partition]?.beyond ?? false;
  }

  /**
   * The log's answer to a question for its ends, and for how far readers get. Whoever waits for a
   * transaction to end misses no delete, and is not fresh: acknowledged writes may lie behind it.
   * @param askedAt monotonic ms, before the question was sent
   * @param positionsThen the positions at that moment
   */
  told(
    askedAt: number,
    { ends, readable }: { readonly ends: readonly number[]; readonly readable: readonly number[] },
    positionsThen: readonly number[],
  ): void {
    this.#toldAskedAt = Math.max(this.#toldAskedAt, askedAt);
    const counts = this.#identityConfirmed && askedAt >= this.#confirmedAt;
    if (counts) this.#countedAskedAt = Math.max(this.#countedAskedAt, askedAt);
    for (const [partition, end] of ends.entries()) {
      this.#partitions[partition] ??= {
        pending: [],
        reachedAskedAt: Number.NEGATIVE_INFINITY,
        end: undefined,
        readable: undefined,
        beyond: false,
      };
      const each = this.#partitions[partition];
      each.end = end;
      each.readable = readable[partition] ?? end;
      if (!counts) continue;
      each.beyond = (positionsThen[partition] ?? 0) > each.readable;
      if (!each.beyond) this.#marks.told(partition, askedAt, each.readable);
      this.#marks.advanced(partition, this.#positions.get(partition));
      if (this.#positions.get(partition) >= end) {
        each.reachedAskedAt = Math.max(each.reachedAskedAt, askedAt);
        each.pending = [];
      } else {
        each.pending.push({ askedAt, end });
        if (each.pending.length > PENDING_MAX) each.pending.shift();
      }
      this.#mend(partition);
    }
  }

  /** The position of a partition has moved on. */
  advanced(partition: number, position: number): void {
    this.#marks.advanced(partition, position);
    const each = this.#partitions[partition];
    if (each === undefined) return;
    let reached = 0;
    for (const { askedAt, end } of each.pending) {
      if (end > position) break;
      each.reachedAskedAt = Math.max(each.reachedAskedAt, askedAt);
      reached++;
    }
    if (reached > 0) each.pending.splice(0, reached);
    this.#mend(partition);
  }

  #mend(partition: number): void {
    if (this.#patchy.has(partition) && this.fresh(partition)) this.#patchy.mended(partition);
  }
}

/** Ends older than these many questions cannot make a partition fresh any more. */
const PENDING_MAX = 16;
