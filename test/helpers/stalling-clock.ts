import { ManualClock } from './manual-clock.ts';

/** Time can pass in which no timer runs, as when something blocks the event loop. */
export class StallingClock extends ManualClock {
  stallMs = 0;

  override now(): number {
    return super.now() + this.stallMs;
  }

  override monotonic(): number {
    return super.monotonic() + this.stallMs;
  }
}
