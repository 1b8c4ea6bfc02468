import type { Operation } from './history.ts';

export interface Second {
  reads: number;
  readsOk: number;
  writes: number;
  writesOk: number;
}

/** How many operations went well, second for second of the monotonic clock. */
export class Availability {
  readonly #seconds = new Map<number, Second>();

  add(operations: readonly Operation[]): void {
    for (const { kind, startedAt, outcome, door } of operations) {
      if (door === 'kcat') continue;
      const at = Math.floor(startedAt / 1_000);
      let second = this.#seconds.get(at);
      if (second === undefined) {
        second = { reads: 0, readsOk: 0, writes: 0, writesOk: 0 };
        this.#seconds.set(at, second);
      }
      const ok = outcome === 'ok' ? 1 : 0;
      if (kind === 'get') {
        second.reads++;
        second.readsOk += ok;
      } else {
        second.writes++;
        second.writesOk += ok;
      }
    }
  }

  /** Per second, in order. */
  seconds(): [second: number, Second][] {
    return [...this.#seconds].sort(([a], [b]) => a - b);
  }

  /** Of all operations, or of those that began between two moments (ms). */
  share(from = 0, to = Number.POSITIVE_INFINITY): { reads: number; writes: number } {
    const sum = { reads: 0, readsOk: 0, writes: 0, writesOk: 0 };
    for (const [at, second] of this.#seconds) {
      if (at < Math.floor(from / 1_000) || at > Math.floor(to / 1_000)) continue;
      for (const name of ['reads', 'readsOk', 'writes', 'writesOk'] as const) {
        sum[name] += second[name];
      }
    }
    return {
      reads: sum.reads === 0 ? 1 : sum.readsOk / sum.reads,
      writes: sum.writes === 0 ? 1 : sum.writesOk / sum.writes,
    };
  }

  /** The longest row of seconds in which some were tried and none went well. */
  longestOutage(of: 'reads' | 'writes'): number {
    let longest = 0;
    let row = 0;
    for (const [, second] of this.seconds()) {
      if (second[of] === 0) continue;
      row = second[`${of}Ok`] > 0 ? 0 : row + 1;
      longest = Math.max(longest, row);
    }
    return longest;
  }
}
