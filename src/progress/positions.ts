import type { Clock } from '../clock.ts';

interface Waiter {
  readonly offset: number;
  readonly settle: (reached: boolean) => void;
}

/**
 * The position of each partition as readers see it (what is committed and in the cache), and those
 * who wait for one.
 */
export class Positions {
  readonly #clock: Clock;
  #positions: number[] = [];
  readonly #waiters = new Map<number, Set<Waiter>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get(partition: number): number {
    return this.#positions[partition] ?? 0;
  }

  all(): readonly number[] {
    return this.#positions;
  }

  /** Sets all positions anew (a start, a switch of generations): they may go back. */
  reset(positions: readonly number[]): void {
    this.#positions = [...positions];
    for (const [partition, position] of positions.entries()) this.#wake(partition, position);
  }

  set(partition: number, position: number): void {
    this.#positions[partition] = position;
    this.#wake(partition, position);
  }

  /** Resolves with true once the position is above `offset`, with false after `ms`. */
  applied(partition: number, offset: number, ms: number): Promise<boolean> {
    if (this.get(partition) > offset) return Promise.resolve(true);
    if (ms <= 0) return Promise.resolve(false);
    return new Promise((resolve) => {
      const waiters = this.#waiters.get(partition) ?? new Set();
      this.#waiters.set(partition, waiters);
      const waiter: Waiter = {
        offset,
        settle: (reached) => {
          cancel();
          waiters.delete(waiter);
          resolve(reached);
        },
      };
      const cancel = this.#clock.after(ms, () => waiter.settle(false));
      waiters.add(waiter);
    });
  }

  #wake(partition: number, position: number): void {
    const waiters = this.#waiters.get(partition);
    if (waiters === undefined || waiters.size === 0) return;
    for (const waiter of [...waiters]) if (waiter.offset < position) waiter.settle(true);
  }
}
