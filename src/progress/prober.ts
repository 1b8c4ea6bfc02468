import { inTurns } from '../async.ts';
import { type Clock, sleep } from '../clock.ts';
import type { Wal } from '../wal/wal.ts';
import type { Freshness } from './freshness.ts';
import type { Positions } from './positions.ts';

export interface ProberOptions {
  readonly wal: Wal;
  readonly positions: Positions;
  readonly freshness: Freshness;
  readonly clock: Clock;
  readonly staleAfterMs: number;
  /** The log has answered what was asked at this moment (monotonic ms): told before anything else. */
  readonly onAnswer: (askedAt: number) => void;
  /** After every question, answered or not. */
  readonly onAsked: () => void;
}

/** Asked at least so often, however old an answer may be: silence is how a loss of contact shows. */
const INTERVAL_MS_MAX = 250;

/** Asks the log for its ends, over and over, so that freshness can be told without waiting. */
export class Prober {
  readonly #options: ProberOptions;

  constructor(options: ProberOptions) {
    this.#options = options;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, staleAfterMs } = this.#options;
    while (!signal.aborted) {
      const answered = await this.ask();
      const interval = answered ? staleAfterMs / 2 : INTERVAL_MS_MAX;
      await sleep(clock, Math.min(interval, INTERVAL_MS_MAX), signal);
    }
  }

  /** Asks; the question is sent after the call. Resolves with whether the log answered. */
  readonly ask: () => Promise<boolean> = inTurns(() => this.#ask());

  async #ask(): Promise<boolean> {
    const { wal, positions, freshness, clock, onAnswer, onAsked } = this.#options;
    const askedAt = clock.monotonic();
    const positionsThen = [...positions.all()];
    try {
      const [ends, readable] = await Promise.all([wal.ends(), wal.readableEnds()]);
      onAnswer(askedAt);
      freshness.told(askedAt, { ends, readable }, positionsThen);
      return true;
    } catch {
      return false;
    } finally {
      onAsked();
    }
  }
}
