import type { Entry } from '../entry.ts';

/** Two cells for each key that may come. */
const LOAD = 2;

/** The newest entry of each key of a batch, in the order in which the keys were first met. */
export class NewestByKey {
  readonly keys: Buffer[] = [];
  readonly entries: Entry[] = [];
  readonly #hashes: number[] = [];
  /** Places in `keys`, counted from 1; 0 is a free cell. Open addressing: the next cell where one is taken. */
  readonly #cells: Int32Array;
  readonly #mask: number;

  /** @param keysMax how many keys may come */
  constructor(keysMax: number) {
    const cells = 2 ** Math.ceil(Math.log2(Math.max(1, keysMax * LOAD)));
    this.#cells = new Int32Array(cells);
    this.#mask = cells - 1;
  }

  /** @param hash of the key, the same for the same bytes */
  set(key: Buffer, hash: number, entry: Entry): void {
    const { keys, entries } = this;
    for (let cell = hash & this.#mask; ; cell = (cell + 1) & this.#mask) {
      const place = (this.#cells[cell] as number) - 1;
      if (place < 0) {
        this.#cells[cell] = keys.push(key);
        this.#hashes.push(hash);
        entries.push(entry);
        return;
      }
      if (this.#hashes[place] === hash && key.equals(keys[place] as Buffer)) {
        entries[place] = entry;
        return;
      }
    }
  }
}
