/** Time and timers as the core sees them, so that a simulator can be the time. */
export interface Clock {
  /** Wall time, ms since 1970. For people and for ages across restarts, never for order. */
  now(): number;
  /** Monotonic time in ms, with fractions. For every duration inside this process. */
  monotonic(): number;
  /** Calls back once after `ms`; the returned function cancels. Keeps no process alive. */
  after(ms: number, callback: () => void): () => void;
}

/** Resolves after `ms`, or at once when the signal aborts: the caller looks at the signal. */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = () => {
      cancel();
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const cancel = clock.after(ms, done);
    signal?.addEventListener('abort', done, { once: true });
  });
}
