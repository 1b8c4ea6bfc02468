import { type Clock, sleep } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { Entries } from './entries.ts';
import type { Table } from './table.ts';

export interface WarmUpOptions {
  readonly table: Table;
  readonly entries: Entries;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The share of its time that it works. */
const SHARE = 0.2;
const REST_MS_MAX = 1_000;
/** After a failure: storage may have been opened anew under the scan, as it is after a full disk. */
const RETRY_MS = 60_000;

/**
 * Brings what storage holds into memory while the node is at work: nobody waits for it, what is not there
 * yet is read from storage. Ends where memory is full, and does not begin where it surely will be: the
 * first scan reads all that storage holds.
 */
export class WarmUp {
  readonly #options: WarmUpOptions;
  #wake: (() => void) | undefined;
  #isWanted = false;
  #isStarted = false;

  constructor(options: WarmUpOptions) {
    this.#options = options;
  }

  /** The node is at work. */
  start(): void {
    if (this.#isStarted) return;
    this.#isStarted = true;
    this.#want();
  }

  /** The cache was cleared. */
  again(): void {
    if (this.#isStarted) this.#want();
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.#options;
    const stop = () => this.#wake?.();
    signal.addEventListener('abort', stop);
    while (!signal.aborted) {
      await this.#wanted();
      try {
        if (!signal.aborted) await this.#fillAll(signal);
      } catch (error) {
        if (signal.aborted) break;
        logger.warn({ reason: messageOf(error), retryMs: RETRY_MS }, 'entries stay in storage');
        await sleep(clock, RETRY_MS, signal);
        this.#want();
      }
    }
    signal.removeEventListener('abort', stop);
  }

  async #fillAll(signal: AbortSignal): Promise<void> {
    const { table, entries, clock, logger } = this.#options;
    if (!entries.fits) return;
    const begun = clock.monotonic();
    let count = 0;
    for (const partition of table.states().keys()) {
      if (entries.whole(partition)) continue;
      const filled = await this.#fill(partition, signal);
      if (filled === undefined) {
        if (entries.full) logger.info({ entries: count }, 'not all entries fit into memory');
        return;
      }
      count += filled;
    }
    if (count === 0) return;
    const seconds = Math.round(clock.monotonic() - begun) / 1_000;
    logger.info({ entries: count, seconds }, 'entries are in memory');
  }

  /** How many entries were looked at, undefined where it could not be ended. */
  async #fill(partition: number, signal: AbortSignal): Promise<number | undefined> {
    const { table, entries, clock } = this.#options;
    const warming = entries.warming(partition);
    let since = clock.monotonic();
    const pace = async () => {
      const worked = clock.monotonic() - since;
      await sleep(clock, Math.min(REST_MS_MAX, worked * (1 / SHARE - 1)), signal);
      signal.throwIfAborted();
      since = clock.monotonic();
    };
    let count = 0;
    for await (const pairs of table.scan(partition, warming.generation, pace)) {
      if (!entries.warm(warming, pairs)) return undefined;
      count += pairs.length;
      await pace();
    }
    entries.warmed(warming);
    return count;
  }

  #want(): void {
    this.#isWanted = true;
    this.#wake?.();
  }

  async #wanted(): Promise<void> {
    if (!this.#isWanted) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
    this.#isWanted = false;
  }
}
