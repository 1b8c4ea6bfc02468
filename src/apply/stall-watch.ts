/** The log has more than was applied, and nothing was applied for so long. */
export const STALL_MS = 10_000;
/** As many readers in a row get to go on from one position. */
const READERS_MAX = 2;

interface Seen {
  readonly position: number;
  /** Since when the log has had more without a step forward; undefined: it has no more. */
  readonly behindSince: number | undefined;
}

/**
 * Notices partitions whose log has more to read than is applied and that make no step forward. What
 * waits behind an open transaction is not to be read yet: a foreign producer stops no node.
 */
export class StallWatch {
  #seen: readonly Seen[] = [];
  #movedAt = Number.NEGATIVE_INFINITY;
  /** Where partitions stood that the latest readers did not move, and how many those were. */
  #givenUp = new Map<number, { readonly position: number; readonly readers: number }>();

  /**
   * What the log and the table say now; while the log does not answer nothing can be told.
   * @param now monotonic ms
   * @param partitions position of each, and how far its reader can get as far as is known
   */
  observe(
    now: number,
    answering: boolean,
    partitions: readonly { readonly position: number; readonly end: number | null }[],
  ): void {
    this.#seen = partitions.map(({ position, end }, partition) => {
      const former = this.#seen[partition];
      const moved = former !== undefined && former.position !== position;
      if (moved) this.#movedAt = now;
      const behind = answering && (end ?? 0) > position;
      const since = moved ? now : (former?.behindSince ?? now);
      return { position, behindSince: behind ? since : undefined };
    });
  }

  /** Whether nothing at all was applied although the log has more: the reader is taken for dead. */
  stalled(now: number): boolean {
    return this.stuck(now).length > 0 && now - this.#movedAt > STALL_MS;
  }

  /** Partitions that stand still, also while others move. */
  stuck(now: number): readonly number[] {
    return [...this.#seen.keys()].filter((partition) => {
      const since = this.#seen[partition]?.behindSince;
      return since !== undefined && now - since > STALL_MS;
    });
  }

  /**
   * A reader has ended after a while in which it could have moved.
   * @returns the partitions that nobody seems able to read on from where they are
   */
  giveUp(now: number): ReadonlySet<number> {
    const former = this.#givenUp;
    this.#givenUp = new Map();
    for (const partition of this.stuck(now)) {
      const position = this.#seen[partition]?.position ?? 0;
      const before = former.get(partition);
      const readers = (before?.position === position ? before.readers : 0) + 1;
      this.#givenUp.set(partition, { position, readers });
    }
    const hopeless = [...this.#givenUp].filter(([, { readers }]) => readers >= READERS_MAX);
    return new Set(hopeless.map(([partition]) => partition));
  }
}
