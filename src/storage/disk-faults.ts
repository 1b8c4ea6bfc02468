/** Which parts of a node cannot write to their storage, for `/health` and for warnings. */
export class DiskFaults {
  readonly #warn: (name: string, line: string | undefined) => void;
  readonly #failing = new Set<string>();

  constructor(warn: (name: string, line: string | undefined) => void) {
    this.#warn = warn;
  }

  /** Whether all storage takes writes. */
  get none(): boolean {
    return this.#failing.size === 0;
  }

  /** `line`: what to warn of; undefined: the part works again. */
  set(part: string, line: string | undefined): void {
    if (line === undefined) this.#failing.delete(part);
    else this.#failing.add(part);
    this.#warn(part, line);
  }
}
