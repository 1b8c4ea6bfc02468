type Closer = () => void | Promise<void>;

/** What was opened, closed in reverse. A closer that fails is reported and the rest still run. */
export class CloseStack {
  readonly #closers: { name: string; close: Closer }[] = [];
  readonly #report: (name: string, error: unknown) => void;

  constructor(report: (name: string, error: unknown) => void) {
    this.#report = report;
  }

  push(name: string, close: Closer): void {
    this.#closers.push({ name, close });
  }

  async close(): Promise<void> {
    for (let next = this.#closers.pop(); next !== undefined; next = this.#closers.pop()) {
      try {
        await next.close();
      } catch (error) {
        this.#report(next.name, error);
      }
    }
  }
}
