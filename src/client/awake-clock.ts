import type { Clock } from '../clock.ts';
import { systemClock } from '../system-clock.ts';

/** The machine's clock for those who wait for an answer: its timers keep the process alive. */
export const awakeClock: Clock = {
  now: () => systemClock.now(),
  monotonic: () => systemClock.monotonic(),
  after(ms, callback) {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
};
