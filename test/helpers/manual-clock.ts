import type { Clock } from '../../src/clock.ts';

interface Timer {
  readonly at: number;
  readonly callback: () => void;
}

/** Time that moves only when told to. Timers run inside `advance`, in the order of their times. */
export class ManualClock implements Clock {
  readonly #epochMs: number;
  #ms = 0;
  #timers: Timer[] = [];

  constructor(epochMs = Date.UTC(2026, 0, 1)) {
    this.#epochMs = epochMs;
  }

  now(): number {
    return this.#epochMs + this.#ms;
  }

  monotonic(): number {
    return this.#ms;
  }

  /** Timers that wait. */
  get waiting(): number {
    return this.#timers.length;
  }

  after(ms: number, callback: () => void): () => void {
    const timer = { at: this.#ms + Math.max(0, ms), callback };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((each) => each !== timer);
    };
  }

  advance(ms: number): void {
    const until = this.#ms + ms;
    for (let next = this.#next(until); next !== undefined; next = this.#next(until)) {
      this.#ms = next.at;
      next.callback();
    }
    this.#ms = until;
  }

  #next(until: number): Timer | undefined {
    let next: Timer | undefined;
    for (const each of this.#timers) {
      if (each.at <= until && (next === undefined || each.at < next.at)) next = each;
    }
    this.#timers = this.#timers.filter((each) => each !== next);
    return next;
  }
}
