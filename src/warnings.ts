/** What `/status` warns of: one line for each unsafe thing, by a stable name, in the order of coming up. */
export class Warnings {
  readonly #lines = new Map<string, readonly string[]>();

  /** Sets what a name warns of; nothing where it no longer does. */
  set(name: string, ...lines: readonly (string | undefined)[]): void {
    const given = lines.filter((line) => line !== undefined);
    if (given.length === 0) this.#lines.delete(name);
    else this.#lines.set(name, given);
  }

  all(): readonly string[] {
    return [...this.#lines.values()].flat();
  }
}
