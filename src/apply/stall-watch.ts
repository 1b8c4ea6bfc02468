/** The log has more than was applied, and nothing was applied for so long. */
export const STALL_MS = 10_000;

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
}
