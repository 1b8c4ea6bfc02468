/** Answers up to this size cost so little that they never wait. */
const SMALL_BYTES_MAX = 65_536;
/** What may be made of larger ones between two looks at the network. */
const TURN_BYTES_MAX = 1_048_576;

/** Large answers are made in turns, so that small ones do not wait behind all of them. */
export class AnswerTurns {
  readonly #waiting: (() => void)[] = [];
  #left = TURN_BYTES_MAX;
  #renews = false;

  /** undefined: at once; else resolves when it is the turn of an answer of so many bytes. */
  take(bytes: number): Promise<void> | undefined {
    if (bytes <= SMALL_BYTES_MAX) return undefined;
    if (this.#left > 0 && this.#waiting.length === 0) {
      this.#spend(bytes);
      return undefined;
    }
    return new Promise((resolve) => {
      this.#waiting.push(() => {
        this.#spend(bytes);
        resolve();
      });
    });
  }

  #spend(bytes: number): void {
    this.#left -= bytes;
    if (this.#renews) return;
    this.#renews = true;
    setImmediate(() => this.#renew());
  }

  #renew(): void {
    this.#renews = false;
    this.#left = TURN_BYTES_MAX;
    while (this.#left > 0) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      next();
    }
  }
}
