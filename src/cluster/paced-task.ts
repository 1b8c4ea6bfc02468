import type { Clock } from '../clock.ts';

export interface PacedTaskOptions {
  readonly clock: Clock;
  /** Never runs twice at a time. May reject: it runs again at its next time. */
  readonly run: () => Promise<void>;
  /** Runs at least this often. */
  readonly everyMs: number;
  /** From the end of one run to the next, however often it is asked for. */
  readonly gapMs: number;
  readonly failed: (error: unknown) => void;
}

/** Something to be done again and again, and soon when asked; many askings make one run. */
export class PacedTask {
  readonly #options: PacedTaskOptions;
  #running = false;
  #resting = false;
  #asked = false;
  #closed = false;
  #cancel = () => {};

  constructor(options: PacedTaskOptions) {
    this.#options = options;
  }

  /** Runs at once, or right after the run under way and its gap. */
  ask(): void {
    this.#asked = true;
    if (!this.#running && !this.#resting && !this.#closed) void this.#run();
  }

  /** No further run begins. */
  close(): void {
    this.#closed = true;
    this.#cancel();
  }

  async #run(): Promise<void> {
    const { clock, run, gapMs, everyMs, failed } = this.#options;
    this.#cancel();
    this.#running = true;
    this.#asked = false;
    try {
      await run();
    } catch (error) {
      failed(error);
    }
    this.#running = false;
    if (this.#closed) return;
    this.#resting = true;
    this.#cancel = clock.after(gapMs, () => {
      this.#resting = false;
      if (this.#asked) return this.ask();
      this.#cancel = clock.after(Math.max(0, everyMs - gapMs), () => this.ask());
    });
  }
}
