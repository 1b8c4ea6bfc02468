export const FAILURES_MAX = 5;
const OPEN_MS_MIN = 1_000;
const OPEN_MS_MAX = 30_000;

/**
 * Keeps a peer that fails from being asked: after some failures in a row for a second, then one
 * trial decides whether for twice as long. Times are monotonic ms, told by the caller.
 */
export class CircuitBreaker {
  #failures = 0;
  #openMs = 0;
  #closedFrom = 0;
  #trial = false;

  /** Asking is off: nothing or one trial goes through. */
  get open(): boolean {
    return this.#openMs > 0;
  }

  allows(now: number): boolean {
    return !this.open || (!this.#trial && now >= this.#closedFrom);
  }

  /** A call begins that was allowed; true where it is the trial. */
  begin(): boolean {
    if (!this.open) return false;
    this.#trial = true;
    return true;
  }

  /** True where that closed the breaker. */
  succeeded(): boolean {
    const wasOpen = this.open;
    this.#failures = 0;
    this.#openMs = 0;
    this.#trial = false;
    return wasOpen;
  }

  /** True where that opened the breaker. Calls that began before it opened change nothing more. */
  failed(now: number, trial: boolean): boolean {
    if (trial) {
      this.#trial = false;
      if (this.open) this.#open(now, this.#openMs * 2);
      return false;
    }
    if (this.open || ++this.#failures < FAILURES_MAX) return false;
    this.#open(now, OPEN_MS_MIN);
    return true;
  }

  #open(now: number, ms: number): void {
    this.#openMs = Math.min(ms, OPEN_MS_MAX);
    this.#closedFrom = now + this.#openMs;
  }
}
