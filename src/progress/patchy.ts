import type { Clock } from '../clock.ts';

/**
 * Partitions that are catching up on a log which was compacted meanwhile: a record that is gone has a
 * successor further on, so what lies below the position is no state that the log ever had, until an end
 * of the log is met. A key may lack what it had, or have what was before it.
 */
export class Patchy {
  readonly #clock: Clock;
  readonly #partitions: Set<number>;
  readonly #waiters = new Map<number, Set<() => void>>();

  /** @param partitions those that were so when the table was stored */
  constructor(clock: Clock, partitions: Iterable<number>) {
    this.#clock = clock;
    this.#partitions = new Set(partitions);
  }

  has(partition: number): boolean {
    return this.#partitions.has(partition);
  }

  add(partition: number): void {
    this.#partitions.add(partition);
  }

  /** The partition is fresh: nothing that was compacted away lacks its successor. */
  mended(partition: number): void {
    if (!this.#partitions.delete(partition)) return;
    for (const wake of [...(this.#waiters.get(partition) ?? [])]) wake();
  }

  /** Resolves with true once the partition is whole, with false after `ms`. */
  mendedWithin(partition: number, ms: number): Promise<boolean> {
    if (!this.has(partition)) return Promise.resolve(true);
    if (ms <= 0) return Promise.resolve(false);
    return new Promise((resolve) => {
      const waiters = this.#waiters.get(partition) ?? new Set();
      this.#waiters.set(partition, waiters);
      const settle = () => {
        cancel();
        waiters.delete(settle);
        resolve(!this.has(partition));
      };
      const cancel = this.#clock.after(ms, settle);
      waiters.add(settle);
    });
  }
}
