/** Something that several subjects of a case use: started for the first, closed after the last. */
export class Shared<T extends { close(): Promise<void> }> {
  readonly #start: () => Promise<T>;
  #started: Promise<T> | undefined;
  #users = 0;

  constructor(start: () => Promise<T>) {
    this.#start = start;
  }

  async take(): Promise<T> {
    this.#users++;
    this.#started ??= this.#start();
    return this.#started;
  }

  async release(): Promise<void> {
    if (--this.#users > 0) return;
    const started = this.#started;
    this.#started = undefined;
    await (await started)?.close();
  }
}
