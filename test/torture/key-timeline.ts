interface Moment {
  readonly at: number;
  readonly offset: number;
}

/** The newest offset that is known from `at` on, first told at `since`. */
interface Known extends Moment {
  readonly since: number;
}

/** When which offset of a key became known: answers what was the newest before a moment. */
export class KeyTimeline {
  readonly #byKey = new Map<string, Moment[]>();
  readonly #ordered = new Map<string, readonly Known[]>();

  add(key: string, at: number, offset: number): void {
    const moments = this.#byKey.get(key);
    if (moments === undefined) this.#byKey.set(key, [{ at, offset }]);
    else moments.push({ at, offset });
    this.#ordered.delete(key);
  }

  /** The newest offset that was known before `at`; undefined: none. */
  newestBefore(key: string, at: number): Known | undefined {
    const moments = this.#inOrder(key);
    let low = 0;
    let high = moments.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((moments[middle] as Known).at < at) low = middle + 1;
      else high = middle;
    }
    return moments[low - 1];
  }

  #inOrder(key: string): readonly Known[] {
    const done = this.#ordered.get(key);
    if (done !== undefined) return done;
    const ordered: Known[] = [];
    let newest: Known | undefined;
    for (const { at, offset } of (this.#byKey.get(key) ?? []).toSorted((a, b) => a.at - b.at)) {
      if (newest === undefined || offset > newest.offset) newest = { at, offset, since: at };
      ordered.push({ ...newest, at });
    }
    this.#ordered.set(key, ordered);
    return ordered;
  }
}
